package units_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

type fakeOptions = unitstest.Options

// connect returns a Manager of a fake; both end with the test, and so must
// every goroutine of theirs.
func connect(t testing.TB, options fakeOptions) (*units.Manager, *unitstest.Fake) {
	t.Helper()
	checkGoroutines(t)
	fake := unitstest.New(t, options)
	return dial(t, fake.Config()), fake
}

func dial(t testing.TB, config *units.Config) *units.Manager {
	t.Helper()
	m, err := units.Connect(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(m.Close)
	return m
}

// checking is how many tests that call checkGoroutines are running.
var checking atomic.Int32

// checkGoroutines fails the test if goroutines of this package, of the fake or
// of the D-Bus library are left at its end, or, if others run beside it, at
// the end of the last of them. Call it before anything starts one.
func checkGoroutines(t testing.TB) {
	t.Helper()
	checking.Add(1)
	t.Cleanup(func() {
		checking.Add(-1)
		var left []string
		for range 200 {
			if left = goroutines(); len(left) == 0 || checking.Load() > 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d goroutines are left, such as:\n%s", len(left), left[0])
	})
}

func goroutines() []string {
	buf := make([]byte, 8<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for _, g := range strings.Split(string(buf), "\n\n") {
		if strings.Contains(g, "testing.(*T)") || strings.Contains(g, "testing.tRunner") || strings.Contains(g, "testing.(*common)") {
			continue
		}
		if strings.Contains(g, "hubhost/units") || strings.Contains(g, "godbus/dbus") {
			left = append(left, g)
		}
	}
	return left
}

// both runs a test on the fake directly and on a real dbus-daemon.
func both(t *testing.T, run func(t *testing.T, bus *unitstest.Bus)) {
	t.Run("direct", func(t *testing.T) { run(t, nil) })
	t.Run("dbus-daemon", func(t *testing.T) {
		run(t, unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon")))
	})
}

// patience is how long what must happen may take: a machine may be busy.
const patience = time.Minute

func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		t.Fatalf("%s hangs:\n%s", what, buf[:runtime.Stack(buf, true)])
	}
}

func TestConnectWhereThereIsNothing(t *testing.T) {
	checkGoroutines(t)
	dir := t.TempDir()
	_, err := units.Connect(t.Context(), &units.Config{Address: "unix:path=" + filepath.Join(dir, "none")})
	var e *units.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "connect", e.Op)
	assert.ErrorIs(t, err, units.ErrNoManager)

	_, err = units.Connect(t.Context(), &units.Config{Address: "nonsense"})
	assert.ErrorIs(t, err, units.ErrNoManager)
	assert.ErrorContains(t, err, "nonsense")
}

func TestConnectToBusWithoutSystemd(t *testing.T) {
	checkGoroutines(t)
	bus := unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon"))
	_, err := units.Connect(t.Context(), &units.Config{Address: bus.Address()})
	assert.ErrorIs(t, err, units.ErrNoManager)
	var e *units.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "org.freedesktop.DBus.Error.ServiceUnknown", e.Name)
}

