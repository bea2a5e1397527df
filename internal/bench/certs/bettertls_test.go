// Package certs_test runs the suites of BetterTLS, a module that the library
// itself does not depend on, against package certs.
package certs_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/Netflix/bettertls/test-suites/certutil"
	"github.com/Netflix/bettertls/test-suites/nameconstraints"
	"github.com/Netflix/bettertls/test-suites/pathbuilding"
	test_case "github.com/Netflix/bettertls/test-suites/test-case"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
)

// TestBetterTLS gives every case, as the two files that a server would have,
// to Parse and Verify: to be accepted is to have no finding of severity error.
func TestBetterTLS(t *testing.T) {
	root, rootKey, err := certutil.GenerateSelfSignedCert("bettertls_trust_root")
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	// The suites have certificates for a year from their making: the time of
	// the judgement is fixed to one at which all of those that should be are
	// valid.
	now := time.Now().Add(time.Minute)

	for _, suite := range []struct {
		test_case.TestCaseProvider
		cases uint
	}{{pathbuilding.NewTestCaseProvider(), 81}, {nameconstraints.NewTestCaseProvider(), 9491}} {
		t.Run(suite.Name(), func(t *testing.T) {
			t.Parallel()
			n, err := suite.GetTestCaseCount()
			require.NoError(t, err)
			require.Equal(t, suite.cases, n)
			agree := 0
			for i := range n {
				c, err := suite.GetTestCase(i)
				require.NoError(t, err)
				served, err := c.GetCertificates(root, rootKey)
				require.NoError(t, err)
				key, err := x509.MarshalPKCS8PrivateKey(served.PrivateKey)
				require.NoError(t, err)
				var cert bytes.Buffer
				for _, der := range served.Certificate {
					require.NoError(t, pem.Encode(&cert, &pem.Block{Type: "CERTIFICATE", Bytes: der}))
				}
				report := certs.Parse(cert.Bytes(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})).Verify(certs.Policy{
					Names: []string{c.GetHostname()}, Roots: roots, Now: now,
				})
				want := c.ExpectedResult()
				accept := want == test_case.EXPECTED_RESULT_PASS || want == test_case.EXPECTED_RESULT_SOFT_PASS
				if (report.Err() == nil) == accept {
					agree++
				} else {
					t.Errorf("case %d: want accept %t: %v", i, accept, report)
				}
			}
			t.Logf("%d of %d", agree, n)
		})
	}
}
