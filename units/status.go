package units

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hubhost/hubhost/units/internal/sdbus"
)

// Status is the present state of a unit. What systemd does not have for a
// unit, or was not asked for, is the zero value of its field.
type Status struct {
	Unit

	UnitFileState string     // such as "enabled", "disabled", "static" or "transient"
	LoadError     string     // why the unit could not be loaded, in systemd's words
	NeedReload    bool       // the unit file changed since it was read: DaemonReload
	InvocationID  string     // 32 hexadecimal digits, new for every start; the journal has it too
	Since         time.Time  // of the last change of state
	ActiveSince   time.Time  // of the last time that it became active
	ControlGroup  string     // path below the root of the cgroup hierarchy; empty if it has none
	Slice         string     // the slice that the unit is in
	MainPID       uint32     // 0 if there is no main process
	Result        string     // of a service: "success", or why it failed, such as "oom-kill"
	ExitReason    ExitReason // how the main process ended; see ExitStatus
	ExitStatus    int32      // the exit status, or the number of the signal if ExitReason is Killed or Dumped
	ExitedAt      time.Time  // when the main process ended
	Restarts      uint32     // automatic restarts since the last start by request
	StatusText    string     // what the service says of itself by sd_notify
	WorkingDir    string     // WorkingDirectory= of a service, with the leading "!" or "-" that systemd adds
	User          string     // User= of a service; empty is root
	Executable    string     // the program of the first ExecStart=
	MemoryCurrent Value      // bytes; Default if it is not accounted
	CPUUsage      Value      // CPU time; Default if it is not accounted
	TasksCurrent  Value      // a count; Default if it is not accounted
	Limits        Limits     // as systemd has them; the kernel may hold tighter ones of a slice
}

// ExitReason is how the main process of a service ended.
type ExitReason string

// The ways in which a process ends. The empty ExitReason is that it did not.
const (
	Exited ExitReason = "exited" // by itself, with a status
	Killed ExitReason = "killed" // by a signal
	Dumped ExitReason = "dumped" // by a signal, and left a core dump
)

// Field is a part of [Status] to ask [Manager.Statuses] for.
type Field int

// The fields of Status beside those of [Unit], which are always read. Each is
// a question of its own to systemd, and only what is asked for costs
// anything: MemoryCurrent, CPUUsage and TasksCurrent make it read files of
// the control group.
const (
	FieldUnitFileState Field = iota
	FieldLoadError
	FieldNeedReload
	FieldInvocationID
	FieldSince
	FieldActiveSince
	FieldControlGroup
	FieldSlice
	FieldMainPID
	FieldResult
	FieldExitReason
	FieldExitStatus
	FieldExitedAt
	FieldRestarts
	FieldStatusText
	FieldWorkingDir
	FieldUser
	FieldExecutable
	FieldMemoryCurrent
	FieldCPUUsage
	FieldTasksCurrent
	FieldMemoryMax
	FieldMemoryHigh
	FieldCPUQuotaPerSec
	FieldCPUWeight
	FieldTasksMax
	FieldIOWeight
	fieldCount

	// Those of Unit, which nobody asks for by a Field.
	fieldName = fieldCount + iota - 1
	fieldDescription
	fieldLoadState
	fieldActiveState
	fieldSubState
	allFields
)

// scope tells on which interface of a unit's object a property is.
type scope int

const (
	onUnit    scope = iota // org.freedesktop.systemd1.Unit
	onCgroup               // that of the type, if the type has control groups
	onService              // that of services only
)

