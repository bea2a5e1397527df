package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/journal/internal/jfiletest"
)

// openBuilt opens a directory with the files.
func openBuilt(t testing.TB, files map[string][]byte) *Journal {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	j, err := Open(Config{Dirs: []string{dir}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, j.Close()) })
	return j
}

func TestEveryVariantIsReadInFull(t *testing.T) {
	t.Parallel()
	want := jfiletest.Entries(300)
	for _, o := range jfiletest.Variants() {
		t.Run(o.String(), func(t *testing.T) {
			j := openBuilt(t, map[string][]byte{"x.journal": jfiletest.Build(o, want)})
			got := collect(t, j.Entries(t.Context(), Query{}))
			require.Len(t, got, len(want))
			for i, e := range got {
				var fields []string
				for name, value := range e.Fields() {
					fields = append(fields, name+"="+string(value))
				}
				assert.ElementsMatch(t, want[i].Fields, fields)
				assert.Equal(t, int64(want[i].Realtime), e.Time().UnixMicro())
				assert.Equal(t, time.Duration(want[i].Monotonic)*time.Microsecond, e.Monotonic())
				assert.Equal(t, ID(want[i].BootID), e.BootID())
				assert.Contains(t, e.Cursor(), fmt.Sprintf("s=%s;i=%x;", ID(o.SeqnumID), i+1))
			}
			assert.Empty(t, j.Skipped())
		})
	}
}

// manyFiles is a journal of several files whose entries lie between one
// another: two sources of sequence numbers, two boots, a file that is being
// written, and one that is a copy.
func manyFiles() map[string][]byte {
	all := jfiletest.Entries(400)
	for i := range all {
		boot := [16]byte{0xb1}
		if i >= 200 {
			boot = [16]byte{0xb2}
			all[i].Monotonic = uint64(i-199) * 1_000_000
		}
		all[i].BootID = boot
		f := all[i].Fields[:3:3]
		f = append(f, fmt.Sprintf("_BOOT_ID=%x", boot), "PRIORITY="+strconv.Itoa(i%8), fmt.Sprintf("_SYSTEMD_UNIT=unit-%d.service", i%13))
		if i%5 == 0 {
			f = append(f, "A=1", "A=2")
		}
		if i%3 == 0 {
			f = append(f, "B="+strconv.Itoa(i%4))
		}
		if i%17 == 0 {
			f = f[1:] // no MESSAGE
		}
		all[i].Fields = f
	}
	pick := func(from, to, step int) (some []jfiletest.Entry) {
		for i := from; i < to; i += step {
			some = append(some, all[i])
		}
		return some
	}
	v := jfiletest.Options{Keyed: true, Compact: true, Compression: "zstd", FileID: [16]byte{1}, SeqnumID: [16]byte{0x51}, MachineID: [16]byte{0x3a}}
	old := v
	old.Keyed, old.Compact, old.Compression, old.FileID = false, false, "lz4", [16]byte{2}
	user := v
	user.FileID, user.SeqnumID, user.Online = [16]byte{3}, [16]byte{0x52}, true
	now := v
	now.FileID, now.Online = [16]byte{4}, true
	return map[string][]byte{
		"system@1.journal":  jfiletest.Build(old, pick(0, 150, 2)),
		"system@2.journal":  jfiletest.Build(v, pick(150, 250, 2)),
		"system.journal":    jfiletest.Build(now, pick(250, 400, 2)),
		"user-1000.journal": jfiletest.Build(user, pick(1, 400, 2)),
		"copy.journal~":     jfiletest.Build(v, pick(100, 300, 2)),
	}
}

func ns(t testing.TB, entries []*Entry) []string {
	t.Helper()
	var list []string
	for _, e := range entries {
		v, ok := e.Get("N")
		require.True(t, ok)
		list = append(list, string(v))
	}
	return list
}

// randomMatch returns a condition of any shape over the fields of manyFiles.
func randomMatch(r *rand.Rand, depth int) Match {
	if depth == 0 || r.IntN(3) == 0 {
		switch r.IntN(6) {
		case 0:
			return Field("A", strconv.Itoa(r.IntN(4)))
		case 1:
			return Field("B", strconv.Itoa(r.IntN(4)))
		case 2:
			return Field("PARITY", strconv.Itoa(r.IntN(2)))
		case 3:
			return Field("_SYSTEMD_UNIT", fmt.Sprintf("unit-%d.service", r.IntN(15)))
		case 4:
			return glob("_SYSTEMD_UNIT", []string{"unit-1*", "*", "unit-?.service", "nothing*", "unit-[2-5].*"}[r.IntN(5)])
		}
		return Field("PRIORITY", strconv.Itoa(r.IntN(9)))
	}
	parts := make([]Match, r.IntN(4))
	for i := range parts {
		parts[i] = randomMatch(r, depth-1)
	}
	if r.IntN(2) == 0 {
		return All(parts...)
	}
	return Any(parts...)
}

