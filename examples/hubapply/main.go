// Command hubapply puts a changed configuration into effect, or leaves the hub
// as it was: it judges the new file, shows what changes and whose sessions
// would end, installs it, restarts the hub and waits until that answers; if it
// does not, the old file comes back and the hub's own log says why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
)

var app = &cli.App{
	Name:    "hubapply",
	Summary: "put a changed configuration into effect, or leave the hub as it was",
	Commands: []*cli.Command{{
		Args:    "NEWFILE",
		Summary: "Judge a new configuration, install it, restart the hub, wait until it answers, and go back if it does not.",
		Example: `cp /opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py new_config.py
			hubconfig set new_config.py mem_limit=4G
			hubapply new_config.py --dry-run
			hubapply new_config.py`,
		Setup: setup,
	}},
}

func main() { os.Exit(app.Main()) }

type options struct {
	names   *site.Names
	python  string
	dir     string
	url     string
	timeout time.Duration
	dryRun  bool
	asJSON  bool
}

// outcome is what is left to say to a machine.
type outcome struct {
	Findings    []site.Finding `json:"findings"`
	Changed     bool           `json:"changed"`     // the new file differs from the present one
	Sessions    string         `json:"sessions"`    // what becomes of those that run
	SessionsEnd bool           `json:"sessionsEnd"` // or may
	Backup      string         `json:"backup"`      // the file from before, once the new one is installed
	OK          bool           `json:"ok"`
	Error       string         `json:"error"`
}

func setup(f *flag.FlagSet) cli.Run {
	o := &options{names: site.Flags(f)}
	f.StringVar(&o.python, "python", site.Python, "the `file` of the interpreter that the hub runs by")
	f.StringVar(&o.dir, "dir", "", "the hub's working `directory`, in place of the one that systemd has")
	f.StringVar(&o.url, "url", "", "the `address` where the hub answers, in place of what the configuration says")
	f.DurationVar(&o.timeout, "timeout", 3*time.Minute, "how long judging may take, and the restart, and after a failure the way back")
	f.BoolVar(&o.dryRun, "dry-run", false, "judge and show, but write and restart nothing")
	f.BoolVar(&o.asJSON, "json", false, "write the outcome as JSON, and the rest on standard error")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) != 1 {
			return cli.Usage("name the new configuration file")
		}
		result := outcome{Findings: []site.Finding{}}
		if !o.asJSON {
			return o.apply(ctx, out, args[0], &result)
		}
		human := *out
		human.Out, human.Terminal, human.Colour = out.Err, false, false
		err := o.apply(ctx, &human, args[0], &result)
		if result.OK = err == nil; err != nil {
			result.Error = err.Error()
		}
		return errors.Join(err, out.JSON(result))
	}
}

// apply is the whole procedure.
func (o *options) apply(ctx context.Context, out *cli.IO, path string, result *outcome) error {
	source, err := site.ReadFile(path)
	if err != nil {
		return err
	}
	before, err := site.ReadConfig(o.names.Config)
	if err != nil {
		return err
	}
	after, err := before.Rewrite(source.Bytes())
	if err != nil {
		return err
	}
	judging, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("it was not judged within %s", o.timeout))
	defer cancel()
	late := func(err error) error {
		if judging.Err() != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", context.Cause(judging), err)
		}
		return err
	}
	manager, err := site.Connect(judging, "")
	if err != nil {
		return late(err)
	}
	defer manager.Close()

	if err := o.judge(judging, out, manager, path, before, after, result); err != nil {
		return late(err)
	}
	if result.Changed = out.Diff(o.names.Config, path, before.Bytes(), after.Bytes()); !result.Changed {
		out.Printf("the hub's configuration is this already: nothing to do")
		return nil
	}
	result.Sessions, result.SessionsEnd, err = o.names.AtRestart(judging, manager, before)
	if err != nil {
		return late(err)
	}
	if result.SessionsEnd {
		out.Printf("%s %s", out.Paint(cli.Warn, "warning:"), cli.Printable(result.Sessions))
	} else {
		out.Printf("%s", cli.Printable(result.Sessions))
	}
	if o.dryRun {
		out.Printf("would install it and restart %s", cli.Printable(o.names.Hub))
		return nil
	}

	installed, err := after.Install(judging, spawnercfg.InstallOptions{})
	if err != nil {
		return late(err)
	}
	result.Backup = installed.Backup
	out.Printf("installed; the file from before is %s", cli.Printable(installed.Backup))
	since := time.Now()
	failure := o.restart(ctx, out, manager, after)
	if failure == nil {
		out.Printf("%s the hub answers with the new configuration", out.Paint(cli.Good, "done:"))
		return nil
	}
	// The way back is not cut short by what ended the way there.
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.timeout)
	defer cancel()
	out.Printf("%s %s", out.Paint(cli.Bad, "going back:"), cli.Printable(failure.Error()))
	showLog(back, out, o.names.Hub, since)
	return o.goBack(back, out, manager, before, installed, failure)
}

// goBack puts the old file in place and the hub on it.
func (o *options) goBack(ctx context.Context, out *cli.IO, manager *units.Manager, before *spawnercfg.File, installed spawnercfg.Installed, failure error) error {
	if _, err := spawnercfg.Restore(ctx, o.names.Config, installed.Backup, spawnercfg.InstallOptions{}); err != nil {
		return fmt.Errorf("%w; the old configuration could not be put back from %s: %w", failure, installed.Backup, err)
	}
	if err := o.restart(ctx, out, manager, before); err != nil {
		return fmt.Errorf("%w; the old configuration is back, but the hub does not answer with it either: %w", failure, err)
	}
	return fmt.Errorf("%w; the old configuration is back, and the hub answers", failure)
}

// judge lints the new file and lets the hub's own Python check it. An error
// ends the procedure before anything is written; one that lint finds in the
// present file too does not.
func (o *options) judge(ctx context.Context, out *cli.IO, manager *units.Manager, path string, before, after *spawnercfg.File, result *outcome) error {
	findings := site.Added(before.Lint(), after.Lint())
	if findings.Err() == nil {
		dir := o.dir
		if dir == "" {
			hub, err := manager.Status(ctx, o.names.Hub)
			if err != nil {
				return err
			}
			dir = strings.TrimLeft(hub.WorkingDir, "!-")
		}
		_, done := out.Progress("asking the hub's Python")
		// Where it is, and not from a copy as by File.Check: who has it beside the
		// present one may read other files by __file__.
		checked, err := spawnercfg.Checker{Python: o.python, Dir: dir, Limit: o.timeout}.Check(ctx, path)
		done()
		if err != nil {
			return site.CheckFailed(err)
		}
		findings = append(findings, site.Added(findings, after.Place(checked.Report))...)
	}
	for _, f := range findings {
		if f.Severity > spawnercfg.Info {
			result.Findings = append(result.Findings, site.FromConfig(after.Path(), f))
		}
	}
	site.Show(out, path, result.Findings...)
	if findings.Err() != nil {
		return errors.New("the new configuration has errors: nothing was changed")
	}
	return nil
}