// fields is the table from fields to properties of the bus.
var fields = [allFields]struct {
	property string
	scope    scope
	store    func(*Status, any) bool
}{
	FieldUnitFileState:  {"UnitFileState", onUnit, text(func(s *Status) *string { return &s.UnitFileState })},
	FieldLoadError:      {"LoadError", onUnit, loadError},
	FieldNeedReload:     {"NeedDaemonReload", onUnit, flag(func(s *Status) *bool { return &s.NeedReload })},
	FieldInvocationID:   {"InvocationID", onUnit, invocationID},
	FieldSince:          {"StateChangeTimestamp", onUnit, instant(func(s *Status) *time.Time { return &s.Since })},
	FieldActiveSince:    {"ActiveEnterTimestamp", onUnit, instant(func(s *Status) *time.Time { return &s.ActiveSince })},
	FieldControlGroup:   {"ControlGroup", onCgroup, text(func(s *Status) *string { return &s.ControlGroup })},
	FieldSlice:          {"Slice", onCgroup, text(func(s *Status) *string { return &s.Slice })},
	FieldMainPID:        {"MainPID", onService, small(func(s *Status) *uint32 { return &s.MainPID })},
	FieldResult:         {"Result", onService, text(func(s *Status) *string { return &s.Result })},
	FieldExitReason:     {"ExecMainCode", onService, exitReason},
	FieldExitStatus:     {"ExecMainStatus", onService, exitStatus},
	FieldExitedAt:       {"ExecMainExitTimestamp", onService, instant(func(s *Status) *time.Time { return &s.ExitedAt })},
	FieldRestarts:       {"NRestarts", onService, small(func(s *Status) *uint32 { return &s.Restarts })},
	FieldStatusText:     {"StatusText", onService, text(func(s *Status) *string { return &s.StatusText })},
	FieldWorkingDir:     {"WorkingDirectory", onService, text(func(s *Status) *string { return &s.WorkingDir })},
	FieldUser:           {"User", onService, text(func(s *Status) *string { return &s.User })},
	FieldExecutable:     {"ExecStart", onService, executable},
	FieldMemoryCurrent:  {"MemoryCurrent", onCgroup, amount(bytes, Default(), func(s *Status) *Value { return &s.MemoryCurrent })},
	FieldCPUUsage:       {"CPUUsageNSec", onCgroup, cpuUsage},
	FieldTasksCurrent:   {"TasksCurrent", onCgroup, amount(count, Default(), func(s *Status) *Value { return &s.TasksCurrent })},
	FieldMemoryMax:      limitField(limitMemoryMax),
	FieldMemoryHigh:     limitField(limitMemoryHigh),
	FieldCPUQuotaPerSec: limitField(limitCPUQuotaPerSec),
	FieldCPUWeight:      limitField(limitCPUWeight),
	FieldTasksMax:       limitField(limitTasksMax),
	FieldIOWeight:       limitField(limitIOWeight),
	fieldName:           {"Id", onUnit, text(func(s *Status) *string { return &s.Name })},
	fieldDescription:    {"Description", onUnit, text(func(s *Status) *string { return &s.Description })},
	fieldLoadState:      {"LoadState", onUnit, text(func(s *Status) *LoadState { return &s.LoadState })},
	fieldActiveState:    {"ActiveState", onUnit, text(func(s *Status) *ActiveState { return &s.ActiveState })},
	fieldSubState:       {"SubState", onUnit, text(func(s *Status) *string { return &s.SubState })},
}

func text[S ~string](field func(*Status) *S) func(*Status, any) bool {
	return func(s *Status, v any) bool {
		value, ok := v.(string)
		*field(s) = S(value)
		return ok
	}
}

func flag(field func(*Status) *bool) func(*Status, any) bool {
	return func(s *Status, v any) (ok bool) { *field(s), ok = v.(bool); return ok }
}

func small(field func(*Status) *uint32) func(*Status, any) bool {
	return func(s *Status, v any) (ok bool) { *field(s), ok = v.(uint32); return ok }
}

// instant reads microseconds since 1970; 0 is never.
func instant(field func(*Status) *time.Time) func(*Status, any) bool {
	return func(s *Status, v any) bool {
		us, ok := v.(uint64)
		if us > 0 {
			*field(s) = time.UnixMicro(int64(us))
		}
		return ok
	}
}

