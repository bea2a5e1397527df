package jfile

import (
	"bytes"
	"runtime/debug"
)

// findData returns the offset of the DATA object that holds the payload
// NAME=value, 0 where the file has none.
func (r *Reader) findData(payload []byte) uint64 {
	h := &r.File.header
	hash := h.hash(payload)
	return r.find(h.dataTable, hash, typeData, h.dataPayload(), func(offset uint64, o []byte) bool {
		if o[1]&dataCompressed == 0 {
			return bytes.Equal(o[h.dataPayload():], payload)
		}
		return bytes.Equal(r.payload(offset), payload)
	})
}

// findField returns the offset of the FIELD object of the name, 0 where no
// entry of the file has the field.
func (r *Reader) findField(name string) uint64 {
	h := &r.File.header
	return r.find(h.fieldTable, h.hash([]byte(name)), typeField, fieldPayload, func(_ uint64, o []byte) bool {
		return string(o[fieldPayload:]) == name
	})
}

// find walks one chain of a hash table. Both kinds of object have the hash at
// 16 and the next offset at 24.
func (r *Reader) find(t table, hash uint64, kind byte, least uint64, is func(uint64, []byte) bool) uint64 {
	offset := le.Uint64(r.m[t.offset+hash%t.buckets*bucketSize:])
	for offset != 0 {
		o := r.object(offset, kind, least)
		if o == nil {
			return 0
		}
		if le.Uint64(o[16:]) == hash && is(offset, o) {
			return offset
		}
		offset = r.following(offset, le.Uint64(o[24:]))
	}
	return 0
}

// following returns the next offset of a chain, 0 at its end. journald adds
// to the end of chains, so that offsets rise: one that does not would be a
// loop.
func (r *Reader) following(offset, next uint64) uint64 {
	if next != 0 && next <= offset {
		r.note(corrupt("chain goes back from %d to %d", offset, next))
		return 0
	}
	return next
}

// Values goes through the distinct values of one field, the newest first. The
// zero value is at its end.
type Values struct {
	r    *Reader
	name string
	next uint64
	buf  []byte
}

// Values returns the distinct values of the field in this file.
func (r *Reader) Values(name string) (v Values, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	v = Values{r: r, name: name}
	if f := r.findField(name); f != 0 {
		if o := r.object(f, typeField, fieldPayload); o != nil {
			v.next = le.Uint64(o[32:])
		}
	}
	return v, nil
}

// Next returns the next value and what finds its entries; ok is false at the
// end. The value is overwritten by the next call.
func (v *Values) Next() (value []byte, data Data, ok bool, err error) {
	if v.next == 0 {
		return nil, Data{}, false, nil
	}
	r := v.r
	defer r.catch(debug.SetPanicOnFault(true), &err)
	for v.next != 0 {
		offset := v.next
		o := r.object(offset, typeData, r.File.header.dataPayload())
		if o == nil {
			break
		}
		// This list, unlike the chains, is added to at its head.
		v.next = le.Uint64(o[32:])
		if v.next >= offset {
			r.note(corrupt("list of values goes from %d to %d", offset, v.next))
			v.next = 0
		}
		v.buf = append(v.buf[:0], r.payload(offset)...)
		n := len(v.name)
		if len(v.buf) <= n || v.buf[n] != '=' || string(v.buf[:n]) != v.name {
			r.note(corrupt("value at %d is not one of %s", offset, v.name))
			continue
		}
		return v.buf[n+1:], Data{offset}, true, nil
	}
	v.next = 0
	return nil, Data{}, false, nil
}

// FieldNames returns the names of the fields that occur in the file.
func (r *Reader) FieldNames() (names []string, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	t := r.File.header.fieldTable
	for i := range t.buckets {
		offset := le.Uint64(r.m[t.offset+i*bucketSize:])
		for offset != 0 {
			o := r.object(offset, typeField, fieldPayload)
			if o == nil {
				break
			}
			names = append(names, string(o[fieldPayload:]))
			offset = r.following(offset, le.Uint64(o[24:]))
		}
	}
	return names, nil
}

// Data is one distinct field of a file: where its DATA object lies.
type Data struct{ offset uint64 }

// Find returns the field NAME=value; ok is false where no entry of the file
// has it.
func (r *Reader) Find(payload []byte) (d Data, ok bool, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	d.offset = r.findData(payload)
	return d, d.offset != 0, nil
}
