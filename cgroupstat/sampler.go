package cgroupstat

import (
	"context"
	"slices"
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
	// pressure: 7 files a unit. On v1 it leaves out I/O and pressure only,
	// and Full is all that [Hierarchy.Stat] reads.
	Light
)

// SamplerConfig configures a [Sampler]. The zero SamplerConfig will do.
type SamplerConfig struct {
	// View is how much is read; the zero View is [Full].
	View View
	// MaxOpen bounds the file descriptors that are kept for units, 13 each or
	// 7 in the light view; a slice above them keeps 3 more. Units beyond it
	// are read as well, at three times the system calls. Zero means half of
	// what the process may open (RLIMIT_NOFILE); negative keeps none. On v1
	// none are kept.
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
	pass   uint64 // counts the calls of Sample
	kept   int    // descriptors kept for units
	units  map[string]*unit
	slices map[string]*slice
	buf    []byte
}

// unit is what a sampler remembers of a unit from one pass to the next.
type unit struct {
	pass  uint64
	group *group // nil when its descriptors are not kept
	slice *slice // above the group; nil when there is none

	sampled          bool
	id               uint64
	time             time.Time
	usage            Opt[time.Duration]
	periods          Opt[uint64]
	throttledPeriods Opt[uint64]
	io               Opt[IOCounters]
	oomKills         Opt[uint64]
	idleSince        time.Time
}

// slice is the limits of a slice and those above it, read once a pass for all
// units below.
type slice struct {
	path  string
	pass  uint64
	group *group
	above *slice

	memory Limit[uint64]
	cpu    Limit[float64]
	tasks  Limit[uint64]
}

// NewSampler returns a sampler of the hierarchy's units.
func (h *Hierarchy) NewSampler(cfg SamplerConfig) *Sampler {
	if cfg.MaxOpen == 0 {
		cfg.MaxOpen = openFilesLimit() / 2
	}
	if cfg.IdleBelow == 0 {
		cfg.IdleBelow = 0.02
	}
	return &Sampler{
		tree: h.tree, cfg: cfg,
		units: make(map[string]*unit), slices: make(map[string]*slice),
		buf: make([]byte, bufferSize),
	}
}

// Sample reads every unit of paths once, in that order, and returns dst with
// one Sample each in place of what it held. Pass the result of the last call
// as dst: then nothing is allocated. The IO.Devices of a Sample that is kept
// beyond that must be cloned.
//
// The units are those of the moment: one that is new gets its first sample,
// one that is no longer in paths is forgotten. A unit that cannot be read has
// its reason in [Sample.Err]; Sample itself fails only when ctx is done, with
// the samples taken so far, and after Close.
func (s *Sampler) Sample(ctx context.Context, dst []Sample, paths []string) ([]Sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return dst[:0], ErrClosed
	}
	s.pass++
	dst = slices.Grow(dst[:0], len(paths))[:len(paths)]
	for i, path := range paths {
		if err := ctx.Err(); err != nil {
			return dst[:i], err
		}
		s.sample(&dst[i], path)
	}
	for path, u := range s.units {
		if u.pass != s.pass {
			s.forget(path, u)
		}
	}
	for path, sl := range s.slices {
		if sl.pass != s.pass {
			sl.group.close()
			delete(s.slices, path)
		}
	}
	return dst, nil
}

// sample takes the sample of one unit.
func (s *Sampler) sample(sm *Sample, path string) {
	*sm = Sample{Stats: sm.Stats}
	sm.reset(path)
	u := s.units[path]
	if u == nil {
		if sm.Err = checkPath("sample", path); sm.Err != nil {
			return
		}
		u = new(unit)
		s.units[path] = u
	}
	u.pass = s.pass
	if err := s.read(u, path, &sm.Stats); err != nil {
		sm.reset(path)
		sm.Err = within("sample", path, err)
		s.forget(path, u)
		return
	}
	if sm.Time.IsZero() { // no cpu.stat
		sm.Time = time.Now()
	}
	u.rates(sm, s.cfg.IdleBelow)
}

