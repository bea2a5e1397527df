package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Args returns the arguments with which journalctl, of systemd 219 and later,
// exports the entries that [Journal.Entries] yields for q; [ReadExport] reads
// them. It is the way to another host's journal:
//
//	exec.CommandContext(ctx, "ssh", host, journal.CommandLine(append([]string{"journalctl"}, args...)...))
//
// With After, the entry at the cursor may come first, and is to be passed over:
// the arguments say --cursor=, as for From, since --after-cursor= of systemd 252
// loses an entry where the one at the cursor is not itself asked for.
//
// Every value of the query is data, whatever it holds: none can become another
// option or another match. With "--follow" behind them, the arguments follow.
//
// What journalctl cannot be asked is refused, with an error that matches
// [errors.ErrUnsupported] and names it: Grep, whose syntax is another one;
// After or From together with Since, Newest or Reverse; Newest together with Since or
// Until, unless Reverse is set; a user unit by a pattern; an All of different
// conditions on one field; and a value with a NUL byte. A query that is wrong
// is refused as by Entries. journalctl itself fails where no unit matches a
// pattern of Units, and not all versions count the core dumps of a user unit.
func (q Query) Args() ([]string, error) {
	args, err := q.args()
	if err != nil {
		return nil, &Error{Op: "render for journalctl", Err: err}
	}
	return args, nil
}

// CommandLine returns the words as one line that a POSIX shell reads as
// exactly these words: what an SSH client needs, since the other host's shell
// reads the command.
func CommandLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if w == "" || !only(w, "0123456789"+letters+"-_=.,:/@%+") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted[i] = w
	}
	return strings.Join(quoted, " ")
}

func (q Query) args() ([]string, error) {
	if _, err := q.condition(""); err != nil {
		return nil, &invalidError{err}
	}
	cursor := cmp.Or(q.After, q.From)
	if cursor != "" {
		if _, err := parseCursor(cursor); err != nil {
			return nil, &invalidError{err}
		}
	}
	bounded := !q.Since.IsZero() || !q.Until.IsZero()
	switch {
	case q.Grep != nil:
		return nil, unsupported("Grep; match the MESSAGE of what ReadExport yields")
	case q.After != "" && q.From != "":
		return nil, &invalidError{errors.New("both After and From are set")}
	case cursor != "" && (!q.Since.IsZero() || q.Newest > 0 || q.Reverse):
		return nil, unsupported("After or From together with Since, Newest or Reverse")
	case q.Newest > 0 && bounded && !q.Reverse:
		// journalctl up to 253 counts from Since on, and from the end also
		// where that is beyond Until.
		return nil, unsupported("Newest together with Since or Until; set Reverse")
	}
	alternatives, err := q.positional()
	if err != nil {
		return nil, err
	}

	args := []string{"--output=export", "--all", "--quiet", "--no-pager"}
	if len(alternatives) == 0 || !q.Since.IsZero() && !q.Until.IsZero() && q.Since.After(q.Until) {
		// Nothing satisfies the query; journalctl would call it wrong.
		return append(args, "--lines=0"), nil
	}
	if q.Reverse {
		args = append(args, "--reverse")
	}
	if q.Newest > 0 {
		args = append(args, "--lines="+strconv.Itoa(q.Newest))
	}
	if cursor != "" {
		args = append(args, "--cursor="+cursor)
	}
	if !q.Since.IsZero() {
		args = append(args, "--since="+unixTime(q.Since.UnixMicro()))
	}
	if !q.Until.IsZero() {
		args = append(args, "--until="+unixTime(q.Until.UnixMicro()))
	}
	if q.Priorities.selects() && q.Priorities.contiguous() {
		args = append(args, "--priority="+q.Priorities.String())
	}
	if len(q.UserUnits) == 0 {
		for _, name := range q.Units {
			args = append(args, "--unit="+name)
		}
	}
	for _, id := range q.Identifiers {
		args = append(args, "--identifier="+id)
	}
	for i, a := range alternatives {
		if i > 0 {
			args = append(args, "+")
		}
		for _, c := range a {
			for _, value := range c.values {
				args = append(args, c.field+"="+value)
			}
		}
	}
	for _, arg := range args {
		if strings.IndexByte(arg, 0) >= 0 {
			return nil, unsupported("a value with a NUL byte")
		}
	}
	return args, nil
}

