package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
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
		all, err := h.sessions(ctx)
		if err != nil {
			return err
		}
		if err := h.memoryKills(ctx, all); errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(out.Err, "hubctl: when memory ran out is not known: %s\n", cli.Printable(err.Error()))
		} else if err != nil {
			return err
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
		out.Table(append(append([]string(nil), heading...), "LAST KILL", "UNIT"), rows)
		return nil
	}
}

// sessions looks twice, so that CPU use is known.
func (h *host) sessions(ctx context.Context) ([]session, error) {
	g, err := h.gather(ctx, cgroupstat.Light)
	if err != nil {
		return nil, err
	}
	defer g.close()
	if _, err := g.look(ctx); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(between):
	}
	all, err := g.look(ctx)
	if all == nil {
		all = []session{}
	}
	return all, err
}
