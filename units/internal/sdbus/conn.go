// Package sdbus is the D-Bus side of package units: one connection to a
// service manager, its calls and its signals. The types of the D-Bus library
// go no further than this package.
package sdbus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/godbus/dbus/v5"
)

// The names of the service manager on the bus.
const (
	Service    = "org.freedesktop.systemd1"
	RootPath   = "/org/freedesktop/systemd1"
	UnitPath   = RootPath + "/unit"
	Manager    = Service + ".Manager"
	Unit       = Service + ".Unit"
	Properties = "org.freedesktop.DBus.Properties"

	busService = "org.freedesktop.DBus"
	busPath    = "/org/freedesktop/DBus"
)

// maxCalls is how many calls of one connection may be unanswered. dbus-daemon
// refuses the 129th on a system bus (max_replies_per_connection, 128 since
// the fix of CVE-2014-3638) with LimitsExceeded.
const maxCalls = 120

// Error is an error reply.
type Error struct {
	Name    string
	Message string
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Message + " (" + e.Name + ")"
}

// ErrClosed is the error of a call on a connection that has ended.
var ErrClosed = errors.New("connection closed")

// ErrEncoding is the error of a call that D-Bus cannot carry, with a string
// that is not UTF-8 or has a zero byte for instance. Nothing was sent.
var ErrEncoding = errors.New("not to be sent over D-Bus")

// Signal is a signal of the bus or of the service manager.
type Signal struct {
	Path string
	Name string // interface and member, joined by a dot
	Body []any
	// Sequence orders signals and replies of one connection by their arrival.
	Sequence uint64
}

// Reply is the answer to a call.
type Reply struct {
	Body     []any
	Sequence uint64 // see Signal
}

// Property is a named value, in a{sv} or a(sv).
type Property struct {
	Name  string
	Value any
}

// Options say how to reach a service manager.
type Options struct {
	// Address is a D-Bus address: unix:path=…, unix:abstract=…, several of
	// them joined by semicolons.
	Address string
	// Dial, if set, is used in place of Address.
	Dial func(context.Context) (io.ReadWriteCloser, error)
	// Direct means that the peer is the service manager and not a bus.
	Direct bool
	// OnSignal is called for every signal, in their order, on the goroutine
	// that reads: it must not block.
	OnSignal func(Signal)
}

// Conn is a connection. It has two goroutines and one more for each call that
// is under way; all end with Close or when the peer hangs up.
type Conn struct {
	bus    *dbus.Conn
	pipe   *pipe
	direct bool
	slots  chan struct{}
}

