package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/units"
)

func selfsign(f *flag.FlagSet) cli.Run {
	dir := f.String("out", "out", "the `directory` to write to")
	rsa := f.Bool("rsa", false, "make RSA keys, for old clients")
	force := f.Bool("force", false, "replace the files of an earlier run, its private keys too")
	dryRun := f.Bool("dry-run", false, "only say what would be written")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, hosts []string) error {
		if len(hosts) == 0 {
			return cli.Usage("name at least one host")
		}
		request := certs.Request{Names: hosts}
		if *rsa {
			request.Key = certs.RSA2048
		}
		made, err := certs.Generate(request)
		if err != nil {
			return err
		}
		// As Generated.Write names it.
		folder := filepath.Join(*dir, strings.ReplaceAll(made.Host.Leaf().Subject.CommonName, "*", "_"))
		if _, err := os.Stat(folder); err == nil && !*force {
			return fmt.Errorf("%s exists, and its private keys would be lost: choose another --out, or --force", folder)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if *dryRun {
			out.Printf("would write to %s:", cli.Printable(folder))
			describe(out, made.Host.Chain(), made.Host.NotAfter())
			return nil
		}
		files, err := made.Write(ctx, *dir)
		if err != nil {
			return err
		}
		if *asJSON {
			return out.JSON(struct {
				Bundle string `json:"bundle"`
				Key    string `json:"key"`
				CACert string `json:"caCert"`
				CAKey  string `json:"caKey"`
			}(files))
		}
		out.Printf("certificate       %s", cli.Printable(files.Bundle))
		out.Printf("private key       %s", cli.Printable(files.Key))
		out.Printf("root for clients  %s", cli.Printable(files.CACert))
		out.Printf("the root's key    %s: whoever has it can sign for any host; keep it off this one", cli.Printable(files.CAKey))
		out.Printf("for tests only: clients trust it where they were given the root")
		return nil
	}
}

// activation is what makes servers use a pair, and proves it.
type activation struct {
	reload, restart site.List
	probe, name     string
	timeout         time.Duration
}

func (a *activation) register(f *flag.FlagSet) {
	f.Var(&a.reload, "reload", "a `unit` to reload; may be given again")
	f.Var(&a.restart, "restart", "a `unit` to restart; may be given again")
	f.StringVar(&a.probe, "probe", "", "the `address` (host:port) that must serve the pair afterwards")
	f.StringVar(&a.name, "name", "", "the host `name` to ask the probed server for")
	f.DurationVar(&a.timeout, "timeout", 2*time.Minute, "how long reloads and restarts may take")
}

// check refuses what cannot be probed, before anything is done.
func (a *activation) check() error {
	if a.probe == "" {
		return nil
	}
	return address(a.probe)
}

// run does it, shown as what, and has the servers use the pair. A connection
// to systemd is made only if there is something to do by it.
func (a *activation) run(ctx context.Context, out *cli.IO, what string, opt certs.Options,
	do func(certs.Options) (*certs.Result, error)) (*certs.Result, error) {
	opt.Endpoint = certs.Endpoint{Addr: a.probe, Name: a.name}
	if len(a.reload)+len(a.restart) > 0 {
		manager, err := site.Connect(ctx, "")
		if err != nil {
			return nil, err
		}
		defer manager.Close()
		opt.Hook = func(ctx context.Context, _ certs.Stage) error {
			ctx, cancel := context.WithTimeout(ctx, a.timeout)
			defer cancel()
			for _, name := range a.reload {
				if err := act(ctx, manager, manager.Reload, name); err != nil {
					return err
				}
			}
			for _, name := range a.restart {
				if err := act(ctx, manager, manager.Restart, name); err != nil {
					return err
				}
			}
			return nil
		}
	}
	_, done := out.Progress(what)
	defer done()
	return do(opt)
}

// steps says what would be done after the files are in place.
func (a *activation) steps(out *cli.IO) {
	for _, name := range a.reload {
		out.Printf("would reload %s", cli.Printable(name))
	}
	for _, name := range a.restart {
		out.Printf("would restart %s", cli.Printable(name))
	}
	if a.probe != "" {
		out.Printf("would go back unless %s serves it", cli.Printable(a.probe))
	}
}

func act(ctx context.Context, manager *units.Manager, do func(context.Context, string, ...units.JobOption) error, name string) error {
	unit, err := units.Mangle(name, ".service")
	if err != nil {
		return err
	}
	if err := do(ctx, unit); err != nil {
		return site.Explained(ctx, manager, unit, err)
	}
	return nil
}

