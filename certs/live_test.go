package certs_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/internal/live/hub"
	"github.com/hubhost/hubhost/internal/testenv"
)

const liveAddr = "127.0.0.1:443"

// The machine may be emulated, and slow.
var liveEndpoint = certs.Endpoint{Addr: liveAddr, Name: hub.HostName, Timeout: time.Minute}

// reloadNginx is the hook of an administrator.
func reloadNginx(ctx context.Context, _ certs.Stage) error {
	for _, args := range [][]string{{"nginx", "-t", "-q"}, {"systemctl", "reload", "nginx.service"}} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// onDisk lists the directory of the pair and its parent, with the times of
// their last change.
func onDisk(t *testing.T) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, dir := range []string{certs.DefaultDir, filepath.Dir(certs.DefaultDir)} {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			info, err := e.Info()
			require.NoError(t, err)
			m[filepath.Join(dir, e.Name())] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
		}
	}
	return m
}

// TestLiveInstall takes the pair in front of the hub through its life: made,
// installed, renewed under load, refused, rolled back.
func TestLiveInstall(t *testing.T) {
	testenv.Live(t)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	front, err := hub.Dial(ctx) // once the hub is there, behind nginx
	require.NoError(t, err)
	front.Close()
	var target certs.Target

	g, err := certs.Generate(certs.Request{Names: []string{hub.HostName, "127.0.0.1"}})
	require.NoError(t, err)
	files, err := g.Write(ctx, filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(g.CA.Leaf())
	policy := certs.Policy{Names: []string{hub.HostName, "127.0.0.1"}, PrivateRoots: roots}
	options := certs.Options{Policy: policy, Hook: reloadNginx, Endpoint: liveEndpoint, Keep: -1}

	first, err := certs.Load(files.Bundle, files.Key)
	require.NoError(t, err)
	result, err := target.Install(ctx, first, options)
	require.NoError(t, err)
	require.True(t, result.Changed)
	assert.Equal(t, certs.MethodExchange, result.Method)
	original := result.Backup
	require.NotEmpty(t, original)
	t.Cleanup(func() { // for the tests of other packages
		_, err := target.Rollback(context.Background(), original, certs.Options{Hook: reloadNginx, Endpoint: liveEndpoint, Force: true})
		assert.NoError(t, err)
	})

	served := func(t *testing.T, want *certs.Pair, when string) {
		t.Helper()
		s, err := certs.Served(ctx, liveAddr, hub.HostName)
		require.NoError(t, err, when)
		require.True(t, s.Matches(want), when)
		require.NoError(t, certs.VerifyChain(s.Chain, policy).Err(), when)
		installed, err := target.Load()
		require.NoError(t, err, when)
		require.Equal(t, want.Fingerprint(), installed.Fingerprint(), when)
	}
	served(t, first, "self-made")
	judge := func(caFile string) (openssl, curl error) {
		out, openssl := tool(t, "openssl", "s_client", "-connect", liveAddr, "-servername", hub.HostName, "-verify_hostname", hub.HostName,
			"-CAfile", caFile, "-verify_return_error", "-brief")
		if openssl != nil {
			openssl = fmt.Errorf("%w: %s", openssl, out)
		}
		out, curl = tool(t, "curl", "-sS", "-f", "--noproxy", "*", "--cacert", caFile, "--resolve", hub.HostName+":443:127.0.0.1", hub.URL+"/hub/api/")
		if curl != nil {
			return openssl, fmt.Errorf("%w: %s", curl, out)
		}
		assert.Contains(t, out, `"version"`, "the hub's answer")
		return openssl, nil
	}
	openssl, curl := judge(files.CACert)
	assert.NoError(t, openssl)
	assert.NoError(t, curl)
	openssl, curl = judge(hub.CAFile) // of the pair that was replaced
	assert.Error(t, openssl)
	assert.Error(t, curl)

	audit, err := target.Audit(policy)
	require.NoError(t, err)
	assert.NoError(t, audit.Err())
	assert.True(t, audit.Has(certs.CodePrivateCA))

	renewed, err := certs.Generate(certs.Request{Names: []string{hub.HostName, "127.0.0.1"}, CA: g.CA})
	require.NoError(t, err)
	t.Run("renewed under load", func(t *testing.T) {
		load := startLoad(t, roots)
		hold := holdRequest(t, roots)
		result, err := target.Install(ctx, renewed.Host, options)
		require.NoError(t, err)
		assert.True(t, result.Changed)
		served(t, renewed.Host, "renewed")
		hold(t)
		load(t, first, renewed.Host)
		openssl, curl := judge(files.CACert)
		assert.NoError(t, openssl)
		assert.NoError(t, curl)
	})

	t.Run("wrong key type", func(t *testing.T) {
		other, err := certs.Generate(certs.Request{Names: []string{hub.HostName}, Key: certs.RSA2048})
		require.NoError(t, err)
		key, err := other.Host.KeyPEM()
		require.NoError(t, err)
		before := onDisk(t)
		_, err = target.Install(ctx, certs.Parse(first.CertPEM(), key), options)
		assert.ErrorIs(t, err, certs.CodeKeyTypeMismatch)
		assert.Equal(t, before, onDisk(t))
		served(t, renewed.Host, "after a refusal")
	})

	next, err := certs.Generate(certs.Request{Names: []string{hub.HostName, "127.0.0.1"}, CA: g.CA})
	require.NoError(t, err)
	fails := func(t *testing.T, opt certs.Options, stage certs.Stage) error {
		_, err := target.Install(ctx, next.Host, opt)
		e, ok := errors.AsType[*certs.Error](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, stage, e.Stage)
		assert.Equal(t, certs.StateRestored, e.State)
		served(t, renewed.Host, "restored")
		return err
	}
	t.Run("nginx refuses its configuration", func(t *testing.T) {
		const broken = "/etc/nginx/conf.d/broken.conf"
		opt := options
		opt.Hook = func(ctx context.Context, stage certs.Stage) error {
			if stage == certs.StageReload {
				if err := os.WriteFile(broken, []byte("no_such_directive;\n"), 0o644); err != nil {
					return err
				}
				defer os.Remove(broken)
			}
			return reloadNginx(ctx, stage)
		}
		assert.ErrorContains(t, fails(t, opt, certs.StageReload), "no_such_directive")
	})
	t.Run("reload fails", func(t *testing.T) {
		opt := options
		opt.Hook = func(ctx context.Context, stage certs.Stage) error {
			if stage == certs.StageReload {
				return exec.CommandContext(ctx, "systemctl", "reload", "no-such-unit.service").Run()
			}
			return reloadNginx(ctx, stage)
		}
		fails(t, opt, certs.StageReload)
	})
	t.Run("nobody reloads", func(t *testing.T) {
		opt := options
		opt.Hook = nil
		opt.Endpoint.Timeout = 5 * time.Second
		assert.ErrorIs(t, fails(t, opt, certs.StageServed), certs.ErrNotServed)
	})

	t.Run("rolled back", func(t *testing.T) {
		_, err := target.Rollback(ctx, "", options)
		require.NoError(t, err)
		served(t, first, "rolled back")
	})

	// What is on disk is what nginx starts with.
	out, err := exec.CommandContext(ctx, "systemctl", "restart", "nginx.service").CombinedOutput()
	require.NoError(t, err, "%s", out)
	await(t, func() bool {
		s, err := certs.Served(ctx, liveAddr, hub.HostName)
		return err == nil && s.Matches(first)
	}, "nginx after its restart")
}

// startLoad asks for the hub's front page all the while, on new connections
// and on kept ones. The function that it returns ends that; it fails the test
// unless all requests succeeded and both pairs were met.
func startLoad(t *testing.T, roots *x509.CertPool) func(t *testing.T, old, renewed *certs.Pair) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var requests atomic.Int64
	seen := make([]map[string]int, 6)
	for i := range seen {
		seen[i] = map[string]int{}
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: hub.HostName}, DisableKeepAlives: i%2 == 0}
		client := &http.Client{Transport: tr}
		wg.Go(func() {
			defer tr.CloseIdleConnections()
			for ctx.Err() == nil {
				req, _ := http.NewRequest("GET", "https://"+liveAddr+"/hub/api/", nil)
				resp, err := client.Do(req)
				if err != nil {
					t.Errorf("request %d: %v", requests.Load(), err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Errorf("request %d: %s", requests.Load(), resp.Status)
					return
				}
				seen[i][string(resp.TLS.PeerCertificates[0].Raw)]++
				requests.Add(1)
			}
		})
	}
	await(t, func() bool { return requests.Load() > 50 || t.Failed() }, "no load")
	return func(t *testing.T, old, renewed *certs.Pair) {
		done := requests.Load()
		await(t, func() bool { return requests.Load() > done+50 || t.Failed() }, "no load")
		cancel()
		wg.Wait()
		met := [2]int{}
		for _, m := range seen {
			met[0] += m[string(old.Leaf().Raw)]
			met[1] += m[string(renewed.Leaf().Raw)]
		}
		assert.NotZero(t, met[0], "the old pair")
		assert.NotZero(t, met[1], "the new pair")
		assert.EqualValues(t, requests.Load(), met[0]+met[1])
		t.Logf("%d requests with the old pair, %d with the new one, none failed", met[0], met[1])
	}
}

// holdRequest sends half a request; the function that it returns sends the
// rest, which the server must answer on the same connection.
func holdRequest(t *testing.T, roots *x509.CertPool) func(t *testing.T) {
	t.Helper()
	conn, err := tls.Dial("tcp", liveAddr, &tls.Config{RootCAs: roots, ServerName: hub.HostName})
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /hub/api/ HTTP/1.1\r\nHost: "+hub.HostName+"\r\n")
	require.NoError(t, err)
	return func(t *testing.T) {
		defer conn.Close()
		_, err := io.WriteString(conn, "Connection: close\r\n\r\n")
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, http.StatusOK, resp.StatusCode)
	}
}
