package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// IO is where a command reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer

	// Terminal is set if Out is one; Width is then its columns.
	Terminal bool
	Width    int

	// Colour is set if Out is a terminal that shows colours and the user has
	// not said NO_COLOR.
	Colour bool
}

// Standard returns the process's own streams.
func Standard() *IO {
	s := &IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		s.Terminal = true
		s.Width, _, _ = term.GetSize(fd)
		s.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return s
}

// JSON writes v indented, for machines.
func (s *IO) JSON(v any) error {
	e := json.NewEncoder(s.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
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

// Table writes rows under a heading, in columns. In a terminal the last
// column is cut to the width; in a pipe nothing is.
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
		column := 0
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
				column += 2
			}
			text := Printable(cell.Text)
			pad := widths[i] - utf8.RuneCountInString(text)
			last := i == len(row)-1
			if last && s.Terminal && s.Width > 0 {
				text = cut(text, s.Width-column)
			}
			if cell.Right {
				line.WriteString(strings.Repeat(" ", pad))
			}
			line.WriteString(s.Paint(cell.Style, text))
			if !cell.Right && !last {
				line.WriteString(strings.Repeat(" ", pad))
			}
			column += widths[i]
		}
		fmt.Fprintln(s.Out, line.String())
	}
}

func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width < 2 {
		return ""
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
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// Progress says on standard error what is being waited for, once it has taken
// longer than a second, and how long it took when done is called. The text
// may be changed on the way.
func (s *IO) Progress(text string) (update func(string), done func()) {
	var mu sync.Mutex
	start := time.Now()
	stop := make(chan struct{})
	finished := make(chan struct{})
	said := ""
	say := func() {
		if said != text {
			said = text
			fmt.Fprintf(s.Err, "%s…\n", Printable(text))
		}
	}
	go func() {
		defer close(finished)
		timer := time.NewTicker(time.Second)
		defer timer.Stop()
		for {
			select {
			case <-stop:
				return
			case <-timer.C:
				mu.Lock()
				say()
				mu.Unlock()
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
		if said != "" {
			fmt.Fprintf(s.Err, "done after %s\n", time.Since(start).Round(100*time.Millisecond))
		}
	}
	return update, done
}