// The index gives the same entries as a look at the content of each.
func TestIndexAgreesWithContent(t *testing.T) {
	t.Parallel()
	j := openBuilt(t, manyFiles())
	all := collect(t, j.Entries(t.Context(), Query{}))
	require.Equal(t, numbers(0, 400), ns(t, all), "order, and the copy left out")
	grep := regexp.MustCompile(`message \d*3`)
	r := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		q := Query{Match: randomMatch(r, 3)}
		if r.IntN(3) == 0 {
			q.Units = []string{[]string{"unit-3", "unit-1*", "unit-99", "unit-4.service"}[r.IntN(4)]}
		}
		if r.IntN(4) == 0 {
			q.Priorities = AtLeast(Priority(r.IntN(8)))
		}
		if r.IntN(4) == 0 {
			q.Boot = all[r.IntN(400)].BootID()
		}
		if r.IntN(3) == 0 {
			q.Since = all[r.IntN(400)].Time().Add(time.Duration(r.IntN(3)-1) * time.Nanosecond)
		}
		if r.IntN(3) == 0 {
			q.Until = all[r.IntN(400)].Time().Add(time.Duration(r.IntN(3)-1) * time.Nanosecond)
		}
		from := 0
		if i := r.IntN(1200); i < 400 {
			q.After, from = all[i].Cursor(), i+1
			if r.IntN(2) == 0 {
				q.After, q.From, from = "", q.After, i
			}
		}
		if r.IntN(4) == 0 {
			q.Grep = grep
		}
		condition, err := q.condition("")
		require.NoError(t, err)
		var want []string
		for i, e := range all[from:] {
			us := e.Time()
			if !condition.holds(e) || !q.Since.IsZero() && us.Before(q.Since) || !q.Until.IsZero() && us.After(q.Until) {
				continue
			}
			if q.Grep != nil && !q.Grep.MatchString(e.Message()) {
				continue
			}
			want = append(want, strconv.Itoa(from+i))
		}
		if r.IntN(3) == 0 {
			q.Newest = 1 + r.IntN(60)
			want = want[max(0, len(want)-q.Newest):]
		}
		if r.IntN(2) == 0 {
			q.Reverse = true
			slices.Reverse(want)
		}
		require.Equal(t, want, ns(t, collect(t, j.Entries(t.Context(), q))), "%s\n%+v", condition, q)
	}
	assert.Empty(t, j.Skipped())
}

// An entry that journald has moved from /run to /var, or that was received
// twice, has another sequence number in each file.
func TestCopiesWithOtherSequenceNumbersComeOnce(t *testing.T) {
	all := jfiletest.Entries(150)
	copies := jfiletest.Entries(150)[50:]
	for i := range copies {
		copies[i].Seqnum += 1000
	}
	j := openBuilt(t, map[string][]byte{
		"volatile.journal": jfiletest.Build(jfiletest.Options{FileID: [16]byte{1}, SeqnumID: [16]byte{1}}, all[:100]),
		"flushed.journal":  jfiletest.Build(jfiletest.Options{FileID: [16]byte{2}, SeqnumID: [16]byte{2}}, copies),
	})
	assert.Equal(t, numbers(0, 150), ns(t, collect(t, j.Entries(t.Context(), Query{}))))
	assert.Equal(t, numbers(30, 150), ns(t, collect(t, j.Entries(t.Context(), Query{Newest: 120}))))
	backward := ns(t, collect(t, j.Entries(t.Context(), Query{Reverse: true})))
	slices.Reverse(backward)
	assert.Equal(t, numbers(0, 150), backward)
}

