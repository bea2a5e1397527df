package spawnercfg

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

const hubConfig = "c.SystemdSpawner.mem_limit = '1G'  # each\n"

// configFile writes a configuration into a folder of its own.
func configFile(t *testing.T, src string) string {
	t.Helper()
	return configIn(t, t.TempDir(), src)
}

func configIn(t *testing.T, dir, src string) string {
	t.Helper()
	path := filepath.Join(dir, "jupyterhub_config.py")
	require.NoError(t, os.WriteFile(path, []byte(src), 0o600))
	return path
}

func readConfig(t *testing.T, path string) *File {
	t.Helper()
	f, err := ReadFile(path, "")
	require.NoError(t, err)
	return f
}

func setLimit(t *testing.T, f *File, limit string) *File {
	t.Helper()
	g, err := f.Set("SystemdSpawner", "mem_limit", pyvalue.Str(limit))
	require.NoError(t, err)
	return g
}

func content(t *testing.T, path string) string {
	t.Helper()
	src, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(src)
}

func TestInstallAndRestore(t *testing.T) {
	ctx := t.Context()
	path := configFile(t, hubConfig)
	require.NoError(t, os.Chmod(path, 0o640))
	f := readConfig(t, path)

	done, err := f.Install(ctx, InstallOptions{})
	require.NoError(t, err)
	assert.Equal(t, Installed{Path: path}, done, "nothing to change is nothing written")

	done, err = setLimit(t, f, "2G").Install(ctx, InstallOptions{})
	require.NoError(t, err)
	assert.True(t, done.Changed)
	assert.Equal(t, strings.Replace(hubConfig, "1G", "2G", 1), content(t, path))
	assert.Equal(t, hubConfig, content(t, done.Backup))
	for _, p := range []string{path, done.Backup} {
		info, err := os.Stat(p)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o640), info.Mode(), p)
	}

	_, err = setLimit(t, f, "3G").Install(ctx, InstallOptions{})
	require.ErrorIs(t, err, ErrChanged, "f is what was there before")

	undone, err := Restore(ctx, path, done.Backup, InstallOptions{})
	require.NoError(t, err)
	assert.Equal(t, hubConfig, content(t, path))
	assert.Contains(t, content(t, undone.Backup), "2G")

	all, err := Backups(path)
	require.NoError(t, err)
	assert.Equal(t, []string{undone.Backup, done.Backup}, all)
}

func TestInstallKeepsAFewBackups(t *testing.T) {
	path := configFile(t, hubConfig)
	for i := range 5 {
		_, err := setLimit(t, readConfig(t, path), strconv.Itoa(i+2)+"G").Install(t.Context(), InstallOptions{Backups: 2})
		require.NoError(t, err)
	}
	all, err := Backups(path)
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Contains(t, content(t, all[0]), "5G")
	assert.Contains(t, content(t, all[1]), "4G")
	_, err = setLimit(t, readConfig(t, path), "9G").Install(t.Context(), InstallOptions{Backups: -1})
	require.NoError(t, err)
	kept, err := Backups(path)
	require.NoError(t, err)
	assert.Equal(t, all, kept)
}

func TestInstallThroughSymlink(t *testing.T) {
	path := configFile(t, hubConfig)
	link := filepath.Join(t.TempDir(), "link.py")
	require.NoError(t, os.Symlink(path, link))
	done, err := setLimit(t, readConfig(t, link), "2G").Install(t.Context(), InstallOptions{})
	require.NoError(t, err)
	assert.Equal(t, path, done.Path)
	assert.Contains(t, content(t, path), "2G")
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.Equal(t, fs.ModeSymlink, info.Mode().Type())
}