// Dial connects and authenticates. The context ends the attempt, and has no
// part in what becomes of the connection afterwards.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	rwc, err := o.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &Conn{direct: o.Direct, slots: make(chan struct{}, maxCalls)}
	c.pipe = newPipe(rwc)
	// The handshake reads without a deadline; closing the transport is what
	// ends it, whatever the transport is.
	stop := context.AfterFunc(ctx, func() { c.pipe.Close() })
	c.bus, err = handshake(c.pipe, o.OnSignal)
	if err != nil {
		stop()
		c.pipe.Close()
		<-c.pipe.ended
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("handshake: %w", err)
	}
	if !o.Direct {
		// Not Conn.Hello: it has no context, and remembering the unique name
		// makes godbus drop what is addressed to the name behind a bridge.
		_, err = c.call(ctx, message(busService, busPath, busService, "Hello", 0))
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (o Options) dial(ctx context.Context) (io.ReadWriteCloser, error) {
	if o.Dial != nil {
		return o.Dial(ctx)
	}
	var errs []error
	for _, address := range strings.Split(o.Address, ";") {
		rwc, err := dialAddress(ctx, address)
		if err == nil {
			return rwc, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func dialAddress(ctx context.Context, address string) (io.ReadWriteCloser, error) {
	network, where, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, network, where)
}

// parseAddress reads a D-Bus address as the arguments of [net.Dial].
func parseAddress(address string) (network, where string, err error) {
	transport, rest, _ := strings.Cut(address, ":")
	keys := map[string]string{}
	for _, pair := range strings.Split(rest, ",") {
		key, value, _ := strings.Cut(pair, "=")
		unescaped, err := url.PathUnescape(value)
		if err != nil {
			return "", "", fmt.Errorf("bad D-Bus address %q: %w", address, err)
		}
		keys[key] = unescaped
	}
	switch {
	case transport == "unix" && keys["path"] != "":
		return "unix", keys["path"], nil
	case transport == "unix" && keys["abstract"] != "":
		return "unix", "@" + keys["abstract"], nil
	case transport == "tcp" && keys["port"] != "":
		return "tcp", net.JoinHostPort(keys["host"], keys["port"]), nil
	}
	return "", "", fmt.Errorf("bad D-Bus address %q: want unix:path=, unix:abstract= or tcp:host=,port=", address)
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.bus.Context().Done() }

// Err returns what made the connection end, if it was something that could not
// be sent: with a peer that hangs up it is nil.
func (c *Conn) Err() error { return c.pipe.failure() }

// Close ends the connection and every call that is under way.
func (c *Conn) Close() {
	c.bus.Close()
	c.pipe.Close()
	<-c.pipe.ended
}

// Call calls a method of the service manager's object at path. An error reply
// is an *Error.
func (c *Conn) Call(ctx context.Context, path, iface, method string, interactive bool, args ...any) (Reply, error) {
	dest := Service
	if c.direct {
		dest = ""
	}
	var flags dbus.Flags
	if interactive {
		flags = dbus.FlagAllowInteractiveAuthorization
	}
	return c.call(ctx, message(dest, path, iface, method, flags, args...))
}

// CallBus calls a method of the bus itself.
func (c *Conn) CallBus(ctx context.Context, method string, args ...any) (Reply, error) {
	return c.call(ctx, message(busService, busPath, busService, method, 0, args...))
}

// TellBus is CallBus without an answer: it returns at once.
func (c *Conn) TellBus(method string, args ...any) {
	c.bus.Send(message(busService, busPath, busService, method, dbus.FlagNoReplyExpected, args...), nil)
}

// Direct tells whether there is no bus between.
func (c *Conn) Direct() bool { return c.direct }

func (c *Conn) call(ctx context.Context, msg *dbus.Message) (Reply, error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	case <-c.Done():
		return Reply{}, ErrClosed
	}
	defer func() { <-c.slots }()
	call := <-c.bus.SendWithContext(ctx, msg, make(chan *dbus.Call, 1)).Done
	for i := range call.Body {
		call.Body[i] = plain(call.Body[i])
	}
	return Reply{call.Body, uint64(call.ResponseSequence)}, c.convert(ctx, call.Err)
}

// Get is one property to read.
type Get struct {
	Path, Interface, Name string // an empty Name reads all of the interface

	Value    any // what was read; a map[string]any for all
	Sequence uint64
	Err      error
}

// GetMany reads the properties, as many of them at once as the bus lets one
// connection have under way, and stores each answer beside its question.
func (c *Conn) GetMany(ctx context.Context, gets []Get) error {
	dest := Service
	if c.direct {
		dest = ""
	}
	// What is still under way when this returns is cancelled together, and
	// answers into the buffer.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	replies := make(chan *dbus.Call, maxCalls)
	asked := make(map[*dbus.Call]*Get, maxCalls)
	defer func() {
		for range asked {
			<-c.slots
		}
	}()
	next := 0
	for next < len(gets) || len(asked) > 0 {
		slots := c.slots
		if next == len(gets) {
			slots = nil
		}
		select {
		case slots <- struct{}{}:
			g := &gets[next]
			next++
			method, args := "Get", []any{g.Interface, g.Name}
			if g.Name == "" {
				method, args = "GetAll", []any{g.Interface}
			}
			call := c.bus.SendWithContext(ctx, message(dest, g.Path, Properties, method, 0, args...), replies)
			asked[call] = g
		case call := <-replies:
			g := asked[call]
			delete(asked, call)
			<-c.slots
			g.Err = c.convert(ctx, call.Err)
			if errors.Is(g.Err, ErrClosed) {
				return g.Err
			}
			if g.Err == nil && len(call.Body) == 1 {
				g.Value = plain(call.Body[0])
				g.Sequence = uint64(call.ResponseSequence)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (c *Conn) convert(ctx context.Context, err error) error {
	var reply dbus.Error
	var format dbus.FormatError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &reply):
		e := &Error{Name: reply.Name}
		if len(reply.Body) > 0 {
			e.Message, _ = reply.Body[0].(string)
		}
		return e
	case ctx.Err() != nil:
		return ctx.Err()
	case c.bus.Context().Err() != nil, errors.Is(err, ErrClosed), errors.Is(err, dbus.ErrClosed), errors.Is(err, io.EOF):
		return ErrClosed
	case errors.As(err, &format):
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	default:
		return err
	}
}

// message builds a method call. The library's own way drops the flag for
// interactive authorization (Object.createCall of godbus v5.2.2).
func message(dest, path, iface, method string, flags dbus.Flags, args ...any) *dbus.Message {
	headers := map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath(path)),
		dbus.FieldInterface: dbus.MakeVariant(iface),
		dbus.FieldMember:    dbus.MakeVariant(method),
	}
	if dest != "" {
		headers[dbus.FieldDestination] = dbus.MakeVariant(dest)
	}
	body := make([]any, len(args))
	for i, arg := range args {
		body[i] = wire(arg)
	}
	if len(body) > 0 {
		headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	return &dbus.Message{Type: dbus.TypeMethodCall, Flags: flags, Headers: headers, Body: body}
}

type wireProperty struct {
	Name  string
	Value dbus.Variant
}

// auxiliary is a unit to make beside the main one: (sa(sv)), of which this
// package always sends none.
type auxiliary struct {
	Name       string
	Properties []wireProperty
}

// Auxiliary is the empty list of auxiliary units that StartTransientUnit
// wants.
type Auxiliary struct{}

func wire(arg any) any {
	switch arg := arg.(type) {
	case []Property:
		list := make([]wireProperty, len(arg))
		for i, p := range arg {
			list[i] = wireProperty{p.Name, dbus.MakeVariant(p.Value)}
		}
		return list
	case Auxiliary:
		return []auxiliary{}
	}
	return arg
}

// CheckValue tells whether a Go value has a D-Bus type.
func CheckValue(value any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%T has no D-Bus type", value)
		}
	}()
	dbus.SignatureOf(value)
	return nil
}

// plain turns what the library decoded into plain Go values: variants are
// unwrapped, object paths are strings.
func plain(v any) any {
	switch v := v.(type) {
	case dbus.Variant:
		return plain(v.Value())
	case dbus.ObjectPath:
		return string(v)
	case map[string]dbus.Variant:
		m := make(map[string]any, len(v))
		for name, value := range v {
			m[name] = plain(value)
		}
		return m
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
		return v
	case [][]any:
		for i := range v {
			plain(v[i])
		}
		return v
	}
	return v
}

// handler hands signals over in the goroutine that reads them. The library's
// own handlers start a goroutine for each signal that a full channel cannot
// take, which reorders them, or queue without bound.
type handler struct{ on func(Signal) }

func (h handler) DeliverSignal(iface, member string, s *dbus.Signal) {
	if h.on != nil {
		for i := range s.Body {
			s.Body[i] = plain(s.Body[i])
		}
		h.on(Signal{Path: string(s.Path), Name: s.Name, Body: s.Body, Sequence: uint64(s.Sequence)})
	}
}
