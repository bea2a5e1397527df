package bench

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/cgroups/v3/cgroup2"
	opencontainers "github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs2"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/internal/testenv"
)

// The tree that all read is the package's own archive of a session's control
// group on Linux 6.12, in ordinary files: what a read costs in the kernel is
// left out, what a reader costs is not.

const alice = "/system.slice/jupyter-alice.service"

func cgroupTree(tb testing.TB) (root string) {
	tb.Helper()
	b, err := os.ReadFile("../../cgroupstat/testdata/v2-6.12.txtar")
	require.NoError(tb, err)
	root = tb.TempDir()
	var f *os.File
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			f.Close()
			name = filepath.Join(root, strings.TrimSuffix(name, " --\n"))
			require.NoError(tb, os.MkdirAll(filepath.Dir(name), 0o755))
			f, err = os.Create(name)
			require.NoError(tb, err)
		} else if f != nil {
			_, err = f.WriteString(line)
			require.NoError(tb, err)
		}
	}
	require.NoError(tb, f.Close())
	// opencontainers refuses ordinary files otherwise; containerd logs those
	// that it misses (hugetlb, rdma).
	opencontainers.TestMode = true
	logrus.SetOutput(io.Discard)
	return root
}

// cgroupReaders are the ways to read alice's group of a tree. Each returns one
// reading as a function.
var cgroupReaders = []struct {
	name string
	open func(tb testing.TB, root string) (read func())
}{
	{"hubhost-sample", func(tb testing.TB, root string) func() { return sampling(tb, root, cgroupstat.Full) }},
	{"hubhost-light", func(tb testing.TB, root string) func() { return sampling(tb, root, cgroupstat.Light) }},
	{"hubhost-stat", func(tb testing.TB, root string) func() {
		h := openTree(tb, root)
		return func() {
			_, err := h.Stat(alice)
			require.NoError(tb, err)
		}
	}},
	{"containerd-stat", func(tb testing.TB, root string) func() {
		m, err := cgroup2.Load(alice, cgroup2.WithMountpoint(root))
		require.NoError(tb, err)
		return func() {
			_, err := m.Stat()
			require.NoError(tb, err)
		}
	}},
	{"containerd-first", func(tb testing.TB, root string) func() {
		return func() {
			m, err := cgroup2.Load(alice, cgroup2.WithMountpoint(root))
			require.NoError(tb, err)
			_, err = m.Stat()
			require.NoError(tb, err)
		}
	}},
	{"containerd-filtered", func(tb testing.TB, root string) func() {
		m, err := cgroup2.Load(alice, cgroup2.WithMountpoint(root))
		require.NoError(tb, err)
		return func() {
			_, err := m.StatFiltered(cgroup2.StatPids | cgroup2.StatCPU | cgroup2.StatMemory | cgroup2.StatMemoryEvents | cgroup2.StatIO)
			require.NoError(tb, err)
		}
	}},
	{"opencontainers-stats", func(tb testing.TB, root string) func() {
		m, err := fs2.NewManager(&opencontainers.Cgroup{}, root+alice)
		require.NoError(tb, err)
		return func() {
			_, err := m.GetStats()
			require.NoError(tb, err)
		}
	}},
}

func openTree(tb testing.TB, root string) *cgroupstat.Hierarchy {
	h, err := cgroupstat.Open(cgroupstat.Config{Mount: root, Mode: cgroupstat.Unified})
	require.NoError(tb, err)
	return h
}

func sampling(tb testing.TB, root string, view cgroupstat.View) func() {
	s := openTree(tb, root).NewSampler(cgroupstat.SamplerConfig{View: view})
	tb.Cleanup(func() { s.Close() })
	ctx, paths := tb.Context(), []string{alice}
	samples, err := s.Sample(ctx, nil, paths)
	require.NoError(tb, err)
	return func() {
		samples, err = s.Sample(ctx, samples, paths)
		if err != nil || samples[0].Err != nil {
			tb.Fatal(err, samples[0].Err)
		}
	}
}

// BenchmarkCgroupstat reads one unit.
func BenchmarkCgroupstat(b *testing.B) {
	root := cgroupTree(b)
	calls := countSystemCalls(b)
	for _, reader := range cgroupReaders {
		b.Run(reader.name, func(b *testing.B) {
			read := reader.open(b, root)
			b.ReportAllocs()
			for b.Loop() {
				read()
			}
			b.ReportMetric(float64(calls[reader.name]), "syscalls/op")
		})
	}
}

