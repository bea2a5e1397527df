package spawnercfg

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What cannot be said safely in a Python literal, or not in this place. The
// check to write is errors.Is(err, spawnercfg.ErrNUL).
var (
	// ErrNotUTF8 is text that is no Python str. Python would read such a byte
	// back as a lone surrogate, which breaks every later use of it.
	ErrNotUTF8 = errors.New("not valid UTF-8")
	// ErrNUL is text with a NUL, which no path, argument or environment
	// variable can hold.
	ErrNUL = errors.New("contains NUL")
	// ErrControl is a control character in a path, a unit name or a property.
	ErrControl = errors.New("contains a control character")
	// ErrNotFinite is NaN or an infinity, which no literal writes.
	ErrNotFinite = errors.New("is not a finite number")
	// ErrNoValue is the zero Value where a Python value is needed.
	ErrNoValue = errors.New("is no value")
	// ErrUnhashable is a list, dict or set as a key of a dict or an element of
	// a set.
	ErrUnhashable = errors.New("cannot be a key of a dict or an element of a set")
	// ErrName is a section or option that is no plain Python name.
	ErrName = errors.New("is not a plain Python name")
)

// Python returns the literal for the value, as CPython's repr writes it but
// for layout and two things. A list, tuple or set of two elements or more and
// a dict have one line an element and a trailing comma, so that a change of
// one is a change of one line. The elements of a set are sorted. Characters
// that do not print, bidirectional controls among them, are escaped.
//
// It fails with [ErrNotUTF8], [ErrNUL], [ErrNotFinite], [ErrNoValue] or
// [ErrUnhashable], wrapped with the place.
func (v Value) Python() (string, error) {
	b, err := v.AppendPython(nil, "")
	return string(b), err
}

// AppendPython appends what [Value.Python] returns to dst; the lines after
// the first start with indent.
func (v Value) AppendPython(dst []byte, indent string) ([]byte, error) {
	return v.appendPython(dst, indent, true)
}

// String returns the value on one line for a message. It is not always a
// literal: NaN is written as nan, and the zero Value as <no value>.
func (v Value) String() string {
	b, _ := v.appendPython(nil, "", false)
	return string(b)
}

// appendPython writes a literal over several lines if block is set, and
// otherwise, on one line, anything.
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
		if err == nil && hashed && !e.hashable() {
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
		if kerr == nil && !it.Key.hashable() {
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

const hexDigits = "0123456789abcdef"

// appendStr writes a str as unicode_repr does. What Go's tables do not call
// printable is escaped, so that no text can look like other text.
func appendStr(dst []byte, s string) ([]byte, error) {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	dst = append(dst, quote)
	var failed error
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			failed = fmt.Errorf("byte %d: %w", i, ErrNotUTF8)
			dst = append(dst, '\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15])
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f || r > 0x7f && r <= 0xff && !unicode.IsPrint(r):
			if r == 0 && failed == nil {
				failed = fmt.Errorf("byte %d: %w", i, ErrNUL)
			}
			dst = append(dst, '\\', 'x', hexDigits[r>>4], hexDigits[r&15])
		case unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
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
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	dst = append(dst, 'b', quote)
	for i := range len(s) {
		switch c := s[i]; {
		case c == quote || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote)
}
