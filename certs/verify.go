package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Policy says what a pair is judged by. The zero Policy is that of a server
// whose clients trust the system's roots and whose names are not known.
type Policy struct {
	// Names are the host names and IP addresses by which clients reach the
	// server. Each that the certificate does not cover is a finding. Names
	// may be in Unicode. Nil checks none.
	Names []string

	// Roots are the roots that every client trusts; nil means those of the
	// system. A company whose machines all have the company's root puts it
	// here.
	Roots *x509.CertPool

	// PrivateRoots are roots that only some clients were given, such as that
	// of a [Generated] pair. A pair that needs one of them is a private-ca
	// finding. Nil means that they are not known: a pair that comes with its
	// own root is then taken to be of a private CA.
	PrivateRoots *x509.CertPool

	// Production makes private-ca and self-signed-leaf errors instead of
	// warnings.
	Production bool

	// MinRSABits is the smallest RSA key; zero means 2048, below which
	// nginx on Debian and browsers refuse it.
	MinRSABits int

	// RenewBefore is how long before the first expiry in the chain
	// expires-soon is reported. Zero means 30 days or a third of that
	// certificate's life, whichever is shorter: a certificate of 47 days
	// would otherwise be reported for most of its life.
	RenewBefore time.Duration

	// Now is the time of the judgement; zero means the present.
	Now time.Time
}

// Verify judges the pair and returns everything that was found, from what
// [Parse] could not read to what clients will think of the certificate. It
// opens no connection: nothing is fetched, and revocation is not looked at.
func (p *Pair) Verify(pol Policy) *Report {
	r := &Report{Findings: slices.Clone(p.findings), Trust: TrustNone, places: p.places}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	if p.leaf != nil {
		r.judge(p, pol)
	}
	return r
}

// VerifyChain judges certificates of which the key is not at hand, leaf
// first, such as those of [ServedChain].
func VerifyChain(chain []*x509.Certificate, pol Policy) *Report {
	p := &Pair{}
	if len(chain) == 0 {
		p.add(Finding{Code: CodeNoCertificate, Severity: SeverityError, Message: "there is no certificate"})
	} else {
		p.leaf = chain[0]
		p.order(chain)
	}
	return p.Verify(pol)
}

func (r *Report) at(c *x509.Certificate, f Finding) {
	if pl, ok := r.places[c]; ok {
		f.Input, f.Block, f.Line = InputCert, pl.block, pl.line
	}
	f.Subject = subject(c)
	r.add(f)
}

func (r *Report) judge(p *Pair, pol Policy) {
	if pol.Now.IsZero() {
		pol.Now = time.Now()
	}
	if pol.MinRSABits == 0 {
		pol.MinRSABits = defaultRSABits
	}
	trust := findTrust(p, pol)
	var served []*x509.Certificate // those on which the verdict rests
	for _, c := range p.chain {
		var found []Finding
		found = append(found, checkValidity(c, pol.Now)...)
		found = append(found, checkStrength(c, pol.MinRSABits)...)
		if !slices.Contains(p.roots, c) { // of which nobody checks the signature
			found = append(found, checkSignature(c)...)
		}
		found = append(found, checkForm(c)...)
		if avoidable := c != p.leaf && trust.ok() && !trust.uses(c); avoidable {
			soften(found)
		} else {
			served = append(served, c)
		}
		r.atEach(c, found)
	}
	for _, c := range p.useless {
		found := uselessAsIssuer(c)
		if trust.ok() {
			soften(found)
		}
		r.atEach(c, found)
	}
	r.checkLeaf(p.leaf)
	r.checkSANs(p.leaf)
	r.checkNames(p.leaf, pol.Names)
	r.checkPath(p, pol, trust)
	r.checkLifetime(p, served, pol)
}

func (r *Report) atEach(c *x509.Certificate, found []Finding) {
	for _, f := range found {
		r.at(c, f)
	}
}

// soften makes warnings of what is wrong with a certificate that every client
// can do without.
func soften(found []Finding) {
	for i := range found {
		if found[i].Severity == SeverityError {
			found[i].Severity = SeverityWarning
			found[i].Message += "; there is another way to a root, which not every client may find"
			found[i].Hint = "Leave it out."
		}
	}
}

