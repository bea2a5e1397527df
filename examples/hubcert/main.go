// Command hubcert looks at, makes, installs and takes back the certificate of
// a hub.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/units"
)

var app = &cli.App{
	Name:    "hubcert",
	Summary: "the hub's certificate and its key, as one",
	Commands: []*cli.Command{
		{
			Name: "inspect", Args: "CERT [KEY]", Setup: inspect,
			Summary: "Show what certificates a file holds, and whether the key belongs to them.",
			Example: "hubcert inspect your-cert.crt your-key.key",
		},
		{
			Name: "verify", Setup: verify,
			Summary: "Say everything that is wrong with a certificate and its key, before any server reads them.",
			Example: "hubcert verify --cert your-cert.crt --key your-key.key --host hub.example.org --production",
		},
		{
			Name: "selfsign", Args: "HOST…", Setup: selfsign,
			Summary: "Make a certificate for a test host, signed by a private CA that is made too.",
			Example: "hubcert selfsign hub.test 192.0.2.7 --out out",
		},
		{
			Name: "install", Setup: install,
			Summary: "Put a certificate and its key in place as one, reload the servers, and go back if they do not serve it.",
			Example: `hubcert install --cert your-cert.crt --key your-key.key --host hub.example.org --dry-run
				hubcert install --cert your-cert.crt --key your-key.key --reload nginx --probe 127.0.0.1:443 --name hub.example.org`,
		},
		{
			Name: "backups", Setup: backups,
			Summary: "List the pairs that were replaced.",
			Example: "hubcert backups",
		},
		{
			Name: "rollback", Args: "[ID]", Setup: rollback,
			Summary: "Put a replaced pair back, the newest without an ID.",
			Example: "hubcert rollback --reload nginx --probe 127.0.0.1:443 --name hub.example.org",
		},
		{
			Name: "served", Args: "ADDR", Setup: served,
			Summary: "Show the certificate that a server sends, and whether it is the installed one.",
			Example: "hubcert served 127.0.0.1:443 --name hub.example.org",
		},
		{
			Name: "audit", Setup: audit,
			Summary: "Judge the installed pair and its files as they are on disk.",
			Example: "hubcert audit --dir /opt/jupyterhub/certs --host hub.example.org",
		},
	},
}

func main() { os.Exit(app.Main()) }

// pairFlags are the two files of a pair.
type pairFlags struct{ cert, key string }

func (p *pairFlags) register(f *flag.FlagSet) {
	f.StringVar(&p.cert, "cert", "", "the `file` with the certificate")
	f.StringVar(&p.key, "key", "", "the `file` with its private key")
}

func (p *pairFlags) load() (*certs.Pair, error) {
	if p.cert == "" || p.key == "" {
		return nil, cli.Usage("give --cert and --key")
	}
	return certs.Load(p.cert, p.key)
}

// policyFlags say what a pair is judged by.
type policyFlags struct {
	hosts      site.List
	roots      string
	production bool
}

func (p *policyFlags) register(f *flag.FlagSet) {
	f.Var(&p.hosts, "host", "a `name` or address by which users reach the hub; may be given again")
	f.StringVar(&p.roots, "roots", "", "a PEM `file` with the roots that clients trust, in place of the system's")
	f.BoolVar(&p.production, "production", false, "refuse a private CA and a self-signed certificate")
}

func (p *policyFlags) policy() (certs.Policy, error) {
	policy := certs.Policy{Names: p.hosts, Production: p.production}
	if p.roots != "" {
		pem, err := os.ReadFile(p.roots)
		if err != nil {
			return policy, err
		}
		policy.Roots = x509.NewCertPool()
		if !policy.Roots.AppendCertsFromPEM(pem) {
			return policy, fmt.Errorf("%s: no certificate in it", p.roots)
		}
	}
	return policy, nil
}

func inspect(f *flag.FlagSet) cli.Run {
	asJSON := f.Bool("json", false, "write JSON")
	return func(_ context.Context, out *cli.IO, args []string) error {
		if len(args) < 1 || len(args) > 2 {
			return cli.Usage("give the file of the certificate, and that of the key if there is one")
		}
		key := ""
		if len(args) == 2 {
			key = args[1]
		}
		pair, err := certs.Load(args[0], key)
		if err != nil {
			return err
		}
		if *asJSON {
			return out.JSON(pair)
		}
		if len(pair.Chain()) == 0 {
			out.Printf("no certificate that the key belongs to")
		}
		describe(out, pair.Chain(), pair.NotAfter())
		_, err = pair.KeyPEM()
		out.Printf("key %s", map[bool]string{true: "belongs to the certificate", false: "missing, or not the certificate's"}[err == nil])
		return nil
	}
}