// A peer that accepts and then says nothing holds up nobody past the context.
func TestConnectToSilence(t *testing.T) {
	checkGoroutines(t)
	silence, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer silence.Close()
	go func() {
		for {
			conn, err := silence.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	address := "unix:path=" + silence.Addr().String()
	within(t, "connect", func() {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err := units.Connect(ctx, &units.Config{Address: address})
		assert.ErrorIs(t, err, context.Canceled)
	})
	within(t, "connect", func() {
		_, err := units.Connect(t.Context(), &units.Config{Address: address, Timeout: 20 * time.Millisecond})
		assert.ErrorIs(t, err, units.ErrNoManager)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestConnectRefusedBySocket(t *testing.T) {
	checkGoroutines(t)
	for _, refusal := range []error{os.ErrPermission, os.NewSyscallError("connect", syscall.EACCES)} {
		config := &units.Config{Dial: func(context.Context) (io.ReadWriteCloser, error) {
			return nil, &net.OpError{Op: "dial", Err: refusal}
		}}
		_, err := units.Connect(t.Context(), config)
		assert.ErrorIs(t, err, fs.ErrPermission)
		assert.NotErrorIs(t, err, units.ErrNoManager)
	}
}

// The queue of systemd's private socket is full for a moment: EAGAIN.
func TestConnectToBusySocket(t *testing.T) {
	checkGoroutines(t)
	fake := unitstest.New(t, fakeOptions{})
	attempts := 0
	config := &units.Config{Private: true, Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
		if attempts++; attempts < 3 {
			return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EAGAIN)}
		}
		return fake.Dial(ctx)
	}}
	dial(t, config)
	assert.Equal(t, 3, attempts)

	attempts = -1000
	config.Timeout = 50 * time.Millisecond
	_, err := units.Connect(t.Context(), config)
	assert.ErrorIs(t, err, units.ErrNoManager)
	assert.ErrorIs(t, err, syscall.EAGAIN)
}

// A connection that ends as soon as it is made is not dialled again and again
// without a pause.
func TestBackOff(t *testing.T) {
	m, fake := connect(t, fakeOptions{})
	began := time.Now()
	for range 6 {
		before := len(fake.Calls("Subscribe"))
		fake.Restart()
		within(t, "the next connection", func() {
			for len(fake.Calls("Subscribe")) == before {
				_, err := m.List(t.Context(), units.Filter{})
				require.True(t, err == nil || errors.Is(err, units.ErrConnectionLost), "%v", err)
			}
		})
	}
	// However slow the machine is, it is not less than the pauses.
	assert.Greater(t, time.Since(began), (20+40+80+160)*time.Millisecond)
}

// The context of Connect is not the life of the connection.
func TestContextOfConnectIsNotTheConnection(t *testing.T) {
	checkGoroutines(t)
	fake := unitstest.New(t, fakeOptions{})
	fake.Add(unitstest.Unit{Name: "a.service"})
	ctx, cancel := context.WithCancel(t.Context())
	m, err := units.Connect(ctx, fake.Config())
	require.NoError(t, err)
	defer m.Close()
	cancel()
	require.NoError(t, m.Start(t.Context(), "a.service"))
}

func TestClose(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus, JobTime: time.Hour})
		fake.Add(unitstest.Unit{Name: "a.service"})
		errs := make(chan error, 3)
		go func() { errs <- m.Start(t.Context(), "a.service") }()
		go func() {
			for _, err := range m.Watch(t.Context(), "*.service") {
				if err != nil {
					errs <- err
				}
			}
		}()
		require.Eventually(t, func() bool { return len(fake.Calls("StartUnit")) == 1 }, patience, time.Millisecond)
		within(t, "close", m.Close)
		for range 2 {
			assert.ErrorIs(t, <-errs, units.ErrClosed)
		}
		assert.ErrorIs(t, m.Start(t.Context(), "a.service"), units.ErrClosed)
		m.Close()
	})
}

func TestJobResults(t *testing.T) {
	results := map[string]units.JobResult{}
	m, fake := connect(t, fakeOptions{OnJob: func(j unitstest.Job) unitstest.Outcome {
		return unitstest.Outcome{Result: results[j.Unit]}
	}})
	for _, result := range []units.JobResult{units.JobTimeout, units.JobFailed, units.JobDependency, units.JobSkipped, units.JobInvalid,
		units.JobAssert, units.JobUnsupported, units.JobCollected, units.JobOnce, units.JobFrozen, units.JobConcurrency, "new-in-systemd-300"} {
		name := string(result) + ".service"
		results[name] = result
		fake.Add(unitstest.Unit{Name: name})
		err := m.Restart(t.Context(), name)
		var e *units.JobError
		require.ErrorAs(t, err, &e)
		assert.Equal(t, result, e.Result)
		assert.Equal(t, "restart", e.Op)
		assert.Equal(t, name, e.Unit)
		assert.NotZero(t, e.Job)
		assert.Contains(t, err.Error(), name)
	}
	fake.Add(unitstest.Unit{Name: "fine.service"})
	require.NoError(t, m.Restart(t.Context(), "fine.service"))
	require.NoError(t, m.Reload(t.Context(), "fine.service"))
	require.NoError(t, m.TryRestart(t.Context(), "fine.service"))
	require.NoError(t, m.ReloadOrRestart(t.Context(), "fine.service", units.InMode(units.FailMode)))
	require.NoError(t, m.Stop(t.Context(), "fine.service"))
	last := fake.Calls("ReloadOrRestartUnit")
	assert.Equal(t, []any{"fine.service", "fail"}, last[0].Args)
}

