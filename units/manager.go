package units

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hubhost/hubhost/units/internal/sdbus"
)

// Config says how to reach a service manager. The zero Config is the system
// bus of this host.
type Config struct {
	// Address is a D-Bus address: unix:path=, unix:abstract= or tcp:host=,port=,
	// or several joined by semicolons. Empty is
	// unix:path=/run/dbus/system_bus_socket, or with Private
	// unix:path=/run/systemd/private.
	Address string

	// Private means that Address is systemd's own socket and not a bus. It
	// is for root only, needs no dbus-daemon and costs about half per call;
	// systemd ends the connection when it executes itself anew, where one
	// over the bus stays.
	Private bool

	// Dial, if set, is called in place of connecting to Address, for every
	// attempt; see [SSH]. Its context ends with the attempt, and it must
	// return then. Closing what it returns must unblock Read and Write.
	Dial func(ctx context.Context) (io.ReadWriteCloser, error)

	// Interactive lets polkit ask for a password where an operation needs
	// one. Without it, such an operation is refused at once.
	Interactive bool

	// Timeout limits each attempt to connect, and how long a call waits for
	// a connection that was lost, or a manager that left its bus, to come
	// back. Zero is 10 seconds. Calls themselves are limited by their context
	// only.
	Timeout time.Duration
}

