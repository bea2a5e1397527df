package unitstest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/hubhost/hubhost/units"
)

const (
	service    = "org.freedesktop.systemd1"
	root       = "/org/freedesktop/systemd1"
	manager    = service + ".Manager"
	properties = "org.freedesktop.DBus.Properties"
)

// Options say how the fake behaves. The zero Options are a well-behaved
// manager that does everything at once.
type Options struct {
	// Bus, if set, is the bus to serve on. Without one, only [Fake.Config]
	// reaches the fake.
	Bus *Bus

	// Latency passes before the manager acts on a call and replies. Calls do
	// not wait for one another.
	Latency time.Duration

	// JobTime passes between the reply to a call that makes a job and the
	// end of the job.
	JobTime time.Duration

	// OnCall, if set, is asked before every call of a method of the manager.
	// An error is the reply in place of what the method does; an [*Error]
	// gives the reply its D-Bus name.
	OnCall func(Call) error

	// OnJob, if set, decides how each job ends.
	OnJob func(Job) Outcome
}

// Call is a call of one of the manager's methods.
type Call struct {
	Method string // such as "StartUnit"
	Unit   string // its first argument, if that is text
	Args   []any

	Interactive bool // the caller lets polkit ask for a password
}

// Error is an error reply.
type Error struct {
	Name    string // such as "org.freedesktop.systemd1.NoSuchUnit"
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Job is a job that a call made.
type Job struct {
	ID   uint32
	Type string // "start", "stop", "restart" or "reload"
	Unit string
}

// Outcome is how a job ends.
type Outcome struct {
	Result units.JobResult // empty is units.JobDone
	After  time.Duration   // beside Options.JobTime

	// Early ends the job, with its signal, before the reply that names it.
	Early bool
	// Late is how long after the end of the job its signal comes.
	Late time.Duration
	// Lost keeps the signal of the end of the job from being sent.
	Lost bool
}

// Unit is a unit of the fake.
type Unit struct {
	Name        string   // the full name; required
	Aliases     []string // other full names that calls may use; lists and signals have Name only
	Description string
	LoadState   units.LoadState   // empty is units.Loaded
	ActiveState units.ActiveState // empty is units.Inactive
	SubState    string            // empty is what fits a service in its ActiveState

	// Properties are those that the bus has beside the above, by systemd's
	// names, on whichever interface they are, of the Go type that fits theirs
	// on the bus: "MainPID": uint32(1), or []any for a structure. Those that
	// package units reads and are not given have values as a service that uses
	// nothing has them.
	Properties map[string]any

	announced map[string]any // what the signals so far said of them
}

// Fake is a service manager. Its methods may be called from any goroutine.
type Fake struct {
	options Options

	mu    sync.Mutex // held while a state changes and its signals and reply are sent
	units map[string]*Unit
	jobs  map[uint32]*job
	next  uint32
	calls []Call

	linksMu sync.Mutex
	links   map[*dbus.Conn]struct{}
	bus     *dbus.Conn
	closed  bool
	ctx     context.Context
	wg      sync.WaitGroup
}

type job struct {
	Job
	outcome Outcome
	timer   *time.Timer
}

// New returns a fake that lives until the test ends.
func New(t testing.TB, options Options) *Fake {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &Fake{
		options: options,
		units:   map[string]*Unit{},
		jobs:    map[uint32]*job{},
		links:   map[*dbus.Conn]struct{}{},
		ctx:     ctx,
	}
	t.Cleanup(func() {
		cancel()
		f.mu.Lock()
		for _, j := range f.jobs {
			j.timer.Stop()
		}
		f.mu.Unlock()
		f.linksMu.Lock()
		f.closed = true
		f.linksMu.Unlock()
		f.cut()
		f.wg.Wait()
	})
	if options.Bus != nil {
		if err := f.join(); err != nil {
			t.Fatalf("unitstest: serve on the bus: %v", err)
		}
		f.wg.Go(f.stay)
	}
	return f
}

// Config returns what connects a units.Manager to the fake: over its Bus if it
// has one, else directly.
func (f *Fake) Config() *units.Config {
	if f.options.Bus != nil {
		return &units.Config{Address: f.options.Bus.Address()}
	}
	return &units.Config{Private: true, Dial: f.Dial}
}

// Dial connects to the fake directly, as over systemd's private socket.
func (f *Fake) Dial(ctx context.Context) (io.ReadWriteCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	f.linksMu.Lock()
	defer f.linksMu.Unlock()
	if f.closed {
		return nil, net.ErrClosed
	}
	f.wg.Go(func() {
		behind, err := handshake(server)
		if err != nil {
			server.Close()
			return
		}
		conn, err := dbus.NewConn(&accepted{Conn: server, behind: behind, script: strings.NewReader("REJECTED ANONYMOUS\r\nOK 0\r\n")}, dbus.WithHandler(handler{f}))
		if err != nil {
			server.Close()
			return
		}
		f.linksMu.Lock()
		if f.closed {
			f.linksMu.Unlock()
			conn.Close()
			return
		}
		f.links[conn] = struct{}{}
		f.linksMu.Unlock()
		// From here on it is served.
		if conn.Auth([]dbus.Auth{dbus.AuthAnonymous()}) != nil {
			conn.Close()
		}
		<-conn.Context().Done()
		f.linksMu.Lock()
		delete(f.links, conn)
		f.linksMu.Unlock()
	})
	return client, nil
}

// join takes systemd's name on the bus.
func (f *Fake) join() error {
	conn, err := dbus.Dial(f.options.Bus.Address(), dbus.WithHandler(handler{f}))
	if err != nil {
		return err
	}
	if err = conn.Auth(nil); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return err
	}
	f.linksMu.Lock()
	if f.closed {
		f.linksMu.Unlock()
		conn.Close()
		return net.ErrClosed
	}
	f.links[conn] = struct{}{}
	f.bus = conn
	f.linksMu.Unlock()
	// Only now may anybody find it.
	_, err = conn.RequestName(service, dbus.NameFlagDoNotQueue)
	return err
}