func TestRefusals(t *testing.T) {
	refuse := map[string]error{}
	m, fake := connect(t, fakeOptions{OnCall: func(c unitstest.Call) error { return refuse[c.Unit] }})
	fake.Add(unitstest.Unit{Name: "masked.service", LoadState: units.Masked}, unitstest.Unit{Name: "denied.service"},
		unitstest.Unit{Name: "ask.service"}, unitstest.Unit{Name: "noreload.service"}, unitstest.Unit{Name: "odd.service"})
	refuse["denied.service"] = &unitstest.Error{Name: "org.freedesktop.DBus.Error.AccessDenied", Message: "Permission denied"}
	refuse["ask.service"] = &unitstest.Error{Name: "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", Message: "Interactive authentication required."}
	refuse["noreload.service"] = &unitstest.Error{Name: "org.freedesktop.systemd1.JobTypeNotApplicable", Message: "Job type reload is not applicable for unit noreload.service."}
	for _, name := range []string{"NoReply", "Disconnected", "ServiceUnknown", "NameHasNoOwner", "TimedOut", "Spawn.ExecFailed", "Spawn.PermissionsInvalid"} {
		refuse["away.service"] = &unitstest.Error{Name: "org.freedesktop.DBus.Error." + name, Message: "away"}
		err := m.Reload(t.Context(), "away.service")
		assert.ErrorIs(t, err, units.ErrConnectionLost, name)
		assert.NotErrorIs(t, err, units.ErrNoSuchUnit, name)
	}
	refuse["odd.service"] = &unitstest.Error{Name: "org.freedesktop.systemd1.BadUnitSetting", Message: "Unit odd.service has a bad unit file setting."}
	for name, want := range map[string]error{
		"none.service": units.ErrNoSuchUnit, "masked.service": units.ErrMasked, "denied.service": fs.ErrPermission,
		"ask.service": fs.ErrPermission, "noreload.service": units.ErrNotApplicable,
	} {
		err := m.Reload(t.Context(), name)
		assert.ErrorIs(t, err, want, name)
		for _, other := range []error{units.ErrNoSuchUnit, units.ErrMasked, fs.ErrPermission, units.ErrNotApplicable, units.ErrConnectionLost, units.ErrNoManager} {
			if other != want {
				assert.NotErrorIs(t, err, other, name)
			}
		}
		var e *units.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, "reload", e.Op)
		assert.Equal(t, name, e.Unit)
		assert.NotEmpty(t, e.Name)
	}
	assert.ErrorIs(t, m.Start(t.Context(), "none.service"), fs.ErrNotExist)
	err := m.Start(t.Context(), "odd.service")
	assert.EqualError(t, err, "start odd.service: Unit odd.service has a bad unit file setting.")
}

func TestInteractive(t *testing.T) {
	checkGoroutines(t)
	fake := unitstest.New(t, fakeOptions{})
	fake.Add(unitstest.Unit{Name: "a.service"})
	for _, interactive := range []bool{false, true} {
		config := fake.Config()
		config.Interactive = interactive
		m := dial(t, config)
		require.NoError(t, m.Restart(t.Context(), "a.service"))
		require.NoError(t, m.DaemonReload(t.Context()))
		for _, method := range []string{"RestartUnit", "Reload"} {
			calls := fake.Calls(method)
			assert.Equal(t, interactive, calls[len(calls)-1].Interactive, method)
		}
	}
}

