package units

import (
	"context"
	"fmt"

	"github.com/hubhost/hubhost/units/internal/sdbus"
)

// Limits are the limits of a unit's control group. Read from a unit, every
// field that it has is a number, [Infinity] or [Default]. To set, a zero
// field is left as it is.
type Limits struct {
	MemoryMax      Value // Bytes: more than this is killed
	MemoryHigh     Value // Bytes: more than this is slowed down (not on cgroup v1)
	CPUQuotaPerSec Value // CPUs
	CPUWeight      Value // Weight
	TasksMax       Value // Count
	IOWeight       Value // Weight
}

// The indices of the table of limits.
const (
	limitMemoryMax = iota
	limitMemoryHigh
	limitCPUQuotaPerSec
	limitCPUWeight
	limitTasksMax
	limitIOWeight
	limitCount
)

// limits is the table of what systemd calls the limits. One number of the bus
// stands for "none": without says what that means.
var limits = [limitCount]struct {
	name     string
	property string // as the bus has it
	measure  measure
	without  Value
	field    func(*Limits) *Value
}{
	limitMemoryMax:      {"MemoryMax", "MemoryMax", bytes, Infinity(), func(l *Limits) *Value { return &l.MemoryMax }},
	limitMemoryHigh:     {"MemoryHigh", "MemoryHigh", bytes, Infinity(), func(l *Limits) *Value { return &l.MemoryHigh }},
	limitCPUQuotaPerSec: {"CPUQuotaPerSec", "CPUQuotaPerSecUSec", cpuTime, Infinity(), func(l *Limits) *Value { return &l.CPUQuotaPerSec }},
	limitCPUWeight:      {"CPUWeight", "CPUWeight", weight, Default(), func(l *Limits) *Value { return &l.CPUWeight }},
	limitTasksMax:       {"TasksMax", "TasksMax", count, Infinity(), func(l *Limits) *Value { return &l.TasksMax }},
	limitIOWeight:       {"IOWeight", "IOWeight", weight, Default(), func(l *Limits) *Value { return &l.IOWeight }},
}

// limitFields are the fields of Status that make up its Limits.
var limitFields = []Field{FieldMemoryMax, FieldMemoryHigh, FieldCPUQuotaPerSec, FieldCPUWeight, FieldTasksMax, FieldIOWeight}

// Lifetime is how long a change lasts.
type Lifetime int

const (
	// ThisBoot lets a change last until the host is restarted.
	ThisBoot Lifetime = iota
	// ForGood makes a change persistent, in /etc/systemd/system.control.
	ForGood
)

// SetLimits changes limits of a unit, at once and while it runs: all that are
// given, or none if systemd refuses one. It then reads them back. The limits
// that it returns are those from before, of the changed ones only, so that
//
//	old, err := m.SetLimits(ctx, unit, units.Limits{MemoryMax: units.Bytes(4 << 30)}, units.ThisBoot)
//	…
//	_, err = m.SetLimits(ctx, unit, old, units.ThisBoot)
//
// undoes the change.
//
// The error is a [*LimitError] if systemd holds something else afterwards,
// another program's change for instance, which is left alone; the old limits
// are returned with it. Otherwise it is an [*Error] and nothing has changed,
// except with ErrConnectionLost and the errors of a context, where that is
// unknown. It matches ErrInvalidValue if a value is out of range,
// ErrNoSuchUnit or fs.ErrPermission.
func (m *Manager) SetLimits(ctx context.Context, unit string, set Limits, lifetime Lifetime) (old Limits, err error) {
	const op = "set limits"
	if err := checkName(unit); err != nil {
		return Limits{}, fail(op, unit, err)
	}
	properties, want, err := m.limitProperties(ctx, &set)
	if err != nil {
		return Limits{}, fail(op, unit, err)
	}
	if len(want) == 0 {
		return Limits{}, nil
	}
	before, err := m.limitsOf(ctx, unit, want)
	if err != nil {
		return Limits{}, fail(op, unit, err)
	}
	_, err = m.call(ctx, "SetUnitProperties", unit, lifetime == ThisBoot, properties)
	// Also without an answer: the change may have been made.
	m.notify(rawEvent{kind: rawLimits, unit: unit})
	if err != nil {
		return before, fail(op, unit, err)
	}
	after, err := m.limitsOf(ctx, unit, want)
	if err != nil {
		return before, fail(op, unit, err)
	}
	for _, i := range want {
		if wanted, got := *limits[i].field(&set), *limits[i].field(&after); wanted != got {
			return before, &LimitError{Unit: unit, Property: limits[i].name, Want: wanted, Got: got}
		}
	}
	return before, nil
}

// limitProperties makes the message of the limits that are set, and replaces
// in them each value by the one that reading will find.
func (m *Manager) limitProperties(ctx context.Context, set *Limits) (properties []sdbus.Property, want []int, err error) {
	for i, l := range limits {
		v := l.field(set)
		if v.IsZero() {
			continue
		}
		if err := v.fits(l.measure); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", l.name, err)
		}
		switch {
		case v.kind == number && v.n == none:
			return nil, nil, fmt.Errorf("%s: %w: out of range", l.name, ErrInvalidValue)
		case v.IsDefault() && i == limitTasksMax:
			// The only limit whose default is a number of the manager's.
			if *v, err = m.defaultTasksMax(ctx); err != nil {
				return nil, nil, err
			}
		case v.IsInfinity() && l.without.IsDefault():
			return nil, nil, fmt.Errorf("%s: %w: a weight cannot be infinite", l.name, ErrInvalidValue)
		case v.IsDefault():
			*v = l.without
		}
		n := uint64(none)
		if v.kind == number {
			n = v.n
		}
		properties = append(properties, sdbus.Property{Name: l.property, Value: n})
		want = append(want, i)
	}
	return properties, want, nil
}

func (m *Manager) defaultTasksMax(ctx context.Context) (Value, error) {
	gets := []sdbus.Get{{Path: sdbus.RootPath, Interface: sdbus.Manager, Name: "DefaultTasksMax"}}
	if err := m.getMany(ctx, gets); err != nil {
		return Value{}, err
	}
	if gets[0].Err != nil {
		return Value{}, gets[0].Err
	}
	n, ok := gets[0].Value.(uint64)
	if !ok {
		return Value{}, errReply
	}
	return read(n, count, Infinity()), nil
}

// limitsOf reads some limits of a unit, and whether there is such a unit.
func (m *Manager) limitsOf(ctx context.Context, unit string, which []int) (Limits, error) {
	iface, cgroup, _ := typeInterface(unit)
	if !cgroup {
		return Limits{}, fmt.Errorf("%w: it has no control group", ErrNotApplicable)
	}
	gets := []sdbus.Get{{Path: objectPath(unit), Interface: sdbus.Unit, Name: "LoadState"}}
	for _, i := range which {
		gets = append(gets, sdbus.Get{Path: objectPath(unit), Interface: iface, Name: limits[i].property})
	}
	if err := m.getMany(ctx, gets); err != nil {
		return Limits{}, err
	}
	var found Limits
	for i, g := range gets {
		switch {
		case g.Err != nil:
			return Limits{}, g.Err
		case i == 0:
			switch state, _ := g.Value.(string); LoadState(state) {
			case NotFound:
				return Limits{}, ErrNoSuchUnit
			case Masked:
				return Limits{}, ErrMasked
			}
		default:
			n, ok := g.Value.(uint64)
			if !ok {
				return Limits{}, errReply
			}
			l := limits[which[i-1]]
			*l.field(&found) = read(n, l.measure, l.without)
		}
	}
	return found, nil
}
