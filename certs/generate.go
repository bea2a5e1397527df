package certs

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hubhost/hubhost/internal/atomicfile"
)

// KeyType is the kind of a key to be made.
type KeyType string

// The kinds of keys. The zero value is ECDSAP256.
const (
	ECDSAP256 KeyType = "ecdsa-p256"
	RSA2048   KeyType = "rsa-2048" // for clients from before 2014
	RSA3072   KeyType = "rsa-3072"
)

// Request describes a pair for a test host.
type Request struct {
	// Names are the host names, in Unicode or ASCII, and the IP addresses by
	// which clients reach the host; wildcards are allowed. The first names
	// the files. At least one is required.
	Names []string

	// Key is the kind of the host's key; zero means ECDSAP256.
	Key KeyType

	// Life is how long the host's certificate is valid; zero means 397 days.
	// More than 825 days, which Apple's clients refuse, is an error. It never
	// outlives the CA.
	Life time.Duration

	// CA signs the certificate; nil makes a new private CA with a key of the
	// same kind, valid for ten years. Give the CA of the last [Generated] to
	// renew a pair without handing out a new root.
	CA *Pair

	// Now is the time from which the certificates are valid, less an hour
	// for clients whose clock is slow; zero means the present.
	Now time.Time
}

// Generated is a pair for a test host with the private CA that signed it.
type Generated struct {
	Host *Pair // for the server
	CA   *Pair // its chain is the root that clients must be given
}

const (
	hostLife = 397 * 24 * time.Hour
	caLife   = 10 * 365 * 24 * time.Hour
	skew     = time.Hour
)

// Generate makes a pair for a test host. The report of such a pair has the
// finding private-ca: it is not for production.
func Generate(req Request) (*Generated, error) {
	g, err := generate(req)
	if err != nil {
		return nil, &Error{Op: "generate", Path: strings.Join(req.Names, ","), Err: err}
	}
	return g, nil
}

func generate(req Request) (*Generated, error) {
	if len(req.Names) == 0 {
		return nil, fmt.Errorf("no names: %w", CodeInvalidName)
	}
	leaf := &x509.Certificate{
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for i, given := range req.Names {
		n, err := parseName(given)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", CodeInvalidName, err)
		}
		text := n.dns
		if n.ip.IsValid() {
			text = n.ip.String()
			leaf.IPAddresses = append(leaf.IPAddresses, n.ip.AsSlice())
		} else {
			leaf.DNSNames = append(leaf.DNSNames, n.dns)
		}
		if i == 0 && len(text) <= 64 { // the bound of a common name in X.520
			leaf.Subject.CommonName = text
		}
	}
	if req.Now.IsZero() {
		req.Now = time.Now()
	}
	if req.Life == 0 {
		req.Life = hostLife
	}
	if req.Life < 0 || req.Life > longestAny {
		return nil, fmt.Errorf("a life of %v: %w", req.Life, CodeValidityTooLong)
	}
	ca := req.CA
	if ca == nil {
		var err error
		if ca, err = newCA(req, leaf.Subject.CommonName); err != nil {
			return nil, err
		}
	}
	if !ca.matched || !ca.leaf.IsCA {
		return nil, fmt.Errorf("the CA: %w", ErrIncomplete)
	}

	leaf.NotBefore, leaf.NotAfter = req.Now.Add(-skew), req.Now.Add(req.Life-skew)
	if leaf.NotBefore.Before(ca.leaf.NotBefore) {
		leaf.NotBefore = ca.leaf.NotBefore
	}
	if leaf.NotAfter.After(ca.leaf.NotAfter) {
		leaf.NotAfter = ca.leaf.NotAfter
	}
	if !leaf.NotAfter.After(req.Now) {
		return nil, fmt.Errorf("the CA expired on %s: %w", day(ca.leaf.NotAfter), CodeExpired)
	}
	key, err := newKey(req.Key)
	if err != nil {
		return nil, err
	}
	if _, ok := key.(*rsa.PrivateKey); ok {
		leaf.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	c, err := sign(leaf, ca.leaf, key, ca.key())
	if err != nil {
		return nil, err
	}
	host := &Pair{leaf: c, key: keep(key), matched: true}
	host.order(slices.Concat([]*x509.Certificate{c}, ca.chain, ca.roots))
	return &Generated{Host: host, CA: ca}, nil
}

func newCA(req Request, host string) (*Pair, error) {
	key, err := newKey(req.Key)
	if err != nil {
		return nil, err
	}
	// A name of its own for each CA: clients look roots up by name, and one
	// that finds an older root of the same name reports a bad signature.
	cn := "hubhost test CA " + rand.Text()[:8]
	if with := cn + " for " + host; host != "" && len(with) <= 64 {
		cn = with
	}
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: cn},
		NotBefore:             req.Now.Add(-skew),
		NotAfter:              req.Now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	c, err := sign(ca, ca, key, key)
	if err != nil {
		return nil, err
	}
	return &Pair{leaf: c, chain: []*x509.Certificate{c}, key: keep(key), matched: true}, nil
}

