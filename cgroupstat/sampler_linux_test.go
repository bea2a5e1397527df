package cgroupstat

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/testenv"
)

func sample(t testing.TB, s *Sampler, dst []Sample, paths ...string) []Sample {
	t.Helper()
	dst, err := s.Sample(t.Context(), dst, paths)
	require.NoError(t, err)
	require.Len(t, dst, len(paths))
	return dst
}

const cpuStatFormat = "usage_usec %d\nuser_usec 0\nsystem_usec 0\nnr_periods %d\nnr_throttled %d\nthrottled_usec 0\n"

func TestSampleRates(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	h := open(t, dir, Unified)
	for _, maxOpen := range []int{0, -1} {
		s := h.NewSampler(SamplerConfig{MaxOpen: maxOpen})
		defer s.Close()
		write(t, filepath.Join(dir, alice, "cpu.stat"), fmt.Sprintf(cpuStatFormat, 1_000_000, 400, 100))
		write(t, filepath.Join(dir, alice, "io.stat"), "8:0 rbytes=1000 wbytes=2000 rios=10 wios=20\n")
		write(t, filepath.Join(dir, alice, "memory.events"), "high 0\nmax 0\noom 0\noom_kill 3\n")

		first := sample(t, s, nil, alice)[0]
		require.NoError(t, first.Err)
		assert.Zero(t, first.Elapsed)
		assert.True(t, first.CPUs.IsZero(), "one sample has no rate")
		assert.True(t, first.ReadBytes.IsZero())
		assert.True(t, first.OOMKills.IsZero())
		assert.InDelta(t, 352./1536, first.MemoryShare.Or(0), 1e-9, "of the slice's limit, which is tighter")
		assert.InDelta(t, 17./4915, first.TasksShare.Or(0), 1e-9)

		write(t, filepath.Join(dir, alice, "cpu.stat"), fmt.Sprintf(cpuStatFormat, 3_000_000, 420, 105))
		write(t, filepath.Join(dir, alice, "io.stat"), "8:0 rbytes=1100 wbytes=2000 rios=11 wios=20\n8:16 rbytes=7 wbytes=3 rios=1 wios=1\n")
		write(t, filepath.Join(dir, alice, "memory.events"), "high 0\nmax 0\noom 0\noom_kill 5\n")
		second := sample(t, s, nil, alice)[0]
		require.Positive(t, second.Elapsed)
		assert.False(t, second.Restarted)
		seconds := second.Elapsed.Seconds()
		assert.InDelta(t, 2, second.CPUs.Or(0)*seconds, 1e-6)
		assert.InDelta(t, 2/1.5, second.CPUShare.Or(0)*seconds, 1e-6)
		assert.InDelta(t, 5./20, second.Throttled.Or(0), 1e-9)
		assert.InDelta(t, 107, second.ReadBytes.Or(0)*seconds, 1e-6)
		assert.InDelta(t, 3, second.WriteBytes.Or(0)*seconds, 1e-6)
		assert.InDelta(t, 2, second.ReadOps.Or(0)*seconds, 1e-6)
		assert.InDelta(t, 1, second.WriteOps.Or(0)*seconds, 1e-6)
		assert.Equal(t, some[uint64](2), second.OOMKills)

		third := sample(t, s, nil, alice)[0]
		assert.Equal(t, some(0.), third.CPUs, "a figure of zero is present")
		assert.True(t, third.Throttled.IsZero(), "no period has passed")

		// A device is unplugged: no rate of I/O, but of all else.
		write(t, filepath.Join(dir, alice, "io.stat"), "8:0 rbytes=1100 wbytes=2000 rios=11 wios=20\n")
		fourth := sample(t, s, nil, alice)[0]
		assert.True(t, fourth.ReadBytes.IsZero())
		assert.False(t, fourth.CPUs.IsZero())
		assert.False(t, fourth.Restarted)

		// The counters begin anew under the same group.
		write(t, filepath.Join(dir, alice, "cpu.stat"), fmt.Sprintf(cpuStatFormat, 10, 0, 0))
		fifth := sample(t, s, nil, alice)[0]
		assert.True(t, fifth.Restarted)
		assert.True(t, fifth.CPUs.IsZero())
		assert.Zero(t, fifth.Elapsed)
	}
}