// describe writes a chain for people, the leaf first.
func describe(out *cli.IO, chain []*x509.Certificate, notAfter time.Time) {
	for i, c := range chain {
		role := "issuer "
		if i == 0 {
			role = "host   "
		}
		out.Printf("%s %s", out.Paint(cli.Faint, role), out.Paint(cli.Bold, c.Subject.String()))
		if i == 0 {
			names := append([]string(nil), c.DNSNames...)
			for _, ip := range c.IPAddresses {
				names = append(names, ip.String())
			}
			out.Printf("%s %s", out.Paint(cli.Faint, "names  "), cli.Printable(strings.Join(names, ", ")))
			out.Printf("%s %s", out.Paint(cli.Faint, "by     "), cli.Printable(c.Issuer.String()))
		}
		out.Printf("%s %s to %s", out.Paint(cli.Faint, "valid  "), c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly))
	}
	if !notAfter.IsZero() {
		out.Printf("expires in %d days, %s", int(time.Until(notAfter).Hours()/24), notAfter.UTC().Format(time.RFC3339))
	}
}

func verify(f *flag.FlagSet) cli.Run {
	var files pairFlags
	var judge policyFlags
	files.register(f)
	judge.register(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(_ context.Context, out *cli.IO, args []string) error {
		if len(args) > 0 {
			return cli.Usage("%q: the files are given by --cert and --key", args[0])
		}
		pair, err := files.load()
		if err != nil {
			return err
		}
		policy, err := judge.policy()
		if err != nil {
			return err
		}
		return show(out, pair.Verify(policy), files.cert, *asJSON)
	}
}

func audit(f *flag.FlagSet) cli.Run {
	var judge policyFlags
	judge.register(f)
	target := targetFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(_ context.Context, out *cli.IO, _ []string) error {
		policy, err := judge.policy()
		if err != nil {
			return err
		}
		report, err := target.Audit(policy)
		if err != nil {
			return err
		}
		return show(out, report, target.Dir, *asJSON)
	}
}

// show writes a report, and makes an error in it the program's.
func show(out *cli.IO, report *certs.Report, file string, asJSON bool) error {
	found := make([]site.Finding, 0, len(report.Findings))
	for _, f := range report.Findings {
		found = append(found, site.Finding{
			Code: string(f.Code), Severity: f.Severity.String(), Option: string(f.Input),
			Line: f.Line, Message: f.Message, Hint: f.Hint,
		})
	}
	ok := report.Err() == nil
	if asJSON {
		err := out.JSON(struct {
			OK       bool           `json:"ok"`
			Findings []site.Finding `json:"findings"`
		}{ok, found})
		if err != nil {
			return err
		}
	} else {
		site.Show(out, file, found)
		if ok {
			out.Printf("%s trust %s, expires %s", out.Paint(cli.Good, "usable:"), report.Trust, report.NotAfter.UTC().Format(time.DateOnly))
		}
	}
	if !ok {
		return cli.ErrFinding
	}
	return nil
}

func selfsign(f *flag.FlagSet) cli.Run {
	dir := f.String("out", "out", "the `directory` to write to")
	rsa := f.Bool("rsa", false, "make RSA keys, for old clients")
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
		files, err := made.Write(ctx, *dir)
		if err != nil {
			return err
		}
		if *asJSON {
			return out.JSON(files)
		}
		out.Printf("certificate  %s", cli.Printable(files.Bundle))
		out.Printf("private key  %s", cli.Printable(files.Key))
		out.Printf("root for clients  %s", cli.Printable(files.CACert))
		out.Printf("for tests only: clients trust it where they were given the root")
		return nil
	}
}

func targetFlags(f *flag.FlagSet) *certs.Target {
	t := new(certs.Target)
	f.StringVar(&t.Dir, "dir", certs.DefaultDir, "the `directory` of the installed pair")
	return t
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

// options completes opt; the connection to systemd is made only if there is
// something to do, and closed by done.
func (a *activation) options(ctx context.Context, opt *certs.Options) (done func(), err error) {
	opt.Endpoint = certs.Endpoint{Addr: a.probe, Name: a.name}
	if len(a.reload)+len(a.restart) == 0 {
		return func() {}, nil
	}
	manager, err := units.Connect(ctx, nil)
	if err != nil {
		return nil, err
	}
	opt.Hook = func(ctx context.Context, _ certs.Stage) error {
		ctx, cancel := context.WithTimeout(ctx, a.timeout)
		defer cancel()
		for _, name := range a.reload {
			if err := act(ctx, manager.Reload, name); err != nil {
				return err
			}
		}
		for _, name := range a.restart {
			if err := act(ctx, manager.Restart, name); err != nil {
				return err
			}
		}
		return nil
	}
	return func() { manager.Close() }, nil
}

func act(ctx context.Context, do func(context.Context, string, ...units.JobOption) error, name string) error {
	unit, err := units.Mangle(name, ".service")
	if err != nil {
		return err
	}
	return do(ctx, unit)
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
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) > 0 {
			return cli.Usage("%q: the files are given by --cert and --key", args[0])
		}
		pair, err := files.load()
		if err != nil {
			return err
		}
		policy, err := judge.policy()
		if err != nil {
			return err
		}
		if *dryRun {
			out.Printf("would install into %s:", cli.Printable(target.Dir))
			describe(out, pair.Chain(), pair.NotAfter())
			if old, err := target.Load(); err == nil {
				out.Printf("in place of:")
				describe(out, old.Chain(), old.NotAfter())
			} else if !errors.Is(err, os.ErrNotExist) {
				return err
			}
			return show(out, pair.Verify(policy), files.cert, false)
		}
		opt := certs.Options{Policy: policy, Force: *force}
		done, err := act.options(ctx, &opt)
		if err != nil {
			return err
		}
		defer done()
		_, finish := out.Progress("installing")
		result, err := target.Install(ctx, pair, opt)
		finish()
		return report(out, result, err)
	}
}