func checkValidity(c *x509.Certificate, now time.Time) (found []Finding) {
	switch {
	case c.NotAfter.Before(c.NotBefore):
		found = append(found, Finding{Code: CodeValidityInverted, Severity: SeverityError, Message: "it ends before it begins"})
	case now.After(c.NotAfter):
		found = append(found, Finding{Code: CodeExpired, Severity: SeverityError, Message: "it expired on " + day(c.NotAfter) + ": clients refuse it", Hint: "Renew it."})
	case now.Before(c.NotBefore):
		found = append(found, Finding{Code: CodeNotYetValid, Severity: SeverityError, Message: "it is not valid before " + c.NotBefore.UTC().Format(time.RFC3339) + ": clients refuse it until then",
			Hint: "Check the clock of this host (timedatectl), or wait."})
	}
	return found
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

const stronger = "Have one issued for an ECDSA P-256 key or an RSA key of 2048 bits or more, signed with SHA-256."

func checkStrength(c *x509.Certificate, minRSA int) (found []Finding) {
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok {
		switch {
		case key.N.BitLen() < minRSA:
			found = append(found, Finding{Code: CodeWeakKey, Severity: SeverityError, Message: fmt.Sprintf("its RSA key has %d bits, fewer than %d: servers and clients refuse it", key.N.BitLen(), minRSA), Hint: stronger})
		case key.E < 3:
			found = append(found, Finding{Code: CodeWeakKey, Severity: SeverityError, Message: "the public exponent of its RSA key is less than 3", Hint: stronger})
		case key.N.BitLen() > maxRSABits:
			found = append(found, Finding{Code: CodeKeyUnsupported, Severity: SeverityError, Message: fmt.Sprintf("its RSA key has %d bits: clients refuse more than %d", key.N.BitLen(), maxRSABits), Hint: stronger})
		}
	}
	return found
}

func checkSignature(c *x509.Certificate) (found []Finding) {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		found = append(found, Finding{Code: CodeWeakSignature, Severity: SeverityError, Message: "it is signed with " + c.SignatureAlgorithm.String() + ": nginx and clients refuse it", Hint: stronger})
	}
	return found
}

func checkForm(c *x509.Certificate) (found []Finding) {
	if len(c.UnhandledCriticalExtensions) > 0 {
		found = append(found, Finding{Code: CodeUnhandledCriticalExtension, Severity: SeverityError,
			Message: fmt.Sprintf("it has a critical extension (%v) that clients do not know: they refuse it", c.UnhandledCriticalExtensions[0])})
	}
	if c.SerialNumber.Sign() <= 0 || len(c.SerialNumber.Bytes()) > 20 {
		found = append(found, Finding{Code: CodeSerialInvalid, Severity: SeverityWarning, Message: "its serial number is not a positive number of at most 20 bytes: some clients refuse it"})
	}
	return found
}

// uselessAsIssuer says why no path may lead through a certificate, whatever
// the policy and the time; nil if one may.
func uselessAsIssuer(c *x509.Certificate) (found []Finding) {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		found = append(found, Finding{Code: CodeIssuerNotCA, Severity: SeverityError, Message: "it signed another certificate of the chain, but is not a CA: clients refuse the chain"})
	case hasExtension(c, oidKeyUsage) && c.KeyUsage&x509.KeyUsageCertSign == 0:
		found = append(found, Finding{Code: CodeIssuerNotCA, Severity: SeverityError, Message: "it signed another certificate of the chain, but its key usage forbids that: clients refuse the chain"})
	}
	found = append(found, checkSignature(c)...)
	return append(found, checkStrength(c, defaultRSABits)...)
}

var (
	oidKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidTLSFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
)

func hasExtension(c *x509.Certificate, oid asn1.ObjectIdentifier) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal(oid) {
			return true
		}
	}
	return false
}

