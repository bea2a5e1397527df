package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/internal/cli"
)

// orders are what top sorts by, each under its key. Where two sessions are
// equal, the user's name decides.
var orders = map[string]func(a, b *session) int{
	"memory": func(a, b *session) int { return greatest(a.Memory, b.Memory) },
	"cpu":    func(a, b *session) int { return greatest(a.CPUs, b.CPUs) },
	"io":     func(a, b *session) int { return greatest(a.io(), b.io()) },
	"user":   func(a, b *session) int { return 0 },
}

var keys = map[byte]string{'m': "memory", 'c': "cpu", 'i': "io", 'u': "user"}

// greatest orders the greater figure first, and what is not known last.
func greatest[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(*b, *a)
}

func (s *session) io() *float64 {
	if s.ReadRate == nil || s.WriteRate == nil {
		return nil
	}
	sum := *s.ReadRate + *s.WriteRate
	return &sum
}

func top(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	order := f.String("sort", "memory", "sort by memory, cpu, io or user (`column`)")
	every := f.Duration("interval", 2*time.Second, "how often to look")
	times := f.Int("n", 0, "look this often (`number`), then end; 0 goes on")
	asJSON := f.Bool("json", false, "write a JSON list for each look")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		if orders[*order] == nil {
			return cli.Usage("--sort %s: one of memory, cpu, io, user", *order)
		}
		if *every < 100*time.Millisecond {
			return cli.Usage("--interval %s: at least 100ms", *every)
		}
		g, err := h.gather(ctx, cgroupstat.Full)
		if err != nil {
			return err
		}
		defer g.close()

		ctx, quit := context.WithCancel(ctx)
		defer quit()
		pressed := make(chan string, 1)
		restore, err := readKeys(out, pressed, quit)
		if err != nil {
			return err
		}
		defer restore()

		// The first look only begins the rates.
		all, err := g.look(ctx)
		if err != nil {
			return err
		}
		ticker := time.NewTicker(*every)
		defer ticker.Stop()
		wait := time.After(min(*every, between))
		for shown := 0; *times == 0 || shown < *times; {
			select {
			case <-ctx.Done():
				return nil
			case *order = <-pressed:
			case <-wait:
				if all, err = g.look(ctx); err != nil {
					return err
				}
				shown++
				wait = ticker.C
			}
			slices.SortStableFunc(all, func(a, b session) int { return orders[*order](&a, &b) })
			if *asJSON {
				if err := out.JSON(all); err != nil {
					return err
				}
				continue
			}
			if err := draw(out, all, *order); err != nil {
				return err
			}
		}
		return nil
	}
}

// draw writes the table, in a terminal over the one before.
func draw(out *cli.IO, all []session, order string) error {
	var screen bytes.Buffer
	page := *out
	page.Out = &screen
	now := time.Now()
	var memory uint64
	var used float64
	for _, s := range all {
		if s.Memory != nil {
			memory += *s.Memory
		}
		if s.CPUs != nil {
			used += *s.CPUs
		}
	}
	page.Printf("%s  %s sessions, %s, %.2f CPUs, by %s", page.Paint(cli.Faint, now.Format(time.TimeOnly)),
		page.Paint(cli.Bold, fmt.Sprint(len(all))), size(&memory), used, order)
	var rows [][]cli.Cell
	for i := range all {
		s := &all[i]
		rows = append(rows, append(s.row(now),
			cli.Cell{Text: rate(s.ReadRate), Right: true}, cli.Cell{Text: rate(s.WriteRate), Right: true},
			cli.Cell{Text: percent(s.Pressure), Right: true}))
	}
	page.Table(append(append([]string(nil), heading...), "READ/S", "WRITE/S", "STALLED"), rows)
	if !out.Terminal {
		_, err := out.Out.Write(append(screen.Bytes(), '\n'))
		return err
	}
	// Home, then each line and the rest of its old one, then the rest of the
	// old screen: clearing first would flicker. The keyboard is raw, so that
	// a line feed alone does not return the carriage.
	text := strings.ReplaceAll(screen.String(), "\n", "\x1b[K\r\n")
	_, err := fmt.Fprintf(out.Out, "\x1b[H%s\x1b[J", text)
	return err
}

func rate(v *float64) string {
	if v == nil {
		return "-"
	}
	return byteSize(*v)
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", *v)
}

// readKeys passes on what is pressed in a terminal, until restore.
func readKeys(out *cli.IO, pressed chan<- string, quit func()) (restore func(), err error) {
	fd := int(os.Stdin.Fd())
	if !out.Terminal || out.In != os.Stdin || !term.IsTerminal(fd) {
		return func() {}, nil
	}
	old, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(out.Out, "\x1b[2J\x1b[?25l")
	// The read cannot be interrupted; the goroutine ends with the process.
	go func() {
		var key [1]byte
		for {
			if n, err := os.Stdin.Read(key[:]); n != 1 || err != nil {
				return
			}
			switch order, ok := keys[key[0]]; {
			case ok:
				pressed <- order
			case key[0] == 'q' || key[0] == 3: // Ctrl-C, which raw mode does not turn into a signal
				quit()
			}
		}
	}()
	return func() {
		term.Restore(fd, old)
		fmt.Fprint(out.Out, "\x1b[?25h\r\n")
	}, nil
}
