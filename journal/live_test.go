//go:build linux

package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/live/hub"
	"github.com/hubhost/hubhost/internal/testenv"
)

// openLive opens the journal of the live host.
func openLive(t *testing.T) *Journal {
	t.Helper()
	j, err := Open(Config{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, j.Close()) })
	return j
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s %q: %s", name, args, out)
}

// restartAlice has the hub stop and start alice's server, so that there is a
// log of both.
func restartAlice(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	c, err := hub.Dial(ctx)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Stop(ctx, "alice"))
	require.NoError(t, c.Start(ctx, "alice", nil))
}

// disturb rotates and vacuums the journal until the test ends, or stop is
// called.
func disturb(t *testing.T, keep int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			for _, arg := range []string{"--rotate", "--vacuum-files=" + strconv.Itoa(keep)} {
				out, err := exec.CommandContext(ctx, "journalctl", arg).CombinedOutput()
				assert.True(t, err == nil || ctx.Err() != nil, "journalctl %s: %v: %s", arg, err, out)
			}
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

// The same entries, byte for byte, as journalctl gives for the same question,
// while journald rotates its files.
func TestLiveSameAsJournalctl(t *testing.T) {
	testenv.Live(t)
	start := time.Now()
	restartAlice(t)
	now := time.Now()
	run(t, "journalctl", "--sync") // what was received before now is written
	j := openLive(t)
	judge := newJournalctl(t)
	boots, err := j.Boots(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, boots)
	queries := []Query{
		{Units: []string{"jupyterhub"}},
		{Units: []string{"jupyterhub"}, Since: start},
		{Units: []string{"jupyterhub"}, Priorities: AtLeast(Info)},
		{Units: []string{"jupyterhub"}, Newest: 20, Reverse: true},
		{Units: []string{"jupyter-alice"}},
		{Units: []string{"jupyter-*"}},
		{Units: []string{"jupyter-alice", "jupyterhub", "nginx"}, Since: start},
		{Units: []string{"jupyter-alice"}, Newest: 5, Reverse: true},
		{Units: []string{"jupyter-alice"}, Priorities: Between(Info, Info)},
		{Units: []string{"system.slice"}, Newest: 50, Reverse: true},
		{Identifiers: []string{"systemd"}},
		{Boot: boots[len(boots)-1].ID, Priorities: AtLeast(Notice)},
		{Match: Any(Field("_TRANSPORT", "kernel"), Field("_COMM", "systemd-logind"))},
		{Since: start},
		{},
	}
	// journalctl answers in peace: 252 was seen to lose all entries of a file
	// that was archived while it listed the directory.
	wants := make([][]byte, len(queries))
	for i := range queries {
		queries[i].Until = now
		args, err := queries[i].Args()
		require.NoError(t, err)
		wants[i] = judge.export(t, args...)
	}
	stop := disturb(t, 1000)
	for i, q := range queries {
		t.Run(fmt.Sprintf("%d %+v", i, q.Units), func(t *testing.T) {
			var got []byte
			n := 0
			for e, err := range j.EntriesLent(t.Context(), q) {
				require.NoError(t, err)
				got = e.AppendExport(got)
				n++
			}
			assert.Equal(t, string(wants[i]), string(got), "%+v", q)
			assert.NotZero(t, n)
			t.Logf("%d entries", n)
		})
	}
	stop()
	assert.Empty(t, j.Skipped())
}

// A user's log is followed from the first line to the last while files are
// rotated and removed.
func TestLiveFollow(t *testing.T) {
	testenv.Live(t)
	const runs, lines = 10, 500
	j := openLive(t)
	hubLog, err := j.Follow(Query{Units: []string{"jupyterhub"}})
	require.NoError(t, err)
	// The unit does not exist yet.
	f, err := j.Follow(Query{Units: []string{"jupyter-live-*"}})
	require.NoError(t, err)
	stop := disturb(t, 30)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range runs {
			out, err := exec.CommandContext(t.Context(), "systemd-run", "--quiet", "--wait", "--collect", "--uid=alice",
				fmt.Sprintf("--unit=jupyter-live-%d", i), "seq", strconv.Itoa(i*lines), strconv.Itoa((i+1)*lines-1)).CombinedOutput()
			assert.NoError(t, err, "%s", out)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var got []string
	managers, latest := 0, time.Duration(0)
	for e, err := range f.Entries(ctx) {
		require.NoError(t, err, "after %d lines and %d messages of the manager", len(got), managers)
		latest = max(latest, time.Since(e.Time()))
		if transport, _ := e.Get("_TRANSPORT"); string(transport) == "stdout" {
			got = append(got, e.Message())
		} else {
			managers++
		}
		// The manager tells of the start and of the end of each.
		if len(got) >= runs*lines && managers >= 2*runs {
			break
		}
	}
	wg.Wait()
	assert.Equal(t, numbers(0, runs*lines), got)
	t.Logf("an entry was seen at most %v after it was received", latest)

	// So is the hub's, from before the user's server started.
	restartAlice(t) // which takes minutes on a slow host
	ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	spawned := false
	for e, err := range hubLog.Entries(ctx) {
		require.NoError(t, err)
		assert.Equal(t, "jupyterhub.service", e.Unit())
		if spawned = spawned || slices.Contains([]string{"systemd", "python3", "jupyterhub"}, identifier(e)); spawned {
			break
		}
	}
	assert.True(t, spawned)
	stop()
	for _, err := range j.Skipped() {
		t.Errorf("skipped: %v", err)
	}
}

func identifier(e *Entry) string {
	v, _ := e.Get("SYSLOG_IDENTIFIER")
	return string(v)
}

func TestLiveAccess(t *testing.T) {
	testenv.Live(t)
	run(t, "systemd-run", "--quiet", "--wait", "--collect", "--uid=alice", "--unit=jupyter-live-access", "echo", "hello from alice")
	run(t, "journalctl", "--sync")
	id := func(s string, err error) int {
		require.NoError(t, err)
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		return n
	}
	group := func(name string) int {
		g, err := user.LookupGroup(name)
		require.NoError(t, err)
		return id(g.Gid, nil)
	}
	alice, err := user.Lookup("alice")
	require.NoError(t, err)
	uid, gid := id(alice.Uid, nil), id(alice.Gid, nil)
	count := func(q Query) (n, skipped int, err error) {
		j, err := Open(Config{})
		if err != nil {
			return 0, 0, err
		}
		defer func() { err = errors.Join(err, j.Close()) }()
		for _, err := range j.EntriesLent(t.Context(), q) {
			if err != nil {
				return n, 0, err
			}
			n++
		}
		return n, len(j.Skipped()), nil
	}
	for _, name := range []string{"adm", "systemd-journal"} {
		asUser(t, nobody, group(name), func() {
			n, skipped, err := count(Query{Units: []string{"jupyterhub"}})
			assert.NoError(t, err, name)
			assert.NotZero(t, n, name)
			assert.Zero(t, skipped, name)
		})
	}
	asUser(t, nobody, nobody, func() {
		_, _, err := count(Query{})
		assert.ErrorIs(t, err, fs.ErrPermission)
		assert.ErrorContains(t, err, "adm")
	})
	// Every user may read the own processes' log, and nothing else.
	asUser(t, uid, gid, func() {
		n, skipped, err := count(Query{Match: Field("_SYSTEMD_UNIT", "jupyter-live-access.service")})
		assert.NoError(t, err)
		assert.NotZero(t, n)
		assert.NotZero(t, skipped)
		n, _, err = count(Query{Units: []string{"jupyterhub"}})
		assert.NoError(t, err)
		assert.Zero(t, n)
	})
}
