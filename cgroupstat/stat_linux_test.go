package cgroupstat

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/containerd/cgroups/v3/cgroup2/stats"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func some[T any](v T) Opt[T] { return Some(v) }

// session is what the archives say about alice on the newest kernel.
func session() *Stats {
	const ms, us = time.Millisecond, time.Microsecond
	counters := IOCounters{ReadBytes: 1 << 20, WriteBytes: 2 << 20, ReadOps: 64, WriteOps: 128, DiscardBytes: 512, DiscardOps: 2}
	return &Stats{
		Path: alice,
		Memory: Memory{
			Current: some[uint64](352 << 20), Peak: some[uint64](512 << 20),
			Anon: some[uint64](240 << 20), File: some[uint64](100 << 20), InactiveFile: some[uint64](60 << 20),
			Shmem: some[uint64](8 << 20), Kernel: some[uint64](9011200), MajorFaults: some[uint64](99),
			Swap: some[uint64](32 << 20), SwapPeak: some[uint64](64 << 20),
			Min: AtMost[uint64](0), Low: AtMost[uint64](0), High: AtMost[uint64](1792 << 20), Max: AtMost[uint64](2 << 30),
			SwapMax: NoLimit[uint64](), EffectiveMax: AtMost[uint64](1536 << 20),
			Events: MemoryEvents{
				Low: some[uint64](1), High: some[uint64](22), Max: some[uint64](333),
				OOM: some[uint64](4), OOMKill: some[uint64](3), OOMGroupKill: some[uint64](1),
			},
			EventsLocal: MemoryEvents{
				Low: some[uint64](0), High: some[uint64](21), Max: some[uint64](332),
				OOM: some[uint64](3), OOMKill: some[uint64](2), OOMGroupKill: some[uint64](0),
			},
			Pressure: Pressure{
				Some: some(Stall{0, 0.5, 1, 777777 * us}),
				Full: some(Stall{0, 0.4, 0.9, 666666 * us}),
			},
		},
		CPU: CPU{
			Usage: some(12345678 * us), User: some(10 * time.Second), System: some(2345678 * us),
			Periods: some[uint64](400), ThrottledPeriods: some[uint64](100), Throttled: some(2500 * ms),
			Quota: AtMost(200 * ms), Period: some(100 * ms), EffectiveLimit: AtMost(1.5), Weight: some[uint64](250),
			Pressure: Pressure{
				Some: some(Stall{1.23, 4.56, 7.89, 1234567 * us}),
				Full: some(Stall{0, 0.01, 0.02, 345 * us}),
			},
		},
		Tasks: Tasks{Current: some[uint64](17), Peak: some[uint64](44), Max: AtMost[uint64](4915), EffectiveMax: AtMost[uint64](4915)},
		IO: IO{
			Total: some(IOCounters{
				ReadBytes: 1<<20 + 4096, WriteBytes: 2 << 20, ReadOps: 65, WriteOps: 128, DiscardBytes: 512, DiscardOps: 2,
			}),
			Devices: []Device{{254, 16, IOCounters{ReadBytes: 4096, ReadOps: 1}}, {254, 0, counters}},
			Pressure: Pressure{
				Some: some(Stall{0.1, 0.2, 0.3, 1111 * us}),
				Full: some(Stall{0.05, 0.06, 0.07, 999 * us}),
			},
		},
		Populated: some(true), Frozen: some(false),
	}
}