func TestNoWait(t *testing.T) {
	m, fake := connect(t, fakeOptions{JobTime: time.Hour})
	fake.Add(unitstest.Unit{Name: "a.service"})
	within(t, "start", func() {
		require.NoError(t, m.Start(t.Context(), "a.service", units.NoWait))
	})
	list, err := m.List(t.Context(), units.Filter{Patterns: []string{"a.*"}})
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, units.Activating, list[0].ActiveState)
	assert.Equal(t, "start", list[0].JobType)
	require.NoError(t, m.CancelJob(t.Context(), list[0].Job))
}

func TestCancelledWait(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus, JobTime: time.Hour})
		fake.Add(unitstest.Unit{Name: "a.service"})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Start(ctx, "a.service") }()
		require.Eventually(t, func() bool { return len(fake.Calls("StartUnit")) == 1 }, patience, time.Millisecond)
		cancel()
		within(t, "cancelled start", func() { assert.ErrorIs(t, <-done, context.Canceled) })
	})
}

func TestJobCancelledAndSuperseded(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus, OnJob: func(j unitstest.Job) unitstest.Outcome {
			if j.Type == "start" {
				return unitstest.Outcome{After: time.Hour}
			}
			return unitstest.Outcome{}
		}})
		fake.Add(unitstest.Unit{Name: "a.service"}, unitstest.Unit{Name: "b.service"})
		for name, end := range map[string]func(){
			"a.service": func() {
				list, err := m.List(t.Context(), units.Filter{Patterns: []string{"a.service"}})
				require.NoError(t, err)
				require.NoError(t, m.CancelJob(t.Context(), list[0].Job))
			},
			"b.service": func() { require.NoError(t, m.Stop(t.Context(), "b.service")) },
		} {
			// Two that wait for one job.
			done := make(chan error)
			for range 2 {
				go func() { done <- m.Start(t.Context(), name) }()
			}
			require.Eventually(t, func() bool {
				n := 0
				for _, c := range fake.Calls("StartUnit") {
					if c.Unit == name {
						n++
					}
				}
				u, _ := fake.Unit(name)
				return n == 2 && u.ActiveState == units.Activating
			}, patience, time.Millisecond)
			end()
			for range 2 {
				var e *units.JobError
				within(t, name, func() { require.ErrorAs(t, <-done, &e) })
				assert.Equal(t, units.JobCanceled, e.Result)
				assert.Equal(t, name == "b.service", e.Superseded, name)
			}
		}
	})
}

// JobRemoved before the reply, late, and never.
func TestJobSignalOutOfStep(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		t.Parallel()
		outcomes := map[string]unitstest.Outcome{
			"early.service": {Early: true},
			"late.service":  {Late: 1200 * time.Millisecond},
			"lost.service":  {Lost: true},
			"never.service": {Early: true, Lost: true},
		}
		m, fake := connect(t, fakeOptions{Bus: bus, OnJob: func(j unitstest.Job) unitstest.Outcome { return outcomes[j.Unit] }})
		var wg sync.WaitGroup
		for name := range outcomes {
			fake.Add(unitstest.Unit{Name: name})
			for range 5 {
				wg.Go(func() {
					err := m.Start(t.Context(), name)
					if name == "lost.service" || name == "never.service" {
						assert.ErrorIs(t, err, units.ErrNotTracked, name)
						return
					}
					assert.NoError(t, err, name)
				})
			}
		}
		within(t, "start", wg.Wait)
	})
}

// A slow manager does not make calls wait for one another, and a call that
// has no answer ends with its context.
func TestSlowReplies(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		release := make(chan struct{})
		m, fake := connect(t, fakeOptions{Bus: bus, OnCall: func(c unitstest.Call) error {
			if c.Unit == "stuck.service" {
				<-release
			}
			return nil
		}})
		defer close(release)
		fake.Add(unitstest.Unit{Name: "stuck.service"}, unitstest.Unit{Name: "quick.service"})
		ctx, cancel := context.WithCancel(t.Context())
		stuck := make(chan error)
		for range 50 {
			go func() { stuck <- m.Start(ctx, "stuck.service") }()
		}
		require.Eventually(t, func() bool { return len(fake.Calls("StartUnit")) == 50 }, patience, time.Millisecond)
		within(t, "quick start", func() { require.NoError(t, m.Start(t.Context(), "quick.service")) })
		cancel()
		within(t, "cancelled calls", func() {
			for range 50 {
				assert.ErrorIs(t, <-stuck, context.Canceled)
			}
		})
	})
}

