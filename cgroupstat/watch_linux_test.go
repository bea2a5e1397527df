package cgroupstat

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// events reads events until stop says so, or for as long as a test may take.
func events(t *testing.T, w *Watcher, stop func(Event) bool) []Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []Event
	for ev, err := range w.Events(ctx) {
		require.NoError(t, err, "after %v", got)
		assert.WithinDuration(t, time.Now(), ev.Time, 10*time.Second)
		ev.Time = time.Time{}
		got = append(got, ev)
		if stop(ev) {
			break
		}
	}
	return got
}

func until(kind EventKind) func(Event) bool { return func(ev Event) bool { return ev.Kind == kind } }

func watch(t *testing.T, h *Hierarchy) *Watcher {
	t.Helper()
	w, err := h.NewWatcher()
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

func memoryEventsOf(high, maxed, oom, kills int) string {
	return fmt.Sprintf("low 0\nhigh %d\nmax %d\noom %d\noom_kill %d\noom_group_kill 0\n", high, maxed, oom, kills)
}

// arrive makes a new group as the kernel does, with counters of zero.
func arrive(t *testing.T, dir, path string) {
	t.Helper()
	write(t, filepath.Join(dir, path, "cgroup.events"), "populated 1\nfrozen 0\n")
	write(t, filepath.Join(dir, path, "memory.events"), memoryEventsOf(0, 0, 0, 0))
}

func TestWatch(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.Add(alice))
	require.NoError(t, w.Add(alice), "twice is once")

	write(t, filepath.Join(dir, alice, "memory.events"), memoryEventsOf(25, 333, 5, 5))
	assert.Equal(t, []Event{
		{Path: alice, Kind: MemoryHigh, Count: 3, Total: 25},
		{Path: alice, Kind: OOM, Count: 1, Total: 5},
		{Path: alice, Kind: OOMKill, Count: 2, Total: 5},
	}, events(t, w, until(OOMKill)), "what was counted before it was watched is no news")

	write(t, filepath.Join(dir, alice, "memory.events"), memoryEventsOf(25, 334, 5, 5))
	write(t, filepath.Join(dir, alice, "cgroup.events"), "populated 0\nfrozen 0\n")
	assert.Equal(t, []Event{
		{Path: alice, Kind: MemoryMax, Count: 1, Total: 334},
		{Path: alice, Kind: Emptied},
	}, events(t, w, until(Emptied)))
	write(t, filepath.Join(dir, alice, "cgroup.events"), "populated 1\nfrozen 0\n")
	assert.Equal(t, []Event{{Path: alice, Kind: Populated}}, events(t, w, until(Populated)))

	// Left in the middle: the rest comes next time.
	write(t, filepath.Join(dir, alice, "memory.events"), memoryEventsOf(26, 335, 6, 6))
	assert.Equal(t, []Event{{Path: alice, Kind: MemoryHigh, Count: 1, Total: 26}}, events(t, w, until(MemoryHigh)))
	assert.Len(t, events(t, w, until(OOMKill)), 3)

	require.NoError(t, os.RemoveAll(filepath.Join(dir, alice)))
	assert.Equal(t, []Event{{Path: alice, Kind: Emptied}, {Path: alice, Kind: Gone}}, events(t, w, until(Gone)))
	assert.ErrorIs(t, w.Add(alice), ErrNotRunning)
}

