// Package pty opens pseudo-terminals, for internal/shot, which draws what
// programs print to one, and for the tests of programs that need one.
package pty

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Open returns the two ends of a new pseudo-terminal: the one that plays the
// person in front of it, and the terminal. Reading from the first ends with
// EIO when the last holder of the second is gone.
func Open(columns, rows int) (person, terminal *os.File, err error) {
	person, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			person.Close()
		}
	}()
	if err = Resize(person, columns, rows); err != nil {
		return nil, nil, err
	}
	control := func(f func(fd int) error) error { return onFD(person, f) }
	if err = control(func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0) }); err != nil {
		return nil, nil, err
	}
	var n int
	if err = control(func(fd int) (err error) { n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); return err }); err != nil {
		return nil, nil, err
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	return person, terminal, err
}

// Resize changes the size of the terminal, which tells the foreground
// processes by SIGWINCH.
func Resize(person *os.File, columns, rows int) error {
	return onFD(person, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)})
	})
}

// onFD calls f with the file's descriptor. File.Fd would make the file a
// blocking one, which Close does not wake.
func onFD(file *os.File, f func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}
