package journal

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hubhost/hubhost/internal/journalgen"
	"github.com/hubhost/hubhost/journal"
)

var entries = flag.Int("journal.entries", 20_000, "how many entries the journal has")

// child names the variable that makes this binary answer one query and exit,
// as a program that is started for it would.
const child = "BENCH_JOURNAL_CHILD"

func TestMain(m *testing.M) {
	flag.Parse()
	if root := os.Getenv(journaldRoot); root != "" {
		fmt.Fprintln(os.Stderr, becomeJournald(root, flag.Arg(0)))
		os.Exit(1)
	}
	if dir := os.Getenv(child); dir != "" {
		if err := answer(dir, flag.Arg(0), flag.Arg(1)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// answer is the child: it reads the entries of a unit, or of all, the newest
// so many, or all, and writes how many bytes of fields they have.
func answer(dir, unit, newest string) error {
	n, err := strconv.Atoi(newest)
	if err != nil {
		return err
	}
	j, err := journal.Open(journal.Config{Dirs: []string{dir}})
	if err != nil {
		return err
	}
	defer j.Close()
	got, err := owned(j, query(unit, n))
	if err != nil {
		return err
	}
	_, err = fmt.Println(got)
	return err
}

func query(unit string, newest int) journal.Query {
	q := journal.Query{Newest: newest}
	if unit != "" {
		q.Match = journal.Field("_SYSTEMD_UNIT", unit)
	}
	return q
}

// owned and lent read every field of every entry, and return how many entries
// there are.
func owned(j *journal.Journal, q journal.Query) (n int, err error) {
	for e, err := range j.Entries(context.Background(), q) {
		if err != nil {
			return n, err
		}
		n += min(e.NumFields(), 1)
	}
	return n, nil
}

func lent(j *journal.Journal, q journal.Query) (n int, err error) {
	for e, err := range j.EntriesLent(context.Background(), q) {
		if err != nil {
			return n, err
		}
		n += min(e.NumFields(), 1)
	}
	return n, nil
}

// testJournal is the journal that all read, and its most frequent unit.
type testJournal struct {
	dir, unit   string
	total, ofIt int
}

func prepare(b *testing.B) testJournal {
	b.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		b.Fatal(err)
	}
	dir := filepath.Join(cache, "hubhost-bench", fmt.Sprintf("journal-%d", *entries))
	if _, err := os.Stat(dir); err != nil {
		remote, err := exec.LookPath("systemd-journal-remote")
		if err != nil {
			// Debian keeps it off PATH.
			remote = "/lib/systemd/systemd-journal-remote"
		}
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			b.Fatal(err)
		}
		made, err := os.MkdirTemp(filepath.Dir(dir), "new-")
		if err != nil {
			b.Fatal(err)
		}
		defer os.RemoveAll(made)
		if err := journalgen.Build(b.Context(), remote, made, journalgen.Config{Entries: *entries}, nil); err != nil {
			b.Fatalf("apt-get install systemd-journal-remote: %v", err)
		}
		if err := os.Rename(made, dir); err != nil {
			b.Fatal(err)
		}
	}
	tj := testJournal{dir: dir}
	j := open(b, dir)
	perUnit := make(map[string]int)
	for e, err := range j.EntriesLent(b.Context(), journal.Query{}) {
		if err != nil {
			b.Fatal(err)
		}
		unit, _ := e.Get("_SYSTEMD_UNIT")
		perUnit[string(unit)]++
		tj.total++
	}
	for unit, n := range perUnit {
		if n > tj.ofIt {
			tj.unit, tj.ofIt = unit, n
		}
	}
	if tj.total != *entries {
		b.Fatalf("the journal has %d entries, want %d", tj.total, *entries)
	}
	return tj
}

func open(b *testing.B, dir string) *journal.Journal {
	b.Helper()
	j, err := journal.Open(journal.Config{Dirs: []string{dir}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = j.Close() })
	return j
}

// contender is one way to do a task. It returns how many entries it has seen;
// -1 where that is not to be told without parsing.
type contender struct {
	name string
	run  func() (int, error)
	// once keeps a slow one from being run in each round.
	once bool
	// memory runs it once more, where it is a process, to see how large it
	// becomes.
	memory func() (memory, error)
}

// readSdjournal is the contender of coreos/go-systemd, with the build tag of that
// name.
var readSdjournal func(dir, unit string, newest int) (int, error)

// race runs the contenders in turn, round by round, and reports the median of
// each, and how it compares with the one named reference.
func race(b *testing.B, want int, reference string, contenders ...contender) {
	b.Helper()
	times, cpu := make(map[string][]time.Duration), make(map[string][]time.Duration)
	for b.Loop() {
		for _, c := range contenders {
			if c.once && len(times[c.name]) > 0 {
				continue
			}
			cpuBefore, start := cpuTime(b), time.Now()
			n, err := c.run()
			took := time.Since(start)
			if err != nil {
				b.Fatalf("%s: %v", c.name, err)
			}
			if n >= 0 && n != want {
				b.Fatalf("%s: %d entries, want %d", c.name, n, want)
			}
			times[c.name] = append(times[c.name], took)
			cpu[c.name] = append(cpu[c.name], cpuTime(b)-cpuBefore)
		}
	}
	median := func(times []time.Duration) time.Duration {
		return slices.Sorted(slices.Values(times))[len(times)/2]
	}
	var out bytes.Buffer
	for _, c := range contenders {
		took := median(times[c.name]).Seconds()
		fmt.Fprintf(&out, "%-18s %10.2f ms %10.2f ms CPU %10.0f entries/s %7.3f of %s", c.name, took*1e3, median(cpu[c.name]).Seconds()*1e3,
			float64(want)/took, took/median(times[reference]).Seconds(), reference)
		if c.memory != nil && !c.once {
			m, err := c.memory()
			if err != nil {
				b.Fatalf("%s: %v", c.name, err)
			}
			fmt.Fprintf(&out, " %7.1f MB, %.1f without mapped files", float64(m.all)/1024, float64(m.anonymous)/1024)
			b.ReportMetric(float64(m.anonymous)/1024, c.name+"-anonymous-MB")
		}
		out.WriteByte('\n')
		b.ReportMetric(took*1e3, c.name+"-ms")
	}
	b.Logf("%d entries\n%s", want, &out)
	b.ReportMetric(float64(want), "entries")
	b.ReportMetric(0, "ns/op") // of all contenders together
}

// cpuTime is what this process and those that it has waited for have used: on
// a busy machine, it tells more than the clock.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

const export = "journalctl-export"

// memory is the largest that a process was: all of it, and without the pages of
// files that it has mapped, in KiB.
type memory struct{ all, anonymous int64 }

// command returns a function that runs a program whose output nobody reads.
func command(env string, name string, args ...string) func() (int, error) {
	return func() (int, error) {
		cmd, err := start(env, name, args...)
		if err != nil {
			return 0, err
		}
		return -1, cmd.Wait()
	}
}

func start(env string, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(name, args...)
	if env != "" {
		cmd.Env = append(os.Environ(), env)
	}
	return cmd, cmd.Start()
}

// measure runs a program once more and watches its size. The size that wait(2)
// tells includes that of the process which started it.
func measure(env string, name string, args ...string) (m memory, err error) {
	cmd, err := start(env, name, args...)
	if err != nil {
		return m, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	self := []byte(os.Args[0])
	for {
		select {
		case err := <-done:
			return m, err
		case <-time.After(200 * time.Microsecond):
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err != nil || name != string(self) && bytes.HasPrefix(status, []byte("Name:\t"+filepath.Base(os.Args[0]))) {
			continue // ended, or not started yet
		}
		for line := range bytes.Lines(status) {
			name, value, _ := bytes.Cut(line, []byte(":"))
			kib, _ := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
			switch string(name) {
			case "VmHWM":
				m.all = max(m.all, kib)
			case "RssAnon":
				m.anonymous = max(m.anonymous, kib)
			}
		}
	}
}

func journalctl(tj testJournal, output, unit string, newest int) contender {
	args := []string{"--directory=" + tj.dir, "--quiet", "--no-pager", "--output=" + output}
	if newest > 0 {
		args = append(args, "--lines="+strconv.Itoa(newest))
	}
	if unit != "" {
		args = append(args, "_SYSTEMD_UNIT="+unit)
	}
	return contender{name: "journalctl-" + output,
		run:    command("", "journalctl", args...),
		memory: func() (memory, error) { return measure("", "journalctl", args...) }}
}

// process is this module in a process that is started for the query.
func process(b *testing.B, tj testJournal, unit string, newest int) contender {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	env, args := child+"="+tj.dir, []string{unit, strconv.Itoa(newest)}
	return contender{name: "process",
		run:    command(env, self, args...),
		memory: func() (memory, error) { return measure(env, self, args...) }}
}

func peers(tj testJournal, unit string, newest int) []contender {
	c := []contender{journalctl(tj, "export", unit, newest), journalctl(tj, "json", unit, newest)}
	c[1].once = unit == ""
	if readSdjournal != nil {
		c = append(c, contender{name: "sdjournal", run: func() (int, error) { return readSdjournal(tj.dir, unit, newest) }, once: unit == ""})
	}
	return c
}

func BenchmarkJournalWhole(b *testing.B) {
	tj := prepare(b)
	j := open(b, tj.dir)
	race(b, tj.total, export, append([]contender{
		{name: "owned", run: func() (int, error) { return owned(j, journal.Query{}) }},
		{name: "lent", run: func() (int, error) { return lent(j, journal.Query{}) }},
		process(b, tj, "", 0),
	}, peers(tj, "", 0)...)...)
}

func BenchmarkJournalUnit(b *testing.B) {
	tj := prepare(b)
	j := open(b, tj.dir)
	q := query(tj.unit, 0)
	race(b, tj.ofIt, export, append([]contender{
		{name: "open-handle", run: func() (int, error) { return owned(j, q) }},
		{name: "open-handle-lent", run: func() (int, error) { return lent(j, q) }},
		process(b, tj, tj.unit, 0),
	}, peers(tj, tj.unit, 0)...)...)
}

func BenchmarkJournalNewest(b *testing.B) {
	const newest = 100
	tj := prepare(b)
	j := open(b, tj.dir)
	q := query(tj.unit, newest)
	race(b, newest, export, append([]contender{
		{name: "open-handle", run: func() (int, error) { return owned(j, q) }},
		{name: "first", run: func() (int, error) {
			j, err := journal.Open(journal.Config{Dirs: []string{tj.dir}})
			if err != nil {
				return 0, err
			}
			n, err := owned(j, q)
			if err != nil {
				return 0, err
			}
			return n, j.Close()
		}},
		process(b, tj, tj.unit, newest),
	}, peers(tj, tj.unit, newest)...)...)
}
