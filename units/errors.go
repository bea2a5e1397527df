package units

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hubhost/hubhost/units/internal/sdbus"
)

// The causes to check for with errors.Is. A refusal matches fs.ErrPermission.
var (
	// ErrNoSuchUnit means that systemd has no unit or unit file of that name.
	// It matches fs.ErrNotExist too.
	ErrNoSuchUnit = fmt.Errorf("no such unit: %w", fs.ErrNotExist)
	// ErrMasked means that the unit is masked: it is linked to /dev/null so
	// that nothing can start it.
	ErrMasked = errors.New("unit is masked")
	// ErrNotApplicable means that the unit cannot do what was asked, such as
	// the reload of a service without ExecReload=.
	ErrNotApplicable = errors.New("not applicable to this unit")
	// ErrExists means that a transient unit of that name is loaded already.
	// It matches fs.ErrExist too.
	ErrExists = fmt.Errorf("unit exists: %w", fs.ErrExist)
	// ErrNotTracked means that systemd finished a job without telling how:
	// its signal was lost, or systemd was restarted. The unit's status tells
	// what became of it.
	ErrNotTracked = errors.New("the job is gone and its result unknown")
	// ErrNoManager means that there is no bus at the address, or no systemd
	// on the bus.
	ErrNoManager = errors.New("no service manager")
	// ErrConnectionLost means that the connection ended before the answer
	// came. What was asked for may have happened or not. The Manager
	// reconnects by itself: the next call waits for that.
	ErrConnectionLost = errors.New("connection to the service manager lost")
	// ErrClosed means that the Manager was closed.
	ErrClosed = errors.New("manager closed")
	// ErrInvalidName means that the argument is not the full name of a unit,
	// or not a pattern. Nothing was sent.
	ErrInvalidName = errors.New("invalid unit name")
	// ErrInvalidValue means that a value is of the wrong measure or out of
	// range, or text that is not UTF-8 or has a zero byte. Nothing was changed.
	ErrInvalidValue = errors.New("invalid value")
)

// Error is the error of an operation that systemd, the bus or this package
// refused.
type Error struct {
	Op   string // what was asked for, such as "restart"
	Unit string // the unit, if it is about one

	// Name and Message are those of systemd's error reply, such as
	// "org.freedesktop.systemd1.NoSuchUnit"; empty if there was none.
	Name    string
	Message string

	// Err is the cause: one of this package's, fs.ErrPermission, the error of
	// a context, or what the transport returned. Nil if the reply is of no
	// kind that this package has a name for.
	Err error
}

// Error returns the operation, the unit, the cause and systemd's own words.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Unit != "" {
		b.WriteString(" " + e.Unit)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	switch {
	case e.Message != "":
		b.WriteString(": " + e.Message)
	case e.Name != "":
		b.WriteString(": " + e.Name)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// replyCauses maps the names of error replies to causes. The names of systemd
// are in its bus-common-errors.h; those with "System.Error" are made of errno.
var replyCauses = map[string]error{
	"org.freedesktop.systemd1.NoSuchUnit":                         ErrNoSuchUnit,
	"org.freedesktop.systemd1.NoUnitForPID":                       ErrNoSuchUnit,
	"org.freedesktop.systemd1.NoUnitForInvocationID":              ErrNoSuchUnit,
	"org.freedesktop.DBus.Error.FileNotFound":                     ErrNoSuchUnit,
	"System.Error.ENOENT":                                         ErrNoSuchUnit,
	"org.freedesktop.systemd1.UnitMasked":                         ErrMasked,
	"org.freedesktop.systemd1.JobTypeNotApplicable":               ErrNotApplicable,
	"org.freedesktop.systemd1.UnitInactive":                       ErrNotApplicable,
	"org.freedesktop.DBus.Error.NotSupported":                     ErrNotApplicable,
	"org.freedesktop.systemd1.UnitExists":                         ErrExists,
	"org.freedesktop.DBus.Error.AccessDenied":                     fs.ErrPermission,
	"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired": fs.ErrPermission,
	"System.Error.EACCES":                                         fs.ErrPermission,
	"System.Error.EPERM":                                          fs.ErrPermission,
	"org.freedesktop.DBus.Error.InvalidArgs":                      ErrInvalidValue,
	"org.freedesktop.DBus.Error.PropertyReadOnly":                 ErrInvalidValue,

	// The manager left the bus or is not on it: systemd is executing itself
	// anew, or the bus was restarted and systemd has not come back to it.
	"org.freedesktop.DBus.Error.NoReply":        ErrConnectionLost,
	"org.freedesktop.DBus.Error.Disconnected":   ErrConnectionLost,
	"org.freedesktop.DBus.Error.ServiceUnknown": ErrConnectionLost,
	"org.freedesktop.DBus.Error.NameHasNoOwner": ErrConnectionLost,
	"org.freedesktop.DBus.Error.TimedOut":       ErrConnectionLost,
}

// replyCause returns the cause that an error reply stands for; nil is none.
func replyCause(name string) error {
	// The bus tried to start systemd, as it would any other service, and there
	// are a dozen ways in which that fails.
	if strings.HasPrefix(name, "org.freedesktop.DBus.Error.Spawn.") {
		return ErrConnectionLost
	}
	return replyCauses[name]
}

// fail makes the error of an operation; nil stays nil.
func fail(op, unit string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Unit: unit, Err: err}
	var reply *sdbus.Error
	switch {
	case errors.As(err, &reply):
		e.Name, e.Message = reply.Name, reply.Message
		e.Err = replyCause(reply.Name)
	case errors.Is(err, sdbus.ErrClosed):
		e.Err = ErrConnectionLost
	case errors.Is(err, sdbus.ErrEncoding):
		e.Err = fmt.Errorf("%w: %w", ErrInvalidValue, err)
	}
	return e
}

