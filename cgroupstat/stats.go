package cgroupstat

import "time"

// Stats is what one control group uses and may use, with everything below it.
type Stats struct {
	// Path is the control group.
	Path string
	// ID tells one run of a unit from the next under the same path: it is the
	// inode of the group's directory (v2: the kernel's control group ID).
	ID uint64
	// Time is when the CPU time was read; it carries a monotonic reading.
	Time time.Time

	Memory Memory
	CPU    CPU
	Tasks  Tasks
	IO     IO

	// Populated is whether a process lives in the group or below. It is
	// absent on a legacy hierarchy, for the root, and in a [Sample] but on a
	// hybrid.
	Populated Opt[bool]
	// Frozen is whether the group is frozen (systemctl freeze). It is absent
	// where Populated is.
	Frozen Opt[bool]
}

// Memory is in bytes, except for [Memory.MajorFaults] and the events.
type Memory struct {
	// Current is all memory charged to the group, page cache included: what
	// the limit is held against.
	Current Opt[uint64]
	// Peak is the greatest Current since the group was made (v2: Linux 5.19).
	Peak Opt[uint64]
	// Anon is memory of the processes' own: heaps, stacks, anonymous maps.
	Anon Opt[uint64]
	// File is page cache, tmpfs and shared memory included.
	File Opt[uint64]
	// InactiveFile is page cache that would be given back first.
	InactiveFile Opt[uint64]
	// Shmem is tmpfs, shared memory and shared anonymous maps; part of File.
	Shmem Opt[uint64]
	// Kernel is memory of the kernel on the group's behalf (Linux 5.18; v1:
	// absent).
	Kernel Opt[uint64]
	// MajorFaults counts page faults that had to wait for a device.
	MajorFaults Opt[uint64]
	// Swap is what is swapped out (v1: only with swapaccount=1); SwapPeak its
	// greatest (Linux 6.5; v1: absent).
	Swap, SwapPeak Opt[uint64]

	// Min and Low are protection from reclaim (MemoryMin=, MemoryLow=), not
	// upper bounds; unlimited means that all of it is protected. Absent on v1.
	Min, Low Limit[uint64]
	// High is where the kernel begins to slow the group down (MemoryHigh=).
	// Absent on v1.
	High Limit[uint64]
	// Max is where it kills (MemoryMax=).
	Max Limit[uint64]
	// SwapMax bounds Swap (MemorySwapMax=); on v1, where the limit is on
	// memory and swap together, it is absent.
	SwapMax Limit[uint64]
	// EffectiveMax is the tightest Max from this group up to the root.
	EffectiveMax Limit[uint64]

	// Events counts since the group was made, here and below (v1: OOMKill
	// alone, and in this group alone); EventsLocal in this group alone (Linux
	// 5.2; v1: absent).
	Events, EventsLocal MemoryEvents
	Pressure            Pressure
}

// WorkingSet returns the memory that could not be given back easily: Current
// without InactiveFile. It is what Kubernetes shows.
func (m *Memory) WorkingSet() Opt[uint64] {
	current, ok := m.Current.Get()
	inactive, ok2 := m.InactiveFile.Get()
	if !ok || !ok2 {
		return Opt[uint64]{}
	}
	return Some(current - min(current, inactive))
}

// MemoryEvents counts how often a memory limit acted.
type MemoryEvents struct {
	// Low counts reclaims below the Low protection.
	Low Opt[uint64]
	// High counts throttlings at High, Max the allocations that met Max.
	High, Max Opt[uint64]
	// OOM counts allocations that were about to fail for lack of memory.
	OOM Opt[uint64]
	// OOMKill counts processes that were killed for it, by any OOM killer.
	OOMKill Opt[uint64]
	// OOMGroupKill counts kills of the whole group (OOMPolicy=kill; Linux
	// 5.17).
	OOMGroupKill Opt[uint64]
}

