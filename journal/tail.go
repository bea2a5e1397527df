package journal

import (
	"slices"

	"github.com/hubhost/hubhost/journal/internal/jfile"
)

// fileID names a file for good. A [jfile.Key] alone may be given to another
// file once the first one is gone.
type fileID struct {
	key jfile.Key
	id  ID
}

func (f *openFile) id() fileID { return fileID{f.Key, ID(f.FileID())} }

// places is how far each file has been followed.
type places map[fileID]*place

type place struct {
	entries uint64 // how many were there when it was last read to the end
	low     uint64 // the offset from which to go on
	late    bool   // the file was found after the start
}

// reach notes that the first n entries are done with.
func (p *place) reach(r *jfile.Reader, n uint64) error {
	low, err := r.End(n)
	if err != nil {
		return err
	}
	p.low, p.entries = max(p.low, low), n
	return nil
}

// keep drops the places of files that are no longer there.
func (p places) keep(held []*openFile) {
	there := make(map[fileID]bool, len(held))
	for _, f := range held {
		there[f.id()] = true
	}
	for id := range p {
		if !there[id] {
			delete(p, id)
		}
	}
}

// tail is the end of a file that is being followed.
type tail struct {
	file     *openFile
	r        *jfile.Reader
	place    *place
	entries  uint64 // when all files were looked at last
	archived bool
	passed   passed
}

// passed says when the newest entry of a boot was written among those of a
// file that have been followed, which end at low. What is newer has no copy
// among them: without this, each entry would be searched for in every file
// that there is, also after the hundredth rotation.
type passed struct {
	boot   ID
	low    uint64
	none   bool
	newest uint64 // monotonic
}

// tails returns the ends of the held files. Files that have no place yet get
// one, and count as found late.
func (f *Follower) tails(held []*openFile) []*tail {
	var list []*tail
	for _, file := range held {
		t := &tail{file: file, r: file.NewReader()}
		live, err := t.r.Live()
		if err != nil {
			f.j.files.damaged(file, err)
			continue
		}
		t.entries, t.archived = live.Entries, live.Archived
		if t.place = f.places[file.id()]; t.place == nil {
			t.place = &place{late: true}
			f.places[file.id()] = t.place
		}
		list = append(list, t)
	}
	return list
}

// settle reads how many entries each file has until two readings are the
// same, so that they are those of one moment: an entry of one file is then
// never seen without those that journald has written to other files before
// it. Files that fail are left out.
func settle(s *files, tails []*tail) []*tail {
	for try, same := 0, false; !same && try < 1000; try++ {
		same = true
		tails = slices.DeleteFunc(tails, func(t *tail) bool {
			if t.archived && try > 0 {
				return false
			}
			n, err := t.r.Entries()
			if err != nil {
				s.damaged(t.file, err)
				return true
			}
			same = same && n == t.entries
			t.entries = n
			return false
		})
	}
	return tails
}

// source returns what was added to the file since its place was noted, nil if
// nothing was.
func (t *tail) source() (*source, error) {
	if t.entries <= t.place.entries {
		return nil, nil
	}
	if _, err := t.r.Live(); err != nil {
		return nil, err
	}
	node, err := t.r.All(t.entries)
	if err != nil {
		return nil, err
	}
	high, err := t.r.End(t.entries)
	if err != nil {
		return nil, err
	}
	return &source{file: t.file, r: t.r, it: t.r.Iter(node, jfile.Range{Low: t.place.low, High: high}, false)}, nil
}

// pass reads the times of a boot as far as the file has been followed.
func (t *tail) pass(boot ID) (p passed, err error) {
	p = passed{boot: boot, low: t.place.low, none: true}
	data, ok, err := t.r.Find([]byte("_BOOT_ID=" + boot.String()))
	if err != nil || !ok {
		return p, err
	}
	node, err := t.r.With(data)
	if err != nil {
		return p, err
	}
	_, l, ok, err := t.r.Iter(node, jfile.Range{High: p.low}, true).Next()
	p.none, p.newest = !ok, l.Monotonic
	return p, err
}

// has reports whether the file has a copy of the entry among those that have
// been followed: all but the sequence number is the same.
func (t *tail) has(at *location) (bool, error) {
	if t.passed.boot != at.bootID || t.passed.low != t.place.low {
		p, err := t.pass(at.bootID)
		if err != nil {
			return false, err
		}
		t.passed = p
	}
	if t.passed.none || at.monotonic > t.passed.newest {
		return false, nil
	}
	boot, ok, err := t.r.Find([]byte("_BOOT_ID=" + at.bootID.String()))
	if err != nil || !ok {
		return false, err
	}
	low, err := t.r.SearchWith(boot, func(l jfile.Location) bool { return l.Monotonic < at.monotonic })
	if err != nil {
		return false, err
	}
	node, err := t.r.With(boot)
	if err != nil {
		return false, err
	}
	for it := t.r.Iter(node, jfile.Range{Low: low, High: t.place.low}, false); ; {
		_, l, ok, err := it.Next()
		if err != nil || !ok || l.Monotonic > at.monotonic {
			return false, err
		}
		if l.Monotonic == at.monotonic && l.Realtime == at.realtime && l.XorHash == at.xorHash {
			return true, nil
		}
	}
}
