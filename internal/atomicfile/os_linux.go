package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// noFollow opens a file and nothing behind a symbolic link, and does not wait
// for the other end of a FIFO.
const noFollow = unix.O_NOFOLLOW | unix.O_NONBLOCK

type fileID struct {
	dev, ino uint64
}

func idOf(info fs.FileInfo) fileID {
	st := info.Sys().(*syscall.Stat_t)
	return fileID{uint64(st.Dev), st.Ino}
}

// CopyMetadata gives dst the owner, group, extended attributes (SELinux
// label, access control list) and mode of src. What the caller may not set is
// an error: a file with other rights than before is not the same file.
func CopyMetadata(dst, src *os.File) error {
	want, err := src.Stat()
	if err != nil {
		return err
	}
	have, err := dst.Stat()
	if err != nil {
		return err
	}
	w, h := want.Sys().(*syscall.Stat_t), have.Sys().(*syscall.Stat_t)
	if w.Uid != h.Uid || w.Gid != h.Gid {
		if err := dst.Chown(int(w.Uid), int(w.Gid)); err != nil {
			return err
		}
	}
	if err := copyXattrs(dst, src); err != nil {
		return err
	}
	// Last: chown clears bits, and an access list rewrites the group's.
	return dst.Chmod(want.Mode().Perm())
}

func copyXattrs(dst, src *os.File) error {
	want, err := listXattrs(src)
	if err != nil {
		return err
	}
	have, err := listXattrs(dst)
	if err != nil {
		return err
	}
	for _, name := range want {
		value, err := getXattr(src, name)
		if err != nil {
			return err
		}
		if err := unix.Fsetxattr(int(dst.Fd()), name, value, 0); err != nil {
			return &fs.PathError{Op: "setxattr " + name, Path: dst.Name(), Err: err}
		}
	}
	// A default access list of the directory gave dst rights that src had not.
	const acl = "system.posix_acl_access"
	if slices.Contains(have, acl) && !slices.Contains(want, acl) {
		if err := unix.Fremovexattr(int(dst.Fd()), acl); err != nil {
			return &fs.PathError{Op: "removexattr " + acl, Path: dst.Name(), Err: err}
		}
	}
	return nil
}

// listXattrs names the attributes that belong to a file's meaning. Signatures
// and capabilities belong to its old content, and the kernel drops or refuses
// them.
func listXattrs(f *os.File) ([]string, error) {
	size, err := unix.Flistxattr(int(f.Fd()), nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, &fs.PathError{Op: "listxattr", Path: f.Name(), Err: err}
	}
	buf := make([]byte, size)
	if size, err = unix.Flistxattr(int(f.Fd()), buf); err != nil {
		return nil, &fs.PathError{Op: "listxattr", Path: f.Name(), Err: err}
	}
	names := strings.Split(strings.TrimSuffix(string(buf[:size]), "\x00"), "\x00")
	return slices.DeleteFunc(names, func(name string) bool {
		return name == "" || name == "security.ima" || name == "security.evm" || name == "security.capability"
	}), nil
}

func getXattr(f *os.File, name string) ([]byte, error) {
	size, err := unix.Fgetxattr(int(f.Fd()), name, nil)
	if err != nil {
		return nil, &fs.PathError{Op: "getxattr " + name, Path: f.Name(), Err: err}
	}
	value := make([]byte, size)
	if size > 0 {
		if size, err = unix.Fgetxattr(int(f.Fd()), name, value); err != nil {
			return nil, &fs.PathError{Op: "getxattr " + name, Path: f.Name(), Err: err}
		}
	}
	return value[:size], nil
}

// Exchange swaps two names in one step. It reports false, and has done
// nothing, where the file system cannot (Linux before 3.15, NFS, some FUSE).
func Exchange(a, b string) (bool, error) {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP):
		return false, nil
	}
	return false, &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
}

// renameNoReplace renames a to b unless b exists.
func renameNoReplace(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return linkAndRemove(a, b)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: a, New: b, Err: err}
	}
	return nil
}

func tryLock(f *os.File) (heldByOther bool, err error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return true, nil
		}
		return false, err
	}
}
