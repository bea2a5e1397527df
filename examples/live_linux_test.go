package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/live/hub"
	"github.com/hubhost/hubhost/internal/pty"
	"github.com/hubhost/hubhost/internal/testenv"
)

// handbook is a live host in the hands of an administrator who has nothing
// but the programs of this folder.
type handbook struct {
	*testing.T
	hub *hub.Client
}

func open(t *testing.T) *handbook {
	testenv.Live(t)
	// Software emulation is slow: a server takes half a minute to start.
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	client, err := hub.Dial(ctx)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return &handbook{t, client}
}

// run runs a program as an administrator does, and returns its standard
// output, its standard error and its exit status.
func (h *handbook) run(name string, args ...string) (out, errOut string, status int) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status = exit.ExitCode()
	} else {
		require.NoError(h, err)
	}
	h.Logf("%s %s: status %d\n%s%s", name, strings.Join(args, " "), status, o.String(), e.String())
	return o.String(), e.String(), status
}

// must is run for what has to succeed; it returns the output.
func (h *handbook) must(name string, args ...string) string {
	h.Helper()
	out, _, status := h.run(name, args...)
	require.Zero(h, status, "%s %s", name, strings.Join(args, " "))
	return out
}

// decode is must for a program that writes JSON.
func (h *handbook) decode(v any, name string, args ...string) {
	h.Helper()
	require.NoError(h, json.Unmarshal([]byte(h.must(name, append(args, "--json")...)), v))
}

// start starts users' servers, beside each other.
func (h *handbook) start(users ...string) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 4*time.Minute)
	defer cancel()
	started := make(chan error, len(users))
	for _, user := range users {
		go func() { started <- h.hub.Start(ctx, user, nil) }()
	}
	var err error
	for range users {
		err = errors.Join(err, <-started)
	}
	require.NoError(h, err)
}

func (h *handbook) stop(user string) {
	h.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.Context()), 4*time.Minute)
	defer cancel()
	// The test may have restarted the hub just now.
	client, err := hub.Dial(ctx)
	if assert.NoError(h, err) {
		defer client.Close()
		assert.NoError(h, client.Stop(ctx, user))
	}
}

// shell runs a line in a terminal of the user's own server.
func (h *handbook) shell(user, line string) (out string, status int) {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 2*time.Minute)
	defer cancel()
	out, status, err := h.hub.Run(ctx, user, line)
	require.NoError(h, err)
	h.Logf("%s$ %s: status %d\n%s", user, line, status, out)
	return out, status
}

// watch runs a program in a terminal until the screen is as wanted, presses a
// key, and waits for the program to leave. The log has what was on the screen,
// for internal/shot.
func (h *handbook) watch(key string, wanted func(screen string) bool, name string, args ...string) (screen string) {
	h.Helper()
	person, terminal, err := pty.Open(100, 24)
	require.NoError(h, err)
	defer person.Close()
	require.NoError(h, person.SetReadDeadline(time.Now().Add(2*time.Minute)))
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(h, cmd.Start())
	terminal.Close()
	pressed := false
	for buf := make([]byte, 4096); ; {
		n, err := person.Read(buf)
		screen += string(buf[:n])
		if err != nil {
			break // EIO: the program has left
		}
		if !pressed && wanted(screen) {
			_, err := person.WriteString(key)
			require.NoError(h, err)
			pressed = true
		}
	}
	if !pressed {
		cmd.Process.Kill()
	}
	require.NoError(h, cmd.Wait())
	h.Logf("%s %s: on the screen: %q", name, strings.Join(args, " "), screen)
	return screen
}

// session is what hubctl sessions --json says of a user.
type session struct {
	User, Unit, State   string
	Memory, MemoryLimit *uint64
	CPULimit            *float64
	OOMKills            *uint64
	LastOOM             *time.Time
}

func (h *handbook) session(user string) session {
	h.Helper()
	var all []session
	h.decode(&all, "hubctl", "sessions")
	for _, s := range all {
		if s.User == user {
			return s
		}
	}
	require.Fail(h, "no session", "of %s in %+v", user, all)
	return session{}
}

// edit returns the path of a copy of the hub's configuration with options
// set.
func (h *handbook) edit(options ...string) string {
	h.Helper()
	source, err := os.ReadFile(hub.ConfigFile)
	require.NoError(h, err)
	path := filepath.Join(h.TempDir(), "new_config.py")
	require.NoError(h, os.WriteFile(path, source, 0o600))
	h.must("hubconfig", append([]string{"set", path}, options...)...)
	return path
}

