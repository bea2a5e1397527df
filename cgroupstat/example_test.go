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
