// Package jfiletest builds journal files for tests: small ones, byte for byte
// the same each time, in every variant of the format, among them those that no
// systemd of today writes any more. That journalctl reads them is tested.
package jfiletest

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/dchest/siphash"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/hubhost/hubhost/journal/internal/jfile"
)

// Options is the variant of the format, and the IDs in the header.
type Options struct {
	Keyed, Compact bool
	// Compression is "", "xz", "lz4" or "zstd".
	Compression string
	// HeaderSize is 272 if zero, as systemd 254 writes.
	HeaderSize int
	// Online is the state of a file that is being written, instead of that of
	// an archived one.
	Online    bool
	FileID    [16]byte
	SeqnumID  [16]byte
	MachineID [16]byte
}

// Entry is an entry to be stored. Each field is NAME=value.
type Entry struct {
	Seqnum, Realtime, Monotonic uint64
	BootID                      [16]byte
	Fields                      []string
}

const (
	incompatibleXZ = 1 << iota
	incompatibleLZ4
	incompatibleKeyed
	incompatibleZSTD
	incompatibleCompact
)

// compressFrom is the size from which fields are compressed, journald's own.
const compressFrom = 512

var le = binary.LittleEndian

type builder struct {
	Options
	b          []byte
	objects    uint64
	last       uint64 // the offset of the last object
	dataTable  table
	fieldTable table
	data       map[string]*data
	order      []*data
	fields     map[string]uint64
	arrays     uint64
}

type table struct{ offset, buckets uint64 }

type data struct {
	offset, hash uint64
	entries      []uint64
}

// Build returns the content of a journal file with the entries, archived as
// journald leaves it.
func Build(o Options, entries []Entry) []byte {
	o.HeaderSize = o.headerSize()
	b := &builder{Options: o, b: make([]byte, o.HeaderSize), data: make(map[string]*data), fields: make(map[string]uint64)}
	b.fieldTable = b.table(5, 31)
	b.dataTable = b.table(4, 61)
	var all []uint64
	for _, e := range entries {
		all = append(all, b.entry(e))
	}
	for _, d := range b.order {
		le.PutUint64(b.b[d.offset+40:], d.entries[0])
		if first, _, _ := b.chain(d.entries[1:]); first != 0 {
			le.PutUint64(b.b[d.offset+48:], first)
		}
		le.PutUint64(b.b[d.offset+56:], uint64(len(d.entries)))
	}
	b.header(entries, all)
	return b.b
}

// object appends an object, and returns its offset.
func (b *builder) object(kind, flags byte, body []byte) uint64 {
	for len(b.b)%8 != 0 {
		b.b = append(b.b, 0)
	}
	offset := uint64(len(b.b))
	b.b = append(b.b, kind, flags, 0, 0, 0, 0, 0, 0)
	b.b = le.AppendUint64(b.b, uint64(16+len(body)))
	b.b = append(b.b, body...)
	b.last = offset
	b.objects++
	return offset
}

func (b *builder) table(kind byte, buckets uint64) table {
	return table{b.object(kind, 0, make([]byte, buckets*16)) + 16, buckets}
}

// link adds an object to the end of its chain in a hash table; both kinds have
// the next offset at 24.
func (b *builder) link(t table, offset, hash uint64) {
	bucket := t.offset + hash%t.buckets*16
	if tail := le.Uint64(b.b[bucket+8:]); tail != 0 {
		le.PutUint64(b.b[tail+24:], offset)
	} else {
		le.PutUint64(b.b[bucket:], offset)
	}
	le.PutUint64(b.b[bucket+8:], offset)
}

func (b *builder) hash(p string) uint64 {
	if b.Keyed {
		return siphash.Hash(le.Uint64(b.FileID[:8]), le.Uint64(b.FileID[8:]), []byte(p))
	}
	return jfile.Jenkins([]byte(p))
}

func (b *builder) field(name string) uint64 {
	if offset, ok := b.fields[name]; ok {
		return offset
	}
	hash := b.hash(name)
	body := le.AppendUint64(nil, hash)
	body = append(body, make([]byte, 16)...)
	offset := b.object(2, 0, append(body, name...))
	b.link(b.fieldTable, offset, hash)
	b.fields[name] = offset
	return offset
}

func (b *builder) payload(field string) *data {
	if d, ok := b.data[field]; ok {
		return d
	}
	d := &data{hash: b.hash(field)}
	name, _, _ := bytes.Cut([]byte(field), []byte{'='})
	list := b.field(string(name))
	body := le.AppendUint64(nil, d.hash)
	body = append(body, make([]byte, 40)...)
	if b.Compact {
		body = append(body, make([]byte, 8)...)
	}
	flags, packed := compress(b.Compression, field)
	d.offset = b.object(1, flags, append(body, packed...))
	b.link(b.dataTable, d.offset, d.hash)
	// The list of a field's values grows at its head.
	le.PutUint64(b.b[d.offset+32:], le.Uint64(b.b[list+32:]))
	le.PutUint64(b.b[list+32:], d.offset)
	b.data[field] = d
	b.order = append(b.order, d)
	return d
}

// packed holds what has been compressed: the files of a test binary have the
// same few payloads, and an encoder takes longer to make than to use.
var packed sync.Map

type packing struct{ compression, payload string }

