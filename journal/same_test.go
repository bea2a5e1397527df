package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/journalgen"
	"github.com/hubhost/hubhost/internal/testenv"
)

// fromEnv returns the number in an environment variable, to run a test over
// more than fits into every test run.
func fromEnv(t testing.TB, name string, fallback int) int {
	t.Helper()
	if os.Getenv(name) == "" {
		return fallback
	}
	n, err := strconv.Atoi(os.Getenv(name))
	require.NoError(t, err, name)
	return n
}

// generated makes a directory with the generated journal, divided over three
// files by who has written, as journald divides it by user; and with one of
// them twice.
func generated(t testing.TB, c journalgen.Config, v journalgen.Variant) (dir string, judge journalctl) {
	t.Helper()
	remote := testenv.Tool(t, "systemd-journal-remote")
	dir = t.TempDir()
	var stream bytes.Buffer
	require.NoError(t, c.Write(&stream))
	var parts [3][]byte
	for e, err := range ReadExportLent(&stream) {
		require.NoError(t, err)
		h := fnv.New32()
		_, err := h.Write([]byte(e.Unit()))
		require.NoError(t, err)
		i := h.Sum32() % 3
		parts[i] = e.AppendExport(parts[i])
	}
	for i, part := range parts {
		path := filepath.Join(dir, fmt.Sprintf("part%d.journal", i))
		require.NoError(t, journalgen.Import(t.Context(), remote, path, bytes.NewReader(part), v))
	}
	copied, err := os.ReadFile(filepath.Join(dir, "part1.journal"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "copy.journal"), copied, 0o600))
	return dir, newJournalctl(t, "--directory="+dir)
}

func openDir(t testing.TB, dir string) *Journal {
	t.Helper()
	j, err := Open(Config{Dirs: []string{dir}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, j.Close()) })
	return j
}

// answer is what the journal exports for q, once owned and once lent.
func answer(t testing.TB, j *Journal, q Query) []byte {
	t.Helper()
	var lent []byte
	for e, err := range j.EntriesLent(t.Context(), q) {
		require.NoError(t, err, "%+v", q)
		lent = e.AppendExport(lent)
	}
	return lent
}

// ask has journalctl answer q. It reports false where journalctl cannot be
// asked.
func (j journalctl) ask(t testing.TB, q Query) ([]byte, bool) {
	t.Helper()
	args, err := q.Args()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, false
	}
	require.NoError(t, err, "%+v", q)
	out, err := exec.Command(j.path, append(j.from, args...)...).Output()
	if err != nil && len(out) > 0 {
		t.Fatalf("%+v: %v", q, err)
	}
	// Without output, it fails where no unit matches a pattern: nothing.
	if q.After == "" {
		return j.modern(out), true
	}
	var b []byte
	for e, err := range ReadExportLent(bytes.NewReader(out)) {
		require.NoError(t, err)
		if e.Cursor() != q.After {
			b = e.AppendExport(b)
		}
	}
	return b, true
}

func count(export []byte) int { return bytes.Count(export, []byte("__CURSOR=")) }

// sameAsJournalctl asks both the same random questions, and returns how many
// they were, and how many had an answer.
func sameAsJournalctl(t *testing.T, j *Journal, judge journalctl, queries int, seed uint64) (asked, answered int) {
	t.Helper()
	whole := judge.export(t)
	if !bytes.Equal(whole, answer(t, j, Query{})) {
		t.Errorf("the whole journal: %d entries, journalctl has %d", count(answer(t, j, Query{})), count(whole))
		return
	}
	all := collect(t, ReadExport(bytes.NewReader(whole)))
	r := rand.New(rand.NewPCG(seed, 0))
	for asked < queries {
		q := randomQuery(r, all)
		want, ok := judge.ask(t, q)
		if !ok {
			continue
		}
		asked++
		if len(want) > 0 {
			answered++
		}
		if got := answer(t, j, q); !bytes.Equal(want, got) {
			args, err := q.Args()
			require.NoError(t, err)
			t.Errorf("%s\nhas %d entries, journalctl %d", CommandLine(args...), count(got), count(want))
		}
	}
	return asked, answered
}

// TestSameAsJournalctl compares the bytes of whole answers. JOURNAL_ENTRIES and
// JOURNAL_QUERIES make it larger.
func TestSameAsJournalctl(t *testing.T) {
	t.Parallel()
	entries, queries := fromEnv(t, "JOURNAL_ENTRIES", 3000), fromEnv(t, "JOURNAL_QUERIES", 40)
	dir, judge := generated(t, journalgen.Config{Entries: entries}, nil)
	asked, answered := sameAsJournalctl(t, openDir(t, dir), judge, queries, 1)
	t.Logf("%d queries, %d with an answer", asked, answered)
	assert.Greater(t, answered, queries/4)
}