func TestStat(t *testing.T) {
	for _, tt := range []struct {
		archive string
		mode    Mode
		// lacks takes away what the hierarchy does not have.
		lacks func(st *Stats)
	}{
		{"v2-6.12.txtar", Unified, func(st *Stats) {}},
		{"v2-6.1.txtar", Unified, func(st *Stats) { st.Memory.SwapPeak = Opt[uint64]{} }},
		{"v2-5.10.txtar", Unified, func(st *Stats) {
			st.Memory.Peak, st.Memory.Kernel, st.Memory.SwapPeak = Opt[uint64]{}, Opt[uint64]{}, Opt[uint64]{}
			st.Memory.Events.OOMGroupKill, st.Memory.EventsLocal.OOMGroupKill = Opt[uint64]{}, Opt[uint64]{}
			st.CPU.Pressure.Full = Opt[Stall]{}
			st.Tasks.Peak = Opt[uint64]{}
			st.IO.Devices = st.IO.Devices[1:] // 254:16 has no figures
			st.IO.Total = some(st.IO.Devices[0].IOCounters)
		}},
		{"hybrid.txtar", Hybrid, legacy},
		{"v1.txtar", Legacy, func(st *Stats) {
			legacy(st)
			st.Memory.Swap = Opt[uint64]{}
			st.CPU.Pressure, st.Memory.Pressure, st.IO.Pressure = Pressure{}, Pressure{}, Pressure{}
			st.Populated, st.Frozen = Opt[bool]{}, Opt[bool]{}
		}},
	} {
		t.Run(tt.archive, func(t *testing.T) {
			t.Parallel()
			want := session()
			tt.lacks(want)
			got, err := open(t, unpack(t, tt.archive), tt.mode).Stat(alice)
			require.NoError(t, err)
			assert.NotZero(t, got.ID)
			assert.WithinDuration(t, time.Now(), got.Time, time.Minute)
			got.ID, got.Time = 0, time.Time{}
			assert.Equal(t, want, got)
		})
	}
}

// legacy takes away what the controllers of v1 do not have.
func legacy(st *Stats) {
	m := &st.Memory
	m.Kernel, m.SwapPeak = Opt[uint64]{}, Opt[uint64]{}
	m.Min, m.Low, m.High, m.SwapMax = Limit[uint64]{}, Limit[uint64]{}, Limit[uint64]{}, Limit[uint64]{}
	m.Events, m.EventsLocal = MemoryEvents{OOMKill: some[uint64](3)}, MemoryEvents{}
	st.CPU.Usage, st.CPU.System = some(12345678901*time.Nanosecond), some(2340*time.Millisecond)
	st.CPU.Weight, st.CPU.Shares = Opt[uint64]{}, some[uint64](2560)
	st.Tasks.Peak = Opt[uint64]{}
}

// containerd's reader is the reference for every figure that it has. It has
// zero for what is missing.
func TestStatAgainstContainerd(t *testing.T) {
	for _, name := range []string{"v2-5.10.txtar", "v2-6.1.txtar", "v2-6.12.txtar"} {
		t.Run(name, func(t *testing.T) {
			dir := unpack(t, name)
			got, err := open(t, dir, Unified).Stat(alice)
			require.NoError(t, err)
			manager, err := cgroup2.Load(alice, cgroup2.WithMountpoint(dir))
			require.NoError(t, err)
			want, err := manager.Stat()
			require.NoError(t, err)
			assertContainerd(t, want, got)
		})
	}
}