func rollback(f *flag.FlagSet) cli.Run {
	var judge policyFlags
	var act activation
	judge.register(f)
	act.register(f)
	target := targetFlags(f)
	force := f.Bool("force", false, "go back in spite of errors in the report, to a pair that has expired for instance")
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
		opt := certs.Options{Policy: policy, Force: *force}
		done, err := act.options(ctx, &opt)
		if err != nil {
			return err
		}
		defer done()
		_, finish := out.Progress("going back")
		result, err := target.Rollback(ctx, id, opt)
		finish()
		return report(out, result, err)
	}
}

// report says how an installation ended.
func report(out *cli.IO, result *certs.Result, err error) error {
	if err != nil {
		if e, ok := errors.AsType[*certs.Error](err); ok && e.State != "" {
			states := map[certs.State]string{
				certs.StateUntouched:      "nothing was changed",
				certs.StateRestored:       "the old pair is back and served",
				certs.StateRestoredOnDisk: "the old pair is back on disk, but not loaded: look at the server",
				certs.StateReplaced:       "the new pair is in place",
				certs.StateInterrupted:    "the old pair could not be put back: run the command again",
			}
			return fmt.Errorf("%w; %s", err, states[e.State])
		}
		return err
	}
	if result.Recovered {
		out.Printf("an earlier installation had been interrupted, and was healed first")
	}
	if !result.Changed {
		out.Printf("the pair is in place already: nothing was changed")
		return nil
	}
	out.Printf("installed; expires %s", result.Report.NotAfter.UTC().Format(time.DateOnly))
	if result.Backup != "" {
		out.Printf("to go back: hubcert rollback %s", result.Backup)
	}
	return nil
}

func backups(f *flag.FlagSet) cli.Run {
	target := targetFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(_ context.Context, out *cli.IO, _ []string) error {
		list, err := target.Backups()
		if err != nil {
			return err
		}
		type backup struct {
			ID       string      `json:"id"`
			Replaced time.Time   `json:"replaced"`
			Pair     *certs.Pair `json:"pair"`
		}
		all := []backup{}
		var rows [][]cli.Cell
		for _, b := range list {
			all = append(all, backup{b.ID, b.Time, b.Pair})
			subject := "no certificate"
			if leaf := b.Pair.Leaf(); leaf != nil {
				subject = leaf.Subject.String()
			}
			rows = append(rows, []cli.Cell{{Text: b.ID}, {Text: b.Pair.NotAfter().UTC().Format(time.DateOnly)}, {Text: subject}})
		}
		if *asJSON {
			return out.JSON(all)
		}
		out.Table([]string{"ID", "EXPIRES", "CERTIFICATE"}, rows)
		return nil
	}
}

func served(f *flag.FlagSet) cli.Run {
	name := f.String("name", "", "the host `name` to ask for")
	target := targetFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) != 1 {
			return cli.Usage("give one address, such as 127.0.0.1:443")
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		chain, err := certs.Served(ctx, args[0], *name)
		if err != nil {
			return err
		}
		installed, err := target.Load()
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		state := "unknown"
		if err == nil {
			state = map[bool]string{true: "yes", false: "no"}[chain.Matches(installed)]
		}
		if *asJSON {
			return out.JSON(struct {
				Fingerprint string    `json:"fingerprint"`
				NotAfter    time.Time `json:"notAfter"`
				Subject     string    `json:"subject"`
				Installed   string    `json:"installed"`
			}{chain.Fingerprint(), chain.NotAfter(), chain.Leaf().Subject.String(), state})
		}
		describe(out, chain.Chain, chain.NotAfter())
		switch state {
		case "yes":
			out.Printf("%s it is the one in %s", out.Paint(cli.Good, "installed:"), cli.Printable(target.Dir))
		case "no":
			out.Printf("%s %s holds another one: was the server reloaded?", out.Paint(cli.Bad, "not the installed one:"), cli.Printable(target.Dir))
			return cli.ErrFinding
		}
		return nil
	}
}
