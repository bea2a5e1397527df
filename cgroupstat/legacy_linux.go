package cgroupstat

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/cgroups/v3/cgroup1"
	v1 "github.com/containerd/cgroups/v3/cgroup1/stats"
	"golang.org/x/sys/unix"
)

// statLegacy reads a group of a v1 or hybrid hierarchy. The usage is read by
// the controllers of containerd's cgroup1, one at a time: its Cgroup.Stat
// takes the directories that are missing for idle ones. What cgroup1 lacks
// (limits, sub-groups in blkio, swap without swap accounting) or cannot tell
// from zero (pids.max) is read here.
func (t *tree) statLegacy(path string, view View, st *Stats) error {
	st.Path = path
	g := legacyGroup{t, path, st}
	id, err := g.id()
	if err != nil {
		return err
	}
	st.ID = id
	// systemd makes a group's directory in the hierarchies of those
	// controllers alone that the unit has accounting or limits for.
	for _, c := range []struct {
		controller string
		read       func() error
		when       bool
	}{
		{"memory", g.memory, true},
		{"cpu", g.cpu, true},
		{"cpuacct", g.cpuacct, true},
		{"pids", g.pids, true},
		{"blkio", g.blkio, view == Full},
		{"unified", func() error { return g.unified(view) }, t.mode == Hybrid},
	} {
		if !c.when {
			continue
		}
		_, ok, err := g.has(c.controller)
		if ok && err == nil {
			err = gone(c.read())
		}
		if err != nil {
			return err
		}
	}
	// A file that is missing is a figure that is absent, unless the group
	// went away during the reading.
	if again, err := g.id(); err != nil || again != id {
		return cmp.Or(err, ErrNotRunning)
	}
	return nil
}

// id returns the inode of the group in the hierarchy in which systemd has
// every unit, which it makes first and removes first.
func (g *legacyGroup) id() (uint64, error) {
	name := "systemd"
	if g.t.mode == Hybrid {
		name = "unified"
	}
	id, ok, err := g.has(name)
	if err == nil && !ok {
		err = ErrNotRunning
	}
	return id, err
}

// legacyGroup is a group under the same path in the hierarchies of several
// controllers.
type legacyGroup struct {
	t    *tree
	path string
	st   *Stats
}

func (g *legacyGroup) has(controller string) (id uint64, ok bool, err error) {
	dir := filepath.Join(g.t.mount, controller)
	if g.path != "/" {
		dir += g.path
	}
	var st unix.Stat_t
	switch err := ignoringEINTR(func() error { return unix.Stat(dir, &st) }); {
	case err == unix.ENOENT, err == unix.ENOTDIR:
		return 0, false, nil
	case err != nil:
		return 0, false, &Error{File: controller, Err: err}
	}
	return uint64(st.Ino), st.Mode&unix.S_IFMT == unix.S_IFDIR, nil
}

// failed turns what a controller of cgroup1 returns into this package's
// errors: anything but a failed system call is a file it did not understand.
func failed(controller string, err error) error {
	var e *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return &Error{File: filepath.Base(e.Path), Err: e.Err}
	}
	return &Error{File: controller, Err: &malformed{err.Error()}}
}

func (g *legacyGroup) memory() error {
	m := &g.st.Memory
	// The kmem files come and go with the kernel's version, and are not
	// needed; memsw is there only with swapaccount=1.
	controller := cgroup1.NewMemory(g.t.mount, cgroup1.IgnoreModules("kmem", "kmem.tcp", "memsw"))
	var stats v1.Metrics
	if err := controller.Stat(g.path, &stats); err != nil {
		return failed("memory", err)
	}
	s := stats.Memory
	m.Current, m.Peak = Some(s.Usage.Usage), Some(s.Usage.Max)
	m.Anon, m.File, m.InactiveFile = Some(s.TotalRSS), Some(s.TotalCache), Some(s.TotalInactiveFile)
	m.MajorFaults = Some(s.TotalPgMajFault)
	m.Max, m.EffectiveMax = legacyLimit(s.Usage.Limit), legacyLimit(s.HierarchicalMemoryLimit)
	m.Events.OOMKill = Some(stats.MemoryOomControl.OomKill)

	_, err := g.lines("memory", "memory.stat", func(line []byte) bool {
		key, val, ok := cutByte(line, ' ')
		var o *Opt[uint64]
		switch string(key) {
		case "total_swap":
			o = &m.Swap
		case "total_shmem":
			o = &m.Shmem
		default:
			return ok
		}
		v, ok := uintOf(val)
		*o = Some(v)
		return ok
	})
	return err
}

// legacyLimit understands the number that v1 has for "no limit": the greatest
// number of pages that the kernel can count, in bytes.
func legacyLimit(v uint64) Limit[uint64] {
	if v >= math.MaxInt64&^(1<<20-1) || math.MaxInt == math.MaxInt32 && v>>12 >= math.MaxInt32 {
		return NoLimit[uint64]()
	}
	return AtMost(v)
}

