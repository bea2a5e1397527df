package journal

import (
	"bytes"
	"errors"
	"math"
	"regexp"
	"time"

	"github.com/hubhost/hubhost/journal/internal/jfile"
)

// plan is a query that has been checked, in the terms of the files.
type plan struct {
	match        Match
	grep         *regexp.Regexp
	since, until uint64 // µs since 1970, both included
	after        *location
	inclusive    bool // the entry at after is wanted too
	newest       int
	reverse      bool
}

func (j *Journal) plan(q Query) (*plan, error) {
	p := &plan{grep: q.Grep, since: 0, until: math.MaxUint64, newest: q.Newest, reverse: q.Reverse}
	var err error
	if p.match, err = q.condition(j.coredumpUID); err != nil {
		return nil, &invalidError{err}
	}
	if q.After != "" && q.From != "" {
		return nil, &invalidError{errors.New("both After and From are set")}
	}
	p.inclusive = q.From != ""
	if cursor := q.After + q.From; cursor != "" {
		l, err := parseCursor(cursor)
		if err != nil {
			return nil, &invalidError{err}
		}
		p.after = &l
	}
	if q.Newest < 0 {
		return nil, &invalidError{errors.New("the number of the newest entries is negative")}
	}
	if !q.Since.IsZero() {
		p.since = uint64(max(0, ceilMicro(q.Since)))
	}
	if !q.Until.IsZero() {
		p.until = uint64(max(0, q.Until.UnixMicro())) // no entry is as old as 1970
	}
	return p, nil
}

// ceilMicro returns the first whole microsecond that is not before t.
func ceilMicro(t time.Time) int64 {
	us := t.UnixMicro()
	if time.UnixMicro(us).Before(t) {
		us++
	}
	return us
}

// source is one file's part in a query.
type source struct {
	file *openFile
	r    *jfile.Reader
	it   *jfile.Iter

	offset uint64 // of the entry at which it stands
	at     location
	// rising says that the file ends later than it begins: otherwise the clock
	// was set back in between, and no time can be searched for in it.
	rising bool
	// behind says that the cursor to go on from lies behind: from then on
	// there is no need to compare with it.
	behind bool
}

// open prepares the part of the file in the query; it returns nil where the
// file has nothing to give among its first limit entries.
func (p *plan) open(f *openFile, limit uint64) (*source, error) {
	r := f.NewReader()
	live, err := r.Live()
	if err != nil {
		return nil, err
	}
	n := min(live.Entries, limit)
	rising := live.HeadRealtime <= live.TailRealtime
	if n == 0 || rising && (live.HeadRealtime > p.until || live.Archived && live.TailRealtime < p.since) {
		return nil, nil
	}
	s := &source{file: f, r: r, rising: rising, behind: p.after == nil}
	node, err := s.resolve(p.match, n)
	if err != nil {
		return nil, err
	}
	if !live.Archived && !p.match.always() {
		if node, err = s.addLast(node, p.match, n); err != nil {
			return nil, err
		}
	}
	if node == nil {
		return nil, nil
	}
	within, err := s.bounds(p, &live, n)
	if err != nil {
		return nil, err
	}
	s.it = r.Iter(node, within, p.reverse)
	return s, nil
}

// bounds returns the range of offsets outside of which nothing is wanted.
// Within it, entries are looked at one by one. Only the end at which reading
// starts is sought by time.
func (s *source) bounds(p *plan, live *jfile.Live, n uint64) (w jfile.Range, err error) {
	if w.High, err = s.r.End(n); err != nil {
		return w, err
	}
	if s.rising && p.since > live.HeadRealtime && !p.reverse {
		if w.Low, err = s.r.Search(n, func(l jfile.Location) bool { return l.Realtime < p.since }); err != nil {
			return w, err
		}
	}
	if s.rising && p.until < live.TailRealtime && p.reverse {
		until, err := s.r.Search(n, func(l jfile.Location) bool { return l.Realtime <= p.until })
		if err != nil {
			return w, err
		}
		w.High = min(w.High, until)
	}
	if p.after != nil {
		low, err := s.seek(p.after, ID(live.SeqnumID), n)
		if err != nil {
			return w, err
		}
		w.Low = max(w.Low, low)
	}
	return w, nil
}

// seek returns an offset before which no entry is at or behind the cursor: by
// sequence number where the file counts by the same source, else by the time
// since boot, else by the clock.
func (s *source) seek(after *location, seqnumID ID, n uint64) (uint64, error) {
	if seqnumID == after.seqnumID {
		return s.r.Search(n, func(l jfile.Location) bool { return l.Seqnum < after.seqnum })
	}
	boot, ok, err := s.r.Find([]byte("_BOOT_ID=" + after.bootID.String()))
	if err != nil {
		return 0, err
	}
	if ok {
		offset, err := s.r.SearchWith(boot, func(l jfile.Location) bool { return l.Monotonic < after.monotonic })
		if err != nil || offset != math.MaxUint64 {
			return offset, err
		}
	}
	if !s.rising {
		return 0, nil
	}
	return s.r.Search(n, func(l jfile.Location) bool { return l.Realtime < after.realtime })
}

