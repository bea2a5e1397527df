package journaldtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubhost/hubhost/internal/testenv"
)

// Config says how journald keeps its files: values of journald.conf(5).
type Config struct {
	// SystemMaxFileSize is the size at which a file is rotated; empty means
	// "1M", small enough for rotation to happen within a test.
	SystemMaxFileSize string
	// SystemMaxUse is the size of the whole at which files are removed; empty
	// means "500M".
	SystemMaxUse string
}

// Journald is a running systemd-journald.
type Journald struct {
	// Dir is its journal directory.
	Dir string

	t          testing.TB
	journalctl string
	conn       *net.UnixConn
}

// inside tells the process that runs the test in the namespace from the one
// that started it.
const inside = "JOURNALDTEST_INSIDE"

const (
	socket    = "/run/systemd/journal/socket"
	varlink   = "/run/systemd/journal/io.systemd.journal" // journalctl --sync
	machineID = "6a6f75726e616c64746573740a0a0a0a"
)

// Run runs f, the whole of the test t, in a process of its own in which
// /run and /var/log are empty and journald has just started: t runs in
// parallel with others. It is skipped without root.
func Run(t *testing.T, cfg Config, f func(t *testing.T, j *Journald)) {
	t.Helper()
	daemon, journalctl := testenv.Tool(t, "systemd-journald"), testenv.Tool(t, "journalctl")
	testenv.Root(t)
	if os.Getenv(inside) == "" {
		t.Parallel()
		again(t)
		return
	}
	f(t, start(t, cfg, daemon, journalctl))
}

// again runs this test once more, by the same test binary, in a new mount
// namespace.
func again(t *testing.T) {
	t.Helper()
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	args := []string{"-test.run=" + pattern, "-test.v", "-test.count=1"}
	if deadline, ok := t.Deadline(); ok {
		args = append(args, "-test.timeout="+time.Until(deadline).String())
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The death signal is sent when the thread ends that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name()+" ")) {
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
	t.Logf("in the namespace:\n%s", out)
}

func start(t *testing.T, cfg Config, daemon, journalctl string) *Journald {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// What is mounted from here on is not to reach the host.
	must(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	id := filepath.Join(t.TempDir(), "machine-id")
	must(os.WriteFile(id, []byte(machineID+"\n"), 0o644))
	must(syscall.Mount(id, "/etc/machine-id", "", syscall.MS_BIND, ""))
	must(syscall.Mount("tmpfs", "/run", "tmpfs", 0, ""))
	must(syscall.Mount("tmpfs", "/var/log", "tmpfs", 0, "size=600m"))
	conf := "/run/systemd/journald.conf.d"
	for _, dir := range []string{"/run/systemd/journal", "/run/log/journal", "/var/log/journal", conf} {
		must(os.MkdirAll(dir, 0o755))
	}
	// journald writes below /var from the start where it believes that it has
	// been told to flush.
	must(os.WriteFile("/run/systemd/journal/flushed", nil, 0o644))
	must(os.WriteFile(conf+"/test.conf", fmt.Appendf(nil, "[Journal]\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\nSystemMaxFiles=1000\nSystemMaxFileSize=%s\nSystemMaxUse=%s\n",
		or(cfg.SystemMaxFileSize, "1M"), or(cfg.SystemMaxUse, "500M")), 0o644))

	// The death signal is sent when the thread ends that started the process;
	// this one ends with the test.
	runtime.LockOSThread()
	cmd := exec.Command(daemon)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("journald: %s", stderr.Bytes())
		}
	})

	j := &Journald{t: t, Dir: "/var/log/journal/" + machineID, journalctl: journalctl}
	// reach connects to a socket of journald, which makes one after the other.
	reach := func(network, path string) *net.UnixConn {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			conn, err := net.DialUnix(network, nil, &net.UnixAddr{Name: path, Net: network})
			if err == nil {
				return conn
			}
			if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				ended <- err
				t.Fatalf("journald ended: %v: %s", err, stderr.Bytes())
			case <-tick.C:
			}
		}
	}
	j.conn = reach("unixgram", socket)
	t.Cleanup(func() { _ = j.conn.Close() })
	must(reach("unix", varlink).Close())
	return j
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

// Send logs one entry by journald's native protocol; the fields are name and
// value in turn. It returns when journald has the datagram, which is before it
// has written the entry.
func (j *Journald) Send(fields ...string) {
	j.t.Helper()
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		b = append(append(b, fields[i]...), '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(fields[i+1])))
		b = append(append(b, fields[i+1]...), '\n')
	}
	if _, err := j.conn.Write(b); err != nil {
		j.t.Fatalf("send to journald: %v", err)
	}
}

// Journalctl runs journalctl beside this journald, and returns what it writes.
func (j *Journald) Journalctl(args ...string) []byte {
	j.t.Helper()
	cmd := exec.Command(j.journalctl, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		j.t.Fatalf("journalctl %s: %v: %s", args, err, stderr.Bytes())
	}
	return out
}

// Sync returns when journald has written all that was sent to it.
func (j *Journald) Sync() { j.t.Helper(); j.Journalctl("--sync") }

// Rotate archives the files that journald writes to, and starts new ones.
func (j *Journald) Rotate() { j.t.Helper(); j.Journalctl("--rotate") }

// Vacuum removes archived files, the oldest first, until n files are left in
// all.
func (j *Journald) Vacuum(n int) { j.t.Helper(); j.Journalctl(fmt.Sprintf("--vacuum-files=%d", n)) }

// Files returns the paths of the journal files.
func (j *Journald) Files() []string {
	j.t.Helper()
	files, err := filepath.Glob(j.Dir + "/*.journal*")
	if err != nil {
		j.t.Fatal(err)
	}
	return files
}
