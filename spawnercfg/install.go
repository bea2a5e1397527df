package spawnercfg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hubhost/hubhost/internal/atomicfile"
	"github.com/hubhost/hubhost/spawnercfg/internal/py"
)

// What Install and Restore refuse: check with errors.Is.
var (
	// ErrChanged is a file that is no longer the one that was read. Nothing
	// was written: read it again.
	ErrChanged = atomicfile.ErrChanged
	// ErrNotRegular is a target that is no regular file.
	ErrNotRegular = atomicfile.ErrNotRegular
	// ErrWritable is a target, or the directory of one, that its group or
	// everybody can write: who can write it is root once the hub starts.
	ErrWritable = errors.New("is writable by its group or by everybody")
	// ErrNotRead is a File from Parse, which knows no file to replace.
	ErrNotRead = errors.New("was not read from a file")
)

// InstallOptions says how a file is put in place. The zero value keeps five
// backups.
type InstallOptions struct {
	// Backups is how many backups are kept; the oldest beyond it are removed.
	// Zero means five, and less than zero keeps no backup at all.
	Backups int
}

const defaultBackups = 5

// backupTime is the time in the name of a backup, in UTC. It sorts as text.
const backupTime = "20060102T150405.000000Z"

// Installed tells what [File.Install] or [Restore] did.
type Installed struct {
	// Path is the file that was written, symbolic links resolved.
	Path string
	// Backup is the file that has the replaced content; give it to [Restore]
	// to undo. It is empty if there was nothing to replace, or nothing to
	// keep.
	Backup string
	// Changed is false if the file already had this content, byte for byte,
	// and was left alone.
	Changed bool
}

// Install puts the file in the place that [ReadFile] or [ReadDropIn] read it
// from. Whoever opens that path, at any moment and after any crash, gets the
// old file or the new one, whole; owner, mode and extended attributes stay.
// Where the path is a symbolic link its target is replaced. A file that
// somebody else changed since it was read is not touched: ErrChanged.
//
// Writers of this module exclude each other by a lock beside the file,
// ".NAME.lock", which is waited for until ctx is done. Other errors to check
// for: ErrWritable, ErrNotRegular, ErrNotRead, [fs.ErrPermission]. If only the
// removal of old backups failed, the error comes with Changed set.
func (f *File) Install(ctx context.Context, opt InstallOptions) (Installed, error) {
	if f.snapshot == nil {
		return Installed{}, fmt.Errorf("install: the configuration %w", ErrNotRead)
	}
	return install(ctx, f.path, f.src, f.snapshot, opt)
}

// install replaces the content of a file, which must still be what was read.
func install(ctx context.Context, path string, src []byte, expect *atomicfile.Snapshot, opt InstallOptions) (done Installed, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("install %s: %w", path, err)
		}
	}()
	if err := ctx.Err(); err != nil {
		return done, err
	}
	if !expect.Exists() {
		// The folder of the first drop-in.
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return done, err
		}
	}
	target, err := atomicfile.Resolve(path)
	if err != nil {
		return done, err
	}
	if err := refuseWritable(target); err != nil {
		return done, err
	}
	lock, err := atomicfile.Acquire(ctx, filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".lock"))
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()

	done.Path = target
	if expect.Exists() {
		have, now, err := atomicfile.Read(target, py.MaxSize)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return done, fmt.Errorf("%w: it is gone", ErrChanged)
		case err != nil:
			return done, err
		case now != *expect:
			return done, ErrChanged
		case string(have) == string(src):
			return done, nil
		}
	}
	replace := atomicfile.Options{Expect: expect}
	if opt.Backups >= 0 && expect.Exists() {
		replace.Backup = target + "." + time.Now().UTC().Format(backupTime) + ".bak"
	}
	if err := lock.Replace(target, src, replace); err != nil {
		return done, err
	}
	done.Backup, done.Changed = replace.Backup, true
	return done, prune(target, opt.Backups)
}

// refuseWritable refuses a target that others than its owner can write, or
// can put another file in the place of.
func refuseWritable(target string) error {
	for _, path := range []string{filepath.Dir(target), target} {
		info, err := os.Lstat(path)
		switch {
		case path == target && errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case info.Mode().Perm()&0o022 != 0:
			return fmt.Errorf("%s %w (%s)", path, ErrWritable, info.Mode())
		case path == target && !info.Mode().IsRegular():
			return fmt.Errorf("%s: %w", path, ErrNotRegular)
		}
	}
	return nil
}

// Backups returns the backups that [File.Install] and [Restore] made of a
// file, newest first.
func Backups(path string) ([]string, error) {
	target, err := atomicfile.Resolve(path)
	if err != nil {
		return nil, err
	}
	return backups(target)
}

func backups(target string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		stamp, ok := strings.CutPrefix(e.Name(), filepath.Base(target)+".")
		if !ok {
			continue
		}
		stamp, ok = strings.CutSuffix(stamp, ".bak")
		if _, err := time.Parse(backupTime, stamp); ok && err == nil {
			found = append(found, filepath.Join(filepath.Dir(target), e.Name()))
		}
	}
	slices.Sort(found)
	slices.Reverse(found)
	return found, nil
}

// prune removes the oldest backups beyond a number.
func prune(target string, keep int) error {
	switch {
	case keep < 0:
		return nil
	case keep == 0:
		keep = defaultBackups
	}
	all, err := backups(target)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range all[min(keep, len(all)):] {
		errs = append(errs, os.Remove(b))
	}
	return errors.Join(errs...)
}

// Restore puts a backup of the file at path back in place, in the manner of
// [File.Install]: what is there now becomes a backup in its turn, so that a
// restore can be undone by another.
func Restore(ctx context.Context, path, backup string, opt InstallOptions) (Installed, error) {
	src, _, err := atomicfile.Read(backup, py.MaxSize)
	if err != nil {
		return Installed{}, fmt.Errorf("restore %s: %w", path, err)
	}
	target, err := atomicfile.Resolve(path)
	if err != nil {
		return Installed{}, fmt.Errorf("restore %s: %w", path, err)
	}
	_, now, err := atomicfile.Read(target, py.MaxSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Installed{}, fmt.Errorf("restore %s: %w", path, err)
	}
	return install(ctx, path, src, &now, opt)
}

// ReadDropIn reads the machine-owned file at a path, as [ReadFile] does. One
// that does not exist is a file with a heading and nothing else; installing it
// makes it, with mode 0600, and the folder it is in.
func ReadDropIn(path string) (*File, error) {
	f, err := ReadFile(path, "")
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	// The first line keeps a comment further down from naming an encoding.
	const heading = "# -*- coding: utf-8 -*-\n# Written by programs: changes by hand may be overwritten.\n"
	f, err = Parse([]byte(heading), ParseOptions{Path: path, FS: os.DirFS("/")})
	if err != nil {
		return nil, err
	}
	f.snapshot = &atomicfile.Snapshot{}
	return f, nil
}
