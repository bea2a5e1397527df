package main

import (
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/pty"
	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

// seat is a person in front of hubctl top.
type seat struct {
	*testing.T
	person, terminal *os.File
	before           *unix.Termios
	cmd              *exec.Cmd
	seen             string
}

// never is an interval at which nothing is drawn after the first page, but for
// a key or a new size.
const never = "1h"

// sit starts hubctl top on a terminal.
func sit(t *testing.T, bus *unitstest.Bus, interval string, env ...string) *seat {
	s := &seat{T: t}
	var err error
	s.person, s.terminal, err = pty.Open(90, 24)
	require.NoError(t, err)
	t.Cleanup(func() { s.person.Close(); s.terminal.Close() })
	// A guard against waiting for ever, not a measure of speed.
	require.NoError(t, s.person.SetReadDeadline(time.Now().Add(time.Minute)))
	s.before = s.termios()
	s.cmd = exec.Command("hubctl", "top", "--interval", interval, "--unit-template", "jupyter-{USERNAME}", "--host-root", t.TempDir())
	s.cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+bus.Address(), "TERM=xterm-256color", "NO_COLOR=1")
	s.cmd.Env = append(s.cmd.Env, env...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.terminal, s.terminal, s.terminal
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { s.cmd.Process.Kill() }) // it has ended, if the test is good
	return s
}

func (s *seat) termios() *unix.Termios {
	s.Helper()
	state, err := unix.IoctlGetTermios(int(s.terminal.Fd()), unix.TCGETS)
	require.NoError(s, err)
	return state
}

// read reads on until the screen shows what is wanted.
func (s *seat) read(want func() bool) {
	s.Helper()
	buf := make([]byte, 4096)
	for !want() {
		n, err := s.person.Read(buf)
		require.NoError(s, err, "on the screen: %q", s.seen)
		s.seen += string(buf[:n])
	}
}

// page returns the lines of the next whole page.
func (s *seat) page() []string {
	s.Helper()
	page := ""
	s.read(func() bool {
		begin := strings.Index(s.seen, home)
		end := strings.Index(s.seen, endOfPage)
		if begin < 0 || end < 0 {
			return false
		}
		page, s.seen = s.seen[begin:end], s.seen[end+len(endOfPage):]
		return true
	})
	// What came before the last jump home was cleared.
	page = page[strings.LastIndex(page, home)+len(home):]
	return strings.Split(strings.TrimPrefix(page, "\x1b[2J"), endOfLine)
}

func (s *seat) press(key string) {
	s.Helper()
	_, err := s.person.WriteString(key)
	require.NoError(s, err)
}

// leaves asserts that the program ends well, and the terminal is as it was.
func (s *seat) leaves() {
	s.Helper()
	s.read(func() bool { return strings.HasSuffix(s.seen, leaveScreen) })
	assert.NoError(s, s.cmd.Wait())
	assert.Equal(s, s.before, s.termios())
}

func first(lines []string) string { return strings.Fields(lines[2])[0] }

func TestTopOnATerminal(t *testing.T) {
	bus := unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon"))
	var hangs atomic.Bool
	waiting, release := make(chan struct{}, 1), make(chan struct{})
	fake := unitstest.New(t, unitstest.Options{Bus: bus, OnCall: func(unitstest.Call) error {
		if hangs.Load() {
			select {
			case waiting <- struct{}{}:
			default:
			}
			<-release
		}
		return nil
	}})
	for i, name := range []string{"alice", "bob", "carol", "dave"} {
		fake.Add(unitstest.Unit{Name: "jupyter-" + name + ".service", ActiveState: units.Active, Properties: map[string]any{
			"MemoryCurrent": uint64(i+1) << 30,
		}})
	}

	t.Run("keys and sizes", func(t *testing.T) {
		s := sit(t, bus, never)
		page := s.page()
		assert.Regexp(t, `4 sessions, 10\.0G, .* by memory +m memory  c cpu  i io  u user  q quit$`, page[0])
		assert.Regexp(t, `^USER +STATE`, page[1])
		assert.Equal(t, "dave", first(page))
		assert.Len(t, page, 6)
		assert.NotEqual(t, s.before, s.termios(), "a key comes without Enter")

		s.press("u")
		page = s.page()
		assert.Contains(t, page[0], "by user")
		assert.Equal(t, "alice", first(page))
		s.press("m")
		assert.Equal(t, "dave", first(s.page()))

		require.NoError(t, pty.Resize(s.person, 40, 4))
		page = s.page()
		assert.Len(t, page, 4, "no more than fits: else it scrolls")
		assert.Equal(t, "carol", strings.Fields(page[3])[0])

		s.press("q")
		s.leaves()
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		s := sit(t, bus, never)
		s.page()
		s.press("\x03")
		s.leaves()
	})
	t.Run("a host that does not answer", func(t *testing.T) {
		s := sit(t, bus, "100ms")
		s.page()
		hangs.Store(true)
		defer func() { hangs.Store(false); close(release) }()
		<-waiting
		s.press("mq") // the first key finds nobody who reads it
		s.leaves()
	})
	t.Run("a terminal that cannot redraw", func(t *testing.T) {
		s := sit(t, bus, never, "TERM=dumb")
		s.read(func() bool { return strings.HasSuffix(s.seen, "\r\n\r\n") })
		assert.Regexp(t, `by memory\r\nUSER +STATE`, s.seen)
		assert.NotContains(t, s.seen, "\x1b")
		s.press("\x03")
		assert.NoError(t, s.cmd.Wait())
	})
	t.Run("terminated", func(t *testing.T) {
		s := sit(t, bus, never)
		s.page()
		require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
		s.leaves()
	})
}
