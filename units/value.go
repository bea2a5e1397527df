package units

import (
	"encoding"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Value is a number of systemd that can also be infinite or at its default,
// which are three different things. The zero Value is none of them: not
// known, or not to be changed. Values of the same measure compare with ==.
type Value struct {
	n       uint64
	kind    kind
	measure measure
}

var _ encoding.TextMarshaler = Value{}

type kind uint8

const (
	unknown kind = iota
	number
	infinite
	standard
)

type measure uint8

const (
	anything measure = iota
	bytes
	cpuTime // microseconds
	count
	weight
)

func (m measure) String() string {
	return [...]string{"anything", "bytes", "CPU time", "a count", "a weight"}[m]
}

// Bytes is an amount of memory.
func Bytes(n uint64) Value { return Value{n, number, bytes} }

// CPUs is CPU time per second of time, as a number of CPUs: 1.5 is one and a
// half, what CPUQuota=150% stands for. It is rounded to microseconds.
func CPUs(n float64) Value {
	// Anything that does not fit becomes 0, which no limit accepts.
	if !(n > 0 && n < 1<<40) {
		return Value{0, number, cpuTime}
	}
	return Value{uint64(math.Round(n * 1e6)), number, cpuTime}
}

// CPUTime is CPU time; as a quota, that per second of time.
func CPUTime(d time.Duration) Value {
	return Value{uint64(max(d, 0).Microseconds()), number, cpuTime}
}

// Count is a number of tasks, that is of processes and threads.
func Count(n uint64) Value { return Value{n, number, count} }

// Weight is a share of CPU or I/O relative to the others, 1 to 10000; 100 is
// what an unset weight amounts to. A CPU weight of 0 means idle (systemd 252).
func Weight(n uint64) Value { return Value{n, number, weight} }

// Infinity is no limit at all.
func Infinity() Value { return Value{kind: infinite} }

// Default is what holds where nothing is configured. As a limit to set it is
// a reset: to no limit for memory and CPU quota, to no weight of its own for
// weights, and to the manager's DefaultTasksMax for tasks.
func Default() Value { return Value{kind: standard} }

// IsZero tells whether v is the zero Value: not known, or not to be changed.
func (v Value) IsZero() bool { return v.kind == unknown }

// IsInfinity tells whether v is infinite.
func (v Value) IsInfinity() bool { return v.kind == infinite }

// IsDefault tells whether v is at its default, with no number of its own.
func (v Value) IsDefault() bool { return v.kind == standard }

// Uint64 returns the number, in bytes, microseconds, tasks or weight, and
// whether v is one.
func (v Value) Uint64() (n uint64, ok bool) {
	return v.n, v.kind == number
}

// Duration returns the CPU time, and whether v is one.
func (v Value) Duration() (d time.Duration, ok bool) {
	if v.kind != number || v.measure != cpuTime {
		return 0, false
	}
	if v.n > math.MaxInt64/1000 {
		return math.MaxInt64, true
	}
	return time.Duration(v.n) * time.Microsecond, true
}

// String returns the number in decimal (CPU time as a duration), "infinity",
// "default", or "" for the zero Value.
func (v Value) String() string {
	switch v.kind {
	case infinite:
		return "infinity"
	case standard:
		return "default"
	case unknown:
		return ""
	}
	if d, ok := v.Duration(); ok {
		return d.String()
	}
	return strconv.FormatUint(v.n, 10)
}

// MarshalText returns the same as String.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// systemd has one number for infinity and for unset.
const none = math.MaxUint64

// read makes a Value of what the bus has; without is what the number for
// "none" means for that property.
func read(n uint64, m measure, without Value) Value {
	if n == none {
		return without
	}
	return Value{n, number, m}
}

// fits tells whether v can be the value of a limit of measure m.
func (v Value) fits(m measure) error {
	if v.kind == number && v.measure != m {
		return fmt.Errorf("%w: %v is %v, want %v", ErrInvalidValue, v, v.measure, m)
	}
	return nil
}
