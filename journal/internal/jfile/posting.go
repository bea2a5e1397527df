package jfile

import (
	"cmp"
	"math"
	"runtime/debug"
	"slices"
	"sort"
)

// Node is a set of entries of one file, in the order of the file. Entries are
// known by their offsets, which rise with the order, so that sets are joined
// without looking at any entry. A Node goes one way, and is for one [Iter].
type Node interface {
	// next returns the first offset of the set at or behind the given one,
	// prev the last one at or before it; 0 where there is none. The arguments
	// of successive calls never go back.
	next(offset uint64) uint64
	prev(offset uint64) uint64
	// len returns at least how many entries there are.
	len() uint64
}

// none is the smallest offset that no entry can have.
const none = math.MaxUint64

// posting is the set of entries that one entry array chain lists.
type posting struct {
	r *Reader
	// first is the entry that a DATA object names itself, ahead of its
	// arrays; 0 for the chain of all entries.
	first  uint64
	n      uint64
	arrays []array
	k      int    // the array that was read last
	i      uint64 // where next and prev go on, from either end
}

// array is one ENTRY_ARRAY object: items lie at offset, and are the start-th
// to the last before end of their chain.
type array struct{ offset, start, end uint64 }

// maxChain is how many arrays one chain may have. journald doubles the size
// from one to the next, so that thirty are more than any file has.
const maxChain = 1024

// all returns the first n entries of the file.
func (r *Reader) all(n uint64) *posting {
	p := &posting{r: r}
	p.load(readLive(r.m).entryArray, n)
	return p
}

// posting returns the entries that have the field.
func (r *Reader) posting(d Data) *posting {
	p := &posting{r: r}
	o := r.object(d.offset, typeData, r.File.header.dataPayload())
	if o == nil {
		return p
	}
	if n := le.Uint64(o[56:]); n > 0 {
		if p.first = le.Uint64(o[40:]); p.first != 0 {
			p.n, n = 1, n-1
		}
		p.load(le.Uint64(o[48:]), n)
	}
	return p
}

// load reads the chain of up to n items that begins at the offset. Chains are
// short, since their arrays double in size.
func (p *posting) load(offset, n uint64) {
	size := p.r.File.header.arrayItemSize()
	var start uint64
	for offset != 0 && start < n {
		o := p.r.object(offset, typeArray, arrayItems)
		if o == nil {
			break
		}
		if len(p.arrays) == maxChain {
			p.r.note(corrupt("more than %d entry arrays in a chain", maxChain))
			break
		}
		end := start + min(n-start, (uint64(len(o))-arrayItems)/size)
		if end > start {
			p.arrays = append(p.arrays, array{offset + arrayItems, start, end})
		}
		start = end
		offset = p.r.following(offset, le.Uint64(o[16:]))
	}
	p.n += start
}

// at returns the i-th offset, 0 where the item is broken.
func (p *posting) at(i uint64) uint64 {
	if p.first != 0 {
		if i == 0 {
			return p.first
		}
		i--
	}
	a := p.arrays[p.k]
	if i < a.start || i >= a.end {
		p.k = sort.Search(len(p.arrays), func(k int) bool { return i < p.arrays[k].end })
		a = p.arrays[p.k]
	}
	h := &p.r.File.header
	return h.offsetAt(p.r.m[a.offset+(i-a.start)*h.arrayItemSize():])
}

func (p *posting) len() uint64 { return p.n }

func (p *posting) next(offset uint64) uint64 {
	if p.i >= p.n {
		return 0
	}
	if v := p.at(p.i); v >= offset {
		return v
	}
	// Most steps are short: look at growing distances first, then halve the
	// last one.
	low, high, step := p.i, p.i+1, uint64(1)
	for high < p.n && p.at(high) < offset {
		low, step = high, step*2
		high += step
	}
	high = min(high, p.n)
	for high-low > 1 {
		if mid := low + (high-low)/2; p.at(mid) < offset {
			low = mid
		} else {
			high = mid
		}
	}
	// Where the array is broken and not in order, halving has gone astray: go
	// on until the promise holds.
	for p.i = high; p.i < p.n; p.i++ {
		v := p.at(p.i)
		if v >= offset {
			return v
		}
		p.r.note(corrupt("entry array has %d behind %d", v, offset))
	}
	if p.at(p.n-1) == 0 {
		p.r.note(corrupt("entry array ends in nothing"))
	}
	return 0
}

