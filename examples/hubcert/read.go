package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
)

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
		_, keyErr := pair.KeyPEM()
		found := inspected{Chain: []link{}, HasKey: keyErr == nil}
		for _, c := range pair.Chain() {
			found.Chain = append(found.Chain, link{c.Subject.String(), c.Issuer.String(), names(c), c.NotBefore, c.NotAfter})
		}
		if leaf := pair.Leaf(); leaf != nil {
			found.SHA256, found.Expires = pair.Fingerprint(), pair.NotAfter()
		}
		if *asJSON {
			if err := out.JSON(found); err != nil {
				return err
			}
		} else {
			describe(out, pair.Chain(), pair.NotAfter())
			switch {
			case len(found.Chain) == 0 && key == "":
				out.Printf("%s no certificate of a host in it", out.Paint(cli.Bad, "error:"))
			case len(found.Chain) == 0:
				out.Printf("%s no certificate in it that the key belongs to", out.Paint(cli.Bad, "error:"))
			case found.HasKey:
				out.Printf("key belongs to the certificate")
			case key != "":
				out.Printf("%s the key is not the certificate's, or none", out.Paint(cli.Bad, "error:"))
			}
		}
		if len(found.Chain) > 0 && (key == "" || found.HasKey) {
			return nil
		}
		if !*asJSON {
			// Why not: it may be in another format, or encrypted.
			for _, f := range pair.Verify(certs.Policy{}).Findings {
				if f.Severity == certs.SeverityError && (f.Input != certs.InputKey || key != "") {
					site.Show(out, inputs(args[0], key)[f.Input], finding(f))
				}
			}
		}
		return cli.ErrFinding
	}
}

// inspected is what inspect says to a machine. The key is not part of it.
type inspected struct {
	SHA256  string    `json:"sha256,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // of the chain, whose links may expire before the host's
	HasKey  bool      `json:"hasKey"`
	Chain   []link    `json:"chain"`
}

type link struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// names returns what hosts a certificate is for.
func names(c *x509.Certificate) []string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return all
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
			out.Printf("%s %s", out.Paint(cli.Faint, "names  "), cli.Printable(strings.Join(names(c), ", ")))
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
	return func(_ context.Context, out *cli.IO, _ []string) error {
		pair, err := files.load()
		if err != nil {
			return err
		}
		policy, err := judge.policy()
		if err != nil {
			return err
		}
		return show(out, pair.Verify(policy), inputs(files.cert, files.key), *asJSON)
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
			return noTarget(err)
		}
		names := inputs(filepath.Join(target.Dir, "cert.pem"), filepath.Join(target.Dir, "cert.key"))
		names[certs.InputNone] = target.Dir
		return show(out, report, names, *asJSON)
	}
}

// inputs names what findings are about: those about the pair as a whole go by
// the name of the certificate.
func inputs(cert, key string) map[certs.Input]string {
	return map[certs.Input]string{certs.InputNone: cert, certs.InputCert: cert, certs.InputKey: key}
}

func finding(f certs.Finding) site.Finding {
	message := f.Message
	if filepath.IsAbs(f.Subject) { // which file an audit is about; of a certificate the line tells
		message = f.Subject + ": " + message
	}
	return site.Finding{
		Code: string(f.Code), Severity: f.Severity.String(), Option: string(f.Input),
		Line: f.Line, Message: message, Hint: f.Hint,
	}
}

// show writes a report, and makes an error in it the program's.
func show(out *cli.IO, report *certs.Report, names map[certs.Input]string, asJSON bool) error {
	ok := report.Err() == nil
	if asJSON {
		found := []site.Finding{}
		for _, f := range report.Findings {
			found = append(found, finding(f))
		}
		err := out.JSON(struct {
			OK       bool           `json:"ok"`
			Findings []site.Finding `json:"findings"`
		}{ok, found})
		if err != nil {
			return err
		}
	} else {
		for _, f := range report.Findings {
			site.Show(out, names[f.Input], finding(f))
		}
		if ok {
			out.Printf("%s trust %s, expires %s", out.Paint(cli.Good, "usable:"), report.Trust, report.NotAfter.UTC().Format(time.DateOnly))
		}
	}
	if !ok {
		return cli.ErrFinding
	}
	return nil
}

func backups(f *flag.FlagSet) cli.Run {
	target := targetFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(_ context.Context, out *cli.IO, _ []string) error {
		list, err := target.Backups()
		if err != nil {
			return noTarget(err)
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
		if err := address(args[0]); err != nil {
			return err
		}
		const limit = 10 * time.Second
		asking, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		_, done := out.Progress("asking " + args[0])
		chain, err := certs.Served(asking, args[0], *name)
		done()
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s does not answer within %s: is it a web server with TLS?", args[0], limit)
		}
		if err != nil {
			return err
		}
		installed, err := target.Load()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		state := "unknown"
		if err == nil {
			state = map[bool]string{true: "yes", false: "no"}[chain.Matches(installed)]
		}
		if *asJSON {
			if err := out.JSON(struct {
				Fingerprint string    `json:"fingerprint"`
				NotAfter    time.Time `json:"notAfter"`
				Subject     string    `json:"subject"`
				Installed   string    `json:"installed"`
			}{chain.Fingerprint(), chain.NotAfter(), chain.Leaf().Subject.String(), state}); err != nil {
				return err
			}
		} else {
			describe(out, chain.Chain, chain.NotAfter())
			switch state {
			case "yes":
				out.Printf("%s it is the one in %s", out.Paint(cli.Good, "installed:"), cli.Printable(target.Dir))
			case "no":
				out.Printf("%s %s holds another one: was the server reloaded?", out.Paint(cli.Bad, "not the installed one:"), cli.Printable(target.Dir))
			}
		}
		if state == "no" {
			return cli.ErrFinding
		}
		return nil
	}
}
