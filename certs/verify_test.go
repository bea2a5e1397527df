package certs_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
)

const dayLong = 24 * time.Hour

// TestVerifyLeaf gives, for each property of a certificate, the findings
// beside private-ca, and whether they are errors.
func TestVerifyLeaf(t *testing.T) {
	pki := newPKI(t)
	key := newEC(t)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		key   crypto.Signer
		edit  func(*x509.Certificate)
		pol   certs.Policy
		want  []certs.Code
		fatal bool
	}{
		"good":                  {},
		"its name":              {pol: certs.Policy{Names: []string{"hub.test"}}},
		"upper case, final dot": {pol: certs.Policy{Names: []string{"HUB.Test."}}},
		"another name":          {pol: certs.Policy{Names: []string{"a.hub.test"}}, want: []certs.Code{certs.CodeHostnameMismatch}, fatal: true},
		"no name":               {pol: certs.Policy{Names: []string{"https://hub.test/"}}, want: []certs.Code{certs.CodeInvalidName}, fatal: true},
		"name with port":        {pol: certs.Policy{Names: []string{"hub.test:443"}}, want: []certs.Code{certs.CodeInvalidName}, fatal: true},
		"empty name":            {pol: certs.Policy{Names: []string{""}}, want: []certs.Code{certs.CodeInvalidName}, fatal: true},
		"broken address":        {pol: certs.Policy{Names: []string{"300.1.1.1"}}, want: []certs.Code{certs.CodeInvalidName}, fatal: true},
		"unicode": {edit: func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "xn--bcher-kva.test") },
			pol: certs.Policy{Names: []string{"Bücher.test", "xn--bcher-kva.test"}}},
		"wildcard": {edit: func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "*.hub.test") },
			pol: certs.Policy{Names: []string{"a.hub.test", "*.hub.test"}}},
		"wildcard, too deep": {edit: func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "*.hub.test") },
			pol: certs.Policy{Names: []string{"a.b.hub.test"}}, want: []certs.Code{certs.CodeHostnameMismatch}, fatal: true},
		"wildcard asked for": {pol: certs.Policy{Names: []string{"*.hub.test"}}, want: []certs.Code{certs.CodeHostnameMismatch}, fatal: true},
		"address": {edit: func(c *x509.Certificate) {
			c.IPAddresses = []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}
		},
			pol: certs.Policy{Names: []string{"192.0.2.1", "2001:db8::1", "[2001:db8::1]", "::ffff:192.0.2.1"}}},
		"address as a name": {edit: func(c *x509.Certificate) { c.DNSNames = []string{"hub.test", "192.0.2.1"} },
			pol: certs.Policy{Names: []string{"192.0.2.1"}}, want: []certs.Code{certs.CodeIPNotInSAN}, fatal: true},
		"common name only": {edit: func(c *x509.Certificate) { c.DNSNames = nil }, want: []certs.Code{certs.CodeCNOnly}, fatal: true},
		"no name at all": {edit: func(c *x509.Certificate) { c.DNSNames, c.Subject = nil, pkix.Name{Organization: []string{"O"}} },
			want: []certs.Code{certs.CodeNoSAN}, fatal: true},
		"another common name":  {edit: func(c *x509.Certificate) { c.Subject.CommonName = "old.test" }, want: []certs.Code{certs.CodeCNNotInSAN}},
		"a common name":        {edit: func(c *x509.Certificate) { c.Subject.CommonName = "The Hub" }},
		"wildcard of a domain": {edit: func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "*.test") }, want: []certs.Code{certs.CodeWildcardTooBroad}},

		"expired":       {edit: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, want: []certs.Code{certs.CodeExpired}, fatal: true},
		"not yet valid": {edit: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, want: []certs.Code{certs.CodeNotYetValid}, fatal: true},
		"inverted": {edit: func(c *x509.Certificate) { c.NotBefore = c.NotAfter.Add(time.Hour) },
			want: []certs.Code{certs.CodeValidityInverted}, fatal: true},
		"three years": {edit: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(3 * 365 * dayLong) }, want: []certs.Code{certs.CodeValidityTooLong}},
		"ten years, after its CA": {edit: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(20 * 365 * dayLong) },
			want: []certs.Code{certs.CodeValidityTooLong, certs.CodeIntermediateExpiresFirst}},

		"no extended key usage": {edit: func(c *x509.Certificate) { c.ExtKeyUsage = nil }, want: []certs.Code{certs.CodeEKUMissing}},
		"any extended key usage": {edit: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} },
			want: nil},
		"for clients": {edit: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} },
			want: []certs.Code{certs.CodeEKUNoServerAuth}, fatal: true},
		"no key usage":              {edit: func(c *x509.Certificate) { c.KeyUsage = 0 }},
		"key usage without signing": {edit: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, want: []certs.Code{certs.CodeLeafKeyUsage}, fatal: true},
		"a CA": {edit: func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign },
			want: []certs.Code{certs.CodeLeafIsCA}},
		"must staple": {edit: func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}}
		}, want: []certs.Code{certs.CodeMustStaple}},
		"unknown critical extension": {edit: func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}, want: []certs.Code{certs.CodeUnhandledCriticalExtension}, fatal: true},
		"P-521":             {key: p521, want: []certs.Code{certs.CodeKeyNotForBrowsers}},
		"RSA below the bar": {key: pki.leaf.key, pol: certs.Policy{MinRSABits: 3072}, want: []certs.Code{certs.CodeWeakKey}, fatal: true},
		"production":        {pol: certs.Policy{Production: true}, fatal: true},
		"production, with a trusted root": {pol: certs.Policy{Production: true, Roots: pki.roots},
			want: []certs.Code{"no private-ca"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := tt.key
			if k == nil {
				k = key
			}
			leaf := issue(t, pki.inter, k, tt.edit)
			if tt.pol.Roots == nil {
				tt.pol.Roots, tt.pol.PrivateRoots = x509.NewCertPool(), pki.roots
			}
			report := certs.Parse(join(leaf.pem(), pki.inter.pem()), leaf.pkcs8(t)).Verify(tt.pol)
			var got []certs.Code
			for _, f := range report.Findings {
				if f.Code != certs.CodePrivateCA {
					got = append(got, f.Code)
				}
			}
			if !report.Has(certs.CodePrivateCA) {
				got = append(got, "no private-ca")
			}
			if tt.fatal && !report.Has(certs.CodePrivateCA) { // no path: not said twice
				got = got[:len(got)-1]
			}
			assert.ElementsMatch(t, tt.want, got, "%v", report)
			assert.Equal(t, tt.fatal, report.Err() != nil, "%v", report)
		})
	}
}

