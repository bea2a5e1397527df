package certs_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
)

// TestPlaces holds the positions of findings: an administrator is told where
// to look.
func TestPlaces(t *testing.T) {
	pki := newPKI(t)
	leaf, inter, key := pki.leaf.pem(), pki.inter.pem(), pki.leaf.pkcs8(t)
	n := bytes.Count(leaf, []byte("\n"))
	sec1, err := x509.MarshalECPrivateKey(newEC(t))
	require.NoError(t, err)
	sec1[len(sec1)-1] ^= 1 // in the public part
	for name, tt := range map[string]struct {
		cert, key []byte
		code      certs.Code
		input     certs.Input
		block     int
		line      int
	}{
		"character in the second block": {join(leaf, inter[:100], []byte("*"), inter[100:]), key, certs.CodeDamagedBlock, certs.InputCert, 2, n + 3},
		"second block cut off":          {join(leaf, inter[:100]), key, certs.CodeDamagedBlock, certs.InputCert, 2, n + 1},
		"cut off before the next":       {join(leaf[:100], []byte("\n"), inter), key, certs.CodeDamagedBlock, certs.InputCert, 1, 1},
		"joined":                        {join(leaf[:len(leaf)-1], inter), key, certs.CodeJoinedBlocks, certs.InputCert, 0, n},
		"END without BEGIN":             {join(leaf, inter[bytes.IndexByte(inter, '\n')+1:]), key, certs.CodeDamagedBlock, certs.InputCert, 0, n + bytes.Count(inter, []byte("\n")) - 1},
		"END of another label":          {join(leaf, bytes.Replace(inter, []byte("END CERTIFICATE"), []byte("END X509 CRL"), 1)), key, certs.CodeDamagedBlock, certs.InputCert, 2, n + bytes.Count(inter, []byte("\n"))},
		"encrypted key after text":      {leaf, join([]byte("one\ntwo\n"), block("ENCRYPTED PRIVATE KEY", []byte{0x30, 0})), certs.CodeKeyEncrypted, certs.InputKey, 1, 3},
		"PKCS#7 after the leaf":         {join(leaf, block("PKCS7", []byte{0x30, 0})), key, certs.CodeNotPEMPKCS7, certs.InputCert, 2, n + 1},
		"duplicate":                     {join(leaf, inter, inter), key, certs.CodeDuplicateCertificate, certs.InputCert, 3, n + bytes.Count(inter, []byte("\n")) + 1},
		"second byte order mark":        {join(leaf, []byte("\ufeff"), inter), key, certs.CodeBOM, certs.InputCert, 0, n + 1},
		"DER of PKCS#12":                {[]byte("\x30\x82\x09\x00\x02\x01\x03\x30\x82\x08\xf0\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"), key, certs.CodeNotPEMPKCS12, certs.InputCert, 0, 0},
		"DER of PKCS#7":                 {[]byte("\x30\x82\x09\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0"), key, certs.CodeNotPEMPKCS7, certs.InputCert, 0, 0},
		"DER of a key":                  {leaf, []byte("\x30\x82\x01\x00\x02\x01\x00"), certs.CodeNotPEMDER, certs.InputKey, 0, 0},
		"only text":                     {[]byte("404 page not found\n"), key, certs.CodeNoCertificate, certs.InputCert, 0, 0},
		"UTF-16 without a mark":         {[]byte("-\x00-\x00-\x00-\x00-\x00B\x00"), key, certs.CodeUTF16, certs.InputCert, 0, 1},
		"END line indented":             {leaf, bytes.Replace(key, []byte("-----END"), []byte("\t-----END"), 1), certs.CodeIndentedPEM, certs.InputKey, 1, bytes.Count(key, []byte("\n"))},
		"NUL bytes":                     {bytes.Replace(leaf, []byte("-----\n"), []byte("-----\n\x00\n"), 1), key, certs.CodeDamagedBlock, certs.InputCert, 1, 2},
		"public part of the key":        {leaf, block("EC PRIVATE KEY", sec1), certs.CodeDamagedBlock, certs.InputKey, 1, 1},
		"OpenSSH key":                   {leaf, block("OPENSSH PRIVATE KEY", []byte("openssh-key-v1\x00")), certs.CodeKeyUnsupported, certs.InputKey, 1, 1},
		"public key for the key":        {leaf, block("PUBLIC KEY", []byte{0x30, 0}), certs.CodeNoPrivateKey, certs.InputKey, 0, 0},
	} {
		report := certs.Parse(tt.cert, tt.key).Verify(certs.Policy{PrivateRoots: pki.roots})
		found := false
		for _, f := range report.Findings {
			if f.Code == tt.code {
				found = true
				assert.Equal(t, tt.input, f.Input, name)
				assert.Equal(t, tt.block, f.Block, name)
				assert.Equal(t, tt.line, f.Line, name)
				assert.NotEmpty(t, f.Message, name)
				break
			}
		}
		assert.True(t, found, "%s: %v", name, report)
	}
}

