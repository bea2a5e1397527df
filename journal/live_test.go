package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/live/hub"
	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/journal"
)

func liveContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s %q: %s", name, args, stderr.Bytes())
	return out
}

func openHost(t testing.TB) *journal.Journal {
	t.Helper()
	j, err := journal.Open(journal.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, j.Close()) })
	return j
}

// startAlice makes the hub write of alice, and alice's server of itself.
func startAlice(t *testing.T, ctx context.Context) *hub.Client {
	t.Helper()
	h, err := hub.Dial(ctx)
	require.NoError(t, err)
	t.Cleanup(h.Close)
	require.NoError(t, h.Stop(ctx, "alice"))
	require.NoError(t, h.Start(ctx, "alice", nil))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, h.Stop(ctx, "alice"))
	})
	return h
}

// TestLiveSameAsJournalctl asks for the hub's log and alice's, by unit, by
// priority and by time, while files are rotated.
func TestLiveSameAsJournalctl(t *testing.T) {
	testenv.Live(t)
	ctx := liveContext(t)
	start := time.Now()
	h := startAlice(t, ctx)
	spawned := time.Now()
	run(t, "journalctl", "--rotate")
	require.NoError(t, h.Stop(ctx, "alice"))
	require.NoError(t, h.Start(ctx, "alice", nil))
	run(t, "journalctl", "--sync")

	j := openHost(t)
	// What is written from here on is not asked for.
	until := time.Now().Add(-time.Millisecond)
	for _, tt := range []struct {
		name string
		q    journal.Query
		some bool // there must be entries
	}{
		{"the hub", journal.Query{Units: []string{"jupyterhub"}}, true},
		{"alice", journal.Query{Units: []string{"jupyter-alice"}}, true},
		{"all users", journal.Query{Units: []string{"jupyter-*"}}, true},
		{"both", journal.Query{Units: []string{"jupyterhub.service", "jupyter-alice.service"}}, true},
		{"alice since", journal.Query{Units: []string{"jupyter-alice"}, Since: start}, true},
		{"the hub between", journal.Query{Units: []string{"jupyterhub"}, Since: start, Until: spawned}, true},
		{"alice's newest", journal.Query{Units: []string{"jupyter-alice"}, Newest: 5, Reverse: true}, true},
		{"by priority", journal.Query{Units: []string{"jupyterhub", "jupyter-alice"}, Priorities: journal.Between(journal.Notice, journal.Info)}, true},
		{"warnings", journal.Query{Priorities: journal.AtLeast(journal.Warning)}, false},
		{"errors of alice", journal.Query{Units: []string{"jupyter-alice"}, Priorities: journal.AtLeast(journal.Err)}, false},
		{"alice's processes", journal.Query{Match: journal.Field("_UID", "1001")}, true},
		{"a slice", journal.Query{Units: []string{"system.slice"}}, true},
		{"the service manager", journal.Query{Identifiers: []string{"systemd"}}, true},
		{"everything", journal.Query{}, true},
	} {
		if tt.q.Until.IsZero() {
			tt.q.Until = until
		}
		args, err := tt.q.Args()
		require.NoError(t, err)
		var want, got []byte
		for e, err := range journal.ReadExport(bytes.NewReader(run(t, "journalctl", args...))) {
			require.NoError(t, err)
			want = e.AppendExport(want)
		}
		entries := 0
		for e, err := range j.Entries(ctx, tt.q) {
			require.NoError(t, err)
			got = e.AppendExport(got)
			entries++
		}
		t.Logf("%s: %d entries", tt.name, entries)
		assert.True(t, bytes.Equal(want, got), "%s: journalctl has %d entries, we have %d", tt.name, bytes.Count(want, []byte("\n\n")), entries)
		assert.True(t, entries > 0 || !tt.some, tt.name)
	}
	assert.Empty(t, j.Skipped())
}

// TestLiveFollow follows the hub and all users, also one who comes later,
// while files are rotated and vacuumed.
func TestLiveFollow(t *testing.T) {
	testenv.Live(t)
	ctx := liveContext(t)
	const lines = 5000
	j := openHost(t)
	f, err := j.Follow(journal.Query{Units: []string{"jupyterhub", "jupyter-*"}})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	counted := make(map[string]int)  // the lines of the load
	cursors := make(map[string]int)  // of all entries
	messages := make(map[string]int) // by unit
	done := errors.New("the last line was not seen")
	wg.Go(func() {
		for e, err := range f.Entries(ctx) {
			if err != nil {
				done = err
				return
			}
			cursors[e.Cursor()]++
			messages[e.Unit()]++
			if e.Unit() == "jupyter-load.service" && !strings.ContainsAny(e.Message(), " ") {
				counted[e.Message()]++
				if e.Message() == strconv.Itoa(lines-1) {
					done = nil
					return
				}
			}
		}
	})
	startAlice(t, ctx)
	load := exec.CommandContext(ctx, "systemd-run", "--unit=jupyter-load", "--uid=bob", "--wait", "--collect", "/usr/bin/seq", "0", strconv.Itoa(lines-1))
	require.NoError(t, load.Start())
	for range 10 {
		run(t, "journalctl", "--rotate")
		run(t, "journalctl", "--vacuum-files=10")
	}
	require.NoError(t, load.Wait())
	wg.Wait()
	require.NoError(t, done)

	lost := 0
	for i := range lines {
		if counted[strconv.Itoa(i)] != 1 {
			lost++
		}
	}
	assert.Zero(t, lost, "lines not seen exactly once")
	for cursor, n := range cursors {
		assert.Equal(t, 1, n, cursor)
	}
	t.Logf("seen: %v", messages)
	assert.NotZero(t, messages["jupyterhub.service"])
	assert.NotZero(t, messages["jupyter-alice.service"])
}

// TestLiveAccess reads as ada, who is in the group adm, and as eve, who is in
// none.
func TestLiveAccess(t *testing.T) {
	testenv.Live(t)
	const as = "JOURNAL_LIVE_AS"
	if os.Getenv(as) != "" {
		j, err := journal.Open(journal.Config{})
		if err != nil {
			fmt.Printf("RESULT denied=%t %v\n", errors.Is(err, fs.ErrPermission), err)
			return
		}
		defer j.Close()
		n := 0
		for _, err := range j.Entries(t.Context(), journal.Query{Units: []string{"jupyterhub"}}) {
			require.NoError(t, err)
			n++
		}
		fmt.Printf("RESULT read=%t skipped=%d\n", n > 0, len(j.Skipped()))
		return
	}
	for name, want := range map[string]string{
		"ada": "RESULT read=true skipped=0",
		"eve": "RESULT denied=true",
	} {
		u, err := user.Lookup(name)
		require.NoError(t, err)
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		require.NoError(t, err)
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		require.NoError(t, err)
		ids, err := u.GroupIds()
		require.NoError(t, err)
		var groups []uint32
		for _, id := range ids {
			g, err := strconv.ParseUint(id, 10, 32)
			require.NoError(t, err)
			groups = append(groups, uint32(g))
		}
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestLiveAccess$", "-test.v")
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), as+"="+name)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
		assert.Contains(t, string(out), want, name)
		if name == "eve" {
			assert.Contains(t, string(out), "systemd-journal")
			assert.Contains(t, string(out), "adm")
		}
	}
}
