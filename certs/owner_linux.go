package certs

import (
	"io/fs"
	"os"
	"syscall"
)

// ownerOf returns the user and group IDs of a file.
func ownerOf(info fs.FileInfo) (uid, gid int) {
	st := info.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid)
}

// giveTo gives a file the owner and group of the directory that it is for.
func giveTo(path string, dir fs.FileInfo) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	uid, gid := ownerOf(dir)
	if u, g := ownerOf(info); u == uid && g == gid {
		return nil
	}
	if err := f.Chown(uid, gid); err != nil {
		return err
	}
	return f.Sync()
}
