package unitstest

import (
	"errors"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/hubhost/hubhost/units"
)

// handler answers every call on every object itself: the objects come and go.
type handler struct{ f *Fake }

func (h handler) LookupObject(dbus.ObjectPath) (dbus.ServerObject, bool) { return h, true }
func (h handler) LookupInterface(string) (dbus.Interface, bool)          { return h, true }
func (h handler) LookupMethod(string) (dbus.Method, bool)                { return method(h), true }

// method takes the message over in DecodeArguments, where the library gives
// it away, and replies by itself: so that a reply and the signals around it
// are sent in an order that the fake decides.
type method struct{ f *Fake }

func (method) NumArguments() int     { return 0 }
func (method) NumReturns() int       { return 0 }
func (method) ArgumentValue(int) any { return nil }
func (method) ReturnValue(int) any   { return nil }
func (method) Call(...any) ([]any, error) {
	return nil, nil
}

func (m method) DecodeArguments(conn *dbus.Conn, sender string, msg *dbus.Message, args []any) ([]any, error) {
	wanted := msg.Flags&dbus.FlagNoReplyExpected == 0
	msg.Flags |= dbus.FlagNoReplyExpected
	header := func(field dbus.HeaderField) string {
		switch v := msg.Headers[field].Value().(type) {
		case string:
			return v
		case dbus.ObjectPath:
			return string(v)
		}
		return ""
	}
	r := request{
		f: m.f, conn: conn, sender: sender, serial: msg.Serial(), wanted: wanted,
		interactive: msg.Flags&dbus.FlagAllowInteractiveAuthorization != 0,
		path:        header(dbus.FieldPath), iface: header(dbus.FieldInterface), method: header(dbus.FieldMember), args: args,
	}
	r.serve()
	return nil, nil
}

type request struct {
	f                   *Fake
	conn                *dbus.Conn
	sender              string
	serial              uint32
	wanted, interactive bool
	path, iface, method string
	args                []any
	replied             bool
}

