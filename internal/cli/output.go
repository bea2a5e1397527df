package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// IO is where a command reads and writes.
type IO struct {
	Out, Err io.Writer

	// Terminal is set if Out is one; Width is then its columns, 0 if it does
	// not say.
	Terminal bool
	Width    int

	// Redraws is set if Out is a terminal that heeds control sequences.
	Redraws bool

	// ErrTerminal is set if Err is such a terminal: progress is redrawn in
	// place.
	ErrTerminal bool

	// Colour is set if Out is a terminal that shows colours and the user has
	// not said NO_COLOR.
	Colour bool
}

// Standard returns the process's own streams.
func Standard() *IO {
	redraws := os.Getenv("TERM") != "dumb" // as within an editor
	s := &IO{Out: os.Stdout, Err: os.Stderr, ErrTerminal: redraws && term.IsTerminal(int(os.Stderr.Fd()))}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		s.Terminal, s.Redraws = true, redraws
		s.Width, _, _ = term.GetSize(fd)
		s.Colour = redraws && os.Getenv("NO_COLOR") == ""
	}
	return s
}

// JSON writes v indented, for machines. What a terminal might obey is escaped:
// package json leaves U+009B, which begins a control sequence, as it is.
func (s *IO) JSON(v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	var safe []byte
	for _, r := range text.String() {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			safe = utf8.AppendRune(safe, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			safe = fmt.Appendf(safe, `\u%04x\u%04x`, high, low)
		default:
			safe = fmt.Appendf(safe, `\u%04x`, r)
		}
	}
	_, err := s.Out.Write(safe)
	return err
}

// Style is how a word stands out in a terminal. In a pipe it does not.
type Style string

// The styles, by meaning.
const (
	Plain Style = ""
	Bold  Style = "1"
	Faint Style = "2"
	Bad   Style = "31"
	Good  Style = "32"
	Warn  Style = "33"
)

// Paint returns text in a style, made printable, for a terminal that shows
// colours.
func (s *IO) Paint(style Style, text string) string {
	text = Printable(text)
	if !s.Colour || style == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Printf writes one line of output for people.
func (s *IO) Printf(format string, args ...any) {
	fmt.Fprintf(s.Out, format+"\n", args...)
}

// Cell is one field of a table.
type Cell struct {
	Text  string
	Style Style
	Right bool // numbers stand right
}

// Table writes rows under a heading, in columns. In a terminal lines are cut
// to the width; in a pipe nothing is.
func (s *IO) Table(heading []string, rows [][]Cell) {
	head := make([]Cell, len(heading))
	for i, h := range heading {
		head[i] = Cell{Text: h, Style: Faint}
		for _, row := range rows {
			head[i].Right = head[i].Right || i < len(row) && row[i].Right
		}
	}
	rows = append([][]Cell{head}, rows...)
	widths := make([]int, len(heading))
	for _, row := range rows {
		for i := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(Printable(row[i].Text)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		left := math.MaxInt
		if s.Terminal && s.Width > 0 {
			left = s.Width
		}
		for i, cell := range row {
			text := Printable(cell.Text)
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if cell.Right {
				text = pad + text
			}
			text = cut(text, left)
			line.WriteString(s.Paint(cell.Style, text))
			if left -= widths[i] + 2; i == len(row)-1 || left <= 0 {
				break
			}
			if !cell.Right {
				line.WriteString(pad)
			}
			line.WriteString("  ")
		}
		fmt.Fprintln(s.Out, strings.TrimRight(line.String(), " "))
	}
}

func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

// Printable returns text with everything that a terminal might obey, and
// everything that it does not show, written as an escape: names of users and
// units come from strangers.
func Printable(text string) string {
	clean := true
	for _, r := range text {
		clean = clean && r != utf8.RuneError && unicode.IsPrint(r)
	}
	if clean {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// Progress says on standard error what is being waited for, once it has taken
// longer than a second: in a terminal on one line, with the time that it has
// taken, which goes when done is called; elsewhere each text once. The text may
// be changed on the way.
func (s *IO) Progress(text string) (update func(string), done func()) {
	var mu sync.Mutex
	start := time.Now()
	stop := make(chan struct{})
	finished := make(chan struct{})
	said := ""
	say := func() {
		mu.Lock()
		defer mu.Unlock()
		if s.ErrTerminal {
			fmt.Fprintf(s.Err, "\r\x1b[K%s… %s", Printable(text), time.Since(start).Round(time.Second))
		} else if said != text {
			fmt.Fprintf(s.Err, "%s…\n", Printable(text))
		}
		said = text
	}
	go func() {
		defer close(finished)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				say()
			}
		}
	}()
	update = func(next string) {
		mu.Lock()
		defer mu.Unlock()
		text = next
	}
	done = func() {
		close(stop)
		<-finished
		if said != "" && s.ErrTerminal {
			fmt.Fprint(s.Err, "\r\x1b[K")
		}
	}
	return update, done
}
