package cgroupstat

import "strings"

// file is a control file of a v2 group.
type file uint8

const (
	memoryCurrent file = iota
	memoryPeak
	memorySwapCurrent
	memorySwapPeak
	memoryMin
	memoryLow
	memoryHigh
	memoryMax
	memorySwapMax
	memoryStat
	memoryEvents
	memoryEventsLocal
	memoryPressure
	cpuStat
	cpuMax
	cpuWeight
	cpuPressure
	pidsCurrent
	pidsPeak
	pidsMax
	ioStat
	ioPressure
	cgroupEvents
	numFiles
)

const (
	// bufferSize holds any control file of a usual group in one read:
	// memory.stat has about 2 KiB, io.stat 100 bytes a device.
	bufferSize = 16 << 10
	// maxFile bounds what is read of one.
	maxFile = 4 << 20
)

var fileNames = [numFiles]string{
	"memory.current", "memory.peak", "memory.swap.current", "memory.swap.peak",
	"memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max",
	"memory.stat", "memory.events", "memory.events.local", "memory.pressure",
	"cpu.stat", "cpu.max", "cpu.weight", "cpu.pressure",
	"pids.current", "pids.peak", "pids.max",
	"io.stat", "io.pressure",
	"cgroup.events",
}

func (f file) String() string { return fileNames[f] }

// always reports whether every group has the file, whatever its controllers:
// when it is missing, the group went away after its directory was opened.
func (f file) always(path string) bool {
	return f == cpuStat || f == cgroupEvents && path != "/"
}

var (
	// everything ends with a file that every group has, see always.
	everything = func() (files []file) {
		for f := range numFiles {
			files = append(files, f)
		}
		return files
	}()

	// views are what a Sampler reads: with the three files of slices, which
	// hold the effective limits, 16 for a unit in one slice. They too end with
	// a file that every group has.
	views = [...][]file{
		Full: {
			memoryCurrent, memorySwapCurrent, memoryMax, memoryStat, memoryEvents, memoryPressure,
			cpuMax, cpuPressure, pidsCurrent, pidsMax, ioStat, ioPressure, cpuStat,
		},
		Light: {memoryCurrent, memoryMax, memoryEvents, cpuMax, pidsCurrent, pidsMax, cpuStat},
	}

	// limiting are the files whose tightest value up to the root binds.
	limiting = []file{memoryMax, cpuMax, pidsMax}
)

// parent returns the slice above a control group; ok is false when it is the
// root, which has no limits.
func parent(path string) (slice string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], i > 0
}