// TestSameAsLookingAtEach compares with the slow way of looking at each entry,
// also what journalctl cannot be asked.
func TestSameAsLookingAtEach(t *testing.T) {
	t.Parallel()
	dir, judge := generated(t, journalgen.Config{Entries: 1500, Units: 30}, nil)
	all := collect(t, ReadExport(bytes.NewReader(judge.export(t))))
	require.Len(t, all, 1500)
	j := openDir(t, dir)
	r := rand.New(rand.NewPCG(1, 2))
	answered, both := 0, 0
	for range 150 {
		q := randomQuery(r, all)
		q.Reverse = q.Reverse || r.IntN(4) == 0
		if q.Newest == 0 && r.IntN(4) == 0 {
			q.Newest = 1 + r.IntN(100)
		}
		want := filter(t, q, all)
		if len(want) > 0 {
			answered++
		}
		if got := answer(t, j, q); !bytes.Equal(exported(want), got) {
			t.Errorf("%+v\nhas %d entries, want %d", q, count(got), len(want))
		}
		// Whether the arguments for journalctl say the same, too.
		if answered%3 == 0 {
			if got, ok := judge.ask(t, q); ok {
				both++
				if !bytes.Equal(exported(want), got) {
					t.Errorf("%+v\nhas %d entries, journalctl %d", q, len(want), count(got))
				}
			}
		}
	}
	assert.Greater(t, answered, 50)
	assert.Greater(t, both, 10)
}

// TestUnitsAsJournalctl asks for units, of the system and of the user who runs
// it, in a journal where all say something of each unit: those who may and
// those who may not.
func TestUnitsAsJournalctl(t *testing.T) {
	t.Parallel()
	remote := testenv.Tool(t, "systemd-journal-remote")
	me, other := strconv.Itoa(os.Getuid()), "4242"
	var stream []byte
	for i, unit := range []string{"a.service", "ab.service", "x.slice", `c\x2dd.service`} {
		for k, fields := range []string{
			"_SYSTEMD_UNIT=%s\n_UID=1000",
			"_SYSTEMD_SLICE=%s\n_UID=0",
			"UNIT=%s\n_UID=0\n_PID=1\n_SYSTEMD_CGROUP=/init.scope",
			"UNIT=%s\n_UID=0\n_PID=77",
			"OBJECT_SYSTEMD_UNIT=%s\n_UID=0",
			"OBJECT_SYSTEMD_UNIT=%s\n_UID=1000",
			"COREDUMP_UNIT=%s\n_UID=0\nMESSAGE_ID=" + messageIDCoredump,
			"COREDUMP_UNIT=%s\n_UID=0",
			"_SYSTEMD_USER_UNIT=%s\n_UID=" + me,
			"_SYSTEMD_USER_UNIT=%s\n_UID=" + other,
			"_SYSTEMD_USER_SLICE=%s\n_UID=" + me,
			"_SYSTEMD_USER_SLICE=%s\n_UID=" + other,
			"USER_UNIT=%s\n_UID=" + me,
			"USER_UNIT=%s\n_UID=" + other,
			"COREDUMP_USER_UNIT=%s\n_UID=" + me,
			"COREDUMP_USER_UNIT=%s\n_UID=" + other,
			"OBJECT_SYSTEMD_USER_UNIT=%s\n_UID=" + me,
			"OBJECT_SYSTEMD_USER_UNIT=%s\n_UID=0",
			"OBJECT_SYSTEMD_USER_UNIT=%s\n_UID=" + other,
		} {
			if strings.Contains(fields, "SLICE=") && !strings.HasSuffix(unit, ".slice") {
				continue
			}
			at := 1 + i*100 + k
			stream = fmt.Appendf(stream, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n"+fields+"\n\n", at, at, oddBoot, unit)
		}
	}
	path := filepath.Join(t.TempDir(), "units.journal")
	require.NoError(t, journalgen.Import(t.Context(), remote, path, bytes.NewReader(stream), nil))
	j, err := Open(Config{Files: []string{path}})
	require.NoError(t, err)
	defer j.Close()
	judge := newJournalctl(t, "--file="+path)

	answered := 0
	names := []string{"a", "ab.service", "x.slice", `c\x2dd`, "a*", "*", "*.slice", "?.service", "[!a]*", `*\x2d*`, "nothing", "nothing*"}
	for i, name := range names {
		second := names[(i+2)%len(names)]
		user := []UserUnit{{uint32(os.Getuid()), name}}
		for _, tt := range []struct {
			q    Query
			args []string
		}{
			{Query{Units: []string{name}}, []string{"--unit=" + name}},
			{Query{UserUnits: user}, []string{"--user-unit=" + name}},
			{Query{Units: []string{name, second}}, []string{"--unit=" + name, "--unit=" + second}},
			{Query{Units: []string{second}, UserUnits: user}, []string{"--unit=" + second, "--user-unit=" + name}},
		} {
			args := append([]string{"--quiet", "--no-pager", "--output=export"}, judge.from...)
			out, err := exec.Command(judge.path, append(args, tt.args...)...).Output()
			require.True(t, err == nil || len(out) == 0, "%s: %v", tt.args, err)
			if len(out) > 0 {
				answered++
			}
			assert.Equal(t, string(judge.modern(out)), string(answer(t, j, tt.q)), "%s", tt.args)
		}
	}
	assert.Greater(t, answered, 30)
}

// TestOddEntriesAsJournalctl reads what no well-behaved program logs.
func TestOddEntriesAsJournalctl(t *testing.T) {
	t.Parallel()
	path, judge := oddJournal(t)
	j, err := Open(Config{Files: []string{path}})
	require.NoError(t, err)
	defer j.Close()
	want, got := judge.export(t), answer(t, j, Query{})
	assert.Equal(t, len(oddEntries()), count(got))
	assert.True(t, bytes.Equal(want, got), "the bytes differ")
}
