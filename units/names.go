package units

import (
	"fmt"
	"strings"
)

// maxName is the length that systemd allows a unit name, UNIT_NAME_MAX less
// the zero at its end.
const maxName = 255

// suffixes are the types of unit.
var suffixes = map[string]bool{
	".service": true, ".socket": true, ".target": true, ".device": true, ".mount": true, ".automount": true,
	".swap": true, ".timer": true, ".path": true, ".slice": true, ".scope": true,
}

// IsName tells whether s is the full name of a unit: of a plain one, of an
// instance of a template, or of a template itself, such as "user@.service".
func IsName(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if len(s) > maxName || dot <= 0 || !suffixes[s[dot:]] || s[0] == '@' {
		return false
	}
	for i := range dot {
		if !isNameByte(s[i]) && s[i] != '@' {
			return false
		}
	}
	return true
}

// isTemplate tells whether a name is that of a template without an instance:
// the first @ is the last character before the suffix.
func isTemplate(name string) bool {
	return strings.IndexByte(name, '@') == strings.LastIndexByte(name, '.')-1
}

// checkTemplate is for methods on unit files.
func checkTemplate(unit string) error {
	if !IsName(unit) {
		return fmt.Errorf("%w: %q", ErrInvalidName, unit)
	}
	return nil
}

// checkName is for methods on units. It is what keeps a name from meaning
// anything else to systemd: an empty one is the caller's own unit to some of
// its methods, and 32 hexadecimal digits are an invocation ID.
func checkName(unit string) error {
	if !IsName(unit) {
		return fmt.Errorf("%w: %q", ErrInvalidName, unit)
	}
	if isTemplate(unit) {
		return fmt.Errorf("%w: %q is a template without an instance", ErrInvalidName, unit)
	}
	return nil
}

func isLetterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// isNameByte is for all of a name before its suffix, but the @.
func isNameByte(c byte) bool {
	return isLetterOrDigit(c) || strings.IndexByte(`:-_.\`, c) >= 0
}

const hexDigits = "0123456789abcdef"

// Escape makes any text usable as a part of a unit name, as systemd-escape
// does: a slash becomes "-", and every byte that is not a letter, a digit or
// one of ":_." becomes \xNN; so does a leading dot. [Unescape] is its inverse.
func Escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/':
			b.WriteByte('-')
		case isLetterOrDigit(c), c == ':', c == '_', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			escapeByte(&b, c)
		}
	}
	return b.String()
}

func escapeByte(b *strings.Builder, c byte) {
	b.WriteString(`\x`)
	b.WriteByte(hexDigits[c>>4])
	b.WriteByte(hexDigits[c&15])
}

// Unescape is the inverse of [Escape]. The error matches ErrInvalidName if s
// has a backslash that begins no \xNN, or the escape of a zero byte.
func Unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '-':
			b.WriteByte('/')
		case '\\':
			if len(s)-i < 4 || s[i+1] != 'x' {
				return "", fmt.Errorf("%w: bad escape in %q", ErrInvalidName, s)
			}
			high, low := hexValue(s[i+2]), hexValue(s[i+3])
			if high < 0 || low < 0 || high<<4|low == 0 {
				return "", fmt.Errorf("%w: bad escape in %q", ErrInvalidName, s)
			}
			b.WriteByte(byte(high<<4 | low))
			i += 3
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// EscapePath makes a file system path usable as a unit name without its
// suffix, as systemd-escape --path does: slashes at both ends are dropped,
// repeated ones and "." are removed, and the root is "-". The error matches
// ErrInvalidName if the path has a ".." in it, or is nothing but a ".".
func EscapePath(path string) (string, error) {
	parts, ok := components(path)
	// The directory that a program happens to be in has no name.
	relative := path != "" && path[0] != '/' && len(parts) == 0
	switch {
	case !ok, relative:
		return "", fmt.Errorf("%w: %q is not a normalized path", ErrInvalidName, path)
	case len(parts) == 0:
		return "-", nil
	}
	return Escape(strings.Join(parts, "/")), nil
}

// components are the parts of a path that mean something; ok is false if one
// of them is "..".
func components(path string) (parts []string, ok bool) {
	for _, part := range strings.Split(path, "/") {
		switch part {
		case "", ".":
		case "..":
			return parts, false
		default:
			parts = append(parts, part)
		}
	}
	return parts, true
}

// UnescapePath is the inverse of [EscapePath]; what it returns begins with a
// slash. The error matches ErrInvalidName if s is not the escaped form of a
// normalized path.
func UnescapePath(s string) (string, error) {
	if s == "-" {
		return "/", nil
	}
	path, err := Unescape(s)
	if err != nil {
		return "", err
	}
	if parts, ok := components(path); !ok || path == "" || path != strings.Join(parts, "/") {
		return "", fmt.Errorf("%w: %q is not an escaped path", ErrInvalidName, s)
	}
	return "/" + path, nil
}

// Mangle makes the full name of a unit of what a person may have typed, as
// systemd-run and systemctl do, with suffix ".service" unless it ends in one
// of a unit; an empty suffix is ".service". A full name stays as it is. Paths
// in /dev and /sys become the name of a device unit, other absolute paths that
// of a mount unit. Every byte that no name may have becomes \xNN: a glob
// character too, so that the result never stands for more than one unit.
//
// Mangle is not injective: with a pattern that ends in a user's name, such as
// "jupyter-" + user, the users "x" and "x.service" have one unit. Use [Escape]
// on what is to stay apart.
//
// The error matches ErrInvalidName if there is no such name, because it would
// be too long for instance.
func Mangle(s, suffix string) (string, error) {
	if suffix == "" {
		suffix = ".service"
	}
	switch {
	case !suffixes[suffix]:
		return "", fmt.Errorf("%w: %q is not the suffix of a unit", ErrInvalidName, suffix)
	case IsName(s):
		return s, nil
	case strings.HasPrefix(s, "/"):
		name, err := EscapePath(s)
		if err != nil {
			// Not a path then, but text like any other.
			break
		}
		if parts, _ := components(s); len(parts) > 1 && (parts[0] == "dev" || parts[0] == "sys") {
			return full(s, name+".device")
		}
		return full(s, name+".mount")
	}
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/':
			b.WriteByte('-')
		case isNameByte(c), c == '@':
			b.WriteByte(c)
		default:
			escapeByte(&b, c)
		}
	}
	if IsName(b.String()) {
		return b.String(), nil
	}
	return full(s, b.String()+suffix)
}

// Instance returns the name of the instance of a template, as systemd-escape
// --template does: Instance("user@.service", "a b") is `user@a\x20b.service`.
// The error matches ErrInvalidName.
func Instance(template, instance string) (string, error) {
	if !IsName(template) || !isTemplate(template) {
		return "", fmt.Errorf("%w: %q is not a template", ErrInvalidName, template)
	}
	at := strings.IndexByte(template, '@')
	name, err := full(instance, template[:at+1]+Escape(instance)+template[at+1:])
	if err == nil && isTemplate(name) {
		err = fmt.Errorf("%w: an instance has no empty name", ErrInvalidName)
	}
	return name, err
}

func full(from, name string) (string, error) {
	if !IsName(name) {
		return "", fmt.Errorf("%w: %q", ErrInvalidName, from)
	}
	return name, nil
}

// busLabel is how systemd writes a unit name in the path of its object:
// everything but letters and digits, and a leading digit, as _NN.
func busLabel(s string) string {
	if s == "" {
		return "_"
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if isLetterOrDigit(c) && !(i == 0 && c <= '9') {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('_')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// unlabel is the inverse of busLabel; it leaves alone what is none.
func unlabel(s string) string {
	if s == "_" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && len(s)-i > 2 {
			if high, low := hexValue(s[i+1]), hexValue(s[i+2]); high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
