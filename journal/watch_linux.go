package journal

import (
	"errors"

	"golang.org/x/sys/unix"
)

// watch tells of files that come into being, are renamed or vanish, by
// inotify(7). It is asked, and never waits. Where inotify is not to be had,
// such as beyond the user's limit of instances, it always tells of a change.
type watch struct {
	fd   int
	dirs map[string]int // watch descriptors
	buf  [4096]byte
}

func newWatch() *watch {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		fd = -1
	}
	return &watch{fd: fd, dirs: make(map[string]int)}
}

func (w *watch) close() {
	if w.fd >= 0 {
		_ = unix.Close(w.fd) // nothing was written to it
		w.fd = -1
	}
}

// add watches directories, and reports whether one was not watched before. A
// directory that was replaced by another one of the same name is a new one.
func (w *watch) add(dirs []string) (added bool) {
	if w.fd < 0 {
		return false
	}
	for _, dir := range dirs {
		// Attributes change when journald lets others read a new file. It
		// tells of new entries by IN_MODIFY, which is not needed.
		wd, err := unix.InotifyAddWatch(w.fd, dir, unix.IN_ONLYDIR|unix.IN_CREATE|unix.IN_ATTRIB|
			unix.IN_MOVED_FROM|unix.IN_MOVED_TO|unix.IN_DELETE|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			w.close()
			return false
		}
		if before, ok := w.dirs[dir]; !ok || before != wd {
			w.dirs[dir] = wd
			added = true
		}
	}
	return added
}

// changed reports whether anything happened since it was asked last. What
// exactly does not matter: the directories are read anew.
func (w *watch) changed() bool {
	if w.fd < 0 {
		return true
	}
	for any := false; ; any = true {
		n, err := unix.Read(w.fd, w.buf[:])
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			return any
		}
		if err != nil || n <= 0 {
			w.close()
			return true
		}
	}
}