func (r *Report) checkLeaf(c *x509.Certificate) {
	if c.IsCA {
		r.at(c, Finding{Code: CodeLeafIsCA, Severity: SeverityWarning, Message: "the certificate of the host is that of a CA: some clients refuse it",
			Hint: "Make a certificate for the host, signed by the CA."})
	}
	if hasExtension(c, oidKeyUsage) && c.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		r.at(c, Finding{Code: CodeLeafKeyUsage, Severity: SeverityError, Message: "its key usage does not allow signatures, which every TLS 1.3 handshake needs: OpenSSL, curl and browsers refuse it (Go programs do not)"})
	}
	switch eku := c.ExtKeyUsage; {
	case len(eku)+len(c.UnknownExtKeyUsage) == 0:
		r.at(c, Finding{Code: CodeEKUMissing, Severity: SeverityWarning, Message: "it does not say that it is for servers (extended key usage serverAuth): Apple's clients refuse it"})
	case !slices.Contains(eku, x509.ExtKeyUsageServerAuth) && !slices.Contains(eku, x509.ExtKeyUsageAny):
		r.at(c, Finding{Code: CodeEKUNoServerAuth, Severity: SeverityError, Message: "it is not for servers (extended key usage without serverAuth): clients refuse it"})
	}
	switch key := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P521() {
			r.at(c, Finding{Code: CodeKeyNotForBrowsers, Severity: SeverityWarning, Message: "its key is on the curve P-521, which Chrome does not support"})
		}
	case ed25519.PublicKey:
		r.at(c, Finding{Code: CodeKeyNotForBrowsers, Severity: SeverityWarning, Message: "its key is Ed25519, which browsers do not support"})
	}
	if hasExtension(c, oidTLSFeature) {
		r.at(c, Finding{Code: CodeMustStaple, Severity: SeverityWarning, Message: "it demands a stapled OCSP response (must-staple), which nginx sends only with ssl_stapling, and not at its first connection"})
	}
}

// checkPath says who trusts the leaf, or why nobody does.
func (r *Report) checkPath(p *Pair, pol Policy, trust trust) {
	private := Finding{Code: CodePrivateCA, Severity: SeverityWarning, Subject: subject(p.leaf),
		Message: "it is from a private CA: only clients that were given its root accept it",
		Hint:    "For a test host: give clients the root. For production: have it issued by a public CA."}
	self := Finding{Code: CodeSelfSignedLeaf, Severity: SeverityWarning, Subject: subject(p.leaf),
		Message: "it is signed by itself: clients warn of it", Hint: private.Hint}
	if pol.Production {
		private.Severity, self.Severity = SeverityError, SeverityError
		private.Message += ", and is not for production"
		self.Message += ", and it is not for production"
	}
	selfSignedLeaf := selfSigned(p.leaf)
	if selfSignedLeaf {
		r.add(self)
	}

	if trust.ok() || trust.expired != nil {
		if trust.expired != nil && !r.timeFinding() {
			r.add(Finding{Code: CodeExpired, Severity: SeverityError, Subject: subject(p.leaf), Message: "the root of its chain is outside of its validity: clients refuse the chain", Err: trust.expired})
		}
		r.Trust = trust.kind
		if trust.kind == TrustPrivate && !selfSignedLeaf {
			r.add(private)
		}
		return
	}
	if f := trust.fault; f != nil {
		if !r.pathFinding(f.code) {
			r.add(Finding{Code: f.code, Severity: SeverityError, Subject: subject(p.leaf), Message: f.message + ": clients refuse it", Err: f.err})
		}
		return
	}
	if selfSignedLeaf || r.pathFinding("") || hasErrorIn(p.findings, InputCert, false) {
		// The last: the certificate that is missing is the one that could not
		// be read.
		return
	}

	top := p.top()
	f := Finding{Severity: SeverityError, Subject: subject(top)}
	switch {
	case trust.noSystemRoots != nil:
		f.Code, f.Err = CodeUnknownAuthority, trust.noSystemRoots
		f.Message, f.Hint = "this host has no root certificates to judge it by", "apt-get install ca-certificates"
	case len(p.roots) > 0:
		f.Code, f.Message = CodeUnknownAuthority, "its root is none of those that clients trust"
	case knows(trust.public, top) || knows(pol.PrivateRoots, top):
		f.Code, f.Message = CodeUnknownAuthority, "it names a trusted root as its issuer, but that root did not sign it: clients refuse it"
		f.Hint = "There is another CA of the same name: find the root that belongs to it."
	default:
		f.Code = CodeChainIncomplete
		f.Message = fmt.Sprintf("its issuer, %s, is neither in the file nor a known root: nginx starts, and clients refuse it", clean(top.Issuer.String()))
		f.Hint = "Append the intermediate certificates that the CA offers as chain or bundle."
		if len(top.IssuingCertificateURL) > 0 {
			f.Hint += " The certificate says that the next is at " + clean(top.IssuingCertificateURL[0])
		}
	}
	r.add(f)
}

