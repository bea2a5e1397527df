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
	order := f.String("sort", "memory", "the `column` to sort by: memory, cpu, io or user")
	every := f.Duration("interval", 2*time.Second, "how often to look")
	times := f.Int("n", 0, "end after this `number` of looks, one printed below the other")
	asJSON := f.Bool("json", false, "write a JSON list for each look")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		if orders[*order] == nil {
			return cli.Usage("--sort %s: one of memory, cpu, io, user", *order)
		}
		if *times < 0 {
			return cli.Usage("-n %d: not a number of looks", *times)
		}
		if *every < 100*time.Millisecond {
			return cli.Usage("--interval %s: at least 100ms", *every)
		}
		done := h.asking(out)
		defer done()
		g, err := h.gather(ctx, cgroupstat.Full)
		if err != nil {
			return err
		}
		defer g.close()
		ctx, quit := context.WithCancel(ctx)
		defer quit()
		// The first look only begins the rates; before it nothing is drawn, so
		// that its error is seen.
		all, err := g.look(ctx)
		if err != nil {
			return err
		}
		done()
		var keyboard <-chan byte
		var resized <-chan os.Signal
		show := func() error { return plain(out, all, *order) }
		if *asJSON {
			show = func() error { return out.JSON(all) }
		} else if out.Redraws && *times == 0 {
			s, err := openScreen(out, quit)
			if err != nil {
				return err
			}
			defer s.close()
			keyboard, resized = s.keys, s.resized
			show = func() error { return s.draw(page(out, all, *order, "   m memory  c cpu  i io  u user  q quit")) }
		}

		ticker := time.NewTicker(*every)
		defer ticker.Stop()
		wait := time.After(min(*every, between))
		for looks := 0; ; {
			select {
			case <-ctx.Done():
				return nil
			case <-resized:
			case key := <-keyboard:
				if by, ok := keys[key]; ok {
					*order = by
				}
			case <-wait:
				if all, err = g.look(ctx); ctx.Err() != nil {
					return nil
				} else if err != nil {
					return err
				}
				looks++
				wait = ticker.C
			}
			if looks == 0 {
				continue // CPU use is not known yet
			}
			slices.SortFunc(all, func(a, b session) int {
				return cmp.Or(orders[*order](&a, &b), strings.Compare(a.User, b.User))
			})
			if err := show(); err != nil {
				return err
			}
			if looks == *times {
				return nil
			}
		}
	}
}

// page is what top shows; help is what the keys do, if there are any.
func page(out *cli.IO, all []session, order, help string) []byte {
	var text bytes.Buffer
	p := *out
	p.Out, p.Width = &text, 0 // the screen ends lines at the edge
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
	p.Printf("%s  %s sessions, %s, %.2f CPUs, by %s%s", p.Paint(cli.Faint, now.Format(time.TimeOnly)),
		p.Paint(cli.Bold, fmt.Sprint(len(all))), size(&memory), used, order, p.Paint(cli.Faint, help))
	var rows [][]cli.Cell
	for i := range all {
		s := &all[i]
		rows = append(rows, append(s.row(now),
			cli.Cell{Text: rate(s.ReadRate), Right: true}, cli.Cell{Text: rate(s.WriteRate), Right: true},
			cli.Cell{Text: percent(s.Pressure), Right: true}))
	}
	p.Table(append(slices.Clone(heading), "READ/S", "WRITE/S", "STALLED"), rows)
	return text.Bytes()
}

// plain writes page after page, an empty line between them.
func plain(out *cli.IO, all []session, order string) error {
	_, err := out.Out.Write(append(page(out, all, order, ""), '\n'))
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