// The group of a killed session is gone before its counter can be read.
func TestWatchInfersKill(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	const bob, carol = "/system.slice/jupyter-bob.service", "/system.slice/jupyter-carol.service"
	for _, path := range []string{bob, carol} {
		require.NoError(t, os.CopyFS(filepath.Join(dir, path), os.DirFS(filepath.Join(dir, alice))))
	}
	slice := func(kills int) {
		write(t, filepath.Join(dir, "system.slice/memory.events"), memoryEventsOf(0, 0, 0, kills))
	}
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.Add(alice))
	require.NoError(t, w.Add(bob))

	// Of the slice's two more, one is bob's, who lives.
	write(t, filepath.Join(dir, bob, "memory.events"), memoryEventsOf(22, 333, 4, 4))
	slice(6)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, alice)))
	assert.ElementsMatch(t, []Event{
		{Path: bob, Kind: OOMKill, Count: 1, Total: 4},
		{Path: alice, Kind: OOMKill, Count: 1, Inferred: true},
		{Path: alice, Kind: Emptied},
		{Path: alice, Kind: Gone},
	}, events(t, w, until(Gone)))

	// A kill of carol's, who is not watched, is not bob's when he leaves.
	slice(7)
	write(t, filepath.Join(dir, bob, "cgroup.events"), "populated 0\nfrozen 0\n")
	assert.Equal(t, []Event{{Path: bob, Kind: Emptied}}, events(t, w, until(Emptied)))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, bob)))
	assert.Equal(t, []Event{{Path: bob, Kind: Gone}}, events(t, w, until(Gone)))
}

func TestWatchPrefix(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	before := descriptors(t)
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.AddPrefix("/system.slice/jupyter-"))
	const bob = "/system.slice/jupyter-bob.service"

	write(t, filepath.Join(dir, "system.slice/cron.service/cgroup.events"), "populated 1\n")
	arrive(t, dir, bob)
	assert.Equal(t, []Event{{Path: bob, Kind: Created}}, events(t, w, until(Created)))

	w.Remove(bob)
	w.Remove(bob)
	require.NoError(t, w.Add(bob))
	write(t, filepath.Join(dir, alice, "memory.events"), memoryEventsOf(22, 333, 4, 4))
	write(t, filepath.Join(dir, bob, "memory.events"), memoryEventsOf(0, 0, 0, 6))
	got := events(t, w, func() func(Event) bool {
		n := 0
		return func(Event) bool { n++; return n == 2 }
	}())
	assert.ElementsMatch(t, []Event{
		{Path: alice, Kind: OOMKill, Count: 1, Total: 4},
		{Path: bob, Kind: OOMKill, Count: 6, Total: 6},
	}, got)
	assert.ErrorIs(t, w.AddPrefix("/nope.slice/jupyter-"), ErrNotRunning)
	for _, prefix := range []string{"/../x/jupyter-", "jupyter-", "", "system.slice/jupyter-"} {
		assert.ErrorIs(t, w.AddPrefix(prefix), os.ErrInvalid, "%q", prefix)
	}

	require.NoError(t, w.Close())
	assert.Equal(t, before, descriptors(t))
	assert.ErrorIs(t, w.Add(alice), ErrClosed)
	assert.ErrorIs(t, w.AddPrefix("/system.slice/"), ErrClosed)
}

// A slice may be watched itself while it is the one above others.
func TestWatchSlice(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.Add("/system.slice"))
	require.NoError(t, w.Add(alice))
	write(t, filepath.Join(dir, "system.slice/memory.events"), memoryEventsOf(0, 9, 1, 4))
	assert.Equal(t, []Event{{Path: "/system.slice", Kind: MemoryMax, Count: 6, Total: 9}}, events(t, w, until(MemoryMax)))
	w.Remove(alice) // and with her the slice as the one above
	write(t, filepath.Join(dir, "system.slice/memory.events"), memoryEventsOf(0, 10, 1, 4))
	assert.Equal(t, []Event{{Path: "/system.slice", Kind: MemoryMax, Count: 1, Total: 10}}, events(t, w, until(MemoryMax)))
}

// A unit that was given by name is forgotten when it is gone, however soon it
// runs again.
func TestWatchRestart(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.Add("/system.slice"))
	require.NoError(t, w.Add(alice))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, alice)))
	arrive(t, dir, alice)
	assert.Equal(t, []Event{{Path: alice, Kind: Emptied}, {Path: alice, Kind: Gone}}, events(t, w, until(Gone)))
	write(t, filepath.Join(dir, alice, "memory.events"), memoryEventsOf(22, 333, 9, 9))
	write(t, filepath.Join(dir, "system.slice/memory.events"), memoryEventsOf(0, 10, 1, 4))
	assert.Equal(t, []Event{{Path: "/system.slice", Kind: MemoryMax, Count: 7, Total: 10}}, events(t, w, until(MemoryMax)))
}

