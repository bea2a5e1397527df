package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/hubhost/hubhost/internal/pty"
)

// record runs a command on a pseudo-terminal and returns what it printed.
func record(command []string, columns int) ([]byte, error) {
	person, terminal, err := pty.Open(columns, 50)
	if err != nil {
		return nil, err
	}
	defer person.Close()
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
	if _, err := io.Copy(&out, person); err != nil && !errors.Is(err, syscall.EIO) {
		return nil, err
	}
	return out.Bytes(), cmd.Wait()
}