func assertContainerd(t *testing.T, want *stats.Metrics, got *Stats) {
	t.Helper()
	limit := func(l Limit[uint64]) uint64 {
		if v, ok := l.Get(); ok || l.IsZero() {
			return v
		}
		return 1<<64 - 1
	}
	micros := func(d Opt[time.Duration]) uint64 { return uint64(d.Or(0).Microseconds()) }
	m, w := &got.Memory, want.Memory
	for name, pair := range map[string][2]uint64{
		"memory.current":      {w.Usage, m.Current.Or(0)},
		"memory.peak":         {w.MaxUsage, m.Peak.Or(0)},
		"memory.max":          {w.UsageLimit, limit(m.Max)},
		"memory.swap.current": {w.SwapUsage, m.Swap.Or(0)},
		"memory.swap.peak":    {w.SwapMaxUsage, m.SwapPeak.Or(0)},
		"memory.swap.max":     {w.SwapLimit, limit(m.SwapMax)},
		"anon":                {w.Anon, m.Anon.Or(0)},
		"file":                {w.File, m.File.Or(0)},
		"inactive_file":       {w.InactiveFile, m.InactiveFile.Or(0)},
		"shmem":               {w.Shmem, m.Shmem.Or(0)},
		"pgmajfault":          {w.Pgmajfault, m.MajorFaults.Or(0)},
		"low":                 {want.MemoryEvents.Low, m.Events.Low.Or(0)},
		"high":                {want.MemoryEvents.High, m.Events.High.Or(0)},
		"max":                 {want.MemoryEvents.Max, m.Events.Max.Or(0)},
		"oom":                 {want.MemoryEvents.Oom, m.Events.OOM.Or(0)},
		"oom_kill":            {want.MemoryEvents.OomKill, m.Events.OOMKill.Or(0)},
		"oom_group_kill":      {want.MemoryEvents.OomGroupKill, m.Events.OOMGroupKill.Or(0)},
		"usage_usec":          {want.CPU.UsageUsec, micros(got.CPU.Usage)},
		"user_usec":           {want.CPU.UserUsec, micros(got.CPU.User)},
		"system_usec":         {want.CPU.SystemUsec, micros(got.CPU.System)},
		"nr_periods":          {want.CPU.NrPeriods, got.CPU.Periods.Or(0)},
		"nr_throttled":        {want.CPU.NrThrottled, got.CPU.ThrottledPeriods.Or(0)},
		"throttled_usec":      {want.CPU.ThrottledUsec, micros(got.CPU.Throttled)},
		"pids.current":        {want.Pids.Current, got.Tasks.Current.Or(0)},
		"pids.max":            {want.Pids.Limit, limit(got.Tasks.Max)},
	} {
		assert.Equal(t, pair[0], pair[1], name)
	}
	for name, psi := range map[string]struct {
		want *stats.PSIStats
		got  Pressure
	}{
		"cpu":    {want.CPU.PSI, got.CPU.Pressure},
		"memory": {w.PSI, m.Pressure},
		"io":     {want.Io.PSI, got.IO.Pressure},
	} {
		if psi.want == nil {
			assert.Zero(t, psi.got, name)
			continue
		}
		for _, pair := range []struct {
			want *stats.PSIData
			got  Stall
		}{{psi.want.Some, psi.got.Some.Or(Stall{})}, {psi.want.Full, psi.got.Full.Or(Stall{})}} {
			assert.Equal(t, Stall{
				pair.want.GetAvg10(), pair.want.GetAvg60(), pair.want.GetAvg300(),
				time.Duration(pair.want.GetTotal()) * time.Microsecond,
			}, pair.got, name)
		}
	}
	// It takes the first of several devices in one line for the one that the
	// figures are of, and lists devices without figures.
	for _, d := range got.IO.Devices {
		var found bool
		for _, e := range want.Io.Usage {
			if e.Rbytes == d.ReadBytes && e.Wbytes == d.WriteBytes && e.Rios == d.ReadOps && e.Wios == d.WriteOps {
				found = true
			}
		}
		assert.True(t, found, "%+v is not in %v", d, want.Io.Usage)
	}
}

func TestStatOfSliceAndRoot(t *testing.T) {
	h := open(t, unpack(t, "v2-6.1.txtar"), Unified)
	slice, err := h.Stat("/system.slice")
	require.NoError(t, err)
	assert.Equal(t, AtMost[uint64](1536<<20), slice.Memory.EffectiveMax)
	assert.Equal(t, AtMost(1.5), slice.CPU.EffectiveLimit)
	assert.True(t, slice.Tasks.Max.Unlimited())
	assert.True(t, slice.Memory.Peak.IsZero())

	root, err := h.Stat("/")
	require.NoError(t, err)
	assert.Equal(t, some(98765432*time.Microsecond), root.CPU.Usage)
	assert.True(t, root.Memory.Current.IsZero(), "the root has no memory.current")
	assert.True(t, root.Memory.Max.IsZero())

	children, err := h.Children("/system.slice")
	require.NoError(t, err)
	assert.Equal(t, []string{alice}, children)
	children, err = h.Children("/")
	require.NoError(t, err)
	assert.Equal(t, []string{"/system.slice"}, children)
}

