package journal

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config says which journal files to read. The zero value is this host's
// journal, as `journalctl` reads it without options.
type Config struct {
	// Root is the directory under which Dirs' default and etc/machine-id are
	// looked for: set it to read the journal of a mounted host or image.
	// Empty means "/".
	Root string
	// Dirs are the directories to read, with those directly below them that
	// are named by a machine ID; as `journalctl --directory`. None means
	// var/log/journal and run/log/journal below Root, and there only the
	// entries of the machine that etc/machine-id names. At least one must
	// exist; the others may appear later.
	Dirs []string
	// Files are journal files to read. With Files and no Dirs, nothing else
	// is read.
	Files []string

	// Poll is how often [Follower.Entries] looks for new entries; zero means
	// 30 ms. journald writes an entry at once, but notifies of it only after
	// up to 250 ms.
	Poll time.Duration
	// MaxField is the size in bytes up to which a compressed field is
	// expanded; zero means 64 MiB. An entry is yielded without a field that is
	// larger, and [Journal.Skipped] reports the file.
	MaxField int
}

func (c *Config) root() string {
	if c.Root == "" {
		return "/"
	}
	return c.Root
}

// Journal is an open journal. Several goroutines may use it at the same time.
// It keeps the files mapped between calls, which makes every query after the
// first several times faster, and looks for new, rotated and removed files at
// the start of each call. It has no goroutine of its own.
type Journal struct {
	files       *files
	poll        time.Duration
	coredumpUID string
}

// Open opens the journal. Files that cannot be read are left out: see
// [Journal.Skipped]. The error is an [*Error]: it matches [fs.ErrNotExist]
// where no directory, or one of Config.Files, does not exist, and
// [fs.ErrPermission] where there are files and none may be read; it then names
// the groups whose members may.
func Open(cfg Config) (*Journal, error) {
	j := &Journal{files: newFiles(cfg), poll: cfg.Poll, coredumpUID: userID(cfg.root(), "systemd-coredump")}
	if j.poll <= 0 {
		j.poll = defaultPoll
	}
	if err := j.files.exist(); err != nil {
		return nil, err
	}
	held, err := j.files.hold()
	if err != nil {
		return nil, errors.Join(&Error{Op: "open", Path: j.files.name(), Err: err}, j.Close())
	}
	release(held)
	return j, nil
}

const defaultPoll = 30 * time.Millisecond

// userID returns the number of a user by the host's own passwd file, empty if
// it has no such user.
func userID(root, name string) string {
	b, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(line, ":"); f[0] == name && len(f) > 2 {
			return f[2]
		}
	}
	return ""
}

// Close releases the files. Iterations that are under way end with an error
// that matches [fs.ErrClosed], and so does every later call; closing again
// does nothing.
func (j *Journal) Close() error { return j.files.close() }

// Entries yields the entries that q asks for, each an owned one. Entries of
// several files come in the order in which journald wrote them, and one that
// is in two files comes once.
//
// An error comes last and once. It is ctx's own, or an [*Error]: of a query
// that is wrong, or of a closed journal. A broken, vanished or unreadable file
// is not an error of the iteration: the other files are read to the end, and
// [Journal.Skipped] tells which was not.
//
// The sequence can be ranged over again, and then asks again. Stopping early
// releases everything. Entries that journald writes after the iteration has
// started are not part of it.
func (j *Journal) Entries(ctx context.Context, q Query) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for e, err := range j.EntriesLent(ctx, q) {
			if err == nil {
				e = e.Clone()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// EntriesLent lends the one Entry that it yields: the next step of the
// iteration overwrites it, and it must not be kept. All else is as with
// [Journal.Entries]. It is for counting and forwarding, where no time is to be
// spent on memory.
func (j *Journal) EntriesLent(ctx context.Context, q Query) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		err := j.query(ctx, q, func(e *Entry) bool { return yield(e, nil) })
		if err != nil {
			yield(nil, err)
		}
	}
}

// query calls yield with each entry, until it returns false. The entry is
// lent.
func (j *Journal) query(ctx context.Context, q Query, yield func(*Entry) bool) error {
	p, err := j.plan(q)
	if err != nil {
		return &Error{Op: "query", Err: err}
	}
	held, err := j.files.hold()
	if err != nil {
		return &Error{Op: "query", Path: j.files.name(), Err: err}
	}
	defer release(held)
	return j.read(ctx, p, held, nil, yield)
}

// read runs a plan over the held files, looking at no more than the first
// limits entries of each.
func (j *Journal) read(ctx context.Context, p *plan, held []*openFile, limits map[fileID]uint64, yield func(*Entry) bool) error {
	if p.newest > 0 {
		return j.readNewest(ctx, p, held, limits, yield)
	}
	m := newMerge(j.files, held, p, limits)
	defer m.close()
	return j.each(ctx, m, true, func(_ *source, e *Entry) bool { return yield(e) })
}

// each calls yield with the entries of a merge for which the text matches,
// and the source that each comes from. Without fields, the entry is empty
// unless a text must match.
func (j *Journal) each(ctx context.Context, m *merge, fields bool, yield func(*source, *Entry) bool) error {
	var e Entry
	fields = fields || m.plan.grep != nil
	for {
		if err := j.alive(ctx); err != nil {
			return err
		}
		s := m.step()
		if s == nil {
			return nil
		}
		if fields {
			if err := s.load(j.files, &e); err != nil {
				m.drop(s, err)
				continue
			}
		}
		if m.plan.greps(&e) && !yield(s, &e) {
			return nil
		}
	}
}

// alive returns why an iteration must end, nil if it need not.
func (j *Journal) alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if j.files.closed.Load() {
		return &Error{Op: "query", Err: fs.ErrClosed}
	}
	return nil
}

// readNewest finds the newest entries backward, and yields them in the order
// that the plan asks for.
func (j *Journal) readNewest(ctx context.Context, p *plan, held []*openFile, limits map[fileID]uint64, yield func(*Entry) bool) error {
	backward := *p
	backward.reverse = true
	m := newMerge(j.files, held, &backward, limits)
	defer m.close()
	if p.reverse {
		left := p.newest
		return j.each(ctx, m, true, func(_ *source, e *Entry) bool {
			left--
			return yield(e) && left > 0
		})
	}
	// Only places are kept, some 100 bytes an entry however large it is.
	type place struct {
		s      *source
		offset uint64
		at     location
	}
	var places []place
	err := j.each(ctx, m, false, func(s *source, _ *Entry) bool {
		places = append(places, place{s, s.offset, s.at})
		return len(places) < p.newest
	})
	if err != nil {
		return err
	}
	var e Entry
	for _, at := range slices.Backward(places) {
		if err := j.alive(ctx); err != nil {
			return err
		}
		at.s.offset, at.s.at = at.offset, at.at
		if err := at.s.load(j.files, &e); err != nil {
			j.files.damaged(at.s.file, err)
			continue
		}
		if !yield(&e) {
			return nil
		}
	}
	return nil
}

// Skipped returns what could not be read since [Open], at most one error a
// file or directory, by its path: files that may not be read, that are broken
// or cut short, and that are of a format this package does not know. What has
// been removed since is not among them.
func (j *Journal) Skipped() []*Error { return j.files.errors() }
