package sdbus

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stuck is a peer that reads nothing and sends nothing.
type stuck struct{ closed chan struct{} }

func (s stuck) Read([]byte) (int, error) {
	<-s.closed
	return 0, io.EOF
}

func (s stuck) Write([]byte) (int, error) {
	<-s.closed
	return 0, net.ErrClosed
}

func (s stuck) Close() error {
	close(s.closed)
	return nil
}

// What waits for a peer that does not read is bounded, what is being written
// included, however it came to be there.
func TestQueueIsBounded(t *testing.T) {
	for _, size := range []int{1, 100, 64 << 10, 5 << 20, maxQueued, maxQueued + 1} {
		before := heap()
		p := newPipe(stuck{make(chan struct{})})
		b := make([]byte, size)
		waiting := 0
		var err error
		for {
			var n int
			if n, err = p.Write(b); err != nil {
				break
			}
			waiting += n
			if size == 1 && waiting == 1<<16 {
				b = make([]byte, 64<<10) // it would take its time
			}
		}
		assert.LessOrEqual(t, waiting, maxQueued, "%d at once", size)
		assert.Greater(t, waiting+len(b), maxQueued, "%d at once", size)
		assert.Less(t, heap()-before, int64(2*maxQueued), "%d at once", size)
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, err, errStalled)
		assert.ErrorIs(t, p.failure(), errStalled)
		<-p.ended
		_, err = p.Write([]byte("more"))
		assert.ErrorIs(t, err, errStalled)
		_, err = p.Read(b)
		assert.ErrorIs(t, err, io.EOF)
	}
}

// A write that fails is the end of the connection, and says so to those who
// write behind it.
func TestFailedWriteEnds(t *testing.T) {
	broken := errors.New("broken")
	p := newPipe(failing{stuck{make(chan struct{})}, broken})
	_, err := p.Write([]byte("one"))
	require.NoError(t, err)
	<-p.ended
	_, err = p.Write([]byte("two"))
	assert.ErrorIs(t, err, ErrClosed)
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, broken, p.failure())
}

type failing struct {
	stuck
	err error
}

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