// More calls at once than a system bus lets one connection have unanswered.
func TestManyCallsAtOnce(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus, Latency: 5 * time.Millisecond, JobTime: 20 * time.Millisecond})
		var wg sync.WaitGroup
		for i := range 500 {
			name := fmt.Sprintf("u%d.service", i)
			fake.Add(unitstest.Unit{Name: name})
			wg.Go(func() { assert.NoError(t, m.Start(t.Context(), name)) })
		}
		within(t, "500 starts", wg.Wait)
		statuses, err := m.Statuses(t.Context(), units.Filter{States: []string{"running"}}, units.FieldMainPID)
		require.NoError(t, err)
		require.Len(t, statuses, 500)
		for _, s := range statuses {
			assert.NotZero(t, s.MainPID, s.Name)
		}
	})
}

// The bus, or the manager, is restarted in the middle of 100 waits: all of
// them are told, none hangs, and the next call works.
func TestRestartInTheMiddleOfWaits(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"direct: manager", "dbus-daemon: manager", "dbus-daemon: bus"} {
		t.Run(what, func(t *testing.T) {
			var bus *unitstest.Bus
			if strings.HasPrefix(what, "dbus-daemon") {
				bus = unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon"))
			}
			hour := true
			var mu sync.Mutex
			m, fake := connect(t, fakeOptions{Bus: bus, OnJob: func(unitstest.Job) unitstest.Outcome {
				mu.Lock()
				defer mu.Unlock()
				if hour {
					return unitstest.Outcome{After: time.Hour}
				}
				return unitstest.Outcome{}
			}})
			errs := make(chan error, 100)
			for i := range 100 {
				name := fmt.Sprintf("u%d.service", i)
				fake.Add(unitstest.Unit{Name: name})
				go func() { errs <- m.Start(t.Context(), name) }()
			}
			require.Eventually(t, func() bool {
				n := 0
				for i := range 100 {
					if u, _ := fake.Unit(fmt.Sprintf("u%d.service", i)); u.ActiveState == units.Activating {
						n++
					}
				}
				return n == 100
			}, patience, time.Millisecond)
			mu.Lock()
			hour = false
			mu.Unlock()
			if strings.HasSuffix(what, "bus") {
				bus.Restart()
			} else {
				fake.Restart()
			}
			within(t, "100 waits", func() {
				for range 100 {
					err := <-errs
					// Over a bus that stays, only the jobs are gone.
					if !errors.Is(err, units.ErrConnectionLost) && !errors.Is(err, units.ErrNotTracked) {
						t.Errorf("unexpected: %v", err)
					}
					assert.NotErrorIs(t, err, fs.ErrNotExist)
				}
			})
			fake.Add(unitstest.Unit{Name: "next.service"})
			// It waits until the connection is there again.
			within(t, "the next start", func() { require.NoError(t, m.Start(t.Context(), "next.service")) })
		})
	}
}

// The manager leaves a bus that stays: calls wait until it is back, and no
// longer than the Timeout.
func TestManagerLeavesTheBus(t *testing.T) {
	checkGoroutines(t)
	bus := unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon"))
	var patient, hasty *units.Manager
	t.Run("manager", func(t *testing.T) {
		unitstest.New(t, fakeOptions{Bus: bus})
		var err error
		patient, err = units.Connect(t.Context(), &units.Config{Address: bus.Address()})
		require.NoError(t, err)
		hasty, err = units.Connect(t.Context(), &units.Config{Address: bus.Address(), Timeout: 500 * time.Millisecond})
		require.NoError(t, err)
	})
	defer patient.Close()
	defer hasty.Close()
	list := func(m *units.Manager) error {
		_, err := m.List(t.Context(), units.Filter{})
		return err
	}
	within(t, "list", func() {
		// The call in which it turns out may have a reply of the bus.
		var err error
		for err == nil {
			err = list(hasty)
		}
		assert.ErrorIs(t, err, units.ErrConnectionLost)
		for !errors.Is(err, context.DeadlineExceeded) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			_, err = patient.List(ctx, units.Filter{})
			cancel()
		}
	})
	var e *units.Error
	within(t, "list", func() { require.ErrorAs(t, list(hasty), &e) })
	assert.ErrorIs(t, e, units.ErrConnectionLost)
	assert.Empty(t, e.Name, "nobody was asked")

	waits := make(chan error, 1)
	go func() { waits <- list(patient) }()
	unitstest.New(t, fakeOptions{Bus: bus})
	within(t, "the list that waits", func() { assert.NoError(t, <-waits) })
}

