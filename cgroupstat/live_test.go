//go:build linux

package cgroupstat

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/containerd/cgroups/v3"
	"github.com/containerd/cgroups/v3/cgroup1"
	v1 "github.com/containerd/cgroups/v3/cgroup1/stats"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/testenv"
)

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %q: %s", name, args, out)
	return strings.TrimSpace(string(out))
}

func show(t *testing.T, unit, property string) string {
	t.Helper()
	return run(t, "systemctl", "show", "--value", "--property", property, unit)
}

// start runs a Python program in a transient service, as SystemdSpawner does
// with a user's server, and returns its control group.
func start(t *testing.T, user, program string, properties ...string) (unit, path string) {
	t.Helper()
	unit = "jupyter-" + user + ".service"
	args := []string{"--quiet", "--collect", "--service-type=exec", "--unit=" + unit}
	for _, p := range properties {
		args = append(args, "--property="+p)
	}
	run(t, "systemd-run", append(args, testenv.Tool(t, "python3"), "-c", program)...)
	t.Cleanup(func() {
		exec.Command("systemctl", "thaw", unit).Run()
		exec.Command("systemctl", "kill", "--signal=KILL", unit).Run()
		exec.Command("systemctl", "stop", unit).Run()
	})
	if path = show(t, unit, "ControlGroup"); path == "" {
		path = "/system.slice/" + unit // it is over already
	}
	return unit, path
}

func openLive(t *testing.T) *Hierarchy {
	t.Helper()
	testenv.Live(t)
	h, err := Open(Config{})
	require.NoError(t, err)
	return h
}

// eventually waits for a figure that nothing announces.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), what)
	}
}

const (
	sleeping = `import time
while True: time.sleep(1000)`
	busy = `while True: pass`
)

func TestLiveDetect(t *testing.T) {
	h := openLive(t)
	judge := map[cgroups.CGMode]Mode{cgroups.Unified: Unified, cgroups.Hybrid: Hybrid, cgroups.Legacy: Legacy}
	assert.Equal(t, judge[cgroups.Mode()], h.Mode())
	unit, path := start(t, "detect", sleeping)
	pid, err := strconv.Atoi(show(t, unit, "MainPID"))
	require.NoError(t, err)
	group, err := h.GroupOf(pid)
	require.NoError(t, err)
	assert.Equal(t, path, group)
	children, err := h.Children("/system.slice")
	require.NoError(t, err)
	assert.Contains(t, children, path)

	// The host's file system below another directory, as a container sees it.
	root := bind(t, "/", "root")
	inside, err := Open(Config{HostRoot: root})
	require.NoError(t, err)
	assert.Equal(t, h.Mode(), inside.Mode())
	assert.Equal(t, filepath.Join(root, "sys/fs/cgroup"), inside.Mount())
	st, err := inside.Stat(path)
	require.NoError(t, err)
	want, err := h.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, want.ID, st.ID)
	group, err = inside.GroupOf(pid)
	require.NoError(t, err)
	assert.Equal(t, path, group)
	m, err := inside.Machine()
	require.NoError(t, err)
	assert.Equal(t, 2, m.CPUs)

	// Somewhere else: the mount table knows.
	elsewhere := bind(t, "/sys/fs/cgroup", "else where")
	found, err := Open(Config{HostRoot: filepath.Dir(elsewhere)})
	require.NoError(t, err)
	assert.Equal(t, elsewhere, found.Mount())
	assert.Equal(t, h.Mode(), found.Mode())
	_, err = found.Stat(path)
	require.NoError(t, err)
}

// bind mounts a tree below a new directory as well. The directory is removed
// by itself, never with what is in it.
func bind(t *testing.T, tree, name string) (dir string) {
	t.Helper()
	parent, err := os.MkdirTemp("", "cgroupstat")
	require.NoError(t, err)
	dir = filepath.Join(parent, name)
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, unix.Mount(tree, dir, "", unix.MS_BIND|unix.MS_REC, ""))
	require.NoError(t, unix.Mount("", dir, "", unix.MS_PRIVATE|unix.MS_REC, ""))
	t.Cleanup(func() {
		assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH))
		assert.NoError(t, os.Remove(dir))
		assert.NoError(t, os.Remove(parent))
	})
	return dir
}

