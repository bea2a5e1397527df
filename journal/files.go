package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hubhost/hubhost/journal/internal/jfile"
)

// files is the set of open journal files.
type files struct {
	dirs   []dir
	paths  []string // Config.Files
	expand *jfile.Decompressor

	closed atomic.Bool

	mu      sync.Mutex
	open    map[jfile.Key]*openFile
	skipped map[string]error // by path
	scanned []string         // the directories that were read last
	young   bool             // a file was not yet complete
	// generation counts the changes of open.
	generation int
}

// dir is a directory that is read, with those below it that keep admits.
type dir struct {
	path string
	keep func(name string) bool
}

// openFile is a file of the set. The set holds one reference to it.
type openFile struct {
	*jfile.File
	path string // where it was seen last; guarded by files.mu
}

// newFiles returns the set that the configuration names, still empty.
func newFiles(cfg Config) *files {
	limit := cfg.MaxField
	if limit <= 0 {
		limit = defaultMaxField
	}
	s := &files{
		paths:   slices.Clone(cfg.Files),
		expand:  jfile.NewDecompressor(limit),
		open:    make(map[jfile.Key]*openFile),
		skipped: make(map[string]error),
	}
	for _, path := range cfg.Dirs {
		s.dirs = append(s.dirs, dir{path, isMachineDir})
	}
	if len(s.dirs) == 0 && len(s.paths) == 0 {
		root := cfg.root()
		persistent := dir{filepath.Join(root, "var/log/journal"), isMachineDir}
		if machine, ok := machineID(root); ok {
			persistent.keep = func(name string) bool { return name == machine }
		}
		// What is below /run is this machine's, and its containers'.
		s.dirs = []dir{persistent, {filepath.Join(root, "run/log/journal"), isMachineDir}}
	}
	return s
}

const defaultMaxField = 64 << 20

// isMachineDir reports whether a directory's name is a machine ID. One with a
// suffix, ID.NAMESPACE, is a journal of its own.
func isMachineDir(name string) bool {
	_, err := ParseID(name)
	return err == nil
}

func machineID(root string) (string, bool) {
	b, err := os.ReadFile(filepath.Join(root, "etc/machine-id"))
	if err != nil {
		return "", false
	}
	id, err := ParseID(string(bytes.TrimSpace(b)))
	return id.String(), err == nil
}

// hold looks for files that have come and gone, and returns the open ones,
// each with a reference that the caller must [release].
func (s *files) hold() ([]*openFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, fs.ErrClosed
	}
	if err := s.refresh(); err != nil {
		return nil, err
	}
	held := slices.SortedFunc(maps.Values(s.open), func(a, b *openFile) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range held {
		f.Acquire()
	}
	return held, nil
}

func release(held []*openFile) {
	for _, f := range held {
		_ = f.Release() // munmap of what was mapped does not fail
	}
}

// close drops every file.
func (s *files) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed.Store(true)
	var errs []error
	for key, f := range s.open {
		errs = append(errs, f.Release())
		delete(s.open, key)
	}
	return errors.Join(errs...)
}

// exist reports a journal that is not there: none of the directories, or not
// each of the files.
func (s *files) exist() error {
	var missing error
	found := len(s.dirs) == 0
	for _, d := range s.dirs {
		_, err := os.Stat(d.path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			found = true
			break
		}
		missing = err
	}
	if !found {
		return &Error{Op: "open", Path: s.name(), Err: missing}
	}
	for _, path := range s.paths {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return &Error{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
	}
	return nil
}

// name returns a path that stands for the journal in an error.
func (s *files) name() string {
	if len(s.dirs) > 0 {
		return s.dirs[0].path
	}
	return s.paths[0]
}

// errors returns what was skipped.
func (s *files) errors() []*Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*Error
	for _, path := range slices.Sorted(maps.Keys(s.skipped)) {
		list = append(list, &Error{Op: "read", Path: path, Err: s.skipped[path]})
	}
	return list
}

// skip remembers why a file, or a part of it, was not read; the first reason
// stays.
func (s *files) skip(path string, err error) {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok && pathErr.Path == path {
		err = pathErr.Err // [Error] names the path
	}
	if _, ok := s.skipped[path]; !ok {
		s.skipped[path] = err
	}
}

// damaged is skip for a reader that has found the file broken. Where that is
// because the file was removed, it is not worth a word.
func (s *files) damaged(f *openFile, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !f.Gone(f.path) {
		s.skip(f.path, err)
	}
}