// The limits, the isolation and the logs of a session, each claim of the
// handbook tried from within the session itself.
func TestLiveHandbookSession(t *testing.T) {
	h := open(t)
	require.NoError(t, os.MkdirAll("/srv/course", 0o755))
	require.NoError(t, os.MkdirAll("/srv/course/handin", 0o777))
	require.NoError(t, os.Chmod("/srv/course/handin", 0o777))
	config := h.edit(
		"mem_limit=300M", "cpu_limit=1.0", "isolate_tmp=True", "isolate_devices=True", "disable_user_sudo=True",
		"readonly_paths=['/']", "readwrite_paths=['/home/{USERNAME}', '/srv/course/handin']")
	out, _, status := h.run("hubapply", config)
	require.Zero(t, status)
	assert.Contains(t, out, "the hub answers with the new configuration")

	var foretold struct{ Name string }
	h.decode(&foretold, "hubconfig", "unit", hub.ConfigFile, "--user", "alice")
	defer h.stop("bob")
	defer h.stop("alice")
	h.start("alice", "bob")

	t.Run("the unit is the one foretold", func(t *testing.T) {
		h := &handbook{t, h.hub}
		assert.Equal(t, foretold.Name, h.session("alice").Unit)
		assert.Contains(t, h.must("hubctl", "drift"), "run as the configuration says")
	})
	t.Run("paths", func(t *testing.T) {
		h := &handbook{t, h.hub}
		out, status := h.shell("alice", "touch /usr/local/intruder /srv/course/task")
		assert.NotZero(t, status)
		assert.Contains(t, out, "Read-only file system")
		for _, path := range []string{"/home/alice/mine", "/srv/course/handin/solution"} {
			_, status := h.shell("alice", "touch "+path)
			assert.Zero(t, status, path)
			assert.FileExists(t, path)
		}
		_, status = h.shell("alice", "touch /home/bob/intruder")
		assert.NotZero(t, status)
		assert.NoFileExists(t, "/usr/local/intruder")
	})
	t.Run("tmp and devices are private", func(t *testing.T) {
		h := &handbook{t, h.hub}
		_, status := h.shell("alice", "echo secret > /tmp/of-alice; cat /tmp/of-alice")
		assert.Zero(t, status)
		assert.NoFileExists(t, "/tmp/of-alice")
		_, status = h.shell("bob", "cat /tmp/of-alice")
		assert.NotZero(t, status)
		out, _ := h.shell("alice", "ls /dev")
		assert.Contains(t, out, "null")
		assert.NotContains(t, out, "vda")
		assert.FileExists(t, "/dev/vda")
	})
	t.Run("sudo is refused", func(t *testing.T) {
		h := &handbook{t, h.hub}
		out, status := h.shell("alice", "sudo -n true")
		assert.NotZero(t, status)
		assert.Contains(t, out, "no new privileges")
	})
	t.Run("memory is limited, and who was killed is said", func(t *testing.T) {
		h := &handbook{t, h.hub}
		s := h.session("alice")
		require.NotNil(t, s.MemoryLimit)
		assert.EqualValues(t, 300<<20, *s.MemoryLimit)
		_, status := h.shell("alice", "python3 -c 'b = bytearray(600 << 20); print(len(b))'")
		assert.NotZero(t, status)
		s = h.session("alice")
		assert.Equal(t, "active", s.State, "the session outlives it")
		if os.Getenv("LIVE_HOST") != "bookworm/v1" {
			// v1 counts no kills for a unit that go on record afterwards.
			require.NotNil(t, s.OOMKills)
			assert.NotZero(t, *s.OOMKills)
			assert.NotNil(t, s.LastOOM)
			assert.Contains(t, h.must("hubctl", "why", "alice"), "killed for memory")
		}
		assert.Equal(t, "active", h.session("bob").State)
	})
	t.Run("who uses what", func(t *testing.T) {
		h := &handbook{t, h.hub}
		out := h.must("hubctl", "top", "-n", "1", "--sort", "user")
		assert.Regexp(t, `(?m)^alice +active`, out)
		assert.Regexp(t, `(?m)^bob +active`, out)

		_, status := h.shell("bob", "timeout 60 sh -c 'while :; do :; done' >/dev/null 2>&1 &")
		require.Zero(t, status)
		screen := h.watch("q", func(screen string) bool {
			// The second page knows the CPU time between the first and itself.
			return strings.Count(screen, "bob") > 1
		}, "hubctl", "top", "--interval", "3s")
		assert.Regexp(t, `bob\S* +\S*active`, screen)
	})
	t.Run("limits change while it runs", func(t *testing.T) {
		h := &handbook{t, h.hub}
		out := h.must("hubctl", "limit", "alice", "--memory", "700M")
		assert.Contains(t, out, "300M → 700M")
		_, status := h.shell("alice", "python3 -c 'b = bytearray(500 << 20); print(len(b))'")
		assert.Zero(t, status)
		_, _, drifted := h.run("hubctl", "drift")
		assert.Equal(t, 1, drifted)
		h.must("hubctl", "limit", "alice", "--memory", "300M")
	})
	t.Run("logs", func(t *testing.T) {
		h := &handbook{t, h.hub}
		assert.Contains(t, h.must("hublogs", "alice"), "jupyterhub-singleuser")
		before := h.must("hublogs", "alice", "-o", "export")
		require.NoError(t, exec.Command("journalctl", "--rotate").Run())
		assert.True(t, strings.HasPrefix(h.must("hublogs", "alice", "-o", "export"), before), "rotation loses nothing")
		assert.NotContains(t, h.must("hublogs", "bob", "-o", "json"), "jupyter-alice.service")
		h.must("hublogs", "hub", "-p", "info", "--since", "-1h", "-n", "5")
	})
	t.Run("units isolate users", func(t *testing.T) {
		h := &handbook{t, h.hub}
		h.must("hubctl", "stop", "bob")
		assert.Equal(t, "active", h.session("alice").State)
		_, status := h.shell("alice", "true")
		assert.Zero(t, status)
	})
}

