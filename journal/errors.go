package journal

import (
	"io/fs"
	"strings"

	"github.com/hubhost/hubhost/journal/internal/jfile"
)

// ErrCorrupt is matched by the error of a journal file, or of a part of it,
// that breaks the rules of the format.
var ErrCorrupt = jfile.ErrCorrupt

// Error is the error of an operation on the journal. The checks to write are
//
//	errors.Is(err, fs.ErrPermission)        // not in the group systemd-journal or adm
//	errors.Is(err, fs.ErrNotExist)          // no journal directory at all
//	errors.Is(err, fs.ErrInvalid)           // the query is wrong: see errors.AsType[*SyntaxError]
//	errors.Is(err, fs.ErrClosed)            // the Journal was closed
//	errors.Is(err, journal.ErrCorrupt)      // among the skipped: a broken file
//	errors.Is(err, errors.ErrUnsupported)   // a file of a newer format, or not on this system
type Error struct {
	// Op is what was being done: "open", "query", "follow", "read".
	Op string
	// Path is the file or directory; empty where it is none of them.
	Path string
	// Err is the cause.
	Err error
}

// Error returns the operation, the file or directory, and the cause.
func (e *Error) Error() string {
	s := "journal: " + e.Op
	if e.Path != "" {
		s += " " + quote(e.Path)
	}
	return s + ": " + strings.TrimPrefix(e.Err.Error(), "journal: ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// deniedError is the cause where no file of the journal may be read.
type deniedError struct{ cause error }

func (e *deniedError) Error() string {
	return "permission denied on every file: run as root, or as a member of the group systemd-journal or adm"
}

func (e *deniedError) Unwrap() error { return e.cause }

func (e *deniedError) Is(target error) bool { return target == fs.ErrPermission }

// invalidError marks a mistake of the caller in a query.
type invalidError struct{ cause error }

func (e *invalidError) Error() string { return e.cause.Error() }

func (e *invalidError) Unwrap() error { return e.cause }

func (e *invalidError) Is(target error) bool { return target == fs.ErrInvalid }
