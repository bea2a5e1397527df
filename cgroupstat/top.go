package cgroupstat

import (
	"cmp"
	"slices"
)

// By is what [Top] orders by.
type By uint8

const (
	// ByMemory orders by Memory.Current.
	ByMemory By = iota
	// ByCPU orders by CPUs.
	ByCPU
	// ByIO orders by bytes read and written a second.
	ByIO
)

// Top moves the n samples that use most to the front, the greatest first, and
// returns them. Those that lack the figure come last, by their path.
func Top(samples []Sample, by By, n int) []Sample {
	key := func(s *Sample) float64 {
		switch by {
		case ByMemory:
			if v, ok := s.Memory.Current.Get(); ok {
				return float64(v)
			}
		case ByCPU:
			return s.CPUs.Or(-1)
		case ByIO:
			r, ok := s.ReadBytes.Get()
			if w, ok2 := s.WriteBytes.Get(); ok && ok2 {
				return r + w
			}
		}
		return -1
	}
	slices.SortFunc(samples, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(key(&b), key(&a)), cmp.Compare(a.Path, b.Path))
	})
	return samples[:min(max(n, 0), len(samples))]
}

// Total is the sum over a set of units. A slice needs none: the kernel's
// figures of a slice count all that is below it.
type Total struct {
	// Units counts the samples without an error.
	Units int
	// Memory and Swap are in bytes. What two units share is charged to one.
	Memory, Swap uint64
	Tasks        uint64
	// CPUs is the CPU use; ReadBytes and WriteBytes are per second.
	CPUs, ReadBytes, WriteBytes float64
	// OOMKills counts since the samples before.
	OOMKills uint64
}

// Sum adds up samples. Samples with an error, and figures that are absent,
// count as nothing.
func Sum(samples []Sample) Total {
	var t Total
	for i := range samples {
		s := &samples[i]
		if s.Err != nil {
			continue
		}
		t.Units++
		t.Memory += s.Memory.Current.Or(0)
		t.Swap += s.Memory.Swap.Or(0)
		t.Tasks += s.Tasks.Current.Or(0)
		t.CPUs += s.CPUs.Or(0)
		t.ReadBytes += s.ReadBytes.Or(0)
		t.WriteBytes += s.WriteBytes.Or(0)
		t.OOMKills += s.OOMKills.Or(0)
	}
	return t
}
