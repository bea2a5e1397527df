package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// ServedChain is what a server sent to a client.
type ServedChain struct {
	Addr  string              // that was connected to
	Name  string              // that was asked for
	Chain []*x509.Certificate // as sent, leaf first; never empty
}

// Served connects to addr ("host:port"), asks for name as browsers do, and
// returns the certificates that the server sends. It sends no request after
// the handshake and judges nothing: see [VerifyChain] and
// [ServedChain.Matches]. An empty name, or an IP address, asks for none.
//
// The connection ends with the call. Without a deadline in ctx it is given
// ten seconds.
func Served(ctx context.Context, addr, name string) (*ServedChain, error) {
	s, err := dial(ctx, addr, name)
	if err != nil {
		return nil, &Error{Op: "served", Path: addr, Err: err}
	}
	return s, nil
}

func dial(ctx context.Context, addr, name string) (*ServedChain, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, servedTimeout)
		defer cancel()
	}
	conf := &tls.Config{
		// What is served is the question, not whether it is trusted.
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS12,
	}
	if n, err := parseName(name); err == nil && n.dns != "" {
		conf.ServerName = n.dns
	} else if err != nil && name != "" {
		return nil, err
	}
	conn, err := (&tls.Dialer{NetDialer: &net.Dialer{}, Config: conf}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return nil, errors.New("the server sent no certificate")
	}
	return &ServedChain{Addr: addr, Name: name, Chain: chain}, nil
}

// Leaf returns the certificate of the host.
func (s *ServedChain) Leaf() *x509.Certificate { return s.Chain[0] }

// Fingerprint returns the SHA-256 of the leaf in hexadecimal.
func (s *ServedChain) Fingerprint() string { return fingerprint(s.Chain[0]) }

// NotAfter returns when the first certificate of the chain expires.
func (s *ServedChain) NotAfter() time.Time { return earliest(s.Chain) }

// Matches tells whether the leaf is that of the pair.
func (s *ServedChain) Matches(p *Pair) bool {
	return p.leaf != nil && s.Chain[0].Equal(p.leaf)
}

const (
	servedTimeout = 10 * time.Second
	servedRetry   = 50 * time.Millisecond
	// nginx lets its old workers accept connections beside the new ones for
	// a tenth of a second after a reload, so that one right answer is none.
	servedSteady = 250 * time.Millisecond
)

// ErrNotServed says that the server did not come to send the installed
// certificate within the time given.
var ErrNotServed = errors.New("the installed certificate is not what is served")

// awaitServed asks until the leaf is the wanted one and stays so: a reload
// returns before the server's new workers have taken over.
func awaitServed(ctx context.Context, e Endpoint, want string) error {
	timeout := e.Timeout
	if timeout == 0 {
		timeout = servedTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last error
	var since time.Time // of the right answers without a wrong one
	for {
		// An attempt that hangs, in the backlog of a server that is being
		// replaced, must not use up the time of the next.
		attempt, stop := context.WithTimeout(ctx, max(timeout/4, servedRetry))
		s, err := dial(attempt, e.Addr, e.Name)
		stop()
		switch {
		case err != nil || s.Fingerprint() != want:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= servedSteady:
			return nil
		}
		if err == nil || last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			err := fmt.Errorf("%s: %w: %w", e.Addr, ErrNotServed, context.Cause(ctx))
			if last != nil {
				err = fmt.Errorf("%w: %w", err, last)
			}
			return err
		case <-time.After(servedRetry):
		}
	}
}
