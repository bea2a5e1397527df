package unitstest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Bus is a real message bus of the test's own: a dbus-daemon with the limits
// of a system bus, on a socket in a temporary directory.
type Bus struct {
	t       testing.TB
	program string
	dir     string
	cmd     *exec.Cmd
}

// The limit is what a system bus has and a session bus has not: how many
// calls of one connection may be unanswered.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
    <allow send_type="signal"/>
  </policy>
  <limit name="max_replies_per_connection">128</limit>
</busconfig>
`

// StartBus starts a bus that lives until the test ends. The program is the
// path of dbus-daemon; empty looks for it in PATH, and the test fails if it is
// not there.
func StartBus(t testing.TB, program string) *Bus {
	t.Helper()
	if program == "" {
		program = "dbus-daemon"
	}
	// Not t.TempDir: its name has the test's in it, and the path of a socket
	// is limited to 107 bytes.
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &Bus{t: t, program: program, dir: dir}
	t.Cleanup(b.Stop)
	b.Start()
	return b
}

// Address returns the address of the bus.
func (b *Bus) Address() string { return "unix:path=" + filepath.Join(b.dir, "s") }

// Start starts the bus anew after Stop.
func (b *Bus) Start() {
	b.t.Helper()
	config := filepath.Join(b.dir, "config")
	text := strings.ReplaceAll(busConfig, "SOCKET", filepath.Join(b.dir, "s"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.cmd = exec.Command(b.program, "--config-file="+config, "--nofork", "--nopidfile", "--print-address")
	// It complains on every start where it may not raise its limit of files.
	var complaints bytes.Buffer
	b.cmd.Stderr = &complaints
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	// It prints its address when it listens.
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		b.Stop()
		b.t.Fatalf("unitstest: %s did not start: %v: %s", b.program, err, &complaints)
	}
}

// Stop ends the bus at once, and with it every connection.
func (b *Bus) Stop() {
	if b.cmd == nil {
		return
	}
	b.cmd.Process.Kill()
	b.cmd.Wait()
	b.cmd = nil
}

// Restart is Stop and Start.
func (b *Bus) Restart() {
	b.t.Helper()
	b.Stop()
	b.Start()
}
