package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
)

// BenchmarkCertsVerify judges one pair, as this package does, with the whole
// report, and as a program does that stops at the first problem and sees
// fewer: tls.X509KeyPair and x509.Certificate.Verify.
func BenchmarkCertsVerify(b *testing.B) {
	g, err := certs.Generate(certs.Request{Names: []string{"hub.test"}})
	require.NoError(b, err)
	cert := g.Host.CertPEM()
	key, err := g.Host.KeyPEM()
	require.NoError(b, err)
	roots := x509.NewCertPool()
	roots.AddCert(g.CA.Leaf())
	b.Run("hubhost", func(b *testing.B) {
		for b.Loop() {
			if err := certs.Parse(cert, key).Verify(certs.Policy{Names: []string{"hub.test"}, Roots: roots}).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("crypto", func(b *testing.B) {
		for b.Loop() {
			pair, err := tls.X509KeyPair(cert, key)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: "hub.test", Roots: roots}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
