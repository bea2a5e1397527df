package cli

import (
	"errors"
	"flag"
	"slices"
	"strings"
	"time"
)

// Optional is the value of a flag that may stand alone: it takes the argument
// behind it only if that looks like a value.
type Optional interface {
	flag.Value
	IsBoolFlag() bool // true: package flag takes the flag alone for "true"
	Takes(arg string) bool
}

// Alias gives a flag a second name; help shows both on one line.
func Alias(flags *flag.FlagSet, name, alias string) {
	f := flags.Lookup(name)
	flags.Var(f.Value, alias, f.Usage)
}

// parse reads flags as an administrator types them: before, between and after
// the positional arguments, and with the letters joined as in -fn20. Package
// flag by itself stops at the first positional argument and splits no letters.
// Everything after -- is positional.
func parse(flags *flag.FlagSet, args []string) (positional []string, err error) {
	for len(args) > 0 {
		switch {
		case args[0] == "--":
			return append(positional, args[1:]...), nil
		case !isFlag(args[0]):
			positional, args = append(positional, args[0]), args[1:]
			continue
		}
		f, value, rest, err := next(flags, args)
		if err != nil {
			return nil, err
		}
		if value == "" {
			// Of an unset variable, as in --since "$SINCE": the default is not meant.
			return nil, Usage("%s: what? it takes a value", dash(f.Name))
		}
		if err := flags.Set(f.Name, value); err != nil {
			return nil, Usage("%s %q: %s", dash(f.Name), value, reason(f.Value, err))
		}
		args = rest
	}
	return positional, nil
}

func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// next takes the flag off the start of args, which is one, and its value.
func next(flags *flag.FlagSet, args []string) (f *flag.Flag, value string, rest []string, err error) {
	arg, rest := args[0], args[1:]
	name, value, has := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	if f = flags.Lookup(name); f == nil && arg[1] != '-' {
		if f = flags.Lookup(arg[1:2]); f != nil {
			value, has = arg[2:], true
			if !takes(f, value) {
				return f, "true", append([]string{"-" + value}, rest...), nil
			}
		}
	}
	switch {
	case f == nil && (name == "help" || name == "h"):
		return nil, "", nil, flag.ErrHelp
	case f == nil:
		return nil, "", nil, Usage("unknown flag %s", strings.SplitN(arg, "=", 2)[0])
	case has:
		return f, value, rest, nil
	case len(rest) > 0 && takes(f, rest[0]):
		return f, rest[0], rest[1:], nil
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		return f, "true", rest, nil
	}
	return nil, "", nil, Usage("%s: what? it takes a value", arg)
}

// takes tells whether an argument is the flag's value.
func takes(f *flag.Flag, arg string) bool {
	if o, ok := f.Value.(Optional); ok {
		return o.Takes(arg)
	}
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return !ok || !b.IsBoolFlag()
}

// reason says what is wrong with a value, where package flag says "parse
// error".
func reason(v flag.Value, err error) string {
	if getter, ok := v.(flag.Getter); ok {
		switch getter.Get().(type) {
		case time.Duration:
			return "not a duration such as 30s, 5m or 1h"
		case int, int64, uint, uint64, float64:
			return "not a number"
		case bool:
			return "neither true nor false"
		}
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return err.Error()
}

// dashed returns all names of a flag as they are typed, the short one first.
func dashed(flags *flag.FlagSet, f *flag.Flag) []string {
	var names []string
	flags.VisitAll(func(other *flag.Flag) {
		if other.Value == f.Value {
			names = append(names, dash(other.Name))
		}
	})
	slices.SortStableFunc(names, func(a, b string) int { return len(a) - len(b) })
	return names
}

func dash(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
