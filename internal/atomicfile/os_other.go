//go:build !linux

package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

const noFollow = 0

type fileID struct{}

func idOf(fs.FileInfo) fileID { return fileID{} }

var errUnsupported = fmt.Errorf("atomicfile on %s: %w", runtime.GOOS, errors.ErrUnsupported)

// CopyMetadata returns an error that wraps [errors.ErrUnsupported].
func CopyMetadata(dst, src *os.File) error { return errUnsupported }

// Exchange returns an error that wraps [errors.ErrUnsupported].
func Exchange(a, b string) (bool, error) { return false, errUnsupported }

func renameNoReplace(a, b string) error { return linkAndRemove(a, b) }

func tryLock(*os.File) (heldByOther bool, err error) { return false, errUnsupported }