// prev mirrors next, with p.i counted from the end.
func (p *posting) prev(offset uint64) uint64 {
	back := func(i uint64) uint64 { return p.at(p.n - 1 - i) }
	if p.i >= p.n {
		return 0
	}
	if v := back(p.i); v != 0 && v <= offset {
		return v
	}
	low, high, step := p.i, p.i+1, uint64(1)
	for high < p.n && back(high) > offset {
		low, step = high, step*2
		high += step
	}
	high = min(high, p.n)
	for high-low > 1 {
		if mid := low + (high-low)/2; back(mid) > offset {
			low = mid
		} else {
			high = mid
		}
	}
	for p.i = high; p.i < p.n; p.i++ {
		v := back(p.i)
		if v != 0 && v <= offset {
			return v
		}
		p.r.note(corrupt("entry array has %d before %d", v, offset))
	}
	return 0
}

// search returns the offset of the first entry for which before is false,
// none where there is no such entry. Entries that cannot be read count as the
// end, as in systemd's generic_array_bisect.
func (p *posting) search(before func(Location) bool) uint64 {
	i := uint64(sort.Search(int(min(p.n, math.MaxInt)), func(i int) bool {
		l, ok := p.r.location(p.at(uint64(i)))
		return !ok || !before(l)
	}))
	if i >= p.n {
		return none
	}
	return p.at(i)
}

// intersection is the entries that are in every part.
type intersection struct{ parts []Node }

// And returns the entries that are in every part.
func And(parts ...Node) Node {
	if len(parts) == 1 {
		return parts[0]
	}
	// The smallest set leads: the others are only asked where it has an entry.
	slices.SortStableFunc(parts, func(a, b Node) int { return cmp.Compare(a.len(), b.len()) })
	return &intersection{parts}
}

func (s *intersection) len() uint64 { return s.parts[0].len() }

func (s *intersection) next(offset uint64) uint64 { return s.agree(offset, Node.next) }

func (s *intersection) prev(offset uint64) uint64 { return s.agree(offset, Node.prev) }

// agree asks the parts in turn, each for the first offset from the one that
// the part before it has named, until all name the same.
func (s *intersection) agree(offset uint64, ask func(Node, uint64) uint64) uint64 {
	for agreed := 0; agreed < len(s.parts); {
		agreed = 0
		for _, part := range s.parts {
			v := ask(part, offset)
			if v == 0 {
				return 0
			}
			if v != offset && agreed > 0 {
				offset, agreed = v, 0
				break
			}
			offset = v
			agreed++
		}
	}
	return offset
}

// union is the entries that are in at least one part.
type union struct {
	parts []Node
	// at is the offset at which each part stands; 0 before it was asked,
	// none once it is used up.
	at []uint64
}

// Or returns the entries that are in at least one part.
func Or(parts ...Node) Node {
	if len(parts) == 1 {
		return parts[0]
	}
	return &union{parts, make([]uint64, len(parts))}
}

func (s *union) len() uint64 {
	var n uint64
	for _, part := range s.parts {
		n += part.len()
	}
	return n
}

func (s *union) next(offset uint64) uint64 {
	first := uint64(none)
	for i, at := range s.at {
		if at < offset {
			if at = s.parts[i].next(offset); at == 0 {
				at = none
			}
			s.at[i] = at
		}
		first = min(first, at)
	}
	if first == none {
		return 0
	}
	return first
}

func (s *union) prev(offset uint64) uint64 {
	var last uint64
	for i, at := range s.at {
		if at == 0 || at > offset && at != none {
			if at = s.parts[i].prev(offset); at == 0 {
				at = none
			}
			s.at[i] = at
		}
		if at != none {
			last = max(last, at)
		}
	}
	return last
}