// absentAgain is after how many samples a unit's missing files are looked for
// again: systemd enables a controller when the first unit of a slice needs it.
const absentAgain = 16

// read reads a unit's files, from kept descriptors where there are.
func (s *Sampler) read(u *unit, path string, st *Stats) error {
	files := views[s.cfg.View]
	if s.tree.mode != Unified {
		return s.tree.statLegacy(path, s.cfg.View, st)
	}
	if u.group != nil && u.group.incomplete && s.pass%absentAgain == 0 {
		s.release(u)
	}
	for u.group != nil || s.kept+len(files) <= s.cfg.MaxOpen {
		var err error
		fresh := u.group == nil
		if fresh {
			err = s.keep(u, path, files)
		}
		if err == nil {
			err = s.readKept(u, st)
		}
		switch {
		case tooManyOpen(err):
			s.release(u)
			s.cfg.MaxOpen = s.kept // the rest of the process needs them
		case err == ErrNotRunning && !fresh:
			// The group was removed, and the unit may run again in a new
			// one; or a controller was switched off.
			s.release(u)
		default:
			return err
		}
		st.reset(path)
	}
	return s.tree.statUnified(path, files, st)
}

// keep opens a unit's files.
func (s *Sampler) keep(u *unit, path string, files []file) error {
	g, err := s.tree.openGroup(path, files)
	if err != nil {
		return err
	}
	u.group = g
	if above, ok := parent(path); ok {
		u.slice = s.slice(above)
	}
	s.kept += len(files)
	return nil
}

// readKept reads a unit's open files, and counts in the limits of the slices
// above.
func (s *Sampler) readKept(u *unit, st *Stats) error {
	if err := s.tree.readGroup(u.group, &s.buf, st); err != nil {
		return err
	}
	st.bind(st.Memory.Max, st.CPU.Limit(), st.Tasks.Max)
	if u.slice == nil {
		return nil
	}
	if err := s.refresh(u.slice); err != nil {
		return err
	}
	st.bind(u.slice.memory, u.slice.cpu, u.slice.tasks)
	return nil
}

func (s *Sampler) slice(path string) *slice {
	sl := s.slices[path]
	if sl == nil {
		sl = &slice{path: path}
		if above, ok := parent(path); ok {
			sl.above = s.slice(above)
		}
		s.slices[path] = sl
	}
	return sl
}

// refresh reads a slice's limits, unless that was done in this pass.
func (s *Sampler) refresh(sl *slice) error {
	if sl.pass == s.pass {
		return nil
	}
	if sl.above != nil {
		if err := s.refresh(sl.above); err != nil {
			return err
		}
	}
	if sl.group != nil && sl.group.incomplete && s.pass%absentAgain == 0 {
		sl.group.close()
		sl.group = nil
	}
	var st Stats
	err := ErrNotRunning
	if sl.group != nil {
		err = s.tree.readGroup(sl.group, &s.buf, &st)
	}
	if err == ErrNotRunning {
		sl.group.close()
		st = Stats{}
		if sl.group, err = s.tree.openGroup(sl.path, limiting); err == nil {
			err = s.tree.readGroup(sl.group, &s.buf, &st)
		}
	}
	if err != nil {
		return ofSlice(sl.path, err)
	}
	sl.memory, sl.cpu, sl.tasks = st.Memory.Max, st.CPU.Limit(), st.Tasks.Max
	if up := sl.above; up != nil {
		sl.memory, sl.cpu, sl.tasks = sl.memory.within(up.memory), sl.cpu.within(up.cpu), sl.tasks.within(up.tasks)
	}
	sl.pass = s.pass
	return nil
}

// release closes a unit's descriptors.
func (s *Sampler) release(u *unit) {
	if u.group != nil {
		s.kept -= len(u.group.files)
		u.group.close()
		u.group, u.slice = nil, nil
	}
}

