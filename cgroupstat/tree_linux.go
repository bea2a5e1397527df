package cgroupstat

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/cgroups/v3"
	"golang.org/x/sys/unix"
)

// tree is a hierarchy on Linux.
type tree struct {
	mode     Mode
	mount    string
	hostRoot string
	// unified is the directory of the v2 groups, empty on Legacy.
	unified string

	// openat and pread are those of package unix; tests make them fail.
	openat func(dir int, name string, flags int, mode uint32) (fd int, err error)
	pread  func(fd int, p []byte, off int64) (n int, err error)

	bufs sync.Pool // of *[]byte
}

func openTree(cfg Config) (*tree, error) {
	t := &tree{mode: cfg.Mode, mount: cfg.Mount, hostRoot: cfg.HostRoot, openat: unix.Openat, pread: unix.Pread}
	t.bufs.New = func() any { b := make([]byte, bufferSize); return &b }
	var err error
	if t.mount == "" {
		t.mount = filepath.Join(cfg.HostRoot, "sys/fs/cgroup")
		if t.mode == Detect {
			t.mount, t.mode, err = find(t.mount, cfg.HostRoot)
		}
	} else if t.mode == Detect {
		t.mode, err = detect(t.mount)
	}
	if err == nil {
		var st unix.Stat_t
		err = unix.Stat(t.mount, &st) // of a mode that the caller gave
	}
	if errors.Is(err, unix.ENOENT) {
		err = fmt.Errorf("%w: %w", ErrNoHierarchy, err)
	}
	if err != nil {
		return nil, &Error{Op: "open", Path: t.mount, Err: err}
	}
	switch t.mode {
	case Unified:
		t.unified = t.mount
	case Hybrid:
		t.unified = filepath.Join(t.mount, "unified")
	}
	return t, nil
}

// detect tells the mode of a directory by the file systems that are mounted
// there. cgroups.Mode of containerd does the same for /sys/fs/cgroup alone,
// once for the whole process, and takes anything that is not v2 for v1, even
// an empty directory.
func detect(mount string) (Mode, error) {
	magic := func(dir string) (int64, error) {
		var st unix.Statfs_t
		err := ignoringEINTR(func() error { return unix.Statfs(dir, &st) })
		return int64(st.Type), err
	}
	m, err := magic(mount)
	if err != nil {
		return Detect, err
	}
	if m == unix.CGROUP2_SUPER_MAGIC {
		return Unified, nil
	}
	// systemd mounts a controller each below a tmpfs. One will do: which of
	// them the kernel has differs.
	for _, controller := range []string{"memory", "pids", "cpu", "systemd"} {
		if m, err := magic(filepath.Join(mount, controller)); err != nil || m != unix.CGROUP_SUPER_MAGIC {
			continue
		}
		if m, err := magic(filepath.Join(mount, "unified")); err == nil && m == unix.CGROUP2_SUPER_MAGIC {
			return Hybrid, nil
		}
		return Legacy, nil
	}
	return Detect, ErrNoHierarchy
}

// find detects the hierarchy at the usual place, or else below the first
// mount point of one that lies in hostRoot.
func find(usual, hostRoot string) (mount string, mode Mode, err error) {
	if mode, err = detect(usual); err == nil {
		return usual, mode, nil
	}
	// This process's own table: whatever it lists can be opened.
	table, err2 := os.ReadFile("/proc/self/mountinfo")
	if err2 != nil {
		return usual, Detect, err
	}
	for line := range strings.Lines(string(table)) {
		m, ok := parseMount(line)
		if !ok || !below(m.point, hostRoot) {
			continue
		}
		point := m.point
		switch m.fstype {
		case "cgroup2":
			if filepath.Base(point) == "unified" {
				// If there are controllers beside it.
				if mode, err2 := detect(filepath.Dir(point)); err2 == nil {
					return filepath.Dir(point), mode, nil
				}
			}
		case "cgroup":
			point = filepath.Dir(point)
		default:
			continue
		}
		if mode, err2 := detect(point); err2 == nil {
			return point, mode, nil
		}
	}
	return usual, Detect, err
}

