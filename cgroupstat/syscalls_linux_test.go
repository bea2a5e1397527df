package cgroupstat

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/testenv"
)

// The price of a sample in system calls is counted by strace, in a process of
// its own, between two marks.
func TestSystemCalls(t *testing.T) {
	strace := testenv.Tool(t, "strace")
	dir := unpack(t, "v2-6.12.txtar")
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-qq", "-o", trace, os.Args[0], "-test.run=^TestCountedBySystemCalls$")
	cmd.Env = append(os.Environ(), "COUNTED_HIERARCHY="+dir, "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	b, err := os.ReadFile(trace)
	require.NoError(t, err)

	calls := make(map[string]int)
	var thread, mark string
	for line := range strings.Lines(string(b)) {
		pid, call, _ := strings.Cut(line, " ")
		if _, after, ok := strings.Cut(call, `"/mark/`); ok {
			thread = pid
			mark, _, _ = strings.Cut(after, `"`)
			continue
		}
		name, _, isCall := strings.Cut(strings.TrimSpace(call), "(")
		if pid == thread && isCall && !strings.HasPrefix(name, "<...") && !strings.HasPrefix(name, "---") && !slices.Contains(testenv.RuntimeCalls, name) {
			calls[mark]++
		}
	}
	assert.Equal(t, 16, calls["full"], "13 files of the unit and 3 of its slice")
	assert.Equal(t, 10, calls["light"], "7 files of the unit and 3 of its slice")
	assert.Equal(t, 3+3*int(numFiles)+3*len(limiting), calls["stat"], "the directory, and three for each file")
	t.Log(calls)
}

func TestCountedBySystemCalls(t *testing.T) {
	dir := os.Getenv("COUNTED_HIERARCHY")
	if dir == "" {
		return // runs below TestSystemCalls
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	mark := func(name string) { unix.Access("/mark/"+name, unix.F_OK) }
	h, err := Open(Config{Mount: dir, Mode: Unified})
	require.NoError(t, err)
	for name, view := range map[string]View{"full": Full, "light": Light} {
		s := h.NewSampler(SamplerConfig{View: view})
		defer s.Close()
		samples, err := s.Sample(context.Background(), nil, []string{alice})
		require.NoError(t, err)
		mark(name)
		samples, err = s.Sample(context.Background(), samples, []string{alice})
		mark("")
		require.NoError(t, err)
		require.NoError(t, samples[0].Err)
	}
	mark("stat")
	_, err = h.Stat(alice)
	mark("")
	require.NoError(t, err)
}