// top is the last certificate on the way from the leaf whose issuer is not
// in the chain.
func (p *Pair) top() *x509.Certificate {
	for i, c := range slices.Backward(p.chain) {
		certified := slices.ContainsFunc(p.chain[i+1:], func(up *x509.Certificate) bool { return bytes.Equal(up.RawSubject, c.RawIssuer) })
		if !certified {
			return c
		}
	}
	return p.leaf
}

func knows(pool *x509.CertPool, c *x509.Certificate) bool {
	if pool == nil {
		return false
	}
	//lint:ignore SA1019 on Linux the system's pool has its subjects; elsewhere only the wording of a finding differs
	return slices.ContainsFunc(pool.Subjects(), func(raw []byte) bool { return bytes.Equal(raw, c.RawIssuer) })
}

// trust is the outcome of building paths to the roots.
type trust struct {
	kind    Trust // TrustNone unless there is a path, now or but for the time
	paths   [][]*x509.Certificate
	expired error      // there is a path, but not at this time
	fault   *pathFault // there is a path, but it is not a valid one

	public        *x509.CertPool
	noSystemRoots error
}

func (t *trust) ok() bool { return len(t.paths) > 0 }

// uses tells whether a certificate is on one of the paths.
func (t *trust) uses(c *x509.Certificate) bool {
	return slices.ContainsFunc(t.paths, func(path []*x509.Certificate) bool { return slices.ContainsFunc(path, c.Equal) })
}

// pathFault is why crypto/x509 finds no path through certificates that are
// there.
type pathFault struct {
	code    Code
	message string
	err     error
}

var errNoSystemRoots = errors.New("no root certificates are installed")

// findTrust looks for a path to the public roots, and then to the private
// ones.
func findTrust(p *Pair, pol Policy) trust {
	t := trust{kind: TrustNone, public: pol.Roots}
	if t.public == nil {
		none := x509.NewCertPool()
		if t.public, t.noSystemRoots = x509.SystemCertPool(); t.noSystemRoots != nil {
			t.public = none
		} else if t.public.Equal(none) {
			t.noSystemRoots = errNoSystemRoots
		}
	}
	private := pol.PrivateRoots
	if private == nil {
		private = x509.NewCertPool()
		for _, c := range p.roots {
			private.AddCert(c)
		}
	}
	for _, try := range []struct {
		roots *x509.CertPool
		kind  Trust
	}{{t.public, TrustPublic}, {private, TrustPrivate}} {
		paths, fault, expired := findPaths(p, try.roots, pol.Now)
		if len(paths) > 0 || expired != nil {
			t.kind, t.paths, t.expired, t.fault = try.kind, paths, expired, nil
			return t
		}
		if t.fault == nil {
			t.fault = fault
		}
	}
	return t
}

