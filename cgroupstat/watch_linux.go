package cgroupstat

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/containerd/cgroups/v3/cgroup1"
	"golang.org/x/sys/unix"
)

// watcher waits on an epoll instance, which holds one inotify instance and,
// on v1, an eventfd a unit. No goroutine is needed: a wait is a read with a
// deadline, which the Go runtime's own poller does.
//
// An OOM kill raises memory.events of the unit and, a moment later, of every
// slice above; the kernel's notices follow at most 10 ms apart for each file.
// systemd removes the group of a killed session within milliseconds, and with
// it the counter and the notice. The slice's counter stays, so what it has
// more than all its units account for is the kill of the unit that is gone.
type watcher struct {
	tree    *tree
	inotify int
	epoll   *os.File // closes the wait
	conn    syscall.RawConn

	mu      sync.Mutex
	closed  bool
	units   map[string]*watchedUnit
	slices  map[string]*watchedSlice
	byWatch map[int][]any // *watchedUnit, *watchedSlice; a slice may be both
	byEvent map[int]*watchedUnit
	pending []Event
	buf     []byte

	waiting sync.Mutex // held by the one call of wait
}

type watchedUnit struct {
	path  string
	slice *watchedSlice

	watches        []int
	events, groups int // memory.events and cgroup.events, or -1
	memory         MemoryEvents
	populated      Opt[bool]

	// On v1:
	eventfd int // or -1
	// expectKill is until when an out-of-memory state that was announced is
	// expected to show in the count of kills. The kernel announces first.
	expectKill time.Time

	gone bool
}

type watchedSlice struct {
	path     string
	prefixes []string
	watches  []int
	parent   int // the watch of the directory that the slice's is in, or -1
	id       uint64
	events   int // memory.events, or -1
	// removed has the groups of Remove, by inode, that a prefix would add.
	removed map[string]uint64
	// kills is how many of the slice's OOM kills are accounted for.
	kills uint64
	units map[string]*watchedUnit
}

func (t *tree) newWatcher() (*watcher, error) {
	inotify, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, usedUp(err)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		unix.Close(inotify)
		return nil, err
	}
	w := &watcher{
		tree: t, inotify: inotify,
		units: make(map[string]*watchedUnit), slices: make(map[string]*watchedSlice),
		byWatch: make(map[int][]any), byEvent: make(map[int]*watchedUnit),
		buf: make([]byte, bufferSize),
	}
	err = unix.SetNonblock(epoll, true) // for the runtime's poller
	w.epoll = os.NewFile(uintptr(epoll), "epoll")
	if err == nil {
		w.conn, err = w.epoll.SyscallConn()
	}
	if err == nil {
		err = w.poll(inotify)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// poll adds a descriptor to the epoll instance; closing it removes it.
func (w *watcher) poll(fd int) error {
	var err error
	err2 := w.conn.Control(func(epoll uintptr) {
		err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	})
	return errors.Join(err, err2)
}

func (w *watcher) close() error {
	// Wakes wait, which then finds the watcher closed.
	err := w.epoll.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	for _, u := range w.units {
		w.drop(u)
	}
	for _, sl := range w.slices {
		w.dropSlice(sl)
	}
	unix.Close(w.inotify)
	return err
}

// watch adds an inotify watch of a file below the tree's directory for
// groups. A file that is missing is not watched.
func (w *watcher) watch(name string, mask uint32, of any) (watches []int, err error) {
	wd, err := unix.InotifyAddWatch(w.inotify, name, mask)
	if err == unix.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, &Error{File: filepath.Base(name), Err: usedUp(err)}
	}
	w.byWatch[wd] = append(w.byWatch[wd], of)
	return []int{wd}, nil
}

// usedUp says which limit the errors of inotify mean, whose own words are of
// files and disks.
func usedUp(err error) error {
	switch err {
	case unix.ENOSPC:
		return fmt.Errorf("this user's inotify watches are used up, raise fs.inotify.max_user_watches: %w", err)
	case unix.EMFILE:
		return fmt.Errorf("this user's inotify instances are used up, raise fs.inotify.max_user_instances, or this process's open files: %w", err)
	}
	return err
}

