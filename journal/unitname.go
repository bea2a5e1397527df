package journal

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// unitName is a unit's full name, or a pattern of such names.
type unitName struct {
	name string
	glob bool
}

// match returns the condition that the field holds this unit.
func (u unitName) match(field string) Match {
	if u.glob {
		return glob(field, u.name)
	}
	return Field(field, u.name)
}

// mayBeSlice reports whether the entries of processes below a slice count as
// those of the unit.
func (u unitName) mayBeSlice() bool {
	return u.glob || strings.HasSuffix(u.name, ".slice")
}

const (
	letters       = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	unitNameChars = "0123456789" + letters + `:-_.\@`
	unitGlobChars = unitNameChars + "[]!-*?"
	maxUnitName   = 255
)

var unitSuffixes = []string{"service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope"}

// mangleUnit turns what a person gives as a unit into a unit name or a
// pattern, as journalctl does (unit_name_mangle_with_suffix in systemd's
// src/basic/unit-name.c).
func mangleUnit(s string) (unitName, error) {
	if s == "" {
		return unitName{}, &SyntaxError{What: "unit name", Reason: "is empty"}
	}
	if validUnitName(s) {
		return unitName{name: s}, nil
	}
	if isGlob(s) && only(s, unitGlobChars) {
		return unitName{name: s, glob: true}, nil
	}
	if strings.HasPrefix(s, "/") {
		suffix := ".mount"
		if strings.HasPrefix(s, "/dev/") || strings.HasPrefix(s, "/sys/") {
			suffix = ".device"
		}
		if name, ok := escapePath(s); ok && validUnitName(name+suffix) {
			return unitName{name: name + suffix}, nil
		}
	}
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/':
			b.WriteByte('-')
		case strings.IndexByte(unitGlobChars, c) < 0:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	name := b.String()
	if isGlob(name) {
		return unitName{name: name, glob: true}, nil
	}
	if !validUnitName(name) {
		name += ".service"
	}
	if !validUnitName(name) {
		return unitName{}, &SyntaxError{What: "unit name", Input: s, Reason: "no unit can have this name"}
	}
	return unitName{name: name}, nil
}

// validUnitName reports whether s is a unit's full name, template and
// instance included.
func validUnitName(s string) bool {
	return len(s) <= maxUnitName && hasUnitSuffix(s) && s[0] != '@' && strings.LastIndexByte(s, '.') > 0 && only(s, unitNameChars)
}

func hasUnitSuffix(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	return dot >= 0 && slices.Contains(unitSuffixes, s[dot+1:])
}

// escapePath returns the name that stands for a path in a mount or device
// unit, without its suffix.
func escapePath(p string) (string, bool) {
	if slices.Contains(strings.Split(p, "/"), "..") {
		return "", false
	}
	p = strings.Trim(path.Clean(p), "/")
	if p == "" {
		return "-", true
	}
	var b strings.Builder
	for i := range len(p) {
		switch c := p[i]; {
		case c == '/':
			b.WriteByte('-')
		case c == '-', c == '\\', c == '@', c == '.' && i == 0, strings.IndexByte(unitNameChars, c) < 0:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

func isGlob(s string) bool { return strings.ContainsAny(s, "*?[") }

func only(s, chars string) bool {
	for i := range len(s) {
		if strings.IndexByte(chars, s[i]) < 0 {
			return false
		}
	}
	return true
}

// matchGlobPattern reports whether the whole of s matches the pattern, as
// fnmatch(3) does with FNM_NOESCAPE: a backslash stands for itself, because
// unit names hold \x2d and the like, and * also matches a slash.
func matchGlobPattern(pattern string, s []byte) bool {
	// Only the last * need ever be tried again: what stands before it has
	// matched as early as it can.
	p, i := 0, 0
	star, from := -1, 0
	for i < len(s) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				star, from = p, i
				p++
				continue
			}
			if n := matchOne(pattern[p:], s[i]); n > 0 {
				p += n
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, i = star+1, from
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchOne returns how many bytes at the start of the pattern stand for the
// one byte c, 0 if they do not.
func matchOne(pattern string, c byte) int {
	switch pattern[0] {
	case '?':
		return 1
	case '[':
		if n, in := matchSet(pattern, c); n > 0 {
			if in {
				return n
			}
			return 0
		}
	}
	if pattern[0] == c {
		return 1
	}
	return 0
}

// matchSet returns the length of the bracket expression at the start of the
// pattern and whether c is in it; 0 where the bracket is not closed and so
// stands for itself.
func matchSet(pattern string, c byte) (n int, in bool) {
	i := 1
	not := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if not {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, in != not
		}
		low, high := pattern[i], pattern[i]
		if i+2 < len(pattern) && pattern[i+1] == '-' && pattern[i+2] != ']' {
			high = pattern[i+2]
			i += 2
		}
		i++
		in = in || low <= c && c <= high
	}
	return 0, false
}