// TestVerifyPath builds chains that are wrong above the leaf.
func TestVerifyPath(t *testing.T) {
	pki := newPKI(t)
	leafOf := func(inter *entity) *entity { return issue(t, inter, newEC(t), nil) }
	ca := func(parent *entity, edit func(*x509.Certificate)) *entity {
		return issue(t, parent, newEC(t), func(c *x509.Certificate) {
			asCA("Edited CA")(c)
			if edit != nil {
				edit(c)
			}
		})
	}
	notCA := ca(pki.root, func(c *x509.Certificate) { c.IsCA = false })
	noSign := ca(pki.root, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	expired := ca(pki.root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	short := ca(pki.root, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	under := issue(t, short, newEC(t), asCA("CA below"))
	constrained := ca(pki.root, func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.org"}
	})
	clients := ca(pki.root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	stranger := issue(t, nil, newEC(t), asCA("Test Root")) // the name of the known root, another key
	imposter := issue(t, stranger, newEC(t), asCA("Its Intermediate"))
	aia := issue(t, pki.inter, newEC(t), func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.test/inter.crt"} })

	leaf := func(e *entity, more ...*entity) []*entity { return append([]*entity{e}, more...) }
	for name, tt := range map[string]struct {
		chain   []*entity
		private *x509.CertPool // nil: not known
		want    []certs.Code
		trust   certs.Trust
		fatal   bool
	}{
		"known private root":      {leaf(pki.leaf, pki.inter), pki.roots, []certs.Code{certs.CodePrivateCA}, certs.TrustPrivate, false},
		"its own root":            {leaf(pki.leaf, pki.inter, pki.root), nil, []certs.Code{certs.CodeRootInBundle, certs.CodePrivateCA}, certs.TrustPrivate, false},
		"a root that is not ours": {leaf(leafOf(imposter), imposter, stranger), pki.roots, []certs.Code{certs.CodeRootInBundle, certs.CodeUnknownAuthority}, certs.TrustNone, true},
		"a root of our root's name": {leaf(leafOf(imposter), imposter), pki.roots,
			[]certs.Code{certs.CodeUnknownAuthority}, certs.TrustNone, true},
		"no intermediate":                {leaf(aia), pki.roots, []certs.Code{certs.CodeChainIncomplete}, certs.TrustNone, true},
		"no intermediate, no roots":      {leaf(aia), nil, []certs.Code{certs.CodeChainIncomplete}, certs.TrustNone, true},
		"intermediate is no CA":          {leaf(leafOf(notCA), notCA), pki.roots, []certs.Code{certs.CodeIssuerNotCA}, certs.TrustNone, true},
		"intermediate may not sign":      {leaf(leafOf(noSign), noSign), pki.roots, []certs.Code{certs.CodeIssuerNotCA}, certs.TrustNone, true},
		"intermediate expired":           {leaf(leafOf(expired), expired), pki.roots, []certs.Code{certs.CodeExpired, certs.CodeIntermediateExpiresFirst, certs.CodePrivateCA}, certs.TrustPrivate, true},
		"path too long":                  {leaf(leafOf(under), under, short), pki.roots, []certs.Code{certs.CodePathLenExceeded}, certs.TrustNone, true},
		"name not permitted":             {leaf(leafOf(constrained), constrained), pki.roots, []certs.Code{certs.CodeNameConstraint}, certs.TrustNone, true},
		"intermediate for clients":       {leaf(leafOf(clients), clients), pki.roots, []certs.Code{certs.CodeEKUNoServerAuth}, certs.TrustNone, true},
		"self-signed":                    {leaf(issue(t, nil, newEC(t), nil)), nil, []certs.Code{certs.CodeSelfSignedLeaf}, certs.TrustNone, false},
		"self-signed, other roots known": {leaf(issue(t, nil, newEC(t), nil)), pki.roots, []certs.Code{certs.CodeSelfSignedLeaf}, certs.TrustNone, false},
	} {
		t.Run(name, func(t *testing.T) {
			var file []byte
			for _, e := range tt.chain {
				file = append(file, e.pem()...)
			}
			pol := certs.Policy{Roots: x509.NewCertPool(), PrivateRoots: tt.private}
			report := certs.Parse(file, tt.chain[0].pkcs8(t)).Verify(pol)
			var got []certs.Code
			for _, f := range report.Findings {
				got = append(got, f.Code)
			}
			assert.ElementsMatch(t, tt.want, got, "%v", report)
			assert.Equal(t, tt.trust, report.Trust)
			assert.Equal(t, tt.fatal, report.Err() != nil)
		})
	}
	report := certs.Parse(aia.pem(), aia.pkcs8(t)).Verify(certs.Policy{PrivateRoots: pki.roots})
	assert.Contains(t, report.String(), "http://ca.test/inter.crt", "where the missing certificate is")
}

// TestCrossSigned keeps both of two certificates of one CA: clients differ in
// which root they know.
func TestCrossSigned(t *testing.T) {
	pki, other := newPKI(t), newPKI(t)
	cross := issue(t, other.root, pki.inter.key, asCA("Test Intermediate"))
	for _, order := range [][]byte{join(pki.inter.pem(), cross.pem()), join(cross.pem(), pki.inter.pem())} {
		pair := certs.Parse(join(pki.leaf.pem(), order), pki.leaf.pkcs8(t))
		assert.Len(t, pair.Chain(), 3)
		for _, roots := range []*x509.CertPool{pki.roots, other.roots} {
			assert.NoError(t, pair.Verify(certs.Policy{Names: []string{"hub.test"}, Roots: roots}).Err())
		}
	}
}

// TestRenewalThreshold holds that a certificate is not reported for most of
// its life, however long that is.
func TestRenewalThreshold(t *testing.T) {
	pki := newPKI(t)
	for _, tt := range []struct {
		days, reported int // before its end
	}{{47, 15}, {90, 30}, {200, 30}, {397, 30}, {730, 30}, {6, 2}} {
		begin := time.Now().Truncate(time.Second)
		end := begin.Add(time.Duration(tt.days) * dayLong)
		leaf := issue(t, pki.inter, newEC(t), func(c *x509.Certificate) { c.NotBefore, c.NotAfter = begin, end })
		pair := certs.Parse(join(leaf.pem(), pki.inter.pem()), leaf.pkcs8(t))
		at := func(left time.Duration, pol certs.Policy) *certs.Report {
			pol.Now, pol.PrivateRoots = end.Add(-left), pki.roots
			return pair.Verify(pol)
		}
		edge := time.Duration(tt.reported) * dayLong
		assert.False(t, at(edge+dayLong, certs.Policy{}).Has(certs.CodeExpiresSoon), "%d days", tt.days)
		r := at(edge, certs.Policy{})
		assert.True(t, r.Has(certs.CodeExpiresSoon), "%d days", tt.days)
		assert.NoError(t, r.Err())
		assert.True(t, r.NotAfter.Equal(end))
		assert.False(t, r.RenewFrom.After(end.Add(-edge)))
		assert.False(t, at(edge, certs.Policy{RenewBefore: time.Hour}).Has(certs.CodeExpiresSoon))
		assert.True(t, at(time.Minute, certs.Policy{RenewBefore: time.Hour}).Has(certs.CodeExpiresSoon))
		assert.True(t, at(-time.Minute, certs.Policy{}).Has(certs.CodeExpired))
		assert.False(t, at(-time.Minute, certs.Policy{}).Has(certs.CodeExpiresSoon))
	}
}

// TestExpiryIsTheEarliest holds that the intermediate counts too.
func TestExpiryIsTheEarliest(t *testing.T) {
	pki := newPKI(t)
	soon := time.Now().Add(10 * dayLong).Truncate(time.Second)
	inter := issue(t, pki.root, newEC(t), func(c *x509.Certificate) {
		asCA("Old Intermediate")(c)
		c.NotBefore, c.NotAfter = soon.Add(-100*dayLong), soon
	})
	leaf := issue(t, inter, newEC(t), nil)
	pair := certs.Parse(join(leaf.pem(), inter.pem()), leaf.pkcs8(t))
	report := pair.Verify(certs.Policy{PrivateRoots: pki.roots})
	assert.True(t, report.NotAfter.Equal(soon))
	assert.True(t, pair.NotAfter().Equal(soon))
	assert.True(t, report.Has(certs.CodeExpiresSoon))
	assert.True(t, report.Has(certs.CodeIntermediateExpiresFirst))
	for _, f := range report.Findings {
		if f.Code == certs.CodeExpiresSoon {
			assert.Equal(t, 2, f.Block)
		}
	}
}

func TestVerifyChainOfNothing(t *testing.T) {
	assert.ErrorIs(t, certs.VerifyChain(nil, certs.Policy{}).Err(), certs.CodeNoCertificate)
	assert.ErrorIs(t, certs.Parse(nil, nil).Verify(certs.Policy{}).Err(), certs.CodeNoCertificate)
}

// TestAvoidable holds that a certificate that clients can go around is not
// an error, and that one of which nothing good comes is left out.
func TestAvoidable(t *testing.T) {
	pki := newPKI(t)
	twin := func(edit func(*x509.Certificate)) *entity { // of the intermediate, with its name and key
		return issue(t, pki.root, pki.inter.key, func(c *x509.Certificate) {
			asCA("Test Intermediate")(c)
			edit(c)
		})
	}
	for name, tt := range map[string]struct {
		twin   *entity
		code   certs.Code
		served int
	}{
		"expired": {twin(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }), certs.CodeExpired, 3},
		"no CA":   {twin(func(c *x509.Certificate) { c.IsCA = false }), certs.CodeIssuerNotCA, 2},
	} {
		for _, order := range [][]byte{join(pki.inter.pem(), tt.twin.pem()), join(tt.twin.pem(), pki.inter.pem())} {
			pair := certs.Parse(join(pki.leaf.pem(), order), pki.leaf.pkcs8(t))
			report := pair.Verify(certs.Policy{PrivateRoots: pki.roots})
			assert.NoError(t, report.Err(), name)
			assert.True(t, report.Has(tt.code), name)
			assert.True(t, report.NotAfter.Equal(pki.leaf.cert.NotAfter), name)
			assert.Len(t, pair.Chain(), tt.served, name)
		}
		alone := certs.Parse(join(pki.leaf.pem(), tt.twin.pem()), pki.leaf.pkcs8(t)).Verify(certs.Policy{PrivateRoots: pki.roots})
		assert.ErrorIs(t, alone.Err(), tt.code, name)
	}
}