// lost describes why a connection ended. The cause is text only: a socket
// that is missing must not make a call on a unit match fs.ErrNotExist.
type lost struct {
	cause error
}

func (l *lost) Error() string {
	if l.cause == nil {
		return ErrConnectionLost.Error()
	}
	return fmt.Sprintf("%v: %v", ErrConnectionLost, l.cause)
}

func (l *lost) Is(target error) bool { return target == ErrConnectionLost }

// JobResult is how a job ended, in systemd's words.
type JobResult string

// The results of jobs. Only JobDone is a success.
const (
	JobDone        JobResult = "done"
	JobCanceled    JobResult = "canceled"    // by a person, or superseded by another job
	JobTimeout     JobResult = "timeout"     // JobTimeoutSec= ran out
	JobFailed      JobResult = "failed"      // the unit did not get there: see its status
	JobDependency  JobResult = "dependency"  // a unit that it needs failed
	JobSkipped     JobResult = "skipped"     // did not apply to the unit's state
	JobInvalid     JobResult = "invalid"     // reload of a unit that is not active
	JobAssert      JobResult = "assert"      // an Assert…= of the unit did not hold
	JobUnsupported JobResult = "unsupported" // this kernel or build cannot
	JobCollected   JobResult = "collected"   // the unit was unloaded
	JobOnce        JobResult = "once"        // the unit can start only once
	JobFrozen      JobResult = "frozen"      // the unit is frozen (systemd 255)
	JobConcurrency JobResult = "concurrency" // its slice has reached its limit of units (systemd 258)
)

// JobError is the error of a job that did not end as "done".
type JobError struct {
	Op     string    // what was asked for, such as "restart"
	Unit   string    // the unit
	Job    uint32    // the job's number
	Result JobResult // how it ended

	// Superseded is true if the job was cancelled because a later job for
	// the same unit contradicts it, such as a stop while it was starting.
	Superseded bool
}

// Error returns the operation, the unit, and how the job ended.
func (e *JobError) Error() string {
	text, ok := map[JobResult]string{
		JobCanceled:    "the job was cancelled",
		JobTimeout:     "the job timed out",
		JobFailed:      "the job failed",
		JobDependency:  "a unit that it depends on failed",
		JobSkipped:     "the job was skipped: it does not apply to the unit's state",
		JobInvalid:     "the unit is not active",
		JobAssert:      "an assertion of the unit did not hold",
		JobUnsupported: "not supported on this system",
		JobCollected:   "the unit was unloaded",
		JobOnce:        "the unit can be started only once",
		JobFrozen:      "the unit is frozen",
		JobConcurrency: "its slice has reached its limit of units",
	}[e.Result]
	switch {
	case e.Superseded:
		text = "the job was superseded by another one for the same unit"
	case !ok:
		text = "the job ended as " + string(e.Result)
	}
	return fmt.Sprintf("%s %s: job %d: %s", e.Op, e.Unit, e.Job, text)
}

// LimitError is the error of [Manager.SetLimits] when what systemd holds
// afterwards is not what was asked for.
type LimitError struct {
	Unit     string
	Property string // in systemd's words, such as "MemoryMax"
	Want     Value  // what was asked for
	Got      Value  // what systemd holds
}

// Error returns the unit, the property and both values.
func (e *LimitError) Error() string {
	return fmt.Sprintf("set limits %s: %s is %v after it was set to %v", e.Unit, e.Property, e.Got, e.Want)
}
