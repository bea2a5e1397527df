package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Pair is a certificate with its chain and its private key, as read by
// [Parse]: possibly incomplete, with what is wrong with it on record. It is
// immutable. However a Pair is printed or encoded, the key is not part of
// it.
type Pair struct {
	leaf     *x509.Certificate
	chain    []*x509.Certificate // leaf first, then the intermediates in order
	roots    []*x509.Certificate // self-signed certificates that came with it
	useless  []*x509.Certificate // which signed one of the chain, and no path may lead through
	places   map[*x509.Certificate]place
	key      secret // nil if there is none that can be used
	matched  bool   // the key is the leaf's
	findings []Finding
}

// place is where in its input a certificate stood.
type place struct{ block, line int }

// Parse reads a pair from PEM text as an administrator may have been sent
// it: in any order, with Windows line ends, a byte order mark or text beside
// the blocks, with the key in any of its forms. The leaf is the certificate
// to which the key belongs. If one input is empty, the other may hold both
// the certificate and the key.
//
// Parse takes what can be read and keeps findings about the rest, which are
// part of the report of [Pair.Verify]: the usual call is
//
//	report := certs.Parse(cert, key).Verify(certs.Policy{Names: names})
//
// Inputs of more than 1 MiB or 64 blocks are not read. The inputs are not
// kept.
func Parse(cert, key []byte) *Pair {
	p := &Pair{places: map[*x509.Certificate]place{}}
	certIn, keyIn := InputCert, InputKey
	certBlocks, certFound := scan(certIn, cert)
	keyBlocks, keyFound := scan(keyIn, key)
	combined := false
	switch {
	case len(cert) == 0 && has(keyBlocks, isCertLabel):
		combined, certIn, certBlocks, certFound, keyFound = true, keyIn, keyBlocks, keyFound, nil
	case len(key) == 0 && has(certBlocks, isKeyLabel):
		combined, keyIn, keyBlocks = true, certIn, certBlocks
	}
	p.findings = append(p.findings, certFound...)

	if !combined && has(certBlocks, isKeyLabel) && !has(certBlocks, isCertLabel) && has(keyBlocks, isCertLabel) && !has(keyBlocks, isKeyLabel) {
		p.add(Finding{Code: CodeFilesSwapped, Severity: SeverityError, Message: "the two files are swapped: the certificate is where the key belongs",
			Hint: "Give them the other way round."})
		return p
	}

	read := p.readCerts(certIn, certBlocks, combined)
	if len(read) == 0 && !hasError(p.findings) {
		p.add(Finding{Code: CodeNoCertificate, Severity: SeverityError, Input: certIn, Message: "there is no certificate" + emptiness(cert)})
	}
	p.findings = append(p.findings, keyFound...)
	keys := p.readKeys(keyIn, keyBlocks, combined)
	if len(keys) == 0 && !hasErrorIn(p.findings, keyIn, combined) {
		p.add(Finding{Code: CodeNoPrivateKey, Severity: SeverityError, Input: keyIn, Message: "there is no private key" + emptiness(key)})
	}
	p.choose(read, keys)
	p.order(read)
	return p
}

func emptiness(data []byte) string {
	if len(bytes.TrimSpace(data)) == 0 {
		return ": the input is empty"
	}
	return " in the input"
}

// Load reads a pair from two files, of which either may be "" if the other
// holds both. Files are opened one after the other: use [Target.Load] for a
// pair that is installed, where another program may be at work.
func Load(certFile, keyFile string) (*Pair, error) {
	var data [2][]byte
	for i, name := range []string{certFile, keyFile} {
		if name == "" {
			continue
		}
		f, err := os.Open(name)
		if err == nil {
			data[i], err = readBounded(f)
			f.Close()
		}
		if err != nil {
			return nil, &Error{Op: "load", Path: name, Err: err}
		}
	}
	return Parse(data[0], data[1]), nil
}

// readBounded reads one byte more than Parse takes, which then says so.
func readBounded(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, maxInput+1)) }

