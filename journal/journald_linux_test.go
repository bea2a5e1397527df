package journal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/journal/internal/journaldtest"
)

// load sends n numbered messages, and calls between before each.
func load(d *journaldtest.Journald, n int, between func(i int)) {
	for i := range n {
		between(i)
		d.Send("MESSAGE", "message "+strconv.Itoa(i), "TAG", "load", "NUMBER", strconv.Itoa(i), "PRIORITY", strconv.Itoa(i%8))
	}
}

// followTo takes the NUMBER fields of a follower until it has seen the last.
func followTo(ctx context.Context, f *Follower, last int) (seen []int, err error) {
	for e, err := range f.Entries(ctx) {
		if err != nil {
			return seen, err
		}
		v, _ := e.Get("NUMBER")
		n, err := strconv.Atoi(string(v))
		if err != nil {
			return seen, err
		}
		seen = append(seen, n)
		if n == last {
			return seen, nil
		}
	}
	return seen, errors.New("the follower ended without an error")
}

// assertWhole checks that the numbers are 0 to n-1, each once, in order.
func assertWhole(t *testing.T, n int, seen []int) {
	t.Helper()
	times := make([]int, n)
	ordered := true
	for i, s := range seen {
		times[s]++
		ordered = ordered && (i == 0 || seen[i-1] < s)
	}
	lost, twice := 0, 0
	for _, k := range times {
		switch {
		case k == 0:
			lost++
		case k > 1:
			twice++
		}
	}
	t.Logf("%d messages: %d lost, %d twice", n, lost, twice)
	assert.Zero(t, lost, "lost")
	assert.Zero(t, twice, "twice")
	assert.True(t, ordered, "in order")
}

// TestFollowResumes stops after each few messages, and goes on at the cursor
// with another Journal, as a program that is restarted does.
func TestFollowResumes(t *testing.T) {
	journaldtest.Run(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald) {
		const n = 2000
		d.Send("MESSAGE", "before", "TAG", "other")
		d.Sync()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		var seen []int
		q := Query{Match: Field("TAG", "load")}
		first, err := openDir(t, d.Dir).Follow(q)
		require.NoError(t, err)
		q.After = first.Cursor()
		require.NotEmpty(t, q.After, "a cursor to resume from even while nothing matches")

		var wg sync.WaitGroup
		wg.Go(func() {
			load(d, n, func(i int) {
				if i%250 == 249 {
					d.Rotate()
				}
			})
		})
		for starts := 0; len(seen) == 0 || seen[len(seen)-1] != n-1; starts++ {
			j, err := Open(Config{Dirs: []string{d.Dir}})
			require.NoError(t, err)
			f, err := j.Follow(q)
			require.NoError(t, err)
			got, err := followTo(ctx, f, min(n-1, (starts+1)*97))
			require.NoError(t, err)
			seen = append(seen, got...)
			q.After = f.Cursor()
			require.NoError(t, j.Close())
		}
		wg.Wait()
		assertWhole(t, n, seen)
	})
}

// TestReadWhileJournaldVacuums iterates while files are rotated and removed,
// which punches holes into them: what is left is read to the end.
func TestReadWhileJournaldVacuums(t *testing.T) {
	journaldtest.Run(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald) {
		const n, perFile = 2000, 100
		load(d, n, func(i int) {
			if i%perFile == perFile-1 {
				d.Rotate()
			}
		})
		d.Sync()
		j := openDir(t, d.Dir)
		files := len(d.Files())
		seen := make(map[int]int)
		step := 0
		for e, err := range j.EntriesLent(t.Context(), Query{Match: Field("TAG", "load")}) {
			require.NoError(t, err)
			v, _ := e.Get("NUMBER")
			i, err := strconv.Atoi(string(v))
			require.NoError(t, err)
			seen[i]++
			if step++; step == perFile+perFile/2 {
				d.Vacuum(files - 10) // those before 10*perFile
			}
		}
		for i := 10 * perFile; i < n; i++ {
			assert.Equal(t, 1, seen[i], "message %d, of a file that stays", i)
		}
		for i, k := range seen {
			assert.Equal(t, 1, k, "message %d", i)
		}
		for _, skipped := range j.Skipped() {
			t.Errorf("a vacuumed file is none that could not be read: %v", skipped)
		}
	})
}

// TestReadWhileAFileIsCutShort truncates a mapped file under the reader, which
// ends a program that reads it with libsystemd.
func TestReadWhileAFileIsCutShort(t *testing.T) {
	journaldtest.Run(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald) {
		const n, perFile = 600, 200
		var archived []string
		load(d, n, func(i int) {
			if i%perFile == perFile-1 {
				d.Rotate()
			}
		})
		d.Sync()
		for _, path := range d.Files() {
			if bytes.Contains([]byte(path), []byte("@")) {
				archived = append(archived, path)
			}
		}
		require.Len(t, archived, 3)
		j := openDir(t, d.Dir)
		seen := make(map[int]int)
		for e, err := range j.Entries(t.Context(), Query{Match: Field("TAG", "load")}) {
			require.NoError(t, err)
			v, _ := e.Get("NUMBER")
			i, err := strconv.Atoi(string(v))
			require.NoError(t, err)
			seen[i]++
			if i == perFile+10 {
				// The names sort by sequence number: this one is being read.
				require.NoError(t, os.Truncate(archived[1], 4096))
			}
		}
		for i := range n {
			if i < perFile || i >= 2*perFile {
				assert.Equal(t, 1, seen[i], "message %d, of another file", i)
			}
		}
		require.NotEmpty(t, j.Skipped())
		assert.Equal(t, archived[1], j.Skipped()[0].Path)
	})
}
