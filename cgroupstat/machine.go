package cgroupstat

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Machine is the totals that the units share.
type Machine struct {
	// Time is when the CPU time was read.
	Time time.Time
	// CPUs is the number of CPUs that are online.
	CPUs int
	// MemoryTotal and the others are in bytes; MemoryAvailable is what could
	// be given out without swapping.
	MemoryTotal, MemoryAvailable uint64
	SwapTotal, SwapFree          uint64
	// CPUUsage is the CPU time since boot that was not idle, summed over the
	// CPUs; time that the hypervisor took for others is not part of it.
	CPUUsage time.Duration
	// CPUPressure, MemoryPressure and IOPressure are the whole machine's.
	CPUPressure, MemoryPressure, IOPressure Pressure
}

// Machine reads the machine's totals from proc below [Config.HostRoot].
func (h *Hierarchy) Machine() (*Machine, error) {
	m := new(Machine)
	for _, f := range []struct {
		name     string
		optional bool
		parse    func([]byte) error
	}{
		{"meminfo", false, m.parseMeminfo},
		{"stat", false, m.parseStat},
		{"pressure/cpu", true, func(b []byte) error { return parsePressure(&m.CPUPressure, b) }},
		{"pressure/memory", true, func(b []byte) error { return parsePressure(&m.MemoryPressure, b) }},
		{"pressure/io", true, func(b []byte) error { return parsePressure(&m.IOPressure, b) }},
	} {
		name := filepath.Join(h.tree.hostRoot, "proc", f.name)
		b, err := os.ReadFile(name)
		if f.optional && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported)) {
			continue // built or booted without it
		}
		if err == nil {
			err = f.parse(b)
		}
		if err != nil {
			return nil, &Error{Op: "machine", Path: "/", File: name, Err: err}
		}
	}
	return m, nil
}

func (m *Machine) parseMeminfo(b []byte) error {
	wanted := map[string]*uint64{
		"MemTotal": &m.MemoryTotal, "MemAvailable": &m.MemoryAvailable,
		"SwapTotal": &m.SwapTotal, "SwapFree": &m.SwapFree,
	}
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		key, val, ok := cutByte(line, ':')
		n := wanted[string(key)]
		if n == nil {
			continue
		}
		v, ok1 := uintOf(bytes.TrimSuffix(bytes.TrimSpace(val), []byte(" kB")))
		if !ok || !ok1 || v > 1<<53 {
			return malformedLine(line)
		}
		*n = v << 10
		delete(wanted, string(key))
	}
	if len(wanted) > 0 {
		return &malformed{"no MemTotal, MemAvailable, SwapTotal or SwapFree"}
	}
	return nil
}

// tick is the unit of /proc/stat on all of Go's platforms.
const tick = 10 * time.Millisecond

func (m *Machine) parseStat(b []byte) error {
	m.Time = time.Now()
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		key, rest, _ := cutByte(line, ' ')
		if !bytes.HasPrefix(key, []byte("cpu")) {
			continue
		}
		if len(key) > len("cpu") {
			m.CPUs++
			continue
		}
		// user nice system idle iowait irq softirq steal; guest time is part
		// of user.
		fields := bytes.Fields(rest)
		if len(fields) < 7 {
			return malformedLine(line)
		}
		var sum uint64
		for _, i := range []int{0, 1, 2, 5, 6} {
			ticks, ok := uintOf(fields[i])
			if sum += min(ticks, math.MaxInt64/5); !ok || sum > uint64(math.MaxInt64/tick) {
				return malformedLine(line)
			}
		}
		m.CPUUsage = time.Duration(sum) * tick
	}
	if m.CPUs == 0 {
		return &malformed{"no cpu lines"}
	}
	return nil
}
