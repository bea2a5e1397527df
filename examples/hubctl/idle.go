package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/units"
)

// quiet is a session that used next to no CPU.
type quiet struct {
	User string  `json:"user"`
	Unit string  `json:"unit"`
	For  float64 `json:"seconds"`
}

func idle(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	window := f.Duration("for", time.Hour, "how long to watch")
	below := f.Float64("below", 0.02, "the CPU use below which a session is idle, a `number` of CPUs")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		if *window < time.Second {
			return cli.Usage("--for %s: at least a second", *window)
		}
		done := h.asking(out)
		g, err := h.gather(ctx, cgroupstat.Light)
		done()
		if err != nil {
			return err
		}
		defer g.close()
		found, err := g.watchIdle(ctx, out, *window, *below)
		if err != nil {
			return err
		}
		if *asJSON {
			return out.JSON(found)
		}
		var rows [][]cli.Cell
		for _, q := range found {
			rows = append(rows, []cli.Cell{{Text: q.User, Style: cli.Bold}, {Text: time.Duration(q.For * float64(time.Second)).Round(time.Second).String(), Right: true}, {Text: q.Unit}})
		}
		out.Table([]string{"USER", "IDLE", "UNIT"}, rows)
		return nil
	}
}

// watchIdle looks at the sessions until the window has passed, and returns
// those that ran all the time and were below the limit between any two looks.
func (g *gatherer) watchIdle(ctx context.Context, out *cli.IO, window time.Duration, below float64) ([]quiet, error) {
	_, done := out.Progress(fmt.Sprintf("watching for %s", window))
	defer done()
	type run struct {
		unit  string
		since time.Time
	}
	all, err := g.look(ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	still := make(map[run]bool)
	for i := range all {
		if all[i].State == string(units.Active) {
			still[run{all[i].Unit, all[i].Since}] = true
		}
	}
	every := min(window/4, 30*time.Second)
	for {
		left := window - time.Since(begin)
		if left <= 0 {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(every, left)):
		}
		if all, err = g.look(ctx); err != nil {
			return nil, err
		}
		for i := range all {
			if s := &all[i]; s.CPUs != nil && *s.CPUs >= below {
				delete(still, run{s.Unit, s.Since})
			}
		}
	}
	found := []quiet{}
	for i := range all {
		switch s := &all[i]; {
		case !still[run{s.Unit, s.Since}]:
		case s.CPUs == nil:
			fmt.Fprintf(out.Err, "hubctl: without %s: its CPU time is not accounted (CPUAccounting= in systemd.resource-control(5))\n", cli.Printable(s.Unit))
		default:
			found = append(found, quiet{s.User, s.Unit, time.Since(begin).Seconds()})
		}
	}
	return found, nil
}
