//go:build unix

package jfile

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// mapFile maps size bytes of the file for reading. Bytes beyond the end of
// the file may be mapped: touching them faults until the file has grown.
func mapFile(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

func unmapFile(m []byte) error { return unix.Munmap(m) }

// openFile opens for reading, without waiting where the path is a FIFO.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
}

// statOf returns what os.FileInfo keeps apart for Unix.
func statOf(info os.FileInfo) stat {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stat{}
	}
	return stat{
		key:   Key{uint64(st.Dev), uint64(st.Ino)},
		links: uint64(st.Nlink),
		disk:  int64(st.Blocks) * 512,
	}
}