func compress(compression, payload string) (flags byte, out []byte) {
	if compression == "" || len(payload) < compressFrom {
		return 0, []byte(payload)
	}
	what := packing{compression, payload}
	if p, ok := packed.Load(what); ok {
		out = p.([]byte)
	} else {
		out = pack(compression, []byte(payload))
		packed.Store(what, out)
	}
	if out == nil {
		return 0, []byte(payload)
	}
	return map[string]byte{"xz": 1, "lz4": 2, "zstd": 4}[compression], out
}

// pack returns nil for what does not get smaller.
func pack(compression string, p []byte) []byte {
	switch compression {
	case "xz":
		var buf bytes.Buffer
		w, err := xz.WriterConfig{DictCap: 1 << 20}.NewWriter(&buf) // as systemd does
		if err == nil {
			_, err = w.Write(p)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			panic(err)
		}
		return buf.Bytes()
	case "lz4":
		block := make([]byte, lz4.CompressBlockBound(len(p)))
		n, err := lz4.CompressBlock(p, block, nil)
		if err != nil || n == 0 {
			return nil
		}
		return append(le.AppendUint64(nil, uint64(len(p))), block[:n]...)
	case "zstd":
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		return w.EncodeAll(p, nil)
	}
	panic("unknown compression " + compression)
}

func (b *builder) entry(e Entry) uint64 {
	var items []*data
	var xor uint64
	for _, field := range e.Fields {
		items = append(items, b.payload(field))
		xor ^= jfile.Jenkins([]byte(field))
	}
	slices.SortFunc(items, func(x, y *data) int { return int(x.offset) - int(y.offset) })
	items = slices.Compact(items)
	body := le.AppendUint64(nil, e.Seqnum)
	body = le.AppendUint64(body, e.Realtime)
	body = le.AppendUint64(body, e.Monotonic)
	body = append(body, e.BootID[:]...)
	body = le.AppendUint64(body, xor)
	for _, d := range items {
		if b.Compact {
			body = le.AppendUint32(body, uint32(d.offset))
		} else {
			body = le.AppendUint64(body, d.offset)
			body = le.AppendUint64(body, d.hash)
		}
	}
	offset := b.object(3, 0, body)
	for _, d := range items {
		d.entries = append(d.entries, offset)
	}
	return offset
}

// chain writes entry arrays that double in size, and returns the first, the
// last, and how many items that has.
func (b *builder) chain(entries []uint64) (first, last uint64, lastItems int) {
	for size := 4; len(entries) > 0; size *= 2 {
		lastItems = min(size, len(entries))
		body := make([]byte, 8)
		for _, offset := range entries[:lastItems] {
			if b.Compact {
				body = le.AppendUint32(body, uint32(offset))
			} else {
				body = le.AppendUint64(body, offset)
			}
		}
		entries = entries[lastItems:]
		offset := b.object(6, 0, body)
		b.arrays++
		if last == 0 {
			first = offset
		} else {
			le.PutUint64(b.b[last+16:], offset)
		}
		last = offset
	}
	return first, last, lastItems
}

func (b *builder) header(entries []Entry, offsets []uint64) {
	chain, lastArray, lastItems := b.chain(offsets)
	for len(b.b)%8 != 0 {
		b.b = append(b.b, 0)
	}
	h := make([]byte, 272)
	copy(h, "LPKSHHRH")
	incompatible := map[string]uint32{"": 0, "xz": incompatibleXZ, "lz4": incompatibleLZ4, "zstd": incompatibleZSTD}[b.Compression]
	if b.Keyed {
		incompatible |= incompatibleKeyed
	}
	if b.Compact {
		incompatible |= incompatibleCompact
	}
	le.PutUint32(h[12:], incompatible)
	h[16] = 2
	if b.Online {
		h[16] = 1
	}
	copy(h[24:], b.FileID[:])
	copy(h[40:], b.MachineID[:])
	copy(h[72:], b.SeqnumID[:])
	le.PutUint64(h[88:], uint64(b.HeaderSize))
	le.PutUint64(h[96:], uint64(len(b.b)-b.HeaderSize))
	le.PutUint64(h[104:], b.dataTable.offset)
	le.PutUint64(h[112:], b.dataTable.buckets*16)
	le.PutUint64(h[120:], b.fieldTable.offset)
	le.PutUint64(h[128:], b.fieldTable.buckets*16)
	le.PutUint64(h[136:], b.last)
	le.PutUint64(h[144:], b.objects)
	le.PutUint64(h[152:], uint64(len(entries)))
	le.PutUint64(h[176:], chain)
	if n := len(entries); n > 0 {
		first, last := entries[0], entries[n-1]
		copy(h[56:], last.BootID[:])
		le.PutUint64(h[160:], last.Seqnum)
		le.PutUint64(h[168:], first.Seqnum)
		le.PutUint64(h[184:], first.Realtime)
		le.PutUint64(h[192:], last.Realtime)
		le.PutUint64(h[200:], last.Monotonic)
		le.PutUint32(h[256:], uint32(lastArray))
		le.PutUint32(h[260:], uint32(lastItems))
		le.PutUint64(h[264:], offsets[n-1])
	}
	le.PutUint64(h[208:], uint64(len(b.order)))
	le.PutUint64(h[216:], uint64(len(b.fields)))
	le.PutUint64(h[232:], b.arrays)
	copy(b.b, h[:b.HeaderSize])
}