// Where nothing else tells, the boot that ended earlier comes first, also where
// its clock was ahead.
func TestOrderOfBoots(t *testing.T) {
	file := func(id byte, boot byte, from, to, ahead int) []byte {
		entries := jfiletest.Entries(to)[from:]
		for i := range entries {
			entries[i].BootID = [16]byte{boot}
			entries[i].Fields[3] = fmt.Sprintf("_BOOT_ID=%x", entries[i].BootID)
			entries[i].Realtime += uint64(ahead) * 1_000_000
		}
		return jfiletest.Build(jfiletest.Options{FileID: [16]byte{id}, SeqnumID: [16]byte{id}, MachineID: [16]byte{0x3a}}, entries)
	}
	j := openBuilt(t, map[string][]byte{
		"a.journal": file(1, 1, 0, 50, 30),
		"b.journal": file(2, 2, 50, 100, 0),
	})
	assert.Equal(t, numbers(0, 100), ns(t, collect(t, j.Entries(t.Context(), Query{}))))
	backward := ns(t, collect(t, j.Entries(t.Context(), Query{Reverse: true})))
	slices.Reverse(backward)
	assert.Equal(t, numbers(0, 100), backward)
}

// A file that ends earlier than it begins, by the clock: no time can be
// searched for in it.
func TestClockThatWasSetBack(t *testing.T) {
	entries := jfiletest.Entries(200)
	for i := 100; i < 200; i++ {
		entries[i].Realtime -= 1000 * 1_000_000
		entries[i].BootID = [16]byte{2}
		entries[i].Fields[3] = fmt.Sprintf("_BOOT_ID=%x", entries[i].BootID)
	}
	j := openBuilt(t, map[string][]byte{
		"x.journal": jfiletest.Build(jfiletest.Options{FileID: [16]byte{1}, SeqnumID: [16]byte{1}}, entries),
	})
	late, early := ID(entries[0].BootID), ID{2}
	for name, tt := range map[string]struct {
		q    Query
		want []string
	}{
		"since":           {Query{Since: sampleTime(70)}, numbers(70, 100)},
		"until":           {Query{Until: sampleTime(130 - 1000)}, numbers(100, 131)},
		"both":            {Query{Since: sampleTime(120 - 1000), Until: sampleTime(20)}, append(numbers(0, 21), numbers(120, 200)...)},
		"since, by boot":  {Query{Boot: early, Since: sampleTime(150 - 1000)}, numbers(150, 200)},
		"until, by boot":  {Query{Boot: late, Until: sampleTime(10)}, numbers(0, 11)},
		"before all":      {Query{Until: sampleTime(99 - 1000)}, nil},
		"behind all":      {Query{Since: sampleTime(100)}, nil},
		"one of them":     {Query{Since: sampleTime(150 - 1000), Until: sampleTime(150 - 1000)}, numbers(150, 151)},
		"newest of those": {Query{Until: sampleTime(130 - 1000), Newest: 5}, numbers(126, 131)},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, ns(t, collect(t, j.Entries(t.Context(), tt.q))))
			tt.q.Reverse = true
			got := ns(t, collect(t, j.Entries(t.Context(), tt.q)))
			slices.Reverse(got)
			assert.Equal(t, tt.want, got)
		})
	}
	// The place in another file, of the boot and of another one.
	cursor := location{seqnumID: ID{9}, seqnum: 1, bootID: early, monotonic: entries[149].Monotonic, realtime: entries[149].Realtime + 1}
	assert.Equal(t, numbers(150, 200), ns(t, collect(t, j.Entries(t.Context(), Query{After: cursor.cursor()}))))
}

func TestQueryMistakes(t *testing.T) {
	j := openBuilt(t, manyFiles())
	for name, q := range map[string]Query{
		"empty unit":      {Units: []string{""}},
		"long unit":       {Units: []string{strings.Repeat("x", 300)}},
		"field name":      {Match: Field("lower", "x")},
		"field with __":   {Match: Any(Field("A", "b"), Field("__CURSOR", "x"))},
		"no field name":   {Match: All(Field("", "x"))},
		"cursor":          {After: "x"},
		"cursor part":     {After: "s=0;i=1"},
		"both cursors":    {After: zeroCursor, From: zeroCursor},
		"negative Newest": {Newest: -1},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for e, err := range j.Entries(t.Context(), q) {
				n++
				assert.Nil(t, e)
				assert.ErrorIs(t, err, fs.ErrInvalid)
				_, ok := errors.AsType[*Error](err)
				assert.True(t, ok)
			}
			assert.Equal(t, 1, n, "the error comes once")
			_, err := j.Follow(q)
			assert.ErrorIs(t, err, fs.ErrInvalid)
		})
	}
	for _, q := range []Query{{Reverse: true}, {Until: time.Now()}} {
		_, err := j.Follow(q)
		assert.ErrorIs(t, err, fs.ErrInvalid)
	}
}

var zeroCursor = (&location{}).cursor()

