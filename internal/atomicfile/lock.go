package atomicfile

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Lock is a held advisory lock: two programs of this module never write the
// same files at once.
type Lock struct {
	file *os.File
}

// Acquire takes the lock named path, which is made with mode 0600 if it does
// not exist and stays behind when the lock is released: removing it would let
// a third program lock a name that a second one no longer sees. It waits for
// another holder until ctx is done.
func Acquire(ctx context.Context, path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		held, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		if !held {
			return &Lock{file: f}, nil
		}
		// flock(2) cannot be interrupted by a context; a waiter looks again.
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("%s is held by another program: %w", path, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Release gives the lock up.
func (l *Lock) Release() error {
	return l.file.Close()
}