// The figures are those of Stat, less what the view leaves out.
func TestSampleIsStat(t *testing.T) {
	for name, mode := range map[string]Mode{
		"v2-5.10.txtar": Unified, "v2-6.1.txtar": Unified, "v2-6.12.txtar": Unified, "hybrid.txtar": Hybrid, "v1.txtar": Legacy,
	} {
		h := open(t, unpack(t, name), mode)
		st, err := h.Stat(alice)
		require.NoError(t, err)
		for _, maxOpen := range []int{0, -1} {
			s := h.NewSampler(SamplerConfig{MaxOpen: maxOpen})
			got := sample(t, s, nil, alice)[0].Stats
			light := h.NewSampler(SamplerConfig{MaxOpen: maxOpen, View: Light})
			lit := sample(t, light, nil, alice)[0].Stats
			s.Close()
			light.Close()
			want := *st
			want.Time, got.Time, lit.Time = time.Time{}, time.Time{}, time.Time{}
			if mode != Unified {
				assert.Equal(t, want, got, name)
				continue
			}
			m := &want.Memory
			m.Peak, m.SwapPeak, m.EventsLocal = Opt[uint64]{}, Opt[uint64]{}, MemoryEvents{}
			m.Min, m.Low, m.High, m.SwapMax = Limit[uint64]{}, Limit[uint64]{}, Limit[uint64]{}, Limit[uint64]{}
			want.CPU.Weight, want.Tasks.Peak = Opt[uint64]{}, Opt[uint64]{}
			want.Populated, want.Frozen = Opt[bool]{}, Opt[bool]{}
			assert.Equal(t, want, got, name)

			m.Anon, m.File, m.InactiveFile, m.Shmem = Opt[uint64]{}, Opt[uint64]{}, Opt[uint64]{}, Opt[uint64]{}
			m.Kernel, m.MajorFaults, m.Swap = Opt[uint64]{}, Opt[uint64]{}, Opt[uint64]{}
			m.Pressure, want.CPU.Pressure, want.IO = Pressure{}, Pressure{}, IO{}
			assert.Equal(t, want, lit, name)
		}
	}
}

func TestUnitsComeAndGo(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	h := open(t, dir, Unified)
	before := descriptors(t)
	s := h.NewSampler(SamplerConfig{})
	const bob = "/system.slice/jupyter-bob.service"

	got := sample(t, s, nil, alice, bob)
	require.NoError(t, got[0].Err)
	assert.ErrorIs(t, got[1].Err, ErrNotRunning)
	assert.Equal(t, bob, got[1].Path)
	assert.Equal(t, before+len(views[Full])+len(limiting), descriptors(t))

	write(t, filepath.Join(dir, bob, "cpu.stat"), fmt.Sprintf(cpuStatFormat, 5, 0, 0))
	got = sample(t, s, got, bob, alice)
	require.NoError(t, got[0].Err)
	assert.Zero(t, got[0].Elapsed, "new")
	assert.True(t, got[0].Memory.Current.IsZero())
	assert.Equal(t, AtMost[uint64](1536<<20), got[0].Memory.EffectiveMax, "of the slice")
	assert.Empty(t, got[0].IO.Devices)
	require.NoError(t, got[1].Err)
	assert.Positive(t, got[1].Elapsed)
	assert.Len(t, got[1].IO.Devices, 2)

	require.NoError(t, os.RemoveAll(filepath.Join(dir, bob)))
	got = sample(t, s, got, bob, alice)
	assert.ErrorIs(t, got[0].Err, ErrNotRunning)
	assert.Equal(t, Sample{Stats: Stats{Path: bob, IO: IO{Devices: got[0].IO.Devices}}, Err: got[0].Err}, got[0])
	require.NoError(t, got[1].Err)

	got = sample(t, s, got)
	assert.Empty(t, got)
	assert.Equal(t, before, descriptors(t), "alice was forgotten, and her slice")
	got = sample(t, s, got, alice)
	assert.Zero(t, got[0].Elapsed, "alice is new again")

	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	assert.Equal(t, before, descriptors(t))
	_, err := s.Sample(t.Context(), nil, []string{alice})
	assert.ErrorIs(t, err, ErrClosed)
}

// restart replaces a unit's group by a new one.
func restart(t *testing.T, dir string) {
	t.Helper()
	old := filepath.Join(testenv.Memory(t), "old") // keeps the inode from being used again
	require.NoError(t, os.Rename(filepath.Join(dir, alice), old))
	require.NoError(t, os.CopyFS(filepath.Join(dir, alice), os.DirFS(old)))
	entries, err := os.ReadDir(old)
	require.NoError(t, err)
	for _, e := range entries {
		require.NoError(t, os.Remove(filepath.Join(old, e.Name())))
	}
}

