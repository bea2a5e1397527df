package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/hubhost/hubhost/internal/live/hub"
)

// writeHubFiles puts under root what the hub and nginx of one run read: the
// configuration, the certificate with its authority, and the secrets.
func writeHubFiles(root string) error {
	cert, err := newCertificate()
	if err != nil {
		return err
	}
	apiToken, proxyToken := rand.Text(), rand.Text()
	config, err := hub.Options(apiToken).Python()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
		mode os.FileMode
	}{
		{hub.ConfigFile, config, 0o600}, // it names the token
		{hub.ProxyFile, []byte("CONFIGPROXY_AUTH_TOKEN=" + proxyToken + "\n"), 0o600},
		{hub.TokenFile, []byte(apiToken + "\n"), 0o600},
		{hub.CertFile, cert.leaf, 0o644},
		{hub.KeyFile, cert.key, 0o600},
		{hub.CAFile, cert.ca, 0o644},
	} {
		path := filepath.Join(root, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.text, f.mode); err != nil {
			return err
		}
	}
	return nil
}

type certificate struct{ ca, leaf, key []byte }

// newCertificate makes an authority of one day and a leaf for the guest's
// names, signed by it.
func newCertificate() (c certificate, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	// The guest's clock starts with the host's, to the second.
	from, to := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	authority := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "live tier authority"},
		NotBefore:             from,
		NotAfter:              to,
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: hub.HostName},
		NotBefore:    from,
		NotAfter:     to,
		DNSNames:     []string{hub.HostName, "localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	ca, err := x509.CreateCertificate(rand.Reader, authority, authority, caKey.Public(), caKey)
	if err != nil {
		return c, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority, leafKey.Public(), caKey)
	if err != nil {
		return c, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		return c, err
	}
	c.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca})
	c.leaf = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	return c, nil
}
