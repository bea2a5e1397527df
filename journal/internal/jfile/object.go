package jfile

import (
	"bytes"
)

// Types of objects, and where the parts of each begin.
const (
	typeData  = 1
	typeField = 2
	typeEntry = 3
	typeArray = 6

	fieldPayload = 40
	entryItems   = 64
	arrayItems   = 24

	dataPayloadRegular = 64
	dataPayloadCompact = 72
)

// Sizes of the items in ENTRY and ENTRY_ARRAY objects.
const (
	entryItemRegular = 16
	arrayItemRegular = 8
	itemCompact      = 4
)

// maxItems is how many fields of one entry are read; journald accepts no more
// than 1024 (ENTRY_FIELD_COUNT_MAX in systemd's journal-importer.h) and adds
// some thirty itself.
const maxItems = 4096

func (h *header) dataPayload() uint64 {
	if h.compact {
		return dataPayloadCompact
	}
	return dataPayloadRegular
}

func (h *header) entryItemSize() int {
	if h.compact {
		return itemCompact
	}
	return entryItemRegular
}

func (h *header) arrayItemSize() uint64 {
	if h.compact {
		return itemCompact
	}
	return arrayItemRegular
}

// offsetAt reads the offset that begins an item.
func (h *header) offsetAt(m []byte) uint64 {
	if h.compact {
		return uint64(le.Uint32(m))
	}
	return le.Uint64(m)
}

// object returns the object at the offset, if it is whole, of the type and at
// least of the size; otherwise it notes the damage and returns nil. The slice
// is mapped memory.
func (r *Reader) object(offset uint64, kind byte, least uint64) []byte {
	if !r.within(offset, least) && !(r.grow() && r.within(offset, least)) {
		r.note(corrupt("object of type %d at %d: beyond the end", kind, offset))
		return nil
	}
	m := r.m[offset:r.end]
	size := le.Uint64(m[8:])
	if m[0] != kind || size < least {
		r.note(corrupt("object at %d: type %d of %d bytes, want type %d", offset, m[0], size, kind))
		return nil
	}
	if size > uint64(len(m)) {
		if !r.grow() || size > r.end-offset {
			r.note(corrupt("object of type %d at %d: %d bytes, cut short", kind, offset, size))
			return nil
		}
		m = r.m[offset:r.end]
	}
	return m[:size:size]
}

func (r *Reader) within(offset, size uint64) bool {
	return offset%8 == 0 && offset >= r.File.header.size && offset < r.end && size <= r.end-offset
}

// grow lets the reader see what was written since it last looked, and reports
// whether that is anything.
func (r *Reader) grow() bool {
	end := readLive(r.m).end
	if end <= r.end {
		return false
	}
	if end > uint64(len(r.m)) {
		m, err := r.File.current(end)
		if err != nil {
			r.note(err)
			return false
		}
		r.m = m
	}
	before := r.end
	r.end = min(end, uint64(len(r.m)))
	return r.end > before
}

// location reads what an ENTRY object holds beside its fields.
func (r *Reader) location(offset uint64) (Location, bool) {
	o := r.object(offset, typeEntry, entryItems)
	if o == nil {
		return Location{}, false
	}
	l := Location{
		SeqnumID:  r.seqnumID,
		Seqnum:    le.Uint64(o[16:]),
		Realtime:  le.Uint64(o[24:]),
		Monotonic: le.Uint64(o[32:]),
		BootID:    ID(o[40:56]),
		XorHash:   le.Uint64(o[56:]),
	}
	// The same bounds as VALID_REALTIME and VALID_MONOTONIC in systemd's
	// journal-file.c.
	const most = 1 << 55
	if l.Seqnum == 0 || l.Realtime == 0 || l.Realtime >= most || l.Monotonic >= most || l.BootID == (ID{}) {
		r.note(corrupt("entry at %d: no sequence number, time or boot", offset))
		return Location{}, false
	}
	return l, true
}

// appendFields appends the fields of the entry.
func (r *Reader) appendFields(offset uint64, buf []byte, spans []Span) ([]byte, []Span) {
	o := r.object(offset, typeEntry, entryItems)
	if o == nil {
		return buf, spans
	}
	items, size := o[entryItems:], r.File.header.entryItemSize()
	if len(items) > maxItems*size {
		r.note(corrupt("entry at %d: more than %d fields", offset, maxItems))
		items = items[:maxItems*size]
	}
	// The fields of an entry together are bounded as one field is, so that a
	// broken file which names a large field many times takes no more.
	limit := uint64(len(buf)) + 2*r.File.expand.limit
	for ; len(items) >= size; items = items[size:] {
		start := len(buf)
		payload := r.payload(r.File.header.offsetAt(items))
		if uint64(len(buf))+uint64(len(payload)) > min(limit, 1<<32-1) {
			r.note(ErrTooLarge)
			return buf, spans
		}
		// Looked for here and not in the copy: the processor would wait for
		// the copy to be written.
		eq := bytes.IndexByte(payload, '=')
		if eq < 0 {
			if len(payload) > 0 {
				r.note(corrupt("entry at %d: a field without =", offset))
			}
			continue
		}
		buf = append(buf, payload...)
		spans = append(spans, Span{uint32(start), uint32(start + eq), uint32(len(buf))})
	}
	return buf, spans
}

// These bound what a reader keeps of the compressed fields that it expanded
// last: a long command line, for one, is stored once and named by every entry
// of its process.
const (
	cacheSlots = 64
	maxCached  = 16 << 10
	maxScratch = 1 << 20
)

type cached struct {
	offset  uint64
	payload []byte
}

// payload returns NAME=value of a DATA object, nothing where it is broken: in
// the mapping, or in memory that the next call overwrites.
func (r *Reader) payload(offset uint64) []byte {
	begin := r.File.header.dataPayload()
	o := r.object(offset, typeData, begin)
	if o == nil {
		return nil
	}
	if o[1]&dataCompressed == 0 {
		return o[begin:]
	}
	slot := &r.cache[offset/8%cacheSlots]
	if slot.offset == offset {
		return slot.payload
	}
	r.packed = append(r.packed[:0], o[begin:]...)
	expanded, err := r.File.expand.expand(r.scratch[:0], r.packed, o[1])
	if err != nil {
		r.note(err)
		return nil
	}
	if len(expanded) <= maxCached {
		slot.offset, slot.payload = offset, append(slot.payload[:0], expanded...)
	}
	if cap(expanded) <= maxScratch {
		r.scratch = expanded
	}
	return expanded
}