func TestNotRunning(t *testing.T) {
	for name, mode := range map[string]Mode{"v2-6.12.txtar": Unified, "hybrid.txtar": Hybrid, "v1.txtar": Legacy} {
		h := open(t, unpack(t, name), mode)
		const bob = "/system.slice/jupyter-bob.service"
		_, err := h.Stat(bob)
		assert.ErrorIs(t, err, ErrNotRunning, name)
		assert.ErrorIs(t, err, fs.ErrNotExist, name)
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, bob, e.Path)
		assert.EqualError(t, err, `cgroupstat: stat "/system.slice/jupyter-bob.service": unit is not running`)
		_, err = h.Children(bob)
		assert.ErrorIs(t, err, ErrNotRunning, name)
		_, err = h.Enforced(bob, Limits{})
		assert.ErrorIs(t, err, ErrNotRunning, name)
	}
}

// A group may go away between any two files.
func TestNotRunningInTheMiddle(t *testing.T) {
	for f := range numFiles {
		dir := unpack(t, "v2-6.12.txtar")
		h := open(t, dir, Unified)
		openat := h.tree.openat
		h.tree.openat = func(d int, name string, flags int, mode uint32) (int, error) {
			if name == f.String() {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, alice)))
			}
			return openat(d, name, flags, mode)
		}
		_, err := h.Stat(alice)
		assert.ErrorIs(t, err, ErrNotRunning, "at the opening of %s", f)

		dir = unpack(t, "v2-6.12.txtar")
		h = open(t, dir, Unified)
		pread, reads := h.tree.pread, file(0)
		h.tree.pread = func(fd int, p []byte, off int64) (int, error) {
			if reads++; reads == f+1 {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, alice)))
			}
			return pread(fd, p, off)
		}
		_, err = h.Stat(alice)
		assert.ErrorIs(t, err, ErrNotRunning, "at the reading of %s", f)
	}
	// With the last unit of a slice, the slice may go.
	for _, f := range limiting {
		dir := unpack(t, "v2-6.12.txtar")
		h := open(t, dir, Unified)
		openat := h.tree.openat
		h.tree.openat = func(d int, name string, flags int, mode uint32) (int, error) {
			if name == "../"+f.String() {
				require.NoError(t, os.RemoveAll(filepath.Join(dir, filepath.Dir(alice))))
			}
			return openat(d, name, flags, mode)
		}
		_, err := h.Stat(alice)
		assert.ErrorIs(t, err, ErrNotRunning, "at the opening of the slice's %s", f)
	}
	for _, f := range views[Full] {
		for _, maxOpen := range []int{0, -1} {
			dir := unpack(t, "v2-6.12.txtar")
			h := open(t, dir, Unified)
			openat := h.tree.openat
			h.tree.openat = func(d int, name string, flags int, mode uint32) (int, error) {
				if name == f.String() {
					require.NoError(t, os.RemoveAll(filepath.Join(dir, alice)))
				}
				return openat(d, name, flags, mode)
			}
			s := h.NewSampler(SamplerConfig{MaxOpen: maxOpen})
			defer s.Close()
			assert.ErrorIs(t, sample(t, s, nil, alice)[0].Err, ErrNotRunning, "at the opening of %s to sample it", f)
		}
	}
	dir := unpack(t, "v1.txtar")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "memory", alice, "memory.oom_control")))
	_, err := open(t, dir, Legacy).Stat(alice)
	assert.ErrorIs(t, err, ErrNotRunning, "a file that every kernel has")
}

