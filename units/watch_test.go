package units_test

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

// watching is a watch whose events a test takes one by one.
type watching struct {
	t      testing.TB
	events chan units.Event
	err    chan error
	cancel context.CancelFunc
}

func watch(t testing.TB, m *units.Manager, patterns ...string) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{t: t, events: make(chan units.Event), err: make(chan error, 1), cancel: cancel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ev, err := range m.Watch(ctx, patterns...) {
			if err != nil {
				w.err <- err
				continue
			}
			select {
			case w.events <- ev:
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		within(t, "the end of the watch", func() { <-done })
	})
	return w
}

func (w *watching) next() units.Event {
	w.t.Helper()
	select {
	case ev := <-w.events:
		return ev
	case err := <-w.err:
		w.t.Fatalf("the watch ended: %v", err)
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		w.t.Fatalf("no event:\n%s", buf[:runtime.Stack(buf, true)])
	}
	panic("unreachable")
}

// expect takes events and compares them, as "kind unit state/sub".
func (w *watching) expect(want ...string) (last units.Event) {
	w.t.Helper()
	for _, text := range want {
		last = w.next()
		require.Equal(w.t, text, short(last), "%+v", last)
	}
	return last
}

func short(ev units.Event) string {
	switch ev.Kind {
	case units.Synced, units.Missed, units.Disconnected:
		return string(ev.Kind)
	case units.JobFinished:
		return fmt.Sprint(ev.Kind, " ", ev.Unit, " ", ev.Result)
	}
	return fmt.Sprintf("%s %s %s/%s", ev.Kind, ev.Unit, ev.Status.ActiveState, ev.Status.SubState)
}