// resolve finds the entries for which the condition holds, by the file's
// index; nil if there are none.
func (s *source) resolve(m Match, n uint64) (jfile.Node, error) {
	switch m.kind {
	case matchField:
		data, ok, err := s.r.Find([]byte(m.name + "=" + m.value))
		if err != nil || !ok {
			return nil, err
		}
		return s.r.With(data)
	case matchGlob:
		return s.resolveGlob(m)
	case matchAny:
		var parts []jfile.Node
		for _, part := range m.parts {
			node, err := s.resolve(part, n)
			if err != nil {
				return nil, err
			}
			if node != nil {
				parts = append(parts, node)
			}
		}
		if len(parts) == 0 {
			return nil, nil
		}
		return jfile.Or(parts...), nil
	}
	if m.always() {
		return s.r.All(n)
	}
	var parts []jfile.Node
	for _, part := range m.parts {
		if part.always() {
			continue
		}
		node, err := s.resolve(part, n)
		if err != nil || node == nil {
			return nil, err
		}
		parts = append(parts, node)
	}
	if len(parts) == 0 {
		return s.r.All(n)
	}
	return jfile.And(parts...), nil
}

// addLast adds the n-th entry to the node if the condition holds for its
// content. journald counts an entry before it adds it to the index by its
// fields, so that the last one may be missing there.
func (s *source) addLast(node jfile.Node, m Match, n uint64) (jfile.Node, error) {
	offset, err := s.r.End(n)
	if err != nil || offset == 0 {
		return node, err
	}
	s.offset = offset - 1
	var e Entry
	if err := s.read(&e); err != nil || !m.holds(&e) {
		return node, err
	}
	last := jfile.One(s.offset)
	if node == nil {
		return last, nil
	}
	return jfile.Or(node, last), nil
}

func (s *source) resolveGlob(m Match) (jfile.Node, error) {
	values, err := s.r.Values(m.name)
	if err != nil {
		return nil, err
	}
	var parts []jfile.Node
	for {
		value, data, ok, err := values.Next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if matchGlobPattern(m.value, value) {
			node, err := s.r.With(data)
			if err != nil {
				return nil, err
			}
			parts = append(parts, node)
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return jfile.Or(parts...), nil
}

// step moves on to the next entry that is wanted by its time and place; ok is
// false at the end of the file's part.
func (s *source) step(p *plan, o *order) (ok bool, err error) {
	for {
		offset, l, ok, err := s.it.Next()
		if err != nil || !ok {
			return false, err
		}
		switch {
		case s.rising && (l.Realtime < p.since && p.reverse || l.Realtime > p.until && !p.reverse):
			return false, nil
		case l.Realtime < p.since, l.Realtime > p.until:
			continue
		}
		s.offset, s.at = offset, fromFile(l)
		if p.after != nil && !s.behind {
			c := o.compare(&s.at, p.after)
			wanted := c > 0 || c == 0 && p.inclusive
			if !wanted && p.reverse && s.rising {
				return false, nil
			}
			if !wanted {
				continue
			}
			// Forward, all that follows is behind the cursor too; backward,
			// each entry must be looked at.
			s.behind = !p.reverse && s.rising
		}
		return true, nil
	}
}

// read reads the fields of the entry at which the source stands.
func (s *source) read(e *Entry) (err error) {
	e.reset()
	e.at = s.at
	e.data, e.fields, err = s.r.Fields(s.offset, e.data, e.fields)
	return err
}

// load is read, and fails for what is left of an entry whose file has been
// removed. journald removes a file by its name first, and then turns its
// content into zeros under whoever still reads it (unlinkat_deallocate in
// systemd's src/basic/fs-util.c).
func (s *source) load(files *files, e *Entry) error {
	passed := s.r.Passed()
	if err := s.read(e); err != nil {
		return err
	}
	if (s.r.Passed() != passed || e.mayHaveHoles()) && files.gone(s.file) {
		return errGone
	}
	return nil
}

// mayHaveHoles reports whether zeros may have been read in place of a part of
// a field. They come by whole pages, from the front: a field ends with one, or
// is larger than a page.
func (e *Entry) mayHaveHoles() bool {
	const page = 4096
	for _, f := range e.fields {
		if e.data[f.End-1] == 0 || f.End-f.Start > page && bytes.IndexByte(e.data[f.Start:f.End], 0) >= 0 {
			return true
		}
	}
	return false
}

// errGone ends the reading of a file that has been removed.
var errGone = errors.New("removed while it was read")

// greps reports whether the text of the entry is wanted.
func (p *plan) greps(e *Entry) bool {
	if p.grep == nil {
		return true
	}
	message, ok := e.Get("MESSAGE")
	return ok && p.grep.Match(message)
}
