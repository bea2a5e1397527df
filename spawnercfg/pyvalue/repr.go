package pyvalue

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Errors of [Value.Python] and [Value.NoControl]. Use errors.Is to check for
// them.
var (
	// ErrNotUTF8 reports a str that is not valid UTF-8. Python would decode the
	// byte to a lone surrogate, which breaks every later use of the str.
	ErrNotUTF8 = errors.New("not valid UTF-8")
	// ErrNUL reports a str that contains NUL, which a path, an argument or an
	// environment variable cannot.
	ErrNUL = errors.New("contains NUL")
	// ErrControl reports a str that contains a control character.
	ErrControl = errors.New("contains a control character")
	// ErrNotFinite reports NaN or an infinity, which have no literal.
	ErrNotFinite = errors.New("is not a finite number")
	// ErrNoValue reports the zero Value.
	ErrNoValue = errors.New("is not a value")
	// ErrUnhashable reports a list, dict or set that is a key of a dict or an
	// element of a set.
	ErrUnhashable = errors.New("cannot be a key of a dict or an element of a set")
)

// Python returns the literal that represents the value. It is CPython's repr
// except for layout, sets and some characters: a list, tuple or set with two or
// more elements, and every dict, has one line per element and a trailing comma,
// so that a change of one element is a change of one line; the elements of a
// set are sorted; characters that do not print, including bidirectional
// controls, are escaped.
//
// The error is [ErrNotUTF8], [ErrNUL], [ErrNotFinite], [ErrNoValue] or
// [ErrUnhashable], wrapped with its place in the value.
func (v Value) Python() (string, error) {
	b, err := v.AppendPython(nil, "")
	return string(b), err
}

// AppendPython appends the literal of [Value.Python] to dst. Every line after
// the first starts with indent.
func (v Value) AppendPython(dst []byte, indent string) ([]byte, error) {
	return v.appendPython(dst, indent, true)
}

// String returns the value on one line, for messages. It is not always a
// literal: NaN is nan, and the zero Value is <no value>.
func (v Value) String() string {
	b, _ := v.appendPython(nil, "", false)
	return string(b)
}

// appendPython writes a literal on several lines if block is set, and otherwise
// any value on one line.
func (v Value) appendPython(dst []byte, indent string, block bool) ([]byte, error) {
	switch v.kind {
	case NoKind:
		return append(dst, "<no value>"...), ErrNoValue
	case NoneKind:
		return append(dst, "None"...), nil
	case BoolKind:
		if v.data.(bool) {
			return append(dst, "True"...), nil
		}
		return append(dst, "False"...), nil
	case IntKind:
		i, _ := v.BigInt()
		return i.Append(dst, 10), nil
	case FloatKind:
		return appendFloat(dst, v.data.(float64))
	case StrKind:
		return appendStr(dst, v.data.(string))
	case BytesKind:
		return appendBytes(dst, v.data.(string)), nil
	case ListKind:
		return appendElems(dst, indent, block, "[", "]", v.data.([]Value), false)
	case TupleKind:
		return appendElems(dst, indent, block, "(", ")", v.data.([]Value), false)
	case SetKind:
		elems := v.data.([]Value)
		if len(elems) == 0 {
			return append(dst, "set()"...), nil
		}
		return appendElems(dst, indent, block, "{", "}", sorted(elems), true)
	}
	return appendDict(dst, indent, block, v.data.([]Item))
}

const tab = "    "

func appendElems(dst []byte, indent string, block bool, open, end string, elems []Value, hashed bool) ([]byte, error) {
	dst = append(dst, open...)
	var failed error
	lines := block && len(elems) > 1
	for i, e := range elems {
		if lines {
			dst = append(append(append(dst, '\n'), indent...), tab...)
		}
		var err error
		dst, err = e.appendPython(dst, indent+tab, block)
		if err == nil && hashed && !e.Hashable() {
			err = ErrUnhashable
		}
		if err != nil && failed == nil {
			failed = fmt.Errorf("element %d: %w", i, err)
		}
		switch {
		case lines, len(elems) == 1 && open == "(":
			dst = append(dst, ',')
		case i < len(elems)-1:
			dst = append(dst, ", "...)
		}
	}
	if lines {
		dst = append(append(dst, '\n'), indent...)
	}
	return append(dst, end...), failed
}