func below(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// mount is a line of mountinfo.
type mount struct {
	id uint64
	// root is the group that is seen at the mount point, from the control
	// group namespace of whoever reads the line: "/" for the whole of it,
	// "/docker/1234" for a part, "/../.." for more than it has.
	root          string
	point, fstype string
}

// parseMount reads a line of mountinfo, which has optional fields in the
// middle, ended by "-".
func parseMount(line string) (m mount, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	fields, rest := strings.Fields(before), strings.Fields(after)
	if !ok || len(fields) < 6 || len(rest) < 1 {
		return mount{}, false
	}
	id, err := strconv.ParseUint(fields[0], 10, 64)
	return mount{id, unescape(fields[3]), unescape(fields[4]), rest[0]}, err == nil
}

// unescape undoes the kernel's octal escapes of white space and backslashes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// groupOf finds the group in which systemd keeps a process.
func (t *tree) groupOf(pid int) (string, error) {
	name := filepath.Join(t.hostRoot, "proc", strconv.Itoa(pid), "cgroup")
	fail := func(err error) (string, error) {
		return "", &Error{Op: "group of", Path: "process " + strconv.Itoa(pid), File: name, Err: err}
	}
	legacy, unified, err := cgroups.ParseCgroupFileUnified(name)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
		return fail(ErrNotRunning)
	case errors.As(err, new(*os.PathError)):
		return fail(err)
	case err != nil:
		return fail(&malformed{err.Error()})
	}
	path := unified
	if t.mode == Legacy {
		path = legacy["name=systemd"]
	}
	switch {
	case path == "":
		return fail(ErrNoHierarchy)
	case strings.HasSuffix(path, " (deleted)"): // a zombie of a unit that is gone
		return fail(ErrNotRunning)
	}
	root, err := t.mountedRoot()
	if err != nil {
		return fail(err)
	}
	rel, ok := relative(root, path)
	if !ok {
		return fail(fmt.Errorf("%s is not below %s, which is mounted (as this process's control group namespace names them)", path, root))
	}
	return rel, nil
}

// mountedRoot returns which group the directory of all groups shows, from this
// process's control group namespace: the one in which it reads /proc as well.
func (t *tree) mountedRoot() (string, error) {
	var st unix.Statx_t
	err := ignoringEINTR(func() error { return unix.Statx(unix.AT_FDCWD, t.groups(), 0, unix.STATX_MNT_ID, &st) })
	if err != nil {
		return "", err
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(table)) {
		if m, ok := parseMount(line); ok && m.id == st.Mnt_id && (m.fstype == "cgroup2" || m.fstype == "cgroup") {
			return m.root, nil
		}
	}
	return "/", nil // a copy in ordinary files
}

// relative returns the path of a group from root. Both are as seen from one
// control group namespace, whose groups outside begin with "/..".
func relative(root, path string) (rel string, ok bool) {
	if root != "/" {
		if path, ok = strings.CutPrefix(path+"/", root+"/"); !ok {
			return "", false
		}
		path = "/" + strings.TrimSuffix(path, "/")
	}
	return path, path != "/.." && !strings.HasPrefix(path, "/../")
}

// groups is the directory of the hierarchy in which systemd has every unit.
func (t *tree) groups() string {
	if t.mode == Legacy {
		return filepath.Join(t.mount, "systemd")
	}
	return t.unified
}

func (t *tree) children(path string) ([]string, error) {
	entries, err := os.ReadDir(t.groups() + path)
	if err != nil {
		return nil, gone(err)
	}
	var paths []string
	for _, e := range entries {
		if e.IsDir() {
			paths = append(paths, filepath.Join(path, e.Name()))
		}
	}
	return paths, nil
}

// stat reads everything there is about a group.
func (t *tree) stat(path string, st *Stats) error {
	st.Path = path
	if t.mode == Unified {
		return t.statUnified(path, everything, st)
	}
	return t.statLegacy(path, Full, st)
}

// gone makes ErrNotRunning of the errors by which the kernel says that a
// group is not there: ENOENT and ENOTDIR to open one, ENODEV to read a file
// that was opened before the group was removed.
func gone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENODEV) {
		return ErrNotRunning
	}
	return err
}

func ignoringEINTR(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
