package journal

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/journal/internal/jfiletest"
)

// appear puts a file into the directory, whole from the first moment.
func appear(t *testing.T, dir, name string, o jfiletest.Options, entries []jfiletest.Entry) {
	t.Helper()
	temporary := filepath.Join(dir, "."+name)
	require.NoError(t, os.WriteFile(temporary, jfiletest.Build(o, entries), 0o600))
	require.NoError(t, os.Rename(temporary, filepath.Join(dir, name)))
}

// A file that is found later may hold what is new, what is older than the
// start, and, when journald moves its journal from /run to /var, copies of
// what has been yielded from another file.
func TestFollowFilesThatAppear(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	all := jfiletest.Entries(100)
	volatile := jfiletest.Options{Keyed: true, FileID: [16]byte{1}, SeqnumID: [16]byte{1}}
	flushed := jfiletest.Options{Keyed: true, FileID: [16]byte{2}, SeqnumID: [16]byte{2}}
	next := jfiletest.Options{Keyed: true, FileID: [16]byte{3}, SeqnumID: [16]byte{2}}
	user := jfiletest.Options{Keyed: true, FileID: [16]byte{4}, SeqnumID: [16]byte{4}}
	appear(t, dir, "start.journal", volatile, all[5:10])

	j, err := Open(Config{Dirs: []string{dir}, Poll: time.Millisecond})
	require.NoError(t, err)
	defer func() { assert.NoError(t, j.Close()) }()
	f, err := j.Follow(Query{})
	require.NoError(t, err)

	volatile.FileID = [16]byte{5}
	appear(t, dir, "volatile.journal", volatile, all[10:40])
	assert.Equal(t, numbers(10, 40), followed(t, f, 30, 0))

	// The sequence numbers of the copies are others.
	copies := jfiletest.Entries(60)
	for i := range copies {
		copies[i].Seqnum += 1000
	}
	appear(t, dir, "flushed.journal", flushed, copies)
	assert.Equal(t, numbers(40, 60), followed(t, f, 20, 20*time.Millisecond))

	// A user's file, the entries of which were written before those of the
	// system's: they are new all the same.
	system := jfiletest.Entries(80)[70:80]
	for i := range system {
		system[i].Seqnum += 1000
	}
	appear(t, dir, "next.journal", next, system)
	assert.Equal(t, numbers(70, 80), followed(t, f, 10, 0))
	cursor := f.Cursor()
	appear(t, dir, "user-1000.journal", user, all[60:70])
	assert.Equal(t, numbers(60, 70), followed(t, f, 10, 20*time.Millisecond))
	assert.Equal(t, cursor, f.Cursor(), "the cursor never goes back")
	assert.Empty(t, j.Skipped())
}

// What was there before comes first where it is asked for.
func TestFollowFromBefore(t *testing.T) {
	j := openBuilt(t, manyFiles())
	all := collect(t, j.Entries(t.Context(), Query{}))
	for name, tt := range map[string]struct {
		q    Query
		from int
	}{
		"since":            {Query{Since: sampleTime(350)}, 350},
		"since and newest": {Query{Since: sampleTime(350), Newest: 20}, 380},
		"newest":           {Query{Newest: 401}, 0},
		"after":            {Query{After: all[300].Cursor()}, 301},
		"from":             {Query{From: all[300].Cursor()}, 300},
		"after and newest": {Query{After: all[300].Cursor(), Newest: 3}, 397},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := j.Follow(tt.q)
			require.NoError(t, err)
			assert.Equal(t, tt.q.After, f.Cursor())
			assert.Equal(t, numbers(tt.from, 400), followed(t, f, 400-tt.from, 5*time.Millisecond))
			assert.Equal(t, all[399].Cursor(), f.Cursor())

			f, err = j.Follow(tt.q)
			require.NoError(t, err)
			var got []*Entry
			for len(got) < 3 {
				for e, err := range f.Entries(t.Context()) {
					require.NoError(t, err)
					got = append(got, e)
					break
				}
			}
			assert.Equal(t, numbers(tt.from, tt.from+3), ns(t, got), "with a stop behind each")
		})
	}
	f, err := j.Follow(Query{Match: Field("PARITY", "1")})
	require.NoError(t, err)
	assert.Equal(t, all[399].Cursor(), f.Cursor())

	// The cursor moves on behind the last of them to where new ones begin.
	f, err = j.Follow(Query{After: all[300].Cursor(), Match: Field("N", "310")})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range f.Entries(ctx) {
		}
	}()
	assert.Eventually(t, func() bool { return f.Cursor() == all[399].Cursor() }, time.Minute, time.Millisecond)
	cancel()
	<-ended
}

// A directory that does not exist at the start is found when it is made.
func TestFollowDirectoryThatAppears(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "run/log/journal"), 0o755))
	j, err := Open(Config{Root: root, Poll: time.Millisecond})
	require.NoError(t, err)
	defer func() { assert.NoError(t, j.Close()) }()
	f, err := j.Follow(Query{})
	require.NoError(t, err)
	for i, parent := range []string{"run/log/journal", "var/log/journal"} {
		dir := filepath.Join(root, parent, ID{1}.String())
		time.AfterFunc(10*time.Millisecond, func() {
			assert.NoError(t, os.MkdirAll(dir, 0o755))
			appear(t, dir, "system.journal", jfiletest.Options{FileID: [16]byte{byte(i)}, SeqnumID: [16]byte{1}}, jfiletest.Entries(20)[10*i:10*i+10])
		})
		assert.Equal(t, numbers(10*i, 10*i+10), followed(t, f, 10, 0))
	}
}

func TestFollowWithoutInotify(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(Config{Dirs: []string{dir}, Poll: time.Millisecond})
	require.NoError(t, err)
	defer func() { assert.NoError(t, j.Close()) }()
	f, err := j.Follow(Query{})
	require.NoError(t, err)
	w := newWatch()
	w.close()
	assert.True(t, w.changed())
	r := &round{f: f, watch: w, yield: func(*Entry) bool { return false }}
	defer r.release()
	require.NoError(t, r.renew())
	appear(t, dir, "x.journal", jfiletest.Options{FileID: [16]byte{1}}, jfiletest.Entries(1))
	assert.ErrorIs(t, r.runNew(t.Context()), errStop)
}

// followed follows until n entries have come, and then for as long as quiet to
// see that there are no more. It returns the field N of each.
func followed(t *testing.T, f *Follower, n int, quiet time.Duration) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var got []string
	for e, err := range f.Entries(ctx) {
		if err != nil {
			require.ErrorIs(t, err, context.Canceled, "after %d entries", len(got))
			break
		}
		v, _ := e.Get("N")
		got = append(got, string(v))
		if len(got) == n {
			time.AfterFunc(quiet, cancel)
		}
	}
	return got
}
