package certs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/internal/testenv"
)

func TestAudit(t *testing.T) {
	a, b := twoPairs(t)
	aKey, err := a.KeyPEM()
	require.NoError(t, err)
	write := func(t *testing.T, path string, data string) {
		require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
	}
	for name, tt := range map[string]struct {
		change func(t *testing.T, dir string)
		code   certs.Code
		sev    certs.Severity
	}{
		"key for all to read":       {func(t *testing.T, d string) { require.NoError(t, os.Chmod(d+"/cert.key", 0o644)) }, certs.CodeKeyMode, certs.SeverityError},
		"key for its group to read": {func(t *testing.T, d string) { require.NoError(t, os.Chmod(d+"/cert.key", 0o640)) }, certs.CodeKeyMode, certs.SeverityInfo},
		"certificate for all to write": {func(t *testing.T, d string) { require.NoError(t, os.Chmod(d+"/cert.pem", 0o666)) },
			certs.CodeCertMode, certs.SeverityError},
		"directory for all to write": {func(t *testing.T, d string) { require.NoError(t, os.Chmod(d, 0o777)) }, certs.CodeDirWritable, certs.SeverityError},
		"parent for all to write":    {func(t *testing.T, d string) { require.NoError(t, os.Chmod(filepath.Dir(d), 0o777)) }, certs.CodeDirWritable, certs.SeverityError},
		"key in the certificate file": {func(t *testing.T, d string) { write(t, d+"/cert.pem", string(a.CertPEM())+string(aKey)) },
			certs.CodeKeyMode, certs.SeverityError},
		"mismatch":    {func(t *testing.T, d string) { write(t, d+"/cert.pem", string(b.CertPEM())) }, certs.CodeKeyMismatch, certs.SeverityError},
		"half a copy": {func(t *testing.T, d string) { require.NoError(t, os.Truncate(d+"/cert.pem", 300)) }, certs.CodeDamagedBlock, certs.SeverityError},
		"no key":      {func(t *testing.T, d string) { require.NoError(t, os.Remove(d+"/cert.key")) }, certs.CodeNoPrivateKey, certs.SeverityError},
		"no key file, and the key in the other": {func(t *testing.T, d string) {
			require.NoError(t, os.Remove(d+"/cert.key"))
			write(t, d+"/cert.pem", string(a.CertPEM())+string(aKey))
		}, certs.CodeNoPrivateKey, certs.SeverityError},
		"blank line, which Install would put right": {func(t *testing.T, d string) {
			write(t, d+"/cert.pem", strings.Replace(string(a.CertPEM()), "\n", "\n\n", 2))
		}, certs.CodeBlankLineInBlock, certs.SeverityError},
		"byte order mark within the file, which hides a block": {func(t *testing.T, d string) {
			blocks := strings.SplitAfter(string(a.CertPEM()), "-----END CERTIFICATE-----\n")
			write(t, d+"/cert.pem", blocks[0]+"\ufeff"+blocks[1])
		}, certs.CodeBOM, certs.SeverityError},
		"byte order mark before the file, which works": {func(t *testing.T, d string) {
			write(t, d+"/cert.pem", "\ufeff"+string(a.CertPEM()))
		}, certs.CodeBOM, certs.SeverityWarning},
		"Windows line ends, which work": {func(t *testing.T, d string) {
			write(t, d+"/cert.pem", strings.ReplaceAll(string(a.CertPEM()), "\n", "\r\n"))
		}, certs.CodeCRLF, certs.SeverityWarning},
		"root first": {func(t *testing.T, d string) {
			blocks := strings.SplitAfter(string(a.CertPEM()), "-----END CERTIFICATE-----\n")
			write(t, d+"/cert.pem", blocks[1]+blocks[0])
		}, certs.CodeLeafNotFirst, certs.SeverityError},
		"link": {func(t *testing.T, d string) {
			require.NoError(t, os.Rename(d+"/cert.key", d+"/real.key"))
			require.NoError(t, os.Symlink("real.key", d+"/cert.key"))
		}, certs.CodeIsSymlink, certs.SeverityWarning},
		"old key": {func(t *testing.T, d string) { write(t, d+"/cert.key.old", string(aKey)) }, certs.CodeStaleFile, certs.SeverityWarning},
		"journal": {func(t *testing.T, d string) { write(t, filepath.Join(filepath.Dir(d), ".certs.txn"), "{}") },
			certs.CodeInterruptedInstall, certs.SeverityError},
	} {
		t.Run(name, func(t *testing.T) {
			target := at(t, a)
			require.NoError(t, os.Chmod(filepath.Dir(target.Dir), 0o755))
			clean, err := target.Audit(certs.Policy{Names: []string{"hub.test"}})
			require.NoError(t, err)
			require.NoError(t, clean.Err())
			require.False(t, clean.Has(tt.code))

			tt.change(t, target.Dir)
			before := tree(t, target.Dir)
			report, err := target.Audit(certs.Policy{Names: []string{"hub.test"}})
			require.NoError(t, err)
			var found []certs.Severity
			for _, f := range report.Findings {
				if f.Code == tt.code {
					found = append(found, f.Severity)
				}
			}
			assert.Contains(t, found, tt.sev, "%v", report)
			assert.Equal(t, before, tree(t, target.Dir))
		})
	}
	_, err = certs.Target{Dir: filepath.Join(t.TempDir(), "none")}.Audit(certs.Policy{})
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestAuditOwner(t *testing.T) {
	testenv.Root(t)
	a, _ := twoPairs(t)
	target := at(t, a)
	require.NoError(t, os.Chown(target.Dir+"/cert.key", 4711, 4711))
	report, err := target.Audit(certs.Policy{})
	require.NoError(t, err)
	assert.True(t, report.Has(certs.CodeOwner))
}