func TestInstallRefuses(t *testing.T) {
	t.Run("changed", func(t *testing.T) {
		path := configFile(t, hubConfig)
		f := setLimit(t, readConfig(t, path), "2G")
		require.NoError(t, os.WriteFile(path, []byte("theirs\n"), 0o600))
		_, err := f.Install(t.Context(), InstallOptions{})
		require.ErrorIs(t, err, ErrChanged)
		assert.Equal(t, "theirs\n", content(t, path))
	})
	t.Run("gone", func(t *testing.T) {
		path := configFile(t, hubConfig)
		f := setLimit(t, readConfig(t, path), "2G")
		require.NoError(t, os.Remove(path))
		_, err := f.Install(t.Context(), InstallOptions{})
		require.ErrorIs(t, err, ErrChanged)
		assert.NoFileExists(t, path)
	})
	for name, mode := range map[string]fs.FileMode{"group": 0o620, "everybody": 0o602} {
		t.Run("writable by "+name, func(t *testing.T) {
			path := configFile(t, hubConfig)
			f := setLimit(t, readConfig(t, path), "2G")
			require.NoError(t, os.Chmod(path, mode))
			_, err := f.Install(t.Context(), InstallOptions{})
			require.ErrorIs(t, err, ErrWritable)
			assert.Equal(t, hubConfig, content(t, path))
		})
		t.Run("in a folder writable by "+name, func(t *testing.T) {
			path := configFile(t, hubConfig)
			f := setLimit(t, readConfig(t, path), "2G")
			require.NoError(t, os.Chmod(filepath.Dir(path), 0o700|mode))
			_, err := f.Install(t.Context(), InstallOptions{})
			require.ErrorIs(t, err, ErrWritable)
		})
	}
	t.Run("no regular file", func(t *testing.T) {
		path := configFile(t, hubConfig)
		f := setLimit(t, readConfig(t, path), "2G")
		require.NoError(t, os.Remove(path))
		require.NoError(t, syscall.Mkfifo(path, 0o600))
		_, err := f.Install(t.Context(), InstallOptions{})
		require.ErrorIs(t, err, ErrNotRegular)
		_, err = ReadFile(path, "")
		require.ErrorIs(t, err, ErrNotRegular)
	})
	t.Run("not read", func(t *testing.T) {
		_, err := parseText(t, hubConfig).Install(t.Context(), InstallOptions{})
		require.ErrorIs(t, err, ErrNotRead)
	})
	t.Run("locked", func(t *testing.T) {
		path := configFile(t, hubConfig)
		lock, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".jupyterhub_config.py.lock"), os.O_CREATE|os.O_RDWR, 0o600)
		require.NoError(t, err)
		defer lock.Close()
		require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = setLimit(t, readConfig(t, path), "2G").Install(ctx, InstallOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, hubConfig, content(t, path))
	})
	t.Run("missing", func(t *testing.T) {
		_, err := ReadFile(filepath.Join(t.TempDir(), "none.py"), "")
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestDropIn(t *testing.T) {
	path := configFile(t, "c.SystemdSpawner.mem_limit = compute()\n")
	ctx := t.Context()
	config := readConfig(t, path)
	_, err := config.Set("SystemdSpawner", "mem_limit", pyvalue.Str("2G"))
	require.ErrorIs(t, err, ErrWriters)

	dropIn, err := ReadDropIn(DropInPath(config.Path()))
	require.NoError(t, err)
	dropIn = setLimit(t, dropIn, "2G")
	done, err := dropIn.Install(ctx, InstallOptions{})
	require.NoError(t, err)
	assert.Equal(t, Installed{Path: DropInPath(path), Changed: true}, done)
	config, err = config.Include(dropIn.Path())
	require.NoError(t, err)
	_, err = config.Install(ctx, InstallOptions{})
	require.NoError(t, err)

	r := readConfig(t, path).Read("SystemdSpawner", "mem_limit")
	assert.Equal(t, Certain, r.Certainty)
	assert.True(t, r.Value.Equal(pyvalue.Str("2G")), r.Value)
	assert.Equal(t, DropInPath(path), r.Pos.File)

	dropIn, err = ReadDropIn(DropInPath(path))
	require.NoError(t, err)
	dropIn, err = dropIn.Unset("SystemdSpawner", "mem_limit")
	require.NoError(t, err)
	_, err = dropIn.Install(ctx, InstallOptions{})
	require.NoError(t, err)
	assert.Equal(t, NotCertain, readConfig(t, path).Read("SystemdSpawner", "mem_limit").Certainty)
}

// killed is the work that TestInstallKilled kills.
func killed(path string) error {
	f, err := ReadFile(path, "")
	if err != nil {
		return err
	}
	if f, err = f.Set("SystemdSpawner", "mem_limit", pyvalue.Str("2G")); err != nil {
		return err
	}
	_, err = f.Install(context.Background(), InstallOptions{Backups: 2})
	return err
}

const killedEnv = "SPAWNERCFG_TEST_KILLED"

// TestInstallKilled kills an install at each of its system calls in turn, by
// strace: the file is the old one or the new one, whole, no backup is a part
// of one, and another install then works.
func TestInstallKilled(t *testing.T) {
	if path := os.Getenv(killedEnv); path != "" {
		// This is the process to kill. strace counts the calls of each thread
		// on its own: all shall come from one.
		runtime.LockOSThread()
		require.NoError(t, killed(path))
		return
	}
	t.Parallel()
	strace := testenv.Tool(t, "strace")
	exe, err := os.Executable()
	require.NoError(t, err)
	// Large enough that a part of it would show.
	oldText := hubConfig + strings.Repeat("# "+strings.Repeat("x", 77)+"\n", 2000)
	newText := strings.Replace(oldText, "1G", "2G", 1)
	run := func(path string, args ...string) error {
		cmd := exec.Command(strace, append(append([]string{"-f", "-qq"}, args...), exe, "-test.run=^TestInstallKilled$")...)
		cmd.Env = append(os.Environ(), killedEnv+"="+path, "GOMAXPROCS=1")
		return cmd.Run()
	}

	// Once to the end, to see which calls there are.
	trace := filepath.Join(t.TempDir(), "trace")
	require.NoError(t, run(configIn(t, testenv.Memory(t), oldText), "-o", trace))
	calls := installCalls(t, content(t, trace))
	var before, after, missed int
	for _, c := range calls {
		path := configIn(t, testenv.Memory(t), oldText) // what a killed process wrote is not lost
		if run(path, "-o", os.DevNull, "-e", "inject="+c.name+":signal=KILL:when="+strconv.Itoa(c.count)) == nil {
			// The thread did less for the Go runtime than the one traced.
			missed++
			require.Equal(t, newText, content(t, path))
			continue
		}
		got := content(t, path)
		require.True(t, got == oldText || got == newText, "%+v: the file is neither: %.80q…", c, got)
		all, err := Backups(path)
		require.NoError(t, err)
		for _, b := range all {
			require.True(t, content(t, b) == oldText, "%+v: the backup is a part", c)
		}
		if got == newText {
			after++
			require.Len(t, all, 1, "%+v: there is no backup", c)
		} else {
			before++
		}
		// What the killed one left behind is in nobody's way.
		require.NoError(t, killed(path))
		require.Equal(t, newText, content(t, path))
	}
	t.Logf("killed at %d calls before the change and at %d after it; %d not met", before, after, missed)
	require.Less(t, missed, len(calls)/5)
	require.Greater(t, before, 20)
	require.Greater(t, after, 3)
}

type call struct {
	name  string
	count int // how often the thread has made it by then
}

// installCalls lists the system calls of the thread that takes the lock, from
// then on; those of the Go runtime are left out.
func installCalls(t *testing.T, trace string) []call {
	t.Helper()
	line := regexp.MustCompile(`^(\d+) +(\w+)\(`)
	var thread string
	for l := range strings.Lines(trace) {
		if m := line.FindStringSubmatch(l); m != nil && m[2] == "flock" {
			thread = m[1]
		}
	}
	require.NotEmpty(t, thread, "no call of flock in\n%s", trace)
	var calls []call
	counts := map[string]int{}
	locked := false
	for l := range strings.Lines(trace) {
		m := line.FindStringSubmatch(l)
		if m == nil || m[1] != thread {
			continue
		}
		counts[m[2]]++
		locked = locked || m[2] == "flock"
		if locked && !slices.Contains(testenv.RuntimeCalls, m[2]) {
			calls = append(calls, call{m[2], counts[m[2]]})
		}
	}
	// Behind the end of the install the test says that it passed.
	for i, c := range slices.Backward(calls) {
		if c.name == "fsync" {
			return calls[:i+1]
		}
	}
	t.Fatal("no call of fsync")
	return nil
}