func TestWatch(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		var fails atomic.Pointer[string]
		m, fake := connect(t, fakeOptions{Bus: bus, JobTime: time.Millisecond, OnJob: func(j unitstest.Job) unitstest.Outcome {
			if name := fails.Load(); name != nil && j.Unit == *name {
				return unitstest.Outcome{Result: units.JobFailed}
			}
			return unitstest.Outcome{}
		}})
		fake.Add(
			unitstest.Unit{Name: "jupyter-alice.service", ActiveState: units.Active, Properties: map[string]any{"MainPID": uint32(7), "MemoryMax": uint64(1 << 30)}},
			unitstest.Unit{Name: "jupyter-bob.service", ActiveState: units.Failed, Properties: map[string]any{"Result": "oom-kill"}},
			unitstest.Unit{Name: "jupyterhub.service"},
			unitstest.Unit{Name: "other.service"},
		)
		w := watch(t, m, "jupyter-*.service", "jupyterhub.service", "absent.service")
		w.expect("present jupyter-alice.service active/running")
		ev := w.expect("present jupyter-bob.service failed/failed")
		assert.Equal(t, "oom-kill", units.Explain(ev.Status).Code)
		w.expect("present jupyterhub.service inactive/dead")
		ev = w.expect("present absent.service inactive/dead")
		assert.Equal(t, units.NotFound, ev.Status.LoadState)
		w.expect("synced")

		require.NoError(t, m.Start(t.Context(), "other.service"))
		require.NoError(t, m.Start(t.Context(), "jupyterhub.service"))
		w.expect("changed jupyterhub.service activating/start")
		ev = w.expect("started jupyterhub.service active/running")
		assert.NotZero(t, ev.Status.MainPID)
		assert.Len(t, ev.Status.InvocationID, 32)
		assert.Equal(t, "/system.slice/jupyterhub.service", ev.Status.ControlGroup)
		assert.WithinDuration(t, time.Now(), ev.Status.Since, time.Minute)
		first := ev.Status.InvocationID
		ev = w.expect("job-finished jupyterhub.service done")
		assert.NotZero(t, ev.Job)

		require.NoError(t, m.Restart(t.Context(), "jupyterhub.service"))
		w.expect("changed jupyterhub.service activating/start")
		ev = w.expect("started jupyterhub.service active/running")
		assert.NotEqual(t, first, ev.Status.InvocationID)
		w.expect("job-finished jupyterhub.service done")

		require.NoError(t, m.Stop(t.Context(), "jupyterhub.service"))
		w.expect("stopped jupyterhub.service inactive/dead", "job-finished jupyterhub.service done")

		fails.Store(new("jupyterhub.service"))
		require.Error(t, m.Start(t.Context(), "jupyterhub.service"))
		w.expect("changed jupyterhub.service activating/start")
		ev = w.expect("failed jupyterhub.service failed/failed")
		assert.Equal(t, "exit-code", ev.Status.Result)
		assert.Equal(t, int32(1), ev.Status.ExitStatus)
		w.expect("job-finished jupyterhub.service failed")

		_, err := m.SetLimits(t.Context(), "jupyter-alice.service", units.Limits{MemoryMax: units.Bytes(2 << 30)}, units.ThisBoot)
		require.NoError(t, err)
		ev = w.expect("limits-changed jupyter-alice.service active/running")
		assert.Equal(t, units.Bytes(2<<30), ev.Status.Limits.MemoryMax)

		require.NoError(t, m.StartTransient(t.Context(), "jupyter-carol.service", units.Transient{
			Description: "Carol's", Command: []string{"/bin/true"}, Limits: units.Limits{MemoryMax: units.Bytes(1 << 20)},
		}))
		ev = w.expect("changed jupyter-carol.service activating/start")
		assert.Equal(t, "Carol's", ev.Status.Description)
		ev = w.expect("started jupyter-carol.service active/running")
		assert.Equal(t, units.Bytes(1<<20), ev.Status.Limits.MemoryMax, "limits of a unit that the watch did not know")
		assert.Equal(t, "Carol's", ev.Status.Description)
		w.expect("job-finished jupyter-carol.service done")
		require.NoError(t, m.Stop(t.Context(), "jupyter-carol.service"))
		// systemd unloads a transient unit as its last act.
		w.expect("stopped jupyter-carol.service inactive/dead")
		var rest []string
		for range 2 {
			rest = append(rest, short(w.next()))
		}
		assert.ElementsMatch(t, []string{"gone jupyter-carol.service inactive/dead", "job-finished jupyter-carol.service done"}, rest)

		// A unit that somebody looks at is loaded and unloaded: no event.
		fake.Add(unitstest.Unit{Name: "jupyter-dead.service"})
		fake.Change("jupyter-dead.service", func(*unitstest.Unit) {})
		fake.Remove("jupyter-dead.service")
		fake.Change("jupyter-alice.service", func(u *unitstest.Unit) { u.Properties["StatusText"] = "busy" })
		ev = w.expect("changed jupyter-alice.service active/running")
		assert.Equal(t, "busy", ev.Status.StatusText)

		w.cancel()
		within(t, "the end", func() { assert.ErrorIs(t, <-w.err, context.Canceled) })
	})
}

// Every change comes once and in its order, also with a reader that is busy.
func TestWatchOrder(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus})
		fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Active})
		w := watch(t, m, "a.service")
		w.expect("present a.service active/running", "synced")
		go func() {
			for i := range 400 {
				fake.Change("a.service", func(u *unitstest.Unit) {
					u.SubState = fmt.Sprint("s", i)
					u.Properties["NRestarts"] = uint32(i + 1)
				})
			}
		}()
		for i := range 400 {
			ev := w.expect(fmt.Sprintf("changed a.service active/s%d", i))
			require.Equal(t, uint32(i+1), ev.Status.Restarts, "both halves of a change are one event")
		}
	})
}

// The two signals of a change in the wrong order lose nothing.
func TestWatchReorderedSignals(t *testing.T) {
	t.Parallel()
	m, fake := connect(t, fakeOptions{})
	fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Active})
	w := watch(t, m, "a.service")
	w.expect("present a.service active/running", "synced")
	fake.ChangeReordered("a.service", func(u *unitstest.Unit) {
		u.ActiveState, u.SubState = units.Failed, "failed"
		u.Properties["Result"] = "oom-kill"
	})
	w.expect("failed a.service failed/failed")
	ev := w.expect("changed a.service failed/failed")
	assert.Equal(t, "oom-kill", ev.Status.Result)

	// The end of a job that is not known, and out of turn.
	fake.FinishJob(99, "a.service", units.JobDone)
	fake.FinishJob(98, "a.service", units.JobFailed)
	assert.Equal(t, uint32(99), w.expect("job-finished a.service done").Job)
	assert.Equal(t, uint32(98), w.expect("job-finished a.service failed").Job)
}

