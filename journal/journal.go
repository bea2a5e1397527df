package journal

import (
	"context"
	"errors"
	"iter"
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

// Journal is an open journal. Several goroutines may use it at the same time.
// It keeps the files mapped between calls, which makes every query after the
// first several times faster, and looks for new, rotated and removed files at
// the start of each call. It has no goroutine of its own.
type Journal struct {
	cfg Config
}

// Open opens the journal. Files that cannot be read are left out: see
// [Journal.Skipped]. The error is an [*Error]: it matches [fs.ErrNotExist]
// where no directory, or one of Config.Files, does not exist, and
// [fs.ErrPermission] where there are files and none may be read; it then names
// the groups whose members may.
func Open(cfg Config) (*Journal, error) {
	return &Journal{cfg: cfg}, nil
}

// Close releases the files. Iterations that are under way end with an error
// that matches [fs.ErrClosed], and so does every later call; closing again
// does nothing.
func (j *Journal) Close() error { return nil }

var errTODO = errors.ErrUnsupported

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
	return func(yield func(*Entry, error) bool) { yield(nil, errTODO) }
}

// Lend yields what [Journal.Entries] yields, but lends it: the one Entry is
// overwritten by the next step of the iteration, and must not be kept. It is
// for counting and forwarding, where no time is to be spent on memory.
func (j *Journal) Lend(ctx context.Context, q Query) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) { yield(nil, errTODO) }
}

// Unique yields every value that the field has in the journal, each once and
// in no particular order, without reading the entries. It is what lists the
// units ("_SYSTEMD_UNIT") or the users ("_UID") that have logged anything.
// Errors are those of [Journal.Entries].
func (j *Journal) Unique(ctx context.Context, field string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("", errTODO) }
}

// Fields returns the names of all fields that occur in the journal, sorted.
func (j *Journal) Fields(ctx context.Context) ([]string, error) { return nil, errTODO }

// Boot is one boot of a machine, as far as the journal has entries of it.
type Boot struct {
	ID ID
	// First and Last are the times of its oldest and newest entry.
	First, Last time.Time
}

// Boots returns the boots of which the journal has entries, the oldest first:
// the last one is the current boot if the host is this one, and the others
// count backwards as `journalctl --boot=-1` does.
func (j *Journal) Boots(ctx context.Context) ([]Boot, error) { return nil, errTODO }

// Usage is what the journal takes, and what it reaches back to.
type Usage struct {
	// Bytes is the space on disk, as `journalctl --disk-usage` counts it, and
	// ArchivedBytes the part of it that journald may remove to keep its limits
	// (SystemMaxUse=, MaxRetentionSec= and the like in journald.conf(5)):
	// files are removed whole, the oldest first, never the active ones.
	Bytes, ArchivedBytes int64
	// Oldest and Newest are the times of the first and last entry; zero where
	// there is none.
	Oldest, Newest time.Time
	// Files are the files that make it up, in the order in which journald
	// would remove them, the active ones last.
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
func (j *Journal) Usage(ctx context.Context) (Usage, error) { return Usage{}, errTODO }

// Skipped returns what could not be read since [Open], at most one error a
// file: files that may not be read, that are broken or cut short, and that
// are of a format this package does not know. A file that was vacuumed is not
// among them.
func (j *Journal) Skipped() []*Error { return nil }
