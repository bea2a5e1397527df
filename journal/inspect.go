package journal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/hubhost/hubhost/journal/internal/jfile"
)

// Unique yields every value that the field has in the journal, each once and
// in no particular order, without reading the entries. It is what lists the
// units ("_SYSTEMD_UNIT") or the users ("_UID") that have logged anything. It
// keeps some 20 bytes for each value, however long that is. Errors are those of [Journal.Entries].
func (j *Journal) Unique(ctx context.Context, field string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := j.unique(ctx, field, func(v string) bool { return yield(v, nil) }); err != nil {
			yield("", err)
		}
	}
}

func (j *Journal) unique(ctx context.Context, field string, yield func(string) bool) error {
	if err := checkFieldName(field); err != nil {
		return &Error{Op: "query", Err: &invalidError{err}}
	}
	// Looking a value up in the earlier files would take no memory at all, but
	// the index of a broken file may have what its list of values has lost.
	seed, seen := maphash.MakeSeed(), make(map[uint64]struct{})
	return j.eachFile(ctx, func(_ *openFile, r *jfile.Reader, _ jfile.Live) error {
		values, err := r.Values(field)
		if err != nil {
			return err
		}
		for {
			value, _, ok, err := values.Next()
			if err != nil || !ok {
				return err
			}
			if err := j.alive(ctx); err != nil {
				return err
			}
			hash := maphash.Bytes(seed, value)
			if _, ok := seen[hash]; ok {
				continue
			}
			seen[hash] = struct{}{}
			if !yield(string(value)) {
				return errStop
			}
		}
	})
}

// errStop ends [Journal.eachFile] without an error.
var errStop = errors.New("stop")

// eachFile calls do with every file of the journal. The error of one is noted
// and does not keep it from the others, except errStop and what ends every
// iteration.
func (j *Journal) eachFile(ctx context.Context, do func(*openFile, *jfile.Reader, jfile.Live) error) error {
	held, err := j.files.hold()
	if err != nil {
		return &Error{Op: "query", Path: j.files.name(), Err: err}
	}
	defer release(held)
	for _, f := range held {
		if err := j.alive(ctx); err != nil {
			return err
		}
		r := f.NewReader()
		live, err := r.Live()
		if err == nil {
			err = do(f, r, live)
		}
		if err == errStop {
			return nil
		}
		if alive := j.alive(ctx); alive != nil {
			return alive
		}
		if err = cmp.Or(err, r.Damage()); err != nil {
			j.files.damaged(f, err)
		}
	}
	return nil
}

// Fields returns the names of all fields that occur in the journal, sorted.
func (j *Journal) Fields(ctx context.Context) ([]string, error) {
	names := make(map[string]bool)
	err := j.eachFile(ctx, func(_ *openFile, r *jfile.Reader, _ jfile.Live) error {
		list, err := r.FieldNames()
		for _, name := range list {
			names[name] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// Boot is one boot of a machine, as far as the journal has entries of it.
type Boot struct {
	// ID is for [Query.Boot].
	ID ID
	// First and Last are the times of its oldest and newest entry.
	First, Last time.Time
}

// Boots returns the boots of which the journal has entries, the oldest first:
// the last one is the current boot if the journal is this host's, and the
// others count backward as `journalctl --boot=-1` does.
func (j *Journal) Boots(ctx context.Context) ([]Boot, error) {
	const field = "_BOOT_ID"
	boots := make(map[ID]Boot)
	err := j.eachFile(ctx, func(_ *openFile, r *jfile.Reader, _ jfile.Live) error {
		values, err := r.Values(field)
		if err != nil {
			return err
		}
		for {
			value, data, ok, err := values.Next()
			if err != nil || !ok {
				return err
			}
			id, err := ParseID(string(value))
			if err != nil {
				continue // not written by journald
			}
			first, last, ok, err := r.Ends(data)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			boot := Boot{id, microTime(first.Realtime), microTime(last.Realtime)}
			if known, ok := boots[id]; ok {
				if known.First.Before(boot.First) {
					boot.First = known.First
				}
				if known.Last.After(boot.Last) {
					boot.Last = known.Last
				}
			}
			boots[id] = boot
		}
	})
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(boots), func(a, b Boot) int {
		return cmp.Or(a.Last.Compare(b.Last), bytes.Compare(a.ID[:], b.ID[:]))
	}), nil
}

// Usage is what the journal takes, and how far it reaches back.
type Usage struct {
	// Bytes is the space on disk, as `journalctl --disk-usage` counts it, and
	// ArchivedBytes the part of it that journald may free to keep its limits
	// (SystemMaxUse=, MaxRetentionSec= and others in journald.conf(5)): it
	// removes whole archived files, the oldest first, and never the active
	// ones.
	Bytes, ArchivedBytes int64
	// Oldest and Newest are the times of the first and last entry; zero where
	// there is none.
	Oldest, Newest time.Time
	// Files are the files that make it up, the archived ones first and then
	// by their newest entry: the order in which journald removes them.
	Files []FileUsage
}

// FileUsage is the part of one file in [Usage].
type FileUsage struct {
	Path string
	// Bytes is the space on disk.
	Bytes int64
	// Archived says that journald has finished with the file.
	Archived bool
	// Entries is how many entries it holds, Oldest and Newest the times of
	// the first and last of them.
	Entries        uint64
	Oldest, Newest time.Time
}

// Usage measures the journal without reading its entries.
func (j *Journal) Usage(ctx context.Context) (Usage, error) {
	var u Usage
	err := j.eachFile(ctx, func(f *openFile, _ *jfile.Reader, live jfile.Live) error {
		path := j.files.pathOf(f)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		file := FileUsage{Path: path, Bytes: jfile.DiskUsage(info), Archived: live.Archived, Entries: live.Entries}
		if live.Entries > 0 {
			file.Oldest, file.Newest = microTime(live.HeadRealtime), microTime(live.TailRealtime)
			if u.Oldest.IsZero() || file.Oldest.Before(u.Oldest) {
				u.Oldest = file.Oldest
			}
			if file.Newest.After(u.Newest) {
				u.Newest = file.Newest
			}
		}
		u.Bytes += file.Bytes
		if file.Archived {
			u.ArchivedBytes += file.Bytes
		}
		u.Files = append(u.Files, file)
		return nil
	})
	if err != nil {
		return Usage{}, err
	}
	slices.SortFunc(u.Files, func(a, b FileUsage) int {
		if a.Archived != b.Archived {
			if a.Archived {
				return -1
			}
			return 1
		}
		return cmp.Or(a.Newest.Compare(b.Newest), cmp.Compare(a.Path, b.Path))
	})
	return u, nil
}