// Signals that are older than the state that was read are not told after it.
func TestWatchSignalsFromBeforeTheLook(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		var fake *unitstest.Fake
		var once sync.Once
		m, fake := connect(t, fakeOptions{Bus: bus, OnCall: func(c unitstest.Call) error {
			if c.Method == "ListUnitsByPatterns" {
				once.Do(func() {
					fake.Change("a.service", func(u *unitstest.Unit) {
						u.SubState, u.Properties["StatusText"] = "older", "older"
					})
					fake.ChangeQuietly("a.service", func(u *unitstest.Unit) {
						u.SubState, u.Properties["StatusText"] = "newer", "newer"
					})
					fake.Remove("b.service")
					fake.Add(unitstest.Unit{Name: "b.service", ActiveState: units.Active})
				})
			}
			return nil
		}})
		fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Active}, unitstest.Unit{Name: "b.service", ActiveState: units.Active})
		w := watch(t, m, "*.service")
		ev := w.expect("present a.service active/newer")
		assert.Equal(t, "newer", ev.Status.StatusText)
		w.expect("present b.service active/running", "synced")
		fake.Change("a.service", func(u *unitstest.Unit) { u.SubState = "newest" })
		ev = w.expect("changed a.service active/newest")
		assert.Equal(t, "newer", ev.Status.StatusText)
	})
}

// The connection is lost while the watch reads the present state: it tells so
// and reads it again.
func TestWatchLostInTheMiddleOfALook(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		var fake *unitstest.Fake
		lists := 0
		m, fake := connect(t, fakeOptions{Bus: bus, OnCall: func(c unitstest.Call) error {
			if c.Method == "ListUnitsByPatterns" {
				if lists++; lists == 2 {
					fake.ChangeQuietly("a.service", func(u *unitstest.Unit) { u.ActiveState, u.SubState = units.Failed, "failed" })
					fake.Restart()
				}
			}
			return nil
		}})
		fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Active})
		w := watch(t, m, "a.service")
		w.expect("present a.service active/running", "synced")
		fake.Reload()
		got := map[string]bool{"disconnected": bus != nil}
		for !got["disconnected"] || !got["failed a.service failed/failed"] || !got["synced"] {
			got[short(w.next())] = true
		}
	})
}

// A reader that is too slow is told of a lost connection all the same.
func TestWatchSlowReaderLearnsOfTheLoss(t *testing.T) {
	m, fake := connect(t, fakeOptions{})
	fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Active})
	w := watch(t, m, "a.service")
	w.expect("present a.service active/running", "synced")
	change := func(i int) {
		fake.Change("a.service", func(u *unitstest.Unit) { u.SubState = fmt.Sprint("s", i) })
	}
	change(0)
	fake.Restart()
	within(t, "the next connection", func() {
		for len(fake.Calls("Subscribe")) < 2 {
			if _, err := m.List(t.Context(), units.Filter{}); err != nil {
				require.ErrorIs(t, err, units.ErrConnectionLost)
			}
		}
	})
	for i := range 1100 {
		change(i + 1)
	}
	var kinds []units.EventKind
	for ev := w.next(); ; ev = w.next() {
		kinds = append(kinds, ev.Kind)
		if ev.Kind == units.Disconnected {
			break
		}
	}
	assert.Contains(t, kinds, units.Missed)
}

