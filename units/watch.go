package units

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubhost/hubhost/units/internal/sdbus"
)

// EventKind is what an [Event] tells.
type EventKind string

// The kinds of events.
const (
	UnitPresent   EventKind = "present"        // a unit as it is when the watch begins
	UnitStarted   EventKind = "started"        // became active, or was started anew
	UnitStopped   EventKind = "stopped"        // became inactive
	UnitFailed    EventKind = "failed"         // became failed: see Explain
	UnitChanged   EventKind = "changed"        // any other change of the status, such as "activating"
	UnitGone      EventKind = "gone"           // was unloaded; only for units that a pattern chose
	LimitsChanged EventKind = "limits-changed" // has other limits
	JobFinished   EventKind = "job-finished"   // a job for it ended: Job and Result
	Synced        EventKind = "synced"         // all before this is the present state of all units
	Missed        EventKind = "missed"         // the reader was too slow: the next events lead to the present state
	Disconnected  EventKind = "disconnected"   // the connection was lost, why stands in Err: it will come back
)

// Event is one change that a [Manager.Watch] saw.
type Event struct {
	Kind EventKind // what happened
	Unit string    // empty for Synced, Missed and Disconnected

	// Status is what is known of the unit after the event: the fields of
	// [Unit] but the job, the times, the main process and how it ended,
	// Result, Restarts, StatusText, InvocationID, ControlGroup and Limits.
	// Of JobFinished it may be from before the job.
	Status Status

	Job    uint32    // of JobFinished: the number of the job
	Result JobResult // of JobFinished: how it ended
	Count  int       // of Missed: how many signals were not looked at
	Err    error     // of Disconnected: why; it matches ErrConnectionLost
}

// watchFields are the fields that Watch keeps, beside those of Unit.
var watchFields = append([]Field{
	FieldInvocationID, FieldSince, FieldActiveSince, FieldControlGroup, FieldMainPID, FieldResult,
	FieldExitReason, FieldExitStatus, FieldExitedAt, FieldRestarts, FieldStatusText,
}, limitFields...)

// unsignalled are those of them, and of Unit, that are in no signal.
var unsignalled = append([]Field{fieldDescription, fieldLoadState, FieldControlGroup}, limitFields...)

// Watch reports what happens to the units that the patterns choose (see
// [Filter]; a full name chooses one unit, whether it is loaded or not; no
// pattern at all chooses every unit that is loaded): first one UnitPresent for
// every unit, then Synced, then each change once and in its order.
//
// The loop may take its time: up to 1024 signals wait for it. If there are
// more, they are dropped, and the loop gets Missed, then the differences
// between what it knew and the present state, then Synced. The same follows,
// after Disconnected, when a lost connection has come back, and when systemd
// was reloaded.
//
// systemd announces every change but that of limits. LimitsChanged comes at
// once for changes by [Manager.SetLimits] of this Manager; those made by
// others show when the unit starts, and after systemd is reloaded.
//
// The sequence ends with an error, once: that of the context, ErrClosed, or
// an [*Error] if systemd refuses. Each Event belongs to the caller; no lock is
// held while the loop runs. Leaving the loop ends the watch. The sequence can
// be used several times: each is a watch of its own.
func (m *Manager) Watch(ctx context.Context, patterns ...string) iter.Seq2[Event, error] {
	patterns = slices.Clone(patterns)
	return func(yield func(Event, error) bool) {
		w := &watcher{
			m:        m,
			patterns: patterns,
			known:    map[string]*known{},
			wake:     make(chan struct{}, 1),
			yield:    func(ev Event) bool { return yield(ev, nil) },
		}
		if err := w.run(ctx); err != nil {
			yield(Event{}, fail("watch", "", err))
		}
	}
}

// moment orders signals and replies over all connections of a Manager.
type moment struct{ epoch, sequence uint64 }

func (s *session) moment(sequence uint64) moment { return moment{s.epoch, sequence} }

func (a moment) before(b moment) bool {
	return a.epoch < b.epoch || a.epoch == b.epoch && a.sequence < b.sequence
}

type rawKind int

const (
	rawUnit    rawKind = iota // properties of the Unit interface changed
	rawType                   // properties of the interface of the type changed
	rawRemoved                // the unit was unloaded
	rawJob                    // a job ended
	rawLimits                 // this Manager changed limits
	rawResync                 // look at everything
	rawLost                   // the connection was lost
)

// rawEvent is what a watcher needs of a signal.
type rawEvent struct {
	kind    rawKind
	unit    string
	at      moment
	changes []change
	active  ActiveState
	sub     string
	job     uint32
	result  JobResult
	err     error
}

