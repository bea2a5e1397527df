package journal

import (
	"strconv"
	"strings"
)

// Match is a condition on the fields of an entry, built by [Field], [All] and
// [Any]. The zero value holds for every entry.
type Match struct {
	kind  matchKind
	name  string  // of a field or a glob
	value string  // of a field; the pattern of a glob
	parts []Match // of all and any
}

type matchKind uint8

const (
	matchAll matchKind = iota
	matchAny
	matchField
	matchGlob
)

// Field returns the condition that an entry has the field name with exactly
// this value. The names are journald's: capital letters, digits and
// underscores. A value may hold any bytes. Where a field occurs more than
// once, one of its values is enough.
func Field(name, value string) Match {
	return Match{kind: matchField, name: name, value: value}
}

// All returns the condition that every part holds; without parts, it always
// does.
func All(parts ...Match) Match { return Match{kind: matchAll, parts: parts} }

// Any returns the condition that at least one part holds; without parts, it
// never does.
func Any(parts ...Match) Match { return Match{kind: matchAny, parts: parts} }

// glob returns the condition that a value of the field matches the pattern,
// in the syntax of [matchGlobPattern].
func glob(name, pattern string) Match {
	return Match{kind: matchGlob, name: name, value: pattern}
}

// always reports whether the condition holds for every entry.
func (m Match) always() bool { return m.kind == matchAll && len(m.parts) == 0 }

// String renders the condition for people, as systemd logs a match:
// (PRIORITY=3 AND (A=1 OR B=2)).
func (m Match) String() string {
	switch m.kind {
	case matchField:
		return m.name + "=" + printable(m.value)
	case matchGlob:
		return m.name + "~" + printable(m.value)
	}
	op, none := " AND ", "TRUE"
	if m.kind == matchAny {
		op, none = " OR ", "FALSE"
	}
	if len(m.parts) == 0 {
		return none
	}
	s := make([]string, len(m.parts))
	for i, p := range m.parts {
		s[i] = p.String()
	}
	if len(s) == 1 {
		return s[0]
	}
	return "(" + strings.Join(s, op) + ")"
}

// printable quotes a value where it would not stand for itself in a line of
// text.
func printable(s string) string {
	if q := strconv.Quote(s); q[1:len(q)-1] != s || strings.ContainsAny(s, " ()") {
		return q
	}
	return s
}

// validate returns what is wrong with the field names in m, nil if nothing
// is.
func (m Match) validate() error {
	if m.kind == matchField || m.kind == matchGlob {
		return checkFieldName(m.name)
	}
	for _, p := range m.parts {
		if err := p.validate(); err != nil {
			return err
		}
	}
	return nil
}

// checkFieldName refuses what journald never stores as a field: libsystemd
// refuses the same in sd_journal_add_match(3).
func checkFieldName(name string) error {
	const maxName = 64 // journald's own limit, journal_field_valid
	bad := func(reason string) error {
		return &SyntaxError{What: "field name", Input: name, Reason: reason}
	}
	switch {
	case name == "":
		return &SyntaxError{What: "field name", Reason: "is empty"}
	case len(name) > maxName:
		return bad("is longer than 64 bytes")
	case strings.HasPrefix(name, "__"):
		return bad("is no field of an entry: those with two underscores are asked for by time or cursor")
	}
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return &SyntaxError{What: "field name", Input: name, Offset: int64(i), Reason: "want capital letters, digits and underscores"}
		}
	}
	return nil
}

// holds reports whether the condition holds for the entry, by its content.
func (m Match) holds(e *Entry) bool {
	switch m.kind {
	case matchField:
		for v := range e.Values(m.name) {
			if string(v) == m.value {
				return true
			}
		}
		return false
	case matchGlob:
		for v := range e.Values(m.name) {
			if matchGlobPattern(m.value, v) {
				return true
			}
		}
		return false
	case matchAny:
		for _, p := range m.parts {
			if p.holds(e) {
				return true
			}
		}
		return false
	default:
		for _, p := range m.parts {
			if !p.holds(e) {
				return false
			}
		}
		return true
	}
}