// working uses some of everything, then waits.
const working = `import os, time, threading
held = bytearray(24 << 20)
for i in range(0, len(held), 4096): held[i] = 1
f = open("/var/tmp/cgroupstat-" + str(os.getpid()), "wb")
f.write(os.urandom(8 << 20)); f.flush(); os.fsync(f.fileno()); os.unlink(f.name)
end = time.process_time() + 0.7
while time.process_time() < end: pass
open("/run/cgroupstat-ready", "w").close()
for i in range(3): threading.Thread(target=time.sleep, args=(1000,)).start()
time.sleep(1000)`

// Every figure is the one of the kernel's file, and containerd's, at the same
// moment: the unit is frozen, and read between two readings of the judge that
// agree.
func TestLiveEveryFigure(t *testing.T) {
	h := openLive(t)
	os.Remove("/run/cgroupstat-ready")
	unit, path := start(t, "figures", working,
		"MemoryMax=200M", "MemoryHigh=150M", "MemoryLow=10M", "MemoryMin=5M", "MemorySwapMax=50M", "CPUQuota=20%", "CPUWeight=70", "TasksMax=33", "IOAccounting=yes")
	eventually(t, "the program is done", func() bool { _, err := os.Stat("/run/cgroupstat-ready"); return err == nil })
	eventually(t, "its threads run", func() bool {
		st, err := h.Stat(path)
		require.NoError(t, err)
		return st.Tasks.Current.Or(0) == 4
	})
	if h.Mode() == Unified {
		run(t, "systemctl", "freeze", unit)
	} else {
		run(t, "systemctl", "kill", "--signal=STOP", unit) // v1 cannot freeze a service
		pid := show(t, unit, "MainPID")
		eventually(t, "all threads are stopped", func() bool {
			tasks, err := filepath.Glob("/proc/" + pid + "/task/*/stat")
			require.NoError(t, err)
			for _, task := range tasks {
				b, err := os.ReadFile(task)
				require.NoError(t, err)
				if !strings.Contains(string(b), ") T ") {
					return false
				}
			}
			return len(tasks) == 4
		})
	}
	dirs := []string{"/sys/fs/cgroup" + path}
	if h.Mode() != Unified {
		dirs = nil
		for _, c := range []string{"unified", "memory", "cpu", "cpuacct", "pids", "blkio"} {
			dirs = append(dirs, filepath.Join("/sys/fs/cgroup", c, path))
		}
	}
	var st *Stats
	var files map[string]string
	settled := func() bool {
		files = controlFiles(t, dirs)
		var err error
		st, err = h.Stat(path)
		require.NoError(t, err)
		return assert.ObjectsAreEqual(files, controlFiles(t, dirs))
	}
	eventually(t, "the frozen unit's figures rest", settled)

	// What this kernel does not have is what the archive of its like lacks.
	like := map[string]string{"bookworm/v2": "v2-6.1.txtar", "trixie/v2": "v2-6.12.txtar", "bookworm/v1": "hybrid.txtar"}[os.Getenv("LIVE_HOST")]
	copied, err := open(t, unpack(t, like), h.Mode()).Stat(alice)
	require.NoError(t, err)
	assert.Equal(t, absentFigures(t, copied), absentFigures(t, st))

	number := func(file string) uint64 {
		v, err := strconv.ParseUint(strings.TrimSpace(files[file]), 10, 64)
		require.NoError(t, err, file)
		return v
	}
	field := func(file, key string) uint64 {
		for line := range strings.Lines(files[file]) {
			if k, v, _ := strings.Cut(strings.TrimSpace(line), " "); k == key {
				n, err := strconv.ParseUint(v, 10, 64)
				require.NoError(t, err, file)
				return n
			}
		}
		require.Fail(t, "no "+key+" in "+file, "%v", files)
		return 0
	}
	assert.Equal(t, AtMost[uint64](200<<20), st.Memory.Max)
	assert.Equal(t, AtMost[uint64](200<<20), st.Memory.EffectiveMax)
	assert.Equal(t, AtMost[uint64](33), st.Tasks.Max)
	assert.Equal(t, AtMost(0.2), st.CPU.Limit())
	assert.Equal(t, AtMost(0.2), st.CPU.EffectiveLimit)
	assert.GreaterOrEqual(t, st.Memory.Anon.Or(0), uint64(24<<20))
	assert.GreaterOrEqual(t, st.CPU.Usage.Or(0), 700*time.Millisecond)
	assert.Positive(t, st.CPU.ThrottledPeriods.Or(0))
	micros := func(d Opt[time.Duration]) uint64 { return uint64(d.Or(0).Microseconds()) }

	if h.Mode() != Unified {
		metrics := legacyJudge(t, path)
		assert.Equal(t, number("memory.usage_in_bytes"), st.Memory.Current.Or(0))
		assert.Equal(t, metrics.Memory.Usage.Usage, st.Memory.Current.Or(0))
		assert.Equal(t, number("memory.max_usage_in_bytes"), st.Memory.Peak.Or(0))
		assert.Equal(t, field("memory.stat", "total_rss"), st.Memory.Anon.Or(0))
		assert.Equal(t, field("memory.stat", "total_cache"), st.Memory.File.Or(0))
		assert.Equal(t, field("memory.stat", "total_swap"), st.Memory.Swap.Or(0))
		assert.Equal(t, field("memory.oom_control", "oom_kill"), st.Memory.Events.OOMKill.Or(1))
		assert.Equal(t, number("cpuacct.usage"), uint64(st.CPU.Usage.Or(0)))
		assert.Equal(t, metrics.CPU.Usage.Total, uint64(st.CPU.Usage.Or(0)))
		assert.Equal(t, field("cpu.stat", "nr_throttled"), st.CPU.ThrottledPeriods.Or(0))
		assert.Equal(t, field("cpu.stat", "throttled_time"), uint64(st.CPU.Throttled.Or(0)))
		assert.Equal(t, number("cpu.shares"), st.CPU.Shares.Or(0))
		assert.Equal(t, number("pids.current"), st.Tasks.Current.Or(0))
		assert.Equal(t, metrics.Pids.Current, st.Tasks.Current.Or(0))
		assert.Equal(t, h.Mode() == Hybrid, !st.Populated.IsZero())
		return
	}
	// v1 charges buffered writes to whoever happens to write them back.
	assert.GreaterOrEqual(t, st.IO.Total.Or(IOCounters{}).WriteBytes, uint64(8<<20))
	assert.Equal(t, AtMost[uint64](150<<20), st.Memory.High)
	assert.Equal(t, AtMost[uint64](10<<20), st.Memory.Low)
	assert.Equal(t, AtMost[uint64](5<<20), st.Memory.Min)
	assert.Equal(t, AtMost[uint64](50<<20), st.Memory.SwapMax)
	assert.Equal(t, Some[uint64](70), st.CPU.Weight)
	assert.Equal(t, Some(true), st.Frozen)
	assert.Equal(t, Some(true), st.Populated)
	assert.Equal(t, number("memory.current"), st.Memory.Current.Or(0))
	assert.Equal(t, number("memory.peak"), st.Memory.Peak.Or(0))
	assert.Equal(t, number("memory.swap.current"), st.Memory.Swap.Or(1))
	assert.Equal(t, number("pids.current"), st.Tasks.Current.Or(0))
	assert.Equal(t, number("pids.peak"), st.Tasks.Peak.Or(0))
	for key, got := range map[string]uint64{
		"anon": st.Memory.Anon.Or(1), "file": st.Memory.File.Or(1), "inactive_file": st.Memory.InactiveFile.Or(1),
		"shmem": st.Memory.Shmem.Or(1), "kernel": st.Memory.Kernel.Or(1), "pgmajfault": st.Memory.MajorFaults.Or(1),
	} {
		assert.Equal(t, field("memory.stat", key), got, key)
	}
	for key, got := range map[string]uint64{
		"usage_usec": micros(st.CPU.Usage), "user_usec": micros(st.CPU.User), "system_usec": micros(st.CPU.System),
		"nr_periods": st.CPU.Periods.Or(1), "nr_throttled": st.CPU.ThrottledPeriods.Or(1), "throttled_usec": micros(st.CPU.Throttled),
	} {
		assert.Equal(t, field("cpu.stat", key), got, key)
	}
	for file, events := range map[string]MemoryEvents{"memory.events": st.Memory.Events, "memory.events.local": st.Memory.EventsLocal} {
		for key, got := range map[string]Opt[uint64]{
			"low": events.Low, "high": events.High, "max": events.Max, "oom": events.OOM, "oom_kill": events.OOMKill,
		} {
			assert.Equal(t, field(file, key), got.Or(1<<63), file+" "+key)
		}
	}
	for file, p := range map[string]Pressure{"cpu.pressure": st.CPU.Pressure, "memory.pressure": st.Memory.Pressure, "io.pressure": st.IO.Pressure} {
		var b strings.Builder
		for kind, s := range map[string]Opt[Stall]{"some": p.Some, "full": p.Full} {
			s := s.Or(Stall{})
			fmt.Fprintf(&b, "%s avg10=%.2f avg60=%.2f avg300=%.2f total=%d\n", kind, s.Avg10, s.Avg60, s.Avg300, s.Total.Microseconds())
		}
		assert.ElementsMatch(t, strings.Split(files[file], "\n"), strings.Split(b.String(), "\n"), file)
	}
	for _, d := range st.IO.Devices {
		assert.Contains(t, files["io.stat"], fmt.Sprintf("%d:%d rbytes=%d wbytes=%d rios=%d wios=%d dbytes=%d dios=%d",
			d.Major, d.Minor, d.ReadBytes, d.WriteBytes, d.ReadOps, d.WriteOps, d.DiscardBytes, d.DiscardOps))
	}
	manager, err := cgroup2.Load(path)
	require.NoError(t, err)
	eventually(t, "containerd and Stat read the same moment", func() bool {
		if !settled() {
			return false
		}
		before := files
		want, err := manager.Stat()
		require.NoError(t, err)
		if !assert.ObjectsAreEqual(before, controlFiles(t, dirs)) {
			return false
		}
		assertContainerd(t, want, st)
		return true
	})
}

