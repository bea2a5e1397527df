package units

import (
	"context"
	"syscall"
)

// KillWhom are the processes of a unit that a signal goes to.
type KillWhom string

// Whom a signal goes to.
const (
	KillMain    KillWhom = "main"    // the main process of a service
	KillControl KillWhom = "control" // the process of its ExecStartPre=, ExecReload= and so on
	KillAll     KillWhom = "all"     // every process of the control group
)

// Kill sends a signal to processes of a unit. It does not wait for what they
// make of it. The error is an [*Error].
func (m *Manager) Kill(ctx context.Context, unit string, whom KillWhom, signal syscall.Signal) error {
	return m.onUnit(ctx, "kill", unit, "KillUnit", string(whom), int32(signal))
}

// Freeze suspends every process of a unit and returns when they are. It needs
// cgroup v2. The error is an [*Error].
func (m *Manager) Freeze(ctx context.Context, unit string) error {
	return m.onUnit(ctx, "freeze", unit, "FreezeUnit")
}

// Thaw lets the processes of a frozen unit continue. The error is an [*Error].
func (m *Manager) Thaw(ctx context.Context, unit string) error {
	return m.onUnit(ctx, "thaw", unit, "ThawUnit")
}

// ResetFailed makes a failed unit inactive and forgets its count of starts,
// so that a start limit no longer holds. A failed transient unit is unloaded
// by it. The error is an [*Error].
func (m *Manager) ResetFailed(ctx context.Context, unit string) error {
	return m.onUnit(ctx, "reset-failed", unit, "ResetFailedUnit")
}

func (m *Manager) onUnit(ctx context.Context, op, unit, method string, args ...any) error {
	if err := checkName(unit); err != nil {
		return fail(op, unit, err)
	}
	_, err := m.call(ctx, method, append([]any{unit}, args...)...)
	return fail(op, unit, err)
}

// DaemonReload makes systemd read all unit files anew and returns when it
// has. The error is an [*Error].
func (m *Manager) DaemonReload(ctx context.Context) error {
	_, err := m.call(ctx, "Reload")
	return fail("daemon-reload", "", err)
}

// FileChange is a change that Enable or Disable made.
type FileChange struct {
	Type   string // "symlink" or "unlink"
	Path   string // of the link
	Target string // of the link, if one was made
}

// Enable makes the links by which units start with the host. It starts
// nothing, and systemd follows the links only after [Manager.DaemonReload].
// With ThisBoot the links are gone after a restart of the host. The error is
// an [*Error].
func (m *Manager) Enable(ctx context.Context, lifetime Lifetime, units ...string) ([]FileChange, error) {
	return m.unitFiles(ctx, "enable", "EnableUnitFiles", 1, units, units, lifetime == ThisBoot, false)
}

// Disable removes the links that Enable makes. It stops nothing. The error is
// an [*Error].
func (m *Manager) Disable(ctx context.Context, lifetime Lifetime, units ...string) ([]FileChange, error) {
	return m.unitFiles(ctx, "disable", "DisableUnitFiles", 0, units, units, lifetime == ThisBoot)
}

func (m *Manager) unitFiles(ctx context.Context, op, method string, at int, units []string, args ...any) ([]FileChange, error) {
	unit := ""
	if len(units) == 1 {
		unit = units[0]
	}
	for _, name := range units {
		if err := checkTemplate(name); err != nil {
			return nil, fail(op, name, err)
		}
	}
	body, err := m.call(ctx, method, args...)
	if err != nil {
		return nil, fail(op, unit, err)
	}
	if len(body) <= at {
		return nil, fail(op, unit, errReply)
	}
	rows, _ := body[at].([][]any)
	changes := make([]FileChange, len(rows))
	for i, row := range rows {
		if !arguments(row, &changes[i].Type, &changes[i].Path, &changes[i].Target) {
			return nil, fail(op, unit, errReply)
		}
	}
	return changes, nil
}
