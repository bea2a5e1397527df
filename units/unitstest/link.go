package unitstest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
)

// handshake is the server's side of the authentication of D-Bus, which the
// library has only for clients. Everybody is let in.
func handshake(conn net.Conn) error {
	// One byte at a time: what follows BEGIN is not for this function.
	in := bufio.NewReaderSize(oneByte{conn}, 16)
	if zero, err := in.ReadByte(); err != nil || zero != 0 {
		return errors.Join(err, errors.New("no credentials byte"))
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		answer := "ERROR"
		switch line = strings.TrimSpace(line); {
		case line == "BEGIN":
			return nil
		case line == "AUTH":
			answer = "REJECTED EXTERNAL ANONYMOUS"
		case line == "AUTH EXTERNAL":
			answer = "DATA"
		case strings.HasPrefix(line, "AUTH EXTERNAL "), strings.HasPrefix(line, "AUTH ANONYMOUS"), strings.HasPrefix(line, "DATA"):
			answer = "OK 00000000000000000000000000000000"
		}
		if _, err := io.WriteString(conn, answer+"\r\n"); err != nil {
			return err
		}
	}
}

type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1)]) }

// accepted is a connection that has been let in, to be given to the library,
// which insists on asking to be let in itself: its questions are answered from
// a script and go nowhere.
type accepted struct {
	net.Conn
	script *strings.Reader
	begun  atomic.Bool
}

func (a *accepted) Read(p []byte) (int, error) {
	if a.script.Len() > 0 {
		return a.script.Read(p)
	}
	return a.Conn.Read(p)
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