func install(f *flag.FlagSet) cli.Run {
	var files pairFlags
	var judge policyFlags
	var act activation
	files.register(f)
	judge.register(f)
	act.register(f)
	target := targetFlags(f)
	force := f.Bool("force", false, "install in spite of errors in the report")
	dryRun := f.Bool("dry-run", false, "only say what would be done")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		pair, err := files.load()
		if err != nil {
			return err
		}
		policy, err := judge.policy()
		if err != nil {
			return err
		}
		if err := act.check(); err != nil {
			return err
		}
		if *dryRun {
			return rehearse(out, target, pair, policy, &act, inputs(files.cert, files.key), *asJSON)
		}
		result, err := act.run(ctx, out, "installing", certs.Options{Policy: policy, Force: *force}, func(opt certs.Options) (*certs.Result, error) {
			return target.Install(ctx, pair, opt)
		})
		return report(out, target.Dir, result, err, &act, *asJSON)
	}
}

func rollback(f *flag.FlagSet) cli.Run {
	var judge policyFlags
	var act activation
	judge.register(f)
	act.register(f)
	target := targetFlags(f)
	force := f.Bool("force", false, "go back in spite of errors in the report, to a pair that has expired for instance")
	dryRun := f.Bool("dry-run", false, "only say what would be done")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		id := ""
		if len(args) == 1 {
			id = args[0]
		} else if len(args) > 1 {
			return cli.Usage("one backup at a time")
		}
		policy, err := judge.policy()
		if err != nil {
			return err
		}
		if err := act.check(); err != nil {
			return err
		}
		if *dryRun {
			b, err := backup(target, id)
			if err != nil {
				return err
			}
			return rehearse(out, target, b.Pair, policy, &act, inputs(b.ID, b.ID), *asJSON)
		}
		result, err := act.run(ctx, out, "going back", certs.Options{Policy: policy, Force: *force}, func(opt certs.Options) (*certs.Result, error) {
			return target.Rollback(ctx, id, opt)
		})
		if errors.Is(err, fs.ErrNotExist) {
			if _, none := backup(target, id); none != nil {
				err = none
			}
		}
		return report(out, target.Dir, result, err, &act, *asJSON)
	}
}

// backup returns the backup that a rollback goes back to.
func backup(target *certs.Target, id string) (certs.Backup, error) {
	list, err := target.Backups()
	if err != nil {
		return certs.Backup{}, noTarget(err)
	}
	for _, b := range slices.Backward(list) {
		if id == "" || id == b.ID {
			return b, nil
		}
	}
	if len(list) == 0 {
		return certs.Backup{}, fmt.Errorf("there is no backup of %s to go back to", target.Dir)
	}
	return certs.Backup{}, fmt.Errorf("there is no backup %q of %s; hubcert backups lists them", id, target.Dir)
}

// rehearse says what would be installed in place of what, and judges it.
func rehearse(out *cli.IO, target *certs.Target, pair *certs.Pair, policy certs.Policy, act *activation, names map[certs.Input]string, asJSON bool) error {
	if asJSON {
		return show(out, pair.Verify(policy), names, true)
	}
	out.Printf("would install into %s:", cli.Printable(target.Dir))
	describe(out, pair.Chain(), pair.NotAfter())
	if old, err := target.Load(); err == nil {
		out.Printf("in place of:")
		describe(out, old.Chain(), old.NotAfter())
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	act.steps(out)
	return show(out, pair.Verify(policy), names, false)
}

// report says how an installation ended. An error says by itself how things
// were left.
func report(out *cli.IO, dir string, result *certs.Result, err error, act *activation, asJSON bool) error {
	if err != nil {
		return noTarget(err)
	}
	if asJSON {
		return out.JSON(struct {
			Changed   bool      `json:"changed"`
			Recovered bool      `json:"recovered"`
			Backup    string    `json:"backup"`
			Expires   time.Time `json:"expires"`
		}{result.Changed, result.Recovered, result.Backup, result.Report.NotAfter})
	}
	if result.Recovered {
		out.Printf("an earlier installation had been interrupted, and was healed first")
	}
	if !result.Changed {
		out.Printf("the pair is in place already: nothing was changed")
		return nil
	}
	out.Printf("installed into %s; expires %s", cli.Printable(dir), result.Report.NotAfter.UTC().Format(time.DateOnly))
	if act.probe != "" {
		out.Printf("%s serves it", cli.Printable(act.probe))
	} else if len(act.reload)+len(act.restart) == 0 {
		out.Printf("no server was told: it is used from a server's next reload on (--reload nginx)")
	}
	if result.Backup != "" {
		out.Printf("to go back: hubcert rollback %s", result.Backup)
	}
	return nil
}