// stay comes back to the bus when that was restarted, as systemd does.
func (f *Fake) stay() {
	for {
		f.linksMu.Lock()
		conn := f.bus
		f.linksMu.Unlock()
		select {
		case <-conn.Context().Done():
		case <-f.ctx.Done():
			return
		}
		f.linksMu.Lock()
		delete(f.links, conn)
		f.linksMu.Unlock()
		for f.ctx.Err() == nil && f.join() != nil {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-f.ctx.Done():
			}
		}
	}
}

// cut ends every connection.
func (f *Fake) cut() {
	f.linksMu.Lock()
	links := slices.Collect(maps.Keys(f.links))
	f.linksMu.Unlock()
	for _, conn := range links {
		conn.Close()
	}
}

// Restart is a restart of the manager: connections to it end, its name leaves
// the bus and comes back, and all jobs are forgotten. The units stay.
func (f *Fake) Restart() {
	f.mu.Lock()
	for _, j := range f.jobs {
		j.timer.Stop()
	}
	clear(f.jobs)
	f.mu.Unlock()
	f.cut()
}

// Calls returns the calls of a method of the manager so far, such as
// "StartUnit"; with an empty name, of every method.
func (f *Fake) Calls(method string) []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var calls []Call
	for _, c := range f.calls {
		if method == "" || c.Method == method {
			calls = append(calls, c)
		}
	}
	return calls
}

// Add loads units, and announces each as systemd does. It panics if a name is
// not the full name of a unit.
func (f *Fake) Add(list ...Unit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range list {
		if !units.IsName(u.Name) {
			panic("unitstest: not the full name of a unit: " + u.Name)
		}
		u.Properties = maps.Clone(u.Properties)
		f.units[u.Name] = u.withDefaults()
		f.emit(root, manager+".UnitNew", u.Name, unitPath(u.Name))
	}
}

// Remove unloads a unit.
func (f *Fake) Remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(name)
}

func (f *Fake) remove(name string) {
	delete(f.units, name)
	f.emit(root, manager+".UnitRemoved", name, unitPath(name))
}

// Unit returns a unit as it is now; false if it is not loaded.
func (f *Fake) Unit(name string) (Unit, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.units[name]
	if !ok {
		return Unit{}, false
	}
	copied := *u
	copied.Properties, copied.announced = maps.Clone(u.Properties), nil
	return copied, true
}

// Change changes a unit and announces it: first the properties of its type,
// then those that all units have. It panics if there is no such unit.
func (f *Fake) Change(name string, change func(*Unit)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change(name, change)
}

// ChangeReordered is Change with the two signals in the wrong order.
func (f *Fake) ChangeReordered(name string, change func(*Unit)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.apply(name, change)
	f.announceUnit(u)
	f.announceType(u)
}

// ChangeQuietly is Change without a signal, as if that was lost, or for
// properties that systemd does not announce, such as limits.
func (f *Fake) ChangeQuietly(name string, change func(*Unit)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apply(name, change)
}

// Reload announces that the manager has read all units anew: it drops all of
// them, as systemd does, and loads them again.
func (f *Fake) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reload()
}

func (f *Fake) reload() {
	f.emit(root, manager+".Reloading", true)
	for _, signal := range []string{".UnitRemoved", ".UnitNew"} {
		for name := range f.units {
			f.emit(root, manager+signal, name, unitPath(name))
		}
	}
	f.emit(root, manager+".Reloading", false)
}

// find returns a loaded unit by its name or an alias, nil if there is none.
func (f *Fake) find(name string) *Unit {
	if u, ok := f.units[name]; ok {
		return u
	}
	for _, u := range f.units {
		if slices.Contains(u.Aliases, name) {
			return u
		}
	}
	return nil
}

