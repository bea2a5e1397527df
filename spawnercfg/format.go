package spawnercfg

import (
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"

	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrNotForetold is something that Python would do and this package does not
// work out, such as the text of an object's method.
var ErrNotForetold = errors.New("cannot be foretold")

// formatPart is a piece of a template as str.format takes it apart: a literal
// (braces already single), a field, or the error at which it stops.
type formatPart struct {
	literal string
	isField bool
	// field is all that stands between the braces.
	field string
	// name, conversion and spec are its parts; conversion is 0 if there is
	// none.
	name       string
	conversion rune
	spec       string
	raised     *pyvalue.Exception
}

// parseFormat takes a template apart as MarkupIterator_next of CPython's
// unicode_format.h does. Pieces before an error are kept: str.format fills
// them in, and may fail at one of them, first.
func parseFormat(format string) []formatPart {
	var parts []formatPart
	s := []rune(format)
	fail := func(msg string) []formatPart {
		return append(parts, formatPart{raised: pyvalue.Raise("ValueError", "%s", msg)})
	}
	for pos := 0; pos < len(s); {
		start := pos
		for pos < len(s) && s[pos] != '{' && s[pos] != '}' {
			pos++
		}
		if pos == len(s) {
			return append(parts, formatPart{literal: string(s[start:])})
		}
		brace := s[pos]
		pos++
		switch {
		case pos < len(s) && s[pos] == brace:
			parts = append(parts, formatPart{literal: string(s[start:pos])})
			pos++
			continue
		case brace == '}':
			return fail("Single '}' encountered in format string")
		case pos == len(s):
			return fail("Single '{' encountered in format string")
		}
		if pos-1 > start {
			parts = append(parts, formatPart{literal: string(s[start : pos-1])})
		}
		p, n, msg := parseField(s[pos:])
		if msg != "" {
			return fail(msg)
		}
		p.field = string(s[pos : pos+n-1])
		parts = append(parts, p)
		pos += n
	}
	return parts
}

// parseField reads a field from after its opening brace to after its closing
// one.
func parseField(s []rune) (p formatPart, n int, msg string) {
	p.isField = true
	var c rune
name:
	for n < len(s) {
		c = s[n]
		n++
		switch c {
		case '{':
			return p, n, "unexpected '{' in field name"
		case '[':
			// Up to its bracket an index may hold anything.
			for n < len(s) && s[n] != ']' {
				n++
			}
		case '}', ':', '!':
			break name
		}
	}
	if c != '}' && c != ':' && c != '!' {
		return p, n, "expected '}' before end of string"
	}
	p.name = string(s[:n-1])
	if c == '}' {
		return p, n, ""
	}
	if c == '!' {
		if n == len(s) {
			return p, n, "end of string while looking for conversion specifier"
		}
		p.conversion = s[n]
		n++
		if n < len(s) {
			c = s[n]
			n++
			if c == '}' {
				return p, n, ""
			}
			if c != ':' {
				return p, n, "expected ':' after conversion specifier"
			}
		}
	}
	start := n
	for depth := 1; n < len(s); {
		c = s[n]
		n++
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				p.spec = string(s[start : n-1])
				return p, n, ""
			}
		}
	}
	return p, n, "unmatched '{' in format spec"
}

// templateFields is what a template may name, a str or an int each.
type templateFields map[string]pyvalue.Value

// expand fills in a template as format.format(**f) does. The error is a
// [pyvalue.Exception] or [ErrNotForetold].
func (f templateFields) expand(format string) (string, error) { return f.build(format, 2) }

