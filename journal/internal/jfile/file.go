package jfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Key tells files apart, whatever their names are: a file that is rotated is
// renamed and stays the same. As long as a [File] is open, no other file gets
// its key.
type Key struct{ Dev, Ino uint64 }

// KeyOf returns the key of the file that was looked at.
func KeyOf(info fs.FileInfo) Key { return statOf(info).key }

type stat struct {
	key   Key
	links uint64
	disk  int64
}

// File is a mapped journal file, shared by any number of [Reader]s. It is
// unmapped when the last reference is gone; [Open] returns it with one.
type File struct {
	Path string // by which it was opened
	Key  Key

	header header
	expand *decompressor

	refs atomic.Int32

	mu      sync.Mutex
	file    *os.File // nil once the file can no longer grow
	mapping []byte
	// retired are mappings that became too short for a file that grew. A
	// reader may still use them.
	retired [][]byte
}

// Decompressor is the memory and the limit that the files of one journal
// share when they expand fields.
type Decompressor struct{ d decompressor }

// NewDecompressor returns one that refuses fields of more bytes than limit.
func NewDecompressor(limit int) *Decompressor {
	return &Decompressor{decompressor{limit: uint64(limit)}}
}

// Open opens and maps a journal file. The error wraps [ErrIncomplete] where it
// is worth another try, [ErrCorrupt], [errors.ErrUnsupported], or is the
// system's own.
func Open(path string, d *Decompressor) (_ *File, err error) {
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("not a regular file: %w", fs.ErrInvalid)
	}
	f := &File{Path: path, Key: statOf(info).key, expand: &d.d, file: file}
	if info.Size() < minHeaderSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrIncomplete, info.Size())
	}
	if f.mapping, err = mapFile(file, mappingSize(info.Size())); err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, unmapFile(f.mapping))
		}
	}()
	f.refs.Store(1)
	r := &Reader{File: f, m: f.mapping}
	live, err := r.readHeader(uint64(info.Size()))
	if err != nil {
		return nil, err
	}
	if live.Archived {
		// Archived files never grow: the mapping is enough from here on.
		f.file = nil
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// mappingSize leaves room for a file to grow, so that a file that grows in
// steps of 8 MiB is mapped again a few times and not at every step. Only
// address space is spent on it.
func mappingSize(fileSize int64) int {
	const room = 16 << 20
	if math.MaxInt == math.MaxInt32 {
		return int(min(fileSize, math.MaxInt32)) // there is no address space to spare
	}
	return int(min(2*fileSize, fileSize+room))
}

// readHeader checks the header of a mapped file and fills in what is fixed.
func (r *Reader) readHeader(size uint64) (live Live, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	if r.File.header, err = parseHeader(r.m, size); err != nil {
		return Live{}, err
	}
	return readLive(r.m), nil
}

// Acquire adds a reference. The caller must hold one already, or a lock under
// which the last one cannot go.
func (f *File) Acquire() { f.refs.Add(1) }

// Release drops a reference; the last one unmaps the file.
func (f *File) Release() error {
	if f.refs.Add(-1) > 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := unmapFile(f.mapping)
	for _, m := range f.retired {
		err = errors.Join(err, unmapFile(m))
	}
	f.mapping, f.retired = nil, nil
	if f.file != nil {
		err = errors.Join(err, f.file.Close())
		f.file = nil
	}
	return err
}

// FileID returns the ID that journald gave the file.
func (f *File) FileID() ID { return f.header.fileID }

// MachineID returns the machine that wrote the file.
func (f *File) MachineID() ID { return f.header.machineID }

// Gone reports whether the file has been removed, as far as that can be told:
// its content may be anything from then on. The path is where it was seen
// last.
func (f *File) Gone(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		info, err := f.file.Stat()
		return err == nil && statOf(info).links == 0
	}
	info, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && KeyOf(info) != f.Key
}

// current returns the mapping, renewed if it is shorter than want and the
// file is not.
func (f *File) current(want uint64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if want <= uint64(len(f.mapping)) || f.file == nil {
		return f.mapping, nil
	}
	info, err := f.file.Stat()
	if err != nil {
		return nil, err
	}
	if uint64(info.Size()) < want {
		return f.mapping, nil
	}
	m, err := mapFile(f.file, mappingSize(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	f.retired = append(f.retired, f.mapping)
	f.mapping = m
	return m, nil
}

// Reader reads a [File]. It is for one goroutine at a time.
type Reader struct {
	File *File
	m    []byte
	// end is the end of the part of the file that holds objects, as its header
	// last told.
	end uint64

	cache    [cacheSlots]cached
	seqnumID ID
	packed   []byte // a compressed payload, copied out of the mapping
	scratch  []byte
	// damage is the first thing that was passed over, passed how many there
	// were.
	damage error
	passed int
}

// NewReader returns a reader. The caller keeps a reference to f for as long
// as it is in use.
func (f *File) NewReader() *Reader { return &Reader{File: f} }

// Damage returns the first broken part of the file that this reader passed
// over, or nil.
func (r *Reader) Damage() error { return r.damage }

// Passed returns how many broken parts of the file this reader passed over.
func (r *Reader) Passed() int { return r.passed }

func (r *Reader) note(err error) {
	r.passed++
	if r.damage == nil {
		r.damage = err
	}
}

// Live reads what changes in the header, and lets the reader see what was
// written up to now.
func (r *Reader) Live() (live Live, err error) {
	if r.m == nil {
		if r.m, err = r.File.current(0); err != nil {
			return Live{}, err
		}
	}
	defer r.catch(debug.SetPanicOnFault(true), &err)
	live = readLive(r.m)
	if live.end > uint64(len(r.m)) {
		m, err := r.File.current(live.end)
		if err != nil {
			return Live{}, err
		}
		r.m = m
	}
	r.end = min(live.end, uint64(len(r.m)))
	r.seqnumID = live.SeqnumID
	return live, nil
}

// Entries returns how many entries the file has now: one load from memory.
func (r *Reader) Entries() (n uint64, err error) {
	defer r.catch(debug.SetPanicOnFault(true), &err)
	return atomicUint64(r.m, 152), nil
}

// DiskUsage returns the bytes that a file takes on disk.
func DiskUsage(info fs.FileInfo) int64 { return statOf(info).disk }