// What a new group counted before the watcher saw it is news.
func TestWatchKilledAtOnce(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.AddPrefix("/system.slice/jupyter-"))
	const bob = "/system.slice/jupyter-bob.service"
	arrive(t, dir, bob)
	write(t, filepath.Join(dir, bob, "memory.events"), memoryEventsOf(0, 0, 1, 2))
	write(t, filepath.Join(dir, "system.slice/memory.events"), memoryEventsOf(0, 0, 1, 5))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, alice)))
	got := events(t, w, until(OOMKill))
	assert.ElementsMatch(t, []Event{
		{Path: alice, Kind: Emptied},
		{Path: alice, Kind: Gone},
		{Path: bob, Kind: Created},
		{Path: bob, Kind: OOM, Count: 1, Total: 1},
		{Path: bob, Kind: OOMKill, Count: 2, Total: 2},
	}, got, "the kill is bob's, not alice's who left")
}

// systemctl stop jupyter.slice takes the sessions and the slice with them.
func TestWatchedSliceIsRemoved(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	const slice, unit = "/jupyter.slice", "/jupyter.slice/jupyter-carol.service"
	arrive(t, dir, unit)
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.AddPrefix(slice+"/jupyter-"))
	require.NoError(t, w.AddPrefix(slice+"/other-"))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, slice)))
	var got []EventKind
	var last error
	for ev, err := range w.Events(t.Context()) {
		if err != nil {
			last = err
			break
		}
		got = append(got, ev.Kind)
	}
	assert.Equal(t, []EventKind{Emptied, Gone}, got)
	assert.ErrorIs(t, last, ErrNotRunning)
	assert.ErrorContains(t, last, slice+"/jupyter-")
	assert.ErrorContains(t, last, slice+"/other-")
	assert.ErrorIs(t, w.AddPrefix(slice+"/jupyter-"), ErrNotRunning)

	require.NoError(t, os.Mkdir(filepath.Join(dir, slice), 0o755))
	require.NoError(t, w.AddPrefix(slice+"/jupyter-"))
	arrive(t, dir, unit)
	assert.Equal(t, []Event{{Path: unit, Kind: Created}}, events(t, w, until(Created)))
}

// One unit that cannot be watched does not keep the others from it.
func TestWatchPrefixWithMalformedUnit(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	const bad = "/system.slice/jupyter-aaa.service"
	arrive(t, dir, bad)
	write(t, filepath.Join(dir, bad, "memory.events"), "what is this?\n")
	w := watch(t, open(t, dir, Unified))
	err := w.AddPrefix("/system.slice/jupyter-")
	assert.ErrorIs(t, err, ErrMalformed)
	assert.ErrorContains(t, err, bad)
	write(t, filepath.Join(dir, alice, "memory.events"), memoryEventsOf(22, 333, 4, 4))
	assert.Equal(t, []Event{{Path: alice, Kind: OOMKill, Count: 1, Total: 4}}, events(t, w, until(OOMKill)))
}

