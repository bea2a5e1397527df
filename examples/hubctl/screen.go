package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/hubhost/hubhost/internal/cli"
)

// Control sequences of xterm, which terminals of today and the Linux console
// understand; those that do not know the alternate screen stay on theirs.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J" // alternate screen, no cursor, long lines end at the edge
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	endOfLine   = "\x1b[K\r\n" // clears what is left of the old line: clearing the whole first would flicker
	endOfPage   = "\x1b[K\x1b[J"
)

// screen is a terminal that a page is redrawn on, with its keyboard.
type screen struct {
	out  *cli.IO
	keys chan byte
	// resized is told when the terminal has another size.
	resized chan os.Signal

	fd      int
	restore func()
}

// ctrlC is what a raw keyboard sends in place of a signal.
const ctrlC = 3

// openScreen takes the terminal over until close. It calls quit at q and at
// Ctrl-C by itself: who reads the other keys may be waiting for a host that
// does not answer.
func openScreen(out *cli.IO, quit func()) (*screen, error) {
	s := &screen{out: out, keys: make(chan byte, 16), resized: make(chan os.Signal, 1), restore: func() {}}
	s.fd = int(os.Stdout.Fd())
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		// Raw, so that a key comes without Enter, and is not shown.
		old, err := term.MakeRaw(in)
		if err != nil {
			return nil, err
		}
		s.restore = func() { term.Restore(in, old) }
		// The read cannot be interrupted: this ends with the process.
		go func() {
			var key [1]byte
			for {
				if n, err := os.Stdin.Read(key[:]); n != 1 || err != nil {
					return
				}
				if key[0] == 'q' || key[0] == ctrlC {
					quit()
					return
				}
				select {
				case s.keys <- key[0]:
				default: // nobody reads: the next key may be the one that ends it
				}
			}
		}()
	}
	notifyResize(s.resized)
	fmt.Fprint(out.Out, enterScreen)
	return s, nil
}

func (s *screen) close() {
	fmt.Fprint(s.out.Out, leaveScreen)
	s.restore()
}

// draw replaces the page by as much of text as fits.
func (s *screen) draw(text []byte) error {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if _, rows, err := term.GetSize(s.fd); err == nil && rows > 0 {
		lines = lines[:min(len(lines), rows)]
	}
	var page bytes.Buffer
	page.WriteString(home)
	for i, line := range lines {
		if i > 0 {
			page.WriteString(endOfLine)
		}
		page.WriteString(line)
	}
	page.WriteString(endOfPage)
	_, err := s.out.Out.Write(page.Bytes())
	return err
}
