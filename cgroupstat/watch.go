package cgroupstat

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"
	"time"
)

// EventKind is what happened to a unit.
type EventKind uint8

// The kinds of events.
const (
	// OOMKill is processes of the unit killed for lack of memory.
	OOMKill EventKind = iota + 1
	// OOM is allocations of the unit that were about to fail because of its
	// limit; a kill mostly follows.
	OOM
	// MemoryHigh is the unit slowed down at its MemoryHigh.
	MemoryHigh
	// MemoryMax is the unit held at its MemoryMax: memory was taken back, or
	// an [OOM] follows.
	MemoryMax
	// Populated is the unit's first process.
	Populated
	// Emptied is the end of the unit's last process.
	Emptied
	// Created is a new control group that [Watcher.AddPrefix] was waiting
	// for. It is watched from now on.
	Created
	// Gone is the end of the unit's control group. The watcher forgets it.
	Gone
)

// String returns the kind in lower case with dashes, such as "oom-kill".
func (k EventKind) String() string {
	switch k {
	case OOMKill:
		return "oom-kill"
	case OOM:
		return "oom"
	case MemoryHigh:
		return "memory-high"
	case MemoryMax:
		return "memory-max"
	case Populated:
		return "populated"
	case Emptied:
		return "emptied"
	case Created:
		return "created"
	case Gone:
		return "gone"
	}
	return "unknown"
}

// MarshalText writes what String returns, so that JSON has words.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Event is something that happened to a watched unit.
type Event struct {
	// Time is when the watcher saw it.
	Time time.Time
	// Path is the unit's control group.
	Path string
	Kind EventKind
	// Count is how often it happened since the last event of the kind, since
	// [Watcher.Add], or since the unit's [Created]; Total since the group was
	// made (v1: zero for OOM). Both are zero for Populated, Emptied, Created
	// and Gone.
	Count, Total uint64
	// Inferred marks an [OOMKill] of a unit whose control group was gone
	// before its own counter could be read, which is how the kill of a
	// session's main process ends. It then rests on the counter of the slice
	// above, less what is known of the units beside it (v1: on the kernel's
	// notice of an out-of-memory state), and Total is zero.
	Inferred bool
}

// Watcher tells of OOM kills, memory limits met and processes come and gone,
// for any number of units through one inotify instance, of which a user has
// but 128 by default. Add, AddPrefix and Remove may be called while Events
// runs.
//
// On v1 the kernel tells of out-of-memory states only: the events are
// [OOMKill] and [OOM] of the unit's own group, without those below it,
// [Created] and [Gone], on a hybrid also [Populated] and [Emptied]; and to
// watch takes the right to write the group's cgroup.event_control, which is
// root's.
type Watcher struct {
	w *watcher
}

// NewWatcher returns a watcher of the hierarchy's units, which watches none
// yet.
func (h *Hierarchy) NewWatcher() (*Watcher, error) {
	w, err := h.tree.newWatcher()
	if err != nil {
		return nil, &Error{Op: "watch", Path: "/", Err: err}
	}
	return &Watcher{w}, nil
}

// Add watches a unit from now on. A unit that is watched already stays so. It
// returns an error that is [ErrNotRunning] when there is no such group.
func (w *Watcher) Add(path string) error {
	if err := checkPath("watch", path); err != nil {
		return err
	}
	if err := w.w.add(path); err != nil {
		return within("watch", path, err)
	}
	return nil
}

// AddPrefix watches the units, there are now and will be, whose path begins
// with prefix and that lie directly in its slice: all sessions are
// "/system.slice/jupyter-". It returns an error that is [ErrNotRunning] when
// there is no such slice. With any other error the prefix is watched all the
// same, but for the units that the error names. When the slice is removed
// later, Events says so by an error that is [ErrNotRunning], and the prefix is
// forgotten.
func (w *Watcher) AddPrefix(prefix string) error {
	slice, ok := parent(prefix)
	if !ok {
		slice = "/"
	}
	if !strings.HasPrefix(prefix, "/") || checkPath("watch", slice) != nil {
		return &Error{Op: "watch", Path: prefix, Err: fs.ErrInvalid}
	}
	if err := w.w.addPrefix(slice, prefix); err != nil {
		return within("watch", prefix, err)
	}
	return nil
}

// Remove watches a unit no more. It is no error if it was not. A unit that
// begins with a prefix is watched again when it starts again.
func (w *Watcher) Remove(path string) { w.w.remove(path) }

// Events waits for events and yields them, until ctx is done or the watcher
// is closed, which is the last error: the context's, or [ErrClosed]. A unit
// that cannot be read ends the loop as well; the next call goes on. Events
// that happen while nobody is in Events, and those that were left when the
// loop was, are yielded by the next call, what is counted summed up; a unit
// that came and went meanwhile is not told of. Only one call may run at a time.
func (w *Watcher) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			events, err := w.w.wait(ctx)
			for i, ev := range events {
				if !yield(ev, nil) {
					w.w.unread(events[i+1:])
					return
				}
			}
			if err != nil {
				if !errors.As(err, new(*Error)) {
					err = &Error{Op: "watch", Path: "/", Err: err}
				}
				yield(Event{}, err)
				return
			}
		}
	}
}

// Close ends the watch, and a running [Watcher.Events] with it.
func (w *Watcher) Close() error { return w.w.close() }
