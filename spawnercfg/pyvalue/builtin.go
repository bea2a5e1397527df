package pyvalue

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Truth returns the value of Python's bool(v).
func (v Value) Truth() bool {
	switch d := v.data.(type) {
	case bool:
		return d
	case int64:
		return d != 0
	case *big.Int:
		return d.Sign() != 0
	case float64:
		return d != 0
	case string:
		return d != ""
	}
	return v.Len() > 0
}

// Text returns the value of Python's str(v): a str itself, and any other value
// as [Value.String] has it.
func (v Value) Text() string {
	if s, ok := v.Str(); ok {
		return s
	}
	return v.String()
}

// Index returns the value of an int or a bool, as Python's operator.index
// does: True is 1.
func (v Value) Index() (*big.Int, bool) {
	i := v.integer()
	if i == nil {
		return nil, false
	}
	return new(big.Int).Set(i), true
}

// Iterate returns the items of a Python loop over v: elements, keys of a dict,
// characters of a str as str, bytes of a bytes as int. Those of a set are in
// the order of [Set]'s arguments; Python's own order changes from run to run.
// It reports false for a value that is not iterable.
func (v Value) Iterate() (_ []Value, ok bool) {
	var out []Value
	switch d := v.data.(type) {
	case []Value:
		return slices.Clone(d), true
	case []Item:
		for _, it := range d {
			out = append(out, it.Key)
		}
		return out, true
	case string:
		if v.kind == BytesKind {
			for _, b := range []byte(d) {
				out = append(out, Int(int64(b)))
			}
			return out, true
		}
		for _, r := range d {
			out = append(out, Str(string(r)))
		}
		return out, true
	}
	return nil, false
}

// Truncate returns the value of Python's int(f), or the exception that it
// raises for NaN and the infinities.
func Truncate(f float64) (*big.Int, *Exception) {
	switch {
	case math.IsInf(f, 0):
		return nil, Raise("OverflowError", "cannot convert float infinity to integer")
	case math.IsNaN(f):
		return nil, Raise("ValueError", "cannot convert float NaN to integer")
	}
	i, _ := big.NewFloat(f).Int(nil)
	return i, nil
}

var (
	decimalFloat = regexp.MustCompile(`^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)([eE][+-]?\d+(_\d+)*)?$`)
	namedFloat   = regexp.MustCompile(`^(?i)[+-]?(inf|infinity|nan)$`)
)

// ParseFloat parses s as Python's float(s) does: it accepts surrounding white
// space, decimal digits of every script, underscores between digits, and the
// names of NaN and the infinities.
func ParseFloat(s string) (float64, bool) {
	s = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII && unicode.Is(unicode.Nd, r) {
			return '0' + Digit(r)
		}
		return r
	}, strings.TrimFunc(s, IsSpace))
	if !decimalFloat.MatchString(s) && !namedFloat.MatchString(s) {
		return 0, false
	}
	if strings.EqualFold(strings.TrimLeft(s, "+-"), "nan") {
		return math.NaN(), true // with a sign, which ParseFloat does not take
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange)
}

// Digit returns the value of a decimal digit of any script, a rune of the
// category Nd. Unicode keeps the digits
// of a script together, in order, from a zero that starts a run of ten.
func Digit(r rune) rune {
	for _, run := range unicode.Nd.R16 {
		if lo := rune(run.Lo); r >= lo && r <= rune(run.Hi) {
			return (r - lo) % 10
		}
	}
	for _, run := range unicode.Nd.R32 {
		if lo := rune(run.Lo); r >= lo && r <= rune(run.Hi) {
			return (r - lo) % 10
		}
	}
	return 0
}

// IsSpace reports whether str.strip and str.split treat r as white space: that
// of Unicode, and the four separators of ASCII.
func IsSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}
