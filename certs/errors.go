package certs

import "strings"

// Error is the error of every call of this package that works on files or
// connections. The checks to write:
//
//	errors.Is(err, fs.ErrNotExist)        // no such file, directory or backup
//	errors.Is(err, fs.ErrPermission)      // not root
//	errors.Is(err, certs.CodeKeyMismatch) // the pair was refused for this finding
//	errors.Is(err, certs.ErrChanged)      // someone else changed the pair meanwhile
//
// For how an installation ended see [Error.Stage] and [Error.State]:
//
//	if e, ok := errors.AsType[*certs.Error](err); ok && e.State == certs.StateRestored { … }
type Error struct {
	Op   string // "load", "install", "rollback", "recover", "backups", "served", "audit", "generate"
	Path string // the file, directory or address

	// Stage is where an installation failed and State what it left behind;
	// both are empty for other operations.
	Stage Stage
	State State

	Err error // the cause
}

// Error returns the operation, what it worked on, the stage and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" {
		b.WriteString(" " + e.Path)
	}
	if e.Stage != "" {
		b.WriteString(": " + string(e.Stage))
	}
	b.WriteString(": " + e.Err.Error())
	if e.State != "" {
		b.WriteString(" (" + e.State.describe() + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Stage is a step of an installation. The hook is told at which it is
// called; an [Error] says at which it failed.
type Stage string

// The stages, in order.
const (
	StageLock    Stage = "lock"    // wait for another installer
	StageRecover Stage = "recover" // heal an installation that was killed
	StageVerify  Stage = "verify"  // judge the pair; nothing has been written
	StageStage   Stage = "stage"   // write the pair beside the old one
	StageSwap    Stage = "swap"    // put it in the old one's place
	StageReload  Stage = "reload"  // the hook: the new pair is in place; check and reload
	StageServed  Stage = "served"  // ask the server what it serves
	StageRestore Stage = "restore" // the hook again: the old pair is back; check and reload
	StageFinish  Stage = "finish"  // file the old pair as a backup
)

// State is what a failed installation left behind.
type State string

// The states.
const (
	// StateUntouched: the pair was not replaced at any moment.
	StateUntouched State = "untouched"
	// StateRestored: the old pair is in place again, the hook said that it
	// was loaded, and it is served if that could be asked.
	StateRestored State = "restored"
	// StateRestoredOnDisk: the old files are in place again, but the hook
	// failed for them too, or they are not what is served.
	StateRestoredOnDisk State = "restored-on-disk"
	// StateReplaced: the new pair is in place.
	StateReplaced State = "replaced"
	// StateInterrupted: the old pair could not be put back; the next
	// [Target.Recover] or [Target.Install] goes on from there.
	StateInterrupted State = "interrupted"
)

func (s State) describe() string {
	switch s {
	case StateUntouched:
		return "the old pair was not touched"
	case StateRestored:
		return "the old pair is back and in use"
	case StateRestoredOnDisk:
		return "the old files are back, but are not known to be in use"
	case StateReplaced:
		return "the new pair is in place"
	case StateInterrupted:
		return "neither pair could be put in place: the next installation will recover"
	}
	return string(s)
}