func TestSampleAcrossRestart(t *testing.T) {
	for _, maxOpen := range []int{0, -1} {
		dir := unpack(t, "v2-6.12.txtar")
		s := open(t, dir, Unified).NewSampler(SamplerConfig{MaxOpen: maxOpen})
		defer s.Close()
		first := sample(t, s, nil, alice)[0]
		restart(t, dir)
		// Its counters are further on by now than those of the old run.
		write(t, filepath.Join(dir, alice, "cpu.stat"), fmt.Sprintf(cpuStatFormat, 99_000_000, 9000, 9000))
		second := sample(t, s, nil, alice)[0]
		require.NoError(t, second.Err)
		assert.NotEqual(t, first.ID, second.ID)
		assert.True(t, second.Restarted)
		assert.True(t, second.CPUs.IsZero(), "CPU time of two runs is no rate")
		third := sample(t, s, nil, alice)[0]
		assert.False(t, third.Restarted)
		assert.Equal(t, some(0.), third.CPUs)
	}
}

// A unit may stop while it is being read: the second of its files fails.
func TestStopInTheMiddleOfSampling(t *testing.T) {
	for f := range views[Full] {
		dir := unpack(t, "v2-6.12.txtar")
		h := open(t, dir, Unified)
		s := h.NewSampler(SamplerConfig{})
		defer s.Close()
		require.NoError(t, sample(t, s, nil, alice)[0].Err)
		pread, reads := h.tree.pread, 0
		h.tree.pread = func(fd int, p []byte, off int64) (int, error) {
			if reads++; reads == f+1 {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, alice)))
			}
			return pread(fd, p, off)
		}
		assert.ErrorIs(t, sample(t, s, nil, alice)[0].Err, ErrNotRunning, "file %d", f)
	}
}

// systemd switches a controller on when the first unit needs it, and off
// after the last.
func TestControllerComesAndGoes(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	s := open(t, dir, Unified).NewSampler(SamplerConfig{})
	defer s.Close()
	require.NoError(t, os.Remove(filepath.Join(dir, alice, "memory.current")))
	assert.True(t, sample(t, s, nil, alice)[0].Memory.Current.IsZero())
	write(t, filepath.Join(dir, alice, "memory.current"), "4096\n")
	seen := 0
	for seen < absentAgain && sample(t, s, nil, alice)[0].Memory.Current.IsZero() {
		seen++
	}
	assert.Less(t, seen, absentAgain)
	last := sample(t, s, nil, alice)[0]
	assert.False(t, last.CPUs.IsZero(), "the unit is the same one")
	require.NoError(t, os.Remove(filepath.Join(dir, alice, "memory.current")))
	last = sample(t, s, nil, alice)[0]
	require.NoError(t, last.Err)
	assert.True(t, last.Memory.Current.IsZero())
	assert.False(t, last.Restarted)
}

// What is not counted any more was not counted anew.
func TestCountersGoAbsent(t *testing.T) {
	for name, tt := range map[string]struct {
		mode Mode
		dir  string // of the controller that is switched off
		file string
	}{
		"v2-6.12.txtar": {Unified, "", "memory.*"},
		"v1.txtar":      {Legacy, "cpuacct", ""},
	} {
		dir := unpack(t, name)
		s := open(t, dir, tt.mode).NewSampler(SamplerConfig{})
		defer s.Close()
		first := sample(t, s, nil, alice)[0]
		require.NoError(t, first.Err)
		files, err := filepath.Glob(filepath.Join(dir, tt.dir, alice, tt.file))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			require.NoError(t, os.RemoveAll(file))
		}
		second := sample(t, s, nil, alice)[0]
		require.NoError(t, second.Err, name)
		assert.NotEqual(t, first.Stats, second.Stats, name)
		assert.False(t, second.Restarted, name)
		assert.Positive(t, second.Elapsed, name)
	}
}

func TestSliceLimitChanges(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	const deep = "/jupyter.slice/jupyter-class.slice/jupyter-carol.service"
	write(t, filepath.Join(dir, deep, "cpu.stat"), "usage_usec 1\n")
	write(t, filepath.Join(dir, deep, "memory.max"), "max\n")
	write(t, filepath.Join(dir, filepath.Dir(deep), "memory.max"), "3000\n")
	write(t, filepath.Join(dir, "jupyter.slice/memory.max"), "2000\n")
	s := open(t, dir, Unified).NewSampler(SamplerConfig{})
	defer s.Close()
	assert.Equal(t, AtMost[uint64](2000), sample(t, s, nil, deep)[0].Memory.EffectiveMax)
	write(t, filepath.Join(dir, "jupyter.slice/memory.max"), "max\n")
	assert.Equal(t, AtMost[uint64](3000), sample(t, s, nil, deep)[0].Memory.EffectiveMax)
	write(t, filepath.Join(dir, filepath.Dir(deep), "memory.max"), "max\n")
	assert.True(t, sample(t, s, nil, deep)[0].Memory.EffectiveMax.Unlimited())
	write(t, filepath.Join(dir, filepath.Dir(deep), "memory.max"), "what\n")
	assert.ErrorIs(t, sample(t, s, nil, deep)[0].Err, ErrMalformed)
}

