package certs_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
)

// row is a line of testdata/differential.txt.
type row struct {
	name        string
	load, serve string
	refuse      bool
	codes       []certs.Code
}

func readRows(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("testdata/differential.txt")
	require.NoError(t, err)
	var rows []row
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "|")
		require.Len(t, f, 5, line)
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		r := row{name: f[0], load: f[1], serve: f[2], refuse: f[3] == "refuse"}
		for _, c := range strings.Fields(f[4]) {
			r.codes = append(r.codes, certs.Code(c))
		}
		rows = append(rows, r)
	}
	require.Len(t, rows, 70)
	return rows
}

// TestDifferential holds this package against the programs for which it
// judges. For each row it sees three things: that the crafted pair is treated
// by each program, as it is, in the way that was measured; that what this
// package accepts, all of them load and serve in its canonical form, to
// clients that verify; and that what it refuses has the right code, and is
// refused by at least one of them.
func TestDifferential(t *testing.T) {
	t.Parallel()
	rows := readRows(t)
	pki := newPKI(t)
	crafted := craft(t, pki)
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.name
	}
	require.ElementsMatch(t, names, slices.Collect(maps.Keys(crafted)))

	// Not t.TempDir: its names may be too long for a socket.
	base, err := os.MkdirTemp("", "d")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(base) })
	require.NoError(t, os.Chmod(base, 0o755))
	rootFile := filepath.Join(base, "root.pem")
	require.NoError(t, os.WriteFile(rootFile, pki.root.pem(), 0o600))
	node := startNode(t)

	put := func(dir string, cert, key []byte) {
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.WriteFile(dir+"/cert.pem", cert, 0o600))
		require.NoError(t, os.WriteFile(dir+"/cert.key", key, 0o600))
	}
	mark := func(errs ...error) string {
		var b strings.Builder
		for _, err := range errs {
			b.WriteByte("+x"[map[bool]int{true: 1}[err != nil]])
		}
		return b.String()
	}
	policy := certs.Policy{Names: []string{"hub.test"}, PrivateRoots: pki.roots}

	dir := func(kind string, i int) string { return fmt.Sprintf("%s/%s%d", base, kind, i) }
	serves := make([]struct{ raw, canonical bool }, len(rows)) // what nginx serves: as it is, and in canonical form
	t.Run("loaded", func(t *testing.T) {
		for i, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				in := crafted[r.name]
				put(dir("r", i), in.cert, in.key)
				_, goErr := tls.X509KeyPair(in.cert, in.key)
				nginxErr := nginxTest(t, dir("r", i), dir("r", i))
				nodeErr := node.serve(t, dir("r", i))
				loaded := mark(goErr, nginxErr, nodeErr)
				if at := strings.IndexByte(r.load, '?'); at >= 0 {
					loaded = loaded[:at] + "?" + loaded[at+1:]
				}
				assert.Equal(t, r.load, loaded, "as it is: go %v, nginx %v, node %v", goErr, nginxErr, nodeErr)
				serves[i].raw = nginxErr == nil

				pair := certs.Parse(in.cert, in.key)
				report := pair.Verify(policy)
				assert.Equal(t, r.refuse, report.Err() != nil, "%v", report)
				got := map[certs.Code]bool{}
				for _, f := range report.Findings {
					if f.Code != certs.CodePrivateCA && (!r.refuse || f.Severity == certs.SeverityError || f.Code == certs.CodeLeafIsCA) {
						got[f.Code] = true
					}
				}
				assert.ElementsMatch(t, r.codes, slices.Collect(maps.Keys(got)), "%v", report)
				if r.refuse {
					for _, c := range r.codes {
						assert.True(t, c == certs.CodeLeafIsCA || errors.Is(report.Err(), c), "%s", c)
					}
					assert.Contains(t, r.load+r.serve, "x", "refused, though every program takes it")
					return
				}
				key, err := pair.KeyPEM()
				require.NoError(t, err)
				put(dir("c", i), pair.CertPEM(), key)
				again := certs.Parse(pair.CertPEM(), key).Verify(policy)
				assert.NoError(t, again.Err())
				assert.Equal(t, pair.CertPEM(), certs.Parse(pair.CertPEM(), key).CertPEM(), "canonical form of the canonical form")
				_, err = tls.X509KeyPair(pair.CertPEM(), key)
				assert.NoError(t, err)
				assert.NoError(t, node.serve(t, dir("c", i)))
				serves[i].canonical = true
			})
		}
	})

	var dirs []string
	for i, s := range serves {
		if s.raw {
			dirs = append(dirs, dir("r", i))
		}
		if s.canonical {
			dirs = append(dirs, dir("c", i))
		}
	}
	startNginx(t, base, dirs...)
	var socks []string
	for _, d := range dirs {
		socks = append(socks, d+".sock")
	}
	curlErrs := curlClients(t, rootFile, socks)
	t.Run("served", func(t *testing.T) {
		for i, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				served := "..."
				if serves[i].raw {
					sock := dir("r", i) + ".sock"
					served = mark(opensslClient(t, sock, rootFile), curlErrs[sock], goClient(t, sock, pki.roots))
				}
				assert.Equal(t, r.serve, served, "served as it is")
				if serves[i].canonical {
					sock := dir("c", i) + ".sock"
					assert.NoError(t, opensslClient(t, sock, rootFile))
					assert.NoError(t, curlErrs[sock])
					assert.NoError(t, goClient(t, sock, pki.roots))
					assert.NoError(t, goClient(t, dir("c", i)+"/node.sock", pki.roots))
				}
			})
		}
	})
}

