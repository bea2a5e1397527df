package cgroupstat

import "time"

// Machine is the totals that the units share.
type Machine struct {
	// Time is when the CPU time was read.
	Time time.Time
	// CPUs is the number of CPUs that are online.
	CPUs int
	// Memory and Swap are in bytes. MemoryAvailable is what could be given
	// out without swapping.
	MemoryTotal, MemoryAvailable uint64
	SwapTotal, SwapFree          uint64
	// CPUUsage is the CPU time since boot that was not idle, in all CPUs.
	CPUUsage time.Duration
	// CPUPressure, MemoryPressure and IOPressure are the whole machine's.
	CPUPressure, MemoryPressure, IOPressure Pressure
}

// Machine reads the machine's totals from [Config.HostRoot]'s proc.
func (h *Hierarchy) Machine() (*Machine, error) {
	panic("todo")
}