// findPaths asks crypto/x509 for paths at the given time. That stops at the
// first problem, and which type of error it gives is not promised, so that
// time and purpose are taken out of the question one by one. All results are
// empty if no path leads to one of the roots.
func findPaths(p *Pair, roots *x509.CertPool, now time.Time) (paths [][]*x509.Certificate, fault *pathFault, expired error) {
	inter := x509.NewCertPool()
	for _, c := range p.chain[1:] {
		inter.AddCert(c)
	}
	ask := func(at time.Time, purpose x509.ExtKeyUsage) ([][]*x509.Certificate, error) {
		return p.leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{purpose}})
	}
	paths, first := ask(now, x509.ExtKeyUsageServerAuth)
	if first == nil {
		return paths, nil, nil
	}
	then := now
	for _, c := range p.chain {
		if c.NotAfter.Before(then) {
			then = c.NotAfter
		}
	}
	for _, c := range p.chain {
		if c.NotBefore.After(then) {
			then = c.NotBefore
		}
	}
	if _, err := ask(then, x509.ExtKeyUsageServerAuth); err == nil {
		return nil, nil, first
	}
	_, err := ask(then, x509.ExtKeyUsageAny)
	if err == nil {
		return nil, &pathFault{CodeEKUNoServerAuth, "a certificate of its chain is not for servers (extended key usage)", first}, nil
	}
	switch err := err.(type) {
	case x509.UnknownAuthorityError:
		return nil, nil, nil
	case x509.UnhandledCriticalExtension:
		return nil, &pathFault{CodeUnhandledCriticalExtension, "its chain has a critical extension that clients do not know", err}, nil
	case x509.CertificateInvalidError:
		switch err.Reason {
		case x509.Expired:
			return nil, nil, err
		case x509.NotAuthorizedToSign:
			return nil, &pathFault{CodeIssuerNotCA, "a certificate of its chain is not that of a CA", err}, nil
		case x509.TooManyIntermediates:
			return nil, &pathFault{CodePathLenExceeded, "its chain is longer than a CA in it allows", err}, nil
		case x509.CANotAuthorizedForThisName, x509.TooManyConstraints, x509.UnconstrainedName, x509.NameConstraintsWithoutSANs:
			return nil, &pathFault{CodeNameConstraint, "a CA of its chain may not issue for its names", err}, nil
		case x509.CANotAuthorizedForExtKeyUsage, x509.IncompatibleUsage:
			return nil, &pathFault{CodeEKUNoServerAuth, "a certificate of its chain is not for servers (extended key usage)", err}, nil
		}
	}
	return nil, &pathFault{CodePathInvalid, "its chain does not verify: " + clean(err.Error()), err}, nil
}

// timeFinding tells whether a certificate of the chain is already reported
// for its time.
func (r *Report) timeFinding() bool {
	return r.Has(CodeExpired) || r.Has(CodeNotYetValid) || r.Has(CodeValidityInverted)
}

// pathFinding tells whether the report already says, as an error, why there
// is no path.
func (r *Report) pathFinding(code Code) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		if f.Severity != SeverityError {
			return false
		}
		switch f.Code {
		case CodeIssuerNotCA, CodeWeakSignature, CodeWeakKey, CodeUnhandledCriticalExtension, CodeKeyUnsupported:
			return true
		}
		return f.Code == code
	})
}

const (
	defaultRSABits = 2048

	soonest       = 30 * 24 * time.Hour
	longestPublic = 398 * 24 * time.Hour // the CA/Browser Forum's limit since 2020-09; shorter ones follow
	longestAny    = 825 * 24 * time.Hour // macOS and iOS, for private CAs too
)

func (r *Report) checkLifetime(p *Pair, served []*x509.Certificate, pol Policy) {
	leaf := p.leaf
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	switch {
	case r.Trust == TrustPublic && pol.Roots == nil && life > longestPublic+24*time.Hour:
		r.at(leaf, Finding{Code: CodeValidityTooLong, Severity: SeverityWarning, Message: fmt.Sprintf("it is valid for %d days: browsers refuse more than 398 from a public CA", int(life.Hours()/24))})
	case life > longestAny+24*time.Hour:
		r.at(leaf, Finding{Code: CodeValidityTooLong, Severity: SeverityWarning, Message: fmt.Sprintf("it is valid for %d days: Apple's clients refuse more than 825", int(life.Hours()/24))})
	}

	first := p.leaf
	for _, c := range served {
		if c.NotAfter.Before(first.NotAfter) {
			first = c
		}
	}
	if first != leaf {
		r.at(first, Finding{Code: CodeIntermediateExpiresFirst, Severity: SeverityWarning,
			Message: fmt.Sprintf("this intermediate expires on %s, before the certificate of the host", day(first.NotAfter)), Hint: "Get the present intermediates from the CA."})
	}
	before := pol.RenewBefore
	if before == 0 {
		before = min(soonest, first.NotAfter.Sub(first.NotBefore)/3)
	}
	r.NotAfter, r.RenewFrom = first.NotAfter, first.NotAfter.Add(-before)
	if !pol.Now.After(r.NotAfter) && !pol.Now.Before(r.RenewFrom) {
		r.at(first, Finding{Code: CodeExpiresSoon, Severity: SeverityWarning,
			Message: fmt.Sprintf("it expires on %s, in %d days", day(r.NotAfter), int(r.NotAfter.Sub(pol.Now).Hours()/24)), Hint: "Renew it now."})
	}
}
