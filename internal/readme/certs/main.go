package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/hubhost/hubhost/certs"
)

func main() {
	pair, err := certs.Load("your-cert.crt", "your-key.key")
	if err != nil {
		log.Fatal(err)
	}
	policy := certs.Policy{Names: []string{"hub.example.org"}, Production: true}
	for _, f := range pair.Verify(policy).Findings {
		fmt.Println(f.Severity, f.Code, f.Line, f.Message)
	}

	// Both files change as one; if the server does not serve them, they change back.
	_, err = certs.Target{Dir: "/opt/jupyterhub/certs"}.Install(context.Background(), pair, certs.Options{
		Policy:   policy,
		Hook:     func(ctx context.Context, _ certs.Stage) error { return reload(ctx, "nginx.service") },
		Endpoint: certs.Endpoint{Addr: "127.0.0.1:443", Name: "hub.example.org"},
	})
	if errors.Is(err, certs.CodeKeyMismatch) {
		log.Fatal("this key is not that certificate's: nothing was written")
	}
	if err != nil {
		log.Fatal(err)
	}
}

func reload(ctx context.Context, unit string) error { return nil } // by package units