// absentFigures names the figures that are absent.
func absentFigures(t *testing.T, st *Stats) (names []string) {
	t.Helper()
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
			if z.IsZero() {
				names = append(names, name)
			}
			return
		}
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Struct {
				walk(name+"."+v.Type().Field(i).Name, f)
			}
		}
	}
	walk("", reflect.ValueOf(*st))
	return names
}

func legacyJudge(t *testing.T, path string) *v1.Metrics {
	t.Helper()
	root := "/sys/fs/cgroup"
	g, err := cgroup1.Load(cgroup1.StaticPath(path), cgroup1.WithHierarchy(func() ([]cgroup1.Subsystem, error) {
		return []cgroup1.Subsystem{
			cgroup1.NewMemory(root, cgroup1.IgnoreModules("kmem", "kmem.tcp", "memsw")), cgroup1.NewCpu(root),
			cgroup1.NewCpuacct(root), cgroup1.NewPids(root),
		}, nil
	}))
	require.NoError(t, err)
	m, err := g.Stat()
	require.NoError(t, err)
	return m
}

// controlFiles reads all files of a group that can be read.
func controlFiles(t *testing.T, dirs []string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		for _, e := range entries {
			// memory.numa_stat and the like are flushed apart.
			if e.IsDir() || strings.Contains(e.Name(), "numa") || strings.HasPrefix(e.Name(), "cgroup.") {
				continue
			}
			if b, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil {
				files[e.Name()] = string(b)
			}
		}
	}
	return files
}

