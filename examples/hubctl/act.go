package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
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
		manager, err := h.connect(ctx)
		if err != nil {
			return err
		}
		defer manager.Close()
		if what == "hub" {
			if err := h.warnOfSessions(ctx, out, manager); err != nil {
				return err
			}
		}
		if *dryRun {
			out.Printf("would restart %s", cli.Printable(unit))
			return nil
		}
		_, done := out.Progress("restarting " + unit)
		err = manager.Restart(ctx, unit)
		done()
		return h.explained(ctx, out, manager, unit, "restarted", err)
	}
}

// warnOfSessions says what a restart of the hub does to sessions, before it
// does.
func (h *host) warnOfSessions(ctx context.Context, out *cli.IO, manager *units.Manager) error {
	pattern, err := h.names.Pattern()
	if err != nil {
		return err
	}
	running, err := manager.List(ctx, units.Filter{Patterns: []string{pattern}, States: []string{"active"}})
	if err != nil || len(running) == 0 {
		return err
	}
	if h.remote != "" {
		fmt.Fprintf(out.Err, "hubctl: %s, unless cleanup_servers is False there\n", site.Sessions(len(running), "ends with the hub", "end with the hub"))
		return nil
	}
	file, err := spawnercfg.ReadFile(h.names.Config, filepath.Dir(h.names.Config))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	reading := file.Read("JupyterHub", "cleanup_servers")
	if kept, ok := reading.Value.Bool(); reading.Certainty == spawnercfg.Certain && ok && !kept {
		return nil
	}
	fmt.Fprintf(out.Err, "hubctl: %s, because cleanup_servers is not set to False\n", site.Sessions(len(running), "ends with the hub", "end with the hub"))
	return nil
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
		if *dryRun {
			out.Printf("would stop %s", cli.Printable(unit))
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, *timeout)
		defer cancel()
		manager, err := h.connect(ctx)
		if err != nil {
			return err
		}
		defer manager.Close()
		_, done := out.Progress("stopping " + unit)
		err = manager.Stop(ctx, unit)
		done()
		return h.explained(ctx, out, manager, unit, "stopped", err)
	}
}

// explained says that a job is done, or why it is not.
func (h *host) explained(ctx context.Context, out *cli.IO, manager *units.Manager, unit, done string, err error) error {
	if err == nil {
		out.Printf("%s %s", cli.Printable(unit), out.Paint(cli.Good, done))
		return nil
	}
	if _, failed := errors.AsType[*units.JobError](err); failed {
		if st, statusErr := manager.Status(ctx, unit); statusErr == nil {
			return fmt.Errorf("%w: %s", err, units.Explain(st))
		}
	}
	return err
}
