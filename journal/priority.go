package journal

import (
	"math/bits"
	"strconv"
	"strings"
)

// Priority is the severity of an entry, as syslog counts it: the smaller the
// number, the worse.
type Priority uint8

// The priorities of the field PRIORITY, by the names that journalctl gives
// them.
const (
	Emerg Priority = iota
	Alert
	Crit
	Err
	Warning
	Notice
	Info
	Debug
)

var priorityNames = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// String returns journalctl's name for p, such as "err"; the number where p is
// none of the eight.
func (p Priority) String() string {
	if int(p) < len(priorityNames) {
		return priorityNames[p]
	}
	return strconv.Itoa(int(p))
}

// ParsePriority parses one priority: a name such as "err", or its number "0"
// to "7". The error is a [*SyntaxError].
func ParsePriority(s string) (Priority, error) {
	if p, ok := lookupPriority(s); ok {
		return p, nil
	}
	return 0, &SyntaxError{What: "priority", Input: s, Reason: priorityWanted}
}

const priorityWanted = "want one of emerg, alert, crit, err, warning, notice, info, debug, or 0 to 7"

func lookupPriority(s string) (Priority, bool) {
	for i, name := range priorityNames {
		if s == name {
			return Priority(i), true
		}
	}
	if len(s) == 1 && '0' <= s[0] && s[0] <= '7' {
		return Priority(s[0] - '0'), true
	}
	return 0, false
}

// Priorities is a set of priorities to ask for. The zero value and the set of
// all eight ask for every entry, also for those without the field PRIORITY, as
// `journalctl -p debug` of systemd 252 does (257 leaves those out); any other
// set only matches entries that have the field.
type Priorities uint8

// AtLeast returns the set of p and all that is worse: AtLeast(Err) is emerg to
// err, as `journalctl -p err`.
func AtLeast(p Priority) Priorities { return Between(Emerg, p) }

// Between returns the set of all priorities from a to b, both included, in
// either order, as `journalctl -p a..b`.
func Between(a, b Priority) Priorities {
	var set Priorities
	for p := min(a, b); p <= min(max(a, b), Debug); p++ {
		set |= 1 << p
	}
	return set
}

// ParsePriorities parses what `journalctl --priority=` takes: one priority,
// which stands for itself and all that is worse, or a range "a..b" with both
// ends included, in either order. The error is a [*SyntaxError].
func ParsePriorities(s string) (Priorities, error) {
	from, to, isRange := strings.Cut(s, "..")
	a, ok := lookupPriority(from)
	if !ok {
		return 0, &SyntaxError{What: "priority", Input: s, Reason: priorityWanted}
	}
	if !isRange {
		return AtLeast(a), nil
	}
	b, ok := lookupPriority(to)
	if !ok {
		return 0, &SyntaxError{What: "priority", Input: s, Offset: int64(len(from) + len("..")), Reason: priorityWanted}
	}
	return Between(a, b), nil
}

// Has reports whether the set asks for p; the zero value asks for all.
func (s Priorities) Has(p Priority) bool { return s == 0 || s>>p&1 == 1 }

// String returns the set as [ParsePriorities] reads it, such as "err..info";
// sets with holes as a list, "err,debug"; the empty string for the zero value.
func (s Priorities) String() string {
	if s == 0 {
		return ""
	}
	low := Priority(bits.TrailingZeros8(uint8(s)))
	high := Priority(bits.Len8(uint8(s)) - 1)
	if s.contiguous() {
		return low.String() + ".." + high.String()
	}
	var names []string
	for p := low; p <= high; p++ {
		if s.Has(p) {
			names = append(names, p.String())
		}
	}
	return strings.Join(names, ",")
}

// selects reports whether the set leaves anything out.
func (s Priorities) selects() bool { return s != 0 && s != Between(Emerg, Debug) }

// contiguous reports whether the set is a range with nothing left out.
func (s Priorities) contiguous() bool {
	return s != 0 && s == Between(Priority(bits.TrailingZeros8(uint8(s))), Priority(bits.Len8(uint8(s))-1))
}