// A session that fills the page cache is held at its limit.
func TestLiveHeldAtLimit(t *testing.T) {
	h := openLive(t)
	const limit = 64 << 20
	os.Remove("/run/cgroupstat-ready")
	_, path := start(t, "held", `import os, time
f = open("/var/tmp/cgroupstat-held", "wb")
os.unlink(f.name)
for i in range(40): f.write(bytes(4 << 20))
f.flush()
open("/run/cgroupstat-ready", "w").close()
time.sleep(1000)`, "MemoryMax=64M")
	eventually(t, "the file is written", func() bool { _, err := os.Stat("/run/cgroupstat-ready"); return err == nil })
	s := h.NewSampler(SamplerConfig{})
	defer s.Close()
	got := sample(t, s, nil, path)[0]
	require.NoError(t, got.Err)
	assert.Equal(t, AtMost[uint64](limit), got.Memory.EffectiveMax)
	current := got.Memory.Current.Or(0)
	all, err := h.Stat(path)
	require.NoError(t, err)
	peak := all.Memory.Peak.Or(0)
	t.Logf("%d and at most %d of %d bytes, share %v", current, peak, limit, got.MemoryShare)
	assert.LessOrEqual(t, peak, uint64(limit))
	assert.Greater(t, peak, uint64(limit)*95/100)
	assert.LessOrEqual(t, current, peak)
	// Linux 6.12 makes room in folios of megabytes, and stays below.
	assert.Greater(t, current, uint64(limit)/2)
	assert.InDelta(t, float64(current)/limit, got.MemoryShare.Or(0), 1e-9)
	assert.Zero(t, got.Memory.Events.OOMKill.Or(1))
	if h.Mode() == Unified {
		assert.Positive(t, got.Memory.Events.Max.Or(0), "the limit acted")
	}
}