// FinishJob sends the signal of the end of a job, whether there is one or not.
func (f *Fake) FinishJob(id uint32, unit string, result units.JobResult) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.emit(root, manager+".JobRemoved", id, jobPath(id), unit, string(result))
}

func (f *Fake) change(name string, change func(*Unit)) {
	u := f.apply(name, change)
	f.announceType(u)
	f.announceUnit(u)
}

func (f *Fake) apply(name string, change func(*Unit)) *Unit {
	u, ok := f.units[name]
	if !ok {
		panic("unitstest: no unit " + name)
	}
	active, sub := u.ActiveState, u.SubState
	change(u)
	now := uint64(time.Now().UnixMicro())
	if u.ActiveState != active || u.SubState != sub {
		u.Properties["StateChangeTimestamp"] = now
	}
	if u.ActiveState == units.Active && active != units.Active {
		u.Properties["ActiveEnterTimestamp"] = now
	}
	return u
}

// The properties that systemd puts into its signals.
var (
	announcedUnit = []string{"InvocationID", "StateChangeTimestamp", "ActiveEnterTimestamp"}
	announcedType = []string{"MainPID", "Result", "NRestarts", "StatusText", "ExecMainCode", "ExecMainStatus", "ExecMainExitTimestamp"}
)

// announceType sends the properties of the type.
func (f *Fake) announceType(u *Unit) {
	if changed := u.news(announcedType); len(changed) > 0 {
		f.emit(unitPath(u.Name), properties+".PropertiesChanged", typeInterface(u.Name), changed, []string{})
	}
}

// announceUnit sends the states, and what else all units have.
func (f *Fake) announceUnit(u *Unit) {
	changed := u.news(announcedUnit)
	changed["ActiveState"] = dbus.MakeVariant(string(u.ActiveState))
	changed["SubState"] = dbus.MakeVariant(u.SubState)
	f.emit(unitPath(u.Name), properties+".PropertiesChanged", service+".Unit", changed, []string{})
}

// news are the properties among names that are other than when this was last
// asked, at first all. systemd sends all of them every time; to do the same in
// Go takes longer than all else that the fake does.
func (u *Unit) news(names []string) map[string]dbus.Variant {
	changed := map[string]dbus.Variant{}
	for _, name := range names {
		value := u.Properties[name]
		if before, ok := u.announced[name]; ok && reflect.DeepEqual(before, value) {
			continue
		}
		u.announced[name] = value
		changed[name] = dbus.MakeVariant(value)
	}
	return changed
}

func (f *Fake) emit(at dbus.ObjectPath, name string, values ...any) {
	f.linksMu.Lock()
	links := slices.Collect(maps.Keys(f.links))
	f.linksMu.Unlock()
	for _, conn := range links {
		// Whoever is gone misses it.
		_ = conn.Emit(at, name, values...)
	}
}

func (u Unit) withDefaults() *Unit {
	if u.Description == "" {
		u.Description = u.Name
	}
	if u.LoadState == "" {
		u.LoadState = units.Loaded
	}
	if u.ActiveState == "" {
		u.ActiveState = units.Inactive
	}
	if u.SubState == "" {
		u.SubState = map[units.ActiveState]string{units.Active: "running", units.Inactive: "dead", units.Failed: "failed"}[u.ActiveState]
	}
	values := map[string]any{
		"UnitFileState": "static", "LoadError": []any{"", ""}, "NeedDaemonReload": false,
		"InvocationID": []byte{}, "StateChangeTimestamp": uint64(0), "ActiveEnterTimestamp": uint64(0),
		"ControlGroup": "", "Slice": "system.slice", "MainPID": uint32(0), "Result": "success",
		"ExecMainCode": int32(0), "ExecMainStatus": int32(0), "ExecMainExitTimestamp": uint64(0),
		"NRestarts": uint32(0), "StatusText": "", "WorkingDirectory": "", "User": "", "ExecStart": []execStart{},
		"MemoryCurrent": none, "CPUUsageNSec": none, "TasksCurrent": none,
		"MemoryMax": none, "MemoryHigh": none, "CPUQuotaPerSecUSec": none, "CPUWeight": none,
		"TasksMax": uint64(4915), "IOWeight": none,
	}
	maps.Copy(values, u.Properties)
	u.Properties, u.announced = values, map[string]any{}
	return &u
}

const none = ^uint64(0)

type execStart struct {
	Path                       string
	Argv                       []string
	Ignore                     bool
	Start, StartM, Stop, StopM uint64
	PID                        uint32
	Code, Status               int32
}

func newInvocation() []byte {
	id := make([]byte, 16)
	rand.Read(id)
	return id
}

func unitPath(name string) dbus.ObjectPath {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && i > 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return dbus.ObjectPath(root + "/unit/" + b.String())
}

func jobPath(id uint32) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf("%s/job/%d", root, id))
}

func typeInterface(name string) string {
	suffix := path.Ext(name)[1:]
	return service + "." + strings.ToUpper(suffix[:1]) + suffix[1:]
}
