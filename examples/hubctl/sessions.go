package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"time"

	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/internal/cli"
)

// between is how long CPU use is measured for a single table.
const between = 500 * time.Millisecond

func sessions(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		done := h.asking(out)
		defer done()
		g, err := h.gather(ctx, cgroupstat.Light)
		if err != nil {
			return err
		}
		defer g.close()
		all, err := g.twice(ctx)
		if err != nil {
			return err
		}
		err = h.memoryKills(ctx, all)
		done()
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			fmt.Fprintf(out.Err, "hubctl: without the last kills for memory: %s\n", cli.Printable(err.Error()))
		}
		if *asJSON {
			return out.JSON(all)
		}
		now := time.Now()
		var rows [][]cli.Cell
		for i := range all {
			last := "-"
			if t := all[i].LastOOM; t != nil {
				last = t.Local().Format(time.DateTime)
			}
			rows = append(rows, append(all[i].row(now), cli.Cell{Text: last}, cli.Cell{Text: all[i].Unit}))
		}
		out.Table(append(slices.Clone(heading), "LAST KILL", "UNIT"), rows)
		return nil
	}
}

// twice looks twice, so that CPU use is known.
func (g *gatherer) twice(ctx context.Context) ([]session, error) {
	if _, err := g.look(ctx); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(between):
	}
	return g.look(ctx)
}
