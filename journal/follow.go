package journal

import (
	"context"
	"errors"
	"iter"
	"math"
	"sync"
	"time"
)

// Follower yields entries as they are written. See [Journal.Follow].
type Follower struct {
	j    *Journal
	plan plan
	// backlog says that entries from before the start are still to come.
	backlog bool
	// start is the newest entry at the start, zero in an empty journal. Of a
	// file that is found later, only what comes behind it is new.
	start  location
	places places

	mu     sync.Mutex
	cursor location // zero before the first entry
}

// Follow returns a Follower for the entries that q asks for and that are
// written from now on: now is the time of this call, so what the caller starts
// next is seen from its first line. With Query.After or Query.From, entries
// from that cursor on come first, with Query.Newest the newest so many, and with
// Query.Since those since then. Query.Reverse and Query.Until are refused.
//
// There is nothing to close.
func (j *Journal) Follow(q Query) (*Follower, error) {
	if q.Reverse || !q.Until.IsZero() {
		return nil, &Error{Op: "follow", Err: &invalidError{errors.New("Query.Reverse and Query.Until have no meaning here")}}
	}
	p, err := j.plan(q)
	if err != nil {
		return nil, &Error{Op: "follow", Err: err}
	}
	f := &Follower{j: j, plan: *p, backlog: p.after != nil || p.newest > 0 || p.since > 0}
	if err := f.begin(); err != nil {
		return nil, &Error{Op: "follow", Path: j.files.name(), Err: err}
	}
	switch {
	case !f.backlog:
		f.cursor = f.start
	case p.after != nil && !p.inclusive:
		f.cursor = *p.after
	}
	return f, nil
}

// begin takes down where every file ends.
func (f *Follower) begin() error {
	// A file that comes into being meanwhile may have entries from before the
	// last one that is seen here: then look again.
	for generation, try := -1, 0; generation != f.j.files.changes() && try < 10; try++ {
		generation = f.j.files.changes()
		held, err := f.j.files.hold()
		if err != nil {
			return err
		}
		f.places, f.start = make(places), location{}
		o := newOrder(held)
		for _, t := range settle(f.j.files, f.tails(held)) {
			f.beginFile(t, &o)
		}
		release(held)
		if held, err = f.j.files.hold(); err != nil {
			return err
		}
		release(held)
	}
	for _, p := range f.places {
		p.late = false
	}
	return nil
}

func (f *Follower) beginFile(t *tail, o *order) {
	if err := t.place.reach(t.r, t.entries); err != nil {
		f.j.files.damaged(t.file, err)
		return
	}
	if t.entries == 0 {
		return
	}
	if l, ok, err := t.r.Location(t.entries - 1); ok && err == nil {
		if at := fromFile(l); f.start == (location{}) || o.compare(&at, &f.start) > 0 {
			f.start = at
		}
	}
}

// Entries yields the entries, each an owned one, and waits for more until ctx
// ends; the error, ctx's own or an [*Error], comes last and once. Nothing is
// lost and nothing comes twice while journald rotates and vacuums its files,
// as long as it leaves an entry on disk for one [Config.Poll]. An entry is
// seen within one Poll and some milliseconds after it was sent. Units that
// match a pattern of the query are followed also where they first appear later.
//
// After an early stop, ranging again goes on where it stopped. Only one
// goroutine may range at a time.
func (f *Follower) Entries(ctx context.Context) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		err := f.run(ctx, func(e *Entry) bool { return yield(e.Clone(), nil) })
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

// Cursor returns the place up to which everything has been yielded or was not
// wanted. Store it and set it as [Query.After] to go on there, in this process
// or the next; it moves on also while no entry matches. It is empty as long as
// there is no entry to name. It may be called from any goroutine, also while
// Entries waits. Within the loop, it is the place behind the entry just
// yielded.
func (f *Follower) Cursor() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cursor == (location{}) {
		return ""
	}
	return f.cursor.cursor()
}

// reach moves the cursor on, never back: files found late may bring entries
// from before it.
func (f *Follower) reach(at *location, o *order) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cursor == (location{}) || o.compare(at, &f.cursor) > 0 {
		f.cursor = *at
	}
}