func (r *request) serve() {
	f := r.f
	if r.iface == manager && f.options.Latency > 0 {
		select {
		case <-time.After(f.options.Latency):
		case <-f.ctx.Done():
			return
		}
	}
	var refusal error
	if r.iface == manager {
		call := Call{Method: r.method, Unit: text(r.args, 0), Args: r.args, Interactive: r.interactive}
		f.mu.Lock()
		f.calls = append(f.calls, call)
		f.mu.Unlock()
		if f.options.OnCall != nil {
			refusal = f.options.OnCall(call)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case refusal != nil:
		r.fail(refusal)
	case r.iface == manager:
		r.manager()
	case r.iface == properties:
		r.properties()
	default:
		r.fail(&Error{"org.freedesktop.DBus.Error.UnknownMethod", "Unknown method " + r.method})
	}
}

func (r *request) reply(values ...any) {
	r.send(dbus.TypeMethodReply, nil, values)
}

func (r *request) fail(err error) {
	e := &Error{"org.freedesktop.DBus.Error.Failed", err.Error()}
	errors.As(err, &e)
	r.send(dbus.TypeError, map[dbus.HeaderField]dbus.Variant{dbus.FieldErrorName: dbus.MakeVariant(e.Name)}, []any{e.Message})
}

func (r *request) send(kind dbus.Type, headers map[dbus.HeaderField]dbus.Variant, body []any) {
	if !r.wanted || r.replied {
		return
	}
	r.replied = true
	if headers == nil {
		headers = map[dbus.HeaderField]dbus.Variant{}
	}
	headers[dbus.FieldReplySerial] = dbus.MakeVariant(r.serial)
	if r.sender != "" {
		headers[dbus.FieldDestination] = dbus.MakeVariant(r.sender)
	}
	if len(body) > 0 {
		headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	r.conn.Send(&dbus.Message{Type: kind, Headers: headers, Body: body}, nil)
}

func text(args []any, i int) string {
	if i >= len(args) {
		return ""
	}
	s, _ := args[i].(string)
	return s
}

func noSuchUnit(name string) error {
	return &Error{"org.freedesktop.systemd1.NoSuchUnit", "Unit " + name + " not found."}
}

type listed struct {
	Name, Description, Load, Active, Sub, Following string
	Path                                            dbus.ObjectPath
	Job                                             uint32
	JobType                                         string
	JobPath                                         dbus.ObjectPath
}

type fileChange struct{ Type, Path, Target string }

var jobTypes = map[string]string{
	"StartUnit": "start", "StopUnit": "stop", "RestartUnit": "restart", "TryRestartUnit": "restart",
	"ReloadUnit": "reload", "ReloadOrRestartUnit": "reload",
}

func (r *request) manager() {
	f, name := r.f, text(r.args, 0)
	switch r.method {
	case "Subscribe", "Unsubscribe":
		r.reply()
	case "Reload":
		f.reload()
		r.reply()
	case "ListUnitsByPatterns":
		r.list()
	case "CancelJob":
		id, _ := r.args[0].(uint32)
		j, ok := f.jobs[id]
		if !ok {
			r.fail(&Error{"org.freedesktop.systemd1.NoSuchJob", "Job " + strconv.Itoa(int(id)) + " does not exist."})
			return
		}
		f.end(j, units.JobCanceled)
		r.reply()
	case "StartUnit", "StopUnit", "RestartUnit", "TryRestartUnit", "ReloadUnit", "ReloadOrRestartUnit":
		u := f.find(name)
		switch {
		case u == nil:
			r.fail(noSuchUnit(name))
		case u.LoadState == units.Masked:
			r.fail(&Error{"org.freedesktop.systemd1.UnitMasked", "Unit " + name + " is masked."})
		default:
			r.job(jobTypes[r.method], u.Name)
		}
	case "StartTransientUnit":
		if f.find(name) != nil {
			r.fail(&Error{"org.freedesktop.systemd1.UnitExists", "Unit " + name + " already exists."})
			return
		}
		u := Unit{Name: name, Properties: map[string]any{"UnitFileState": "transient"}}.withDefaults()
		set(u, r.args[2])
		f.units[name] = u
		f.emit(root, manager+".UnitNew", name, unitPath(name))
		r.job("start", name)
	case "SetUnitProperties":
		u := f.find(name)
		if u == nil {
			r.fail(noSuchUnit(name))
			return
		}
		set(u, r.args[2])
		r.reply()
	case "KillUnit", "FreezeUnit", "ThawUnit", "ResetFailedUnit":
		u := f.find(name)
		if u == nil {
			r.fail(noSuchUnit(name))
			return
		}
		if r.method == "ResetFailedUnit" && u.ActiveState == units.Failed {
			f.change(u.Name, func(u *Unit) { u.ActiveState, u.SubState = units.Inactive, "dead" })
			if u.Properties["UnitFileState"] == "transient" {
				f.remove(u.Name)
			}
		}
		r.reply()
	case "EnableUnitFiles", "DisableUnitFiles":
		changes := []fileChange{}
		names, _ := r.args[0].([]string)
		for _, name := range names {
			if f.find(name) == nil {
				r.fail(&Error{"org.freedesktop.DBus.Error.FileNotFound", "Unit file " + name + " does not exist."})
				return
			}
			link := "/etc/systemd/system/multi-user.target.wants/" + name
			if r.method == "EnableUnitFiles" {
				changes = append(changes, fileChange{"symlink", link, "/lib/systemd/system/" + name})
			} else {
				changes = append(changes, fileChange{"unlink", link, ""})
			}
		}
		if r.method == "EnableUnitFiles" {
			r.reply(true, changes)
		} else {
			r.reply(changes)
		}
	default:
		r.fail(&Error{"org.freedesktop.DBus.Error.UnknownMethod", "Unknown method " + r.method})
	}
}

// set applies a(sv), as the library decodes it.
func set(u *Unit, list any) {
	rows, _ := list.([][]any)
	for _, row := range rows {
		name, _ := row[0].(string)
		value, ok := row[1].(dbus.Variant)
		switch text, isText := value.Value().(string); {
		case name == "Description" && isText:
			u.Description = text
		case ok:
			u.Properties[name] = value.Value()
		}
	}
}

func (r *request) list() {
	states, _ := r.args[0].([]string)
	patterns, _ := r.args[1].([]string)
	rows := []listed{}
	for name, u := range r.f.units {
		fits := len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
			ok, _ := path.Match(strings.ReplaceAll(p, `\`, `\\`), name)
			return ok
		})
		in := len(states) == 0 || slices.ContainsFunc(states, func(s string) bool {
			return s == string(u.LoadState) || s == string(u.ActiveState) || s == u.SubState
		})
		if !fits || !in {
			continue
		}
		row := listed{
			Name: name, Description: u.Description, Load: string(u.LoadState), Active: string(u.ActiveState), Sub: u.SubState,
			Path: unitPath(name), JobPath: "/",
		}
		if j := r.f.jobOf(name); j != nil {
			row.Job, row.JobType, row.JobPath = j.ID, j.Type, jobPath(j.ID)
		}
		rows = append(rows, row)
	}
	r.reply(rows)
}

func (f *Fake) jobOf(unit string) *job {
	for _, j := range f.jobs {
		if j.Unit == unit {
			return j
		}
	}
	return nil
}

// job makes a job. One of the same type that is under way is joined, and one
// of another type is cancelled.
func (r *request) job(kind, name string) {
	f := r.f
	if old := f.jobOf(name); old != nil {
		if old.Type == kind {
			r.reply(jobPath(old.ID))
			return
		}
		f.end(old, units.JobCanceled)
	}
	f.next++
	j := &job{Job: Job{ID: f.next, Type: kind, Unit: name}}
	if f.options.OnJob != nil {
		j.outcome = f.options.OnJob(j.Job)
	}
	if j.outcome.Result == "" {
		j.outcome.Result = units.JobDone
	}
	f.jobs[j.ID] = j
	f.emit(root, manager+".JobNew", j.ID, jobPath(j.ID), name)
	if j.outcome.Early {
		f.end(j, j.outcome.Result)
		r.reply(jobPath(j.ID))
		return
	}
	r.reply(jobPath(j.ID))
	if delay := f.options.JobTime + j.outcome.After; delay > 0 {
		if kind != "reload" && kind != "stop" {
			f.change(name, func(u *Unit) { u.ActiveState, u.SubState = units.Activating, "start" })
		}
		j.timer = time.AfterFunc(delay, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.jobs[j.ID] == j {
				f.end(j, j.outcome.Result)
			}
		})
		return
	}
	f.end(j, j.outcome.Result)
}

// end ends a job: what it does to its unit, and then its signal.
func (f *Fake) end(j *job, result units.JobResult) {
	delete(f.jobs, j.ID)
	if j.timer != nil {
		j.timer.Stop()
	}
	if u := f.units[j.Unit]; u != nil {
		f.settle(u, j.Type, result)
	}
	announce := func() {
		f.emit(root, manager+".JobRemoved", j.ID, jobPath(j.ID), j.Unit, string(result))
	}
	switch {
	case j.outcome.Lost:
	case j.outcome.Late > 0:
		time.AfterFunc(j.outcome.Late, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			announce()
		})
	default:
		announce()
	}
}

// settle is what a job that has ended did to its unit.
func (f *Fake) settle(u *Unit, kind string, result units.JobResult) {
	switch {
	case result == units.JobCanceled && u.ActiveState == units.Activating:
		f.change(u.Name, func(u *Unit) { u.ActiveState, u.SubState = units.Inactive, "dead" })
	case result == units.JobFailed || result == units.JobTimeout:
		f.change(u.Name, func(u *Unit) {
			u.ActiveState, u.SubState = units.Failed, "failed"
			if u.Properties["Result"] == "success" {
				u.Properties["Result"] = "exit-code"
				u.Properties["ExecMainCode"], u.Properties["ExecMainStatus"] = int32(1), int32(1)
			}
			u.Properties["MainPID"] = uint32(0)
		})
	case result != units.JobDone || kind == "reload":
	case kind == "stop":
		transient := u.Properties["UnitFileState"] == "transient"
		f.change(u.Name, func(u *Unit) {
			u.ActiveState, u.SubState = units.Inactive, "dead"
			u.Properties["MainPID"] = uint32(0)
		})
		if transient {
			f.remove(u.Name)
		}
	case kind == "start" && u.ActiveState == units.Active:
	default:
		f.change(u.Name, func(u *Unit) {
			u.ActiveState, u.SubState = units.Active, "running"
			u.Properties["InvocationID"] = newInvocation()
			u.Properties["MainPID"] = 1000 + f.next
			u.Properties["Result"] = "success"
			u.Properties["ExecMainCode"], u.Properties["ExecMainStatus"] = int32(0), int32(0)
			u.Properties["ControlGroup"] = "/system.slice/" + u.Name
		})
	}
}

func (r *request) properties() {
	iface, name := text(r.args, 0), text(r.args, 1)
	var values map[string]any
	switch {
	case r.path == root:
		values = map[string]any{"DefaultTasksMax": uint64(4915), "Version": "252 (unitstest)"}
	case strings.HasPrefix(r.path, root+"/job/"):
		id, _ := strconv.ParseUint(strings.TrimPrefix(r.path, root+"/job/"), 10, 32)
		j, ok := r.f.jobs[uint32(id)]
		if !ok {
			r.fail(&Error{"org.freedesktop.DBus.Error.UnknownObject", "Unknown object '" + r.path + "'."})
			return
		}
		values = map[string]any{"State": "running", "JobType": j.Type, "Id": j.ID}
	default:
		u := r.f.unitAt(r.path)
		if u == nil {
			// systemd loads a unit that is asked for, and finds nothing.
			name, _ := url.PathUnescape(strings.ReplaceAll(path.Base(r.path), "_", "%"))
			u = Unit{Name: name, LoadState: units.NotFound}.withDefaults()
		}
		values = map[string]any{
			"Id": u.Name, "Description": u.Description, "LoadState": string(u.LoadState),
			"ActiveState": string(u.ActiveState), "SubState": u.SubState, "Job": []any{uint32(0), dbus.ObjectPath("/")},
		}
		for k, v := range u.Properties {
			values[k] = v
		}
		if onUnit := iface == service+".Unit"; iface != "" {
			for k := range values {
				if onUnit != slices.Contains(unitProperties, k) {
					delete(values, k)
				}
			}
		}
	}
	switch r.method {
	case "Get":
		v, ok := values[name]
		if !ok {
			r.fail(&Error{"org.freedesktop.DBus.Error.UnknownProperty", "Unknown interface " + iface + " or property " + name + "."})
			return
		}
		r.reply(variant(v))
	case "GetAll":
		all := map[string]dbus.Variant{}
		for k, v := range values {
			all[k] = variant(v)
		}
		r.reply(all)
	default:
		r.fail(&Error{"org.freedesktop.DBus.Error.UnknownMethod", "Unknown method " + r.method})
	}
}

// unitProperties are on the interface that all units have; the others are on
// that of their type.
var unitProperties = []string{
	"Id", "Description", "LoadState", "ActiveState", "SubState", "Job", "UnitFileState", "LoadError",
	"NeedDaemonReload", "InvocationID", "StateChangeTimestamp", "ActiveEnterTimestamp",
}

// variant makes structures of what the library decodes and package units
// returns as []any, and arrays of them of [][]any.
func variant(v any) dbus.Variant {
	switch v := v.(type) {
	case []any:
		return dbus.MakeVariant(structure(v).Interface())
	case [][]any:
		if len(v) == 0 {
			break
		}
		list := reflect.MakeSlice(reflect.SliceOf(structure(v[0]).Type()), 0, len(v))
		for _, row := range v {
			list = reflect.Append(list, structure(row))
		}
		return dbus.MakeVariant(list.Interface())
	}
	return dbus.MakeVariant(v)
}

func structure(values []any) reflect.Value {
	fields := make([]reflect.StructField, len(values))
	for i, v := range values {
		fields[i] = reflect.StructField{Name: "F" + strconv.Itoa(i), Type: reflect.TypeOf(v)}
	}
	s := reflect.New(reflect.StructOf(fields)).Elem()
	for i, v := range values {
		s.Field(i).Set(reflect.ValueOf(v))
	}
	return s
}

func (f *Fake) unitAt(path string) *Unit {
	for name, u := range f.units {
		isAt := func(name string) bool { return string(unitPath(name)) == path }
		if isAt(name) || slices.ContainsFunc(u.Aliases, isAt) {
			return u
		}
	}
	return nil
}