func TestCursorOfAnEntryThatIsGone(t *testing.T) {
	files := manyFiles()
	j := openBuilt(t, files)
	all := collect(t, j.Entries(t.Context(), Query{}))
	cursor := all[120].Cursor() // in system@1 and the copy
	delete(files, "system@1.journal")
	delete(files, "copy.journal~")
	j = openBuilt(t, files)
	left := ns(t, collect(t, j.Entries(t.Context(), Query{After: cursor})))
	want := slices.DeleteFunc(numbers(121, 400), func(s string) bool {
		n, _ := strconv.Atoi(s)
		return n < 150 && n%2 == 0
	})
	assert.Equal(t, want, left)

	// One of another source, behind all of its boot: the next boot comes next.
	end := location{seqnumID: ID{9}, seqnum: 1, bootID: all[199].at.bootID, monotonic: all[199].at.monotonic + 1, realtime: all[199].at.realtime + 1}
	assert.Equal(t, numbers(200, 400), ns(t, collect(t, j.Entries(t.Context(), Query{After: end.cursor()}))))
}

func TestConcurrentQueries(t *testing.T) {
	j := openBuilt(t, manyFiles())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 20 {
				q := Query{Match: Field("PARITY", strconv.Itoa(i%2)), Reverse: k%2 == 0}
				n := 0
				for _, err := range j.EntriesLent(t.Context(), q) {
					assert.NoError(t, err)
					n++
				}
				assert.Equal(t, 200, n)
				_, err := j.Boots(t.Context())
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
}

func TestIterationEnds(t *testing.T) {
	j := openBuilt(t, manyFiles())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n int
	var last error
	for _, err := range j.Entries(ctx, Query{}) {
		if last = err; err != nil {
			continue
		}
		if n++; n == 10 {
			cancel()
		}
	}
	assert.Equal(t, 10, n)
	assert.Equal(t, context.Canceled, last)

	n = 0
	for _, err := range j.EntriesLent(t.Context(), Query{}) {
		if last = err; err != nil {
			continue
		}
		if n++; n == 10 {
			require.NoError(t, j.Close())
		}
	}
	assert.Equal(t, 10, n)
	assert.ErrorIs(t, last, fs.ErrClosed)
	_, err := j.Boots(t.Context())
	assert.ErrorIs(t, err, fs.ErrClosed)
	assert.NoError(t, j.Close())
}

// Nothing is left running behind any call, nor open behind Close.
func TestNothingIsLeftBehind(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	dir := t.TempDir()
	for name, b := range manyFiles() {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	for i, o := range jfiletest.Variants() {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("v%d.journal", i)), jfiletest.Build(o, jfiletest.Entries(20)), 0o600))
	}
	j, err := Open(Config{Dirs: []string{dir}, Poll: time.Millisecond})
	require.NoError(t, err)
	for range j.Entries(t.Context(), Query{}) {
		break
	}
	require.NotEmpty(t, collect(t, j.Entries(t.Context(), Query{Newest: 500})))
	for range j.Unique(t.Context(), "N") {
		break
	}
	f, err := j.Follow(Query{Newest: 1})
	require.NoError(t, err)
	for range f.Entries(t.Context()) {
		break
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	for _, err := range f.Entries(ctx) {
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	require.NoError(t, j.Close())
	maps, err := os.ReadFile("/proc/self/maps")
	if err == nil { // on Linux
		assert.NotContains(t, string(maps), dir)
	}
}

func TestLentEntryIsReusedAndCloneIsNot(t *testing.T) {
	j := openBuilt(t, manyFiles())
	var lent, owned *Entry
	for e, err := range j.EntriesLent(t.Context(), Query{}) {
		require.NoError(t, err)
		if lent == nil {
			lent, owned = e, e.Clone()
		}
		require.Same(t, lent, e)
	}
	n, _ := owned.Get("N")
	assert.Equal(t, "0", string(n))
	n, _ = lent.Get("N")
	assert.Equal(t, "399", string(n))
}

func TestRepeatedAndBinaryFields(t *testing.T) {
	binary := "\x00\n=\xff"
	j := openBuilt(t, map[string][]byte{"x.journal": jfiletest.Build(jfiletest.Options{FileID: [16]byte{1}}, []jfiletest.Entry{{
		Seqnum: 1, Realtime: 1, Monotonic: 1, BootID: [16]byte{1}, Fields: []string{"MESSAGE=" + binary, "TAG=b", "TAG=a", "EMPTY="},
	}})})
	for _, m := range []Match{{}, Field("MESSAGE", binary), All(Field("TAG", "a"), Field("TAG", "b")), Field("EMPTY", "")} {
		list := collect(t, j.Entries(t.Context(), Query{Match: m}))
		require.Len(t, list, 1)
		e := list[0]
		assert.Equal(t, binary, e.Message())
		assert.Equal(t, [][]byte{[]byte("b"), []byte("a")}, slices.Collect(e.Values("TAG")))
		v, ok := e.Get("EMPTY")
		assert.True(t, ok)
		assert.Empty(t, v)
		_, ok = e.Get("NONE")
		assert.False(t, ok)
		assert.Equal(t, 4, e.NumFields())
	}
	assert.Empty(t, collect(t, j.Entries(t.Context(), Query{Match: Field("TAG", "c")})))
}

func TestMaxField(t *testing.T) {
	dir := t.TempDir()
	for _, compression := range []string{"", "xz", "lz4", "zstd"} {
		path := filepath.Join(dir, "x"+compression+".journal")
		b := jfiletest.Build(jfiletest.Options{FileID: [16]byte{1}, Compression: compression}, []jfiletest.Entry{{
			Seqnum: 1, Realtime: 1, Monotonic: 1, BootID: [16]byte{1}, Fields: []string{"A=1", "B=" + strings.Repeat("b", 100_000)},
		}})
		require.NoError(t, os.WriteFile(path, b, 0o600))
		for limit, fields := range map[int]int{0: 2, 200_000: 2, 1000: 1} {
			j, err := Open(Config{Files: []string{path}, MaxField: limit})
			require.NoError(t, err)
			list := collect(t, j.Entries(t.Context(), Query{}))
			require.Len(t, list, 1)
			assert.Equal(t, fields, list[0].NumFields(), "%s %d", compression, limit)
			if fields == 1 {
				require.Len(t, j.Skipped(), 1)
				assert.ErrorContains(t, j.Skipped()[0], "larger than the limit")
			}
			require.NoError(t, j.Close())
		}
	}
}

func TestInspect(t *testing.T) {
	j := openBuilt(t, manyFiles())
	fields, err := j.Fields(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"A", "B", "MESSAGE", "N", "PARITY", "PRIORITY", "_BOOT_ID", "_SYSTEMD_UNIT"}, fields)
	var units []string
	for v, err := range j.Unique(t.Context(), "_SYSTEMD_UNIT") {
		require.NoError(t, err)
		units = append(units, v)
	}
	assert.Len(t, units, 13)
	for range j.Unique(t.Context(), "N") {
		break
	}
	for _, err := range j.Unique(t.Context(), "no field") {
		assert.ErrorIs(t, err, fs.ErrInvalid)
	}
	boots, err := j.Boots(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []Boot{
		{ID{0xb1}, sampleTime(0), sampleTime(199)},
		{ID{0xb2}, sampleTime(200), sampleTime(399)},
	}, boots)
	u, err := j.Usage(t.Context())
	require.NoError(t, err)
	assert.Equal(t, sampleTime(0), u.Oldest)
	assert.Equal(t, sampleTime(399), u.Newest)
	require.Len(t, u.Files, 5)
	var sum, archived int64
	var names []string
	for _, f := range u.Files {
		names = append(names, filepath.Base(f.Path))
		sum += f.Bytes
		if f.Archived {
			archived += f.Bytes
		}
	}
	assert.Equal(t, []string{"system@1.journal", "system@2.journal", "copy.journal~", "system.journal", "user-1000.journal"}, names)
	assert.Equal(t, u.Bytes, sum)
	assert.Equal(t, u.ArchivedBytes, archived)
	assert.NotZero(t, archived)
	assert.EqualValues(t, 75, u.Files[0].Entries)
}

func TestOpenWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	for name, cfg := range map[string]Config{
		"root":      {Root: dir},
		"directory": {Dirs: []string{filepath.Join(dir, "none")}},
		"file":      {Files: []string{filepath.Join(dir, "none.journal")}},
	} {
		_, err := Open(cfg)
		assert.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	j, err := Open(Config{Dirs: []string{dir, filepath.Join(dir, "none")}})
	require.NoError(t, err)
	assert.Empty(t, collect(t, j.Entries(t.Context(), Query{})))
	f, err := j.Follow(Query{})
	require.NoError(t, err)
	assert.Empty(t, f.Cursor())
	require.NoError(t, j.Close())
}

// A root has the layout of a host: only the directory of its own machine is
// read below /var.
func TestRoot(t *testing.T) {
	root := t.TempDir()
	machine, other := ID{1}.String(), ID{2}.String()
	write := func(path string, b []byte) {
		path = filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b, 0o600))
	}
	files := manyFiles()
	write("etc/machine-id", []byte(machine+"\n"))
	write("etc/passwd", []byte("root:x:0:0\nsystemd-coredump:x:987:987:::\n"))
	write("var/log/journal/"+machine+"/system.journal", files["system@1.journal"])
	write("var/log/journal/"+other+"/system.journal", files["system@2.journal"])
	write("var/log/journal/"+machine+".namespace/system.journal", files["system@2.journal"])
	write("var/log/journal/remote/x.journal", files["system@2.journal"])
	write("run/log/journal/"+other+"/system.journal", files["system.journal"])
	j, err := Open(Config{Root: root})
	require.NoError(t, err)
	defer func() { assert.NoError(t, j.Close()) }()
	assert.Len(t, collect(t, j.Entries(t.Context(), Query{})), 150)
	assert.Equal(t, "987", j.coredumpUID)

	dirs, err := Open(Config{Dirs: []string{root + "/var/log/journal"}})
	require.NoError(t, err)
	defer func() { assert.NoError(t, dirs.Close()) }()
	assert.Len(t, collect(t, dirs.Entries(t.Context(), Query{})), 125)
}