// Missing, unreadable and malformed are three answers, for every file.
func TestMissingUnreadableMalformed(t *testing.T) {
	full, err := open(t, unpack(t, "v2-6.12.txtar"), Unified).Stat(alice)
	require.NoError(t, err)
	for f := range cgroupEvents {
		dir := unpack(t, "v2-6.12.txtar")
		name := filepath.Join(dir, alice, f.String())

		write(t, name, "what is this?\n")
		_, err := open(t, dir, Unified).Stat(alice)
		assert.ErrorIs(t, err, ErrMalformed, f.String())
		assert.NotErrorIs(t, err, fs.ErrNotExist, f.String())
		assert.ErrorContains(t, err, f.String())
		assert.ErrorContains(t, err, "what is this?")

		require.NoError(t, os.Remove(name))
		st, err := open(t, dir, Unified).Stat(alice)
		if f.always(alice) {
			assert.ErrorIs(t, err, ErrNotRunning, f.String())
		} else {
			require.NoError(t, err, f.String())
			assert.NotEqual(t, full, st, "%s is missing and nothing is absent", f)
		}

		write(t, name, "")
		h := open(t, dir, Unified)
		h.tree.openat = func(dir int, name string, flags int, mode uint32) (int, error) {
			if name == f.String() {
				return -1, unix.EACCES // to root too
			}
			return unix.Openat(dir, name, flags, mode)
		}
		_, err = h.Stat(alice)
		assert.ErrorIs(t, err, fs.ErrPermission, f.String())
		assert.ErrorContains(t, err, f.String())

		h = open(t, dir, Unified)
		h.tree.pread = func(int, []byte, int64) (int, error) { return 0, unix.EIO }
		_, err = h.Stat(alice)
		assert.ErrorIs(t, err, unix.EIO, f.String())
	}
}

// What is wrong with a slice's file is not said of the unit's.
func TestMalformedSlice(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	write(t, filepath.Join(dir, "system.slice/memory.max"), "what is this?\n")
	h := open(t, dir, Unified)
	_, err := h.Stat(alice)
	errs := map[string]error{"stat": err}
	for _, maxOpen := range []int{0, -1} {
		s := h.NewSampler(SamplerConfig{MaxOpen: maxOpen})
		defer s.Close()
		errs["sample"] = sample(t, s, nil, alice)[0].Err
		for op, err := range errs {
			assert.ErrorIs(t, err, ErrMalformed)
			assert.EqualError(t, err, `cgroupstat: `+op+` "/system.slice": memory.max: malformed: "what is this?"`)
		}
	}
}

func TestLegacyMissingUnreadableMalformed(t *testing.T) {
	for file, figure := range map[string]func(st *Stats) bool{
		"cpu/" + alice + "/cpu.shares":                                  func(st *Stats) bool { return st.CPU.Shares.IsZero() },
		"cpu/" + alice + "/cpu.cfs_quota_us":                            func(st *Stats) bool { return st.CPU.Quota.IsZero() },
		"pids/" + alice + "/pids.max":                                   func(st *Stats) bool { return st.Tasks.Max.IsZero() },
		"blkio/" + alice + "/blkio.throttle.io_service_bytes_recursive": func(st *Stats) bool { return st.IO.Total.IsZero() },
	} {
		dir := unpack(t, "v1.txtar")
		write(t, filepath.Join(dir, file), "what is this?\n")
		_, err := open(t, dir, Legacy).Stat(alice)
		assert.ErrorIs(t, err, ErrMalformed, file)
		assert.ErrorContains(t, err, filepath.Base(file))

		require.NoError(t, os.Remove(filepath.Join(dir, file)))
		st, err := open(t, dir, Legacy).Stat(alice)
		require.NoError(t, err)
		assert.True(t, figure(st), file)
	}
	for _, controller := range []string{"memory", "cpu", "cpuacct", "pids", "blkio"} {
		dir := unpack(t, "v1.txtar")
		require.NoError(t, os.RemoveAll(filepath.Join(dir, controller, alice)))
		_, err := open(t, dir, Legacy).Stat(alice)
		require.NoError(t, err, "a unit without %s accounting runs all the same", controller)
	}
	dir := unpack(t, "v1.txtar")
	write(t, filepath.Join(dir, "memory", alice, "memory.stat"), "cache what\n")
	_, err := open(t, dir, Legacy).Stat(alice)
	assert.ErrorIs(t, err, ErrMalformed)
	dir = unpack(t, "v1.txtar")
	usage := filepath.Join(dir, "memory", alice, "memory.usage_in_bytes")
	require.NoError(t, os.Remove(usage))
	require.NoError(t, os.Mkdir(usage, 0o755))
	_, err = open(t, dir, Legacy).Stat(alice)
	assert.ErrorIs(t, err, unix.EISDIR)
	assert.ErrorContains(t, err, "memory.usage_in_bytes")
}