// sign makes the certificate of a template for a key.
func sign(template, parent *x509.Certificate, key, signer crypto.Signer) (*x509.Certificate, error) {
	// 127 random bits: positive, and well over the 64 that CAs must have.
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func newKey(kind KeyType) (crypto.Signer, error) {
	switch kind {
	case "", ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	}
	return nil, fmt.Errorf("key type %q: %w", kind, CodeKeyUnsupported)
}

// Files are the paths that [Generated.Write] wrote.
type Files struct {
	Bundle string // out/HOST/HOST-bundle.crt: the certificate, then the root
	Key    string // out/HOST/HOST.key, mode 0600
	CACert string // out/HOST/HOST-ca.crt: the root, for clients
	CAKey  string // out/HOST/HOST-ca.key, mode 0600: for renewals; keep it off the host
}

// Write writes the pair and its CA into a directory named for the host's
// first name, which it makes: out/HOST/HOST-bundle.crt and out/HOST/HOST.key,
// ready to be copied or given to [Load], and the CA beside them. Existing
// files are replaced, each atomically.
func (g *Generated) Write(ctx context.Context, out string) (Files, error) {
	files, err := g.write(ctx, out)
	if err != nil {
		return Files{}, &Error{Op: "generate", Path: out, Err: err}
	}
	return files, nil
}

func (g *Generated) write(ctx context.Context, out string) (Files, error) {
	leaf := g.Host.leaf
	var host string
	if host = leaf.Subject.CommonName; host == "" {
		if host = "host"; len(leaf.DNSNames) > 0 {
			host = leaf.DNSNames[0]
		}
	}
	host = strings.ReplaceAll(host, "*", "_") // no shell pattern in a file's name
	dir := filepath.Join(out, host)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Files{}, err
	}
	lock, err := atomicfile.Acquire(ctx, filepath.Join(dir, ".lock"))
	if err != nil {
		return Files{}, err
	}
	defer lock.Release()

	hostKey, err := g.Host.KeyPEM()
	if err != nil {
		return Files{}, err
	}
	caKey, err := g.CA.KeyPEM()
	if err != nil {
		return Files{}, err
	}
	base := filepath.Join(dir, host)
	files := Files{Bundle: base + "-bundle.crt", Key: base + ".key", CACert: base + "-ca.crt", CAKey: base + "-ca.key"}
	for _, f := range []struct {
		path string
		data []byte
		mode fs.FileMode
	}{
		{files.CAKey, caKey, 0o600},
		{files.CACert, g.CA.CertPEM(), 0o644},
		{files.Key, hostKey, 0o600},
		{files.Bundle, g.Host.CertPEM(), 0o644},
	} {
		path, err := filepath.Abs(f.path)
		if err != nil {
			return Files{}, err
		}
		// A replaced file keeps its mode, which must not be one for all.
		if err := os.Chmod(path, f.mode); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Files{}, err
		}
		if err := lock.Replace(path, f.data, atomicfile.Options{Mode: f.mode}); err != nil {
			return Files{}, err
		}
	}
	return files, nil
}