// Leaf returns the certificate of the host, nil if there is none. It must
// not be changed.
func (p *Pair) Leaf() *x509.Certificate { return p.leaf }

// Chain returns what will be served: the leaf and its intermediates in
// order. A root is part of it only if it came with the pair and signed the
// leaf itself, as that of a private CA may. The certificates must not be
// changed.
func (p *Pair) Chain() []*x509.Certificate { return append([]*x509.Certificate(nil), p.chain...) }

// NotAfter returns when the first certificate of the chain expires; zero if
// there is none.
func (p *Pair) NotAfter() time.Time { return earliest(p.chain) }

// Fingerprint returns the SHA-256 of the leaf in hexadecimal, as openssl
// x509 -fingerprint prints it without the colons; empty if there is no leaf.
func (p *Pair) Fingerprint() string { return fingerprint(p.leaf) }

func fingerprint(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// ErrIncomplete is returned where a whole pair is needed, a leaf and its
// key, and the pair is not one; the report of [Pair.Verify] says why.
var ErrIncomplete = errors.New("not a certificate with its key")

// CertPEM returns the canonical certificate file: that of [Pair.Chain]. It is
// empty if there is no leaf.
func (p *Pair) CertPEM() []byte {
	var b []byte
	for _, c := range p.chain {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return b
}

// KeyPEM returns the canonical key file, PKCS#8 under the label PRIVATE KEY,
// which nginx, Node and Go all load. It and [Pair.TLS] are the only ways by
// which a key leaves a Pair. The error is ErrIncomplete if there is no key or
// it is not the leaf's.
func (p *Pair) KeyPEM() ([]byte, error) {
	if !p.matched {
		return nil, ErrIncomplete
	}
	return encodeKey(p.key())
}

// TLS returns the pair for a server written in Go; ErrIncomplete if it is
// not whole.
func (p *Pair) TLS() (tls.Certificate, error) {
	if !p.matched {
		return tls.Certificate{}, ErrIncomplete
	}
	c := tls.Certificate{PrivateKey: p.key(), Leaf: p.leaf}
	for _, cert := range p.chain {
		c.Certificate = append(c.Certificate, cert.Raw)
	}
	return c, nil
}

// String describes the pair without its key.
func (p *Pair) String() string {
	if p == nil || p.leaf == nil {
		return "certs.Pair{}"
	}
	key := "no key"
	if p.matched {
		key = "with its key"
	}
	return fmt.Sprintf("certs.Pair{%s, sha256 %s, %d certificates, until %s, %s}", subject(p.leaf), p.Fingerprint()[:8],
		len(p.chain), p.NotAfter().UTC().Format(time.RFC3339), key)
}

// GoString is String: %#v shows no key either.
func (p *Pair) GoString() string { return p.String() }

// MarshalJSON describes the pair without its key.
func (p *Pair) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Subject     string    `json:"subject"`
		Fingerprint string    `json:"sha256"`
		NotAfter    time.Time `json:"notAfter,omitzero"`
		HasKey      bool      `json:"hasKey"`
	}{subject(p.leaf), p.Fingerprint(), p.NotAfter(), p.matched})
}

func (p *Pair) add(f Finding) { p.findings = append(p.findings, f) }

// at adds a finding about a certificate at its place.
func (p *Pair) at(c *x509.Certificate, f Finding) {
	if pl, ok := p.places[c]; ok {
		f.Input, f.Block, f.Line = InputCert, pl.block, pl.line
	}
	f.Subject = subject(c)
	p.add(f)
}

func has(blocks []block, is func(string) bool) bool {
	for _, b := range blocks {
		if is(b.label) {
			return true
		}
	}
	return false
}

func hasError(findings []Finding) bool {
	for _, f := range findings {
		if f.Severity == SeverityError {
			return true
		}
	}
	return false
}

func hasErrorIn(findings []Finding, in Input, any bool) bool {
	for _, f := range findings {
		if f.Severity == SeverityError && (any || f.Input == in) {
			return true
		}
	}
	return false
}

