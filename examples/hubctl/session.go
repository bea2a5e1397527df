package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/journal"
	"github.com/hubhost/hubhost/units"
)

// session is a user's session as the tables and JSON show it. What is not
// known, or not limited, is nil.
type session struct {
	User        string     `json:"user"`
	Unit        string     `json:"unit"`
	State       string     `json:"state"`
	Since       time.Time  `json:"since,omitzero"`
	Memory      *uint64    `json:"memory"`
	MemoryLimit *uint64    `json:"memoryLimit"`
	CPUs        *float64   `json:"cpus"`
	CPULimit    *float64   `json:"cpuLimit"`
	Tasks       *uint64    `json:"tasks"`
	TasksLimit  *uint64    `json:"tasksLimit"`
	ReadRate    *float64   `json:"readBytesPerSecond,omitempty"`
	WriteRate   *float64   `json:"writeBytesPerSecond,omitempty"`
	Pressure    *float64   `json:"memoryPressure,omitempty"`
	OOMKills    *uint64    `json:"oomKills"`
	LastOOM     *time.Time `json:"lastOOM"`
}

// gatherer looks at the sessions again and again.
type gatherer struct {
	host    *host
	manager *units.Manager
	sampler *cgroupstat.Sampler // nil where systemd's figures have to do
	samples []cgroupstat.Sample
	usage   map[string]usage
}

// usage is systemd's figure of the CPU time at the last look, by invocation.
type usage struct {
	at   time.Time
	time time.Duration
}

func (h *host) gather(ctx context.Context, view cgroupstat.View) (*gatherer, error) {
	hierarchy, err := h.groups()
	if err != nil {
		return nil, err
	}
	g := &gatherer{host: h, usage: make(map[string]usage)}
	if g.manager, err = h.connect(ctx); err != nil {
		return nil, err
	}
	if hierarchy != nil {
		g.sampler = hierarchy.NewSampler(cgroupstat.SamplerConfig{View: view})
	}
	return g, nil
}

func (g *gatherer) close() {
	g.manager.Close()
	if g.sampler != nil {
		g.sampler.Close()
	}
}

// look returns the sessions by user. Rates need two looks.
func (g *gatherer) look(ctx context.Context) ([]session, error) {
	pattern, err := g.host.names.Pattern()
	if err != nil {
		return nil, err
	}
	fields := []units.Field{units.FieldSince, units.FieldControlGroup, units.FieldResult}
	if g.sampler == nil {
		fields = append(fields, units.FieldInvocationID, units.FieldMemoryCurrent, units.FieldCPUUsage, units.FieldTasksCurrent,
			units.FieldMemoryMax, units.FieldCPUQuotaPerSec, units.FieldTasksMax)
	}
	list, err := g.manager.Statuses(ctx, units.Filter{Patterns: []string{pattern}}, fields...)
	if err != nil {
		return nil, err
	}
	all := []session{} // none is an empty list, in JSON too
	var paths []string
	for _, st := range list {
		user, ok := g.host.names.User(st.Name)
		if !ok {
			continue
		}
		s := session{User: user, Unit: st.Name, State: string(st.ActiveState), Since: st.Since}
		if st.Result != "" && st.Result != "success" {
			s.State += " (" + st.Result + ")"
		}
		if g.sampler == nil {
			g.reported(&s, st)
		}
		all = append(all, s)
		paths = append(paths, st.ControlGroup)
	}
	if g.sampler != nil {
		if err := g.sample(ctx, all, paths); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b session) int { return strings.Compare(a.User, b.User) })
	return all, nil
}

// sample fills in what the kernel accounts to the control groups.
func (g *gatherer) sample(ctx context.Context, all []session, paths []string) error {
	var running []string
	for _, path := range paths {
		if path != "" {
			running = append(running, path)
		}
	}
	var err error
	if g.samples, err = g.sampler.Sample(ctx, g.samples, running); err != nil {
		return err
	}
	byPath := make(map[string]*cgroupstat.Sample, len(g.samples))
	for i := range g.samples {
		byPath[g.samples[i].Path] = &g.samples[i]
	}
	for i, path := range paths {
		sm := byPath[path]
		if sm == nil || errors.Is(sm.Err, cgroupstat.ErrNotRunning) {
			continue
		}
		if sm.Err != nil {
			return sm.Err
		}
		s := &all[i]
		s.Memory = figure(sm.Memory.Current.Get())
		s.MemoryLimit = figure(sm.Memory.EffectiveMax.Get())
		s.CPUs = figure(sm.CPUs.Get())
		s.CPULimit = figure(sm.CPU.EffectiveLimit.Get())
		s.Tasks = figure(sm.Tasks.Current.Get())
		s.TasksLimit = figure(sm.Tasks.EffectiveMax.Get())
		s.ReadRate = figure(sm.ReadBytes.Get())
		s.WriteRate = figure(sm.WriteBytes.Get())
		s.OOMKills = figure(sm.Memory.Events.OOMKill.Get())
		if some, ok := sm.Memory.Pressure.Some.Get(); ok {
			s.Pressure = &some.Avg10
		}
	}
	return nil
}