// CPU is the CPU time used, and how it is limited.
type CPU struct {
	// Usage is the CPU time since the group was made; User and System are its
	// two parts. More than 292 CPU years, where [time.Duration] ends, is
	// [ErrMalformed].
	Usage, User, System Opt[time.Duration]
	// Periods counts enforcement periods in which the group could run,
	// ThrottledPeriods those in which it used up its quota.
	Periods, ThrottledPeriods Opt[uint64]
	// Throttled is the time that the group's run queues were held back,
	// summed over the CPUs.
	Throttled Opt[time.Duration]
	// Quota is the CPU time in each Period (CPUQuota=).
	Quota Limit[time.Duration]
	// Period is what Quota is counted in, 100 ms unless the unit says other
	// (CPUQuotaPeriodSec=).
	Period Opt[time.Duration]
	// EffectiveLimit is the tightest quota from this group up to the root, in
	// CPUs.
	EffectiveLimit Limit[float64]
	// Weight is the group's share against its siblings, 1 to 10000, where
	// 100 is the default (CPUWeight=), or 0 for one that runs only when the
	// others do not (CPUWeight=idle). Absent on v1.
	Weight Opt[uint64]
	// Shares is the same on v1, where 1024 is the default. Absent on v2.
	Shares   Opt[uint64]
	Pressure Pressure
}

// Limit returns the group's own quota in CPUs: 1.5 is one CPU and a half.
func (c *CPU) Limit() Limit[float64] {
	quota, ok := c.Quota.Get()
	period := c.Period.Or(0)
	switch {
	case ok && period > 0:
		return AtMost(float64(quota) / float64(period))
	case c.Quota.Unlimited():
		return NoLimit[float64]()
	}
	return Limit[float64]{}
}

// Tasks counts processes and threads.
type Tasks struct {
	Current Opt[uint64]
	// Peak is the greatest Current since the group was made (v2: Linux 6.1;
	// v1: absent).
	Peak Opt[uint64]
	// Max is the limit on Current (TasksMax=), EffectiveMax the tightest from
	// this group up to the root.
	Max, EffectiveMax Limit[uint64]
}

// IO is what was read from and written to block devices.
type IO struct {
	// Total is the sum over Devices. It is present, and may be zero, when the
	// kernel accounts I/O to the group at all.
	Total Opt[IOCounters]
	// Devices has one entry for each device that the group used.
	Devices  []Device
	Pressure Pressure
}

// Device is the I/O of one block device, by the kernel's numbers of it.
type Device struct {
	Major, Minor uint32
	IOCounters
}

// IOCounters counts bytes and requests since the group was made.
type IOCounters struct {
	ReadBytes, WriteBytes, DiscardBytes uint64
	ReadOps, WriteOps, DiscardOps       uint64
}

func (c *IOCounters) add(d IOCounters) {
	c.ReadBytes += d.ReadBytes
	c.WriteBytes += d.WriteBytes
	c.DiscardBytes += d.DiscardBytes
	c.ReadOps += d.ReadOps
	c.WriteOps += d.WriteOps
	c.DiscardOps += d.DiscardOps
}

// Pressure is how much time was lost waiting for a resource (PSI). It is
// absent when the kernel was built or booted without it (psi=0), and on a
// legacy hierarchy.
type Pressure struct {
	// Some is the time in which at least one task waited.
	Some Opt[Stall]
	// Full is the time in which all of them waited at once (for CPU: Linux
	// 5.13).
	Full Opt[Stall]
}

// Stall is lost time.
type Stall struct {
	// Avg10, Avg60 and Avg300 are the share of time lost in the last 10, 60
	// and 300 seconds, in percent.
	Avg10, Avg60, Avg300 float64
	// Total is the time lost since the group was made.
	Total time.Duration
}

// reset empties st but for the path and the room for devices.
func (st *Stats) reset(path string) {
	*st = Stats{Path: path, IO: IO{Devices: st.IO.Devices[:0]}}
}

// bind counts in the limits of the group itself or of a slice above.
func (st *Stats) bind(memory Limit[uint64], cpu Limit[float64], tasks Limit[uint64]) {
	st.Memory.EffectiveMax = st.Memory.EffectiveMax.within(memory)
	st.CPU.EffectiveLimit = st.CPU.EffectiveLimit.within(cpu)
	st.Tasks.EffectiveMax = st.Tasks.EffectiveMax.within(tasks)
}