// one is a set of a single entry.
type one struct{ offset uint64 }

// One returns the set of the entry at the offset.
func One(offset uint64) Node { return one{offset} }

func (s one) len() uint64 { return 1 }

func (s one) next(offset uint64) uint64 {
	if s.offset < offset {
		return 0
	}
	return s.offset
}

func (s one) prev(offset uint64) uint64 {
	if s.offset > offset {
		return 0
	}
	return s.offset
}

// All returns the first n entries of the file.
func (r *Reader) All(n uint64) (node Node, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	return r.all(n), nil
}

// With returns the entries that have the field.
func (r *Reader) With(d Data) (node Node, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	return r.posting(d), nil
}

// Search returns the offset of the first among the first n entries for which
// before is false, past all offsets where it is true for all of them. The
// function must be true for a beginning of the file and false for the rest.
func (r *Reader) Search(n uint64, before func(Location) bool) (offset uint64, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	return r.all(n).search(before), nil
}

// SearchWith is Search among the entries that have the field.
func (r *Reader) SearchWith(d Data, before func(Location) bool) (offset uint64, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	return r.posting(d).search(before), nil
}

// End returns an offset behind the n-th entry and, if the file has more,
// before the next.
func (r *Reader) End(n uint64) (offset uint64, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	all := r.all(n)
	// A broken item must not cut off what is before it.
	for i := all.n; i > 0; i-- {
		if at := all.at(i - 1); at != 0 {
			return at + 1, nil
		}
	}
	return 0, nil
}

// Range is the entries with offsets from Low to the last before High.
type Range struct{ Low, High uint64 }

// Iter goes through the entries of a [Node].
type Iter struct {
	r       *Reader
	node    Node
	within  Range
	reverse bool
	at      uint64
}

// Iter returns the entries of the node that are in the range, from its end if
// reverse.
func (r *Reader) Iter(node Node, within Range, reverse bool) *Iter {
	// No entry has the offset 0, and Nodes take it for one that has no place
	// yet.
	it := &Iter{r: r, node: node, within: within, reverse: reverse, at: max(within.Low, 1)}
	if reverse {
		it.at = within.High
	}
	return it
}

// Next returns the next entry; ok is false at the end. Entries that are broken
// are passed over, and noted as damage.
func (it *Iter) Next() (offset uint64, l Location, ok bool, err error) {
	defer it.r.catch(debug.SetPanicOnFault(true), &err)
	for {
		if it.reverse {
			if it.at <= 1 {
				return 0, Location{}, false, nil
			}
			offset = it.node.prev(it.at - 1)
			it.at = offset
		} else {
			offset = it.node.next(it.at)
			it.at = offset + 1
		}
		if offset == 0 || offset < it.within.Low || offset >= it.within.High {
			return 0, Location{}, false, nil
		}
		if l, ok = it.r.location(offset); ok {
			return offset, l, true, nil
		}
	}
}

// Fields appends the fields of the entry at the offset to buf, and where each
// lies to spans.
func (r *Reader) Fields(offset uint64, buf []byte, spans []Span) (_ []byte, _ []Span, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	buf, spans = r.appendFields(offset, buf, spans)
	return buf, spans, nil
}

// Location reads the n-th entry's location, counted from 0; ok is false where
// it is broken or there is none.
func (r *Reader) Location(n uint64) (l Location, ok bool, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	if all := r.all(n + 1); n < all.n {
		l, ok = r.location(all.at(n))
	}
	return l, ok, nil
}

// Ends returns the locations of the first and the last entry that have the
// field; ok is false where there is none that can be read.
func (r *Reader) Ends(d Data) (first, last Location, ok bool, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	p := r.posting(d)
	for i := uint64(0); i < p.n && !ok; i++ {
		first, ok = r.location(p.at(i))
	}
	if !ok {
		return first, last, false, nil
	}
	ok = false
	for i := p.n; i > 0 && !ok; i-- {
		last, ok = r.location(p.at(i - 1))
	}
	return first, last, ok, nil
}
