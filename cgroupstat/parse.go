package cgroupstat

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// parse takes the content of a v2 control file into st. It keeps nothing of
// b, and allocates only for an error or a block device not seen before.
func (f file) parse(st *Stats, b []byte) error {
	switch f {
	case memoryCurrent:
		return parseFigure(&st.Memory.Current, b)
	case memoryPeak:
		return parseFigure(&st.Memory.Peak, b)
	case memorySwapCurrent:
		return parseFigure(&st.Memory.Swap, b)
	case memorySwapPeak:
		return parseFigure(&st.Memory.SwapPeak, b)
	case memoryMin:
		return parseLimit(&st.Memory.Min, b)
	case memoryLow:
		return parseLimit(&st.Memory.Low, b)
	case memoryHigh:
		return parseLimit(&st.Memory.High, b)
	case memoryMax:
		return parseLimit(&st.Memory.Max, b)
	case memorySwapMax:
		return parseLimit(&st.Memory.SwapMax, b)
	case memoryStat:
		return parseMemoryStat(&st.Memory, b)
	case memoryEvents:
		return parseMemoryEvents(&st.Memory.Events, b)
	case memoryEventsLocal:
		return parseMemoryEvents(&st.Memory.EventsLocal, b)
	case memoryPressure:
		return parsePressure(&st.Memory.Pressure, b)
	case cpuStat:
		return parseCPUStat(&st.CPU, b)
	case cpuMax:
		return parseCPUMax(&st.CPU, b)
	case cpuWeight:
		return parseFigure(&st.CPU.Weight, b)
	case cpuPressure:
		return parsePressure(&st.CPU.Pressure, b)
	case pidsCurrent:
		return parseFigure(&st.Tasks.Current, b)
	case pidsPeak:
		return parseFigure(&st.Tasks.Peak, b)
	case pidsMax:
		return parseLimit(&st.Tasks.Max, b)
	case ioStat:
		return parseIOStat(&st.IO, b)
	case ioPressure:
		return parsePressure(&st.IO.Pressure, b)
	case cgroupEvents:
		return parseGroupEvents(st, b)
	}
	return nil
}

// cutLine returns the first line without its end, and the rest.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// cutByte is [bytes.Cut] for one byte; ok is false when it is not there.
func cutByte(b []byte, sep byte) (before, after []byte, ok bool) {
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

// uintOf reads a number of decimal digits and nothing else: no sign, no
// space, no overflow.
func uintOf(b []byte) (v uint64, ok bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

// maxMicros is what fits a [time.Duration].
const maxMicros = math.MaxInt64 / uint64(time.Microsecond)

// microsOf reads a number of microseconds.
func microsOf(b []byte) (time.Duration, bool) {
	v, ok := uintOf(b)
	if !ok || v > maxMicros {
		return 0, false
	}
	return time.Duration(v) * time.Microsecond, true
}

// percentOf reads what the kernel prints as %lu.%02lu.
func percentOf(b []byte) (float64, bool) {
	whole, frac, ok := cutByte(b, '.')
	w, ok1 := uintOf(whole)
	f, ok2 := uintOf(frac)
	if !ok || !ok1 || !ok2 || len(frac) != 2 || w > 1<<32 {
		return 0, false
	}
	return float64(w*100+f) / 100, true // the nearest float64
}

func parseFigure(o *Opt[uint64], b []byte) error {
	line, _ := cutLine(b)
	v, ok := uintOf(line)
	if !ok {
		return malformedLine(line)
	}
	*o = Some(v)
	return nil
}

func parseLimit(l *Limit[uint64], b []byte) error {
	line, _ := cutLine(b)
	if string(line) == "max" {
		*l = NoLimit[uint64]()
		return nil
	}
	v, ok := uintOf(line)
	if !ok {
		return malformedLine(line)
	}
	*l = AtMost(v)
	return nil
}

// eachField reads the lines of a flat-keyed file, "KEY NUMBER". The numbers
// that take does not want make their line malformed.
func eachField(b []byte, take func(key []byte, v uint64) bool) error {
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		key, val, _ := cutByte(line, ' ')
		if v, ok := uintOf(val); !ok || !take(key, v) {
			return malformedLine(line)
		}
	}
	return nil
}

func parseMemoryStat(m *Memory, b []byte) error {
	return eachField(b, func(key []byte, v uint64) bool {
		switch string(key) {
		case "anon":
			m.Anon = Some(v)
		case "file":
			m.File = Some(v)
		case "inactive_file":
			m.InactiveFile = Some(v)
		case "shmem":
			m.Shmem = Some(v)
		case "kernel":
			m.Kernel = Some(v)
		case "pgmajfault":
			m.MajorFaults = Some(v)
		}
		return true
	})
}

func parseMemoryEvents(e *MemoryEvents, b []byte) error {
	return eachField(b, func(key []byte, v uint64) bool {
		switch string(key) {
		case "low":
			e.Low = Some(v)
		case "high":
			e.High = Some(v)
		case "max":
			e.Max = Some(v)
		case "oom":
			e.OOM = Some(v)
		case "oom_kill":
			e.OOMKill = Some(v)
		case "oom_group_kill":
			e.OOMGroupKill = Some(v)
		}
		return true
	})
}

func parseCPUStat(c *CPU, b []byte) error {
	return eachField(b, func(key []byte, v uint64) bool {
		if v > maxMicros {
			return false
		}
		micros := time.Duration(v) * time.Microsecond
		switch string(key) {
		case "usage_usec":
			c.Usage = Some(micros)
		case "user_usec":
			c.User = Some(micros)
		case "system_usec":
			c.System = Some(micros)
		case "throttled_usec":
			c.Throttled = Some(micros)
		case "nr_periods":
			c.Periods = Some(v)
		case "nr_throttled":
			c.ThrottledPeriods = Some(v)
		}
		return true
	})
}

// parseCPUMax reads "QUOTA PERIOD" in microseconds, where the quota may be
// "max".
func parseCPUMax(c *CPU, b []byte) error {
	line, _ := cutLine(b)
	quota, period, ok := cutByte(line, ' ')
	p, ok1 := microsOf(period)
	if !ok || !ok1 || p == 0 {
		return malformedLine(line)
	}
	if string(quota) == "max" {
		c.Quota, c.Period = NoLimit[time.Duration](), Some(p)
		return nil
	}
	q, ok := microsOf(quota)
	if !ok {
		return malformedLine(line)
	}
	c.Quota, c.Period = AtMost(q), Some(p)
	return nil
}

// deviceOf reads MAJOR:MINOR.
func deviceOf(b []byte) (d Device, ok bool) {
	major, minor, ok := cutByte(b, ':')
	ma, ok1 := uintOf(major)
	mi, ok2 := uintOf(minor)
	return Device{Major: uint32(ma), Minor: uint32(mi)}, ok && ok1 && ok2 && ma <= math.MaxUint32 && mi <= math.MaxUint32
}

// unknownDevice is what the kernel prints for a device that is hidden behind
// another, which is listed too: a path of NVMe multipath, a vdev of ZFS.
const unknownDevice = "(unknown)"

// parseIOStat reads lines of MAJOR:MINOR KEY=VALUE…. A device that the group
// did not use may have no keys, and older kernels (5.10, 5.15) then leave out
// the end of the line, so that another device follows in it.
func parseIOStat(io *IO, b []byte) error {
	devices := io.Devices[:0]
	var total IOCounters
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		var dev Device
		var seen, used, hidden bool
		for rest := line; len(rest) > 0; {
			var word []byte
			word, rest, _ = cutByte(rest, ' ')
			if len(word) == 0 {
				continue
			}
			key, val, ok := cutByte(word, '=')
			if !ok {
				if hidden = string(word) == unknownDevice; hidden {
					dev, seen = Device{}, true
				} else {
					dev, seen = deviceOf(word)
				}
				if !seen || used {
					return malformedLine(line)
				}
				continue
			}
			if !seen {
				return malformedLine(line)
			}
			var n *uint64
			switch string(key) {
			case "rbytes":
				n = &dev.ReadBytes
			case "wbytes":
				n = &dev.WriteBytes
			case "dbytes":
				n = &dev.DiscardBytes
			case "rios":
				n = &dev.ReadOps
			case "wios":
				n = &dev.WriteOps
			case "dios":
				n = &dev.DiscardOps
			default: // of the io.cost and io.latency controllers
				continue
			}
			if *n, ok = uintOf(val); !ok {
				return malformedLine(line)
			}
			used = true
		}
		if used && !hidden {
			devices = append(devices, dev)
			total.add(dev.IOCounters)
		}
	}
	io.Devices, io.Total = devices, Some(total)
	return nil
}

