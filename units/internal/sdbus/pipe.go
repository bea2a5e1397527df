package sdbus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
)

// maxQueued bounds what is waiting for a peer that does not read, what is being
// written to it included. The largest message of D-Bus is 128 MiB, but nothing
// that is sent to a service manager comes near this.
const maxQueued = 16 << 20

var errStalled = errors.New("the peer does not read: 16 MiB are waiting for it")

// pipe is a transport whose Write never blocks, so that a peer which stops
// reading cannot hold up a caller past the end of its context, and whose Read
// is buffered: godbus reads a message in pieces of 16 bytes and less, each of
// them a system call otherwise (measured through systemd-stdio-bridge: 442 µs
// a call unbuffered, 199 µs buffered). Messages that queue up while another
// is being written go out together.
type pipe struct {
	rwc io.ReadWriteCloser
	in  *bufio.Reader

	mu      sync.Mutex
	queued  []byte
	writing int // how much has left the queue and is not written yet
	err     error

	wake   chan struct{}
	closed chan struct{}
	once   sync.Once
	ended  chan struct{}
}

func newPipe(rwc io.ReadWriteCloser) *pipe {
	p := &pipe{
		rwc:    rwc,
		in:     bufio.NewReaderSize(rwc, 64<<10),
		wake:   make(chan struct{}, 1),
		closed: make(chan struct{}),
		ended:  make(chan struct{}),
	}
	go p.flush()
	return p
}

func (p *pipe) Read(b []byte) (int, error) { return p.in.Read(b) }

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	if p.err == nil && p.writing+len(p.queued)+len(b) > maxQueued {
		p.err = errStalled
	}
	if err := p.err; err != nil {
		p.mu.Unlock()
		// A failed write ends the connection: its read side has to notice.
		p.Close()
		return 0, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	p.queued = append(p.queued, b...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return len(b), nil
}

// flush is the goroutine that writes; Close ends it.
func (p *pipe) flush() {
	defer close(p.ended)
	var out []byte
	for {
		select {
		case <-p.wake:
		case <-p.closed:
			return
		}
		p.mu.Lock()
		out, p.queued = p.queued, out[:0]
		p.writing = len(out)
		p.mu.Unlock()
		if len(out) == 0 {
			continue
		}
		_, err := p.rwc.Write(out)
		p.mu.Lock()
		p.writing = 0
		select {
		case <-p.closed: // which is why it failed
		default:
			p.err = err
		}
		p.mu.Unlock()
		if err != nil {
			p.Close()
			return
		}
		// One large message must not keep its memory for good.
		if cap(out) > 1<<20 {
			out = nil
		}
	}
}

// failure returns what made a write fail, nil if none did.
func (p *pipe) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *pipe) Close() error {
	var err error
	p.once.Do(func() {
		close(p.closed)
		err = p.rwc.Close()
	})
	return err
}