// BenchmarkCgroupstatRatio reads one unit with this module and with containerd
// in turn, so that a busy machine hits both, and gives the median of how many
// times as long the peer takes.
func BenchmarkCgroupstatRatio(b *testing.B) {
	root := cgroupTree(b)
	readers := make(map[string]func())
	for _, reader := range cgroupReaders {
		readers[reader.name] = reader.open(b, root)
	}
	const each = 20
	took := func(read func()) float64 {
		start := time.Now()
		for range each {
			read()
		}
		return float64(time.Since(start))
	}
	for _, pair := range [][2]string{
		{"hubhost-sample", "containerd-stat"},
		{"hubhost-stat", "containerd-first"},
		{"hubhost-stat", "opencontainers-stats"},
	} {
		b.Run(pair[0]+"-vs-"+pair[1], func(b *testing.B) {
			var ratios []float64
			for b.Loop() {
				ours := took(readers[pair[0]])
				ratios = append(ratios, took(readers[pair[1]])/ours)
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "times")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkCgroupstatThousand samples a thousand sessions in one pass.
func BenchmarkCgroupstatThousand(b *testing.B) {
	root := cgroupTree(b)
	var paths []string
	for i := range 1000 {
		path := fmt.Sprintf("/system.slice/jupyter-user%d.service", i)
		require.NoError(b, os.CopyFS(filepath.Join(root, path), os.DirFS(filepath.Join(root, alice))))
		paths = append(paths, path)
	}
	for name, cfg := range map[string]cgroupstat.SamplerConfig{
		"full":      {MaxOpen: 15_000},
		"light":     {MaxOpen: 15_000, View: cgroupstat.Light},
		"none-kept": {MaxOpen: -1},
	} {
		b.Run(name, func(b *testing.B) {
			s := openTree(b, root).NewSampler(cfg)
			defer s.Close()
			samples, err := s.Sample(b.Context(), nil, paths)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				samples, err = s.Sample(b.Context(), samples, paths)
				require.NoError(b, err)
			}
			for i := range samples {
				require.NoError(b, samples[i].Err)
			}
		})
	}
	b.Run("containerd", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, path := range paths {
				m, err := cgroup2.Load(path, cgroup2.WithMountpoint(root))
				require.NoError(b, err)
				_, err = m.Stat()
				require.NoError(b, err)
			}
		}
	})
}

// TestCgroupstatSystemCalls holds what a reading costs in system calls.
func TestCgroupstatSystemCalls(t *testing.T) {
	if root := os.Getenv(countedTree); root != "" {
		countedReadings(t, root)
		return
	}
	calls := countSystemCalls(t)
	require.LessOrEqual(t, calls["hubhost-sample"], 16)
	require.Less(t, calls["hubhost-stat"], calls["containerd-first"])
}

// countedTree names the variable that makes TestCgroupstatSystemCalls read the
// tree at that place, between marks.
const countedTree = "BENCH_COUNTED_TREE"

// countSystemCalls has strace count what one reading costs each reader.
func countSystemCalls(tb testing.TB) map[string]int {
	tb.Helper()
	strace := testenv.Tool(tb, "strace")
	trace := filepath.Join(tb.TempDir(), "trace")
	// Not what the Go runtime asks the kernel for beside: futex, mmap.
	cmd := exec.Command(strace, "-f", "-qq", "-e", "trace=%file,read,pread64,close,fstat,lseek,fcntl,getdents64,epoll_ctl", "-o", trace, os.Args[0], "-test.run=^TestCgroupstatSystemCalls$")
	cmd.Env = append(os.Environ(), countedTree+"="+cgroupTree(tb), "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	out, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", out)
	b, err := os.ReadFile(trace)
	require.NoError(tb, err)
	var name, thread string
	calls := make(map[string]int)
	for line := range strings.Lines(string(b)) {
		pid, call, _ := strings.Cut(line, " ")
		call = strings.TrimSpace(call)
		if _, after, ok := strings.Cut(call, `"/mark/`); ok {
			thread = pid
			name, _, _ = strings.Cut(after, `"`)
		} else if pid == thread && !strings.HasPrefix(call, "<...") && !strings.HasPrefix(call, "---") {
			calls[name]++
		}
	}
	for _, reader := range cgroupReaders {
		require.NotZero(tb, calls[reader.name], reader.name)
	}
	return calls
}

func countedReadings(t *testing.T, root string) {
	opencontainers.TestMode = true
	logrus.SetOutput(io.Discard)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, reader := range cgroupReaders {
		read := reader.open(t, root)
		read()
		unix.Access("/mark/"+reader.name, unix.F_OK)
		read()
		unix.Access("/mark/", unix.F_OK)
	}
}