// parseBlkio reads a line of v1's blkio files, "MAJOR:MINOR OPERATION COUNT" or
// the sum in the end, into the counter of its device and operation.
func parseBlkio(devices *[]Device, line []byte, counter func(d *Device, op string) *uint64) (ok bool) {
	word, rest, ok := cutByte(line, ' ')
	if string(word) == "Total" || string(word) == unknownDevice {
		return ok
	}
	op, val, ok := cutByte(rest, ' ')
	v, ok1 := uintOf(val)
	d, ok2 := deviceOf(word)
	if !ok || !ok1 || !ok2 {
		return false
	}
	i := slices.IndexFunc(*devices, func(e Device) bool { return e.Major == d.Major && e.Minor == d.Minor })
	if i < 0 {
		i = len(*devices)
		*devices = append(*devices, d)
	}
	if n := counter(&(*devices)[i], string(op)); n != nil {
		*n = v
	}
	return true
}

// parsePressure reads two lines, "some" and "full", of
// avg10=… avg60=… avg300=… total=….
func parsePressure(p *Pressure, b []byte) error {
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		kind, rest, ok := cutByte(line, ' ')
		if !ok {
			return malformedLine(line)
		}
		var s Stall
		for len(rest) > 0 {
			var word []byte
			word, rest, _ = cutByte(rest, ' ')
			key, val, ok := cutByte(word, '=')
			switch string(key) {
			case "avg10":
				s.Avg10, ok = percentOf(val)
			case "avg60":
				s.Avg60, ok = percentOf(val)
			case "avg300":
				s.Avg300, ok = percentOf(val)
			case "total":
				s.Total, ok = microsOf(val)
			}
			if !ok {
				return malformedLine(line)
			}
		}
		switch string(kind) {
		case "some":
			p.Some = Some(s)
		case "full":
			p.Full = Some(s)
		default:
			return malformedLine(line)
		}
	}
	return nil
}

func parseGroupEvents(st *Stats, b []byte) error {
	return eachField(b, func(key []byte, v uint64) bool {
		var o *Opt[bool]
		switch string(key) {
		case "populated":
			o = &st.Populated
		case "frozen":
			o = &st.Frozen
		default:
			return true
		}
		if v > 1 {
			return false
		}
		*o = Some(v == 1)
		return true
	})
}