type input struct{ cert, key []byte }

// craft makes the pair of each row.
func craft(t *testing.T, p *pki) map[string]input {
	t.Helper()
	leaf, inter, root := p.leaf.pem(), p.inter.pem(), p.root.pem()
	chain, key := join(leaf, inter), p.leaf.pkcs8(t)
	rsaKey := p.leaf.key.(*rsa.PrivateKey)
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsaKey)
	pkcs8DER, _ := pem.Decode(key)

	with := func(key crypto.Signer, edit func(*x509.Certificate)) (*entity, input) {
		e := issue(t, p.inter, key, edit)
		return e, input{join(e.pem(), inter), e.pkcs8(t)}
	}
	ecKey := newEC(t)
	ecLeaf, ec := with(ecKey, nil)
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	require.NoError(t, err)
	oid := []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}
	ofCurve := func(c elliptic.Curve) crypto.Signer {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		require.NoError(t, err)
		return k
	}
	_, p224 := with(ofCurve(elliptic.P224()), nil)
	_, p384 := with(ofCurve(elliptic.P384()), nil)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	_, ed := with(edKey, nil)
	_, expired := with(rsaKey, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	_, early := with(rsaKey, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
	_, ca := with(rsaKey, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	_, client := with(rsaKey, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	otherKey := (&entity{key: other}).pkcs8(t)

	// The other key with the same X coordinate: its Y is negated.
	d, err := ecKey.Bytes()
	require.NoError(t, err)
	d = new(big.Int).Sub(ecKey.Params().N, new(big.Int).SetBytes(d)).FillBytes(d)
	negated, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	require.NoError(t, err)

	pemOf := func(label string, der []byte) []byte { return block(label, der) }
	replace := func(b []byte, old, new string) []byte { return bytes.ReplaceAll(b, []byte(old), []byte(new)) }
	cut := func(b []byte, n int) []byte { return b[:len(b)-n] }
	indent := func(b []byte) []byte { return append([]byte("    "), replace(cut(b, 1), "\n", "\n    ")...) }
	lines := func(b []byte) [][]byte { return bytes.SplitAfter(b, []byte("\n")) }
	oneLine := func(label string, der []byte) []byte {
		return []byte("-----BEGIN " + label + "-----\n" + base64.StdEncoding.EncodeToString(der) + "\n-----END " + label + "-----\n")
	}
	bomed := func(b []byte) []byte { return append([]byte("\ufeff"), b...) }
	crlf := func(b []byte) []byte { return replace(b, "\n", "\r\n") }
	utf16le := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(string(chain))) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	interLines := lines(inter)
	badBase64 := join(leaf, interLines[0], []byte("!!!!"), interLines[1][4:], join(interLines[2:]...))
	blank := lines(leaf)
	blanked := join(join(blank[:3]...), []byte("\n"), join(blank[3:]...), inter)
	// What OpenSSL appends to a certificate with trust settings: none.
	trusted := func(e *entity) []byte {
		return pemOf("TRUSTED CERTIFICATE", append(slices.Clone(e.cert.Raw), 0x30, 0x00))
	}

	m := map[string]input{
		"rsa pkcs8":                         {chain, key},
		"rsa pkcs1":                         {chain, pemOf("RSA PRIVATE KEY", pkcs1)},
		"ec sec1":                           {ec.cert, pemOf("EC PRIVATE KEY", sec1)},
		"ec sec1 with EC PARAMETERS":        {ec.cert, join(pemOf("EC PARAMETERS", oid), pemOf("EC PRIVATE KEY", sec1))},
		"ec pkcs8":                          ec,
		"p384":                              p384,
		"p224":                              p224,
		"ed25519 pkcs8":                     ed,
		"ed25519 under ED25519 PRIVATE KEY": {ed.cert, replace(ed.key, "PRIVATE KEY", "ED25519 PRIVATE KEY")},
		"pkcs8 under RSA PRIVATE KEY":       {chain, pemOf("RSA PRIVATE KEY", pkcs8DER.Bytes)},
		"pkcs1 under PRIVATE KEY":           {chain, pemOf("PRIVATE KEY", pkcs1)},
		"CRLF both":                         {crlf(chain), crlf(key)},
		"CR-only cert":                      {replace(chain, "\n", "\r"), key},
		"UTF-8 BOM cert":                    {bomed(chain), key},
		"UTF-8 BOM key":                     {chain, bomed(key)},
		"BOM and CRLF both":                 {bomed(crlf(chain)), bomed(crlf(key))},
		"UTF-16LE cert":                     {utf16le, key},
		"END and BEGIN joined":              {join(cut(leaf, 1), inter), key},
		"no trailing newline at EOF":        {cut(chain, 1), cut(key, 1)},
		"text before blocks":                {join([]byte("Certificate:\n    Data:\n        Version: 3 (0x2)\n"), leaf, []byte("Certificate:\n    Data:\n"), inter), key},
		"bag attributes":                    {join([]byte("Bag Attributes\n    localKeyID: 01 02\nsubject=CN = hub.test\n"), leaf, []byte("Bag Attributes: <No Attributes>\n"), inter), join([]byte("Bag Attributes\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n"), key)},
		"single-line base64":                {join(oneLine("CERTIFICATE", p.leaf.cert.Raw), oneLine("CERTIFICATE", p.inter.cert.Raw)), oneLine("PRIVATE KEY", pkcs8DER.Bytes)},
		"indented cert":                     {indent(chain), key},
		"indented key":                      {chain, indent(key)},
		"blank line inside body":            {blanked, key},
		"trailing spaces on lines":          {replace(chain, "\n", "  \n"), replace(key, "\n", "  \n")},
		"X509 CERTIFICATE label leaf":       {join(pemOf("X509 CERTIFICATE", p.leaf.cert.Raw), inter), key},
		"TRUSTED CERTIFICATE first":         {join(trusted(p.leaf), inter), key},
		"TRUSTED CERTIFICATE second":        {join(leaf, trusted(p.inter)), key},
		"key in cert file, first":           {join(key, chain), key},
		"key in cert file, last":            {join(chain, key), key},
		"cert block before key in key file": {chain, join(leaf, key)},
		"two keys, first wrong":             {chain, join(otherKey, key)},
		"two keys, first right":             {chain, join(key, otherKey)},
		"swapped files":                     {key, chain},
		"key mismatch":                      {chain, otherKey},
		"key type mismatch":                 {chain, ec.key},
		"EC key negated, same X":            {ec.cert, (&entity{key: negated}).pkcs8(t)},
		"order inter,leaf":                  {join(inter, leaf), key},
		"order leaf,root,inter":             {join(leaf, root, inter), key},
		"intermediate missing":              {leaf, key},
		"leaf+inter+root":                   {join(chain, root), key},
		"duplicate leaf":                    {join(leaf, leaf, inter), key},
		"unrelated extra cert":              {join(chain, issue(t, nil, newEC(t), asCA("Another Root")).pem()), key},
		"bad base64 in 2nd cert":            {badBase64, key},
		"truncated 2nd cert":                {join(leaf, inter[:len(inter)/2]), key},
		"garbage DER in 2nd cert":           {join(leaf, pemOf("CERTIFICATE", bytes.Repeat([]byte{0x30, 0x84}, 60))), key},
		"trailing DER bytes in leaf":        {join(pemOf("CERTIFICATE", append(slices.Clone(p.leaf.cert.Raw), "tail"...)), inter), key},
		"DER cert file":                     {p.leaf.cert.Raw, key},
		"empty cert":                        {nil, key},
		"empty key":                         {chain, nil},
		"NUL byte after":                    {append(slices.Clone(chain), 0), key},
		"expired leaf":                      expired,
		"not yet valid leaf":                early,
		"CA cert as leaf":                   ca,
		"clientAuth-only EKU leaf":          client,
		"typographic dashes":                {join(replace(leaf, "-----BEGIN", "—–BEGIN"), inter), key},
		"escaped newlines":                  {replace(chain, "\n", `\n`), key},
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"hub.test"}}, ecLeaf.key)
	require.NoError(t, err)
	m["CSR then cert"] = input{join(pemOf("CERTIFICATE REQUEST", csr), chain), key}
	craftWithOpenSSL(t, p, m, chain, key)
	return m
}