type change struct {
	field Field
	value any
}

// maxWaiting is how many raw events wait for a slow reader: some hundred
// bytes each.
const maxWaiting = 1024

// typeFirst is how long to wait for the second part of a change. systemd
// sends the properties of the type first, such as Result, and those that all
// units have, such as ActiveState, right after: together they are one event.
const typeFirst = time.Second

// retryAfter is how long after a failed look at a lost connection the next
// one is, should nothing else lead to it before.
const retryAfter = time.Second

var errStop = errors.New("the loop was left")

// watcher is one watch. Signals are queued by the goroutine that reads the
// connection; everything else is done in the loop of who watches.
type watcher struct {
	m     *Manager
	yield func(Event) bool
	wake  chan struct{} // holds a token when there is something queued

	mu       sync.Mutex
	queue    []rawEvent
	missed   int
	patterns []string // only the loop adds to them

	// Only the loop has to do with these.
	known   map[string]*known
	session *session // on which the signals of units were asked for
	stale   bool     // a look is due that failed
	begun   bool     // the first look was had
}

// known is what a watcher knows of a unit.
type known struct {
	status  Status
	listed  moment // status is no older than this
	read    moment // and the fields that were read one by one no older than this
	pending bool   // has changes that no event told yet
	told    bool   // was in an event
}

func (w *watcher) chosen(unit string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.isChosen(unit)
}

func (w *watcher) isChosen(unit string) bool {
	for _, pattern := range w.patterns {
		if ok, _ := matches(pattern, unit); ok {
			return true
		}
	}
	return len(w.patterns) == 0
}

// push queues an event and never blocks.
func (w *watcher) push(ev rawEvent) {
	if ev.unit != "" && !w.chosen(ev.unit) {
		return
	}
	w.mu.Lock()
	if len(w.queue) >= maxWaiting {
		// All that is dropped is made good by one look at everything, but
		// not that the connection was lost.
		kept := w.queue[:0]
		for _, old := range w.queue {
			if old.kind == rawLost {
				kept = append(kept[:0], old)
			}
		}
		w.missed += len(w.queue) - len(kept)
		clear(w.queue[len(kept):])
		w.queue = kept
	}
	w.queue = append(w.queue, ev)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() (queue []rawEvent, missed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue, missed = w.queue, w.missed
	w.queue, w.missed = nil, 0
	return queue, missed
}

func (w *watcher) run(ctx context.Context) error {
	for _, pattern := range w.patterns {
		if _, err := matches(pattern, ""); err != nil {
			return err
		}
	}
	w.m.mu.Lock()
	w.m.watchers[w] = struct{}{}
	w.m.mu.Unlock()
	defer w.leave()
	err := w.loop(ctx)
	if err == errStop {
		return nil
	}
	return err
}

func (w *watcher) leave() {
	w.m.mu.Lock()
	delete(w.m.watchers, w)
	w.m.mu.Unlock()
	if w.session != nil && !w.session.conn.Direct() {
		w.session.conn.TellBus("RemoveMatch", unitRule)
	}
}

func (w *watcher) loop(ctx context.Context) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	for {
		var later <-chan time.Time
		switch {
		case w.stale:
			later = time.After(retryAfter)
		case w.hasPending():
			later = time.After(typeFirst)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.m.ctx.Done():
			return ErrClosed
		case <-later:
			if w.stale {
				if err := w.look(ctx); err != nil {
					return err
				}
			}
			for _, k := range w.inOrder() {
				if k.pending && !w.tell(k, UnitChanged) {
					return errStop
				}
			}
			continue
		case <-w.wake:
		}
		queue, missed := w.take()
		if missed > 0 {
			if !w.yield(Event{Kind: Missed, Count: missed}) {
				return errStop
			}
			if err := w.look(ctx); err != nil {
				return err
			}
		}
		for _, ev := range queue {
			// The loop may have taken long over an event.
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := w.handle(ctx, ev); err != nil {
				return err
			}
		}
	}
}

func (w *watcher) hasPending() bool {
	for _, k := range w.known {
		if k.pending {
			return true
		}
	}
	return false
}

// inOrder returns what is known by the name of the unit, so that events do not
// come in the order of a map.
func (w *watcher) inOrder() []*known {
	list := make([]*known, 0, len(w.known))
	for _, k := range w.known {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b *known) int { return strings.Compare(a.status.Name, b.status.Name) })
	return list
}