// monotonic is the clock of systemd's Monotonic timestamps.
func monotonic(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts))
	return time.Duration(ts.Nano())
}

// await returns the first event of a kind, and those before it.
func await(t *testing.T, w *Watcher, path string, kind EventKind) (ev Event, before []EventKind) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for ev, err := range w.Events(ctx) {
		require.NoError(t, err, "waiting for %s of %s, after %v", kind, path, before)
		if ev.Path != path {
			continue
		}
		if ev.Kind == kind {
			return ev, before
		}
		before = append(before, ev.Kind)
	}
	return Event{}, before
}

// The main process is killed, and the group goes with it.
func TestLiveOOMKillOfSession(t *testing.T) {
	h := openLive(t)
	w := watch(t, h)
	require.NoError(t, w.AddPrefix("/system.slice/jupyter-"))
	result := "oom-kill"
	if h.Mode() == Legacy {
		result = "signal" // systemd learns of OOM kills by memory.events only
	}
	for i := range 5 {
		// Not collected, so that systemd can be asked what it saw.
		unit := fmt.Sprintf("jupyter-greedy%d.service", i)
		run(t, "systemd-run", "--quiet", "--unit="+unit, "--property=MemoryMax=64M", "--property=MemorySwapMax=0",
			testenv.Tool(t, "python3"), "-c", "x = bytearray(200 << 20)")
		t.Cleanup(func() { exec.Command("systemctl", "reset-failed", unit).Run() })
		path := "/system.slice/" + unit
		ev, before := await(t, w, path, OOMKill)
		seen := monotonic(t)
		assert.Contains(t, before, Created)
		assert.Equal(t, uint64(1), ev.Count)
		await(t, w, path, Gone)
		eventually(t, "systemd knows", func() bool { return show(t, unit, "Result") == result })
		exit, err := time.ParseDuration(show(t, unit, "ExecMainExitTimestampMonotonic") + "us")
		require.NoError(t, err)
		t.Logf("reported %v after systemd saw the exit; inferred: %v; before it: %v", seen-exit, ev.Inferred, before)
		assert.Less(t, seen-exit, time.Second)
	}
}

// A child is killed, and the session lives on.
func TestLiveOOMKillInSession(t *testing.T) {
	h := openLive(t)
	unit, path := start(t, "parent", `import os, time
while True:
    time.sleep(0.05)
    if os.path.exists("/run/cgroupstat-go"):
        os.unlink("/run/cgroupstat-go")
        pid = os.fork()
        if pid == 0:
            open("/proc/self/oom_score_adj", "w").write("1000")
            x = bytearray(200 << 20)
            os._exit(0)
        os.waitpid(pid, 0)`, "MemoryMax=64M", "MemorySwapMax=0", "OOMPolicy=continue")
	w := watch(t, h)
	require.NoError(t, w.Add(path))
	for kills := uint64(1); kills <= 2; kills++ {
		require.NoError(t, os.WriteFile("/run/cgroupstat-go", nil, 0o600))
		ev, _ := await(t, w, path, OOMKill)
		assert.Equal(t, uint64(1), ev.Count)
		assert.Equal(t, kills, ev.Total)
		assert.False(t, ev.Inferred)
		st, err := h.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, Some(kills), st.Memory.Events.OOMKill)
	}
	assert.Equal(t, "active", show(t, unit, "ActiveState"))
}

