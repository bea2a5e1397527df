package main

import (
	"context"
	"crypto/x509"
	"errors"
	"path/filepath"
	"time"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/internal/cli"
)

// certify makes a pair for a test host, installs it, renews it, sees a pair
// with the wrong key refused, and goes back.
func certify(ctx context.Context, g *guide) error {
	const host = "hub.test"
	first, err := certs.Generate(certs.Request{Names: []string{host, "127.0.0.1"}})
	if err != nil {
		return err
	}
	renewed, err := certs.Generate(certs.Request{Names: []string{host, "127.0.0.1"}, CA: first.CA})
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	for _, root := range first.CA.Chain() {
		roots.AddCert(root)
	}
	options := certs.Options{Policy: certs.Policy{Names: []string{host}, PrivateRoots: roots}}

	target := certs.Target{Dir: filepath.Join(g.dir, "certs")}
	for _, made := range []*certs.Generated{first, renewed} {
		result, err := target.Install(ctx, made.Host, options)
		if err != nil {
			return err
		}
		g.Printf("installed %s…, expires %s", made.Host.Fingerprint()[:16], made.Host.NotAfter().Format(time.DateOnly))
		for _, f := range result.Report.Findings {
			g.Printf("    %s %s: %s", f.Severity, g.Paint(cli.Warn, string(f.Code)), cli.Printable(f.Message))
		}
	}

	key, err := first.Host.KeyPEM()
	if err != nil {
		return err
	}
	mixed := certs.Parse(renewed.Host.CertPEM(), key)
	if _, err := target.Install(ctx, mixed, options); !errors.Is(err, certs.CodeKeyMismatch) {
		return errors.Join(errors.New("the certificate of one pair with the key of another was not refused as such"), err)
	}
	g.Printf("%s the certificate of one with the key of the other: nothing was written", g.Paint(cli.Good, "refused:"))

	if _, err := target.Rollback(ctx, "", options); err != nil {
		return err
	}
	now, err := target.Load()
	if err != nil {
		return err
	}
	g.Printf("rolled back to %s…", now.Fingerprint()[:16])
	return nil
}
