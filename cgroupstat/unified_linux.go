package cgroupstat

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// openDir opens the directory of a v2 group to find files in it.
func (t *tree) openDir(path string) (dir int, id uint64, err error) {
	err = ignoringEINTR(func() (err error) {
		dir, err = unix.Open(t.unified+path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, 0, gone(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		unix.Close(dir)
		return -1, 0, err
	}
	return dir, uint64(st.Ino), nil
}

// openFile opens a control file; fd is -1 when there is none, which is no
// error: the kernel is too old for it, or its controller is off.
func (t *tree) openFile(dir int, name string) (fd int, err error) {
	err = ignoringEINTR(func() (err error) {
		fd, err = t.openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	switch err {
	case nil:
		return fd, nil
	case unix.ENOENT, unix.EOPNOTSUPP:
		return -1, nil
	}
	return -1, err
}

// read returns the whole content of a control file, in buf or in a greater
// one put in its place. A read at offset zero has the kernel write the file
// anew.
func (t *tree) read(fd int, buf *[]byte) ([]byte, error) {
	for {
		n, err := t.pread(fd, *buf, 0)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n < len(*buf):
			return (*buf)[:n], nil
		case n >= maxFile:
			return nil, malformedLine((*buf)[:maxQuoted])
		default:
			*buf = make([]byte, 2*len(*buf))
		}
	}
}

// readInto reads one open control file into st.
func (t *tree) readInto(f file, fd int, buf *[]byte, st *Stats) error {
	b, err := t.read(fd, buf)
	if err == unix.EOPNOTSUPP { // pressure is switched off
		return nil
	}
	if err == nil {
		err = f.parse(st, b)
	}
	if f == cpuStat {
		st.Time = time.Now()
	}
	if err != nil && err != unix.ENODEV {
		return &Error{File: f.String(), Err: err}
	}
	return err
}

// statUnified reads files of a v2 group, and of the slices above it the
// limits.
func (t *tree) statUnified(path string, files []file, st *Stats) error {
	dir, id, err := t.openDir(path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	st.Path, st.ID = path, id
	buf := t.bufs.Get().(*[]byte)
	defer t.bufs.Put(buf)
	// The slices first: the group's last file, which every group has, shows
	// that none of them was gone.
	prefix := ""
	for slice, ok := parent(path); ok; slice, ok = parent(slice) {
		prefix += "../"
		var up Stats
		for _, f := range limiting {
			if _, err := t.statFile(dir, prefix, f, buf, &up); err != nil {
				return ofSlice(slice, err)
			}
		}
		st.bind(up.Memory.Max, up.CPU.Limit(), up.Tasks.Max)
	}
	for _, f := range files {
		found, err := t.statFile(dir, "", f, buf, st)
		if err != nil {
			return err
		}
		if !found && f.always(path) {
			return ErrNotRunning
		}
	}
	st.bind(st.Memory.Max, st.CPU.Limit(), st.Tasks.Max)
	return nil
}

// statFile opens, reads and closes one file, of the group whose directory is
// at prefix from dir.
func (t *tree) statFile(dir int, prefix string, f file, buf *[]byte, st *Stats) (found bool, err error) {
	fd, err := t.openFile(dir, prefix+f.String())
	if err != nil {
		return false, &Error{File: f.String(), Err: gone(err)}
	}
	if fd < 0 {
		return false, nil
	}
	defer unix.Close(fd)
	if err := t.readInto(f, fd, buf, st); err != nil {
		return false, gone(err)
	}
	return true, nil
}

// group is the control files of a v2 group, kept open.
type group struct {
	id    uint64
	files []file
	fds   []int // -1 for a file that is not there
	// incomplete is whether one is not there.
	incomplete bool
}

func (t *tree) openGroup(path string, files []file) (*group, error) {
	dir, id, err := t.openDir(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	g := &group{id: id, files: files, fds: make([]int, 0, len(files))}
	for _, f := range files {
		fd, err := t.openFile(dir, f.String())
		if err == nil && fd < 0 && f.always(path) {
			g.close()
			return nil, ErrNotRunning
		}
		if err != nil {
			g.close()
			return nil, &Error{File: f.String(), Err: gone(err)}
		}
		g.fds = append(g.fds, fd)
		g.incomplete = g.incomplete || fd < 0
	}
	return g, nil
}

// readGroup reads all files. The error is ErrNotRunning itself when the group,
// or a controller of it, is gone.
func (t *tree) readGroup(g *group, buf *[]byte, st *Stats) error {
	st.ID = g.id
	for i, f := range g.files {
		if g.fds[i] < 0 {
			continue
		}
		if err := t.readInto(f, g.fds[i], buf, st); err != nil {
			return gone(err)
		}
	}
	return nil
}

func (g *group) close() {
	if g == nil {
		return
	}
	for _, fd := range g.fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// openFilesLimit returns how many files the process may open. Go raises the
// soft limit to the hard one when a program starts.
func openFilesLimit() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 0
	}
	return int(min(r.Cur, 1<<20))
}

func tooManyOpen(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}
