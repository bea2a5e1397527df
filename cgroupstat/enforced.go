package cgroupstat

// Limits is what was asked for a unit, as its configuration says. A limit that
// is absent was not asked for, and is not compared.
type Limits struct {
	// MemoryMax, MemoryHigh and MemorySwapMax are in bytes.
	MemoryMax, MemoryHigh, MemorySwapMax Limit[uint64]
	// CPUs is CPUQuota= in CPUs: 200% is 2.
	CPUs Limit[float64]
	// CPUWeight is 1 to 10000.
	CPUWeight Opt[uint64]
	TasksMax  Limit[uint64]
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
	// LimitOverridden means that the unit's group holds the value, and a
	// slice above holds a tighter one.
	LimitOverridden Code = "limit-overridden"
)

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

func (f Finding) Error() string { return f.Property + ": " + f.Message }

// Unwrap returns the code.
func (f Finding) Unwrap() error { return f.Code }

// Report is the outcome of [Hierarchy.Enforced].
type Report struct {
	Path     string
	Findings []Finding
}

// Err joins the findings into one error, nil when there are none.
func (r *Report) Err() error { panic("todo") }

// Enforced compares the limits that were asked for with those the kernel
// holds for a unit. A limit that the kernel rounds (memory to whole pages, CPU
// time to microseconds) is the one asked for.
func (h *Hierarchy) Enforced(path string, asked Limits) (*Report, error) {
	panic("todo")
}