func (w *watcher) tell(k *known, kind EventKind) bool {
	k.pending, k.told = false, true
	return w.yield(Event{Kind: kind, Unit: k.status.Name, Status: k.status})
}

// handle turns a raw event into events.
func (w *watcher) handle(ctx context.Context, ev rawEvent) error {
	k := w.known[ev.unit]
	switch ev.kind {
	case rawResync:
		return w.look(ctx)
	case rawLost:
		if errors.Is(ev.err, ErrClosed) {
			return ErrClosed
		}
		w.stale = true
		if !w.yield(Event{Kind: Disconnected, Err: ev.err}) {
			return errStop
		}
	case rawJob:
		status := Status{Unit: Unit{Name: ev.unit}}
		if k != nil {
			status = k.status
		}
		if !w.yield(Event{Kind: JobFinished, Unit: ev.unit, Status: status, Job: ev.job, Result: ev.result}) {
			return errStop
		}
	case rawRemoved:
		if k == nil || ev.at.before(k.listed) || slices.Contains(w.patterns, ev.unit) {
			return nil
		}
		delete(w.known, ev.unit)
		if k.told && !w.tell(k, UnitGone) {
			return errStop
		}
	case rawLimits:
		if k == nil {
			return nil
		}
		return w.reread(ctx, k, limitFields)
	case rawType:
		if k == nil {
			k = w.meet(ev.unit)
		}
		for _, c := range ev.changes {
			before := k.status
			if !ev.at.before(k.read) && fields[c.field].store(&k.status, c.value) && k.status != before {
				k.pending = true
			}
		}
	case rawUnit:
		if k == nil {
			k = w.meet(ev.unit)
		}
		return w.unitChanged(ctx, k, ev)
	}
	return nil
}

// meet begins to know a unit: it was inactive, or it would be known.
func (w *watcher) meet(unit string) *known {
	k := &known{status: Status{Unit: Unit{Name: unit, LoadState: Loaded, ActiveState: Inactive, SubState: "dead"}}}
	w.known[unit] = k
	return k
}

func (w *watcher) unitChanged(ctx context.Context, k *known, ev rawEvent) error {
	before := k.status
	for _, c := range ev.changes {
		if !ev.at.before(k.read) {
			fields[c.field].store(&k.status, c.value)
		}
	}
	if !ev.at.before(k.listed) && ev.active != "" && ev.sub != "" {
		k.status.ActiveState, k.status.SubState = ev.active, ev.sub
	}
	kind := kindOf(before, k.status)
	if !k.told && k.status.ActiveState == Inactive {
		// Somebody looked at a unit that was not loaded: no event.
		delete(w.known, ev.unit)
		return nil
	}
	if !k.told || kind == UnitStarted || k.status.InvocationID != before.InvocationID {
		if err := w.fill(ctx, k, unsignalled); err != nil {
			return err
		}
	}
	if kind == "" && !k.pending {
		return nil
	}
	if kind == "" {
		kind = UnitChanged
	}
	if !w.tell(k, kind) {
		return errStop
	}
	return nil
}

// kindOf tells what kind of change leads from one status to another; empty if
// none does.
func kindOf(before, after Status) EventKind {
	switch {
	case after == before:
		return ""
	case after.ActiveState == Active && (before.ActiveState != Active && before.ActiveState != Reloading && before.ActiveState != Refreshing ||
		after.InvocationID != before.InvocationID):
		return UnitStarted
	case after.ActiveState == Inactive && before.ActiveState != Inactive:
		return UnitStopped
	case after.ActiveState == Failed && before.ActiveState != Failed:
		return UnitFailed
	}
	withOld := after
	withOld.Limits = before.Limits
	if withOld == before {
		return LimitsChanged
	}
	return UnitChanged
}

// reread reads fields of one unit and tells what changed.
func (w *watcher) reread(ctx context.Context, k *known, want []Field) error {
	before := k.status
	if err := w.fill(ctx, k, want); err != nil {
		return err
	}
	if kind := kindOf(before, k.status); kind != "" && !w.tell(k, kind) {
		return errStop
	}
	return nil
}

// fill reads fields of one unit. A unit that is gone meanwhile, or a
// connection that is lost, shows in another event.
func (w *watcher) fill(ctx context.Context, k *known, want []Field) error {
	list := []Status{k.status}
	_, err := w.m.fill(ctx, list, want)
	if err == nil {
		k.status = list[0]
	}
	return w.tolerate(err)
}

