package journal

import (
	"bytes"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/hubhost/hubhost/journal/internal/jfile"
)

// Entry is one entry of the journal: its fields in the order in which they
// are stored, and what the journal itself knows of it. A field may occur more
// than once, and a value may hold any bytes.
//
// An entry is either owned or lent. An owned entry is the caller's for good:
// [Journal.Entries], [Follower.Entries] and [ReadExport] yield those. A lent
// entry is overwritten by the next step of the iteration that yielded it:
// [Journal.EntriesLent] and [ReadExportLent] yield those, and [Entry.Clone] makes an
// owned one of it. Neither ever points into a journal file.
//
// Several goroutines may read one owned entry at the same time.
type Entry struct {
	at location
	// data holds the fields one after the other, each as NAME=value.
	data []byte
	// fields tells where each field lies in data.
	fields []span
}

// location is what the journal keeps of an entry beside its fields; it orders
// the entries of several files.
type location struct {
	seqnumID  ID     // the source of the sequence number
	seqnum    uint64 // from 1
	bootID    ID
	monotonic uint64 // µs since that boot
	realtime  uint64 // µs since 1970 UTC
	xorHash   uint64 // over the fields
}

// span is one field of an entry: data[Start:Eq] is its name, data[Eq+1:End]
// its value.
type span = jfile.Span

// Time returns the wall clock when journald received the entry, to the
// microsecond: what journalctl sorts and selects by. See also
// _SOURCE_REALTIME_TIMESTAMP, the sender's own clock.
func (e *Entry) Time() time.Time {
	return microTime(e.at.realtime)
}

// Monotonic returns the time since boot when journald received the entry, to
// the microsecond. Two of them can be compared only where the BootID is the
// same.
func (e *Entry) Monotonic() time.Duration {
	return time.Duration(min(e.at.monotonic, math.MaxInt64/1000)) * time.Microsecond
}

// BootID returns the boot in which the entry was written.
func (e *Entry) BootID() ID { return e.at.bootID }

// Cursor returns the text that names this entry's place in the journal: store
// it, and set it as [Query.After] to go on behind this entry, on this host or
// with `journalctl --after-cursor`.
func (e *Entry) Cursor() string { return e.at.cursor() }

// Message returns the field MESSAGE; the empty string where the entry has
// none. It may hold any bytes: quote it before it goes to a terminal.
func (e *Entry) Message() string {
	v, _ := e.Get("MESSAGE")
	return string(v)
}

// Priority returns the field PRIORITY; ok is false where the entry has none
// or one that is not 0 to 7.
func (e *Entry) Priority() (p Priority, ok bool) {
	v, _ := e.Get("PRIORITY")
	if len(v) != 1 || v[0] < '0' || v[0] > '7' {
		return 0, false
	}
	return Priority(v[0] - '0'), true
}

// Unit returns the unit that the entry is about: the one that the service
// manager, the kernel's reporter of crashes or another privileged program
// names in it (UNIT, COREDUMP_UNIT, OBJECT_SYSTEMD_UNIT), else the one whose
// process wrote it (_SYSTEMD_UNIT). It is the empty string where there is
// none. Any program can write the first three into its own entries; where
// that matters, ask with [Query.Units], which believes only those that
// `journalctl -u` believes.
func (e *Entry) Unit() string {
	for _, name := range [...]string{"UNIT", "COREDUMP_UNIT", "OBJECT_SYSTEMD_UNIT", "_SYSTEMD_UNIT"} {
		if v, ok := e.Get(name); ok {
			return string(v)
		}
	}
	return ""
}

// Get returns the first value of the named field; ok is false where the entry
// does not have it. The slice belongs to the entry: do not change it, and of a
// lent entry do not keep it.
func (e *Entry) Get(name string) (value []byte, ok bool) {
	for v := range e.Values(name) {
		return v, true
	}
	return nil, false
}

// Values yields every value of the named field, in the stored order. The
// slices belong to the entry, as those of [Entry.Get] do.
func (e *Entry) Values(name string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, f := range e.fields {
			if int(f.Eq-f.Start) == len(name) && string(e.data[f.Start:f.Eq]) == name {
				if !yield(e.data[f.Eq+1 : f.End : f.End]) {
					return
				}
			}
		}
	}
}

// Fields yields every field in the stored order, a repeated one as often as
// it occurs. The names are the caller's; the values belong to the entry, as
// those of [Entry.Get] do. What is no field of the entry, such as the cursor
// and the timestamps, is not among them.
func (e *Entry) Fields() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, f := range e.fields {
			if !yield(internName(e.data[f.Start:f.Eq]), e.data[f.Eq+1:f.End:f.End]) {
				return
			}
		}
	}
}

