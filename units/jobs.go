package units

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hubhost/hubhost/units/internal/sdbus"
)

// Mode says what becomes of a job that is in the way of another one, and
// which other units a job may touch; see systemctl(1), --job-mode.
type Mode string

// The modes of jobs.
const (
	Replace             Mode = "replace"              // the default: what contradicts is cancelled
	ReplaceIrreversibly Mode = "replace-irreversibly" // as Replace, and itself can not be replaced
	FailMode            Mode = "fail"                 // fails if a job is in the way
	Isolate             Mode = "isolate"              // stops all other units
	IgnoreDependencies  Mode = "ignore-dependencies"
	IgnoreRequirements  Mode = "ignore-requirements"
)

// JobOption is an option of the methods that queue a job.
type JobOption func(*jobOptions)

type jobOptions struct {
	mode   Mode
	noWait bool
}

// NoWait makes the method return as soon as systemd has queued the job.
func NoWait(o *jobOptions) { o.noWait = true }

// InMode queues the job in another mode than Replace.
func InMode(mode Mode) JobOption {
	return func(o *jobOptions) { o.mode = mode }
}

// Start starts a unit and returns when it has started, or at once if it runs.
//
// The error is a [*JobError] if the unit did not start, ErrConnectionLost if
// the connection ended meanwhile and ErrNotTracked if systemd forgot the job;
// otherwise an [*Error] that says why no job was made: no such unit, masked,
// not permitted. If the context ends first, systemd goes on with the job.
func (m *Manager) Start(ctx context.Context, unit string, options ...JobOption) error {
	return m.job(ctx, "start", "StartUnit", unit, options)
}

// Stop stops a unit and returns when it has stopped. Its errors are those of
// [Manager.Start].
func (m *Manager) Stop(ctx context.Context, unit string, options ...JobOption) error {
	return m.job(ctx, "stop", "StopUnit", unit, options)
}

// Restart stops a unit, if it runs, and starts it. Its errors are those of
// [Manager.Start].
func (m *Manager) Restart(ctx context.Context, unit string, options ...JobOption) error {
	return m.job(ctx, "restart", "RestartUnit", unit, options)
}

// TryRestart restarts a unit if it runs, and otherwise does nothing. Its
// errors are those of [Manager.Start].
func (m *Manager) TryRestart(ctx context.Context, unit string, options ...JobOption) error {
	return m.job(ctx, "try-restart", "TryRestartUnit", unit, options)
}

// Reload asks a unit to read its own configuration anew; it is not
// [Manager.DaemonReload]. The error matches ErrNotApplicable if the unit
// cannot reload; the others are those of [Manager.Start].
func (m *Manager) Reload(ctx context.Context, unit string, options ...JobOption) error {
	return m.job(ctx, "reload", "ReloadUnit", unit, options)
}

// ReloadOrRestart reloads a unit if it can, and otherwise restarts it. Its
// errors are those of [Manager.Start].
func (m *Manager) ReloadOrRestart(ctx context.Context, unit string, options ...JobOption) error {
	return m.job(ctx, "reload-or-restart", "ReloadOrRestartUnit", unit, options)
}

func (m *Manager) job(ctx context.Context, op, method, unit string, options []JobOption) error {
	if err := checkName(unit); err != nil {
		return fail(op, unit, err)
	}
	o := jobOptions{mode: Replace}
	for _, option := range options {
		option(&o)
	}
	return m.runJob(ctx, op, unit, o.noWait, method, unit, string(o.mode))
}

// runJob calls a method that returns the path of a job and waits for it.
func (m *Manager) runJob(ctx context.Context, op, unit string, noWait bool, method string, args ...any) error {
	s, err := m.current(ctx)
	if err != nil {
		return fail(op, unit, err)
	}
	if noWait {
		_, err := s.call(ctx, m.config.Interactive, method, args...)
		return fail(op, unit, err)
	}
	// From here on the table keeps the results of all jobs, because the
	// result of this one may be in before the reply that names it.
	w := s.jobs.begin(unit)
	defer s.jobs.end(w)
	reply, err := s.call(ctx, m.config.Interactive, method, args...)
	if err != nil {
		return fail(op, unit, err)
	}
	var path string
	if !arguments(reply.Body, &path) {
		return fail(op, unit, errors.New("systemd's reply names no job"))
	}
	s.jobs.bind(w, path)
	result, err := s.await(ctx, w)
	switch {
	case err != nil:
		return fail(op, unit, err)
	case result == JobDone:
		return nil
	}
	e := &JobError{Op: op, Unit: unit, Job: jobNumber(path), Result: result}
	if result == JobCanceled {
		e.Superseded = s.superseded(ctx, w)
	}
	return e
}

// The result of a job comes by signal. If none came for a while, the job is
// asked whether it is still there: a signal that was lost must not mean
// waiting for ever. PID 1 answers this from memory.
const (
	checkFirst = time.Second
	checkMax   = 30 * time.Second
	// A job that is gone has its signal on the way, unless that is lost.
	signalGrace = time.Second
)

