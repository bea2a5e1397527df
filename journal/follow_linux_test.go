package journal

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/journal/internal/journaldtest"
)

// testJournald runs f beside a journald of its own, with the journal open.
func testJournald(t *testing.T, cfg journaldtest.Config, f func(t *testing.T, d *journaldtest.Journald, j *Journal)) {
	t.Helper()
	journaldtest.Run(t, cfg, func(t *testing.T, d *journaldtest.Journald) {
		j, err := Open(Config{})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, j.Close()) })
		f(t, d, j)
	})
}

func TestFollowThroughRotations(t *testing.T) {
	const n, rotations = 20_000, 50
	testJournald(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald, j *Journal) {
		// Nothing matches at the start: this is where journalctl loses the
		// entries before its first wake-up.
		f, err := j.Follow(Query{Identifiers: []string{"load"}})
		require.NoError(t, err)
		go func() {
			for i := range n {
				// It is the number of distinct fields that makes journald
				// rotate.
				s := strconv.Itoa(i)
				d.Send("MESSAGE", "message "+s, "SYSLOG_IDENTIFIER", "load", "N", s, "AGAIN", s, "AND_AGAIN", s)
				if i%1000 == 999 {
					d.Send("MESSAGE", "other", "SYSLOG_IDENTIFIER", "noise", "N", "noise")
				}
			}
		}()
		assert.Equal(t, numbers(0, n), followed(t, f, n, 200*time.Millisecond))
		assert.GreaterOrEqual(t, len(d.Files()), rotations, "rotations")
		assert.Empty(t, j.Skipped())
	})
}

func TestFollowWhileVacuuming(t *testing.T) {
	const n = 3000
	testJournald(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald, j *Journal) {
		f, err := j.Follow(Query{Match: Field("TAG", "x")})
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range n {
				d.Send("MESSAGE", "m", "TAG", "x", "N", strconv.Itoa(i))
				if i%100 == 99 {
					d.Rotate()
				}
				if i%300 == 299 {
					d.Vacuum(20)
				}
			}
		}()
		assert.Equal(t, numbers(0, n), followed(t, f, n, 200*time.Millisecond))
		<-done
		assert.Empty(t, j.Skipped())
	})
}

func TestFollowStartsAtTheCall(t *testing.T) {
	testJournald(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald, j *Journal) {
		send := func(from, to int) {
			for i := range to - from {
				d.Send("MESSAGE", "m", "TAG", "x", "N", strconv.Itoa(from+i))
			}
			d.Sync()
		}
		send(0, 10)
		q := Query{Match: Field("TAG", "x")}
		fromNow, err := j.Follow(q)
		require.NoError(t, err)
		cursor := fromNow.Cursor()
		require.NotEmpty(t, cursor)
		newest := q
		newest.Newest = 3
		withNewest, err := j.Follow(newest)
		require.NoError(t, err)

		send(10, 20)
		d.Rotate()
		send(20, 30)
		assert.Equal(t, numbers(10, 30), followed(t, fromNow, 20, 0))
		assert.Equal(t, numbers(7, 30), followed(t, withNewest, 23, 0))

		after := q
		after.After = cursor
		resumed, err := j.Follow(after)
		require.NoError(t, err)
		assert.Equal(t, numbers(10, 30), followed(t, resumed, 20, 0))

		// An early stop, in the backlog and behind it, loses nothing.
		stopping, err := j.Follow(after)
		require.NoError(t, err)
		assert.Equal(t, cursor, stopping.Cursor())
		var got []string
		for len(got) < 25 {
			if len(got) == 15 {
				send(30, 40)
			}
			for e, err := range stopping.Entries(t.Context()) {
				require.NoError(t, err)
				v, _ := e.Get("N")
				got = append(got, string(v))
				assert.Equal(t, e.Cursor(), stopping.Cursor())
				break
			}
		}
		assert.Equal(t, numbers(10, 35), got)

		// The newest entry is the cursor of one that resumes: it does not come
		// again.
		after.After = stopping.Cursor()
		resumed, err = j.Follow(after)
		require.NoError(t, err)
		assert.Equal(t, numbers(35, 40), followed(t, resumed, 5, 100*time.Millisecond))
		after.After = resumed.Cursor()
		resumed, err = j.Follow(after)
		require.NoError(t, err)
		send(40, 41)
		assert.Equal(t, numbers(40, 41), followed(t, resumed, 1, 100*time.Millisecond))
	})
}

