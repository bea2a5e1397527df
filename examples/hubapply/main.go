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
	"path/filepath"
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
}

func setup(f *flag.FlagSet) cli.Run {
	o := &options{names: site.Flags(f)}
	f.StringVar(&o.python, "python", site.Python, "the interpreter (`file`) that the hub runs by")
	f.StringVar(&o.dir, "dir", "", "the hub's working `directory`, in place of the one that systemd has")
	f.StringVar(&o.url, "url", "", "where the hub answers (`url`), in place of what the configuration says")
	f.DurationVar(&o.timeout, "timeout", 3*time.Minute, "how long the check may take, and the restart, and after a failure the way back")
	f.BoolVar(&o.dryRun, "dry-run", false, "judge and show, but write and restart nothing")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) != 1 {
			return cli.Usage("name the new configuration file")
		}
		return o.apply(ctx, out, args[0])
	}
}

// apply is the whole procedure.
func (o *options) apply(ctx context.Context, out *cli.IO, path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, err := spawnercfg.ReadFile(o.names.Config, filepath.Dir(o.names.Config))
	if err != nil {
		return err
	}
	after, err := before.Rewrite(source)
	if err != nil {
		return err
	}
	// The variable by which systemctl too is shown another bus.
	manager, err := units.Connect(ctx, &units.Config{Address: os.Getenv("DBUS_SYSTEM_BUS_ADDRESS")})
	if err != nil {
		return err
	}
	defer manager.Close()

	if err := o.judge(ctx, out, manager, path, before, after); err != nil {
		return err
	}
	if !out.Diff(o.names.Config, path, before.Bytes(), after.Bytes()) {
		out.Printf("the hub's configuration is this already: nothing to do")
		return nil
	}
	if err := o.warn(ctx, out, manager, before); err != nil {
		return err
	}
	if o.dryRun {
		return nil
	}

	installed, err := after.Install(ctx, spawnercfg.InstallOptions{})
	if err != nil {
		return err
	}
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
func (o *options) judge(ctx context.Context, out *cli.IO, manager *units.Manager, path string, before, after *spawnercfg.File) error {
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
		checked, err := spawnercfg.Checker{Python: o.python, Dir: dir, Limit: o.timeout}.Check(ctx, path)
		done()
		if err != nil {
			return err
		}
		findings = append(findings, site.Added(findings, checked.Report)...)
	}
	var list []site.Finding
	for _, f := range findings {
		if f.Severity > spawnercfg.Info {
			list = append(list, site.FromConfig(f))
		}
	}
	site.Show(out, path, list)
	if findings.Err() != nil {
		return errors.New("the new configuration has errors: nothing was changed")
	}
	return nil
}

// warn says whose sessions end. What the hub does when it stops is in the
// configuration that it was started with, the old one.
func (o *options) warn(ctx context.Context, out *cli.IO, manager *units.Manager, before *spawnercfg.File) error {
	pattern, err := o.names.Pattern()
	if err != nil {
		return err
	}
	running, err := manager.List(ctx, units.Filter{Patterns: []string{pattern}, States: []string{"active"}})
	if err != nil {
		return err
	}
	var users []string
	for _, u := range running {
		if user, ok := o.names.User(u.Name); ok {
			users = append(users, user)
		}
	}
	if len(users) == 0 {
		out.Printf("no sessions run")
		return nil
	}
	cleanup := before.Read("JupyterHub", "cleanup_servers")
	if on, ok := cleanup.Value.Bool(); cleanup.Certainty == spawnercfg.Certain && ok && !on {
		out.Printf("%s, because cleanup_servers is False: %s", site.Sessions(len(users), "goes on", "go on"), cli.Printable(strings.Join(users, ", ")))
		return nil
	}
	what := site.Sessions(len(users), "ends", "end") + ", because cleanup_servers is not set to False"
	if cleanup.Certainty == spawnercfg.NotCertain {
		what = site.Sessions(len(users), "may end", "may end") + ", because cleanup_servers is not certain"
	}
	out.Printf("%s %s: %s", out.Paint(cli.Warn, "warning:"), what, cli.Printable(strings.Join(users, ", ")))
	return nil
}
