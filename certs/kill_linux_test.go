package certs_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/internal/testenv"
)

// rounds is how often to kill an installation at random, and to install under
// a reading loop.
var rounds = testenv.Rounds(10, 200, 200)

// childEnv makes the test binary an installer: the directory of the target,
// the files of the pair, the method, and whether the hook fails.
const childEnv = "HUBHOST_CERTS_TEST_CHILD"

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		if err := installAsChild(strings.Split(args, "\n")); err != nil {
			fmt.Println("error:", err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// installAsChild installs a pair, and at each step writes its name and waits
// for a line.
func installAsChild(args []string) error {
	in := bufio.NewReader(os.Stdin)
	step := func(name string) {
		fmt.Println(name)
		if _, err := in.ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	pair, err := certs.Load(args[1], args[2])
	if err != nil {
		return err
	}
	opt := certs.Options{Method: certs.Method(args[3]), Hook: func(_ context.Context, stage certs.Stage) error {
		if args[4] == "fails" && stage == certs.StageReload {
			return errors.New("as told")
		}
		return nil
	}}
	opt.OnStep(step)
	step("start")
	_, err = certs.Target{Dir: args[0]}.Install(context.Background(), pair, opt)
	step("end")
	return err
}

// child is a test binary that installs.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func startChild(t *testing.T, args ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(args, "\n"))
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	return &child{cmd, in, bufio.NewScanner(out)}
}

// next returns the step that the child has come to; "" if it has ended.
func (c *child) next() string {
	if c.lines.Scan() {
		return c.lines.Text()
	}
	return ""
}

func (c *child) goOn() { io.WriteString(c.in, "\n") }

// kill is kill -9.
func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// TestKill9 kills installations, and the putting back of a pair that the
// server did not take, at every step and at random moments. Whatever happens,
// the next run leaves one of the two pairs whole, which nginx loads, and
// nothing else; and by MethodExchange the pair matches even before.
func TestKill9(t *testing.T) {
	t.Parallel()
	a, b := twoPairs(t)
	pairs := []*certs.Pair{a, b}
	base := testenv.Memory(t) // what a killed process wrote is not lost
	target := certs.Target{Dir: filepath.Join(base, "x", "certs")}
	require.NoError(t, os.Mkdir(filepath.Dir(target.Dir), 0o700))
	var sources [2][2]string
	for i, p := range pairs {
		key, err := p.KeyPEM()
		require.NoError(t, err)
		sources[i] = [2]string{filepath.Join(base, fmt.Sprint(i, ".crt")), filepath.Join(base, fmt.Sprint(i, ".key"))}
		require.NoError(t, os.WriteFile(sources[i][0], p.CertPEM(), 0o600))
		require.NoError(t, os.WriteFile(sources[i][1], key, 0o600))
	}
	_, err := target.Install(t.Context(), a, certs.Options{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(target.Dir+"/dhparam.pem", []byte("kept"), 0o644))

	whole := func(when string) int {
		t.Helper()
		p, err := target.Load()
		require.NoError(t, err, when)
		i := slices.IndexFunc(pairs, func(q *certs.Pair) bool { return q.Fingerprint() == p.Fingerprint() })
		require.GreaterOrEqual(t, i, 0, when)
		_, err = p.TLS()
		require.NoError(t, err, when)
		return i
	}
	healed := func(method certs.Method, when string) {
		t.Helper()
		if method == certs.MethodExchange {
			whole(when + ", before healing")
		}
		if rand.IntN(2) == 0 {
			_, err := target.Recover(t.Context())
			require.NoError(t, err, when)
			whole(when)
		} else {
			now := rand.IntN(2)
			_, err := target.Install(t.Context(), pairs[now], certs.Options{Method: method})
			require.NoError(t, err, when)
			require.Equal(t, now, whole(when), when)
		}
		require.NoError(t, nginxTest(t, base, target.Dir), when)
		other, err := os.ReadFile(target.Dir + "/dhparam.pem")
		require.NoError(t, err, when)
		require.Equal(t, "kept", string(other), when)
		for path := range tree(t, target.Dir) {
			name := filepath.Base(path)
			require.False(t, strings.HasSuffix(name, ".txn") || name == ".certs.new" || name == ".new", "%s: %s is left", when, path)
		}
		backups, err := target.Backups()
		require.NoError(t, err, when)
		for _, b := range backups {
			_, err := b.Pair.TLS()
			require.NoError(t, err, "%s: backup %s", when, b.ID)
		}
	}
	start := func(method certs.Method, outcome string) *child {
		other := sources[1-whole("start")]
		return startChild(t, target.Dir, other[0], other[1], string(method), outcome)
	}

	var longest time.Duration
	stages := 0
	for _, method := range methods {
		for _, outcome := range []string{"works", "fails"} {
			for n := 0; ; n++ {
				c := start(method, outcome)
				began, step := time.Now(), c.next()
				for range n {
					c.goOn()
					step = c.next()
				}
				c.kill()
				require.NotContains(t, step, "error:")
				healed(method, fmt.Sprintf("%s that %s, killed at %q", method, outcome, step))
				if step == "end" {
					require.Greater(t, n, 6, "steps")
					longest = max(longest, time.Since(began))
					break
				}
				stages++
			}
		}
	}
	t.Logf("killed at %d steps, %d times at random", stages, rounds)

	for range rounds {
		method, outcome := methods[rand.IntN(2)], []string{"works", "fails"}[rand.IntN(2)]
		c := start(method, outcome)
		require.Equal(t, "start", c.next())
		var wg sync.WaitGroup
		wg.Go(func() { // until it is killed
			for c.goOn(); c.next() != ""; c.goOn() {
			}
		})
		delay := rand.N(longest)
		time.Sleep(delay)
		c.cmd.Process.Kill()
		wg.Wait()
		c.cmd.Wait()
		healed(method, fmt.Sprintf("%s that %s, killed after %v", method, outcome, delay))
	}
}

// TestInstallUnderReader installs pairs in turn while another program keeps
// loading what is there through one handle of the directory.
func TestInstallUnderReader(t *testing.T) {
	t.Parallel()
	a, b := twoPairs(t)
	target := at(t, a)
	done := make(chan struct{})
	var wg sync.WaitGroup
	var reads, olds int
	wg.Go(func() {
		for {
			root, err := os.OpenRoot(target.Dir)
			if !assert.NoError(t, err) {
				return
			}
			cert, err1 := fs.ReadFile(root.FS(), "cert.pem")
			key, err2 := fs.ReadFile(root.FS(), "cert.key")
			root.Close()
			c, err := tls.X509KeyPair(cert, key)
			if !assert.NoError(t, errors.Join(err1, err2, err), "read %d", reads) {
				return
			}
			reads++
			if c.Leaf.Equal(a.Leaf()) {
				olds++
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for i := range rounds {
		_, err := target.Install(t.Context(), []*certs.Pair{b, a}[i%2], certs.Options{Method: certs.MethodExchange})
		require.NoError(t, err)
	}
	close(done)
	wg.Wait()
	assert.Greater(t, reads, rounds)
	assert.NotZero(t, olds)
	assert.Less(t, olds, reads)
	t.Logf("%d installations, %d reads", rounds, reads)
}