// NumFields returns how many fields the entry has, repeated ones counted as
// often as they occur.
func (e *Entry) NumFields() int { return len(e.fields) }

// Clone returns an owned copy of the entry.
func (e *Entry) Clone() *Entry {
	return &Entry{at: e.at, data: bytes.Clone(e.data), fields: slices.Clone(e.fields)}
}

// reset empties the entry and keeps its memory for the next one.
func (e *Entry) reset() {
	e.at = location{}
	e.data = e.data[:0]
	e.fields = e.fields[:0]
}

// appendField adds a field at the end. It reports false, and leaves the entry
// as it was, where the entry would grow beyond 4 GiB.
func (e *Entry) appendField(name, value []byte) bool {
	start := len(e.data)
	if uint64(start)+uint64(len(name))+uint64(len(value))+1 > math.MaxUint32 {
		return false
	}
	e.data = append(append(append(e.data, name...), '='), value...)
	e.fields = append(e.fields, span{Start: uint32(start), Eq: uint32(start + len(name)), End: uint32(len(e.data))})
	return true
}

// microTime returns the time of a journal timestamp, in the local zone.
func microTime(us uint64) time.Time {
	return time.UnixMicro(int64(min(us, math.MaxInt64)))
}

// internName returns a field's name as a string, without allocating it for
// the fields that journald adds to every entry.
func internName(b []byte) string {
	switch string(b) {
	case "MESSAGE":
		return "MESSAGE"
	case "MESSAGE_ID":
		return "MESSAGE_ID"
	case "PRIORITY":
		return "PRIORITY"
	case "SYSLOG_FACILITY":
		return "SYSLOG_FACILITY"
	case "SYSLOG_IDENTIFIER":
		return "SYSLOG_IDENTIFIER"
	case "SYSLOG_PID":
		return "SYSLOG_PID"
	case "SYSLOG_TIMESTAMP":
		return "SYSLOG_TIMESTAMP"
	case "CODE_FILE":
		return "CODE_FILE"
	case "CODE_LINE":
		return "CODE_LINE"
	case "CODE_FUNC":
		return "CODE_FUNC"
	case "INVOCATION_ID":
		return "INVOCATION_ID"
	case "JOB_ID":
		return "JOB_ID"
	case "JOB_TYPE":
		return "JOB_TYPE"
	case "JOB_RESULT":
		return "JOB_RESULT"
	case "UNIT":
		return "UNIT"
	case "TID":
		return "TID"
	case "_BOOT_ID":
		return "_BOOT_ID"
	case "_MACHINE_ID":
		return "_MACHINE_ID"
	case "_HOSTNAME":
		return "_HOSTNAME"
	case "_RUNTIME_SCOPE":
		return "_RUNTIME_SCOPE"
	case "_TRANSPORT":
		return "_TRANSPORT"
	case "_STREAM_ID":
		return "_STREAM_ID"
	case "_PID":
		return "_PID"
	case "_UID":
		return "_UID"
	case "_GID":
		return "_GID"
	case "_COMM":
		return "_COMM"
	case "_EXE":
		return "_EXE"
	case "_CMDLINE":
		return "_CMDLINE"
	case "_CAP_EFFECTIVE":
		return "_CAP_EFFECTIVE"
	case "_SELINUX_CONTEXT":
		return "_SELINUX_CONTEXT"
	case "_AUDIT_SESSION":
		return "_AUDIT_SESSION"
	case "_AUDIT_LOGINUID":
		return "_AUDIT_LOGINUID"
	case "_SYSTEMD_CGROUP":
		return "_SYSTEMD_CGROUP"
	case "_SYSTEMD_UNIT":
		return "_SYSTEMD_UNIT"
	case "_SYSTEMD_USER_UNIT":
		return "_SYSTEMD_USER_UNIT"
	case "_SYSTEMD_OWNER_UID":
		return "_SYSTEMD_OWNER_UID"
	case "_SYSTEMD_SLICE":
		return "_SYSTEMD_SLICE"
	case "_SYSTEMD_USER_SLICE":
		return "_SYSTEMD_USER_SLICE"
	case "_SYSTEMD_SESSION":
		return "_SYSTEMD_SESSION"
	case "_SYSTEMD_INVOCATION_ID":
		return "_SYSTEMD_INVOCATION_ID"
	case "_SOURCE_REALTIME_TIMESTAMP":
		return "_SOURCE_REALTIME_TIMESTAMP"
	case "_SOURCE_MONOTONIC_TIMESTAMP":
		return "_SOURCE_MONOTONIC_TIMESTAMP"
	case "_SOURCE_BOOTTIME_TIMESTAMP":
		return "_SOURCE_BOOTTIME_TIMESTAMP"
	}
	return string(b)
}
