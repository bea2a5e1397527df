package certs_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hubhost/hubhost/certs"
)

// Know what is wrong with two files before any server reads them.
func Example() {
	cert, key := exampleFiles()

	report := certs.Parse(cert, key).Verify(certs.Policy{
		Names: []string{"hub.example.org", "alias.example.org"},
	})
	for _, f := range report.Findings {
		fmt.Println(f.Severity, f.Code)
	}
	if err := report.Err(); errors.Is(err, certs.CodeHostnameMismatch) {
		fmt.Println("not for that name")
	}
	// Output:
	// info root-in-bundle
	// error hostname-mismatch
	// warning private-ca
	// not for that name
}

// Make a pair for a test host, and write it where the documented copy
// commands expect it.
func ExampleGenerate() {
	out, err := os.MkdirTemp("", "out")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(out)

	g, err := certs.Generate(certs.Request{Names: []string{"hub.test", "192.0.2.7"}})
	if err != nil {
		log.Fatal(err)
	}
	files, err := g.Write(context.Background(), out)
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{files.Bundle, files.Key} {
		rel, _ := filepath.Rel(out, path)
		fmt.Println(rel)
	}
	// Output:
	// hub.test/hub.test-bundle.crt
	// hub.test/hub.test.key
}

// Install a pair, have nginx check and load it, and see that it is served; if
// not, the old pair comes back.
func ExampleTarget_Install() {
	ctx := context.Background()
	pair, err := certs.Load("your-cert.crt", "your-key.key")
	if err != nil {
		log.Fatal(err)
	}
	result, err := certs.Target{}.Install(ctx, pair, certs.Options{
		Policy: certs.Policy{Names: []string{"hub.example.org"}, Production: true},
		Hook: func(ctx context.Context, stage certs.Stage) error {
			if err := exec.CommandContext(ctx, "nginx", "-t", "-q").Run(); err != nil {
				return fmt.Errorf("nginx -t: %w", err)
			}
			return exec.CommandContext(ctx, "systemctl", "reload", "nginx").Run()
		},
		Endpoint: certs.Endpoint{Addr: "127.0.0.1:443", Name: "hub.example.org"},
	})
	if e, ok := errors.AsType[*certs.Error](err); ok && e.State == certs.StateRestored {
		log.Fatalf("the old pair is served as before: %v", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Changed, result.Backup)
}

// Go back to the pair that was replaced last.
func ExampleTarget_Rollback() {
	ctx := context.Background()
	target := certs.Target{Dir: "/opt/jupyterhub/certs"}
	backups, err := target.Backups()
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range backups {
		fmt.Println(b.ID, b.Pair.NotAfter())
	}
	if _, err := target.Rollback(ctx, "", certs.Options{}); err != nil {
		log.Fatal(err)
	}
}

// Ask a server what it serves, and whether that is what is installed.
func ExampleServed() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	served, err := certs.Served(ctx, "127.0.0.1:443", "hub.example.org")
	if err != nil {
		log.Fatal(err)
	}
	installed, err := certs.Target{}.Load()
	if err != nil {
		log.Fatal(err)
	}
	if !served.Matches(installed) {
		fmt.Println("nginx was not reloaded since the certificate was replaced")
	}
	fmt.Println("expires", served.NotAfter())
}

func exampleFiles() (cert, key []byte) {
	g, err := certs.Generate(certs.Request{Names: []string{"hub.example.org"}})
	if err != nil {
		log.Fatal(err)
	}
	key, err = g.Host.KeyPEM()
	if err != nil {
		log.Fatal(err)
	}
	return g.Host.CertPEM(), key
}

// Know that the installed certificate is about to expire, before users do.
func ExampleTarget_Audit() {
	report, err := certs.Target{}.Audit(certs.Policy{Names: []string{"hub.example.org"}})
	if err != nil {
		log.Fatal(err)
	}
	if left := time.Until(report.NotAfter); left < 30*24*time.Hour {
		fmt.Printf("renew it: %d days left\n", int(left.Hours()/24))
	}
	for _, f := range report.Findings {
		fmt.Println(f.Severity, f.Code, f.Subject, f.Message)
	}
}
