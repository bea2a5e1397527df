//go:build linux

package cgroupstat

import (
	"errors"
	"path"
	"strconv"
	"testing"
)

// FuzzParse gives every control file any content: it is understood, or it is
// malformed, and never half of each. The archives are the seeds.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"v2-5.10.txtar", "v2-6.1.txtar", "v2-6.12.txtar"} {
		for file, content := range archive(f, name) {
			for i, known := range fileNames {
				if path.Base(file) == known {
					f.Add(uint8(i), []byte(content))
				}
			}
		}
	}
	f.Add(uint8(ioStat), []byte("259:0 rbytes=1 wbytes=2 rios=3 wios=4 cost.usage=9 cost.vrate=100.00\n(unknown) rbytes=1\n252:0 "))
	f.Add(uint8(cpuMax), []byte("100000 0\n"))
	f.Add(uint8(memoryPressure), []byte("some avg10=100.00 avg60=99.99 avg300=0.10 total=9223372036854775807\n"))
	f.Fuzz(func(t *testing.T, which uint8, content []byte) {
		file := file(which) % numFiles
		var st Stats
		err := file.parse(&st, content)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("%s: %v", file, err)
		}
		if limit, ok := st.CPU.Limit().Get(); ok && !(limit >= 0) {
			t.Fatalf("%s: limit of %v CPUs", file, limit)
		}
		for _, d := range []Opt[Stall]{st.CPU.Pressure.Some, st.IO.Pressure.Full} {
			if s, _ := d.Get(); s.Avg10 < 0 || s.Total < 0 {
				t.Fatalf("%s: negative pressure %+v", file, s)
			}
		}
		if st.CPU.Usage.Or(0) < 0 || st.CPU.Throttled.Or(0) < 0 {
			t.Fatalf("%s: negative time", file)
		}
		if err != nil {
			return
		}
		// What was understood once is understood the same again, in the same
		// place: a Sampler reuses its Stats.
		again := Stats{IO: st.IO}
		if err := file.parse(&again, content); err != nil {
			t.Fatal(err)
		}
		if total, ok := again.IO.Total.Get(); ok && total != st.IO.Total.Or(IOCounters{}) {
			t.Fatalf("%s: %+v, then %+v", file, st.IO.Total, again.IO.Total)
		}
	})
}

// FuzzUint compares with package strconv, which takes a sign and underscores
// nowhere in base 10.
func FuzzUint(f *testing.F) {
	for _, s := range []string{"", "0", "-1", "+1", "18446744073709551615", "18446744073709551616", "99999999999999999999", "007", "1 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := strconv.ParseUint(s, 10, 64)
		got, ok := uintOf([]byte(s))
		if len(s) > 20 { // no file of the kernel has leading zeros
			return
		}
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%q: %d, %v; strconv has %d, %v", s, got, ok, want, err)
		}
	})
}

func FuzzLegacy(f *testing.F) {
	for file, content := range archive(f, "v1.txtar") {
		if path.Dir(file) == "blkio"+alice {
			f.Add([]byte(content))
		}
	}
	f.Add([]byte("(unknown) Read 5\n8:0 Read 1\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		var devices []Device
		for len(content) > 0 {
			var line []byte
			line, content = cutLine(content)
			parseBlkio(&devices, line, func(d *Device, op string) *uint64 { return &d.ReadBytes })
		}
		for i, d := range devices {
			for _, e := range devices[:i] {
				if d.Major == e.Major && d.Minor == e.Minor {
					t.Fatalf("%d:%d twice", d.Major, d.Minor)
				}
			}
		}
	})
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte("MemTotal: 8 kB\nMemAvailable: 6 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"))
	f.Add([]byte("cpu  1 2 3 4 5 6 7 8 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n"))
	f.Add([]byte("31 23 0:27 / /sys/fs/cgroup\\040x rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		var m Machine
		if err := m.parseMeminfo(content); err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		if err := m.parseStat(content); err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
		if m.CPUUsage < 0 {
			t.Fatal(m.CPUUsage)
		}
		parseMount(string(content))
	})
}