func TestFollowCursorMovesWithoutMatches(t *testing.T) {
	testJournald(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald, j *Journal) {
		f, err := j.Follow(Query{Match: Field("TAG", "never")})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			for _, err := range f.Entries(ctx) {
				done <- err
			}
		}()
		d.Send("MESSAGE", "m", "TAG", "other")
		d.Sync()
		var last *Entry
		for e, err := range j.Entries(t.Context(), Query{Match: Field("TAG", "other")}) {
			require.NoError(t, err)
			last = e
		}
		require.NotNil(t, last)
		assert.Eventually(t, func() bool {
			l, err := parseCursor(f.Cursor())
			return err == nil && l.seqnum >= last.at.seqnum
		}, 10*time.Second, time.Millisecond)
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled)
	})
}

// Units that appear while they are followed by a pattern are followed too, and
// so is a file that did not exist: journald gives each user one.
func TestFollowNewUsers(t *testing.T) {
	testJournald(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald, j *Journal) {
		f, err := j.Follow(Query{Match: glob("TAG", "user-*")})
		require.NoError(t, err)
		const users, each = 20, 50
		var want []string
		for u := range users {
			for range each {
				want = append(want, strconv.Itoa(u))
			}
		}
		go func() {
			for _, u := range want {
				d.Send("MESSAGE", "m", "TAG", "user-"+u, "N", u)
			}
		}()
		assert.Equal(t, want, followed(t, f, len(want), 100*time.Millisecond))
	})
}

// A file is mapped with room to grow; this one grows beyond it.
func TestFollowAFileThatOutgrowsItsMapping(t *testing.T) {
	testJournald(t, journaldtest.Config{SystemMaxFileSize: "200M"}, func(t *testing.T, d *journaldtest.Journald, j *Journal) {
		const n, size = 400, 100_000
		d.Send("MESSAGE", "before")
		d.Sync()
		f, err := j.Follow(Query{Match: Field("TAG", "x")})
		require.NoError(t, err)
		go func() {
			random := rand.NewChaCha8([32]byte{})
			large := make([]byte, size)
			for i := range n {
				_, _ = random.Read(large) // it never fails
				d.Send("MESSAGE", string(large), "TAG", "x", "N", strconv.Itoa(i))
			}
		}()
		assert.Equal(t, numbers(0, n), followed(t, f, n, 0))
		for e, err := range j.EntriesLent(t.Context(), Query{Match: Field("TAG", "x")}) {
			require.NoError(t, err)
			assert.Len(t, e.Message(), size)
		}
		assert.Len(t, d.Files(), 1)
		assert.Empty(t, j.Skipped())
	})
}

func TestFollowEndsWithTheJournal(t *testing.T) {
	testJournald(t, journaldtest.Config{}, func(t *testing.T, d *journaldtest.Journald, j *Journal) {
		f, err := j.Follow(Query{})
		require.NoError(t, err)
		time.AfterFunc(20*time.Millisecond, func() { _ = j.Close() })
		var last error
		for _, err := range f.Entries(t.Context()) {
			last = err
		}
		assert.ErrorIs(t, last, fs.ErrClosed)
		fds, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		for _, fd := range fds {
			target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
			assert.NotContains(t, target, "inotify")
			assert.NotContains(t, target, "/var/log/journal")
		}
		maps, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		assert.NotContains(t, string(maps), ".journal")
	})
}
