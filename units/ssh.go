package units

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// SSH returns a [Config.Dial] that reaches the system bus of another host, as
// systemctl -H does: it runs
//
//	ssh -xT OPTIONS… -- HOST systemd-stdio-bridge
//
// whose standard input and output are the connection. The host is what ssh
// takes, such as "root@hub.example.org"; options are ssh's, such as
// "-i", "/etc/hub/key" or "-o", "BatchMode=yes", without which ssh may ask for
// a password. What the remote user may do is what polkit there decides.
//
// The program is found in PATH and runs without a shell, until the Manager
// is closed or the connection lost.
func SSH(host string, options ...string) func(context.Context) (io.ReadWriteCloser, error) {
	args := append([]string{"ssh", "-xT"}, options...)
	return Bridge(append(args, "--", host, "systemd-stdio-bridge")...)
}

// Bridge returns a [Config.Dial] that runs a program whose standard input and
// output are a bus, such as systemd-stdio-bridge: through sudo, a container's
// runtime, or anything that reaches another host. The first of args is the
// program and the others its arguments; no shell is involved.
func Bridge(args ...string) func(context.Context) (io.ReadWriteCloser, error) {
	return func(ctx context.Context) (io.ReadWriteCloser, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(args) == 0 {
			return nil, fmt.Errorf("%w: no program to run", ErrInvalidValue)
		}
		// Not CommandContext: the context ends with the attempt to connect.
		cmd := exec.Command(args[0], args[1:]...)
		// A child of the program, such as a shared ssh connection, may hold its
		// standard error open.
		cmd.WaitDelay = time.Second
		b := &bridge{cmd: cmd}
		cmd.Stderr = &b.stderr
		var err error
		if b.in, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
		if b.out, err = cmd.StdoutPipe(); err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return b, nil
	}
}

// bridge is a running program as a connection.
type bridge struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr head
	ended  sync.Once
}

func (b *bridge) Write(p []byte) (int, error) { return b.in.Write(p) }

// Read says in the program's own words why there is nothing more to read: a
// refused key, an unknown host.
func (b *bridge) Read(p []byte) (int, error) {
	n, err := b.out.Read(p)
	if errors.Is(err, io.EOF) {
		b.end(time.Second) // its last words may be on the way
		if text := b.stderr.String(); text != "" {
			err = fmt.Errorf("%s: %s", b.cmd.Args[0], text)
		}
	}
	return n, err
}

func (b *bridge) Close() error {
	// ssh may be waiting for a host that does not answer.
	b.cmd.Process.Kill()
	b.end(0)
	return nil
}

// end waits for the program, and kills it if it does not end by itself.
func (b *bridge) end(grace time.Duration) {
	b.ended.Do(func() {
		b.in.Close()
		timer := time.AfterFunc(grace, func() { b.cmd.Process.Kill() })
		defer timer.Stop()
		b.cmd.Wait() // closes b.out
	})
}

// head keeps the beginning of what a program says, so that one that never
// stops does not fill the memory.
type head struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.Write(p[:min(len(p), 1024-min(h.text.Len(), 1024))])
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.TrimSpace(h.text.String())
}
