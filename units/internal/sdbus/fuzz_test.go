package sdbus

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"
)

// FuzzAddress holds that what an address names is what is dialled, escaped in
// whichever way.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{
		"unix:path=/run/dbus/system_bus_socket", "unix:abstract=x,guid=1", "tcp:host=::1,port=1", "unix:path=/a%20b", "unix:path=%", "unix:", "", "nonce-tcp:host=a,port=1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if network, where, err := parseAddress(s); err == nil {
			require.Contains(t, []string{"unix", "tcp"}, network)
			require.NotEmpty(t, where)
		}
		if s != "" {
			network, where, err := parseAddress("unix:path=" + url.QueryEscape(strings.ReplaceAll(s, " ", "_")))
			require.NoError(t, err)
			require.Equal(t, "unix", network)
			require.Equal(t, strings.ReplaceAll(s, " ", "_"), where)
		}
	})
}

// recorded is a peer that has said all that it ever says.
type recorded struct{ io.Reader }

func (recorded) Write(b []byte) (int, error) { return len(b), nil }
func (recorded) Close() error                { return nil }

// FuzzPeer connects to a peer that says anything: the connection is refused or
// ends, and what came as signals is plain Go values.
func FuzzPeer(f *testing.F) {
	const ok = "OK 00000000000000000000000000000000\r\n"
	signal := func(body ...any) []byte {
		m := &dbus.Message{Type: dbus.TypeSignal, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath(RootPath)),
			dbus.FieldInterface: dbus.MakeVariant(Manager),
			dbus.FieldMember:    dbus.MakeVariant("JobRemoved"),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(body...)),
		}}
		var b bytes.Buffer
		require.NoError(f, m.EncodeTo(&b, binary.LittleEndian))
		raw := b.Bytes()
		raw[8] = 1 // the library counts them as it sends them
		return raw
	}
	for _, b := range [][]byte{
		signal(uint32(7), dbus.ObjectPath("/job/7"), "a.service", "done"),
		signal(Unit, map[string]dbus.Variant{"ActiveState": dbus.MakeVariant("active"), "Nested": dbus.MakeVariant(dbus.MakeVariant(uint64(1)))}, []string{"x"}),
		signal([]wireProperty{{"A", dbus.MakeVariant([]dbus.ObjectPath{"/"})}}),
	} {
		f.Add([]byte(ok), b)
		f.Add([]byte(ok), b[:len(b)-3])
		f.Add([]byte(ok), append(b, b...))
	}
	f.Add([]byte("REJECTED EXTERNAL\r\n"), []byte{})
	f.Add(bytes.Repeat([]byte("O"), 1<<17), []byte{})
	f.Fuzz(func(t *testing.T, greeting, messages []byte) {
		peer := recorded{io.MultiReader(bytes.NewReader(greeting), bytes.NewReader(messages))}
		conn, err := Dial(t.Context(), Options{
			Direct:   true,
			Dial:     func(context.Context) (io.ReadWriteCloser, error) { return peer, nil },
			OnSignal: func(s Signal) { requirePlain(t, s.Body) },
		})
		if err != nil {
			return
		}
		<-conn.Done()
		_, err = conn.Call(t.Context(), RootPath, Manager, "ListUnits", false)
		require.ErrorIs(t, err, ErrClosed)
		conn.Close()
	})
}

func requirePlain(t *testing.T, v any) {
	switch v := v.(type) {
	case dbus.Variant, dbus.ObjectPath:
		t.Errorf("%T has come through", v)
	case []any:
		for _, e := range v {
			requirePlain(t, e)
		}
	case map[string]any:
		for _, e := range v {
			requirePlain(t, e)
		}
	}
}
