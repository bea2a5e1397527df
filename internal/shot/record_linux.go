package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// record runs a command on a pseudo-terminal and returns what it printed.
func record(command []string, columns int) ([]byte, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer master.Close()
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	size := unix.Winsize{Col: uint16(columns), Row: 50}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &size); err != nil {
		terminal.Close()
		return nil, err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = terminal, os.Stderr
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	err = cmd.Start()
	terminal.Close()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	// The read ends with EIO when the last holder of the terminal is gone.
	if _, err := io.Copy(&out, master); err != nil && !errors.Is(err, syscall.EIO) {
		return nil, err
	}
	return out.Bytes(), cmd.Wait()
}
