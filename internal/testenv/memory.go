package testenv

import (
	"os"
	"testing"
)

// Memory returns a directory that is removed at the end of the test, in memory
// where that can be: for tests of many small files or many fsyncs, whose time
// is otherwise that of a disk. Its name is short enough for a socket below it.
func Memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "t")
	if err != nil {
		dir, err = os.MkdirTemp("", "t")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
