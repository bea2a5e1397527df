package cgroupstat

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMachine(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "proc/meminfo"), "MemTotal:        8000000 kB\nMemFree:          123456 kB\nMemAvailable:    6000000 kB\nSwapTotal:       1000000 kB\nSwapFree:         900000 kB\nHugePages_Total:       0\n")
	write(t, filepath.Join(root, "proc/stat"), "cpu  100 20 3000 99999 88888 1 2 7777 50 0\ncpu0 50 10 1500 0 0 0 0 0 0 0\ncpu2 50 10 1500 0 0 0 0 0 0 0\nintr 1 2 3\nctxt 5\n")
	write(t, filepath.Join(root, "proc/pressure/memory"), "some avg10=1.00 avg60=2.00 avg300=3.00 total=4\nfull avg10=0.10 avg60=0.20 avg300=0.30 total=5\n")
	h, err := Open(Config{HostRoot: root, Mount: t.TempDir(), Mode: Unified})
	require.NoError(t, err)
	m, err := h.Machine()
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), m.Time, time.Minute)
	m.Time = time.Time{}
	assert.Equal(t, &Machine{
		CPUs: 2, MemoryTotal: 8000000 << 10, MemoryAvailable: 6000000 << 10, SwapTotal: 1000000 << 10, SwapFree: 900000 << 10,
		CPUUsage: 31230 * time.Millisecond,
		MemoryPressure: Pressure{
			Some: Some(Stall{1, 2, 3, 4 * time.Microsecond}), Full: Some(Stall{.1, .2, .3, 5 * time.Microsecond}),
		},
	}, m)

	write(t, filepath.Join(root, "proc/stat"), "cpu  100 x 3000 99999 88888 1 2\ncpu0 1\n")
	_, err = h.Machine()
	assert.ErrorIs(t, err, ErrMalformed)
	write(t, filepath.Join(root, "proc/stat"), "intr 1\n")
	_, err = h.Machine()
	assert.ErrorIs(t, err, ErrMalformed)
	write(t, filepath.Join(root, "proc/meminfo"), "MemTotal:        8000000 kB\n")
	_, err = h.Machine()
	assert.ErrorIs(t, err, ErrMalformed)
	require.NoError(t, os.Remove(filepath.Join(root, "proc/meminfo")))
	_, err = h.Machine()
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.NotErrorIs(t, err, ErrNotRunning)
}

func TestThisMachine(t *testing.T) {
	h, err := Open(Config{Mount: t.TempDir(), Mode: Unified})
	require.NoError(t, err)
	m, err := h.Machine()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, m.CPUs, runtime.NumCPU())
	assert.Greater(t, m.MemoryTotal, m.MemoryAvailable)
	assert.Positive(t, m.CPUUsage)
}
