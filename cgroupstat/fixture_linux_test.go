package cgroupstat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/testenv"
)

const alice = "/system.slice/jupyter-alice.service"

// archive reads a text archive of testdata: files that begin with a line
// "-- NAME --" each, after a comment.
func archive(t testing.TB, name string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	files := make(map[string]string)
	var file string
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			file = strings.TrimSuffix(name, " --\n")
			files[file] = ""
		} else if file != "" {
			files[file] += line
		}
	}
	require.NotEmpty(t, files, "%s holds no file", name)
	return files
}

// unpack writes the files of an archive below a temporary directory.
func unpack(t testing.TB, name string) (dir string) {
	t.Helper()
	dir = testenv.Memory(t)
	for name, content := range archive(t, name) {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func write(t testing.TB, name, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
}

// open opens an unpacked archive as a hierarchy. Its files behave like the
// kernel's in that one which was removed cannot be read any more.
func open(t testing.TB, dir string, mode Mode) *Hierarchy {
	t.Helper()
	h, err := Open(Config{Mount: dir, Mode: mode})
	require.NoError(t, err)
	h.tree.pread = func(fd int, p []byte, off int64) (int, error) {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err == nil && st.Nlink == 0 {
			return 0, unix.ENODEV
		}
		return unix.Pread(fd, p, off)
	}
	return h
}

// descriptors counts this process's open files.
func descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}