// The log is followed while it is written.
func TestLiveHandbookFollow(t *testing.T) {
	h := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "hublogs", "-f", "-n", "0", "-o", "cat", "--unit", "handbook-follow")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	cmd.Stdout = write
	require.NoError(t, cmd.Start())
	write.Close()
	h.must("systemd-run", "--quiet", "--wait", "--unit=handbook-follow", "echo", "written while followed")
	var seen strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(seen.String(), "written while followed") {
		n, err := read.Read(buf)
		require.NoError(t, err, "seen so far: %q", seen.String())
		seen.Write(buf[:n])
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	assert.NoError(t, cmd.Wait(), "Ctrl-C ends it well")
}

// A configuration that the hub cannot use is refused, or taken back.
func TestLiveHandbookApply(t *testing.T) {
	h := open(t)
	before, err := os.ReadFile(hub.ConfigFile)
	require.NoError(t, err)

	t.Run("refused before anything is written", func(t *testing.T) {
		h := &handbook{t, h.hub}
		for _, line := range []string{"c.SystemdSpawner.mem_limit = '4GB'\n", "c.JupyterHub.port = 'https'\n", "raise SystemExit\n", "if:\n"} {
			path := filepath.Join(t.TempDir(), "bad_config.py")
			require.NoError(t, os.WriteFile(path, append(bytes.Clone(before), line...), 0o600))
			_, _, status := h.run("hubapply", path)
			assert.Equal(t, 1, status, line)
			now, err := os.ReadFile(hub.ConfigFile)
			require.NoError(t, err)
			assert.Equal(t, string(before), string(now))
		}
	})
	t.Run("taken back when the hub does not start with it", func(t *testing.T) {
		h := &handbook{t, h.hub}
		path := h.edit("JupyterHub.db_url=sqlite:////nowhere/at/all.sqlite")
		out, errOut, status := h.run("hubapply", path, "--timeout", "2m")
		assert.Equal(t, 1, status)
		assert.Contains(t, errOut, "the old configuration is back, and the hub answers")
		assert.Contains(t, out, "the hub's log since the restart")
		now, err := os.ReadFile(hub.ConfigFile)
		require.NoError(t, err)
		assert.Equal(t, string(before), string(now))
		assert.Contains(t, h.must("hubctl", "status"), "jupyterhub.service active")
	})
	t.Run("sessions end or go on, as was said beforehand", func(t *testing.T) {
		h := &handbook{t, h.hub}
		h.must("hubapply", h.edit("cleanup_servers=False"))
		h.start("alice")
		defer h.stop("alice")
		out := h.must("hubapply", h.edit("cleanup_servers=True"))
		assert.Contains(t, out, "1 session goes on, because cleanup_servers is False: alice")
		assert.Equal(t, "active", h.session("alice").State)

		_, errOut, status := h.run("hubctl", "restart")
		assert.Zero(t, status)
		assert.Contains(t, errOut, "1 session ends with the hub")
		var all []session
		h.decode(&all, "hubctl", "sessions")
		for _, s := range all {
			assert.NotEqual(t, "active", s.State, s.User)
		}
	})
}