// A watch that was left costs nothing any more: a bus lets one connection have
// 512 rules for signals.
func TestWatchesOneAfterTheOther(t *testing.T) {
	m, _ := connect(t, fakeOptions{Bus: unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon"))})
	for range 600 {
		for ev, err := range m.Watch(t.Context(), "none-*.service") {
			require.NoError(t, err)
			require.Equal(t, units.Synced, ev.Kind)
			break
		}
	}
}

// 20,000 signals to a reader that is slow: it is told what it missed and led
// to the present state, memory stays bounded, and nobody else waits for it.
func TestWatchSlowReader(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus})
		fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Active}, unitstest.Unit{Name: "b.service"}, unitstest.Unit{Name: "c.service", ActiveState: units.Active})
		slow := watch(t, m, "*.service")
		slow.expect("present a.service active/running", "present b.service inactive/dead", "present c.service active/running", "synced")

		before := heap()
		for i := range 10_000 { // two signals each
			fake.Change("a.service", func(u *unitstest.Unit) {
				u.SubState = fmt.Sprint("s", i)
				u.Properties["StatusText"] = fmt.Sprintf("%0100d", i)
			})
			if i == 5000 { // among those that are dropped
				fake.Change("c.service", func(u *unitstest.Unit) { u.ActiveState, u.SubState = units.Failed, "failed" })
			}
		}
		within(t, "start beside a slow reader", func() { require.NoError(t, m.Start(t.Context(), "b.service")) })
		if grown := heap() - before; grown > 8<<20 {
			t.Errorf("20,000 signals left %d bytes waiting", grown)
		}
		if n := len(goroutines()); n > 40 {
			t.Errorf("20,000 signals left %d goroutines", n)
		}

		missed, last, started, failed := 0, -1, false, false
		for !started || !failed || last != 9999 {
			ev := slow.next()
			switch {
			case ev.Kind == units.Missed:
				missed += ev.Count
			case ev.Unit == "a.service":
				var n int
				fmt.Sscanf(ev.Status.SubState, "s%d", &n)
				require.Greater(t, n, last, "no step back")
				last = n
			case ev.Kind == units.UnitStarted:
				started = true
			case ev.Kind == units.UnitFailed:
				failed = true
			}
		}
		assert.Greater(t, missed, 10_000)
		fake.Change("a.service", func(u *unitstest.Unit) { u.SubState = "after" })
		for {
			if ev := slow.next(); ev.Unit == "a.service" {
				require.Equal(t, "changed a.service active/after", short(ev))
				break
			}
		}
	})
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// What happens while the connection is lost is in the present state after it.
func TestWatchAcrossRestarts(t *testing.T) {
	for _, what := range []string{"direct: manager", "dbus-daemon: manager", "dbus-daemon: bus"} {
		t.Run(what, func(t *testing.T) {
			var bus *unitstest.Bus
			if strings.HasPrefix(what, "dbus-daemon") {
				bus = unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon"))
			}
			m, fake := connect(t, fakeOptions{Bus: bus})
			fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Active}, unitstest.Unit{Name: "b.service", ActiveState: units.Active},
				unitstest.Unit{Name: "c.service", ActiveState: units.Active}, unitstest.Unit{Name: "d.service", ActiveState: units.Active})
			w := watch(t, m, "*.service")
			w.expect("present a.service active/running", "present b.service active/running", "present c.service active/running", "present d.service active/running", "synced")
			fake.ChangeQuietly("a.service", func(u *unitstest.Unit) { u.ActiveState, u.SubState = units.Inactive, "dead" })
			fake.ChangeQuietly("b.service", func(u *unitstest.Unit) { u.Properties["InvocationID"] = []byte("0123456789abcdef") })
			fake.ChangeQuietly("c.service", func(u *unitstest.Unit) { u.Properties["MemoryMax"] = uint64(1 << 20) })
			if strings.HasSuffix(what, "bus") {
				bus.Stop()
				assert.ErrorIs(t, w.expect("disconnected").Err, units.ErrConnectionLost)
				fake.Remove("d.service")
				bus.Start()
			} else {
				fake.Restart()
				if bus == nil {
					w.expect("disconnected")
				}
			}
			got := map[string]bool{}
			for len(got) < 3 {
				ev := w.next()
				got[short(ev)] = true
				delete(got, "synced")
				delete(got, "gone d.service active/running")
			}
			assert.Equal(t, map[string]bool{"stopped a.service inactive/dead": true, "started b.service active/running": true, "limits-changed c.service active/running": true}, got)
			// And it goes on.
			fake.Change("a.service", func(u *unitstest.Unit) { u.ActiveState, u.SubState = units.Failed, "failed" })
			for {
				ev := w.next()
				if ev.Unit == "a.service" {
					require.Equal(t, "failed a.service failed/failed", short(ev))
					break
				}
			}
		})
	}
}

