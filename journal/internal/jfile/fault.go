package jfile

import (
	"runtime/debug"
	"slices"
	"unsafe"
)

// catch ends a method that touches the mapping. It is deferred as
//
//	defer r.catch(debug.SetPanicOnFault(true), &err)
//
// so that a fault inside the mapping, which would otherwise end the process,
// becomes ErrTruncated. A fault anywhere else is a bug and stays a panic. The
// flag is the goroutine's: it is put back before the caller's own code runs
// again.
func (r *Reader) catch(before bool, err *error) {
	debug.SetPanicOnFault(before)
	v := recover()
	if v == nil {
		return
	}
	if fault, ok := v.(interface{ Addr() uintptr }); ok && r.File.maps(fault.Addr()) {
		*err = ErrTruncated
		return
	}
	panic(v)
}

// maps reports whether the address lies in one of the file's mappings.
func (f *File) maps(addr uintptr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return contains(f.mapping, addr) || slices.ContainsFunc(f.retired, func(m []byte) bool { return contains(m, addr) })
}

func contains(m []byte, addr uintptr) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m)))
	return addr >= start && addr-start < uintptr(len(m))
}
