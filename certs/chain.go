package certs

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

func parseCert(b block) (*x509.Certificate, *Finding) {
	der := b.der
	if b.label == "TRUSTED CERTIFICATE" {
		// OpenSSL appends its own trust settings to the certificate.
		var first asn1.RawValue
		if _, err := asn1.Unmarshal(der, &first); err == nil {
			der = first.FullBytes
		}
	}
	c, err := x509.ParseCertificate(der)
	what := unsupportedCertKey(der)
	switch {
	case what != "":
		return nil, &Finding{Code: CodeKeyUnsupported, Severity: SeverityError,
			Message: "the certificate's key is of a kind that servers or clients cannot use: " + what,
			Hint:    "Ask for a certificate with an ECDSA P-256 key or an RSA key of 2048 bits or more.", Err: err}
	case err != nil:
		return nil, &Finding{Code: CodeDamagedBlock, Severity: SeverityError,
			Message: "the block is not a certificate, or not all of one: " + clean(err.Error()), Hint: restore, Err: err}
	}
	return c, nil
}

// unsupportedCertKey names the kind of a certificate's key if it is one that
// crypto/x509 does not read or that no TLS client can use.
func unsupportedCertKey(der []byte) string {
	var c struct {
		TBS struct {
			Version   int `asn1:"optional,explicit,default:0,tag:0"`
			Serial    asn1.RawValue
			Signature asn1.RawValue
			Issuer    asn1.RawValue
			Validity  asn1.RawValue
			Subject   asn1.RawValue
			SPKI      struct {
				Algorithm pkix.AlgorithmIdentifier
				Key       asn1.BitString
			}
			Rest asn1.RawValue `asn1:"optional"`
		}
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		return ""
	}
	return unsupportedAlgorithm(c.TBS.SPKI.Algorithm)
}

// choose finds the leaf: the certificate of the key, or what looks most like
// a host's if the key is not there or belongs to none.
func (p *Pair) choose(read []*x509.Certificate, keys []secret) {
	for i, k := range keys {
		for _, c := range read {
			if k.matches(c) && (p.leaf == nil || better(c, p.leaf)) {
				p.leaf, p.key, p.matched = c, k, true
			}
		}
		if p.matched && i > 0 {
			p.add(Finding{Code: CodeExtraPrivateKey, Severity: SeverityWarning, stops: true, Input: InputKey,
				Message: "the first private key, which servers take, is not that of the certificate", Hint: "Normalisation keeps the one that is."})
		}
		if p.matched {
			return
		}
	}
	if len(read) == 0 {
		return
	}
	leaf := read[0]
	for _, c := range read[1:] {
		if leaf.IsCA && !c.IsCA {
			leaf = c
		}
	}
	if leaf.IsCA && hasErrorIn(p.findings, InputCert, false) {
		// The certificate of the host is the one that could not be read: what
		// could be said of this one would mislead.
		return
	}
	p.leaf = leaf
	if len(keys) == 0 {
		return
	}
	pub := keys[0]().Public()
	f := Finding{Code: CodeKeyMismatch, Severity: SeverityError,
		Message: fmt.Sprintf("the key (%s) belongs to none of the certificates", keyKind(pub)),
		Hint:    "Find the key from which the certificate was requested, or have a new certificate issued."}
	if !sameKind(pub, p.leaf.PublicKey) {
		f.Code = CodeKeyTypeMismatch
		f.Message = fmt.Sprintf("the key is %s and the certificate's is %s: nginx -t passes, and then every connection fails",
			keyKind(pub), keyKind(p.leaf.PublicKey))
	}
	p.add(f)
}

// better prefers, of two certificates with one key, a host's over a CA's and
// a later one over an earlier one.
func better(a, b *x509.Certificate) bool {
	if a.IsCA != b.IsCA {
		return !a.IsCA
	}
	return a.NotAfter.After(b.NotAfter)
}