func TestLiveMemoryHigh(t *testing.T) {
	testenv.Live(t, testenv.CgroupV2)
	h := openLive(t)
	w := watch(t, h)
	require.NoError(t, w.AddPrefix("/system.slice/jupyter-"))
	_, path := start(t, "high", `import time
x = bytearray(48 << 20)
time.sleep(1000)`, "MemoryHigh=32M", "MemorySwapMax=0")
	ev, _ := await(t, w, path, MemoryHigh)
	assert.Positive(t, ev.Count)
}

func TestLivePopulation(t *testing.T) {
	h := openLive(t)
	w := watch(t, h)
	require.NoError(t, w.AddPrefix("/system.slice/jupyter-pop"))
	unit, path := start(t, "pop", sleeping)
	await(t, w, path, Created)
	run(t, "systemctl", "stop", unit)
	_, before := await(t, w, path, Gone)
	if h.Mode() != Legacy {
		assert.Contains(t, before, Emptied)
	}
	assert.NotContains(t, before, OOMKill)
}

// More units than a user may have inotify instances.
func TestLiveManyUnits(t *testing.T) {
	h := openLive(t)
	slice := "/many.slice"
	root := filepath.Join("/sys/fs/cgroup", map[Mode]string{Unified: "", Hybrid: "unified", Legacy: "systemd"}[h.Mode()])
	require.NoError(t, os.MkdirAll(root+slice, 0o755))
	defer os.Remove(root + slice)
	w := watch(t, h)
	const units = 300
	want := make(map[string]bool)
	for i := range units {
		path := fmt.Sprintf("%s/jupyter-%d.service", slice, i)
		require.NoError(t, os.Mkdir(root+path, 0o755))
		require.NoError(t, w.Add(path))
		want[path] = true
	}
	for path := range want {
		require.NoError(t, os.Remove(root+path))
	}
	for _, ev := range events(t, w, func(ev Event) bool {
		if ev.Kind == Gone {
			delete(want, ev.Path)
		}
		return len(want) == 0
	}) {
		assert.Equal(t, Gone, ev.Kind)
	}
	assert.Empty(t, want)
}

// over takes two samples of units, a while apart.
func over(t *testing.T, h *Hierarchy, d time.Duration, paths ...string) []Sample {
	t.Helper()
	s := h.NewSampler(SamplerConfig{})
	defer s.Close()
	samples := sample(t, s, nil, paths...)
	time.Sleep(d) // the span that is measured
	samples = sample(t, s, samples, paths...)
	for _, sm := range samples {
		require.NoError(t, sm.Err)
	}
	return samples
}

// cpuTime is what the kernel accounts to a process, in ticks of 10 ms.
func cpuTime(t *testing.T, pid string) time.Duration {
	t.Helper()
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(after)
	require.Greater(t, len(fields), 12)
	var ticks int
	for _, f := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(f)
		require.NoError(t, err)
		ticks += n
	}
	return time.Duration(ticks) * tick
}