func (w *watcher) add(path string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	// What it counted before it was watched is not news.
	var ignored []Event
	return gone(w.addUnit(path, MemoryEvents{}, &ignored))
}

// addUnit watches a unit, and tells what it counted beyond counted.
func (w *watcher) addUnit(path string, counted MemoryEvents, events *[]Event) error {
	if w.units[path] != nil {
		return nil
	}
	dir := w.tree.groups() + path
	if err := unix.Access(dir, unix.F_OK); err != nil {
		return err
	}
	u := &watchedUnit{path: path, events: -1, groups: -1, eventfd: -1, memory: counted}
	sl, err := w.slice(filepath.Dir(path))
	if err != nil {
		return err
	}
	u.slice = sl
	err = w.openUnit(u, dir)
	if err == nil {
		w.units[path], sl.units[path] = u, u
		err = w.check(u, events)
	}
	if err == nil && u.gone {
		err = ErrNotRunning
	}
	if err != nil {
		w.drop(u)
	}
	return err
}

// openUnit adds the watches first and opens the files for their first reading
// after: what happens in between is then seen twice, not missed.
func (w *watcher) openUnit(u *watchedUnit, dir string) error {
	if w.tree.mode != Unified {
		if err := w.openLegacy(u); err != nil {
			return err
		}
	}
	for _, name := range []string{"memory.events", "cgroup.events"} {
		watches, err := w.watch(dir+"/"+name, unix.IN_MODIFY, u)
		if err != nil {
			return err
		}
		u.watches = append(u.watches, watches...)
	}
	var err error
	if u.events, err = w.tree.openFile(unix.AT_FDCWD, dir+"/memory.events"); err == nil {
		u.groups, err = w.tree.openFile(unix.AT_FDCWD, dir+"/cgroup.events")
	}
	return err
}

// openLegacy asks for the kernel's notices of out-of-memory states, unless
// the unit has no group in the memory hierarchy (yet).
func (w *watcher) openLegacy(u *watchedUnit) error {
	memory := func() ([]cgroup1.Subsystem, error) {
		return []cgroup1.Subsystem{cgroup1.NewMemory(w.tree.mount)}, nil
	}
	g, err := cgroup1.Load(cgroup1.StaticPath(u.path), cgroup1.WithHierarchy(memory))
	if errors.Is(err, cgroup1.ErrCgroupDeleted) {
		return nil
	}
	if err != nil {
		return err
	}
	fd, err := g.RegisterMemoryEvent(cgroup1.OOMEvent())
	if err != nil {
		return failed("memory", err)
	}
	u.eventfd = int(fd)
	w.byEvent[u.eventfd] = u
	if err := unix.SetNonblock(u.eventfd, true); err != nil {
		return err
	}
	return w.poll(u.eventfd)
}

func (w *watcher) slice(path string) (*watchedSlice, error) {
	if sl := w.slices[path]; sl != nil {
		return sl, nil
	}
	dir := w.tree.groups()
	if path != "/" {
		dir += path
	}
	sl := &watchedSlice{
		path: path, parent: -1, events: -1,
		units: make(map[string]*watchedUnit), removed: make(map[string]uint64),
	}
	const mask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_ONLYDIR
	if path != "/" {
		// The removal of the slice's own directory is told there.
		watches, err := w.watch(filepath.Dir(dir), mask, sl)
		if err != nil {
			return nil, err
		}
		if watches == nil {
			return nil, ErrNotRunning
		}
		sl.watches, sl.parent = watches, watches[0]
	}
	watches, err := w.watch(dir, mask, sl)
	if err == nil && watches != nil {
		sl.watches = append(sl.watches, watches...)
		sl.id, err = w.id(path)
	} else if err == nil {
		err = ErrNotRunning
	}
	if err != nil {
		w.dropSlice(sl)
		return nil, err
	}
	if w.tree.mode != Unified {
		// systemd makes a unit's group there a moment later.
		watches, err := w.watch(filepath.Join(w.tree.mount, "memory", path), unix.IN_CREATE|unix.IN_ONLYDIR, sl)
		if err != nil {
			w.dropSlice(sl)
			return nil, err
		}
		sl.watches = append(sl.watches, watches...)
	}
	if watches, err = w.watch(dir+"/memory.events", unix.IN_MODIFY, sl); err == nil {
		sl.watches = append(sl.watches, watches...)
		sl.events, err = w.tree.openFile(unix.AT_FDCWD, dir+"/memory.events")
	}
	if err != nil {
		w.dropSlice(sl)
		return nil, err
	}
	sl.kills = w.sliceKills(sl)
	w.slices[path] = sl
	return sl, nil
}

