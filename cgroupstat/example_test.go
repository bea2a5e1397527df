package cgroupstat_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/hubhost/hubhost/cgroupstat"
)

// What one session uses against its limit.
func ExampleHierarchy_Stat() {
	h, err := cgroupstat.Open(cgroupstat.Config{})
	if err != nil {
		log.Fatal(err)
	}

	st, err := h.Stat("/system.slice/jupyter-alice.service")
	if errors.Is(err, cgroupstat.ErrNotRunning) {
		fmt.Println("alice has no session")
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("memory %v of %v bytes, peak %v\n", st.Memory.Current, st.Memory.EffectiveMax, st.Memory.Peak)
	fmt.Printf("CPU %v of %v CPUs\n", st.CPU.Usage, st.CPU.EffectiveLimit)
	if killed := st.Memory.Events.OOMKill.Or(0); killed > 0 {
		fmt.Printf("%d processes were killed for memory\n", killed)
	}
}

// All sessions every ten seconds: who uses most memory, and who is idle.
func ExampleSampler() {
	h, err := cgroupstat.Open(cgroupstat.Config{})
	if err != nil {
		log.Fatal(err)
	}
	sampler := h.NewSampler(cgroupstat.SamplerConfig{})
	defer sampler.Close()

	var samples []cgroupstat.Sample
	for range time.Tick(10 * time.Second) {
		var sessions []string
		units, err := h.Children("/system.slice")
		if err != nil {
			log.Fatal(err)
		}
		for _, path := range units {
			if strings.HasPrefix(path, "/system.slice/jupyter-") {
				sessions = append(sessions, path)
			}
		}
		samples, err = sampler.Sample(context.Background(), samples, sessions)
		if err != nil {
			log.Fatal(err)
		}
		for _, s := range cgroupstat.Top(samples, cgroupstat.ByMemory, 10) {
			fmt.Printf("%s\t%v bytes\t%v CPUs\n", s.Path, s.Memory.Current, s.CPUs)
			if s.Idle(time.Hour) {
				fmt.Println("\thas computed nothing for an hour")
			}
		}
		fmt.Printf("all: %.1f CPUs\n", cgroupstat.Sum(samples).CPUs)
	}
}

// Being told when a session is killed for memory.
func ExampleWatcher() {
	h, err := cgroupstat.Open(cgroupstat.Config{})
	if err != nil {
		log.Fatal(err)
	}
	w, err := h.NewWatcher()
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	if err := w.Add("/system.slice/jupyter-alice.service"); err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for ev, err := range w.Events(ctx) {
		if err != nil {
			fmt.Println(err) // the hour is over
			break
		}
		if ev.Kind == cgroupstat.OOMKill {
			fmt.Printf("%s: %d processes killed for memory\n", ev.Path, ev.Count)
		}
	}
}

// Being told of every session, those that start later too.
func ExampleWatcher_AddPrefix() {
	h, err := cgroupstat.Open(cgroupstat.Config{})
	if err != nil {
		log.Fatal(err)
	}
	w, err := h.NewWatcher()
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	if err := w.AddPrefix("/system.slice/jupyter-"); err != nil {
		log.Fatal(err)
	}

	for ev, err := range w.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		switch ev.Kind {
		case cgroupstat.Created, cgroupstat.Gone:
			fmt.Println(ev.Path, ev.Kind)
		case cgroupstat.OOMKill:
			fmt.Printf("%s: %d processes killed for memory\n", ev.Path, ev.Count)
		}
	}
}

// Whether alice's 2 GiB and one and a half CPUs are what the kernel holds.
func ExampleHierarchy_Enforced() {
	h, err := cgroupstat.Open(cgroupstat.Config{})
	if err != nil {
		log.Fatal(err)
	}

	report, err := h.Enforced("/system.slice/jupyter-alice.service", cgroupstat.Limits{
		MemoryMax: cgroupstat.AtMost[uint64](2 << 30),
		CPUQuota:  cgroupstat.AtMost(1.5),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range report.Findings {
		fmt.Printf("%s (%s): asked %s, held %s by %s\n", f.Property, f.Code, f.Asked, f.Held, f.Path)
	}
}

// The unit that a process belongs to.
func ExampleHierarchy_GroupOf() {
	h, err := cgroupstat.Open(cgroupstat.Config{})
	if err != nil {
		log.Fatal(err)
	}

	path, err := h.GroupOf(4242)
	if err != nil {
		log.Fatal(err)
	}
	st, err := h.Stat(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(path, st.Tasks.Current)
}

// The heaviest of some samples, and what they use together.
func ExampleTop() {
	session := func(path string, memory uint64, cpus float64) cgroupstat.Sample {
		var s cgroupstat.Sample
		s.Path = path
		s.Memory.Current = cgroupstat.Some(memory)
		s.CPUs = cgroupstat.Some(cpus)
		return s
	}
	samples := []cgroupstat.Sample{
		session("/system.slice/jupyter-alice.service", 700<<20, 0.5),
		session("/system.slice/jupyter-bob.service", 300<<20, 1.5),
		{Stats: cgroupstat.Stats{Path: "/system.slice/jupyter-carol.service"}, Err: cgroupstat.ErrNotRunning},
	}
	for _, s := range cgroupstat.Top(samples, cgroupstat.ByCPU, 2) {
		fmt.Println(s.Path, s.CPUs)
	}
	total := cgroupstat.Sum(samples)
	fmt.Printf("%d sessions, %d MiB, %.1f CPUs\n", total.Units, total.Memory>>20, total.CPUs)
	// Output:
	// /system.slice/jupyter-bob.service 1.5
	// /system.slice/jupyter-alice.service 0.5
	// 2 sessions, 1000 MiB, 2.0 CPUs
}

// Absent, unlimited and a figure are three things.
func ExampleLimit() {
	var absent cgroupstat.Limit[uint64]
	for _, limit := range []cgroupstat.Limit[uint64]{absent, cgroupstat.NoLimit[uint64](), cgroupstat.AtMost[uint64](0)} {
		v, ok := limit.Get()
		fmt.Println(limit, v, ok, limit.Unlimited())
	}
	// Output:
	// - 0 false false
	// max 0 false true
	// 0 0 true false
}

// How much of the machine is left.
func ExampleHierarchy_Machine() {
	h, err := cgroupstat.Open(cgroupstat.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := h.Machine()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d CPUs, %d of %d bytes available\n", m.CPUs, m.MemoryAvailable, m.MemoryTotal)
	if s, ok := m.MemoryPressure.Some.Get(); ok {
		fmt.Printf("%.1f %% of the last minute was lost waiting for memory\n", s.Avg60)
	}
}