func amount(m measure, without Value, field func(*Status) *Value) func(*Status, any) bool {
	return func(s *Status, v any) bool {
		n, ok := v.(uint64)
		*field(s) = read(n, m, without)
		return ok
	}
}

func limitField(index int) (f struct {
	property string
	scope    scope
	store    func(*Status, any) bool
}) {
	l := limits[index]
	f.property, f.scope = l.property, onCgroup
	f.store = amount(l.measure, l.without, func(s *Status) *Value { return l.field(&s.Limits) })
	return f
}

// cpuUsage is in nanoseconds, unlike everything else.
func cpuUsage(s *Status, v any) bool {
	n, ok := v.(uint64)
	s.CPUUsage = read(n, cpuTime, Default())
	if s.CPUUsage.kind == number {
		s.CPUUsage.n /= 1000
	}
	return ok
}

func invocationID(s *Status, v any) bool {
	id, ok := v.([]byte)
	s.InvocationID = hex.EncodeToString(id)
	return ok
}

// loadError is a pair of the name and the text of an error, both empty if
// there is none.
func loadError(s *Status, v any) bool {
	pair, ok := v.([]any)
	return ok && arguments(pair[min(1, len(pair)):], &s.LoadError)
}

// exitReason is the si_code of waitid(2).
func exitReason(s *Status, v any) bool {
	code, ok := v.(int32)
	s.ExitReason = map[int32]ExitReason{1: Exited, 2: Killed, 3: Dumped}[code]
	return ok
}

func exitStatus(s *Status, v any) (ok bool) {
	s.ExitStatus, ok = v.(int32)
	return ok
}

// executable is the path at the head of the first command of ExecStart.
func executable(s *Status, v any) bool {
	commands, ok := v.([][]any)
	if ok && len(commands) > 0 {
		return arguments(commands[0], &s.Executable)
	}
	return ok
}

// typeInterface is the interface on which the properties of a type of unit
// are, and what kind of properties it has.
func typeInterface(unit string) (iface string, cgroup, service bool) {
	suffix := unit[strings.LastIndexByte(unit, '.')+1:]
	switch suffix {
	case "service":
		return sdbus.Service + ".Service", true, true
	case "slice", "scope", "socket", "mount", "swap":
		return sdbus.Service + "." + strings.ToUpper(suffix[:1]) + suffix[1:], true, false
	}
	return "", false, false
}

// Status returns all about one unit, and loads it if it is not. The error is
// an [*Error]; it matches ErrNoSuchUnit if there is neither a unit nor a unit
// file of that name.
func (m *Manager) Status(ctx context.Context, unit string) (Status, error) {
	all, err := m.properties(ctx, unit)
	if err != nil {
		return Status{}, fail("status", unit, err)
	}
	s := Status{Unit: Unit{Name: unit}}
	for _, f := range fields {
		if value, ok := all[f.property]; ok && !f.store(&s, value) {
			return Status{}, fail("status", unit, fmt.Errorf("%w: property %s", errReply, f.property))
		}
	}
	if job, ok := all["Job"].([]any); ok {
		arguments(job, &s.Job)
	}
	if s.LoadState == NotFound && s.ActiveState == Inactive {
		return Status{}, fail("status", unit, ErrNoSuchUnit)
	}
	return s, nil
}

// Properties returns every property that systemd has of one unit, by
// systemd's names, those of its type included: what [Status] has no field for.
// It loads the unit if it is not. The values are plain Go values of the
// property's type on the bus, such as bool, string, uint64, []string, or []any
// for a structure; see org.freedesktop.systemd1(5). The error is an [*Error].
func (m *Manager) Properties(ctx context.Context, unit string) (map[string]any, error) {
	all, err := m.properties(ctx, unit)
	return all, fail("properties", unit, err)
}

