package journal

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/testenv"
)

// asUser runs f with the file access of a user who is in no group but one. It
// needs root, and goes by the calls that file servers use: only the thread of
// f is changed, and it ends with f.
func asUser(t *testing.T, uid, gid int, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends
		group := uint32(gid)
		// The functions of package syscall change every thread.
		_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&group)), 0)
		if !assert.Zero(t, errno) {
			return
		}
		_, err := unix.SetfsgidRetGid(gid)
		if !assert.NoError(t, err) {
			return
		}
		// Leaving user 0 takes away the right to pass over permissions.
		_, err = unix.SetfsuidRetUid(uid)
		if !assert.NoError(t, err) {
			return
		}
		f()
	}()
	<-done
}

const nobody = 65534

func TestFilesThatMayNotBeRead(t *testing.T) {
	testenv.Root(t)
	files := manyFiles()
	dir := t.TempDir()
	// The directories above belong to the test alone.
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	for name, mode := range map[string]fs.FileMode{"system@1.journal": 0o600, "system.journal": 0o640, "user-1000.journal": 0o644} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, files[name], 0o600))
		require.NoError(t, os.Chmod(path, mode))
		require.NoError(t, os.Chown(path, 0, 4))
	}
	asUser(t, nobody, 4, func() { // in the group of the files
		j, err := Open(Config{Dirs: []string{dir}})
		if !assert.NoError(t, err) {
			return
		}
		defer func() { assert.NoError(t, j.Close()) }()
		n := 0
		for _, err := range j.EntriesLent(t.Context(), Query{}) {
			assert.NoError(t, err)
			n++
		}
		assert.Equal(t, 75+200, n)
		if assert.Len(t, j.Skipped(), 1) {
			assert.ErrorIs(t, j.Skipped()[0], fs.ErrPermission)
			assert.Equal(t, filepath.Join(dir, "system@1.journal"), j.Skipped()[0].Path)
		}
	})
	require.NoError(t, os.Remove(filepath.Join(dir, "user-1000.journal")))
	asUser(t, nobody, nobody, func() {
		_, err := Open(Config{Dirs: []string{dir}})
		assert.ErrorIs(t, err, fs.ErrPermission)
		assert.ErrorContains(t, err, "systemd-journal")
		assert.ErrorContains(t, err, "adm")
	})
	require.NoError(t, os.Chmod(dir, 0o700))
	asUser(t, nobody, nobody, func() {
		_, err := Open(Config{Dirs: []string{dir}})
		assert.ErrorIs(t, err, fs.ErrPermission)
	})
}
