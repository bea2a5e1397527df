package units

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hubhost/hubhost/units/internal/sdbus"
)

// Transient describes a service that exists as long as it is loaded, as
// systemd-run makes them and SystemdSpawner does for every session. The zero
// value of a field leaves systemd's default.
type Transient struct {
	Description string // as systemctl status shows it

	// Command is the program, with its absolute path, and its arguments.
	// They are passed as they are: no shell, and no variables are expanded.
	Command []string

	Type             string   // "simple", "exec", "notify", "oneshot"…; "exec" reports a missing program
	User             string   // name or number
	Group            string   // name or number
	WorkingDirectory string   // absolute
	Environment      []string // NAME=value; any user of the host can read them
	EnvironmentFile  string   // absolute path of a file that must exist, for what nobody else may read
	Slice            string   // full name of a slice
	RemainAfterExit  bool     // the unit stays active when the command has ended
	Collect          bool     // the unit is unloaded even if it failed
	Limits           Limits

	// Properties are any others, by the name that the bus has for them.
	Properties []Property
}

// Property is a property of a transient unit, such as NoNewPrivileges. The
// value has to be of the Go type that fits the property's type on the bus:
// bool (b), string (s), uint64 (t), uint32 (u), int32 (i), []string (as). See
// org.freedesktop.systemd1(5).
type Property struct {
	Name  string
	Value any
}

// execCommand is the D-Bus type of ExecStart: a(sasb).
type execCommand struct {
	Path          string
	Argv          []string
	IgnoreFailure bool
}

// environmentFile is the D-Bus type of EnvironmentFiles: a(sb).
type environmentFile struct {
	Path     string
	Optional bool
}

// StartTransient makes a transient service and starts it. Its errors are
// those of [Manager.Start]; one of a unit that is loaded already matches
// ErrExists, also if it has failed and [Manager.ResetFailed] was not called.
func (m *Manager) StartTransient(ctx context.Context, unit string, t Transient, options ...JobOption) error {
	const op = "start transient"
	if err := checkName(unit); err != nil {
		return fail(op, unit, err)
	}
	if !strings.HasSuffix(unit, ".service") {
		return fail(op, unit, fmt.Errorf("%w: %q is not a service", ErrInvalidName, unit))
	}
	properties, err := m.transientProperties(ctx, t)
	if err != nil {
		return fail(op, unit, err)
	}
	o := jobOptions{mode: FailMode}
	for _, option := range options {
		option(&o)
	}
	return m.runJob(ctx, op, unit, o.noWait, "StartTransientUnit", unit, string(o.mode), properties, sdbus.Auxiliary{})
}

func (m *Manager) transientProperties(ctx context.Context, t Transient) ([]sdbus.Property, error) {
	if len(t.Command) == 0 || !strings.HasPrefix(t.Command[0], "/") {
		return nil, fmt.Errorf("%w: the command needs an absolute path", ErrInvalidValue)
	}
	var list []sdbus.Property
	add := func(name string, value any, given bool) {
		if given {
			list = append(list, sdbus.Property{Name: name, Value: value})
		}
	}
	add("Description", t.Description, t.Description != "")
	add("Type", t.Type, t.Type != "")
	add("User", t.User, t.User != "")
	add("Group", t.Group, t.Group != "")
	add("WorkingDirectory", t.WorkingDirectory, t.WorkingDirectory != "")
	add("Environment", t.Environment, len(t.Environment) > 0)
	add("EnvironmentFiles", []environmentFile{{t.EnvironmentFile, false}}, t.EnvironmentFile != "")
	add("Slice", t.Slice, t.Slice != "")
	add("RemainAfterExit", true, t.RemainAfterExit)
	add("CollectMode", "inactive-or-failed", t.Collect)
	limitList, _, err := m.limitProperties(ctx, &t.Limits)
	if err != nil {
		return nil, err
	}
	list = append(list, limitList...)
	var errs []error
	for _, p := range t.Properties {
		if err := sdbus.CheckValue(p.Value); err != nil {
			errs = append(errs, fmt.Errorf("%w: property %s: %w", ErrInvalidValue, p.Name, err))
			continue
		}
		add(p.Name, p.Value, true)
	}
	// ExecStartEx could turn the expansion of variables off, but systemd 252
	// writes it to the unit's file by that name, does not know it when it
	// reads the file again, and after a daemon-reload has a unit without a
	// command. A doubled dollar stands for itself.
	argv := make([]string, len(t.Command))
	for i, arg := range t.Command {
		argv[i] = strings.ReplaceAll(arg, "$", "$$")
	}
	add("ExecStart", []execCommand{{t.Command[0], argv, false}}, true)
	return list, errors.Join(errs...)
}