func (m *Manager) properties(ctx context.Context, unit string) (map[string]any, error) {
	if err := checkName(unit); err != nil {
		return nil, err
	}
	gets := []sdbus.Get{{Path: objectPath(unit), Interface: sdbus.Unit}}
	if iface, _, _ := typeInterface(unit); iface != "" {
		gets = append(gets, sdbus.Get{Path: objectPath(unit), Interface: iface})
	}
	if err := m.getMany(ctx, gets); err != nil {
		return nil, err
	}
	all := map[string]any{}
	for _, g := range gets {
		if g.Err != nil {
			return nil, g.Err
		}
		values, ok := g.Value.(map[string]any)
		if !ok {
			return nil, errReply
		}
		maps.Copy(all, values)
	}
	return all, nil
}

// Statuses returns the state of the loaded units that the filter chooses, by
// name, with the fields that are asked for; with none, all of them. It is the
// way to look at many units: the list is one question, and those for the
// fields are asked side by side. A unit that is unloaded meanwhile is left
// out. The error is an [*Error].
//
// All fields of many units are a lot of work for systemd; ask for those that
// are needed.
func (m *Manager) Statuses(ctx context.Context, filter Filter, fields ...Field) ([]Status, error) {
	statuses, err := m.statuses(ctx, filter, fields)
	return statuses, fail("status of units", "", err)
}

func (m *Manager) statuses(ctx context.Context, filter Filter, want []Field) ([]Status, error) {
	list, _, err := m.list(ctx, filter)
	if err != nil {
		return nil, err
	}
	if len(want) == 0 {
		for f := range fieldCount {
			want = append(want, f)
		}
	}
	for _, f := range want {
		if f < 0 || f >= fieldCount {
			return nil, fmt.Errorf("%w: field %d", ErrInvalidValue, f)
		}
	}
	if len(list) == 0 {
		return []Status{}, nil
	}
	statuses := make([]Status, len(list))
	for i := range list {
		statuses[i].Unit = list[i]
	}
	if _, err := m.fill(ctx, statuses, want); err != nil {
		return nil, err
	}
	// Of a unit that was unloaded in between, systemd answers with the defaults
	// of one that has no unit file.
	list, _, err = m.list(ctx, Filter{Patterns: filter.Patterns})
	if err != nil {
		return nil, err
	}
	there := make(map[string]LoadState, len(list))
	for _, u := range list {
		there[u.Name] = u.LoadState
	}
	return slices.DeleteFunc(statuses, func(s Status) bool {
		state, ok := there[s.Name]
		return !ok || state == NotFound && s.LoadState != NotFound
	}), nil
}

// fill reads fields of units, all side by side. It returns, by the name of the
// unit, a moment such that all signals from before it are in every field.
func (m *Manager) fill(ctx context.Context, statuses []Status, want []Field) (map[string]moment, error) {
	session, err := m.current(ctx)
	if err != nil {
		return nil, err
	}
	type target struct {
		status *Status
		field  Field
	}
	gets := make([]sdbus.Get, 0, len(statuses)*len(want))
	targets := make([]target, 0, cap(gets))
	for i := range statuses {
		s := &statuses[i]
		iface, cgroup, service := typeInterface(s.Name)
		at := objectPath(s.Name)
		for _, f := range want {
			g := sdbus.Get{Path: at, Interface: iface, Name: fields[f].property}
			switch scope := fields[f].scope; {
			case scope == onUnit:
				g.Interface = sdbus.Unit
			case scope == onCgroup && !cgroup, scope == onService && !service:
				continue
			}
			gets = append(gets, g)
			targets = append(targets, target{s, f})
		}
	}
	if err := session.explain(session.conn.GetMany(ctx, gets)); err != nil {
		return nil, err
	}
	read := make(map[string]moment, len(statuses))
	for i, g := range gets {
		s, f := targets[i].status, targets[i].field
		switch {
		case g.Err != nil:
			return nil, g.Err
		case !fields[f].store(s, g.Value):
			return nil, fmt.Errorf("%w: property %s of %s", errReply, fields[f].property, s.Name)
		}
		if at := session.moment(g.Sequence); read[s.Name] == (moment{}) || at.before(read[s.Name]) {
			read[s.Name] = at
		}
	}
	return read, nil
}