// One busy loop in a quota of one CPU. On a busy machine under emulation the
// kernel refills the quota late and the loop gets less; the reading must then
// say so, and be 1.0 as soon as there is a quiet span.
func TestLiveOneCPU(t *testing.T) {
	h := openLive(t)
	unit, path := start(t, "busy", busy, "CPUQuota=100%", "CPUQuotaPeriodSec=1s")
	pid := show(t, unit, "MainPID")
	s := h.NewSampler(SamplerConfig{})
	defer s.Close()
	var samples []Sample
	var usage, before, after time.Duration
	for span := 0; ; span++ {
		require.Less(t, span, 15, "no span of 1.0 CPUs")
		earliest := cpuTime(t, pid)
		samples = sample(t, s, samples, path)
		latest := cpuTime(t, pid)
		got := samples[0]
		require.NoError(t, got.Err)
		if span > 0 {
			// The process's own clock was read before and after each sample.
			used := got.CPU.Usage.Or(0) - usage
			assert.GreaterOrEqual(t, used, earliest-after-2*tick)
			assert.LessOrEqual(t, used, latest-before+2*tick)
			assert.InDelta(t, used.Seconds(), got.CPUs.Or(0)*got.Elapsed.Seconds(), 1e-6)
			assert.InDelta(t, got.CPUs.Or(0), got.CPUShare.Or(0), 1e-9)
			assert.LessOrEqual(t, got.CPUs.Or(0), 1.05)
			assert.False(t, got.Idle(0))
			t.Logf("%v CPUs, throttled in %v of the periods", got.CPUs, got.Throttled)
			if got.CPUs.Or(0) >= 0.95 {
				break
			}
		}
		usage, before, after = got.CPU.Usage.Or(0), earliest, latest
		time.Sleep(3 * time.Second) // the span that is measured
	}

	_, half := start(t, "half", busy, "CPUQuota=50%")
	_, quiet := start(t, "quiet", sleeping, "CPUQuota=100%")
	eventually(t, "the sleeper sleeps", func() bool {
		got := over(t, h, time.Second, quiet)
		return got[0].Idle(time.Second)
	})
	both := over(t, h, 3*time.Second, half, quiet)
	t.Logf("half: %v CPUs, throttled in %v of the periods; quiet: %v CPUs", both[0].CPUs, both[0].Throttled, both[1].CPUs)
	assert.LessOrEqual(t, both[0].CPUs.Or(9), 0.55)
	assert.InDelta(t, both[0].CPUs.Or(0)*2, both[0].CPUShare.Or(0), 1e-9)
	assert.Greater(t, both[0].Throttled.Or(0), 0.5)
	assert.True(t, both[1].Idle(2*time.Second))
}

// SystemdSpawner promises that CPU time is shared by users, not by processes.
func TestLiveFairScheduling(t *testing.T) {
	h := openLive(t)
	_, one := start(t, "alice", busy, "CPUWeight=100", "CPUAffinity=0")
	_, eight := start(t, "bob", `import os
for i in range(7):
    if os.fork() == 0: break
while True: pass`, "CPUWeight=100", "CPUAffinity=0")
	eventually(t, "bob has eight processes", func() bool {
		st, err := h.Stat(eight)
		require.NoError(t, err)
		return st.Tasks.Current.Or(0) == 8
	})
	got := over(t, h, 8*time.Second, one, eight)
	alice, bob := got[0].CPUs.Or(0), got[1].CPUs.Or(0)
	t.Logf("alice, one process: %.3f CPUs; bob, eight: %.3f CPUs", alice, bob)
	assert.Greater(t, alice+bob, 0.7, "one CPU between them")
	assert.InDelta(t, 0.5, alice/(alice+bob), 0.05)
}

func TestLiveForkBomb(t *testing.T) {
	h := openLive(t)
	_, path := start(t, "bomb", `import os, time
while True:
    try:
        if os.fork() == 0: time.sleep(1000)
    except BlockingIOError:
        time.sleep(0.05)`, "TasksMax=60")
	s := h.NewSampler(SamplerConfig{View: Light})
	defer s.Close()
	var samples []Sample
	eventually(t, "the bomb fills its limit", func() bool {
		samples = sample(t, s, samples, path)
		require.NoError(t, samples[0].Err)
		return samples[0].Tasks.Current.Or(0) == 60
	})
	for range 50 {
		samples = sample(t, s, samples, path)
		assert.LessOrEqual(t, samples[0].Tasks.Current.Or(0), uint64(60))
	}
	assert.Equal(t, Some(1.), samples[0].TasksShare)
}