// A certificate of one's own, one from a certificate authority, and a wrong
// one that would have taken the site down.
func TestLiveHandbookCertificate(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	h.must("hubcert", "selfsign", hub.HostName, "localhost", "127.0.0.1", "--out", out)
	bundle := filepath.Join(out, hub.HostName, hub.HostName+"-bundle.crt")
	key := filepath.Join(out, hub.HostName, hub.HostName+".key")
	_, _, status := h.run("hubcert", "verify", "--cert", bundle, "--key", key, "--host", hub.HostName, "--production")
	assert.Equal(t, 1, status, "a private CA is not for production")

	// Without the probe, workers of before the reload would still answer what
	// comes next.
	probed := []string{"--reload", "nginx", "--probe", "127.0.0.1:443", "--name", hub.HostName}
	served := func(ca string) {
		t.Helper()
		assert.Contains(t, h.must("hubcert", "served", "127.0.0.1:443", "--name", hub.HostName), "installed:")
		// Until a restarted hub answers, nginx and the proxy say so.
		h.must("curl", "--silent", "--show-error", "--fail", "--retry", "120", "--retry-delay", "1", "--retry-all-errors",
			"--cacert", ca, "--output", os.DevNull, hub.URL+"/hub/api")
	}
	var installed struct{ Backup string }
	h.decode(&installed, "hubcert", append([]string{"install", "--cert", bundle, "--key", key}, probed...)...)
	defer func() {
		h.must("hubcert", append([]string{"rollback", installed.Backup, "--roots", hub.CAFile}, probed...)...)
	}()
	served(filepath.Join(out, hub.HostName, hub.HostName+"-ca.crt"))

	bought, boughtKey, root := h.buy(dir)
	judged := []string{"--cert", bought, "--key", boughtKey, "--host", hub.HostName, "--roots", root, "--production"}
	h.must("hubcert", append([]string{"verify"}, judged...)...)
	h.must("hubcert", append(append([]string{"install", "--restart", "jupyterhub"}, judged...), probed...)...)
	served(root)

	_, errOut, status := h.run("hubcert", append([]string{"install", "--cert", bundle, "--key", boughtKey}, probed...)...)
	assert.Equal(t, 1, status)
	assert.Contains(t, errOut, "the old pair was not touched")
	served(root)
	assert.Contains(t, h.must("hubctl", "status"), "days left")
}

// buy has openssl issue a certificate as a certificate authority does: by an
// intermediate, which comes in the file behind it.
func (h *handbook) buy(dir string) (cert, key, root string) {
	h.Helper()
	config := filepath.Join(dir, "authority.cnf")
	require.NoError(h, os.WriteFile(config, []byte(`[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:`+hub.HostName+`
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`), 0o600))
	file := func(name string) string { return filepath.Join(dir, name) }
	issue := func(name, extensions, by string) {
		args := []string{"req", "-x509", "-config", config, "-extensions", extensions, "-subj", "/CN=" + name, "-days", "90",
			"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", file(name + ".key"), "-out", file(name + ".crt")}
		if by != "" {
			args = append(args, "-CA", file(by+".crt"), "-CAkey", file(by+".key"))
		}
		h.must("openssl", args...)
	}
	issue("root", "authority", "")
	issue("intermediate", "authority", "root")
	issue(hub.HostName, "server", "intermediate")
	var chain []byte
	for _, name := range []string{hub.HostName, "intermediate"} {
		text, err := os.ReadFile(file(name + ".crt"))
		require.NoError(h, err)
		chain = append(chain, text...)
	}
	cert = file("bought.crt")
	require.NoError(h, os.WriteFile(cert, chain, 0o600))
	return cert, file(hub.HostName + ".key"), file("root.crt")
}

// Why a session does not start.
func TestLiveHandbookWhy(t *testing.T) {
	h := open(t)
	require.NoError(t, os.Rename("/home/carol", "/home/carol.away"))
	defer func() {
		assert.NoError(t, os.Rename("/home/carol.away", "/home/carol"))
		assert.NoError(t, exec.Command("systemctl", "reset-failed", "jupyter-carol.service").Run())
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- h.hub.Start(ctx, "carol", nil) }()
	// The hub gives up only after its start_timeout; the unit fails at once.
	var reason struct{ State, Code, Cause, Next string }
	for over := false; reason.State != "failed"; time.Sleep(200 * time.Millisecond) {
		if over {
			require.FailNow(t, "the hub has answered, and the unit did not fail", "%v; %+v", <-started, reason)
		}
		over = len(started) > 0
		h.decode(&reason, "hubctl", "why", "carol")
	}
	// Her home is a read-write path of the unit: its mount comes before the
	// change of directory.
	assert.Equal(t, "exec-namespace", reason.Code)
	assert.Contains(t, reason.Next, "readwrite_paths")
	assert.Contains(t, h.must("hubctl", "why", "carol"), "/home/carol: No such file or directory")
	cancel()
	require.Error(t, <-started)
}