// systemd drops all units to read them anew. None of them went away by that,
// nor has one changed that was started since the watch began.
func TestWatchAfterReload(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus})
		fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Active}, unitstest.Unit{Name: "b.service", ActiveState: units.Active})
		w := watch(t, m, "*.service", "exact.service")
		w.expect("present a.service active/running", "present b.service active/running", "present exact.service inactive/dead", "synced")
		for _, name := range []string{"exact.service", "new.service"} {
			require.NoError(t, m.StartTransient(t.Context(), name, units.Transient{Description: "new", Command: []string{"/bin/true"}}))
			ev := w.expect("started " + name + " active/running")
			assert.Equal(t, "new", ev.Status.Description)
			assert.Equal(t, units.Loaded, ev.Status.LoadState)
			w.expect("job-finished " + name + " done")
		}
		fake.ChangeQuietly("a.service", func(u *unitstest.Unit) { u.Properties["TasksMax"] = uint64(10) })
		require.NoError(t, m.DaemonReload(t.Context()))
		assert.Equal(t, units.Count(10), w.expect("limits-changed a.service active/running").Status.Limits.TasksMax)
		w.expect("synced")
		// What is unloaded after that is gone.
		fake.Remove("b.service")
		w.expect("gone b.service active/running")
	})
}

// Lists and signals know a unit by its own name only.
func TestWatchAlias(t *testing.T) {
	m, fake := connect(t, fakeOptions{})
	fake.Add(unitstest.Unit{Name: "ssh.service", Aliases: []string{"sshd.service"}, ActiveState: units.Active})
	status, err := m.Status(t.Context(), "sshd.service")
	require.NoError(t, err)
	assert.Equal(t, "ssh.service", status.Name)
	w := watch(t, m, "sshd.service")
	w.expect("present ssh.service active/running", "synced")
	require.NoError(t, m.Stop(t.Context(), "sshd.service"))
	w.expect("stopped ssh.service inactive/dead", "job-finished ssh.service done")
	require.NoError(t, m.DaemonReload(t.Context()))
	w.expect("synced")
}

func TestWatchEnds(t *testing.T) {
	refused := &unitstest.Error{Name: "org.freedesktop.DBus.Error.AccessDenied", Message: "no"}
	var mu sync.Mutex
	deny := false
	m, fake := connect(t, fakeOptions{OnCall: func(c unitstest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		if deny && c.Method == "ListUnitsByPatterns" {
			return refused
		}
		return nil
	}})
	fake.Add(unitstest.Unit{Name: "a.service"}, unitstest.Unit{Name: "b.service"})
	// Left at the first event, and used twice.
	sequence := m.Watch(t.Context(), "*.service")
	for range 2 {
		for ev, err := range sequence {
			require.NoError(t, err)
			require.Equal(t, "present a.service inactive/dead", short(ev))
			// No lock is held: anything may be called.
			require.NoError(t, m.Start(t.Context(), "b.service"))
			break
		}
	}
	for _, pattern := range []string{"", "[", "a[.service", "\xff*", "a\x00*"} {
		n := 0
		for _, err := range m.Watch(t.Context(), pattern) {
			n++
			require.ErrorIs(t, err, units.ErrInvalidName)
		}
		require.Equal(t, 1, n, "the error comes once")
	}
	n := 0
	for ev, err := range m.Watch(t.Context()) {
		require.NoError(t, err)
		n++
		if ev.Kind == units.Synced {
			// No pattern chooses every unit.
			require.Equal(t, 3, n)
			require.NoError(t, m.Stop(t.Context(), "b.service"))
		}
		if ev.Kind == units.UnitStopped {
			break
		}
	}
	mu.Lock()
	deny = true
	mu.Unlock()
	for _, err := range m.Watch(t.Context(), "*") {
		require.ErrorIs(t, err, fs.ErrPermission)
	}
}