// A file that shrinks or is emptied while it is being read costs what it had,
// and nothing of the others.
func TestFilesThatChangeWhileTheyAreRead(t *testing.T) {
	big := jfiletest.Options{Keyed: true, FileID: [16]byte{9}, SeqnumID: [16]byte{0x59}}
	entries := jfiletest.Entries(2000)
	for i := range entries {
		entries[i].Fields = append(entries[i].Fields, "FROM=broken")
	}
	for name, change := range map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 8192) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"zeroed": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt(make([]byte, info.Size()-4096), 4096)
			return err
		},
		"removed": func(path string) error {
			if err := os.Truncate(path, 4096); err != nil {
				return err
			}
			return os.Remove(path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "broken.journal")
			require.NoError(t, os.WriteFile(path, jfiletest.Build(big, entries), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "healthy.journal"), healthyFile(), 0o600))
			j, err := Open(Config{Dirs: []string{dir}})
			require.NoError(t, err)
			defer func() { assert.NoError(t, j.Close()) }()
			healthy, broken := 0, 0
			for e, err := range j.EntriesLent(t.Context(), Query{}) {
				require.NoError(t, err)
				if from, _ := e.Get("FROM"); bytes.Equal(from, []byte("healthy")) {
					healthy++
				} else if broken++; broken == 20 {
					require.NoError(t, change(path))
				}
			}
			assert.Equal(t, healthyEntries, healthy)
			assert.Less(t, broken, len(entries))
			assert.Len(t, collect(t, j.Entries(t.Context(), Query{Match: Field("FROM", "healthy")})), healthyEntries)
			if name == "removed" {
				assert.Empty(t, j.Skipped())
				// Nor does the handle keep its space on the disk taken.
				if maps, err := os.ReadFile("/proc/self/maps"); err == nil { // on Linux
					assert.NotContains(t, string(maps), path)
				}
			} else {
				require.Len(t, j.Skipped(), 1)
				assert.ErrorIs(t, j.Skipped()[0], ErrCorrupt)
			}
		})
	}
}

// A file whose header is not yet written is looked at again, until it has been
// left behind for long.
func TestFileThatIsBeingCreated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "system.journal")
	require.NoError(t, os.WriteFile(path, make([]byte, 4096), 0o600))
	j, err := Open(Config{Dirs: []string{dir}})
	require.NoError(t, err)
	defer func() { assert.NoError(t, j.Close()) }()
	assert.True(t, j.files.pending())
	assert.Len(t, j.Skipped(), 1)

	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
	assert.Empty(t, collect(t, j.Entries(t.Context(), Query{})))
	assert.False(t, j.files.pending())

	require.NoError(t, os.WriteFile(path, healthyFile(), 0o600))
	assert.Len(t, collect(t, j.Entries(t.Context(), Query{})), healthyEntries)
	assert.Empty(t, j.Skipped())
}

// numbers returns the decimal numbers from a to the last before b.
func numbers(a, b int) []string {
	var s []string
	for i := a; i < b; i++ {
		s = append(s, strconv.Itoa(i))
	}
	return s
}
