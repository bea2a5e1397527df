package certs_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
)

func TestGenerate(t *testing.T) {
	for name, tt := range map[string]struct {
		req  certs.Request
		host string // the name of the files
	}{
		"host":     {certs.Request{Names: []string{"hub.test"}}, "hub.test"},
		"rsa":      {certs.Request{Names: []string{"hub.test", "192.0.2.7", "2001:db8::7"}, Key: certs.RSA2048}, "hub.test"},
		"unicode":  {certs.Request{Names: []string{"Bücher.test", "*.bücher.test"}}, "xn--bcher-kva.test"},
		"address":  {certs.Request{Names: []string{"192.0.2.7"}}, "192.0.2.7"},
		"wildcard": {certs.Request{Names: []string{"*.hub.test"}}, "_.hub.test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := certs.Generate(tt.req)
			require.NoError(t, err)
			out := filepath.Join(t.TempDir(), "out")
			files, err := g.Write(t.Context(), out)
			require.NoError(t, err)
			base := filepath.Join(out, tt.host, tt.host)
			assert.Equal(t, certs.Files{Bundle: base + "-bundle.crt", Key: base + ".key", CACert: base + "-ca.crt", CAKey: base + "-ca.key"}, files)
			for path, mode := range map[string]fs.FileMode{files.Bundle: 0o644, files.Key: 0o600, files.CACert: 0o644, files.CAKey: 0o600} {
				info, err := os.Stat(path)
				require.NoError(t, err)
				assert.Equal(t, mode, info.Mode().Perm(), path)
			}

			// As the documented commands copy them.
			pair, err := certs.Load(files.Bundle, files.Key)
			require.NoError(t, err)
			report := pair.Verify(certs.Policy{Names: tt.req.Names})
			require.NoError(t, report.Err())
			assert.True(t, report.Has(certs.CodePrivateCA))
			assert.Equal(t, certs.TrustPrivate, report.Trust)
			assert.ErrorIs(t, pair.Verify(certs.Policy{Production: true}).Err(), certs.CodePrivateCA)
			for _, f := range report.Findings {
				assert.Contains(t, []certs.Code{certs.CodePrivateCA, certs.CodeRootInBundle}, f.Code)
			}
			leaf := pair.Leaf()
			assert.WithinDuration(t, time.Now().Add(397*dayLong), leaf.NotAfter, 2*time.Hour)
			assert.True(t, leaf.NotBefore.Before(time.Now()))
			assert.Greater(t, leaf.SerialNumber.BitLen(), 64)

			// And as OpenSSL and nginx see them.
			leafFile := filepath.Join(out, "leaf.crt")
			require.NoError(t, os.WriteFile(leafFile, certs.Parse(leafPEM(pair), nil).CertPEM(), 0o600))
			for _, n := range tt.req.Names {
				flag, asked := "-verify_hostname", n
				switch {
				case net.ParseIP(n) != nil:
					flag = "-verify_ip"
				case n == "Bücher.test":
					asked = "xn--bcher-kva.test"
				case n[0] == '*':
					continue
				}
				msg, err := tool(t, "openssl", "verify", "-x509_strict", "-purpose", "sslserver", flag, asked, "-CAfile", files.CACert, leafFile)
				assert.NoError(t, err, msg)
			}
			dir := filepath.Join(t.TempDir(), "n")
			require.NoError(t, os.Mkdir(dir, 0o755))
			bundle, err := os.ReadFile(files.Bundle)
			require.NoError(t, err)
			key, err := os.ReadFile(files.Key)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(dir+"/cert.pem", bundle, 0o600))
			require.NoError(t, os.WriteFile(dir+"/cert.key", key, 0o600))
			assert.Equal(t, string(bundle), string(pair.CertPEM()), "what is made is canonical")
			short, err := os.MkdirTemp("", "g")
			require.NoError(t, err)
			defer os.RemoveAll(short)
			require.NoError(t, os.Rename(dir, short+"/p"))
			assert.NoError(t, nginxTest(t, short, short+"/p"))
		})
	}
}

func leafPEM(p *certs.Pair) []byte { return block("CERTIFICATE", p.Leaf().Raw) }

