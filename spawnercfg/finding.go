package spawnercfg

import (
	"errors"
	"fmt"
	"strings"
)

// Code names what a [Finding] found. It does not change from one version to
// the next. It is an error, so that errors.Is(report.Err(),
// spawnercfg.CodeUnknownOption) is the check to write.
type Code string

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// Severity says how bad a [Finding] is.
type Severity uint8

// The severities, from least to most.
const (
	// Info is worth knowing: nothing has to be done.
	Info Severity = iota
	// Warning works, and not as it looks.
	Warning
	// Error keeps the hub from starting, or some or all users from getting
	// their servers, or leaves a boundary open that the option is there to
	// close.
	Error
)

// String returns "info", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return fmt.Sprintf("Severity(%d)", uint8(s))
}

// Position is a place in a file. Line and Column count from 1, columns in
// characters; a zero Line means that the place is not known, and a zero
// Position that the option came from a program.
type Position struct {
	File         string
	Line, Column int
}

// String returns "file:line:column" as far as that is known.
func (p Position) String() string {
	var parts []string
	if p.File != "" {
		parts = append(parts, p.File)
	}
	if p.Line > 0 {
		parts = append(parts, fmt.Sprint(p.Line))
		if p.Column > 0 {
			parts = append(parts, fmt.Sprint(p.Column))
		}
	}
	return strings.Join(parts, ":")
}

// Finding is one thing that a check found in a configuration. It is an error
// that unwraps to its Code.
type Finding struct {
	Code     Code
	Severity Severity
	// Option is the option, such as "SystemdSpawner.mem_limit", the section
	// alone, or empty where the finding is about the whole.
	Option string
	// Pos is where the option was given.
	Pos Position
	// Message says what is there and what will happen.
	Message string
	// Hint says what to do; it may be empty.
	Hint string
}

// Error returns the finding on one line, position first.
func (f Finding) Error() string {
	var b strings.Builder
	if pos := f.Pos.String(); pos != "" {
		b.WriteString(pos + ": ")
	}
	if f.Option != "" {
		b.WriteString(f.Option + ": ")
	}
	b.WriteString(f.Message)
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	return b.String() + " [" + string(f.Code) + "]"
}

// Unwrap returns the code.
func (f Finding) Unwrap() error { return f.Code }

// Report is the findings of a check.
type Report []Finding

// Err joins the findings of severity [Error]; it is nil if there is none.
func (r Report) Err() error {
	var errs []error
	for _, f := range r {
		if f.Severity == Error {
			errs = append(errs, f)
		}
	}
	return errors.Join(errs...)
}

// With returns the findings that have the code.
func (r Report) With(code Code) Report {
	var found Report
	for _, f := range r {
		if f.Code == code {
			found = append(found, f)
		}
	}
	return found
}