// gone reports whether the file has been removed.
func (s *files) gone(f *openFile) bool {
	return f.Gone(s.pathOf(f))
}

// changes counts how often a file came or went.
func (s *files) changes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation
}

// directories returns those that were read last.
func (s *files) directories() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scanned
}

// pending reports whether a file was being created when the directories were
// read last.
func (s *files) pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.young
}

// pathOf returns where the file was seen last.
func (s *files) pathOf(f *openFile) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.path
}

// refresh brings the set in line with the directories. The error is that of a
// journal of which nothing can be read.
func (s *files) refresh() error {
	seen := make(map[jfile.Key]bool)
	s.scanned, s.young = nil, false
	var denied error
	for _, d := range s.dirs {
		s.scan(d.path, d.keep, seen, &denied)
	}
	for _, path := range s.paths {
		s.look(path, seen, &denied)
	}
	for key, f := range s.open {
		// A file that is renamed again and again may be missed all the same.
		if !seen[key] && f.Gone(f.path) {
			delete(s.open, key)
			_ = f.Release() // as in release
			s.generation++
		}
	}
	for path := range s.skipped {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			delete(s.skipped, path)
		}
	}
	if len(s.open) == 0 && denied != nil {
		return &deniedError{denied}
	}
	return nil
}

// scan looks at the journal files in a directory, and in those of its
// directories that keep admits.
func (s *files) scan(path string, keep func(string) bool, seen map[jfile.Key]bool, denied *error) {
	// A file that is renamed while the directory is read may be missed under
	// both names: where there was a change meanwhile, or just before, read
	// again. Directory times have the granularity of the kernel's tick.
	const (
		tick  = 10 * time.Millisecond
		tries = 3
	)
	for range tries {
		before, err := os.Stat(path)
		if err != nil {
			s.scanFailed(path, err, denied)
			return
		}
		list, err := os.ReadDir(path)
		if err != nil {
			s.scanFailed(path, err, denied)
			return
		}
		if !slices.Contains(s.scanned, path) {
			s.scanned = append(s.scanned, path)
		}
		for _, entry := range list {
			name := entry.Name()
			switch {
			case strings.HasSuffix(name, ".journal"), strings.HasSuffix(name, ".journal~"):
				s.look(filepath.Join(path, name), seen, denied)
			case keep != nil && keep(name):
				s.scan(filepath.Join(path, name), nil, seen, denied)
			}
		}
		if after, err := os.Stat(path); err != nil || after.ModTime().Equal(before.ModTime()) && time.Since(after.ModTime()).Abs() > tick {
			break
		}
	}
}

func (s *files) scanFailed(path string, err error, denied *error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		*denied = err
		fallthrough
	default:
		s.skip(path, err)
	}
}

// look opens the file at the path unless it is open already.
func (s *files) look(path string, seen map[jfile.Key]bool, denied *error) {
	info, err := os.Stat(path)
	if err != nil {
		s.lookFailed(path, err, denied)
		return
	}
	key := jfile.KeyOf(info)
	if f, ok := s.open[key]; ok {
		f.path = path
		seen[key] = true
		return
	}
	f, err := jfile.Open(path, s.expand)
	// A file that has failed before does not hold up every call.
	_, again := s.skipped[path]
	for try := 1; unfinished(err) && !again && try <= 3; try++ {
		time.Sleep(time.Duration(try) * time.Millisecond)
		f, err = jfile.Open(path, s.expand)
	}
	if err != nil {
		// What stays incomplete for long was left behind by a crash.
		s.young = s.young || unfinished(err) && time.Since(info.ModTime()) < 10*time.Second
		s.lookFailed(path, err, denied)
		return
	}
	delete(s.skipped, path)
	if old, ok := s.open[f.Key]; ok { // renamed while it was opened
		_ = f.Release()
		old.path = path
	} else {
		s.open[f.Key] = &openFile{File: f, path: path}
		s.generation++
	}
	seen[f.Key] = true
}

// unfinished reports whether the file may be one that journald creates or
// archives at this moment.
func unfinished(err error) bool {
	return errors.Is(err, jfile.ErrIncomplete) || errors.Is(err, jfile.ErrCutShort)
}

func (s *files) lookFailed(path string, err error, denied *error) {
	switch {
	case errors.Is(err, fs.ErrNotExist): // rotated away or vacuumed meanwhile
	case errors.Is(err, fs.ErrPermission):
		*denied = err
		fallthrough
	default:
		s.skip(path, err)
	}
}
