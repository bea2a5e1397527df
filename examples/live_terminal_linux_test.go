package examples

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/pty"
)

// TestLiveHandbookTop looks at a session that computes, in a terminal, until
// its CPU time is known, and leaves. The log has what was on the screen, for
// go run ./internal/shot.
func TestLiveHandbookTop(t *testing.T) {
	h := open(t)
	h.start("alice")
	defer h.stop("alice")
	_, status := h.shell("alice", "(while true; do :; done) >/dev/null 2>&1 &")
	require.Zero(t, status)

	person, terminal, err := pty.Open(100, 24)
	require.NoError(t, err)
	defer person.Close()
	require.NoError(t, person.SetReadDeadline(time.Now().Add(2*time.Minute)))
	top := exec.Command("hubctl", "top", "--interval", "3s")
	top.Env = append(os.Environ(), "TERM=xterm-256color")
	top.Stdin, top.Stdout, top.Stderr = terminal, terminal, terminal
	top.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, top.Start())
	terminal.Close()

	screen, asked := "", false
	for buf := make([]byte, 4096); ; {
		n, err := person.Read(buf)
		screen += string(buf[:n])
		if err != nil {
			break // EIO: top has left
		}
		// The second page knows the CPU time between the first and itself.
		if !asked && strings.Count(screen, "alice") > 1 {
			_, err := person.WriteString("q")
			require.NoError(t, err)
			asked = true
		}
	}
	require.NoError(t, top.Wait())
	assert.Regexp(t, `alice\S* +\S*active`, screen)
	t.Logf("on the screen: %q", screen)
}