// order builds the chain that will be served from the leaf upwards and says
// how it differs from what was read.
func (p *Pair) order(read []*x509.Certificate) {
	if p.leaf == nil {
		return
	}
	seen := map[string]bool{}
	var distinct []*x509.Certificate
	for _, c := range read {
		if seen[string(c.Raw)] {
			p.at(c, Finding{Code: CodeDuplicateCertificate, Severity: SeverityWarning, Message: "the certificate is there twice", Hint: "Normalisation keeps one."})
			if c == p.leaf {
				for _, first := range distinct {
					if bytes.Equal(first.Raw, c.Raw) {
						p.leaf = first
					}
				}
			}
			continue
		}
		seen[string(c.Raw)] = true
		distinct = append(distinct, c)
	}

	// Every certificate that certifies one of the chain joins it, so that
	// both of two cross-signed intermediates are kept: some clients know
	// only the root of one of them.
	p.chain = []*x509.Certificate{p.leaf}
	checks := maxSignatureChecks
	for i := 0; i < len(p.chain); i++ {
		if selfSigned(p.chain[i]) {
			continue
		}
		for _, c := range distinct {
			if slices.Contains(slices.Concat(p.chain, p.roots, p.useless), c) || !issued(c, p.chain[i], &checks) {
				continue
			}
			switch {
			case selfSigned(c):
				p.roots = append(p.roots, c)
			case uselessAsIssuer(c) != nil:
				// nginx would not load a chain with some of these.
				p.useless = append(p.useless, c)
			default:
				p.chain = append(p.chain, c)
			}
		}
	}

	private := len(p.chain) == 1 && len(p.roots) == 1
	if private {
		// A root that signed the host's certificate itself, which no public
		// CA may do: whoever looks at the installed files alone could not
		// tell it from an intermediate that is missing.
		p.chain = append(p.chain, p.roots[0])
	}

	if distinct[0] != p.leaf {
		p.at(p.leaf, Finding{Code: CodeLeafNotFirst, Severity: SeverityWarning, stops: true,
			Message: "the certificate of the host is not the first: servers take the first for it", Hint: "Normalisation puts it first."})
	}
	rest := slices.DeleteFunc(slices.Clone(distinct), func(c *x509.Certificate) bool {
		return c == p.leaf || !slices.Contains(p.chain, c)
	})
	if !slices.Equal(rest, p.chain[1:]) || !private && rootBeforeIntermediate(distinct, p.roots, p.chain) {
		p.add(Finding{Code: CodeChainOutOfOrder, Severity: SeverityWarning, Input: InputCert,
			Message: "the intermediates are not in order, each certifying the one before it: old clients refuse that", Hint: "Normalisation orders them."})
	}
	for _, c := range distinct {
		switch {
		case private && c == p.roots[0]:
			p.at(c, Finding{Code: CodeRootInBundle, Severity: SeverityInfo,
				Message: "the root is part of the bundle: clients have it, or do not trust it; it is served, as it signed the certificate of the host itself"})
		case slices.Contains(p.roots, c):
			p.at(c, Finding{Code: CodeRootInBundle, Severity: SeverityInfo,
				Message: "the root is part of the bundle: clients have it, or do not trust it, so it is not served", Hint: "Normalisation leaves it out."})
		case !slices.Contains(p.chain, c) && !slices.Contains(p.useless, c):
			p.at(c, Finding{Code: CodeUnrelatedCertificate, Severity: SeverityWarning,
				Message: "the certificate is not on the way from the host's to its root", Hint: "Normalisation leaves it out."})
		}
	}
}

func rootBeforeIntermediate(read, roots, chain []*x509.Certificate) bool {
	for i, c := range read {
		if slices.Contains(roots, c) {
			return slices.ContainsFunc(read[i:], func(c *x509.Certificate) bool { return slices.Contains(chain, c) })
		}
	}
	return false
}

// maxSignatureChecks bounds the work of ordering: a real chain needs fewer
// than ten.
const maxSignatureChecks = 200

// issued tells whether parent signed child. A signature that the standard
// library refuses to check, as that of SHA-1, counts by the names: the report
// will have it under its own code.
func issued(parent, child *x509.Certificate, checks *int) bool {
	if !bytes.Equal(parent.RawSubject, child.RawIssuer) {
		return false
	}
	if len(child.AuthorityKeyId) > 0 && len(parent.SubjectKeyId) > 0 && !bytes.Equal(child.AuthorityKeyId, parent.SubjectKeyId) {
		return false
	}
	if *checks--; *checks < 0 {
		return false
	}
	if key, ok := parent.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSABits {
		return false
	}
	err := parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature)
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	return err == nil || insecure || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

// maxRSABits is what crypto/tls accepts of a peer: larger keys only cost time.
const maxRSABits = 8192

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

func selfSigned(c *x509.Certificate) bool {
	one := 1
	return selfIssued(c) && issued(c, c, &one)
}

func earliest(chain []*x509.Certificate) time.Time {
	var t time.Time
	for _, c := range chain {
		if t.IsZero() || c.NotAfter.Before(t) {
			t = c.NotAfter
		}
	}
	return t
}

// subject names a certificate for a message.
func subject(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	if name := c.Subject.String(); name != "" {
		return clean(name)
	}
	if len(c.DNSNames) > 0 {
		return clean(c.DNSNames[0])
	}
	return "serial " + c.SerialNumber.String()
}

// clean keeps text that comes from a certificate from acting on a terminal
// or filling it.
func clean(text string) string {
	const most = 200
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