func (s *session) await(ctx context.Context, w *waiter) (JobResult, error) {
	pause := checkFirst
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		gone := false
		select {
		case result := <-w.result:
			return result, nil
		case <-ctx.Done():
			return "", ctx.Err()
		case <-s.dead:
			return "", s.err
		case <-timer.C:
			gone = s.jobGone(ctx, w.path)
		case <-w.recheck:
			gone = s.jobGone(ctx, w.path)
		}
		if gone {
			select {
			case result := <-w.result:
				return result, nil
			case <-ctx.Done():
				return "", ctx.Err()
			case <-s.dead:
				return "", s.err
			case <-time.After(signalGrace):
				return "", ErrNotTracked
			}
		}
		pause = min(2*pause, checkMax)
		timer.Reset(pause)
	}
}

// jobGone tells whether the manager says that it has no such job. Any other
// failure is no answer.
func (s *session) jobGone(ctx context.Context, path string) bool {
	ctx, cancel := context.WithTimeout(ctx, checkMax)
	defer cancel()
	_, err := s.conn.Call(ctx, path, sdbus.Properties, "Get", false, sdbus.Service+".Job", "State")
	var reply *sdbus.Error
	if !errors.As(err, &reply) {
		return false
	}
	switch reply.Name {
	case "org.freedesktop.DBus.Error.UnknownObject",
		"org.freedesktop.DBus.Error.UnknownMethod",
		"org.freedesktop.DBus.Error.UnknownInterface",
		"org.freedesktop.systemd1.NoSuchJob":
		return true
	}
	return false
}

// superseded tells whether a cancelled job gave way to another one for the
// same unit. systemd announces the new job after the end of the old one, but
// before it answers the next call. A ping would not do: systemd-stdio-bridge
// answers that itself.
func (s *session) superseded(ctx context.Context, w *waiter) bool {
	s.conn.Call(ctx, sdbus.RootPath, sdbus.Properties, "Get", false, sdbus.Manager, "Version")
	return s.jobs.supersededBy(w) > jobNumber(w.path)
}

// jobNumber is the number at the end of a job's path.
func jobNumber(path string) uint32 {
	n, _ := strconv.ParseUint(path[strings.LastIndexByte(path, '/')+1:], 10, 32)
	return uint32(n)
}

// CancelJob cancels a job by its number, as in [Unit.Job]. Whoever waits for
// it gets a [*JobError] with JobCanceled. The error is an [*Error].
func (m *Manager) CancelJob(ctx context.Context, job uint32) error {
	_, err := m.call(ctx, "CancelJob", job)
	return fail("cancel job", "", err)
}

// jobTable knows who waits for which job on one connection.
type jobTable struct {
	mu      sync.Mutex
	byPath  map[string][]*waiter
	waiting map[*waiter]struct{}
	// early holds the results that came while some call was without its
	// reply, so that a result that overtakes the reply is not lost. It is
	// bounded, and the oldest give way: a call that is never answered must not
	// keep the results of others out.
	early   map[string]JobResult
	arrived []string // the keys of early, the oldest first
	replies int      // calls without a reply
}

const maxEarly = 4096

type waiter struct {
	unit    string
	path    string // set once, before anyone waits
	newest  uint32 // the newest job announced for the unit
	bound   bool
	result  chan JobResult
	recheck chan struct{}
}

func (t *jobTable) init() {
	t.byPath = map[string][]*waiter{}
	t.waiting = map[*waiter]struct{}{}
	t.early = map[string]JobResult{}
}

func (t *jobTable) begin(unit string) *waiter {
	w := &waiter{unit: unit, result: make(chan JobResult, 1), recheck: make(chan struct{}, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[w] = struct{}{}
	t.replies++
	return w
}

// replied ends the time in which the result may be early.
func (t *jobTable) replied(w *waiter) {
	w.bound = true
	t.replies--
	if t.replies == 0 {
		clear(t.early)
		t.arrived = t.arrived[:0]
	}
}

func (t *jobTable) bind(w *waiter, path string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w.path = path
	if result, ok := t.early[path]; ok {
		w.result <- result
	} else {
		t.byPath[path] = append(t.byPath[path], w)
	}
	t.replied(w)
}

func (t *jobTable) end(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, w)
	if !w.bound {
		t.replied(w)
		return
	}
	// Jobs that are merged have one path and several who wait.
	others := t.byPath[w.path][:0]
	for _, other := range t.byPath[w.path] {
		if other != w {
			others = append(others, other)
		}
	}
	if len(others) == 0 {
		delete(t.byPath, w.path)
	} else {
		t.byPath[w.path] = others
	}
}

// removed is called on the goroutine that reads.
func (t *jobTable) removed(path string, result JobResult) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.byPath[path] {
		w.result <- result
	}
	delete(t.byPath, path)
	if t.replies == 0 {
		return
	}
	if len(t.arrived) == maxEarly {
		delete(t.early, t.arrived[0])
		t.arrived = t.arrived[1:]
	}
	t.early[path] = result
	t.arrived = append(t.arrived, path)
}

// added is called on the goroutine that reads.
func (t *jobTable) added(id uint32, unit string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := range t.waiting {
		if w.unit == unit {
			w.newest = max(w.newest, id)
		}
	}
}

func (t *jobTable) supersededBy(w *waiter) uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return w.newest
}

// recheck makes everyone who waits ask for the job now.
func (t *jobTable) recheck() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := range t.waiting {
		select {
		case w.recheck <- struct{}{}:
		default:
		}
	}
}