// Results that came before the connection was lost are told.
func TestResultsBeforeTheLoss(t *testing.T) {
	m, fake := connect(t, fakeOptions{JobTime: time.Hour})
	const n = 100
	errs := make(chan error, n)
	for i := range n {
		name := fmt.Sprintf("u%d.service", i)
		fake.Add(unitstest.Unit{Name: name})
		go func() { errs <- m.Start(t.Context(), name) }()
	}
	var list []units.Unit
	require.Eventually(t, func() bool {
		var err error
		list, err = m.List(t.Context(), units.Filter{States: []string{"activating"}})
		return err == nil && len(list) == n
	}, patience, time.Millisecond)
	for _, u := range list {
		fake.FinishJob(u.Job, u.Name, units.JobDone)
	}
	fake.Restart()
	within(t, "100 waits", func() {
		for range n {
			assert.NoError(t, <-errs)
		}
	})
}

// A call that is never answered does not keep the results of others from those
// who wait for them.
func TestResultBesideStuckCall(t *testing.T) {
	release := make(chan struct{})
	m, fake := connect(t, fakeOptions{
		OnCall: func(c unitstest.Call) error {
			if c.Unit == "stuck.service" {
				<-release
			}
			return nil
		},
		OnJob: func(unitstest.Job) unitstest.Outcome { return unitstest.Outcome{Early: true} },
	})
	fake.Add(unitstest.Unit{Name: "stuck.service"}, unitstest.Unit{Name: "quick.service"})
	stuck := make(chan error)
	go func() { stuck <- m.Start(t.Context(), "stuck.service") }()
	require.Eventually(t, func() bool { return len(fake.Calls("StartUnit")) == 1 }, patience, time.Millisecond)
	for i := range uint32(5000) {
		fake.FinishJob(1_000_000+i, "other.service", units.JobDone)
	}
	within(t, "start", func() { assert.NoError(t, m.Start(t.Context(), "quick.service")) })
	close(release)
	within(t, "the stuck start", func() { assert.NoError(t, <-stuck) })
}

// A manager that never comes back: calls end after the Timeout.
func TestLostForGood(t *testing.T) {
	checkGoroutines(t)
	fake := unitstest.New(t, fakeOptions{})
	var gone sync.Once
	refuse := make(chan struct{})
	m := dial(t, &units.Config{Private: true, Timeout: 500 * time.Millisecond, Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
		select {
		case <-refuse:
			return nil, &net.OpError{Op: "dial", Err: os.ErrNotExist}
		default:
			return fake.Dial(ctx)
		}
	}})
	gone.Do(func() { close(refuse) })
	fake.Restart()
	within(t, "list", func() {
		var err error
		for err == nil || strings.Contains(err.Error(), "no unit") {
			_, err = m.List(t.Context(), units.Filter{})
		}
		require.ErrorIs(t, err, units.ErrConnectionLost)
		// Why is known when the first attempt has failed.
		for !strings.Contains(err.Error(), "dial") {
			_, err = m.List(t.Context(), units.Filter{})
			require.ErrorIs(t, err, units.ErrConnectionLost)
		}
		assert.NotErrorIs(t, err, fs.ErrNotExist, "a missing socket is not a missing unit")
	})
}

