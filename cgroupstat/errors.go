package cgroupstat

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

// ErrNotRunning means that the unit has no control group: it is stopped,
// failed, was never started, or went away during the reading. It is also
// [fs.ErrNotExist].
var ErrNotRunning error = notRunning{}

// ErrMalformed means that a file of the kernel holds what no supported kernel
// writes. The [Error] around it names the file and the line.
var ErrMalformed = errors.New("malformed")

// ErrNoHierarchy means that no control group hierarchy is mounted where
// [Config] says. It is also [fs.ErrNotExist].
var ErrNoHierarchy error = noHierarchy{}

// ErrClosed means that the [Sampler] or [Watcher] was closed.
var ErrClosed = fs.ErrClosed

type notRunning struct{}

func (notRunning) Error() string        { return "unit is not running" }
func (notRunning) Is(target error) bool { return target == fs.ErrNotExist }

type noHierarchy struct{}

func (noHierarchy) Error() string        { return "no control group hierarchy" }
func (noHierarchy) Is(target error) bool { return target == fs.ErrNotExist }

// Error is the error of every call of this package: what was done, to which
// control group, in which file, and why it failed.
type Error struct {
	// Op is the call: "open", "stat", "children", "sample", "watch", …
	Op string
	// Path is the control group, such as /system.slice/jupyter-alice.service;
	// for "open", the directory of the hierarchy.
	Path string
	// File is the control file, such as memory.stat; empty when the group
	// itself is meant.
	File string
	// Err is the cause.
	Err error
}

// Error returns the operation, the control group or file, and the cause.
func (e *Error) Error() string {
	if e.File == "" {
		return fmt.Sprintf("cgroupstat: %s %s: %v", e.Op, strconv.Quote(e.Path), e.Err)
	}
	return fmt.Sprintf("cgroupstat: %s %s: %s: %v", e.Op, strconv.Quote(e.Path), e.File, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// malformed is the cause of an [Error] that is [ErrMalformed].
type malformed struct{ line string }

func (m *malformed) Error() string        { return "malformed: " + strconv.Quote(m.line) }
func (m *malformed) Is(target error) bool { return target == ErrMalformed }

// maxQuoted bounds what an error repeats of a file.
const maxQuoted = 80

func malformedLine(line []byte) error {
	return &malformed{string(line[:min(len(line), maxQuoted)])}
}