func isCertLabel(label string) bool {
	return label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE"
}

// readCerts parses every certificate, not only the leaf: nginx and Node
// refuse a file for any block that they cannot read.
func (p *Pair) readCerts(in Input, blocks []block, combined bool) []*x509.Certificate {
	var read []*x509.Certificate
	for _, b := range blocks {
		here := func(f Finding) Finding {
			f.Input, f.Block, f.Line = in, b.index, b.line
			return f
		}
		switch {
		case isCertLabel(b.label):
			switch b.label {
			case "X509 CERTIFICATE":
				p.add(here(Finding{Code: CodeNonstandardCertLabel, Severity: SeverityWarning,
					Message: "the label X509 CERTIFICATE hides the certificate from Go programs", Hint: "Normalisation puts it right."}))
			case "TRUSTED CERTIFICATE":
				p.add(here(Finding{Code: CodeTrustedCertificateLabel, Severity: SeverityWarning, stops: len(read) > 0,
					Message: "the label TRUSTED CERTIFICATE hides the certificate from Go programs, and from nginx unless it is the first", Hint: "Normalisation puts it right."}))
			}
			c, bad := parseCert(b)
			if bad != nil {
				p.add(here(*bad))
				continue
			}
			p.places[c] = place{b.index, b.line}
			read = append(read, c)
		case b.label == "PKCS7" || b.label == "CMS":
			p.add(here(Finding{Code: CodeNotPEMPKCS7, Severity: SeverityError, Message: "this is a PKCS#7 bundle, which no web server reads",
				Hint: "openssl pkcs7 -print_certs -in FILE"}))
		case isKeyLabel(b.label):
			if !combined {
				p.add(here(Finding{Code: CodeExtraPrivateKey, Severity: SeverityWarning, Message: "there is a private key in the certificate file, which anyone on the host may read",
					Hint: "It is left out of what is installed; if the file was readable for others, get a new key."}))
			}
		case combined && isKeyCompanion(b.label):
		default:
			p.add(here(foreign(b.label)))
		}
	}
	return read
}

func foreign(label string) Finding {
	what := "an unknown block"
	if safeLabel.MatchString(label) {
		what = "a " + label + " block"
	}
	return Finding{Code: CodeForeignBlock, Severity: SeverityWarning, Message: "there is " + what + ", which does not belong here",
		Hint: "Normalisation leaves it out."}
}

// isKeyCompanion is true for what openssl ecparam -genkey writes before the
// key.
func isKeyCompanion(label string) bool { return label == "EC PARAMETERS" }

func (p *Pair) readKeys(in Input, blocks []block, combined bool) []secret {
	var keys []secret
	for _, b := range blocks {
		switch {
		case isKeyLabel(b.label):
			k, standard, bad := parseKey(b)
			if bad != nil {
				bad.Input = in
				p.add(*bad)
				continue
			}
			if !standard {
				p.add(Finding{Code: CodeNonstandardKeyLabel, Severity: SeverityWarning, stops: true, Input: in, Block: b.index, Line: b.line,
					Message: "the label of the key is not that of its form: OpenSSL, and so nginx and Node, do not read it", Hint: "Normalisation puts it right."})
			}
			if len(keys) == 1 {
				p.add(Finding{Code: CodeExtraPrivateKey, Severity: SeverityWarning, Input: in, Block: b.index, Line: b.line,
					Message: "there is more than one private key: servers take the first", Hint: "Normalisation keeps the one that belongs to the certificate."})
			}
			keys = append(keys, k)
		case isKeyCompanion(b.label), combined:
		case isCertLabel(b.label):
			p.add(Finding{Code: CodeForeignBlock, Severity: SeverityWarning, Input: in, Block: b.index, Line: b.line,
				Message: "there is a certificate in the key file", Hint: "Normalisation leaves it out."})
		default:
			f := foreign(b.label)
			f.Input, f.Block, f.Line = in, b.index, b.line
			p.add(f)
		}
	}
	return keys
}
