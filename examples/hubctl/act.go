package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/units"
)

func restart(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	timeout := f.Duration("timeout", 3*time.Minute, "how long it may take")
	dryRun := f.Bool("dry-run", false, "only say what would happen")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		what := "hub"
		if len(args) > 0 {
			what = args[0]
		}
		if len(args) > 1 || what != "hub" && what != "proxy" {
			return cli.Usage("restart the hub or the proxy")
		}
		unit, err := h.unit(what)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, *timeout)
		defer cancel()
		done := h.asking(out)
		manager, err := h.connect(ctx)
		done()
		if err != nil {
			return err
		}
		defer manager.Close()
		if what == "hub" {
			config, err := h.config()
			if err != nil {
				return err
			}
			text, end, err := h.names.AtRestart(ctx, manager, config)
			if err != nil {
				return err
			}
			if end {
				fmt.Fprintf(out.Err, "hubctl: %s\n", cli.Printable(text))
			}
		}
		if *dryRun {
			out.Printf("would restart %s", cli.Printable(unit))
			return nil
		}
		_, done = out.Progress("restarting " + unit)
		err = manager.Restart(ctx, unit)
		done()
		return report(ctx, out, manager, unit, "restarted", err)
	}
}

func stop(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	timeout := f.Duration("timeout", 2*time.Minute, "how long it may take")
	dryRun := f.Bool("dry-run", false, "only say what would happen")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) != 1 {
			return cli.Usage("name one user")
		}
		unit, err := h.names.Session(args[0])
		if err != nil {
			return cli.Usage("%s", err)
		}
		ctx, cancel := context.WithTimeout(ctx, *timeout)
		defer cancel()
		done := h.asking(out)
		manager, err := h.connect(ctx)
		done()
		if err != nil {
			return err
		}
		defer manager.Close()
		if *dryRun {
			st, err := manager.Status(ctx, unit)
			if err != nil {
				return noSession(err)
			}
			out.Printf("would stop %s, which is %s", cli.Printable(unit), cli.Printable(string(st.ActiveState)))
			return nil
		}
		_, done = out.Progress("stopping " + unit)
		err = noSession(manager.Stop(ctx, unit))
		done()
		return report(ctx, out, manager, unit, "stopped", err)
	}
}

// report says that a job is done, or why it is not.
func report(ctx context.Context, out *cli.IO, manager *units.Manager, unit, done string, err error) error {
	if err != nil {
		return site.Explained(ctx, manager, unit, err)
	}
	out.Printf("%s %s", cli.Printable(unit), out.Paint(cli.Good, done))
	return nil
}