func TestLiveStopInTheMiddle(t *testing.T) {
	h := openLive(t)
	for i := range 5 {
		unit, path := start(t, fmt.Sprintf("stop%d", i), sleeping, "MemoryMax=100M")
		s := h.NewSampler(SamplerConfig{})
		defer s.Close()
		samples := sample(t, s, nil, path)
		require.NoError(t, samples[0].Err)
		stopped := make(chan error, 1)
		go func() { stopped <- exec.Command("systemctl", "stop", unit).Run() }()
		read := 0
		for ; samples[0].Err == nil; read++ {
			assert.Equal(t, AtMost[uint64](100<<20), samples[0].Memory.Max, "half a sample")
			samples = sample(t, s, samples, path)
			if _, err := h.Stat(path); err != nil {
				assert.ErrorIs(t, err, ErrNotRunning)
			}
		}
		require.NoError(t, <-stopped)
		t.Logf("%d samples until it was gone", read)
		assert.Greater(t, read, 1)
		assert.ErrorIs(t, samples[0].Err, ErrNotRunning)
		assert.ErrorIs(t, sample(t, s, samples, path)[0].Err, ErrNotRunning)
		_, err := h.Stat(path)
		assert.ErrorIs(t, err, ErrNotRunning)
	}
}

func TestLiveRestart(t *testing.T) {
	h := openLive(t)
	// A unit of a file, since a transient one cannot be restarted.
	const unit = "jupyter-again.service"
	require.NoError(t, os.WriteFile("/run/systemd/system/"+unit, []byte("[Service]\nExecStart=/bin/sleep infinity\nCPUAccounting=yes\nMemoryMax=100M\n"), 0o644))
	t.Cleanup(func() {
		exec.Command("systemctl", "stop", unit).Run()
		os.Remove("/run/systemd/system/" + unit)
		exec.Command("systemctl", "daemon-reload").Run()
	})
	run(t, "systemctl", "daemon-reload")
	run(t, "systemctl", "start", unit)
	path := show(t, unit, "ControlGroup")
	s := h.NewSampler(SamplerConfig{})
	defer s.Close()
	first := sample(t, s, nil, path)[0]
	require.NoError(t, first.Err)
	run(t, "systemctl", "restart", unit)
	second := sample(t, s, nil, path)[0]
	require.NoError(t, second.Err)
	assert.NotEqual(t, first.ID, second.ID)
	assert.True(t, second.Restarted)
	assert.True(t, second.CPUs.IsZero())
	third := sample(t, s, nil, path)[0]
	assert.False(t, third.Restarted)
	assert.False(t, third.CPUs.IsZero())
}

func TestLiveEnforced(t *testing.T) {
	h := openLive(t)
	unit, path := start(t, "limits", sleeping, "MemoryMax=100M", "CPUQuota=150%", "CPUWeight=40", "TasksMax=77")
	asked := Limits{
		MemoryMax: AtMost[uint64](100 << 20), CPUQuota: AtMost(1.5), CPUWeight: Some[uint64](40), TasksMax: AtMost[uint64](77),
	}
	report, err := h.Enforced(path, asked)
	require.NoError(t, err)
	assert.Empty(t, report.Findings)

	run(t, "systemctl", "set-property", "--runtime", unit, "MemoryMax=50M")
	report, err = h.Enforced(path, asked)
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	assert.Equal(t, LimitDiffers, report.Findings[0].Code)
	assert.Equal(t, path, report.Findings[0].Path)
	assert.Equal(t, strconv.Itoa(50<<20), report.Findings[0].Held)

	_, inner := start(t, "inner", sleeping, "Slice=cgroupstat-class.slice", "MemoryMax=100M", "TasksMax=77")
	assert.Equal(t, "/cgroupstat.slice/cgroupstat-class.slice/jupyter-inner.service", inner)
	run(t, "systemctl", "set-property", "--runtime", "cgroupstat.slice", "MemoryMax=80M")
	t.Cleanup(func() { exec.Command("systemctl", "stop", "cgroupstat.slice").Run() })
	report, err = h.Enforced(inner, Limits{MemoryMax: AtMost[uint64](100 << 20), TasksMax: AtMost[uint64](77)})
	require.NoError(t, err)
	require.Len(t, report.Findings, 1)
	assert.Equal(t, LimitOverridden, report.Findings[0].Code)
	assert.Equal(t, "/cgroupstat.slice", report.Findings[0].Path)
	st, err := h.Stat(inner)
	require.NoError(t, err)
	assert.Equal(t, AtMost[uint64](80<<20), st.Memory.EffectiveMax)
	got := over(t, h, 10*time.Millisecond, inner)[0]
	assert.Equal(t, AtMost[uint64](80<<20), got.Memory.EffectiveMax)
}
