package cgroupstat

import (
	"context"
	"iter"
	"time"
)

// EventKind is what happened to a unit.
type EventKind uint8

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
	// Populated is the unit's first process, Emptied the end of its last.
	Populated
	Emptied
	// Gone is the end of the unit's control group. The watcher forgets it.
	Gone
)

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
	case Gone:
		return "gone"
	}
	return "unknown"
}

// Event is something that happened to a watched unit.
type Event struct {
	// Time is when the watcher saw it.
	Time time.Time
	// Path is the unit's control group.
	Path string
	Kind EventKind
	// Count is how often it happened since the last event of the kind, or
	// since [Watcher.Add]; Total since the group was made. For Populated,
	// Emptied and Gone both are zero.
	Count, Total uint64
	// Inferred marks an [OOMKill] of a unit whose control group was gone
	// before its own counter could be read, which is how the kill of a
	// session's main process ends. It then rests on the counter of the slice
	// above, less what is known of the units beside it (v1: on the kernel's
	// notice of an out-of-memory state), and Total is zero.
	Inferred bool
}

// Watcher tells of OOM kills, memory limits met and processes come and gone,
// for any number of units through one inotify instance. Add and Remove may be
// called while Events runs.
type Watcher struct {
	w *watcher
}

// NewWatcher returns a watcher of the hierarchy's units, which watches none
// yet.
func (h *Hierarchy) NewWatcher() (*Watcher, error) {
	panic("todo")
}

// Add watches a unit from now on. A unit that is watched already stays so. It
// returns an error that is [ErrNotRunning] when there is no such group.
func (w *Watcher) Add(path string) error {
	panic("todo")
}

// Remove watches a unit no more. It is no error if it was not.
func (w *Watcher) Remove(path string) { panic("todo") }

// Events waits for events and yields them, until ctx is done or the watcher
// is closed, which is the last error: the context's, or [ErrClosed]. Events
// that happen while nobody is in Events are yielded by the next call, summed
// up. Only one call may run at a time.
func (w *Watcher) Events(ctx context.Context) iter.Seq2[Event, error] {
	panic("todo")
}

// Close ends the watch, and a running [Watcher.Events] with it.
func (w *Watcher) Close() error { panic("todo") }
