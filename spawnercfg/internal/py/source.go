package py

import (
	"bytes"
	"regexp"
	"slices"
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
		if m := cookie.FindSubmatchIndex(line); m != nil {
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

// Lines knows where each line of a source begins.
type Lines struct {
	src    []byte
	starts []int
}

// NewLines finds the lines of src. Line feed, carriage return and the two
// together end a line, as in Python.
func NewLines(src []byte) *Lines {
	l := &Lines{src: src, starts: []int{0}}
	for i := 0; i < len(src); {
		n := bytes.IndexAny(src[i:], "\r\n")
		if n < 0 {
			break
		}
		i += n
		i += newlineLen(src, i)
		l.starts = append(l.starts, i)
	}
	return l
}

// Position returns the line and the column of an offset, both from 1. The
// column counts characters, as editors and CPython's tokenize do; a byte
// order mark is not one.
func (l *Lines) Position(offset int) (line, column int) {
	i, found := slices.BinarySearch(l.starts, offset)
	if !found {
		i--
	}
	text := l.src[l.starts[i]:min(offset, len(l.src))]
	if i == 0 {
		text = bytes.TrimPrefix(text, bom)
	}
	return i + 1, utf8.RuneCount(text) + 1
}

// Span returns the offsets of the line that offset is on: its first byte,
// and the first byte of the next line.
func (l *Lines) Span(offset int) (start, end int) {
	i, found := slices.BinarySearch(l.starts, offset)
	if !found {
		i--
	}
	end = len(l.src)
	if i+1 < len(l.starts) {
		end = l.starts[i+1]
	}
	return l.starts[i], end
}
