package certs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hubhost/hubhost/internal/atomicfile"
)

// journal is on disk from before the first step of an installation until
// after its last: whoever finds it while holding the lock knows that the
// installer was killed, and what it was about to do.
type journal struct {
	Version int    `json:"version"`
	Method  Method `json:"method"`
	Goal    goal   `json:"goal"`
	HadDir  bool   `json:"hadDir"` // the directory existed
	Backup  string `json:"backup"` // the ID for the old pair; empty if there was none
	Old     sums   `json:"old"`
	New     sums   `json:"new"`
}

const journalVersion = 1

// goal is what an installation that is under way is to end with.
type goal string

const (
	goalNew goal = "new"
	goalOld goal = "old" // the server did not take the new pair
)

// sums are the SHA-256 of the two files, in hexadecimal; empty for one that
// does not exist.
type sums struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

func sumsOf(cert, key []byte) sums {
	c, k := sha256.Sum256(cert), sha256.Sum256(key)
	return sums{hex.EncodeToString(c[:]), hex.EncodeToString(k[:])}
}

func (in *installer) write(j *journal) error {
	j.Version = journalVersion
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return in.lock.Replace(in.journal, data, atomicfile.Options{})
}

func (in *installer) read() (*journal, error) {
	data, _, err := atomicfile.Read(in.journal, 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j := new(journal)
	if err := json.Unmarshal(data, j); err != nil {
		return nil, fmt.Errorf("%s: %w", in.journal, err)
	}
	if _, ok := parseBackupID(j.Backup); j.Version != journalVersion || j.Backup != "" && !ok {
		return nil, fmt.Errorf("%s: written by another version: %w", in.journal, errors.ErrUnsupported)
	}
	return j, nil
}

// recover brings an installation that was killed to an end: with the new pair
// if it was in place, otherwise with the old one. What someone else has put
// there since stays.
func (in *installer) recover() (bool, error) {
	j, err := in.read()
	if j == nil || err != nil {
		return false, err
	}
	live, err := readDir(in.dir, in.paths)
	if err != nil {
		return false, err
	}
	now := live.sums()
	switch {
	case now == j.New && j.Goal == goalNew:
		if j.Method == MethodExchange && j.HadDir {
			if err := in.recarry(j); err != nil {
				return false, err
			}
		}
		return true, in.finish(j)
	case now == j.Old:
		return true, in.discard(j)
	case j.explains(now):
		if err := in.putBack(j); err != nil {
			return false, err
		}
		return true, in.discard(j)
	}
	// Someone else's pair. The old one is kept if it was taken out.
	if out, err := readDir(in.staged, in.paths); err == nil && out.sums() == j.Old && j.Method == MethodExchange && !out.empty() {
		return true, in.finish(j)
	}
	return true, in.clear(j)
}

// explains tells whether each file is the old or the new one.
func (j *journal) explains(now sums) bool {
	return (now.Cert == j.Old.Cert || now.Cert == j.New.Cert) && (now.Key == j.Old.Key || now.Key == j.New.Key)
}

// recarry does after a crash what [installer.exchange] does at once, unless
// the directory that was taken out is filed already.
func (in *installer) recarry(j *journal) error {
	out, err := readDir(in.staged, in.paths)
	if err != nil || out.dir == nil || out.sums() != j.Old {
		return err
	}
	return in.carry(in.staged)
}

// putBack puts the old pair back in place, from wherever a failure or a crash
// left it.
func (in *installer) putBack(j *journal) error {
	live, err := readDir(in.dir, in.paths)
	if err != nil {
		return err
	}
	if live.sums() == j.Old && j.Old != j.New {
		return nil
	}
	switch {
	case j.Method == MethodExchange && !j.HadDir:
		if err := os.Rename(in.dir, in.staged); err != nil {
			return err
		}
		return atomicfile.SyncDir(in.parent)
	case j.Method == MethodExchange:
		if err := in.swapDirs(); err != nil {
			return err
		}
		return in.carry(in.staged)
	}
	return in.putBackFiles(j, live)
}

func (in *installer) putBackFiles(j *journal, live files) error {
	var old files
	if j.Backup != "" {
		var err error
		if old, err = readDir(filepath.Join(in.backups, j.Backup), in.paths); err != nil {
			return err
		}
	}
	if old.sums() != j.Old {
		return fmt.Errorf("backup %s is not the pair that was replaced: %w", j.Backup, ErrChanged)
	}
	inner := in.inner()
	if err := os.RemoveAll(inner); err != nil {
		return err
	}
	if err := os.Mkdir(inner, 0o700); err != nil {
		return err
	}
	for _, f := range []struct {
		name      string
		old, live file
	}{{in.key, old.key, live.key}, {in.cert, old.cert, live.cert}} {
		path := filepath.Join(in.dir, f.name)
		switch {
		case f.old.sum() == f.live.sum():
			continue
		case f.old.info == nil:
			if err := os.Remove(path); err != nil {
				return err
			}
		default:
			// A copy with a new modification time, which tells nginx that it
			// is not the file that it has read.
			staged := filepath.Join(inner, f.name)
			if err := copyFile(staged, filepath.Join(in.backups, j.Backup, f.name), f.old.data); err != nil {
				return err
			}
			if err := os.Rename(staged, path); err != nil {
				return err
			}
		}
		in.opt.step("put back " + f.name)
	}
	return atomicfile.SyncDir(in.dir)
}

// discard ends a transaction after which the old pair is in place.
func (in *installer) discard(j *journal) error {
	live, err := readDir(in.dir, in.paths)
	if err != nil {
		return err
	}
	// Only then is nothing lost: otherwise what is staged, or the backup, may
	// be the old pair.
	if live.sums() == j.Old && j.Backup != "" {
		if err := os.RemoveAll(filepath.Join(in.backups, j.Backup)); err != nil {
			return err
		}
	}
	return in.clear(j)
}

// clear removes what the transaction leaves beside the pair, the journal
// last: until then, whoever finds it goes on here.
func (in *installer) clear(j *journal) error {
	if err := os.RemoveAll(in.staged); err != nil {
		return err
	}
	if j.Method == MethodRename {
		if err := os.RemoveAll(in.inner()); err != nil {
			return err
		}
	}
	in.opt.step("cleared")
	if err := os.Remove(in.journal); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return atomicfile.SyncDir(in.parent)
}