// reported fills in what systemd reports.
func (g *gatherer) reported(s *session, st units.Status) {
	s.Memory = figure(st.MemoryCurrent.Uint64())
	s.MemoryLimit = figure(st.Limits.MemoryMax.Uint64())
	s.Tasks = figure(st.TasksCurrent.Uint64())
	s.TasksLimit = figure(st.Limits.TasksMax.Uint64())
	if quota, ok := st.Limits.CPUQuotaPerSec.Duration(); ok {
		cpus := quota.Seconds()
		s.CPULimit = &cpus
	}
	if used, ok := st.CPUUsage.Duration(); ok {
		now := time.Now()
		if was, ok := g.usage[st.InvocationID]; ok {
			cpus := (used - was.time).Seconds() / now.Sub(was.at).Seconds()
			s.CPUs = &cpus
		}
		g.usage[st.InvocationID] = usage{now, used}
	}
}

func figure[T any](v T, ok bool) *T {
	if !ok {
		return nil
	}
	return &v
}

// outOfMemory is MESSAGE_ID of what systemd says when the kernel has killed a
// process of a unit for memory (SD_MESSAGE_UNIT_OUT_OF_MEMORY, systemd 244).
const outOfMemory = "fe6faa94e7774663a0da52717891d8ef"

// memoryKills fills in when each session last lost a process for memory. An
// error leaves it unknown.
func (h *host) memoryKills(ctx context.Context, all []session) error {
	pattern, err := h.names.Pattern()
	if err != nil {
		return err
	}
	last := make(map[string]time.Time)
	q := journal.Query{Units: []string{pattern}, Match: journal.Field("MESSAGE_ID", outOfMemory)}
	for e, err := range h.logs(ctx, q) {
		if err != nil {
			return err
		}
		last[e.Unit()] = e.Time()
	}
	for i := range all {
		if t, ok := last[all[i].Unit]; ok {
			all[i].LastOOM = &t
		}
	}
	return nil
}

// row is a session in a table.
func (s *session) row(now time.Time) []cli.Cell {
	return []cli.Cell{
		{Text: s.User, Style: cli.Bold},
		{Text: s.State, Style: stateStyle(s.State)},
		{Text: age(now, s.Since), Right: true},
		{Text: size(s.Memory), Right: true, Style: shareStyle(s.Memory, s.MemoryLimit)},
		{Text: size(s.MemoryLimit), Right: true},
		{Text: cpus(s.CPUs), Right: true},
		{Text: cpus(s.CPULimit), Right: true},
		{Text: count(s.Tasks), Right: true},
		{Text: count(s.OOMKills), Right: true, Style: killStyle(s.OOMKills)},
	}
}

var heading = []string{"USER", "STATE", "FOR", "MEMORY", "LIMIT", "CPUS", "LIMIT", "TASKS", "KILLS"}

func stateStyle(state string) cli.Style {
	switch {
	case state == string(units.Active):
		return cli.Good
	case strings.HasPrefix(state, string(units.Failed)):
		return cli.Bad
	}
	return cli.Plain
}

// shareStyle warns from 80 % of a limit on.
func shareStyle(used, limit *uint64) cli.Style {
	switch {
	case used == nil || limit == nil || *limit == 0:
		return cli.Plain
	case float64(*used) >= 0.95*float64(*limit):
		return cli.Bad
	case float64(*used) >= 0.8*float64(*limit):
		return cli.Warn
	}
	return cli.Plain
}

func killStyle(kills *uint64) cli.Style {
	if kills != nil && *kills > 0 {
		return cli.Bad
	}
	return cli.Plain
}

func size(n *uint64) string {
	if n == nil {
		return "-"
	}
	return byteSize(float64(*n))
}

// byteSize writes an amount in the units of JupyterHub, powers of 1024.
func byteSize(v float64) string {
	for _, unit := range []string{"B", "K", "M", "G"} {
		if v < 1000 {
			if unit == "B" || v >= 100 {
				return fmt.Sprintf("%.0f%s", v, unit)
			}
			return fmt.Sprintf("%.1f%s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.1fT", v)
}

func cpus(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *v)
}

func count(n *uint64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// age writes for how long something has been so.
func age(now, since time.Time) string {
	if since.IsZero() {
		return "-"
	}
	d := now.Sub(since)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
