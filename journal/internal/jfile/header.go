package jfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

var le = binary.LittleEndian

const signature = "LPKSHHRH"

// minHeaderSize is the size of the header that systemd 187 and earlier wrote;
// 252 writes 264 bytes, 254 and later 272.
const minHeaderSize = 208

// Incompatible flags. A file with any other one must not be read.
const (
	flagXZ      = 1 << 0
	flagLZ4     = 1 << 1
	flagKeyed   = 1 << 2
	flagZSTD    = 1 << 3
	flagCompact = 1 << 4

	knownIncompatible = flagXZ | flagLZ4 | flagKeyed | flagZSTD | flagCompact
)

// States of a file.
const (
	stateOffline  = 0
	stateOnline   = 1
	stateArchived = 2
)

// header is the part of a file's header that does not change once the file
// has been created.
type header struct {
	fileID     ID
	machineID  ID
	size       uint64
	keyed      bool
	compact    bool
	dataTable  table
	fieldTable table
}

// table is where a hash table's items lie.
type table struct{ offset, buckets uint64 }

const bucketSize = 16

// parseHeader checks the header of a file of the given size. Nothing but the
// header is touched. The order of the checks keeps a file that is being
// created, whose header is zeros from some byte on, apart from a broken one.
func parseHeader(m []byte, fileSize uint64) (header, error) {
	if fileSize < minHeaderSize || len(m) < minHeaderSize {
		return header{}, fmt.Errorf("%w: %d bytes", ErrIncomplete, fileSize)
	}
	if string(m[:8]) != signature {
		if string(m[:8]) == "\x00\x00\x00\x00\x00\x00\x00\x00" {
			return header{}, fmt.Errorf("%w: no signature", ErrIncomplete)
		}
		return header{}, corrupt("no signature")
	}
	incompatible := le.Uint32(m[12:])
	if unknown := incompatible &^ knownIncompatible; unknown != 0 {
		return header{}, fmt.Errorf("a newer systemd wrote the file, with incompatible flags %#x: %w", unknown, errors.ErrUnsupported)
	}
	if state := m[16]; state > stateArchived {
		return header{}, corrupt("state %d", state)
	}
	h := header{
		fileID:    ID(m[24:40]),
		machineID: ID(m[40:56]),
		size:      le.Uint64(m[88:]),
		keyed:     incompatible&flagKeyed != 0,
		compact:   incompatible&flagCompact != 0,
	}
	if h.size == 0 {
		return header{}, fmt.Errorf("%w: no header size", ErrIncomplete)
	}
	if h.size < minHeaderSize || h.size > fileSize || h.size%8 != 0 {
		return header{}, corrupt("header size %d in a file of %d bytes", h.size, fileSize)
	}
	arena := le.Uint64(m[96:])
	if arena > fileSize-h.size {
		return header{}, fmt.Errorf("%w: %d bytes, %d wanted", ErrCutShort, fileSize, h.size+arena)
	}
	var err error
	if h.dataTable, err = parseTable(m[104:120], h.size, h.size+arena); err != nil {
		return header{}, err
	}
	if h.fieldTable, err = parseTable(m[120:136], h.size, h.size+arena); err != nil {
		return header{}, err
	}
	return h, nil
}

func parseTable(m []byte, low, high uint64) (table, error) {
	offset, size := le.Uint64(m), le.Uint64(m[8:])
	if offset == 0 || size == 0 {
		return table{}, fmt.Errorf("%w: no hash table", ErrIncomplete)
	}
	if offset < low || offset%8 != 0 || size%bucketSize != 0 || offset > high || size > high-offset {
		return table{}, corrupt("hash table of %d bytes at %d", size, offset)
	}
	return table{offset, size / bucketSize}, nil
}

// Live is the part of a header that changes as journald writes.
type Live struct {
	// Entries is how many entries are complete.
	Entries uint64
	// Archived says that nothing will be added any more.
	Archived bool
	// Online says that journald has the file open for writing, or that it was
	// not closed cleanly.
	Online        bool
	SeqnumID      ID
	TailBootID    ID
	HeadRealtime  uint64
	TailRealtime  uint64
	TailMonotonic uint64
	end           uint64
	entryArray    uint64
}

// readLive reads it from a mapped header. The number of entries comes first:
// journald raises it after everything else that an entry needs.
func readLive(m []byte) Live {
	n := atomicUint64(m, 152)
	return Live{
		Entries:       n,
		Archived:      m[16] == stateArchived,
		Online:        m[16] == stateOnline,
		SeqnumID:      ID(m[72:88]),
		TailBootID:    ID(m[56:72]),
		HeadRealtime:  le.Uint64(m[184:]),
		TailRealtime:  le.Uint64(m[192:]),
		TailMonotonic: le.Uint64(m[200:]),
		end:           le.Uint64(m[88:]) + le.Uint64(m[96:]),
		entryArray:    le.Uint64(m[176:]),
	}
}

// atomicUint64 loads what another process may be storing: the mapping begins
// at a page, and the offset is a multiple of 8.
func atomicUint64(m []byte, offset int) uint64 {
	v := atomic.LoadUint64((*uint64)(unsafe.Pointer(&m[offset])))
	var b [8]byte
	*(*uint64)(unsafe.Pointer(&b)) = v
	return le.Uint64(b[:])
}