func (g *legacyGroup) cpu() error {
	c := &g.st.CPU
	stats := v1.Metrics{CPU: &v1.CPUStat{Throttling: &v1.Throttle{}}}
	if err := cgroup1.NewCpu(g.t.mount).Stat(g.path, &stats); err != nil {
		return failed("cpu", err)
	}
	s := stats.CPU.Throttling
	c.Periods, c.ThrottledPeriods = Some(s.Periods), Some(s.ThrottledPeriods)
	c.Throttled = Some(time.Duration(min(s.ThrottledTime, math.MaxInt64)))
	if err := g.figure("cpu", "cpu.shares", &c.Shares); err != nil {
		return err
	}
	if err := g.quota(c); err != nil {
		return err
	}
	c.EffectiveLimit = c.Limit()
	for up, ok := parent(g.path); ok; up, ok = parent(up) {
		var above CPU
		if err := (&legacyGroup{g.t, up, nil}).quota(&above); err != nil {
			return err
		}
		c.EffectiveLimit = c.EffectiveLimit.within(above.Limit())
	}
	return nil
}

func (g *legacyGroup) quota(c *CPU) error {
	var period Opt[uint64]
	if err := g.figure("cpu", "cpu.cfs_period_us", &period); err != nil || period.IsZero() {
		return err
	}
	_, err := g.lines("cpu", "cpu.cfs_quota_us", func(line []byte) bool {
		if string(line) == "-1" {
			line = []byte("max")
		}
		return parseCPUMax(c, fmt.Appendf(nil, "%s %d", line, period.v)) == nil
	})
	return err
}

func (g *legacyGroup) cpuacct() error {
	c := &g.st.CPU
	stats := v1.Metrics{CPU: &v1.CPUStat{Usage: &v1.CPUUsage{}}}
	if err := cgroup1.NewCpuacct(g.t.mount).Stat(g.path, &stats); err != nil {
		return failed("cpuacct", err)
	}
	g.st.Time = time.Now()
	nanos := func(v uint64) Opt[time.Duration] { return Some(time.Duration(min(v, math.MaxInt64))) }
	s := stats.CPU.Usage
	c.Usage, c.User, c.System = nanos(s.Total), nanos(s.User), nanos(s.Kernel)
	return nil
}

func (g *legacyGroup) pids() error {
	p := &g.st.Tasks
	if g.path == "/" {
		return nil // the root has no files
	}
	// cgroup1 has zero for a pids.max of "max".
	if err := g.figure("pids", "pids.current", &p.Current); err != nil {
		return err
	}
	if err := g.limit("pids", "pids.max", &p.Max); err != nil {
		return err
	}
	p.EffectiveMax = p.Max
	for up, ok := parent(g.path); ok; up, ok = parent(up) {
		var above Limit[uint64]
		if err := (&legacyGroup{g.t, up, nil}).limit("pids", "pids.max", &above); err != nil {
			return err
		}
		p.EffectiveMax = p.EffectiveMax.within(above)
	}
	return nil
}

// blkio reads the counters that do not depend on the I/O scheduler and count
// what is below the group (Linux 4.16).
func (g *legacyGroup) blkio() error {
	var devices []Device
	read := func(name string, counter func(d *Device, op string) *uint64) (found bool, err error) {
		return g.lines("blkio", name, func(line []byte) bool {
			return parseBlkio(&devices, line, counter)
		})
	}
	bytesFound, err := read("blkio.throttle.io_service_bytes_recursive", func(d *Device, op string) *uint64 {
		return map[string]*uint64{"Read": &d.ReadBytes, "Write": &d.WriteBytes, "Discard": &d.DiscardBytes}[op]
	})
	if err != nil {
		return err
	}
	opsFound, err := read("blkio.throttle.io_serviced_recursive", func(d *Device, op string) *uint64 {
		return map[string]*uint64{"Read": &d.ReadOps, "Write": &d.WriteOps, "Discard": &d.DiscardOps}[op]
	})
	if err != nil || !bytesFound || !opsFound {
		return err
	}
	var total IOCounters
	for _, d := range devices {
		total.add(d.IOCounters)
	}
	g.st.IO.Devices, g.st.IO.Total = append(g.st.IO.Devices[:0], devices...), Some(total)
	return nil
}

// unified reads what a hybrid has beside the controllers.
func (g *legacyGroup) unified(view View) error {
	dir, _, err := g.t.openDir(g.path)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	buf := g.t.bufs.Get().(*[]byte)
	defer g.t.bufs.Put(buf)
	for _, f := range []file{cgroupEvents, cpuPressure, memoryPressure, ioPressure} {
		if _, err := g.t.statFile(dir, "", f, buf, g.st); err != nil {
			return err
		}
		if view == Light {
			break
		}
	}
	return nil
}

// lines reads a file line by line, if it is found.
func (g *legacyGroup) lines(controller, name string, parse func(line []byte) (ok bool)) (found bool, err error) {
	b, err := os.ReadFile(filepath.Join(g.t.mount, controller, g.path, name))
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, failed(controller, err)
	}
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		if !parse(bytes.TrimSpace(line)) {
			return true, &Error{File: name, Err: malformedLine(line)}
		}
	}
	return true, nil
}

func (g *legacyGroup) figure(controller, name string, o *Opt[uint64]) error {
	_, err := g.lines(controller, name, func(line []byte) bool { return parseFigure(o, line) == nil })
	return err
}

func (g *legacyGroup) limit(controller, name string, l *Limit[uint64]) error {
	_, err := g.lines(controller, name, func(line []byte) bool { return parseLimit(l, line) == nil })
	return err
}