// TestGenerateAgain renews a pair: clients that have the root notice nothing.
func TestGenerateAgain(t *testing.T) {
	out := t.TempDir()
	g, err := certs.Generate(certs.Request{Names: []string{"hub.test"}})
	require.NoError(t, err)
	files, err := g.Write(t.Context(), out)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(files.Key, 0o666))

	ca, err := certs.Load(files.CACert, files.CAKey)
	require.NoError(t, err)
	again, err := certs.Generate(certs.Request{Names: []string{"hub.test"}, CA: ca})
	require.NoError(t, err)
	assert.NotEqual(t, g.Host.Fingerprint(), again.Host.Fingerprint())
	assert.Equal(t, g.CA.Fingerprint(), again.CA.Fingerprint())
	assert.NoError(t, again.Host.Leaf().CheckSignatureFrom(g.CA.Leaf()))
	_, err = again.Write(t.Context(), out)
	require.NoError(t, err)
	pair, err := certs.Load(files.Bundle, files.Key)
	require.NoError(t, err)
	assert.Equal(t, again.Host.Fingerprint(), pair.Fingerprint())
	info, err := os.Stat(files.Key)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), "a key that everyone could read")

	late := time.Now().Add(caLifeAbout - 30*dayLong)
	last, err := certs.Generate(certs.Request{Names: []string{"hub.test"}, CA: ca, Now: late})
	require.NoError(t, err)
	assert.False(t, last.Host.Leaf().NotAfter.After(ca.Leaf().NotAfter), "outlives its CA")
	_, err = certs.Generate(certs.Request{Names: []string{"hub.test"}, CA: ca, Now: late.Add(60 * dayLong)})
	assert.ErrorIs(t, err, certs.CodeExpired)
}

const caLifeAbout = 10 * 365 * dayLong

func TestGenerateRefuses(t *testing.T) {
	g, err := certs.Generate(certs.Request{Names: []string{"hub.test"}})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		req  certs.Request
		want error
	}{
		"nothing":      {certs.Request{}, certs.CodeInvalidName},
		"empty":        {certs.Request{Names: []string{""}}, certs.CodeInvalidName},
		"blank":        {certs.Request{Names: []string{"hub test"}}, certs.CodeInvalidName},
		"URL":          {certs.Request{Names: []string{"https://hub.test"}}, certs.CodeInvalidName},
		"port":         {certs.Request{Names: []string{"hub.test:443"}}, certs.CodeInvalidName},
		"path":         {certs.Request{Names: []string{"../../etc"}}, certs.CodeInvalidName},
		"dots":         {certs.Request{Names: []string{".."}}, certs.CodeInvalidName},
		"two stars":    {certs.Request{Names: []string{"*.*.test"}}, certs.CodeInvalidName},
		"number":       {certs.Request{Names: []string{"256.1.1.1"}}, certs.CodeInvalidName},
		"zone":         {certs.Request{Names: []string{"fe80::1%eth0"}}, certs.CodeInvalidName},
		"too long":     {certs.Request{Names: []string{"hub.test"}, Life: 826 * dayLong}, certs.CodeValidityTooLong},
		"backwards":    {certs.Request{Names: []string{"hub.test"}, Life: -dayLong}, certs.CodeValidityTooLong},
		"key type":     {certs.Request{Names: []string{"hub.test"}, Key: "dsa"}, certs.CodeKeyUnsupported},
		"a host as CA": {certs.Request{Names: []string{"hub.test"}, CA: g.Host}, certs.ErrIncomplete},
		"half a CA":    {certs.Request{Names: []string{"hub.test"}, CA: certs.Parse(g.CA.CertPEM(), nil)}, certs.ErrIncomplete},
	} {
		_, err := certs.Generate(tt.req)
		assert.ErrorIs(t, err, tt.want, name)
		_, ok := errors.AsType[*certs.Error](err)
		assert.True(t, ok, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = g.Write(ctx, file)
	assert.Error(t, err)
}

// FuzzNames holds that a pair is for the names that it was asked for, as
// crypto/x509 sees it too, and that its files lie where they should.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{
		"hub.test", "HUB.Test.", "*.hub.test", "Bücher.test", "xn--bcher-kva.test", "192.0.2.7", "[2001:db8::7]", "::ffff:192.0.2.1", "fe80::1%eth0",
		"https://hub.test/", "hub.test:443", "../x", "*.*.test", "a..b", "256.1.1.1", "", ".", "*", "*.", "\u3002", "ß.test", "\x00", "a_b.test", "-a.test",
	} {
		f.Add(seed)
	}
	ca, err := certs.Generate(certs.Request{Names: []string{"hub.test"}})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, name string) {
		g, err := certs.Generate(certs.Request{Names: []string{name}, CA: ca.CA})
		report := ca.Host.Verify(certs.Policy{Names: []string{name}})
		if err != nil {
			require.ErrorIs(t, err, certs.CodeInvalidName)
			require.True(t, report.Has(certs.CodeInvalidName), "%q: %v", name, report)
			return
		}
		require.False(t, report.Has(certs.CodeInvalidName), "%q: %v", name, report)
		require.NoError(t, g.Host.Verify(certs.Policy{Names: []string{name}}).Err(), "%q", name)
		leaf := g.Host.Leaf()
		for _, san := range leaf.DNSNames {
			require.NoError(t, leaf.VerifyHostname(strings.Replace(san, "*", "any", 1)), "%q", name)
			require.NotContains(t, san, "/")
			require.False(t, strings.HasPrefix(san, "."), "%q", san)
		}
		require.Equal(t, 1, len(leaf.DNSNames)+len(leaf.IPAddresses))
	})
}
