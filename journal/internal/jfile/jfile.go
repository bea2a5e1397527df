// Package jfile reads one systemd journal file in place, by its own index:
// entry arrays, the hash table of DATA objects and the list of FIELD objects.
// It never walks the objects of a file one after the other, because files
// that were not closed cleanly have holes.
//
// The format is described by systemd's docs/JOURNAL_FILE_FORMAT.md and, where
// the two differ, by src/libsystemd/sd-journal/journal-def.h and
// journal-file.c. All integers are little endian, and all objects begin at a
// multiple of 8.
//
// # Memory that vanishes
//
// The file is mapped, and journald may shorten it or punch holes into it at
// any time: pages then turn to zeros, or touching them raises SIGBUS. Every
// exported method that touches the mapping therefore turns such a fault into
// an error (see catch), and returns only copies.
package jfile

import (
	"errors"
	"fmt"
)

// Errors that the functions of this package return, wrapped.
var (
	// ErrCorrupt is a file that breaks the rules of the format.
	ErrCorrupt = errors.New("journal file is corrupt")
	// ErrIncomplete is a file that is being created: its header is not yet
	// written in full. It is worth another try.
	ErrIncomplete = errors.New("journal file is not complete yet")
	// ErrCutShort is a file that is shorter than its header says. It may be
	// one that journald shortens at this moment, and worth another try.
	ErrCutShort = fmt.Errorf("%w: cut short", ErrCorrupt)
	// ErrTruncated is a file that was shortened while it was being read.
	ErrTruncated = fmt.Errorf("%w: cut short while it was read", ErrCorrupt)
	// ErrTooLarge is a field beyond the limit that the caller set.
	ErrTooLarge = errors.New("a field is larger than the limit")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// ID is a 128-bit identifier.
type ID = [16]byte

// Location is what an ENTRY object holds beside its fields.
type Location struct {
	SeqnumID  ID
	Seqnum    uint64
	BootID    ID
	Monotonic uint64 // µs
	Realtime  uint64 // µs
	XorHash   uint64
}

// Span is one field NAME=value in a buffer: the name is [Start:Eq], the value
// [Eq+1:End].
type Span struct{ Start, Eq, End uint32 }
