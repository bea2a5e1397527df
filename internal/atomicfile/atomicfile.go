// Package atomicfile replaces a file as a whole: whoever opens the name, at
// any moment and after any crash, gets the old file or the new one, complete,
// with the owner, mode and extended attributes that the old one had.
//
// It is a leaf package because both certs and spawnercfg write files that a
// service reads at its next start and that other programs edit too. Take the
// lock with [Acquire], look at the file with [Read], and write with
// [Lock.Replace], which refuses to overwrite what somebody else wrote since.
package atomicfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrChanged says that the file is no longer the one that was read: nothing
// was written.
var ErrChanged = errors.New("changed by someone else since it was read")

// ErrNotRegular says that the name is a directory, a device, a socket or a
// dangling symbolic link, none of which can be replaced as a file.
var ErrNotRegular = errors.New("not a regular file")

// Snapshot identifies what a file was when it was read. The zero Snapshot is
// that of a file which does not exist.
type Snapshot struct {
	exists bool
	id     fileID
	size   int64
	mtime  time.Time
	sum    [sha256.Size]byte
}

// Exists tells whether there was a file.
func (s Snapshot) Exists() bool { return s.exists }

// Resolve follows symbolic links to the file that a replacement has to
// replace: a rename over a link would put a file in the link's place. A name
// that does not exist resolves to itself in its resolved directory.
func Resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, filepath.Base(path)), nil
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", path, err) // that of a loop names no path
	}
	return target, nil
}

// Read returns the content of the file at a resolved path and the snapshot to
// give to [Lock.Replace]. A file of more than limit bytes is an error.
func Read(path string, limit int64) ([]byte, Snapshot, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, Snapshot{}, err
	}
	defer f.Close()
	return read(f, limit)
}

func read(f *os.File, limit int64) ([]byte, Snapshot, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, Snapshot{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, Snapshot{}, err
	}
	if int64(len(data)) > limit {
		return nil, Snapshot{}, fmt.Errorf("%s: more than %d bytes", f.Name(), limit)
	}
	return data, Snapshot{
		exists: true,
		id:     idOf(info),
		size:   int64(len(data)),
		mtime:  info.ModTime(),
		sum:    sha256.Sum256(data),
	}, nil
}

// Options says how a file is replaced. The zero value replaces whatever is
// there and keeps no copy of it.
type Options struct {
	// Expect, if not nil, is what the file must still be; otherwise the
	// error is ErrChanged and nothing is written.
	Expect *Snapshot

	// Mode is the mode of a file that did not exist; zero means 0600. An
	// existing file keeps its mode, owner and extended attributes.
	Mode fs.FileMode

	// Backup, if not empty, is the path in the same directory at which the
	// replaced content is kept, with the same owner, mode and attributes. It
	// must not exist yet. It is complete and on disk before the file changes.
	Backup string
}

// Replace makes the file at a resolved path hold data.
//
// On an error the file is what it was. If the error came after the last step
// that can be undone, which only a failing fsync of the directory does, the
// new content is in place and may not have reached the disk.
func (l *Lock) Replace(path string, data []byte, opt Options) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("replace %s: %w", path, err)
		}
	}()
	dir := filepath.Dir(path)

	var old []byte
	var was Snapshot
	target, err := openRegular(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		target = nil
	case err != nil:
		return err
	default:
		defer target.Close()
		if old, was, err = read(target, maxReplaced); err != nil {
			return err
		}
	}
	if opt.Expect != nil && *opt.Expect != was {
		return ErrChanged
	}

	if opt.Backup != "" && target != nil {
		// Under another name first: what has the name of a backup is whole,
		// even if this program is killed here.
		part := filepath.Join(dir, "."+filepath.Base(path)+".old")
		if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := Create(part, old, target, 0); err != nil {
			return err
		}
		if err := renameNoReplace(part, opt.Backup); err != nil {
			os.Remove(part)
			return err
		}
		defer func() {
			if err != nil {
				os.Remove(opt.Backup)
			}
		}()
		if err := SyncDir(dir); err != nil {
			return err
		}
	}

	// The name is fixed, not random: the lock is held, so that what a killed
	// predecessor left under it is nobody's, and does not pile up.
	temp := filepath.Join(dir, "."+filepath.Base(path)+".new")
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	mode := opt.Mode
	if target != nil {
		mode = 0 // it keeps its own
	}
	if err := Create(temp, data, target, mode); err != nil {
		return err
	}
	if target == nil {
		// Between the look and this rename another program may have made the
		// file: it must not be lost.
		err = renameNoReplace(temp, path)
		if errors.Is(err, fs.ErrExist) {
			err = ErrChanged
		}
	} else {
		err = swap(temp, path, was)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	// The rename is on disk only when the directory is.
	return SyncDir(dir)
}

// maxReplaced bounds what is read of the file to be replaced: these are
// configuration files and certificates.
const maxReplaced = 64 << 20

// swap exchanges temp and path, looks at what came out, and puts it back if
// that is not what was expected: a check before a plain rename would leave a
// moment in which another program's write is lost.
func swap(temp, path string, was Snapshot) error {
	exchanged, err := Exchange(temp, path)
	if err != nil {
		return err
	}
	if !exchanged {
		// The file system has no exchange (NFS, some overlays).
		if _, now, err := Read(path, maxReplaced); err != nil || now != was {
			return errors.Join(ErrChanged, err)
		}
		return os.Rename(temp, path)
	}
	if _, now, err := Read(temp, maxReplaced); err != nil || now != was {
		if _, undo := Exchange(temp, path); undo != nil {
			return fmt.Errorf("%w; the other version is at %s: %w", ErrChanged, temp, undo)
		}
		return errors.Join(ErrChanged, err)
	}
	return os.Remove(temp)
}

// Create writes a new file that nobody else can read until it has the owner,
// extended attributes and mode of like, if not nil, and the given mode, if
// not zero. It returns once the file is on disk. An existing name, also that
// of a dangling symbolic link, is an error.
func Create(path string, data []byte, like *os.File, mode fs.FileMode) (err error) {
	// O_EXCL: a symbolic link planted under the name is not followed.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(path)
		}
	}()
	if _, err := io.Copy(f, bytes.NewReader(data)); err != nil {
		return err
	}
	if like != nil {
		if err := CopyMetadata(f, like); err != nil {
			return err
		}
	}
	if mode != 0 {
		// Not at creation: there the umask has its say.
		if err := f.Chmod(mode.Perm()); err != nil {
			return err
		}
	}
	// Without this a rename may reach the disk before the content does, and a
	// power cut leaves an empty file under the name.
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// openRegular opens a regular file for reading, and nothing else: opening a
// FIFO would block.
func openRegular(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
		f.Close()
		return nil, errors.Join(&fs.PathError{Op: "open", Path: path, Err: ErrChanged}, err)
	}
	return f, nil
}

// SyncDir makes what happened to the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// linkAndRemove renames a to b unless b exists, in two steps: link(2) is the
// portable call that refuses an existing name.
func linkAndRemove(a, b string) error {
	if err := os.Link(a, b); err != nil {
		return err
	}
	return os.Remove(a)
}