func (c Config) withDefaults() Config {
	if c.Address == "" {
		c.Address = "unix:path=/run/dbus/system_bus_socket"
		if c.Private {
			c.Address = "unix:path=/run/systemd/private"
		}
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	return c
}

// Manager is a service manager: systemd's PID 1, or the manager of a user.
// Its methods may be called from any goroutine.
type Manager struct {
	config Config
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	ended  chan struct{} // closed when the owner goroutine has returned
	epochs atomic.Uint64

	mu       sync.Mutex
	session  *session      // nil while there is no connection
	changed  chan struct{} // closed and replaced whenever session changes
	lastErr  error         // why there is no session
	watchers map[*watcher]struct{}
}

// Connect connects to a service manager; a nil config is the system bus. The
// context limits the attempt and not the life of the connection, which ends
// with [Manager.Close]. The error is an [*Error]: it matches ErrNoManager if
// there is no bus or no systemd on it, and fs.ErrPermission if the socket
// refuses the caller.
func Connect(ctx context.Context, config *Config) (*Manager, error) {
	m := &Manager{
		ended:    make(chan struct{}),
		changed:  make(chan struct{}),
		watchers: map[*watcher]struct{}{},
	}
	if config != nil {
		m.config = *config
	}
	m.config = m.config.withDefaults()
	m.ctx, m.cancel = context.WithCancel(context.Background())
	s, err := m.dial(ctx)
	if err != nil {
		m.cancel()
		return nil, connectError(ctx, err)
	}
	m.session = s
	go m.own(s)
	return m, nil
}

func connectError(ctx context.Context, err error) error {
	e := &Error{Op: "connect", Err: err}
	var reply *sdbus.Error
	switch {
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.As(err, &reply):
		e.Name, e.Message, e.Err = reply.Name, reply.Message, replyCause(reply.Name)
		if errors.Is(e.Err, ErrConnectionLost) {
			e.Err = ErrNoManager
		}
	case errors.Is(err, fs.ErrPermission):
	default:
		e.Err = fmt.Errorf("%w: %w", ErrNoManager, err)
	}
	return e
}

// Close ends the connection, every call that waits (with ErrClosed) and every
// watch. It returns when all goroutines of the Manager have ended.
func (m *Manager) Close() {
	m.cancel()
	<-m.ended
}

// session is one connection and the jobs that are waited for on it.
type session struct {
	epoch uint64 // counts sessions
	conn  *sdbus.Conn
	jobs  jobTable
	dead  chan struct{} // closed when err is set
	err   error

	// news holds a token when something happened which the signals of single
	// units do not show: the manager has another place on the bus, or has read
	// its units anew.
	news chan struct{}

	// Guarded by Manager.mu.
	owners int  // how often the manager's name on the bus changed hands
	absent bool // it belongs to nobody now
	away   bool // absent, or back and not asked for signals yet

	// Only the goroutine that reads the connection has to do with this.
	reloading bool
}

// dial connects, subscribes and makes sure that a manager answers. A full
// queue of the private socket is EAGAIN, which a moment later is not.
func (m *Manager) dial(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, m.config.Timeout)
	defer cancel()
	for pause := backoffMin; ; pause = min(2*pause, backoffMax) {
		s, err := m.dialOnce(ctx)
		if !errors.Is(err, syscall.EAGAIN) {
			return s, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (m *Manager) dialOnce(ctx context.Context) (*session, error) {
	s := &session{epoch: m.epochs.Add(1), dead: make(chan struct{}), news: make(chan struct{}, 1)}
	s.jobs.init()
	conn, err := sdbus.Dial(ctx, sdbus.Options{
		Address:  m.config.Address,
		Dial:     m.config.Dial,
		Direct:   m.config.Private,
		OnSignal: func(signal sdbus.Signal) { m.onSignal(s, signal) },
	})
	if err != nil {
		return nil, err
	}
	s.conn = conn
	if err := s.subscribe(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// The signals that every session needs. Those of single units are asked for
// by watches only.
var managerRules = []string{
	"type='signal',sender='" + sdbus.Service + "',interface='" + sdbus.Manager + "'",
	"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" + sdbus.Service + "'",
}

const unitRule = "type='signal',sender='" + sdbus.Service + "',interface='" + sdbus.Properties +
	"',member='PropertiesChanged',path_namespace='" + sdbus.UnitPath + "'"

func (s *session) subscribe(ctx context.Context) error {
	if !s.conn.Direct() {
		for _, rule := range managerRules {
			if _, err := s.conn.CallBus(ctx, "AddMatch", rule); err != nil {
				return err
			}
		}
	}
	return s.resubscribe(ctx)
}

// resubscribe asks the manager for signals. It remembers who asked even when
// it executes itself anew, and then says so.
func (s *session) resubscribe(ctx context.Context) error {
	_, err := s.conn.Call(ctx, sdbus.RootPath, sdbus.Manager, "Subscribe", false)
	var reply *sdbus.Error
	if errors.As(err, &reply) && reply.Name == "org.freedesktop.systemd1.AlreadySubscribed" {
		return nil
	}
	return err
}

const (
	backoffMin = 20 * time.Millisecond
	backoffMax = 2 * time.Second
)

// own is the goroutine that keeps the connection until Close.
func (m *Manager) own(s *session) {
	defer close(m.ended)
	var pause time.Duration
	for {
		began := time.Now()
		err := m.attend(s)
		s.conn.Close()
		m.lose(s, err)
		// A connection that ends as soon as it is made is one more failure.
		if time.Since(began) > backoffMax {
			pause = 0
		}
		for s = nil; s == nil; {
			select {
			case <-time.After(pause):
			case <-m.ctx.Done():
				return
			}
			pause = min(max(2*pause, backoffMin), backoffMax)
			if s, err = m.dial(m.ctx); err != nil {
				m.mu.Lock()
				m.lastErr = err
				m.mu.Unlock()
			}
		}
		m.gain(s)
	}
}

// attend stays with a session until it is over and returns why.
func (m *Manager) attend(s *session) error {
	seen := 0 // of s.owners
	// While the manager is off the bus, this limits for how long.
	var absence <-chan time.Time
	for {
		select {
		case <-m.ctx.Done():
			return ErrClosed
		case <-s.conn.Done():
			return s.conn.Err()
		case <-absence:
			return ErrNoManager
		case <-s.news:
		}
		m.mu.Lock()
		owners, absent := s.owners, s.absent
		m.mu.Unlock()
		switch {
		case owners == seen:
		case absent:
			absence = time.After(m.config.Timeout)
			seen = owners
			continue
		default:
			absence = nil
			seen = owners
			if back, err := m.welcome(s, owners); err != nil {
				return err
			} else if !back {
				continue
			}
		}
		s.jobs.recheck()
		m.notify(rawEvent{kind: rawResync})
	}
}

// welcome asks a manager that is back on the bus for signals. It returns false
// if it has left again.
func (m *Manager) welcome(s *session, owners int) (back bool, err error) {
	ctx, cancel := context.WithTimeout(m.ctx, m.config.Timeout)
	defer cancel()
	err = s.resubscribe(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.owners != owners {
		return false, nil
	}
	if err == nil {
		s.away = false
		m.signalChange()
	}
	return true, err
}

// lose ends a session: whoever waits on it is told.
func (m *Manager) lose(s *session, cause error) {
	err := error(&lost{cause})
	if m.ctx.Err() != nil {
		err = ErrClosed
	}
	m.mu.Lock()
	m.session, m.lastErr = nil, cause
	s.err = err
	close(s.dead)
	m.signalChange()
	m.mu.Unlock()
	m.notify(rawEvent{kind: rawLost, err: err})
}

func (m *Manager) gain(s *session) {
	m.mu.Lock()
	m.session, m.lastErr = s, nil
	m.signalChange()
	m.mu.Unlock()
	m.notify(rawEvent{kind: rawResync})
}

func (m *Manager) signalChange() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// current returns the session, waiting for one if the connection was lost, and
// for the manager if that is off the bus.
func (m *Manager) current(ctx context.Context) (*session, error) {
	var limit <-chan time.Time
	for {
		m.mu.Lock()
		s, changed, cause := m.session, m.changed, m.lastErr
		away := s != nil && s.away
		m.mu.Unlock()
		if away {
			cause = ErrNoManager
		}
		switch {
		case m.ctx.Err() != nil:
			return nil, ErrClosed
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case s != nil && !away:
			return s, nil
		}
		if limit == nil {
			timer := time.NewTimer(m.config.Timeout)
			defer timer.Stop()
			limit = timer.C
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-m.ctx.Done():
		case <-limit:
			return nil, &lost{cause}
		}
	}
}

// call calls a method of the manager.
func (m *Manager) call(ctx context.Context, method string, args ...any) ([]any, error) {
	s, err := m.current(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := s.call(ctx, m.config.Interactive, method, args...)
	return reply.Body, err
}

func (s *session) call(ctx context.Context, interactive bool, method string, args ...any) (sdbus.Reply, error) {
	reply, err := s.conn.Call(ctx, sdbus.RootPath, sdbus.Manager, method, interactive, args...)
	return reply, s.explain(err)
}

// explain replaces the bare "closed" of a connection by why it is.
func (s *session) explain(err error) error {
	if !errors.Is(err, sdbus.ErrClosed) {
		return err
	}
	// The owner is about to say.
	<-s.dead
	return s.err
}

// getMany reads properties side by side.
func (m *Manager) getMany(ctx context.Context, gets []sdbus.Get) error {
	s, err := m.current(ctx)
	if err != nil {
		return err
	}
	return s.explain(s.conn.GetMany(ctx, gets))
}

// onSignal runs on the goroutine that reads the connection.
func (m *Manager) onSignal(s *session, signal sdbus.Signal) {
	switch signal.Name {
	case sdbus.Manager + ".JobRemoved":
		var id uint32
		var path, unit, result string
		if !arguments(signal.Body, &id, &path, &unit, &result) {
			return
		}
		s.jobs.removed(path, JobResult(result))
		m.notify(rawEvent{kind: rawJob, unit: unit, job: id, result: JobResult(result)})
	case sdbus.Manager + ".JobNew":
		var id uint32
		var path, unit string
		if arguments(signal.Body, &id, &path, &unit) {
			s.jobs.added(id, unit)
		}
	case sdbus.Manager + ".UnitRemoved":
		var unit string
		// To read its units anew, systemd drops all of them first, and says so.
		if arguments(signal.Body, &unit) && !s.reloading {
			m.notify(rawEvent{kind: rawRemoved, unit: unit, at: s.moment(signal.Sequence)})
		}
	case sdbus.Manager + ".Reloading":
		if arguments(signal.Body, &s.reloading) && !s.reloading {
			s.tell()
		}
	case "org.freedesktop.DBus.NameOwnerChanged":
		var name, before, now string
		if !arguments(signal.Body, &name, &before, &now) || name != sdbus.Service {
			return
		}
		// What comes from now on is of another process.
		s.reloading = false
		m.mu.Lock()
		s.owners++
		s.absent, s.away = now == "", true
		m.mu.Unlock()
		s.tell()
	case sdbus.Properties + ".PropertiesChanged":
		m.propertiesChanged(s, signal)
	}
}

// tell wakes the owner.
func (s *session) tell() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// notify hands a raw event to every watcher.
func (m *Manager) notify(ev rawEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.watchers {
		w.push(ev)
	}
}

// arguments stores the leading values of a message's body, if they are of
// the types that are expected.
func arguments(body []any, to ...any) bool {
	if len(body) < len(to) {
		return false
	}
	for i, target := range to {
		var ok bool
		switch target := target.(type) {
		case *string:
			*target, ok = body[i].(string)
		case *uint32:
			*target, ok = body[i].(uint32)
		case *bool:
			*target, ok = body[i].(bool)
		}
		if !ok {
			return false
		}
	}
	return true
}
