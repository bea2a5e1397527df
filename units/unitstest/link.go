package unitstest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
)

// handshake is the server's side of the authentication of D-Bus, which the
// library has only for clients. Everybody is let in. It returns what was read
// behind the handshake.
func handshake(conn net.Conn) (behind []byte, err error) {
	var read []byte
	buf := make([]byte, 4096)
	for begun := false; ; {
		line, rest, complete := bytes.Cut(read, []byte("\r\n"))
		if !complete {
			n, err := conn.Read(buf)
			if err != nil {
				return nil, err
			}
			read = append(read, buf[:n]...)
			continue
		}
		read = rest
		if !begun {
			if len(line) == 0 || line[0] != 0 {
				return nil, errors.New("no credentials byte")
			}
			begun, line = true, line[1:]
		}
		answer := "ERROR"
		switch line := string(line); {
		case line == "BEGIN":
			return read, nil
		case line == "AUTH":
			answer = "REJECTED EXTERNAL ANONYMOUS"
		case line == "AUTH EXTERNAL":
			answer = "DATA"
		case strings.HasPrefix(line, "AUTH EXTERNAL "), strings.HasPrefix(line, "AUTH ANONYMOUS"), strings.HasPrefix(line, "DATA"):
			answer = "OK 00000000000000000000000000000000"
		}
		if _, err := io.WriteString(conn, answer+"\r\n"); err != nil {
			return nil, err
		}
	}
}

// accepted is a connection that has been let in, to be given to the library,
// which insists on asking to be let in itself: its questions are answered from
// a script and go nowhere.
//
// What was read behind the handshake is handed on only when more comes, as
// systemd does on its private socket: a client that sends its first message
// too close behind BEGIN waits for ever.
type accepted struct {
	net.Conn
	script *strings.Reader
	behind []byte
	begun  atomic.Bool
}

func (a *accepted) Read(p []byte) (int, error) {
	if a.script.Len() > 0 {
		return a.script.Read(p)
	}
	n, err := a.Conn.Read(p[:max(len(p)-len(a.behind), 1)])
	if len(a.behind) > 0 && err == nil {
		both := append(a.behind, p[:n]...)
		n = copy(p, both)
		a.behind = both[n:]
	}
	return n, err
}

func (a *accepted) Write(p []byte) (int, error) {
	if a.begun.Load() {
		return a.Conn.Write(p)
	}
	if bytes.HasPrefix(p, []byte("BEGIN")) {
		a.begun.Store(true)
	}
	return len(p), nil
}