// More notices than the queue of inotify holds: the counters are read anew.
func TestWatchOverflow(t *testing.T) {
	b, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	require.NoError(t, err)
	var queue int
	_, err = fmt.Sscan(string(b), &queue)
	require.NoError(t, err)

	dir := unpack(t, "v2-6.12.txtar")
	w := watch(t, open(t, dir, Unified))
	const removed = "/system.slice/jupyter-removed.service"
	arrive(t, dir, removed)
	require.NoError(t, w.AddPrefix("/system.slice/jupyter-"))
	w.Remove(removed)
	// Two files in turn, since the queue joins equal neighbours.
	var fds [2]int
	for i, name := range []string{"memory.events", "cgroup.events"} {
		fds[i], err = unix.Open(filepath.Join(dir, alice, name), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		defer unix.Close(fds[i])
	}
	first := map[int][]byte{fds[0]: []byte("l"), fds[1]: []byte("p")} // as it is
	for i := range queue + 1 {
		fd := fds[i%2]
		if _, err := unix.Pwrite(fd, first[fd], 0); err != nil {
			t.Fatal(err)
		}
	}
	const bob = "/system.slice/jupyter-bob.service"
	arrive(t, dir, bob)
	write(t, filepath.Join(dir, alice, "memory.events"), memoryEventsOf(22, 333, 4, 4))
	got := events(t, w, until(Created))
	assert.Equal(t, []Event{
		{Path: alice, Kind: OOMKill, Count: 1, Total: 4},
		{Path: bob, Kind: Created},
	}, got, "and nothing of the unit that is watched no more")
	assert.NotContains(t, w.w.units, removed)
}

// A reader that is slower than the events is ended by its context all the same.
func TestWatchIsCancelledAmongEvents(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.Add(alice))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	write(t, filepath.Join(dir, alice, "memory.events"), memoryEventsOf(22, 333, 4, 4))
	for ev, err := range w.Events(ctx) {
		assert.ErrorIs(t, err, context.Canceled, "%v", ev)
	}
	assert.Equal(t, []Event{{Path: alice, Kind: OOMKill, Count: 1, Total: 4}}, events(t, w, until(OOMKill)), "kept for the next")
}

func TestWatchEnds(t *testing.T) {
	h := open(t, unpack(t, "v2-6.12.txtar"), Unified)
	goroutines := runtime.NumGoroutine()
	next := func(w *Watcher, ctx context.Context) <-chan error {
		ended := make(chan error, 1)
		started := make(chan struct{})
		go func() {
			pull, stop := iter.Pull2(w.Events(ctx))
			defer stop()
			close(started)
			_, err, ok := pull()
			if _, _, more := pull(); more || !ok {
				err = fmt.Errorf("not the one and last error: %w", err)
			}
			ended <- err
		}()
		<-started
		return ended
	}
	w := watch(t, h)
	require.NoError(t, w.Add(alice))
	ctx, cancel := context.WithCancel(t.Context())
	ended := next(w, ctx)
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
	assert.ErrorIs(t, <-next(w, ctx), context.Canceled, "cancelled before")

	ended = next(w, t.Context())
	require.NoError(t, w.Close())
	assert.ErrorIs(t, <-ended, ErrClosed)
	assert.ErrorIs(t, <-next(w, t.Context()), ErrClosed)
	require.NoError(t, w.Close())
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; runtime.Gosched() {
		require.True(t, time.Now().Before(deadline), "a goroutine is left")
	}
}

// The kernel's words for these are of disks and files.
func TestWatchUsedUp(t *testing.T) {
	assert.ErrorContains(t, usedUp(unix.ENOSPC), "fs.inotify.max_user_watches")
	assert.ErrorIs(t, usedUp(unix.ENOSPC), unix.ENOSPC)
	assert.ErrorContains(t, usedUp(unix.EMFILE), "fs.inotify.max_user_instances")
	assert.Equal(t, unix.EACCES, usedUp(unix.EACCES))
}

func TestWatchMalformed(t *testing.T) {
	dir := unpack(t, "v2-6.12.txtar")
	w := watch(t, open(t, dir, Unified))
	require.NoError(t, w.Add(alice))
	write(t, filepath.Join(dir, alice, "memory.events"), "what is this?\n")
	for _, err := range w.Events(t.Context()) {
		assert.ErrorIs(t, err, ErrMalformed)
		assert.ErrorContains(t, err, alice)
	}
	write(t, filepath.Join(dir, alice, "cgroup.events"), "what is this?\n")
	assert.ErrorIs(t, watch(t, open(t, dir, Unified)).Add(alice), ErrMalformed)
}
