package cgroupstat

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"time"
)

// Limits is what was asked for a unit, as its configuration says. A limit that
// is absent was not asked for, and is not compared.
type Limits struct {
	// MemoryMax, MemoryHigh and MemorySwapMax are in bytes.
	MemoryMax, MemoryHigh, MemorySwapMax Limit[uint64]
	// CPUQuota is in CPUs: 200% is 2.
	CPUQuota Limit[float64]
	// CPUWeight is 1 to 10000; on v1 it is compared with the shares that
	// systemd makes of it.
	CPUWeight Opt[uint64]
	// TasksMax counts processes and threads.
	TasksMax Limit[uint64]
}

// Code names a kind of [Finding]. It is stable, and a target of [errors.Is].
type Code string

const (
	// ControllerOff means that the kernel does not hold the limit at all,
	// because its controller is not enabled for the unit, or does not exist
	// on this hierarchy.
	ControllerOff Code = "controller-off"
	// LimitDiffers means that the unit's group holds another value.
	LimitDiffers Code = "limit-differs"
	// LimitOverridden means that a slice above holds a tighter value than was
	// asked for, whatever the unit's group holds.
	LimitOverridden Code = "limit-overridden"
)

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Finding is a limit that does not hold as it was asked for.
type Finding struct {
	Code Code
	// Property is systemd's name of the limit, such as MemoryMax.
	Property string
	// Path is the control group that decides: the unit's own, or the slice
	// whose limit is tighter.
	Path string
	// Asked and Held are the two values as text: a figure, "max", or "-".
	Asked, Held string
	// Message says what this does to the unit, and what to do about it.
	Message string
}

// Error returns the limit and what its not holding does.
func (f Finding) Error() string { return f.Property + ": " + f.Message }

// Unwrap returns the code.
func (f Finding) Unwrap() error { return f.Code }

// Report is the outcome of [Hierarchy.Enforced].
type Report struct {
	Path     string    // the unit's control group
	Findings []Finding // none: every limit holds as asked for
}

// Err joins the findings into one error, nil when there are none.
func (r *Report) Err() error {
	errs := make([]error, len(r.Findings))
	for i, f := range r.Findings {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// Enforced compares the limits that were asked for with those the kernel
// holds for a unit, and finds the slice that overrides them. A limit that
// systemd or the kernel rounds (memory to whole pages, CPU time to
// microseconds in a period) is the one asked for.
func (h *Hierarchy) Enforced(path string, asked Limits) (*Report, error) {
	if err := checkPath("enforced", path); err != nil {
		return nil, err
	}
	c := comparison{report: &Report{Path: path}}
	// From the unit up to the root, which holds no limits.
	for group, ok := path, path != "/"; ok; group, ok = parent(group) {
		st := new(Stats)
		if err := h.tree.stat(group, st); err != nil {
			return nil, within("enforced", group, err)
		}
		c.groups = append(c.groups, st)
	}
	if len(c.groups) == 0 {
		return nil, &Error{Op: "enforced", Path: path, Err: fmt.Errorf("the root holds no limits: %w", errors.ErrUnsupported)}
	}

	pages := func(_ *Stats, held, asked uint64) bool { return held == asked-asked%uint64(os.Getpagesize()) }
	exact := func(_ *Stats, held, asked uint64) bool { return held == asked }
	compare(&c, "MemoryMax", asked.MemoryMax, pages, func(st *Stats) Limit[uint64] { return st.Memory.Max })
	compare(&c, "MemoryHigh", asked.MemoryHigh, pages, func(st *Stats) Limit[uint64] { return st.Memory.High })
	compare(&c, "MemorySwapMax", asked.MemorySwapMax, pages, func(st *Stats) Limit[uint64] { return st.Memory.SwapMax })
	compare(&c, "TasksMax", asked.TasksMax, exact, func(st *Stats) Limit[uint64] { return st.Tasks.Max })
	// Within half a thousandth of a CPU, or a microsecond in each period,
	// which in the shortest, 1 ms, is a whole one.
	cpus := func(st *Stats, held, asked float64) bool {
		return math.Abs(held-asked) < max(0.0005, float64(time.Microsecond)/float64(st.CPU.Period.Or(time.Second)))
	}
	compare(&c, "CPUQuota", asked.CPUQuota, cpus, func(st *Stats) Limit[float64] { return st.CPU.Limit() })
	c.weight(asked.CPUWeight)
	return c.report, nil
}

// comparison holds the unit's own group first, then the slices above it.
type comparison struct {
	groups []*Stats
	report *Report
}

// find notes that a limit does not hold as it was asked for.
func (c *comparison) find(f Finding) {
	switch f.Code {
	case ControllerOff:
		f.Message = fmt.Sprintf("the kernel holds no such limit for %s: its controller is off or not on this hierarchy; look at cgroup.subtree_control of the slice, and at the kernel's command line for cgroup_disable=", f.Path)
	case LimitDiffers:
		f.Message = fmt.Sprintf("asked %s, but %s holds %s; it was changed after the start (systemctl set-property, a drop-in) or never applied", f.Asked, f.Path, f.Held)
	case LimitOverridden:
		f.Message = fmt.Sprintf("asked %s, but %s above allows %s to all its units together", f.Asked, f.Path, f.Held)
	}
	c.report.Findings = append(c.report.Findings, f)
}

// compare looks at one limit. What the kernel makes of the value asked for is
// the same one.
func compare[T uint64 | float64](
	c *comparison, property string, asked Limit[T], same func(st *Stats, held, asked T) bool, held func(*Stats) Limit[T],
) {
	if asked.kind == absent {
		return
	}
	holds := func(st *Stats) bool {
		l := held(st)
		return l.kind == asked.kind && (l.kind != finite || same(st, l.v, asked.v))
	}
	unit := c.groups[0]
	own := held(unit)
	f := Finding{Property: property, Path: unit.Path, Asked: text(asked), Held: text(own)}
	switch {
	case own.kind == absent:
		f.Code = ControllerOff
		c.find(f)
	case !holds(unit):
		f.Code = LimitDiffers
		c.find(f)
	}
	var tightest *Stats
	bound := asked
	for _, above := range c.groups[1:] {
		if up := held(above); bound.within(up) != bound && !holds(above) {
			bound, tightest = up, above
		}
	}
	if tightest != nil {
		f.Code, f.Path, f.Held = LimitOverridden, tightest.Path, text(bound)
		c.find(f)
	}
}

func (c *comparison) weight(asked Opt[uint64]) {
	want, ok := asked.Get()
	if !ok {
		return
	}
	f := Finding{Property: "CPUWeight", Path: c.groups[0].Path, Asked: asked.String()}
	held := c.groups[0].CPU.Weight
	if shares, ok := c.groups[0].CPU.Shares.Get(); ok {
		// systemd writes weight*1024/100 shares, within the kernel's 2 to 262144.
		held = Some(shares)
		want = min(max(want*1024/100, 2), 262144)
	}
	f.Held = held.String()
	switch got, ok := held.Get(); {
	case !ok:
		f.Code = ControllerOff
		c.find(f)
	case got != want:
		f.Code = LimitDiffers
		c.find(f)
	}
}

func text[T uint64 | float64](l Limit[T]) string {
	if v, ok := any(l.v).(float64); ok && l.kind == finite {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return l.String()
}