func TestPaths(t *testing.T) {
	h := open(t, unpack(t, "v2-6.12.txtar"), Unified)
	for _, path := range []string{"", "system.slice", "/../etc", "/system.slice/", "//x", "/x/../y", "/a\x00b"} {
		_, err := h.Stat(path)
		assert.ErrorIs(t, err, fs.ErrInvalid, "%q", path)
		_, err = h.Children(path)
		assert.ErrorIs(t, err, fs.ErrInvalid, "%q", path)
		got, err := h.NewSampler(SamplerConfig{}).Sample(t.Context(), nil, []string{path})
		require.NoError(t, err)
		assert.ErrorIs(t, got[0].Err, fs.ErrInvalid, "%q", path)
	}
	// A user's name may hold anything that systemd escapes.
	const odd = `/system.slice/jupyter-o\x27brien\x20%s.service`
	write(t, filepath.Join(h.Mount(), odd, "cgroup.events"), "populated 1\nfrozen 1\n")
	write(t, filepath.Join(h.Mount(), odd, "cpu.stat"), "usage_usec 1\n")
	st, err := h.Stat(odd)
	require.NoError(t, err)
	assert.Equal(t, some(true), st.Frozen)
}

func TestGreatFile(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	var b strings.Builder
	for range 40_000 {
		b.WriteString("8:0 rbytes=1 wbytes=1 rios=1 wios=1\n")
	}
	write(t, filepath.Join(dir, alice, "io.stat"), b.String())
	st, err := open(t, dir, Unified).Stat(alice)
	require.NoError(t, err)
	assert.Equal(t, uint64(40_000), st.IO.Total.Or(IOCounters{}).ReadBytes)

	write(t, filepath.Join(dir, alice, "io.stat"), strings.Repeat(b.String(), 5))
	_, err = open(t, dir, Unified).Stat(alice)
	assert.ErrorIs(t, err, ErrMalformed)
}

func TestOpen(t *testing.T) {
	_, err := Open(Config{HostRoot: t.TempDir()})
	assert.ErrorIs(t, err, ErrNoHierarchy)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(Config{Mount: t.TempDir()})
	assert.ErrorIs(t, err, ErrNoHierarchy, "an empty directory is not v1")
	_, err = Open(Config{Mount: filepath.Join(t.TempDir(), "missing"), Mode: Unified})
	assert.ErrorIs(t, err, ErrNoHierarchy)

	// This machine's: containerd's word for it is the judge, where it has one.
	h, err := Open(Config{})
	if errors.Is(err, ErrNoHierarchy) {
		assert.Contains(t, []cgroups.CGMode{cgroups.Unavailable, cgroups.Legacy}, cgroups.Mode())
		return
	}
	require.NoError(t, err)
	assert.Equal(t, cgroups.Mode(), map[Mode]cgroups.CGMode{
		Unified: cgroups.Unified, Hybrid: cgroups.Hybrid, Legacy: cgroups.Legacy,
	}[h.Mode()])
	path, err := h.GroupOf(os.Getpid())
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(path, "/"), path)
}