// TestWholeReport holds that one problem does not hide another, as the first
// error of crypto/x509 does.
func TestWholeReport(t *testing.T) {
	pki := newPKI(t)
	leaf := issue(t, pki.inter, newEC(t), func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	report := certs.Parse(leaf.pem(), newPKI(t).leaf.pkcs8(t)).Verify(certs.Policy{Names: []string{"other.test", "third.test", "192.0.2.1"}, PrivateRoots: pki.roots})
	err := report.Err()
	for _, code := range []certs.Code{certs.CodeKeyTypeMismatch, certs.CodeExpired, certs.CodeHostnameMismatch, certs.CodeIPNotInSAN, certs.CodeEKUNoServerAuth, certs.CodeChainIncomplete} {
		assert.ErrorIs(t, err, code)
	}
	var names x509.HostnameError
	assert.ErrorAs(t, err, &names)
	assert.Equal(t, 2, strings.Count(err.Error(), string(certs.CodeHostnameMismatch)))

	data, err := json.Marshal(report)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"code":"expired","severity":"error","input":"certificate","block":1,"line":1,"subject":"CN=hub.test"`)
}

// TestCanonicalInputIsKept holds that what needs no change is given none:
// administrators compare files.
func TestCanonicalInputIsKept(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"rsa":     {"RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
		"ec":      {"EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
		"p384":    {"EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
		"ed25519": {"ED25519"},
	} {
		key, cert := filepath.Join(dir, name+".key"), filepath.Join(dir, name+".crt")
		out, err := tool(t, "openssl", append([]string{"genpkey", "-out", key, "-algorithm"}, args...)...)
		require.NoError(t, err, out)
		out, err = tool(t, "openssl", "req", "-x509", "-new", "-key", key, "-out", cert, "-subj", "/CN=hub.test", "-addext", "subjectAltName=DNS:hub.test", "-days", "90")
		require.NoError(t, err, out)
		pair, err := certs.Load(cert, key)
		require.NoError(t, err)
		wantCert, err := os.ReadFile(cert)
		require.NoError(t, err)
		wantKey, err := os.ReadFile(key)
		require.NoError(t, err)
		gotKey, err := pair.KeyPEM()
		require.NoError(t, err)
		assert.Equal(t, string(wantCert), string(pair.CertPEM()), name)
		assert.Equal(t, string(wantKey), string(gotKey), name)
		assert.True(t, pair.Verify(certs.Policy{}).Has(certs.CodeSelfSignedLeaf), name)
	}
}

func TestCombinedFile(t *testing.T) {
	pki := newPKI(t)
	file := join(pki.leaf.pkcs8(t), pki.leaf.pem(), pki.inter.pem())
	for _, pair := range []*certs.Pair{certs.Parse(file, nil), certs.Parse(nil, file)} {
		report := pair.Verify(certs.Policy{Names: []string{"hub.test"}, PrivateRoots: pki.roots})
		require.NoError(t, report.Err())
		assert.Len(t, pair.Chain(), 2)
		_, err := pair.TLS()
		assert.NoError(t, err)
	}
}

// TestOpenSSLReading is what OpenSSL's own tests of PEM reading ask: which
// layouts of the base64 text are read, and which are not.
func TestOpenSSLReading(t *testing.T) {
	pki := newPKI(t)
	key := pki.leaf.pkcs8(t)
	text := base64.StdEncoding.EncodeToString(pki.leaf.cert.Raw)
	wrap := func(text string, width int) string {
		var b strings.Builder
		for len(text) > width {
			b.WriteString(text[:width] + "\n")
			text = text[width:]
		}
		return b.String() + text + "\n"
	}
	const begin, end = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
	in := func(body string) string { return begin + body + end }
	usual := wrap(text, 64)
	lines := strings.SplitAfter(usual, "\n")
	padded := issue(t, pki.inter, newEC(t), func(c *x509.Certificate) { c.Subject.CommonName = "a" })
	for i := 0; len(padded.cert.Raw)%3 != 1; i++ { // so that the base64 ends in ==
		padded = issue(t, pki.inter, newEC(t), func(c *x509.Certificate) { c.Subject.CommonName = strings.Repeat("a", i+1) })
	}
	unpadded := strings.TrimRight(base64.StdEncoding.EncodeToString(padded.cert.Raw), "=")

	dir := t.TempDir()
	for name, tt := range map[string]struct {
		file string
		good bool
		// Where this package is stricter or more lenient than OpenSSL, and why.
		differs string
	}{
		"usual":                        {in(usual), true, ""},
		"one line":                     {in(text + "\n"), true, ""},
		"one column":                   {in(wrap(text, 1)), true, ""},
		"three columns":                {in(wrap(text, 3)), true, ""},
		"short lines":                  {in(wrap(text, 40)), true, ""},
		"76 columns":                   {in(wrap(text, 76)), true, ""},
		"254 columns":                  {in(wrap(text, 254)), true, ""},
		"255 columns":                  {in(wrap(text, 255)), true, ""},
		"256 columns":                  {in(wrap(text, 256)), true, ""},
		"short and long lines":         {in(text[:10] + "\n" + text[10:210] + "\n" + wrap(text[210:], 5)), true, ""},
		"text before, 1023 characters": {strings.Repeat("x", 1023) + "\n" + in(usual), true, ""},
		"text before, 1024 characters": {strings.Repeat("x", 1024) + "\n" + in(usual), true, ""},
		"text before, 1025 characters": {strings.Repeat("x", 1025) + "\n" + in(usual), true, ""},
		"leading blanks":               {in(" \t" + usual), true, ""},
		"trailing blanks":              {in(strings.ReplaceAll(usual, "\n", " \t \n")), true, ""},
		"blanks within lines":          {in(usual[:20] + "  " + usual[20:]), true, ""},
		"byte order mark":              {"\ufeff" + in(usual), true, ""},
		"padding on a line of its own": {begin + wrap(unpadded, 64) + "==\n" + end, true, ""},
		"blank line":                   {in(lines[0] + "\n" + strings.Join(lines[1:], "")), true, "put right, and said"},
		"blank line after BEGIN":       {in("\n" + usual), true, ""},
		"blank line, long lines":       {in("\n" + wrap(text, 76)), true, "put right, and said"},
		"blank line, short lines":      {in("\n" + wrap(text, 40)), true, "put right, and said"},
		"blank line before END":        {in(usual + "\n"), true, "put right, and said"},
		"two blank lines after BEGIN":  {in("\n\n" + usual), true, "put right, and said"},
		"comment":                      {in(lines[0] + "# comment\n" + strings.Join(lines[1:], "")), false, ""},
		"junk":                         {in(strings.Replace(usual, usual[100:104], "{}()", 1)), false, ""},
		"early padding":                {in(usual[:100] + "==" + usual[100:]), false, ""},
		"extra padding":                {begin + wrap(unpadded, 64) + "====\n" + end, false, ""},
		"misaligned padding":           {begin + wrap(unpadded, 64) + "=\n" + end, false, ""},
		"no END line":                  {begin + usual, false, ""},
		"no BEGIN line":                {usual + end, false, ""},
	} {
		file := filepath.Join(dir, "cert.pem")
		require.NoError(t, os.WriteFile(file, []byte(tt.file), 0o600))
		// The reader of PEM files, as it is in nginx; openssl x509 also tries
		// other formats.
		out, err := tool(t, "openssl", "crl2pkcs7", "-nocrl", "-certfile", file, "-outform", "DER", "-out", filepath.Join(dir, "out"))
		openssl := err == nil
		if openssl {
			made, err := os.ReadFile(filepath.Join(dir, "out"))
			require.NoError(t, err)
			openssl = bytes.Contains(made, pki.leaf.cert.Raw) || bytes.Contains(made, padded.cert.Raw)
		}
		p := certs.Parse([]byte(tt.file), key)
		got := p.Leaf() != nil && (p.Leaf().Equal(pki.leaf.cert) || p.Leaf().Equal(padded.cert))
		assert.Equal(t, tt.good, got, "%s: %v", name, p.Verify(certs.Policy{}))
		stops := p.Verify(certs.Policy{}).Has(certs.CodeBlankLineInBlock)
		assert.Equal(t, tt.differs != "", stops, name)
		assert.Equal(t, tt.good != (tt.differs != ""), openssl, "%s: openssl: %s", name, out)
	}
}

// TestNoKeyIsShown prints and encodes pairs, reports and errors in every way
// and looks for the key in it.
func TestNoKeyIsShown(t *testing.T) {
	pki := newPKI(t)
	ec := newEC(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rsaLeaf := pki.leaf
	ecLeaf, edLeaf := issue(t, pki.inter, ec, nil), issue(t, pki.inter, ed, nil)

	// What may not be seen: the numbers of each key in each notation, and any
	// stretch of its text.
	var secrets []string
	ecD, err := ec.Bytes()
	require.NoError(t, err)
	for _, n := range [][]byte{rsaLeaf.key.(*rsa.PrivateKey).D.Bytes(), ecD, ed.Seed()} {
		secrets = append(secrets, hex.EncodeToString(n), strings.ToUpper(hex.EncodeToString(n)), new(big.Int).SetBytes(n).String(),
			strings.Trim(fmt.Sprint(n), "[]"), fmt.Sprintf("%#v", n)[7:60], string(n))
	}
	var keys [][]byte
	for _, e := range []*entity{rsaLeaf, ecLeaf, edLeaf} {
		key := e.pkcs8(t)
		b, _ := pem.Decode(key)
		text := base64.StdEncoding.EncodeToString(b.Bytes)
		for i := 40; i+24 <= len(text); i += 8 {
			secrets = append(secrets, text[i:i+24])
		}
		keys = append(keys, key)
	}

	var values []any
	for i, e := range []*entity{rsaLeaf, ecLeaf, edLeaf} {
		cert := join(e.pem(), pki.inter.pem())
		key := keys[i]
		text := string(key)
		pairs := []*certs.Pair{
			certs.Parse(cert, key),
			certs.Parse(key, cert),
			certs.Parse(nil, key),
			certs.Parse(key, nil),
			certs.Parse(cert, keys[(i+1)%3]),
			certs.Parse(cert, key[:len(key)-40]),
			certs.Parse(cert, []byte(strings.Replace(text, "-----\n", "-----\n!", 1))),
			certs.Parse(cert, []byte(strings.ReplaceAll(text, "\n", ""))),
			certs.Parse(cert, []byte(strings.ReplaceAll(text, "\n", `\n`))),
			certs.Parse(cert, []byte(strings.ReplaceAll(text, "\n", "\r"))),
			certs.Parse(cert, []byte(strings.ReplaceAll(text, "PRIVATE KEY", "CERTIFICATE"))),
			certs.Parse([]byte(strings.ReplaceAll(text, "PRIVATE KEY", "CERTIFICATE")), key),
			certs.Parse(cert, []byte(strings.ReplaceAll(text, "PRIVATE KEY", "EC PRIVATE KEY"))),
			certs.Parse(cert, []byte(strings.Split(text, "\n")[1])),
			certs.Parse(cert, []byte("-----BEGIN "+strings.Split(text, "\n")[1]+"-----\nAAAA\n-----END X-----")),
		}
		for _, p := range pairs {
			report := p.Verify(certs.Policy{Names: []string{"other.test"}, PrivateRoots: pki.roots})
			_, installErr := certs.Target{Dir: filepath.Join(t.TempDir(), "certs")}.Install(t.Context(), p, certs.Options{Policy: certs.Policy{Names: []string{"other.test"}}})
			_, tlsErr := p.TLS()
			values = append(values, p, *p, &p, []*certs.Pair{p}, map[string]*certs.Pair{"p": p}, struct {
				exported *certs.Pair
				hidden   certs.Pair
			}{p, *p}, report, *report, report.Err(), installErr, tlsErr, certs.Backup{Pair: p}, certs.Generated{Host: p, CA: p})
		}
	}
	for _, v := range values {
		var shown strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%T"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		data, err := json.Marshal(v)
		require.NoError(t, err)
		shown.Write(data)
		for _, s := range secrets {
			if strings.Contains(shown.String(), s) {
				t.Fatalf("%T shows a key", v)
			}
		}
	}
	assert.Greater(t, len(values), 500)
}

// TestLargeInputs are those that made others slow: they are refused or read
// in time that grows with their size.
func TestLargeInputs(t *testing.T) {
	pki := newPKI(t)
	leaf, key := pki.leaf.pem(), pki.leaf.pkcs8(t)
	many := bytes.Repeat(leaf, 1<<20/len(leaf))
	var sameName [][]byte
	for range 60 { // every one may have signed every other, by its name
		sameName = append(sameName, issue(t, nil, newEC(t), asCA("Test Intermediate")).pem())
	}
	for name, tt := range map[string]struct {
		cert, key []byte
		code      certs.Code
	}{
		"more than the limit":      {append(many, make([]byte, 1<<20)...), key, certs.CodeTooLarge},
		"many certificates":        {many, key, certs.CodeTooLarge},
		"a megabyte of text":       {bytes.Repeat([]byte("x"), 1<<20), key, certs.CodeNoCertificate},
		"a megabyte of BEGIN":      {bytes.Repeat([]byte("-----BEGIN "), 1<<20/11), key, certs.CodeDamagedBlock},
		"many BEGIN lines":         {bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n"), 30000), key, certs.CodeTooLarge},
		"many END lines":           {bytes.Repeat([]byte("-----END CERTIFICATE-----\n"), 30000), key, certs.CodeTooLarge},
		"a block of a megabyte":    {block("CERTIFICATE", bytes.Repeat([]byte{0x30, 0x80}, 350000)), key, certs.CodeDamagedBlock},
		"a key of a megabyte":      {leaf, block("PRIVATE KEY", bytes.Repeat([]byte{0x30, 0x80}, 350000)), certs.CodeDamagedBlock},
		"headers without end":      {append([]byte("-----BEGIN CERTIFICATE-----\n"), bytes.Repeat([]byte("A: b\n"), 200000)...), key, certs.CodeDamagedBlock},
		"CAs of one name":          {join(leaf, join(sameName...)), key, certs.CodeUnrelatedCertificate},
		"many joined":              {bytes.Repeat(bytes.TrimSpace(leaf), 100), key, certs.CodeTooLarge},
		"dashes":                   {bytes.Repeat([]byte("-"), 1<<20), key, certs.CodeNoCertificate},
		"the same intermediate 60": {join(leaf, bytes.Repeat(pki.inter.pem(), 60)), key, certs.CodeDuplicateCertificate},
	} {
		report := certs.Parse(tt.cert, tt.key).Verify(certs.Policy{PrivateRoots: pki.roots})
		assert.True(t, report.Has(tt.code), "%s: %.2000s", name, report)
		assert.Less(t, len(report.Findings), 100, name)
	}
}

func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/pem/*")
	if err != nil || len(seeds) < 10 {
		f.Fatalf("%d seeds, %v", len(seeds), err)
	}
	var all [][]byte
	for _, name := range seeds {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, data)
	}
	for i, data := range all {
		f.Add(data, all[(i+1)%len(all)])
		f.Add(data, data)
		for _, n := range []int{0, 1, 11, 27, 39, 40, 41} { // Caddy's loader read keyData[:40]
			f.Add(data[:min(n, len(data))], data)
			f.Add(data, data[:min(n, len(data))])
		}
	}
	f.Add(bytes.Repeat(all[0], 70), all[1])
	f.Add(bytes.Repeat([]byte("-----BEGIN "), 5000), bytes.Repeat([]byte("-----END A-----"), 5000))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		certBefore, keyBefore := bytes.Clone(cert), bytes.Clone(key)
		p := certs.Parse(cert, key)
		report := p.Verify(certs.Policy{Names: []string{"hub.test"}})
		if !bytes.Equal(cert, certBefore) || !bytes.Equal(key, keyBefore) {
			t.Fatal("the input was changed")
		}
		for i, fi := range report.Findings {
			if fi.Code == "" || fi.Message == "" || fi.Line < 0 || fi.Line > bytes.Count(cert, []byte("\n"))+bytes.Count(key, []byte("\n"))+2 {
				t.Fatalf("finding %d: %+v", i, fi)
			}
			if strings.ContainsAny(fi.Error(), "\n\r\x1b\x00") {
				t.Fatalf("finding %d acts on a terminal: %q", i, fi.Error())
			}
		}
		_ = report.String()
		canonical, err := p.KeyPEM()
		if err != nil {
			if report.Err() == nil {
				t.Fatalf("no errors, and no whole pair: %v", err)
			}
			return
		}
		// What is whole is canonical in one step, and no worse for it.
		again := certs.Parse(p.CertPEM(), canonical)
		if !bytes.Equal(again.CertPEM(), p.CertPEM()) {
			t.Fatalf("the canonical form of\n%s\nis\n%s", p.CertPEM(), again.CertPEM())
		}
		againKey, err := again.KeyPEM()
		if err != nil || !bytes.Equal(againKey, canonical) {
			t.Fatalf("the canonical key has another canonical form, or none: %v", err)
		}
	})
}