// tolerate lets a watch live on after a loss; it will look again.
func (w *watcher) tolerate(err error) error {
	if errors.Is(fail("", "", err), ErrConnectionLost) {
		w.stale = true
		return nil
	}
	return err
}

// look compares what is known with the present state, tells the differences
// and then Synced.
func (w *watcher) look(ctx context.Context) error {
	w.stale = false
	present, listed, read, err := w.present(ctx)
	if err != nil {
		return w.tolerate(err)
	}
	begun := w.begun
	w.begun = true
	for _, status := range present {
		k := w.known[status.Name]
		kind := UnitPresent
		switch {
		case k != nil:
			kind = kindOf(k.status, status)
		case begun:
			if status.ActiveState == Inactive {
				continue
			}
			k = w.meet(status.Name)
			kind = kindOf(k.status, status)
		default:
			k = w.meet(status.Name)
		}
		k.status, k.listed, k.read = status, listed, read[status.Name]
		if k.pending && kind == "" {
			kind = UnitChanged
		}
		if kind != "" && !w.tell(k, kind) {
			return errStop
		}
	}
	there := make(map[string]bool, len(present))
	for _, status := range present {
		there[status.Name] = true
	}
	for _, k := range w.inOrder() {
		if there[k.status.Name] {
			continue
		}
		delete(w.known, k.status.Name)
		if k.told && !w.tell(k, UnitGone) {
			return errStop
		}
	}
	if !w.yield(Event{Kind: Synced}) {
		return errStop
	}
	return nil
}

// present reads the state of all units that are chosen. All signals from
// before listed are in it.
func (w *watcher) present(ctx context.Context) (present []Status, listed moment, read map[string]moment, err error) {
	s, err := w.m.current(ctx)
	if err != nil {
		return nil, listed, nil, err
	}
	if w.session != s {
		if !s.conn.Direct() {
			if _, err := s.conn.CallBus(ctx, "AddMatch", unitRule); err != nil {
				return nil, listed, nil, s.explain(err)
			}
		}
		w.session = s
	}
	list, listed, err := w.m.list(ctx, Filter{Patterns: w.patterns})
	if err != nil {
		return nil, listed, nil, err
	}
	for _, u := range list {
		// The job of a unit is told by JobFinished.
		u.Job, u.JobType = 0, ""
		present = append(present, Status{Unit: u})
	}
	for _, name := range w.patterns {
		if checkName(name) != nil || slices.ContainsFunc(present, func(s Status) bool { return s.Name == name }) {
			continue
		}
		// Not loaded, or an alias. Reading its status loads it for as long as
		// that takes.
		status, err := w.m.Status(ctx, name)
		switch {
		case errors.Is(err, ErrNoSuchUnit):
			status.Unit = Unit{Name: name, LoadState: NotFound, ActiveState: Inactive, SubState: "dead"}
		case err != nil:
			return nil, listed, nil, err
		case status.Name != name:
			if w.choose(status.Name) {
				return w.present(ctx)
			}
			continue
		}
		status.Job = 0
		present = append(present, Status{Unit: status.Unit})
	}
	read, err = w.m.fill(ctx, present, watchFields)
	return present, listed, read, err
}

// choose adds a unit to those that are watched, because one of the patterns is
// an alias of it: in lists and signals it has its own name only. It returns
// false if it is chosen already.
func (w *watcher) choose(unit string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isChosen(unit) {
		return false
	}
	w.patterns = append(w.patterns, unit)
	return true
}

// propertiesChanged takes from a signal what watchers keep.
func (m *Manager) propertiesChanged(s *session, signal sdbus.Signal) {
	label, ok := strings.CutPrefix(signal.Path, sdbus.UnitPath+"/")
	if !ok || len(signal.Body) < 2 {
		return
	}
	iface, _ := signal.Body[0].(string)
	values, ok := signal.Body[1].(map[string]any)
	if !ok {
		return
	}
	m.mu.Lock()
	watched := len(m.watchers) > 0
	m.mu.Unlock()
	if !watched {
		return
	}
	ev := rawEvent{kind: rawType, unit: unlabel(label), at: s.moment(signal.Sequence)}
	if iface == sdbus.Unit {
		ev.kind = rawUnit
		active, _ := values["ActiveState"].(string)
		ev.active = ActiveState(active)
		ev.sub, _ = values["SubState"].(string)
	}
	for _, f := range watchFields {
		if value, ok := values[fields[f].property]; ok {
			ev.changes = append(ev.changes, change{f, value})
		}
	}
	if ev.kind == rawUnit || len(ev.changes) > 0 {
		m.notify(ev)
	}
}