// run yields entries until ctx ends or, with errStop, yield returns false.
func (f *Follower) run(ctx context.Context, yield func(*Entry) bool) error {
	w := newWatch()
	defer w.close()
	r := &round{f: f, watch: w, yield: yield}
	defer r.release()
	if err := r.renew(); err != nil {
		return err
	}
	if f.backlog {
		if err := r.runBacklog(ctx); err != nil {
			return err
		}
		f.backlog = false
	}
	tick := time.NewTicker(f.j.poll)
	defer tick.Stop()
	for {
		if err := r.runNew(ctx); err != nil {
			return err
		}
		if f.start != (location{}) {
			f.reach(&f.start, &r.order)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// round is one call of run: the files that it holds.
type round struct {
	f       *Follower
	watch   *watch
	yield   func(*Entry) bool
	held    []*openFile
	order   order
	tails   []*tail
	renewed time.Time
}

func (r *round) release() {
	release(r.held)
	r.held, r.tails = nil, nil
}

// rescan is how often directories are read although nothing tells of a change
// in them: some file systems do not tell, and a directory that does not exist
// yet cannot.
const rescan = 2 * time.Second

// renew takes up the files that there are now.
func (r *round) renew() error {
	// The directories are watched before they are read, so that no change
	// falls in between; those that are found by reading them, after that.
	for range 2 {
		held, err := r.f.j.files.hold()
		if err != nil {
			return &Error{Op: "follow", Path: r.f.j.files.name(), Err: err}
		}
		r.release()
		r.held = held
		if !r.watch.add(r.f.j.files.directories()) {
			break
		}
	}
	r.renewed = time.Now()
	r.order = newOrder(r.held)
	r.tails = r.f.tails(r.held)
	r.f.places.keep(r.held)
	return nil
}

// changed reports whether the directories must be read again.
func (r *round) changed() bool {
	return r.watch.changed() || r.f.j.files.pending() || time.Since(r.renewed) > rescan
}

// runBacklog yields what there was before the start.
func (r *round) runBacklog(ctx context.Context) error {
	f := r.f
	limits := make(map[fileID]uint64)
	for id, p := range f.places {
		if !p.late {
			limits[id] = p.entries
		}
	}
	p := f.plan
	stopped := false
	err := f.j.read(ctx, &p, r.held, limits, func(e *Entry) bool {
		at := e.at
		f.reach(&at, &r.order)
		// After a stop, it goes on from here.
		f.plan.after, f.plan.inclusive, f.plan.newest = &at, false, 0
		stopped = !r.yield(e)
		return !stopped
	})
	if stopped && err == nil {
		return errStop
	}
	return err
}

// runNew yields what was added since the files were looked at last.
func (r *round) runNew(ctx context.Context) error {
	f := r.f
	r.tails = settle(f.j.files, r.tails)
	// A file that was created before the last entry which is seen here has
	// told of itself before, and goes first.
	for try := 0; r.changed() && try < 10; try++ {
		if err := r.renew(); err != nil {
			return err
		}
		r.tails = settle(f.j.files, r.tails)
	}
	p := f.plan
	p.after, p.newest, p.match = nil, 0, Match{}
	m := &merge{files: f.j.files, order: r.order, plan: &p}
	of := make(map[*source]*tail)
	for _, t := range r.tails {
		s, err := t.source()
		if err != nil {
			t.place.low = math.MaxUint64
			f.j.files.damaged(t.file, err)
			continue
		}
		if s != nil {
			of[s] = t
			m.sources = append(m.sources, s)
		}
	}
	for s := range of {
		m.advance(s)
	}
	defer m.close()
	var e Entry
	for {
		if err := f.j.alive(ctx); err != nil {
			return err
		}
		s := m.step()
		if s == nil {
			break
		}
		t := of[s]
		t.place.low = s.offset + 1
		if err := s.load(f.j.files, &e); err != nil {
			m.drop(s, err)
			continue
		}
		wanted := f.plan.match.holds(&e) && f.plan.greps(&e)
		if t.place.late {
			wanted = wanted && r.isNew(t, &s.at)
		}
		f.reach(&s.at, &r.order)
		if wanted && !r.yield(&e) {
			return errStop
		}
	}
	for _, t := range of {
		if err := t.place.reach(t.r, t.entries); err != nil {
			t.place.low = math.MaxUint64
			f.j.files.damaged(t.file, err)
		}
	}
	return nil
}

// isNew reports whether an entry of a file that was found after the start is
// neither from before it nor a copy. journald copies entries when it moves
// the journal from /run to /var: they keep their times and content there, and
// get new sequence numbers.
func (r *round) isNew(t *tail, at *location) bool {
	if r.f.start != (location{}) && r.order.compare(at, &r.f.start) <= 0 {
		return false
	}
	for _, other := range r.tails {
		if other == t {
			continue
		}
		same, err := other.has(at)
		if err == nil && same {
			return false
		}
	}
	return true
}
