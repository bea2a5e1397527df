package main

import (
	"context"
	"errors"
	"flag"
	"maps"
	"slices"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
)

func drift(f *flag.FlagSet) cli.Run {
	h := localFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		file, err := site.ReadConfig(h.names.Config)
		if err != nil {
			return err
		}
		manager, err := h.connect(ctx)
		if err != nil {
			return err
		}
		defer manager.Close()
		paths, err := h.paths(ctx, manager)
		if err != nil {
			return err
		}
		found := []site.Finding{}
		for _, unit := range slices.Sorted(maps.Values(paths)) {
			name, _ := h.names.User(unit)
			// The account's name is the user's, unless username_template says
			// otherwise; then what depends on it is not foretold.
			account, _, err := site.Account(name, name)
			if err != nil {
				return err
			}
			foretold, err := spawnercfg.Predict(file.Settings(), account, spawnercfg.Hub{})
			if raised, ok := errors.AsType[*spawnercfg.PythonError](err); ok {
				found = append(found, site.Finding{
					Code: "would-not-start", Severity: "error", Option: unit,
					Message: "the session runs, but would not start again: " + raised.Error(),
					Hint:    "hubconfig unit shows what the configuration makes of the user",
				})
				continue
			}
			if err != nil {
				return err
			}
			reported, err := manager.Properties(ctx, unit)
			if err != nil {
				return err
			}
			for _, finding := range spawnercfg.Drift(foretold, reported) {
				one := site.FromConfig(finding)
				one.Option = unit + " " + one.Option
				found = append(found, one)
			}
		}
		if *asJSON {
			if err := out.JSON(found); err != nil {
				return err
			}
		} else {
			site.Show(out, h.names.Config, found)
			if len(found) == 0 {
				out.Printf("%s as the configuration says", site.Sessions(len(paths), "runs", "run"))
			}
		}
		if len(found) > 0 {
			return cli.ErrFinding
		}
		return nil
	}
}
