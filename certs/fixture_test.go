package certs_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// entity is a certificate with its key, made for a test.
type entity struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate for hub.test, or what edit makes of it, signed by
// parent, or by itself if that is nil.
func issue(t testing.TB, parent *entity, key crypto.Signer, edit func(*x509.Certificate)) *entity {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	c := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: "hub.test"},
		DNSNames:              []string{"hub.test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(90 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if edit != nil {
		edit(c)
	}
	e := &entity{key: key}
	up := &entity{cert: c, key: key}
	if parent != nil {
		up = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, c, up.cert, key.Public(), up.key)
	require.NoError(t, err)
	e.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return e
}

// asCA makes the template that of a CA.
func asCA(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames, c.ExtKeyUsage = name, nil, nil
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
		c.NotAfter = time.Now().Add(10 * 365 * 24 * time.Hour)
	}
}

func newEC(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return k
}

// leafKey is the key of the leaf of every pki: RSA keys are slow to make.
var leafKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// pki is a root, an intermediate, and a leaf of another key type than the
// intermediate.
type pki struct {
	root, inter, leaf *entity
	roots             *x509.CertPool
}

func newPKI(t testing.TB) *pki {
	t.Helper()
	p := &pki{roots: x509.NewCertPool()}
	p.root = issue(t, nil, newEC(t), asCA("Test Root"))
	p.inter = issue(t, p.root, newEC(t), asCA("Test Intermediate"))
	key, err := leafKey()
	require.NoError(t, err)
	p.leaf = issue(t, p.inter, key, nil)
	p.roots.AddCert(p.root.cert)
	return p
}

func block(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func (e *entity) pem() []byte { return block("CERTIFICATE", e.cert.Raw) }

func (e *entity) pkcs8(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(e.key)
	require.NoError(t, err)
	return block("PRIVATE KEY", der)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
