package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
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
	h := localFlags(f)
	window := f.Duration("for", time.Hour, "how long to watch")
	below := f.Float64("below", 0.02, "the CPU use below which a session is idle, a `number` of CPUs")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		if *window < time.Second {
			return cli.Usage("--for %s: at least a second", *window)
		}
		hierarchy, err := h.groups()
		if err != nil {
			return err
		}
		if hierarchy == nil {
			return fmt.Errorf("no control groups here: CPU use cannot be measured")
		}
		manager, err := h.connect(ctx)
		if err != nil {
			return err
		}
		defer manager.Close()
		sampler := hierarchy.NewSampler(cgroupstat.SamplerConfig{View: cgroupstat.Light, IdleBelow: *below})
		defer sampler.Close()

		found, err := h.watchIdle(ctx, out, manager, sampler, *window)
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

// watchIdle samples all sessions until the window has passed, and returns
// those that were idle in all of it.
func (h *host) watchIdle(ctx context.Context, out *cli.IO, manager *units.Manager, sampler *cgroupstat.Sampler, window time.Duration) ([]quiet, error) {
	_, done := out.Progress(fmt.Sprintf("watching for %s", window))
	defer done()
	every := min(window/4, 30*time.Second)
	found := []quiet{}
	var samples []cgroupstat.Sample
	for end := time.Now().Add(window); ; {
		paths, err := h.paths(ctx, manager)
		if err != nil {
			return nil, err
		}
		if samples, err = sampler.Sample(ctx, samples, slices.Sorted(maps.Keys(paths))); err != nil {
			return nil, err
		}
		left := time.Until(end)
		if left <= 0 {
			for i := range samples {
				// The samples' own clock may lack a moment of the window.
				if s := &samples[i]; s.Err == nil && s.Idle(window-every/2) {
					unit := paths[s.Path]
					user, _ := h.names.User(unit)
					found = append(found, quiet{user, unit, s.IdleFor.Seconds()})
				}
			}
			return found, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(every, left)):
		}
	}
}

// paths returns the running sessions' units by control group.
func (h *host) paths(ctx context.Context, manager *units.Manager) (map[string]string, error) {
	pattern, err := h.names.Pattern()
	if err != nil {
		return nil, err
	}
	list, err := manager.Statuses(ctx, units.Filter{Patterns: []string{pattern}, States: []string{"active"}}, units.FieldControlGroup)
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string)
	for _, st := range list {
		if _, ok := h.names.User(st.Name); ok && st.ControlGroup != "" {
			paths[st.ControlGroup] = st.Name
		}
	}
	return paths, nil
}
