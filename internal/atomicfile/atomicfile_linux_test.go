package atomicfile

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/testenv"
)

func acquire(t *testing.T, dir string) *Lock {
	t.Helper()
	l, err := Acquire(t.Context(), filepath.Join(dir, ".lock"))
	require.NoError(t, err)
	t.Cleanup(func() { l.Release() })
	return l
}

func write(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	require.NoError(t, os.Chmod(path, mode))
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestReplaceKeepsMetadataAndBackup(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "f"), filepath.Join(dir, "f.bak")
	write(t, path, "old", 0o640)
	require.NoError(t, unix.Setxattr(path, "user.note", []byte("kept"), 0))

	_, snap, err := Read(path, 100)
	require.NoError(t, err)
	require.NoError(t, acquire(t, dir).Replace(path, []byte("new"), Options{Expect: &snap, Backup: backup}))

	assert.Equal(t, "new", content(t, path))
	assert.Equal(t, "old", content(t, backup))
	for _, p := range []string{path, backup} {
		info, err := os.Stat(p)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o640), info.Mode(), p)
		value := make([]byte, 10)
		n, err := unix.Getxattr(p, "user.note", value)
		require.NoError(t, err, p)
		assert.Equal(t, "kept", string(value[:n]), p)
	}
	assert.ElementsMatch(t, []string{".lock", "f", "f.bak"}, names(t, dir))
}

func TestReplaceKeepsOwner(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	write(t, path, "old", 0o600)
	require.NoError(t, os.Chown(path, 12, 34))
	require.NoError(t, acquire(t, dir).Replace(path, []byte("new"), Options{}))
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	assert.Equal(t, []uint32{12, 34}, []uint32{st.Uid, st.Gid})
}

func TestReplaceCreates(t *testing.T) {
	dir := t.TempDir()
	l := acquire(t, dir)
	for _, tt := range []struct{ mode, want fs.FileMode }{{0, 0o600}, {0o644, 0o644}} {
		path := filepath.Join(dir, "f"+tt.want.String())
		require.NoError(t, l.Replace(path, []byte("x"), Options{Mode: tt.mode, Expect: &Snapshot{}}))
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, tt.want, info.Mode())
	}
}

func TestReplaceRefusesAChangedFile(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string){
		"content": func(t *testing.T, path string) { write(t, path, "theirs", 0o600) },
		"removed": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"same bytes, other file": func(t *testing.T, path string) {
			write(t, path+"2", "old", 0o600)
			require.NoError(t, os.Rename(path+"2", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			write(t, path, "old", 0o600)
			_, snap, err := Read(path, 100)
			require.NoError(t, err)
			change(t, path)
			before := names(t, dir)

			err = acquire(t, dir).Replace(path, []byte("new"), Options{Expect: &snap, Backup: path + ".bak"})
			require.ErrorIs(t, err, ErrChanged)
			assert.ElementsMatch(t, append(before, ".lock"), names(t, dir))
			if name == "content" {
				assert.Equal(t, "theirs", content(t, path))
			}
		})
	}
	t.Run("appeared", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		write(t, path, "theirs", 0o600)
		err := acquire(t, dir).Replace(path, []byte("new"), Options{Expect: &Snapshot{}})
		require.ErrorIs(t, err, ErrChanged)
		assert.Equal(t, "theirs", content(t, path))
	})
}

func TestSwapPutsBackWhatItDidNotExpect(t *testing.T) {
	dir := t.TempDir()
	path, temp := filepath.Join(dir, "f"), filepath.Join(dir, ".f.new")
	write(t, path, "old", 0o600)
	_, was, err := Read(path, 100)
	require.NoError(t, err)
	write(t, path, "written at the last moment", 0o600)
	write(t, temp, "new", 0o600)

	require.ErrorIs(t, swap(temp, path, was), ErrChanged)
	assert.Equal(t, "written at the last moment", content(t, path))
	assert.Equal(t, "new", content(t, temp))
}

func TestReplaceRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	l := acquire(t, dir)
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Symlink("nowhere", link))
	for _, path := range []string{fifo, link, dir} {
		assert.ErrorIs(t, l.Replace(path, nil, Options{}), ErrNotRegular, path)
	}
}

func TestReplaceClearsWhatAKilledOneLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	write(t, path, "old", 0o600)
	write(t, filepath.Join(dir, ".f.new"), "half", 0o600)
	require.NoError(t, acquire(t, dir).Replace(path, []byte("new"), Options{}))
	assert.ElementsMatch(t, []string{".lock", "f"}, names(t, dir))
}

func TestReplaceOnAFullDisk(t *testing.T) {
	testenv.Root(t)
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"))
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	path := filepath.Join(dir, "f")
	write(t, path, "old", 0o600)
	l, err := Acquire(t.Context(), filepath.Join(dir, ".lock"))
	require.NoError(t, err)
	defer l.Release()
	require.ErrorIs(t, l.Replace(path, make([]byte, 1<<20), Options{Backup: path + ".bak"}), unix.ENOSPC)
	assert.Equal(t, "old", content(t, path))
	assert.ElementsMatch(t, []string{".lock", "f"}, names(t, dir))
}

func TestReadersSeeOldOrNew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	long := make([]byte, 1<<16)
	write(t, path, string(long), 0o600)
	l := acquire(t, dir)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			data, err := os.ReadFile(path)
			if assert.NoError(t, err) {
				assert.Contains(t, []int{len(long), 3}, len(data))
			}
		}
	})
	for i := range 50 {
		data := long
		if i%2 == 0 {
			data = []byte("new")
		}
		require.NoError(t, l.Replace(path, data, Options{}))
	}
	close(stop)
	readers.Wait()
}

func TestResolve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	write(t, filepath.Join(dir, "real"), "", 0o600)
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "link")))
	for from, want := range map[string]string{"link": "real", "real": "real", "new": "new"} {
		got, err := Resolve(filepath.Join(dir, from))
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(dir, want), got)
	}
	_, err = Resolve(filepath.Join(dir, "no", "such"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestLockWaitsUntilContextEnds(t *testing.T) {
	dir := t.TempDir()
	first := acquire(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Acquire(ctx, filepath.Join(dir, ".lock"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "held by another program")

	require.NoError(t, first.Release())
	second, err := Acquire(t.Context(), filepath.Join(dir, ".lock"))
	require.NoError(t, err)
	require.NoError(t, second.Release())
}