func TestDescriptorsAreBounded(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	var paths []string
	for i := range 10 {
		path := fmt.Sprintf("/system.slice/jupyter-u%d.service", i)
		require.NoError(t, os.CopyFS(filepath.Join(dir, path), os.DirFS(filepath.Join(dir, alice))))
		paths = append(paths, path)
	}
	before := descriptors(t)
	h := open(t, dir, Unified)
	s := h.NewSampler(SamplerConfig{MaxOpen: 50})
	defer s.Close()
	samples := sample(t, s, nil, paths...)
	samples = sample(t, s, samples, paths...)
	for _, sm := range samples {
		require.NoError(t, sm.Err)
		assert.False(t, sm.CPUs.IsZero(), "%s is sampled, kept or not", sm.Path)
		assert.Equal(t, AtMost[uint64](1536<<20), sm.Memory.EffectiveMax)
	}
	assert.Equal(t, before+3*len(views[Full])+len(limiting), descriptors(t))

	// When the process runs out of them, the sampler takes no more.
	openat, opened := h.tree.openat, 0
	h.tree.openat = func(d int, name string, flags int, mode uint32) (int, error) {
		if opened++; opened == 2*len(views[Full])+5 {
			return -1, unix.EMFILE
		}
		return openat(d, name, flags, mode)
	}
	greedy := h.NewSampler(SamplerConfig{})
	defer greedy.Close()
	for _, sm := range sample(t, greedy, nil, paths...) {
		require.NoError(t, sm.Err)
	}
	assert.LessOrEqual(t, greedy.kept, 2*len(views[Full]))

	// The first that is refused may be one of a slice.
	opened = -1000
	h.tree.openat = func(d int, name string, flags int, mode uint32) (int, error) {
		if opened++; opened == -1000+len(views[Full])+1 {
			return -1, unix.EMFILE
		}
		return openat(d, name, flags, mode)
	}
	greedy = h.NewSampler(SamplerConfig{})
	defer greedy.Close()
	for _, sm := range sample(t, greedy, nil, paths...) {
		require.NoError(t, sm.Err)
		assert.Equal(t, AtMost[uint64](1536<<20), sm.Memory.EffectiveMax)
	}
}

func TestSampleIsCancelled(t *testing.T) {
	s := open(t, unpack(t, "v2-6.12.txtar"), Unified).NewSampler(SamplerConfig{})
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := s.Sample(ctx, nil, []string{alice})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, got)
}

func TestIdle(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	s := open(t, dir, Unified).NewSampler(SamplerConfig{})
	defer s.Close()
	start := time.Now()
	first := sample(t, s, nil, alice)[0]
	assert.False(t, first.Idle(0), "one sample says nothing")
	second := sample(t, s, nil, alice)[0]
	assert.True(t, second.Idle(0))
	third := sample(t, s, nil, alice)[0]
	assert.Greater(t, third.IdleFor, second.IdleFor)
	assert.Equal(t, third.Time.Sub(first.Time), third.IdleFor)
	assert.True(t, third.Idle(third.IdleFor))
	assert.False(t, third.Idle(time.Since(start)+time.Hour))

	write(t, filepath.Join(dir, alice, "cpu.stat"), fmt.Sprintf(cpuStatFormat, 99_000_000, 0, 0))
	assert.Zero(t, sample(t, s, nil, alice)[0].IdleFor)
	fifth := sample(t, s, nil, alice)[0]
	assert.Equal(t, fifth.Elapsed, fifth.IdleFor, "idle anew")
}

func TestSampleAllocatesNothing(t *testing.T) {
	for _, view := range []View{Full, Light} {
		h, err := Open(Config{Mount: unpack(t, "v2-6.12.txtar"), Mode: Unified})
		require.NoError(t, err)
		s := h.NewSampler(SamplerConfig{View: view})
		defer s.Close()
		ctx, paths := t.Context(), []string{alice}
		samples := sample(t, s, nil, paths...)
		allocs := testing.AllocsPerRun(100, func() { samples, err = s.Sample(ctx, samples, paths) })
		require.NoError(t, err)
		assert.Zero(t, allocs)
		assert.NoError(t, samples[0].Err)
	}
}
