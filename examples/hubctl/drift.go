package main

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strconv"
	"strings"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

func drift(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		if h.names.Config == "" {
			return cli.Usage("with -H, name a copy of that host's configuration: --config FILE")
		}
		file, err := site.ReadConfig(h.names.Config)
		if err != nil {
			return err
		}
		done := h.asking(out)
		defer done()
		manager, err := h.connect(ctx)
		if err != nil {
			return err
		}
		defer manager.Close()
		running, err := h.names.Running(ctx, manager)
		if err != nil {
			return err
		}
		found := []site.Finding{}
		for _, unit := range running {
			name, _ := h.names.User(unit)
			reported, err := manager.Properties(ctx, unit)
			if err != nil {
				return err
			}
			account, err := h.account(name, reported)
			if err != nil {
				return err
			}
			foretold, err := spawnercfg.Predict(file.Settings(), account, site.Hub())
			if raised, ok := errors.AsType[*pyvalue.Exception](err); ok {
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
			for _, finding := range spawnercfg.Drift(foretold, reported) {
				one := site.FromConfig(file.Path(), finding)
				one.Option = unit + " " + one.Option
				found = append(found, one)
			}
		}
		done()
		// What is only worth knowing, such as a property that this systemd does
		// not report, is no drift.
		drifted := slices.ContainsFunc(found, func(f site.Finding) bool { return f.Severity != spawnercfg.Info.String() })
		if *asJSON {
			if err := out.JSON(found); err != nil {
				return err
			}
		} else {
			site.Show(out, h.names.Config, found...)
			if !drifted {
				out.Printf("%s as the configuration says", site.Sessions(len(running), "runs", "run"))
			}
		}
		if drifted {
			return cli.ErrFinding
		}
		return nil
	}
}

// account is the Unix account of a session's user. Its name is the user's,
// unless username_template says otherwise. That of another host is taken to be
// the one that the session was started for.
func (h *host) account(name string, reported map[string]any) (u spawnercfg.User, err error) {
	if h.remote == "" {
		u, _, err = site.Account(name, name)
		return u, err
	}
	number := func(property string) uint32 {
		text, _ := reported[property].(string)
		n, _ := strconv.ParseUint(text, 10, 32) // 0 where the session has none of its own
		return uint32(n)
	}
	home, _ := reported["WorkingDirectory"].(string)
	return spawnercfg.User{Name: name, UnixName: name, UID: number("User"), GID: number("Group"), Home: strings.TrimLeft(home, "!-")}, nil
}