// A peer that reads nothing holds up nobody past the context. What is left for
// it by calls that are long over is bounded: beyond 16 MiB the connection is
// given up and made anew.
func TestPeerThatDoesNotRead(t *testing.T) {
	checkGoroutines(t)
	fake := unitstest.New(t, fakeOptions{})
	fake.Add(unitstest.Unit{Name: "a.service"})
	stalled := make(chan struct{})
	links := 0
	m := dial(t, &units.Config{Private: true, Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
		conn, err := fake.Dial(ctx)
		if links++; err != nil || links > 1 {
			return conn, err
		}
		return &stallable{ReadWriteCloser: conn, stalled: stalled, closed: make(chan struct{})}, nil
	}})
	close(stalled)
	within(t, "calls", func() {
		var wg sync.WaitGroup
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		for range 200 {
			wg.Go(func() { assert.ErrorIs(t, m.Start(ctx, "a.service"), context.DeadlineExceeded) })
		}
		wg.Wait()
	})

	before := heap()
	start := func(ctx context.Context, n int) error {
		return m.StartTransient(ctx, fmt.Sprintf("b%d.service", n), units.Transient{Command: []string{"/bin/true", strings.Repeat("x", 1<<20)}})
	}
	within(t, "calls of 1 MiB", func() {
		for n := range 15 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(10*time.Millisecond, cancel)
			require.ErrorIs(t, start(ctx, n), context.Canceled)
		}
	})
	assert.Less(t, heap()-before, int64(24<<20))
	errs := make(chan error)
	const more = 20 // than fit
	for n := range more {
		go func() { errs <- start(t.Context(), 15+n) }()
	}
	lost := 0
	within(t, "calls beyond the limit", func() {
		for range more {
			// One that begins when the connection is made anew succeeds.
			if err := <-errs; err != nil {
				lost++
				assert.ErrorIs(t, err, units.ErrConnectionLost)
				assert.ErrorContains(t, err, "the peer does not read")
			}
		}
	})
	assert.NotZero(t, lost)
	within(t, "start after the stall", func() { assert.NoError(t, m.Start(t.Context(), "a.service")) })
	assert.Equal(t, 2, links)
	within(t, "close", m.Close)
}

type stallable struct {
	io.ReadWriteCloser
	stalled, closed chan struct{}
	once            sync.Once
}

func (s *stallable) Write(p []byte) (int, error) {
	select {
	case <-s.stalled:
		<-s.closed
		return 0, net.ErrClosed
	default:
		return s.ReadWriteCloser.Write(p)
	}
}

func (s *stallable) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.ReadWriteCloser.Close()
}

func TestBridge(t *testing.T) {
	checkGoroutines(t)
	_, err := units.Connect(t.Context(), &units.Config{Dial: units.Bridge(testenv.Tool(t, "python3"), "-c", "import sys; sys.exit('no route to host')")})
	require.ErrorIs(t, err, units.ErrNoManager)
	assert.ErrorContains(t, err, "no route to host")

	_, err = units.Connect(t.Context(), &units.Config{Dial: units.Bridge("/nonexistent/ssh")})
	require.ErrorIs(t, err, units.ErrNoManager)

	// One that never answers is killed at the end of the attempt.
	within(t, "connect", func() {
		_, err = units.Connect(t.Context(), &units.Config{Timeout: 50 * time.Millisecond, Dial: units.Bridge(testenv.Tool(t, "python3"), "-c", "import time; time.sleep(3600)")})
		require.ErrorIs(t, err, units.ErrNoManager)
	})
}

// The bridge of systemd itself, on a real bus with the fake.
func TestStdioBridge(t *testing.T) {
	checkGoroutines(t)
	bus := unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon"))
	fake := unitstest.New(t, fakeOptions{Bus: bus})
	fake.Add(unitstest.Unit{Name: "a.service"})
	m := dial(t, &units.Config{Dial: units.Bridge(testenv.Tool(t, "systemd-stdio-bridge"), "--bus-path="+bus.Address())})
	require.NoError(t, m.Start(t.Context(), "a.service"))
	status, err := m.Status(t.Context(), "a.service")
	require.NoError(t, err)
	assert.Equal(t, units.Active, status.ActiveState)
}
