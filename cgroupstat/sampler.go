package cgroupstat

import (
	"context"
	"sync"
	"time"
)

// View is how much a [Sampler] reads of each unit.
type View uint8

const (
	// Full reads memory with its parts and events, CPU, tasks, I/O, pressure
	// and the limits on memory, CPU and tasks: 13 files a unit.
	Full View = iota
	// Light is for thousands of units. It leaves out the parts of memory
	// (memory.stat, the dearest file for the kernel), swap, I/O and
	// pressure: 7 files a unit.
	Light
)

// SamplerConfig configures a [Sampler]. The zero SamplerConfig will do.
type SamplerConfig struct {
	// View is how much is read; the zero View is [Full].
	View View
	// MaxOpen bounds the file descriptors that are kept, 13 a unit or 7 in
	// the light view. Units beyond it are read as well, at three times the
	// system calls. Zero means half of what the process may open
	// (RLIMIT_NOFILE); negative keeps none. On v1 none are kept.
	MaxOpen int
	// IdleBelow is the CPU use, in CPUs, below which a unit counts as idle
	// (see [Sample.IdleFor]). Zero means 0.02: a notebook server with kernels
	// that wait uses less, one cell at work uses more.
	IdleBelow float64
}

// Sample is one unit at one moment, with its rates since the sample before.
type Sample struct {
	// Stats holds the figures of the [View]; others are absent. The limits on
	// memory, CPU and tasks count the slices above.
	Stats
	// Err is why the unit could not be read, and nil if it could:
	// [ErrNotRunning] when it is gone. With an error, nothing but Path is set.
	Err error

	// Elapsed is the time since the unit's sample before. It is zero, and
	// the rates are absent, in its first sample and when Restarted.
	Elapsed time.Duration
	// Restarted is whether the unit's counters began anew since its sample
	// before: it was stopped and started in between.
	Restarted bool

	// CPUs is the CPU use: 1.0 is one CPU all the time.
	CPUs Opt[float64]
	// Throttled is the share of enforcement periods, 0 to 1, in which the
	// quota was used up; absent when there was no period.
	Throttled Opt[float64]
	// ReadBytes, WriteBytes, ReadOps and WriteOps are per second.
	ReadBytes, WriteBytes, ReadOps, WriteOps Opt[float64]
	// OOMKills counts the processes killed for memory since.
	OOMKills Opt[uint64]

	// MemoryShare is Memory.Current as a share of Memory.EffectiveMax, 0 to
	// 1; CPUShare is CPUs as a share of CPU.EffectiveLimit; TasksShare is
	// Tasks.Current as a share of Tasks.EffectiveMax. They are absent when
	// there is no limit, or one of zero.
	MemoryShare, CPUShare, TasksShare Opt[float64]

	// IdleFor is how long CPUs has stayed below [SamplerConfig.IdleBelow],
	// from sample to sample; zero when it did not in the last.
	IdleFor time.Duration
}

// Idle reports whether the unit used next to no CPU for at least the window.
// Network activity plays no part: a notebook that computes with no browser
// open is not idle, and one that a browser polls is.
func (s *Sample) Idle(window time.Duration) bool {
	return s.Err == nil && s.IdleFor > 0 && s.IdleFor >= window
}

// Sampler reads the same units again and again. It keeps their files open, so
// that a sample of a unit costs one system call a file and allocates nothing.
// Its methods may be called at the same time; one waits for the other.
type Sampler struct {
	tree *tree
	cfg  SamplerConfig

	mu     sync.Mutex
	closed bool
	pass   uint64
	units  map[string]*unit
	slices map[string]*slice
	kept   int
}

// NewSampler returns a sampler of the hierarchy's units.
func (h *Hierarchy) NewSampler(cfg SamplerConfig) *Sampler {
	panic("todo")
}

// Sample reads every unit of paths once, in that order, and returns dst with
// one Sample each in place of what it held. Pass the result of the last call
// as dst: then nothing is allocated.
//
// The units are those of the moment: one that is new gets its first sample,
// one that is no longer in paths is forgotten. A unit that cannot be read has
// its reason in [Sample.Err]; Sample itself fails only when ctx is done, with
// the samples taken so far, and after Close.
func (s *Sampler) Sample(ctx context.Context, dst []Sample, paths []string) ([]Sample, error) {
	panic("todo")
}

// Close releases all descriptors.
func (s *Sampler) Close() error {
	panic("todo")
}

type unit struct{}
type slice struct{}