func appendDict(dst []byte, indent string, block bool, items []Item) ([]byte, error) {
	dst = append(dst, '{')
	var failed error
	lines := block && len(items) > 0
	for i, it := range items {
		if lines {
			dst = append(append(append(dst, '\n'), indent...), tab...)
		}
		var kerr, verr error
		dst, kerr = it.Key.appendPython(dst, indent+tab, block)
		if kerr == nil && !it.Key.Hashable() {
			kerr = ErrUnhashable
		}
		dst = append(dst, ": "...)
		dst, verr = it.Value.appendPython(dst, indent+tab, block)
		switch {
		case failed != nil:
		case kerr != nil:
			failed = fmt.Errorf("key %s: %w", it.Key, kerr)
		case verr != nil:
			failed = fmt.Errorf("value of %s: %w", it.Key, verr)
		}
		switch {
		case lines:
			dst = append(dst, ',')
		case i < len(items)-1:
			dst = append(dst, ", "...)
		}
	}
	if lines {
		dst = append(append(dst, '\n'), indent...)
	}
	return append(dst, '}'), failed
}

// appendFloat writes a float as float_repr does: the shortest digits that
// read back, an exponent below 1e-4 and from 1e16 on.
func appendFloat(dst []byte, f float64) ([]byte, error) {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...), ErrNotFinite
	case math.IsInf(f, 1):
		return append(dst, "inf"...), ErrNotFinite
	case math.IsInf(f, -1):
		return append(dst, "-inf"...), ErrNotFinite
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64), nil
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !strings.Contains(string(dst[start:]), ".") {
		dst = append(dst, ".0"...)
	}
	return dst, nil
}

// quoteFor returns the quote that repr chooses.
func quoteFor(s string) byte {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return '"'
	}
	return '\''
}

// appendStr writes a str as unicode_repr does, and also escapes what Go's
// tables do not call printable, so that no text can look like other text.
func appendStr(dst []byte, s string) ([]byte, error) {
	quote := quoteFor(s)
	dst = append(dst, quote)
	var failed error
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			failed = fmt.Errorf("byte %d: %w", i, ErrNotUTF8)
			dst = fmt.Appendf(dst, `\x%02x`, s[i])
		case r < utf8.RuneSelf:
			if r == 0 && failed == nil {
				failed = fmt.Errorf("byte %d: %w", i, ErrNUL)
			}
			dst = appendASCII(dst, byte(r), quote)
		case unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		case r <= 0xff:
			dst = fmt.Appendf(dst, `\x%02x`, r)
		case r <= 0xffff:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		}
		i += n
	}
	return append(dst, quote), failed
}

func appendBytes(dst []byte, s string) []byte {
	quote := quoteFor(s)
	dst = append(dst, 'b', quote)
	for i := range len(s) {
		dst = appendASCII(dst, s[i], quote)
	}
	return append(dst, quote)
}

// appendASCII writes a character as str and bytes both do, and any other byte
// as an escape.
func appendASCII(dst []byte, c, quote byte) []byte {
	switch {
	case c == quote || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c < ' ' || c >= 0x7f:
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'x', hex[c>>4], hex[c&15])
	}
	return append(dst, c)
}

// sorted returns the elements of a set in the order in which they are
// written: by type, then by value.
func sorted(elems []Value) []Value {
	s := slices.Clone(elems)
	slices.SortStableFunc(s, func(a, b Value) int {
		if c := cmp.Compare(a.kind, b.kind); c != 0 {
			return c
		}
		switch x := a.data.(type) {
		case string:
			return strings.Compare(x, b.data.(string))
		case float64:
			return cmp.Compare(x, b.data.(float64))
		case int64, *big.Int:
			i, _ := a.BigInt()
			j, _ := b.BigInt()
			return i.Cmp(j)
		}
		return strings.Compare(a.String(), b.String())
	})
	return s
}

// NoControl returns [ErrControl] if a str at any depth of the value contains a
// control character other than NUL, which [Value.Python] rejects.
func (v Value) NoControl() error {
	switch d := v.data.(type) {
	case string:
		if v.kind == StrKind && strings.ContainsFunc(d, func(r rune) bool { return r > 0 && r < ' ' || r >= 0x7f && r < 0xa0 }) {
			return ErrControl
		}
	case []Value:
		for _, e := range d {
			if err := e.NoControl(); err != nil {
				return err
			}
		}
	case []Item:
		for _, it := range d {
			if it.Key.NoControl() != nil || it.Value.NoControl() != nil {
				return ErrControl
			}
		}
	}
	return nil
}