func (f templateFields) build(format string, depth int) (string, error) {
	if depth == 0 {
		return "", pyvalue.Raise("ValueError", "Max string recursion exceeded")
	}
	var b strings.Builder
	for _, p := range parseFormat(format) {
		switch {
		case p.raised != nil:
			return "", p.raised
		case !p.isField:
			b.WriteString(p.literal)
		default:
			text, err := f.field(p, depth)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

func (f templateFields) field(p formatPart, depth int) (string, error) {
	v, err := f.object(p.name)
	if err != nil {
		return "", err
	}
	switch p.conversion {
	case 0:
	case 's':
		v = pyvalue.Str(v.Text())
	case 'r':
		v = pyvalue.Str(v.String())
	case 'a':
		v = pyvalue.Str(ascii(v.String()))
	default:
		return "", pyvalue.Raise("ValueError", "%s", "Unknown conversion specifier "+formatCode(p.conversion))
	}
	spec := p.spec
	if strings.ContainsRune(spec, '{') {
		if spec, err = f.build(spec, depth-1); err != nil {
			return "", err
		}
	}
	if spec == "" {
		return v.Text(), nil
	}
	return formatValue(v, spec)
}

// formatCode returns a character as CPython's messages about formats show it.
func formatCode(c rune) string {
	if c <= 32 || c >= 127 {
		return fmt.Sprintf(`\x%x`, c)
	}
	return string(c)
}

// ascii is Python's ascii() of text that repr has written.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// object looks up a field's name, with its attributes and indices.
func (f templateFields) object(name string) (pyvalue.Value, error) {
	first, rest := name, ""
	if i := strings.IndexAny(name, ".["); i >= 0 {
		first, rest = name[:i], name[i:]
	}
	index, raised := formatInteger(first)
	var v pyvalue.Value
	switch {
	case raised != nil:
		return v, raised
	case first == "":
		return v, pyvalue.Raise("IndexError", "Replacement index 0 out of range for positional args tuple")
	case index >= 0:
		return v, pyvalue.Raise("IndexError", "Replacement index %d out of range for positional args tuple", index)
	default:
		var ok bool
		if v, ok = f[first]; !ok {
			return v, pyvalue.Raise("KeyError", "%s", pyvalue.Str(first).String())
		}
	}
	for rest != "" {
		var key string
		if rest[0] == '.' {
			rest = rest[1:]
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			key, rest = rest[:end], rest[end:]
			if key == "" {
				return v, pyvalue.Raise("ValueError", "Empty attribute in format string")
			}
			var err error
			if v, err = attribute(v, key); err != nil {
				return v, err
			}
			continue
		}
		if rest[0] != '[' {
			return v, pyvalue.Raise("ValueError", "Only '.' or '[' may follow ']' in format field specifier")
		}
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return v, pyvalue.Raise("ValueError", "Missing ']' in format string")
		}
		key, rest = rest[1:end], rest[end+1:]
		if key == "" {
			return v, pyvalue.Raise("ValueError", "Empty attribute in format string")
		}
		if index, raised = formatInteger(key); raised != nil {
			return v, raised
		}
		s, ok := v.Str()
		switch chars := []rune(s); {
		case !ok:
			return v, pyvalue.Raise("TypeError", "'int' object is not subscriptable")
		case index < 0:
			return v, pyvalue.Raise("TypeError", "string indices must be integers, not 'str'")
		case index < int64(len(chars)):
			v = pyvalue.Str(string(chars[index]))
		default:
			return v, pyvalue.Raise("IndexError", "string index out of range")
		}
	}
	return v, nil
}

// formatInteger is get_integer of CPython's unicode_format.h: a number written
// in decimal digits of any script, or -1.
func formatInteger(s string) (int64, *pyvalue.Exception) {
	n := int64(-1)
	for _, r := range s {
		if !unicode.Is(unicode.Nd, r) {
			return -1, nil
		}
		d := int64(pyvalue.Digit(r))
		n = max(n, 0)
		if n > (math.MaxInt64-d)/10 {
			return -1, pyvalue.Raise("ValueError", "Too many decimal digits in format string")
		}
		n = n*10 + d
	}
	return n, nil
}

// attribute is v.name. A str has only methods and what all objects have,
// whose texts depend on the interpreter.
func attribute(v pyvalue.Value, name string) (pyvalue.Value, error) {
	if v.Kind() == pyvalue.IntKind {
		switch name {
		case "real", "numerator":
			return v, nil
		case "imag":
			return pyvalue.Int(0), nil
		case "denominator":
			return pyvalue.Int(1), nil
		}
	}
	known := v.Kind() == pyvalue.StrKind && slices.Contains(strMethods, name) || v.Kind() == pyvalue.IntKind && slices.Contains(intMethods, name)
	if known || strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") {
		return v, fmt.Errorf("the attribute %s of a %s %w", name, v.Kind(), ErrNotForetold)
	}
	return v, pyvalue.Raise("AttributeError", "'%s' object has no attribute '%s'", v.Kind(), name)
}

var (
	strMethods = []string{
		"capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format", "format_map",
		"index", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric",
		"isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "maketrans", "partition",
		"removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split",
		"splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "zfill",
	}
	intMethods = []string{
		"as_integer_ratio", "bit_count", "bit_length", "conjugate", "from_bytes", "is_integer", "to_bytes",
	}
)

// formatSpec is a format specification: [[fill]align][sign][z][#][0][width]
// [grouping][.precision][type].
type formatSpec struct {
	fill             rune
	align            rune
	sign             rune
	noNegativeZero   bool
	alternate        bool
	width, precision int64
	grouping         rune
	typ              rune
}

func parseSpec(spec string, kind pyvalue.Kind) (f formatSpec, raised *pyvalue.Exception) {
	s := []rune(spec)
	invalid := pyvalue.Raise("ValueError", "Invalid format specifier '%s' for object of type '%s'", spec, kind)
	f.fill, f.precision = ' ', -1
	f.align = '<'
	if kind == pyvalue.IntKind {
		f.align = '>'
	}
	isAlign := func(r rune) bool { return strings.ContainsRune("<>=^", r) }
	explicitFill, explicitAlign := false, false
	switch {
	case len(s) >= 2 && isAlign(s[1]):
		f.fill, f.align, s = s[0], s[1], s[2:]
		explicitFill, explicitAlign = true, true
	case len(s) >= 1 && isAlign(s[0]):
		f.align, s = s[0], s[1:]
		explicitAlign = true
	}
	take := func(set string) rune {
		if len(s) > 0 && strings.ContainsRune(set, s[0]) {
			r := s[0]
			s = s[1:]
			return r
		}
		return 0
	}
	f.sign = take("+- ")
	f.noNegativeZero = take("z") != 0
	f.alternate = take("#") != 0
	if !explicitFill && len(s) > 0 && s[0] == '0' {
		f.fill = '0'
		if !explicitAlign && kind == pyvalue.IntKind {
			f.align = '='
		}
		s = s[1:]
	}
	digits := func() (n int64) {
		end := 0
		for end < len(s) && unicode.Is(unicode.Nd, s[end]) {
			end++
		}
		n, raised = formatInteger(string(s[:end]))
		s = s[end:]
		return n
	}
	if f.width = max(0, digits()); raised != nil {
		return f, raised
	}
	f.grouping = take(",_")
	if f.grouping != 0 && len(s) > 0 && s[0] == ','+'_'-f.grouping {
		return f, pyvalue.Raise("ValueError", "Cannot specify both ',' and '_'.")
	}
	if take(".") != 0 {
		if f.precision = digits(); raised != nil {
			return f, raised
		}
		if f.precision < 0 {
			return f, pyvalue.Raise("ValueError", "Format specifier missing precision")
		}
	}
	if len(s) > 1 {
		return f, invalid
	}
	if len(s) == 1 {
		f.typ = s[0]
	}
	return f, nil
}

// maxWidth bounds what a template can ask for.
const maxWidth = 1 << 16

// formatValue is format(v, spec) of a str or int.
func formatValue(v pyvalue.Value, spec string) (string, error) {
	f, raised := parseSpec(spec, v.Kind())
	if raised != nil {
		return "", raised
	}
	if f.width > maxWidth || f.precision > maxWidth {
		return "", fmt.Errorf("a field of %s characters %w", spec, ErrNotForetold)
	}
	if f.typ == 0 {
		f.typ = map[pyvalue.Kind]rune{pyvalue.StrKind: 's', pyvalue.IntKind: 'd'}[v.Kind()]
	}
	grouped := "deEfFgG%"
	if f.grouping == '_' {
		grouped += "boxX"
	}
	if f.grouping != 0 && !strings.ContainsRune(grouped, f.typ) {
		return "", pyvalue.Raise("ValueError", "Cannot specify '%c' with '%s'.", f.grouping, formatCode(f.typ))
	}
	if s, ok := v.Str(); ok {
		switch {
		case f.typ != 's':
			return "", pyvalue.Raise("ValueError", "Unknown format code '%s' for object of type 'str'", formatCode(f.typ))
		case f.sign == ' ':
			return "", pyvalue.Raise("ValueError", "Space not allowed in string format specifier")
		case f.sign != 0:
			return "", pyvalue.Raise("ValueError", "Sign not allowed in string format specifier")
		case f.noNegativeZero:
			return "", pyvalue.Raise("ValueError", "Negative zero coercion (z) not allowed in string format specifier")
		case f.alternate:
			return "", pyvalue.Raise("ValueError", "Alternate form (#) not allowed in string format specifier")
		case f.align == '=':
			return "", pyvalue.Raise("ValueError", "'=' alignment not allowed in string format specifier")
		}
		if chars := []rune(s); f.precision >= 0 && f.precision < int64(len(chars)) {
			s = string(chars[:f.precision])
		}
		return f.pad("", s), nil
	}
	i, _ := v.BigInt()
	return f.formatInt(i)
}

func (f formatSpec) formatInt(i *big.Int) (string, error) {
	base, prefix := 10, ""
	switch f.typ {
	case 'd', 'n':
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x', 'X':
		base, prefix = 16, "0"+string(f.typ)
	case 'c', 'e', 'E', 'f', 'F', 'g', 'G', '%':
		return "", fmt.Errorf("a number in format %c %w", f.typ, ErrNotForetold)
	default:
		return "", pyvalue.Raise("ValueError", "Unknown format code '%s' for object of type 'int'", formatCode(f.typ))
	}
	if f.precision >= 0 {
		return "", pyvalue.Raise("ValueError", "Precision not allowed in integer format specifier")
	}
	if f.noNegativeZero {
		return "", pyvalue.Raise("ValueError", "Negative zero coercion (z) not allowed in integer format specifier")
	}
	digits := new(big.Int).Abs(i).Text(base)
	if f.typ == 'X' {
		digits = strings.ToUpper(digits)
	}
	if !f.alternate {
		prefix = ""
	}
	sign := ""
	switch {
	case i.Sign() < 0:
		sign = "-"
	case f.sign == '+' || f.sign == ' ':
		sign = string(f.sign)
	}
	if f.grouping != 0 {
		if f.fill == '0' && f.align == '=' {
			return "", fmt.Errorf("zero padding with a thousands separator %w", ErrNotForetold)
		}
		size := 3
		if base != 10 {
			size = 4
		}
		for at := len(digits) - size; at > 0; at -= size {
			digits = digits[:at] + string(f.grouping) + digits[at:]
		}
	}
	return f.pad(sign+prefix, digits), nil
}

func (f formatSpec) pad(prefix, s string) string {
	missing := int(f.width) - utf8.RuneCountInString(prefix+s)
	if missing <= 0 {
		return prefix + s
	}
	fill := func(n int) string { return strings.Repeat(string(f.fill), n) }
	switch f.align {
	case '=':
		return prefix + fill(missing) + s
	case '>':
		return fill(missing) + prefix + s
	case '^':
		return fill(missing/2) + prefix + s + fill(missing-missing/2)
	}
	return prefix + s + fill(missing)
}