func (s *Sampler) forget(path string, u *unit) {
	s.release(u)
	delete(s.units, path)
}

// Close releases all descriptors.
func (s *Sampler) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for path, u := range s.units {
		s.forget(path, u)
	}
	for path, sl := range s.slices {
		sl.group.close()
		delete(s.slices, path)
	}
	return nil
}

// rates fills in what follows from the unit's sample before, and remembers
// this one.
func (u *unit) rates(sm *Sample, idleBelow float64) {
	since := func(now, before Opt[uint64]) (uint64, bool) {
		n, ok := now.Get()
		b, ok2 := before.Get()
		return n - b, ok && ok2 && n >= b
	}
	oomKills := sm.Memory.Events.OOMKill
	if u.sampled {
		usage, ok := sm.CPU.Usage.Get()
		before, ok2 := u.usage.Get()
		sm.Restarted = sm.ID != u.id || ok && ok2 && usage < before
	}
	if elapsed := sm.Time.Sub(u.time); u.sampled && !sm.Restarted && elapsed > 0 {
		sm.Elapsed = elapsed
		if usage, ok := sm.CPU.Usage.Get(); ok && !u.usage.IsZero() {
			sm.CPUs = Some(float64(usage-u.usage.Or(0)) / float64(elapsed))
		}
		if periods, ok := since(sm.CPU.Periods, u.periods); ok && periods > 0 {
			if throttled, ok := since(sm.CPU.ThrottledPeriods, u.throttledPeriods); ok {
				sm.Throttled = Some(float64(throttled) / float64(periods))
			}
		}
		now, ok := sm.IO.Total.Get()
		// The sums fall when a device is unplugged.
		if before, ok2 := u.io.Get(); ok && ok2 && now.ReadBytes >= before.ReadBytes && now.WriteBytes >= before.WriteBytes &&
			now.ReadOps >= before.ReadOps && now.WriteOps >= before.WriteOps {
			perSecond := func(now, before uint64) Opt[float64] { return Some(float64(now-before) / elapsed.Seconds()) }
			sm.ReadBytes, sm.WriteBytes = perSecond(now.ReadBytes, before.ReadBytes), perSecond(now.WriteBytes, before.WriteBytes)
			sm.ReadOps, sm.WriteOps = perSecond(now.ReadOps, before.ReadOps), perSecond(now.WriteOps, before.WriteOps)
		}
		if kills, ok := since(oomKills, u.oomKills); ok {
			sm.OOMKills = Some(kills)
		}
	}

	share := func(used Opt[float64], limit Limit[float64]) Opt[float64] {
		n, ok := used.Get()
		if of, ok2 := limit.Get(); ok && ok2 && of > 0 {
			return Some(n / of)
		}
		return Opt[float64]{}
	}
	sm.MemoryShare = share(asFloat(sm.Memory.Current), asFloatLimit(sm.Memory.EffectiveMax))
	sm.CPUShare = share(sm.CPUs, sm.CPU.EffectiveLimit)
	sm.TasksShare = share(asFloat(sm.Tasks.Current), asFloatLimit(sm.Tasks.EffectiveMax))

	if cpus, ok := sm.CPUs.Get(); ok && cpus < idleBelow {
		if u.idleSince.IsZero() {
			u.idleSince = u.time
		}
		sm.IdleFor = sm.Time.Sub(u.idleSince)
	} else {
		u.idleSince = time.Time{}
	}

	u.sampled, u.id, u.time, u.usage = true, sm.ID, sm.Time, sm.CPU.Usage
	u.periods, u.throttledPeriods = sm.CPU.Periods, sm.CPU.ThrottledPeriods
	u.io, u.oomKills = sm.IO.Total, oomKills
}

func asFloat(o Opt[uint64]) Opt[float64] { return Opt[float64]{float64(o.v), o.ok} }

func asFloatLimit(l Limit[uint64]) Limit[float64] { return Limit[float64]{float64(l.v), l.kind} }