// positional returns the part of the query that journalctl has no option for,
// or none that means the same, as the matches that stand behind the options.
func (q Query) positional() ([]alternative, error) {
	// --boot= fails where the journal has nothing of the boot.
	rest := Query{Boot: q.Boot, Match: q.Match}
	if len(q.UserUnits) > 0 {
		// --user-unit= only knows the units of who runs journalctl.
		rest.UserUnits, rest.Units = q.UserUnits, q.Units
	}
	if !q.Priorities.contiguous() {
		rest.Priorities = q.Priorities
	}
	m, err := rest.condition("")
	if err != nil {
		return nil, &invalidError{err}
	}
	alternatives, err := disjunction(m)
	for _, a := range alternatives {
		if len(a) == 0 {
			// It always holds, whatever the others say.
			return []alternative{nil}, err
		}
	}
	return alternatives, err
}

// alternative is a group of matches on the command line, between two plus
// signs: an entry must satisfy each of its clauses.
type alternative []clause

// clause asks for one of the values of a field: on the command line, matches
// on the same field.
type clause struct {
	field  string
	values []string
}

// disjunction returns the condition as alternatives, of which one must hold.
func disjunction(m Match) ([]alternative, error) {
	switch m.kind {
	case matchField:
		return []alternative{{{m.name, []string{m.value}}}}, nil
	case matchGlob:
		return nil, unsupported("a user unit by a pattern")
	case matchAny:
		var any []alternative
		for _, part := range m.parts {
			more, err := disjunction(part)
			if err != nil {
				return nil, err
			}
			any = append(any, more...)
		}
		return joinValues(any), nil
	default:
		all := []alternative{nil}
		for _, part := range m.parts {
			factor, err := disjunction(part)
			if err != nil {
				return nil, err
			}
			if all, err = product(all, factor); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
}

// joinValues makes one alternative of those that differ only in the value of
// their one field.
func joinValues(alternatives []alternative) []alternative {
	var joined []alternative
	at := make(map[string]int) // of a field in joined
	for _, a := range alternatives {
		if len(a) != 1 {
			joined = append(joined, a)
			continue
		}
		i, ok := at[a[0].field]
		if !ok {
			i = len(joined)
			at[a[0].field] = i
			joined = append(joined, alternative{{field: a[0].field}})
		}
		c := &joined[i][0]
		for _, v := range a[0].values {
			if !slices.Contains(c.values, v) {
				c.values = append(c.values, v)
			}
		}
	}
	return joined
}

// product returns the alternatives of which one holds where one of a and one
// of b do.
func product(a, b []alternative) ([]alternative, error) {
	// Beyond, the command line grows too long for some systems.
	const most = 1000
	if len(a)*len(b) > most {
		return nil, unsupported("a condition with so many combinations")
	}
	var all []alternative
	for _, x := range a {
		for _, y := range b {
			both := slices.Clone(x)
			for _, c := range y {
				i := slices.IndexFunc(both, func(d clause) bool { return d.field == c.field })
				if i < 0 {
					both = append(both, c)
				} else if !slices.Equal(both[i].values, c.values) {
					return nil, unsupported("different conditions on the field " + c.field + " at once")
				}
			}
			all = append(all, both)
		}
	}
	return all, nil
}

// unixTime renders microseconds since 1970 for --since= and --until=.
func unixTime(usec int64) string {
	usec = max(usec, 0)
	return fmt.Sprintf("@%d.%06d", usec/1e6, usec%1e6)
}

func unsupported(what string) error {
	return fmt.Errorf("journalctl cannot be asked for %s: %w", what, errors.ErrUnsupported)
}
