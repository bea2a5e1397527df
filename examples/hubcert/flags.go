package main

import (
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/units"
)

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

func targetFlags(f *flag.FlagSet) *certs.Target {
	t := new(certs.Target)
	f.StringVar(&t.Dir, "dir", certs.DefaultDir, "the `directory` of the installed pair")
	return t
}

// address refuses what is no address of a server.
func address(text string) error {
	if _, _, err := net.SplitHostPort(text); err != nil {
		return cli.Usage("%q: an address has a port, as in 127.0.0.1:443", text)
	}
	return nil
}

// noTarget adds to the error of an operation on a target that is not there
// what to do.
func noTarget(err error) error {
	if _, ofSystemd := errors.AsType[*units.Error](err); errors.Is(err, fs.ErrNotExist) && !ofSystemd {
		return fmt.Errorf("%w; where is it? --dir DIRECTORY, in a folder that exists", err)
	}
	return err
}