// id returns the inode of a group's directory.
func (w *watcher) id(path string) (uint64, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Stat(w.tree.groups()+path, &st) })
	return uint64(st.Ino), err
}

func (w *watcher) addPrefix(slice, prefix string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	sl, err := w.slice(slice)
	if err != nil {
		return gone(err)
	}
	if !slices.Contains(sl.prefixes, prefix) {
		sl.prefixes = append(sl.prefixes, prefix)
	}
	// The slice is watched by now: a unit that starts meanwhile is added once.
	paths, err := w.tree.children(slice)
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		if strings.HasPrefix(path, prefix) {
			var ignored []Event
			if err := gone(w.addUnit(path, MemoryEvents{}, &ignored)); err != nil && !errors.Is(err, ErrNotRunning) {
				errs = append(errs, within("watch", path, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (w *watcher) remove(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.units[path]; u != nil {
		if id, err := w.id(path); err == nil && u.slice.wants(path) {
			u.slice.removed[path] = id
		}
		w.drop(u)
	}
}

func (w *watcher) drop(u *watchedUnit) {
	w.unwatch(u.watches, u)
	for _, fd := range []int{u.events, u.groups, u.eventfd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	delete(w.byEvent, u.eventfd)
	delete(w.units, u.path)
	delete(u.slice.units, u.path)
	if len(u.slice.units) == 0 && len(u.slice.prefixes) == 0 {
		w.dropSlice(u.slice)
	}
}

func (w *watcher) dropSlice(sl *watchedSlice) {
	w.unwatch(sl.watches, sl)
	if sl.events >= 0 {
		unix.Close(sl.events)
	}
	delete(w.slices, sl.path)
}

func (w *watcher) unwatch(watches []int, of any) {
	for _, wd := range watches {
		left := slices.DeleteFunc(w.byWatch[wd], func(o any) bool { return o == of })
		if w.byWatch[wd] = left; len(left) == 0 {
			unix.InotifyRmWatch(w.inotify, uint32(wd)) // fails when the file is gone
			delete(w.byWatch, wd)
		}
	}
}

func (w *watcher) unread(events []Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(slices.Clone(events), w.pending...)
}

// killShows is how long after the notice of an out-of-memory state the kill
// may take to be counted, and killAgain how often that is looked for.
const (
	killShows = time.Second
	killAgain = 20 * time.Millisecond
)

// wait returns at least one event, or an error, or both.
func (w *watcher) wait(ctx context.Context) ([]Event, error) {
	if !w.waiting.TryLock() {
		return nil, errors.New("another call of Events is running")
	}
	defer w.waiting.Unlock()
	stop := context.AfterFunc(ctx, func() { w.epoll.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		// Here as well, for a reader that is slower than the events.
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		events, again, err := w.collect()
		if len(events) > 0 || err != nil {
			return events, err
		}
		var deadline time.Time
		if again {
			deadline = time.Now().Add(killAgain)
		}
		w.epoll.SetReadDeadline(deadline)
		// Looked at after the deadline is set, which undoes that of AfterFunc.
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err = w.conn.Read(func(epoll uintptr) bool {
			var ready [1]unix.EpollEvent
			n, err := unix.EpollWait(int(epoll), ready[:], 0)
			return n > 0 || err != nil && err != unix.EINTR
		})
		switch {
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		default:
			return nil, ErrClosed
		}
	}
}

// collect reads what there is to read. again is whether a kill is expected
// that nothing will announce.
func (w *watcher) collect() (events []Event, again bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, false, ErrClosed
	}
	events, w.pending = w.pending, nil
	err = w.drain(&events)
	for _, u := range w.units {
		again = again || !u.expectKill.IsZero()
	}
	return events, again, err
}

// notices is what inotify told.
type notices struct {
	changed       map[*watchedUnit]bool
	changedSlices map[*watchedSlice]bool
	created       []string
	removed       []*watchedSlice
}

// readNotices reads all that inotify has.
func (w *watcher) readNotices() (notices, error) {
	got := notices{changed: make(map[*watchedUnit]bool), changedSlices: make(map[*watchedSlice]bool)}
	for {
		n, err := unix.Read(w.inotify, w.buf)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		for b := w.buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			ev := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
			name := b[unix.SizeofInotifyEvent:][:ev.Len]
			b = b[unix.SizeofInotifyEvent+int(ev.Len):]
			w.notice(&got, ev, strings.TrimRight(string(name), "\x00"))
		}
	}
}

// notice takes in one notice, of the file name in the directory watched.
func (w *watcher) notice(got *notices, ev *unix.InotifyEvent, name string) {
	if ev.Mask&unix.IN_Q_OVERFLOW != 0 {
		// Nothing is lost but the notices: every counter is read.
		for _, u := range w.units {
			got.changed[u] = true
		}
		for _, sl := range w.slices {
			got.changedSlices[sl] = true
			got.created = append(got.created, w.missed(sl)...)
			got.removed = append(got.removed, sl)
		}
		return
	}
	for _, of := range w.byWatch[int(ev.Wd)] {
		sl, ok := of.(*watchedSlice)
		if !ok {
			got.changed[of.(*watchedUnit)] = true
			continue
		}
		child := filepath.Join(sl.path, name)
		switch {
		case int(ev.Wd) == sl.parent:
			if ev.Mask&unix.IN_DELETE != 0 && name == filepath.Base(sl.path) {
				got.removed = append(got.removed, sl)
			}
		case ev.Mask&unix.IN_MODIFY != 0:
			got.changedSlices[sl] = true
		case ev.Mask&unix.IN_DELETE != 0:
			delete(sl.removed, child)
			if u := w.units[child]; u != nil {
				got.changed[u] = true
			}
		case ev.Mask&unix.IN_CREATE != 0 && (sl.wants(child) || w.units[child] != nil):
			got.created = append(got.created, child)
		}
	}
	if ev.Mask&unix.IN_IGNORED != 0 {
		delete(w.byWatch, int(ev.Wd))
	}
}

// drain takes in all that inotify and the eventfds have. A unit that fails
// does not keep the others from being looked at.
func (w *watcher) drain(events *[]Event) error {
	got, err := w.readNotices()
	if err != nil {
		return err
	}
	r := &round{watcher: w, notices: got, now: time.Now(), events: events}
	r.announcements()
	r.removedSlices()
	// New units before the kills that only slices count are given to those
	// that left, except for the next run of one of these.
	runsAgain := slices.DeleteFunc(r.created, func(path string) bool {
		isNew := w.units[path] == nil
		if isNew {
			r.start(path)
		}
		return isNew
	})
	r.leave()
	for _, path := range runsAgain {
		if u := w.units[path]; u == nil {
			r.start(path)
		} else if w.tree.mode != Unified && u.eventfd < 0 {
			r.fail(w.openLegacy(u))
		}
	}
	*events = append(*events, r.started...)
	return errors.Join(r.errs...)
}

// round is one drain: the notices, and what follows from them.
type round struct {
	*watcher
	notices
	now     time.Time
	events  *[]Event
	started []Event // of new units, which come last
	errs    []error
}

func (r *round) fail(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *round) tell(u *watchedUnit, kind EventKind) {
	*r.events = append(*r.events, Event{Time: r.now, Path: u.path, Kind: kind})
}

// announcements reads the eventfds of v1.
func (r *round) announcements() {
	for fd, u := range r.byEvent {
		var count [8]byte
		if n, err := unix.Read(fd, count[:]); err == nil && n == len(count) {
			r.announced(u, binary.NativeEndian.Uint64(count[:]), r.now, r.events)
			r.changed[u] = true
		}
		if !u.expectKill.IsZero() {
			r.changed[u] = true
			if r.now.After(u.expectKill) { // memory was found after all
				u.expectKill = time.Time{}
			}
		}
	}
}

// removedSlices ends the prefixes of slices that are gone, and has their units
// looked at.
func (r *round) removedSlices() {
	r.removed = slices.DeleteFunc(r.removed, func(sl *watchedSlice) bool {
		id, err := r.id(sl.path)
		return err == nil && id == sl.id
	})
	for _, sl := range r.removed {
		for _, prefix := range sl.prefixes {
			r.fail(&Error{Op: "watch", Path: prefix, Err: ErrNotRunning})
		}
		sl.prefixes = nil
		for _, u := range sl.units {
			r.changed[u] = true
		}
	}
}

// start begins to watch a unit that a prefix wants. One of Add is forgotten
// when it is gone.
func (r *round) start(path string) {
	if sl := r.slices[filepath.Dir(path)]; sl == nil || !sl.wants(path) {
		return
	}
	zero := Some[uint64](0)
	counted := []Event{{Time: r.now, Path: path, Kind: Created}}
	switch err := gone(r.addUnit(path, MemoryEvents{High: zero, Max: zero, OOM: zero, OOMKill: zero}, &counted)); {
	case err == nil:
		r.started = append(r.started, counted...)
	case !errors.Is(err, ErrNotRunning): // or it is gone again
		r.fail(within("watch", path, err))
	}
}

// leave looks at the units that something was told of, gives those that are
// gone the kills that only their slices count, and forgets them.
func (r *round) leave() {
	var left []*watchedUnit
	for u := range r.changed {
		r.fail(r.check(u, r.events))
		if u.gone {
			left = append(left, u)
			r.changedSlices[u.slice] = true
		}
	}
	for sl := range r.changedSlices {
		r.fail(r.explain(sl, &left, r.events))
	}
	for _, u := range left {
		if !u.expectKill.IsZero() {
			*r.events = append(*r.events, Event{Time: r.now, Path: u.path, Kind: OOMKill, Count: 1, Inferred: true})
		}
		if populated, ok := u.populated.Get(); ok && populated {
			r.tell(u, Emptied)
		}
		r.tell(u, Gone)
		r.drop(u)
	}
	for _, sl := range r.removed {
		if len(sl.units) == 0 && r.slices[sl.path] == sl {
			r.dropSlice(sl)
		}
	}
}

func (sl *watchedSlice) wants(path string) bool {
	return slices.ContainsFunc(sl.prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

// missed returns the units of a slice whose creation was not told.
func (w *watcher) missed(sl *watchedSlice) (created []string) {
	paths, err := w.tree.children(sl.path)
	if err != nil {
		return nil // the slice is gone, and its units with it
	}
	return slices.DeleteFunc(paths, func(path string) bool {
		id, err := w.id(path)
		return err != nil || !sl.wants(path) || sl.removed[path] == id
	})
}

// check compares a unit's counters with those of the last time.
func (w *watcher) check(u *watchedUnit, events *[]Event) error {
	if u.gone {
		return nil
	}
	var st Stats
	read := func(f file, fd int) error {
		if fd < 0 {
			return nil
		}
		err := w.tree.readInto(f, fd, &w.buf, &st)
		if err == unix.ENODEV {
			u.gone = true
			return nil
		}
		return err
	}
	if _, err := w.legacyKills(u, &st); err != nil {
		return within("watch", u.path, err)
	}
	if err := read(memoryEvents, u.events); err != nil {
		return within("watch", u.path, err)
	}
	if err := read(cgroupEvents, u.groups); err != nil {
		return within("watch", u.path, err)
	}
	// Without cgroup.events, on v1, its directory has to tell.
	if u.groups < 0 && unix.Access(w.tree.groups()+u.path, unix.F_OK) != nil {
		u.gone = true
	}
	now := time.Now()
	for _, c := range []struct {
		kind EventKind
		now  Opt[uint64]
		last *Opt[uint64]
	}{
		{MemoryHigh, st.Memory.Events.High, &u.memory.High},
		{MemoryMax, st.Memory.Events.Max, &u.memory.Max},
		{OOM, st.Memory.Events.OOM, &u.memory.OOM},
		{OOMKill, st.Memory.Events.OOMKill, &u.memory.OOMKill},
	} {
		total, ok := c.now.Get()
		last, known := c.last.Get()
		if !ok {
			continue
		}
		*c.last = c.now
		if !known || total <= last {
			continue
		}
		*events = append(*events, Event{Time: now, Path: u.path, Kind: c.kind, Count: total - last, Total: total})
		if c.kind == OOMKill {
			u.slice.kills += total - last
			u.expectKill = time.Time{}
		}
	}
	if populated, ok := st.Populated.Get(); ok {
		if was, known := u.populated.Get(); known && was != populated {
			kind := Emptied
			if populated {
				kind = Populated
			}
			*events = append(*events, Event{Time: now, Path: u.path, Kind: kind})
		}
		u.populated = st.Populated
	}
	return nil
}

// explain finds the unit for OOM kills that a slice counts beyond those of its
// units: one of those that are left without a group. Kills of units that are
// not watched are set aside.
func (w *watcher) explain(sl *watchedSlice, left *[]*watchedUnit, events *[]Event) error {
	// Read before the units: a unit has counted what its slice has.
	total := w.sliceKills(sl)
	if total <= sl.kills {
		return nil
	}
	for _, u := range sl.units {
		wasGone := u.gone
		if err := w.check(u, events); err != nil {
			return err
		}
		if u.gone && !wasGone {
			*left = append(*left, u)
		}
	}
	var candidates []*watchedUnit
	for _, u := range *left {
		if u.slice == sl {
			candidates = append(candidates, u)
		}
	}
	for i, u := range candidates {
		if total <= sl.kills {
			break
		}
		count := uint64(1)
		if i == len(candidates)-1 {
			count = total - sl.kills
		}
		sl.kills += count
		*events = append(*events, Event{Time: time.Now(), Path: u.path, Kind: OOMKill, Count: count, Inferred: true})
	}
	sl.kills = max(sl.kills, total)
	return nil
}

// sliceKills reads the OOM kills that a slice counts. Without the memory
// controller, and on v1, where slices do not count, there are none.
func (w *watcher) sliceKills(sl *watchedSlice) uint64 {
	var st Stats
	if sl.events < 0 || w.tree.readInto(memoryEvents, sl.events, &w.buf, &st) != nil {
		return sl.kills
	}
	return st.Memory.Events.OOMKill.Or(0)
}

// announced takes in a signal on a unit's eventfd. The kernel gives one for
// each out-of-memory state, and one when the group is removed.
func (w *watcher) announced(u *watchedUnit, count uint64, now time.Time, events *[]Event) {
	var st Stats
	if found, err := w.legacyKills(u, &st); err == nil && !found {
		count--
	}
	if count > 0 {
		*events = append(*events, Event{Time: now, Path: u.path, Kind: OOM, Count: count})
		u.expectKill = now.Add(killShows)
	}
}

// legacyKills reads a v1 group's count of OOM kills, if it is found.
func (w *watcher) legacyKills(u *watchedUnit, st *Stats) (found bool, err error) {
	if u.eventfd < 0 {
		return false, nil
	}
	g := legacyGroup{w.tree, u.path, st}
	found, err = g.lines("memory", "memory.oom_control", func(line []byte) bool {
		return parseMemoryEvents(&st.Memory.Events, line) == nil
	})
	if errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	return found, err
}
