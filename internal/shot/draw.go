package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// span is text of one look; a line is its spans.
type span struct {
	text   string
	colour string
	bold   bool
}

type line []span

// colours maps the foreground colours that the example programs use.
var colours = map[string]string{
	"2": "#8b949e", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341",
	"34": "#79c0ff", "35": "#d2a8ff", "36": "#76e3ea",
}

// parse splits terminal output into lines of spans. Of the control sequences
// only colours are drawn; a clear or a jump home begins the picture anew, so
// that of a redrawn screen the last state stays.
func parse(text string) []line {
	var lines []line
	var current line
	look := span{}
	for text != "" {
		i := strings.IndexAny(text, "\x1b\n\r")
		if i < 0 {
			i = len(text)
		}
		if i > 0 {
			current = append(current, span{text[:i], look.colour, look.bold})
			text = text[i:]
			continue
		}
		switch text[0] {
		case '\r':
			text = text[1:]
		case '\n':
			lines, current, text = append(lines, current), nil, text[1:]
		default:
			var params string
			var final byte
			params, final, text = sequence(text)
			switch final {
			case 'm':
				for p := range strings.SplitSeq(params, ";") {
					switch {
					case p == "" || p == "0":
						look = span{}
					case p == "1":
						look.bold = true
					case colours[p] != "":
						look.colour = colours[p]
					}
				}
			case 'H', 'J':
				// Home begins the screen anew, as does clearing all of it; J
				// alone clears what is below, which is nothing by then.
				if final == 'H' && params == "" || params == "2" {
					lines, current = nil, nil
				}
			}
		}
	}
	if len(current) > 0 {
		lines = append(lines, current)
	}
	return lines
}

// wrap breaks lines where the edge of the terminal does.
func wrap(lines []line, columns int) []line {
	var wrapped []line
	for _, l := range lines {
		var current line
		left := columns
		for _, s := range l {
			text := []rune(s.text)
			for len(text) > left {
				current = append(current, span{string(text[:left]), s.colour, s.bold})
				wrapped = append(wrapped, current)
				current, text, left = nil, text[left:], columns
			}
			if len(text) > 0 {
				current = append(current, span{string(text), s.colour, s.bold})
				left -= len(text)
			}
		}
		wrapped = append(wrapped, current)
	}
	return wrapped
}

// sequence splits a control sequence off the start of text.
func sequence(text string) (params string, final byte, rest string) {
	if len(text) < 2 || text[1] != '[' {
		return "", 0, text[min(len(text), 2):]
	}
	for i := 2; i < len(text); i++ {
		if text[i] >= '@' && text[i] <= '~' {
			return text[2:i], text[i], text[i+1:]
		}
	}
	return "", 0, ""
}

func draw(lines []line, columns int) []byte {
	const charWidth, lineHeight, margin = 8.4, 19, 16
	for _, l := range lines {
		columns = max(columns, width(l))
	}
	var b bytes.Buffer
	w, h := int(float64(columns)*charWidth)+2*margin, len(lines)*lineHeight+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="#0d1117"/>`+"\n")
	fmt.Fprintf(&b, `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" fill="#e6edf3">`+"\n")
	for i, l := range lines {
		if len(l) == 0 {
			continue
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" xml:space="preserve">`, margin, margin+(i+1)*lineHeight-5)
		for _, s := range l {
			b.WriteString("<tspan")
			if s.colour != "" {
				fmt.Fprintf(&b, ` fill="%s"`, s.colour)
			}
			if s.bold {
				b.WriteString(` font-weight="bold"`)
			}
			b.WriteByte('>')
			xml.EscapeText(&b, []byte(s.text))
			b.WriteString("</tspan>")
		}
		b.WriteString("</text>\n")
	}
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

func width(l line) int {
	n := 0
	for _, s := range l {
		n += utf8.RuneCountInString(s.text)
	}
	return n
}