// craftWithOpenSSL makes what the standard library cannot.
func craftWithOpenSSL(t *testing.T, p *pki, m map[string]input, chain, key []byte) {
	t.Helper()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	read := func(name string) []byte {
		b, err := os.ReadFile(path(name))
		require.NoError(t, err)
		return b
	}
	write := func(name string, b []byte) { require.NoError(t, os.WriteFile(path(name), b, 0o600)) }
	run := func(args ...string) {
		out, err := tool(t, "openssl", args...)
		require.NoError(t, err, "openssl %v: %s", args, out)
	}
	write("inter.pem", p.inter.pem())
	write("inter.key", p.inter.pkcs8(t))
	write("chain.pem", chain)
	write("leaf.key", key)
	write("ext.cnf", []byte("[ext]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:hub.test\n[req]\ndistinguished_name=dn\n[dn]\n"))

	run("crl2pkcs7", "-nocrl", "-certfile", path("chain.pem"), "-out", path("p7"))
	m["PKCS7 instead of cert"] = input{read("p7"), key}
	run("pkcs8", "-topk8", "-in", path("leaf.key"), "-passout", "pass:secret", "-out", path("enc8"))
	m["encrypted pkcs8"] = input{chain, read("enc8")}
	run("rsa", "-in", path("leaf.key"), "-aes128", "-traditional", "-passout", "pass:secret", "-out", path("enc1"))
	m["encrypted traditional"] = input{chain, read("enc1")}
	run("dhparam", "-dsaparam", "-out", path("dh"), "512")
	m["DH PARAMETERS appended to cert"] = input{join(chain, read("dh")), key}

	// The weak digests need an RSA issuer, which goes by the intermediate's
	// name in the path to the same root.
	rsaInter := issue(t, p.root, p.leaf.key, asCA("Test RSA Intermediate"))
	write("rsainter.pem", rsaInter.pem())
	write("rsainter.key", rsaInter.pkcs8(t))
	leafOf := func(name, keyFile string, issuer string, inter *entity, more ...string) {
		run(append([]string{"req", "-x509", "-new", "-config", path("ext.cnf"), "-extensions", "ext", "-subj", "/CN=hub.test", "-days", "90",
			"-key", path(keyFile), "-CA", path(issuer + ".pem"), "-CAkey", path(issuer + ".key"), "-out", path("made.pem")}, more...)...)
		m[name] = input{join(read("made.pem"), inter.pem()), read(keyFile)}
	}
	leafOf("sha1-signed leaf", "leaf.key", "rsainter", rsaInter, "-sha1")
	leafOf("md5-signed leaf", "leaf.key", "rsainter", rsaInter, "-md5")
	for name, args := range map[string][]string{
		"rsa1024 leaf":    {"RSA", "-pkeyopt", "rsa_keygen_bits:1024"},
		"secp256k1":       {"EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
		"brainpoolP256r1": {"EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"},
		"RSA-PSS":         {"RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"},
		"Ed448":           {"ED448"},
	} {
		run(append([]string{"genpkey", "-out", path("made.key"), "-algorithm"}, args...)...)
		leafOf(name, "made.key", "inter", p.inter)
	}
}
