package py

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"
)

var bom = []byte("\xef\xbb\xbf")

// cookie is the pattern of PEP 263, as CPython applies it.
var cookie = regexp.MustCompile(`^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`)

// CheckEncoding refuses what cannot be read as UTF-8 Python source: invalid
// UTF-8, a NUL byte, a PEP 263 cookie that names another encoding, and more
// than MaxSize bytes. A cookie makes comments and strings mean something
// else than they show, so no other encoding is guessed at.
func CheckEncoding(src []byte) error {
	if len(src) > MaxSize {
		return &Error{Offset: MaxSize, Msg: "source is larger than 16 MiB"}
	}
	if i := bytes.IndexByte(src, 0); i >= 0 {
		return &Error{Offset: i, Msg: "source contains a NUL byte"}
	}
	if !utf8.Valid(src) {
		return &Error{Offset: invalidUTF8(src), Msg: "source is not valid UTF-8"}
	}
	at := 0
	if bytes.HasPrefix(src, bom) {
		at = len(bom)
	}
	for range 2 {
		end := at
		for end < len(src) && newlineLen(src, end) == 0 {
			end++
		}
		line := src[at:end]
		if m := cookieIn(line); m != nil {
			name := strings.ReplaceAll(strings.ToLower(string(line[m[2]:m[3]])), "_", "-")
			switch {
			case name == "utf-8", name == "utf8", strings.HasPrefix(name, "utf-8-"):
			case name == "ascii" || name == "us-ascii":
				for i, c := range src {
					if c >= utf8.RuneSelf {
						return &Error{Offset: i, Msg: "source declares ASCII and has another character"}
					}
				}
			default:
				return &Error{Offset: at + m[2], Msg: "source declares the encoding " + name + "; only UTF-8 is read"}
			}
			return nil
		}
		// A cookie on line 2 counts only below an empty line or a comment.
		if rest := bytes.TrimLeft(line, " \t\f"); len(rest) > 0 && rest[0] != '#' {
			return nil
		}
		at = end + newlineLen(src, end)
	}
	return nil
}

func cookieIn(line []byte) []int {
	if !bytes.Contains(line, []byte("coding")) {
		return nil
	}
	return cookie.FindSubmatchIndex(line)
}

func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(src)
}

// Lines tells lines and columns from offsets. It counts on from the offset
// that it was asked for last, so that ascending offsets are cheap.
type Lines struct {
	src          []byte
	hasCR        bool
	at           int
	line, column int // of at, from 0
}

// NewLines returns the lines of src. Line feed, carriage return and the two
// together end a line, as in Python.
func NewLines(src []byte) *Lines {
	return &Lines{src: src, hasCR: bytes.IndexByte(src, '\r') >= 0}
}

// Position returns the line and the column of an offset, both from 1. The
// column counts characters, as editors and CPython's tokenize do; a byte
// order mark is not one.
func (l *Lines) Position(offset int) (line, column int) {
	offset = min(offset, len(l.src))
	if offset < l.at {
		l.at, l.line, l.column = 0, 0, 0
	}
	if l.at == 0 && bytes.HasPrefix(l.src[:offset], bom) {
		l.at = len(bom)
	}
	start := l.at
	if l.hasCR {
		for i := l.at; i < offset; {
			n := newlineLen(l.src, i)
			if i += max(n, 1); n > 0 && i <= offset {
				l.line++
				start = i
			}
		}
	} else if n := bytes.LastIndexByte(l.src[l.at:offset], '\n'); n >= 0 {
		start = l.at + n + 1
		l.line += bytes.Count(l.src[l.at:start], []byte{'\n'})
	}
	if start > l.at {
		l.column = 0
	}
	l.column += utf8.RuneCount(l.src[start:offset])
	l.at = offset
	return l.line + 1, l.column + 1
}

// Span returns the offsets of the line that offset is on: its first byte,
// and the first byte of the next line.
func Span(src []byte, offset int) (start, end int) {
	start, end = min(offset, len(src)), offset
	// The line feed of a pair belongs to the line that the pair ends.
	if start > 0 && start < len(src) && src[start] == '\n' && src[start-1] == '\r' {
		start--
	}
	for start > 0 && src[start-1] != '\n' && src[start-1] != '\r' {
		start--
	}
	for end < len(src) && newlineLen(src, end) == 0 {
		end++
	}
	return start, min(end+newlineLen(src, end), len(src))
}
