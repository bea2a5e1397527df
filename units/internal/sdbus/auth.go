package sdbus

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

// handshake authenticates on a new transport and gives it to the library.
//
// The library's own handshake sends BEGIN when it has read OK, and the first
// message right after. systemd's side of its private socket and of
// systemd-stdio-bridge (sd-bus as a server, seen with 252) reads both at once
// if they are close together, and then waits for more before it looks at the
// message: the connection hangs. So all lines are sent at once, as sd-bus does
// as a client, and OK means that BEGIN has been read.
//
// The identity is that of the process: a bus checks it against the socket,
// and a bridge, where a user of this host means nothing, lets in whoever ssh
// let in.
func handshake(p *pipe, onSignal func(Signal)) (*dbus.Conn, error) {
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if _, err := io.WriteString(p, "\x00AUTH EXTERNAL "+uid+"\r\nBEGIN\r\n"); err != nil {
		return nil, err
	}
	// Not ReadString, which would take a line without end.
	read, err := p.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	line := strings.TrimSpace(string(read))
	if !strings.HasPrefix(line, "OK ") {
		return nil, fmt.Errorf("authentication refused: %q", line)
	}
	settled := &settled{pipe: p, script: strings.NewReader("REJECTED ANONYMOUS\r\n" + line + "\r\n")}
	conn, err := dbus.NewConn(settled, dbus.WithSignalHandler(handler{onSignal}))
	if err != nil {
		return nil, err
	}
	if err := conn.Auth([]dbus.Auth{dbus.AuthAnonymous()}); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// settled is a transport on which the handshake is over, for a library that
// insists on one: its lines go nowhere and their answers are a script.
type settled struct {
	*pipe
	script *strings.Reader
	begun  bool
}

func (s *settled) Read(b []byte) (int, error) {
	if s.script.Len() > 0 {
		return s.script.Read(b)
	}
	return s.pipe.Read(b)
}

func (s *settled) Write(b []byte) (int, error) {
	if s.begun {
		return s.pipe.Write(b)
	}
	// All this is in the goroutine of the handshake; nobody else writes yet.
	s.begun = bytes.HasPrefix(b, []byte("BEGIN"))
	return len(b), nil
}
