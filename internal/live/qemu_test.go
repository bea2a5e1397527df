package main

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/live/wire"
)

// talk lets a guest of the test's making send what it wants.
func talk(t *testing.T, guest func(*wire.Sender)) ([]wire.Event, error) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "port")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := net.Dial("unix", socket)
		if assert.NoError(t, err) {
			guest(wire.NewSender(conn))
			conn.Close()
		}
	}()
	var events []wire.Event
	err = receive(listener, func(e wire.Event) { events = append(events, e) })
	<-done
	return events, err
}

func TestReceive(t *testing.T) {
	events, err := talk(t, func(s *wire.Sender) {
		s.Send(wire.Event{Kind: wire.Stage, Text: "booted"})
		s.Stream(wire.Output, "units").Write([]byte("a\x16\xff\n"))
		s.Send(wire.Event{Kind: wire.Done})
	})
	require.NoError(t, err)
	assert.Equal(t, []wire.Event{
		{Kind: wire.Stage, Text: "booted"},
		{Kind: wire.Output, Dir: "units", Data: []byte("a\x16\xff\n")},
	}, events)

	_, err = talk(t, func(s *wire.Sender) { s.Send(wire.Event{Kind: wire.Failed, Text: "no plan"}) })
	assert.ErrorContains(t, err, "no plan")

	_, err = talk(t, func(s *wire.Sender) { s.Send(wire.Event{Kind: wire.Stage}) })
	assert.ErrorIs(t, err, errEnded)
}

func TestTailKeepsTheEnd(t *testing.T) {
	end := &tail{max: 4}
	for _, s := range []string{"a", "bcd", "efghij", "k"} {
		n, err := end.Write([]byte(s))
		require.NoError(t, err)
		assert.Equal(t, len(s), n)
	}
	assert.Equal(t, "hijk", end.String())
}