func TestParseMount(t *testing.T) {
	for line, want := range map[string]mount{
		"31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate":         {31, "/", "/sys/fs/cgroup", "cgroup2"},
		"31 23 0:27 / /host\\040root/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory":          {31, "/", "/host root/sys/fs/cgroup/memory", "cgroup"},
		"31 23 0:27 /a - /b\\134c rw shared:9 master:1 - cgroup2 - rw":                           {},
		"31 23 0:27 /docker /mnt/\\134x rw shared:9 master:1 propagate_from:2 - cgroup2 none rw": {31, "/docker", "/mnt/\\x", "cgroup2"},
		"32 23 0:27 /../../a\\134x2db /mnt rw - cgroup2 none rw":                                 {32, "/../../a\\x2db", "/mnt", "cgroup2"},
		"x 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw":                                     {},
		"":    {},
		"-":   {},
		" - ": {},
	} {
		got, ok := parseMount(line)
		assert.Equal(t, want != mount{}, ok, line)
		if ok {
			assert.Equal(t, want, got, line)
		}
	}
	assert.True(t, below("/host/sys/fs/cgroup", "/host"))
	assert.True(t, below("/sys/fs/cgroup", "/"))
	assert.False(t, below("/hosts/sys/fs/cgroup", "/host"))
}

func TestRelative(t *testing.T) {
	for _, tt := range []struct {
		root, path, below string
	}{
		{"/", "/", "/"},
		{"/", alice, alice},
		{"/", "/..name/x", "/..name/x"},
		{"/", "/../x", ""},
		{"/", "/..", ""},
		// A container sees its own part.
		{"/docker/1234", "/docker/1234", "/"},
		{"/docker/1234", "/docker/1234/x", "/x"},
		{"/docker/1234", "/docker/12345", ""},
		{"/docker/1234", "/", ""},
		// A container in a namespace of its own has the host's tree mounted.
		{"/../..", "/../.." + alice, alice},
		{"/../..", "/../..", "/"},
		{"/../..", "/../x", ""}, // its name from the host's root is not told
		{"/../..", "/", ""},
		{"/..", "/../../x", ""},
	} {
		below, ok := relative(tt.root, tt.path)
		assert.Equal(t, tt.below != "", ok, "%+v", tt)
		if ok {
			assert.Equal(t, tt.below, below)
		}
	}
}

func TestGroupOf(t *testing.T) {
	root := t.TempDir()
	const hybrid = "4:memory:/system.slice/jupyter-alice.service\n1:name=systemd:/system.slice/a:b.service\n0::/system.slice/jupyter-alice.service\n"
	write(t, filepath.Join(root, "proc/42/cgroup"), hybrid)
	write(t, filepath.Join(root, "proc/43/cgroup"), "0::/system.slice/jupyter-alice.service (deleted)\n")
	write(t, filepath.Join(root, "proc/44/cgroup"), "0::/../../outside\n")
	write(t, filepath.Join(root, "proc/45/cgroup"), "what is this?\n")
	write(t, filepath.Join(root, "proc/46/cgroup"), "4:memory:/\n")
	h, err := Open(Config{HostRoot: root, Mount: t.TempDir(), Mode: Unified})
	require.NoError(t, err)
	path, err := h.GroupOf(42)
	require.NoError(t, err)
	assert.Equal(t, alice, path)
	for pid, want := range map[int]error{41: ErrNotRunning, 43: ErrNotRunning, 45: ErrMalformed, 46: ErrNoHierarchy} {
		_, err = h.GroupOf(pid)
		assert.ErrorIs(t, err, want, "%d", pid)
		assert.ErrorContains(t, err, "proc/4")
	}
	_, err = h.GroupOf(44)
	assert.ErrorContains(t, err, "namespace")

	mount := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(mount, "systemd"), 0o755))
	h, err = Open(Config{HostRoot: root, Mount: mount, Mode: Legacy})
	require.NoError(t, err)
	path, err = h.GroupOf(42)
	require.NoError(t, err)
	assert.Equal(t, "/system.slice/a:b.service", path)
}
