package units_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/live/hub"
	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
)

// live runs a test on the host's systemd twice: over the system bus, and
// through systemd-stdio-bridge as on another host.
func live(t *testing.T, run func(t *testing.T, m *units.Manager)) {
	testenv.Live(t)
	over(t, "bus", nil, run)
	over(t, "bridge", &units.Config{Dial: units.Bridge(testenv.Tool(t, "systemd-stdio-bridge"))}, run)
}

// andPrivate runs a test once more, on the private socket.
func andPrivate(t *testing.T, run func(t *testing.T, m *units.Manager)) {
	over(t, "private", &units.Config{Private: true}, run)
}

func over(t *testing.T, name string, config *units.Config, run func(t *testing.T, m *units.Manager)) {
	t.Run(name, func(t *testing.T) {
		checkGoroutines(t)
		run(t, dial(t, config))
	})
}

func liveContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func systemctl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	require.NoError(t, err, "systemctl %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

// sleeper makes a transient unit that does nothing, and removes it at the end.
func sleeper(t testing.TB, ctx context.Context, m *units.Manager, name string, change func(*units.Transient)) {
	t.Helper()
	transient := units.Transient{Command: []string{"/usr/bin/sleep", "infinity"}, Type: "exec"}
	if change != nil {
		change(&transient)
	}
	t.Cleanup(func() {
		exec.Command("systemctl", "stop", name).Run()
		exec.Command("systemctl", "reset-failed", name).Run()
	})
	require.NoError(t, m.StartTransient(ctx, name, transient))
}

func TestLiveHubRestart(t *testing.T) {
	live(t, func(t *testing.T, m *units.Manager) {
		ctx := liveContext(t)
		require.NoError(t, m.Start(ctx, "jupyterhub.service"))
		before, err := m.Status(ctx, "jupyterhub.service")
		require.NoError(t, err)
		require.Equal(t, units.Active, before.ActiveState)
		require.NoError(t, m.Restart(ctx, "jupyterhub.service"))
		after, err := m.Status(ctx, "jupyterhub.service")
		require.NoError(t, err)
		assert.Equal(t, units.Active, after.ActiveState)
		assert.NotEqual(t, before.MainPID, after.MainPID)
		assert.NotEqual(t, before.InvocationID, after.InvocationID)
		assert.True(t, units.Explain(after).OK())
		assert.Equal(t, systemctl(t, "show", "-P", "MainPID", "jupyterhub.service"), fmt.Sprint(after.MainPID))

		require.NoError(t, m.Reload(ctx, "nginx.service"))
		require.NoError(t, m.ReloadOrRestart(ctx, "nginx.service"))
		require.NoError(t, m.TryRestart(ctx, "nginx.service"))
	})
}

// unified tells whether the host has cgroup v2.
func unified() bool {
	_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
	return err == nil
}

// kernelLimit reads a limit from the control group itself.
func kernelLimit(t testing.TB, cgroup, v2, v1controller, v1 string) string {
	t.Helper()
	path := filepath.Join("/sys/fs/cgroup", cgroup, v2)
	if !unified() {
		path = filepath.Join("/sys/fs/cgroup", v1controller, cgroup, v1)
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

// changeLimits raises and lowers a running unit's memory limit and undoes it.
func changeLimits(t *testing.T, ctx context.Context, m *units.Manager, name string) {
	t.Helper()
	before, err := m.Status(ctx, name)
	require.NoError(t, err)
	memory := func() string {
		return kernelLimit(t, before.ControlGroup, "memory.max", "memory", "memory.limit_in_bytes")
	}
	was := memory()
	var first units.Limits
	for i, mib := range []uint64{2048, 300} {
		old, err := m.SetLimits(ctx, name, units.Limits{MemoryMax: units.Bytes(mib << 20), TasksMax: units.Count(100 + mib)}, units.ThisBoot)
		require.NoError(t, err)
		if i == 0 {
			first = old
		}
		assert.Equal(t, fmt.Sprint(mib<<20), memory())
		assert.Equal(t, fmt.Sprint(100+mib), kernelLimit(t, before.ControlGroup, "pids.max", "pids", "pids.max"))
	}
	assert.Equal(t, before.Limits.MemoryMax, first.MemoryMax)
	_, err = m.SetLimits(ctx, name, first, units.ThisBoot)
	require.NoError(t, err)
	assert.Equal(t, was, memory(), "undone")
	after, err := m.Status(ctx, name)
	require.NoError(t, err)
	assert.Equal(t, before.Limits, after.Limits)
	assert.Equal(t, before.MainPID, after.MainPID, "while it runs")
}

// A session that the hub started, with the limits that its administrator gives
// it while it runs.
func TestLiveSession(t *testing.T) {
	testenv.Live(t)
	// Software emulation is slow: a server takes minutes on a busy host.
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	client, err := hub.Dial(ctx)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Stop(ctx, "alice"))
	require.NoError(t, client.Start(ctx, "alice", nil))
	defer client.Stop(ctx, "alice")
	live(t, func(t *testing.T, m *units.Manager) {
		sessions, err := m.Statuses(ctx, units.Filter{Patterns: []string{"jupyter-*.service"}, States: []string{"running"}})
		require.NoError(t, err)
		i := slices.IndexFunc(sessions, func(s units.Status) bool { return s.Name == "jupyter-alice.service" })
		require.GreaterOrEqual(t, i, 0, "%v", sessions)
		alice := sessions[i]
		assert.Equal(t, "transient", alice.UnitFileState)
		assert.Equal(t, "success", alice.Result)
		// What the hub's configuration gives everybody.
		assert.Equal(t, kernelLimit(t, alice.ControlGroup, "memory.max", "memory", "memory.limit_in_bytes"), alice.Limits.MemoryMax.String())
		quota, ok := alice.Limits.CPUQuotaPerSec.Duration()
		assert.True(t, ok && quota > 0, "%v", alice.Limits)
		used, ok := alice.MemoryCurrent.Uint64()
		assert.True(t, ok)
		assert.Greater(t, used, uint64(10<<20))
		assert.WithinDuration(t, time.Now(), alice.ActiveSince, 10*time.Minute)
		changeLimits(t, ctx, m, alice.Name)
	})
	// Her server is still the same, and answers.
	_, err = client.Get(ctx, "alice", "api/status")
	require.NoError(t, err)
}

func TestLiveLimits(t *testing.T) {
	live(t, func(t *testing.T, m *units.Manager) {
		ctx := liveContext(t)
		const name = "live-limits.service"
		sleeper(t, ctx, m, name, func(s *units.Transient) {
			s.Limits = units.Limits{MemoryMax: units.Bytes(512 << 20), CPUQuotaPerSec: units.CPUs(1)}
		})
		changeLimits(t, ctx, m, name)

		old, err := m.SetLimits(ctx, name, units.Limits{
			MemoryMax: units.Infinity(), MemoryHigh: units.Bytes(100 << 20), CPUQuotaPerSec: units.CPUs(0.29),
			CPUWeight: units.Weight(300), TasksMax: units.Infinity(), IOWeight: units.Weight(50),
		}, units.ThisBoot)
		require.NoError(t, err)
		assert.Equal(t, units.Bytes(512<<20), old.MemoryMax)
		assert.Equal(t, units.CPUs(1), old.CPUQuotaPerSec)
		assert.Equal(t, units.Default(), old.CPUWeight)
		assert.Equal(t, "CPUWeight=300\nCPUQuotaPerSecUSec=290ms\nMemoryMax=infinity\nTasksMax=infinity", systemctl(t, "show", "-p", "MemoryMax,CPUQuotaPerSecUSec,CPUWeight,TasksMax", name))
		_, err = m.SetLimits(ctx, name, units.Limits{CPUWeight: units.Default(), TasksMax: units.Default(), CPUQuotaPerSec: units.Default()}, units.ThisBoot)
		require.NoError(t, err)
		status, err := m.Status(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, units.Default(), status.Limits.CPUWeight)
		assert.Equal(t, units.Infinity(), status.Limits.CPUQuotaPerSec)
		assert.Equal(t, systemctl(t, "show", "-P", "DefaultTasksMax"), status.Limits.TasksMax.String())

		// All or none: the second value is out of range.
		_, err = m.SetLimits(ctx, name, units.Limits{MemoryMax: units.Bytes(1 << 30), CPUWeight: units.Weight(1_000_000)}, units.ThisBoot)
		require.ErrorIs(t, err, units.ErrInvalidValue)
		after, err := m.Status(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, status.Limits, after.Limits)

		_, err = m.SetLimits(ctx, "live-none.service", units.Limits{MemoryMax: units.Bytes(1 << 30)}, units.ThisBoot)
		assert.ErrorIs(t, err, units.ErrNoSuchUnit)

		// For good: it outlives a reload, and is written where systemd does.
		_, err = m.SetLimits(ctx, "nginx.service", units.Limits{TasksMax: units.Count(777)}, units.ForGood)
		require.NoError(t, err)
		defer exec.Command("systemctl", "revert", "nginx.service").Run()
		require.NoError(t, m.DaemonReload(ctx))
		assert.FileExists(t, "/etc/systemd/system.control/nginx.service.d/50-TasksMax.conf")
		assert.Equal(t, "777", systemctl(t, "show", "-P", "TasksMax", "nginx.service"))
	})
}

func TestLiveExplain(t *testing.T) {
	live(t, func(t *testing.T, m *units.Manager) {
		ctx := liveContext(t)
		for _, c := range []struct {
			code, says string
			change     func(*units.Transient)
		}{
			{"exec-chdir", "200/CHDIR): /nonexistent/dir", func(s *units.Transient) { s.WorkingDirectory = "/nonexistent/dir" }},
			{"exec-exec", "203/EXEC): /usr/bin/true", func(s *units.Transient) {
				s.Command = []string{"/usr/bin/true"}
				s.Properties = []units.Property{{Name: "RootDirectory", Value: "/run"}}
			}},
			{"exec-user", "217/USER): nobody-here", func(s *units.Transient) { s.User = "nobody-here" }},
			{"exec-namespace", "226/NAMESPACE", func(s *units.Transient) {
				s.Properties = []units.Property{{Name: "ReadOnlyPaths", Value: []string{"/nonexistent"}}}
			}},
			{"exit-code", "status 3", func(s *units.Transient) {
				s.Command, s.Type = []string{"/usr/bin/python3", "-c", "raise SystemExit(3)"}, "oneshot"
			}},
			{"timeout", "time limit", func(s *units.Transient) {
				s.Type = "oneshot"
				s.Properties = []units.Property{{Name: "TimeoutStartUSec", Value: uint64(200_000)}}
			}},
			{"resources", "", func(s *units.Transient) { s.EnvironmentFile = "/nonexistent/env" }},
		} {
			name := "live-explain-" + c.code + ".service"
			transient := units.Transient{Command: []string{"/usr/bin/sleep", "infinity"}, Type: "exec"}
			c.change(&transient)
			t.Cleanup(func() { exec.Command("systemctl", "reset-failed", name).Run() })
			err := m.StartTransient(ctx, name, transient)
			var job *units.JobError
			require.ErrorAs(t, err, &job, c.code)
			assert.Equal(t, units.JobFailed, job.Result)
			status, err := m.Status(ctx, name)
			require.NoError(t, err, c.code)
			e := units.Explain(status)
			assert.Equal(t, c.code, e.Code, "%+v", status)
			assert.Contains(t, e.Cause, c.says)
			require.NoError(t, m.ResetFailed(ctx, name))
			_, err = m.Status(ctx, name)
			assert.ErrorIs(t, err, units.ErrNoSuchUnit, "a transient unit is unloaded")
		}

		// Killed for memory, and by a signal.
		const oom = "live-explain-oom.service"
		sleeper(t, ctx, m, oom, func(s *units.Transient) {
			s.Command = []string{"/usr/bin/python3", "-c", "import time; time.sleep(0.5); x = 'x' * (1 << 30); time.sleep(60)"}
			s.Limits.MemoryMax = units.Bytes(50 << 20)
			s.Properties = []units.Property{{Name: "MemorySwapMax", Value: uint64(0)}}
		})
		status := waitFailed(t, ctx, m, oom)
		e := units.Explain(status)
		if unified() {
			assert.Equal(t, "oom-kill", e.Code, "%+v", status)
			assert.Contains(t, e.Cause, "52428800 bytes")
		} else {
			// Without memory.events systemd sees the signal and no more.
			assert.Equal(t, "signal", e.Code, "%+v", status)
			assert.Contains(t, e.Cause, "lack of memory")
		}

		const killed = "live-explain-signal.service"
		sleeper(t, ctx, m, killed, nil)
		require.NoError(t, m.Kill(ctx, killed, units.KillMain, syscall.SIGSEGV))
		status = waitFailed(t, ctx, m, killed)
		assert.Contains(t, []string{"signal", "core-dump"}, units.Explain(status).Code)
		assert.Contains(t, units.Explain(status).Cause, "signal 11")

		// Masked, and not there at all.
		const masked = "/run/systemd/system/live-masked.service"
		require.NoError(t, os.MkdirAll(filepath.Dir(masked), 0o755))
		require.NoError(t, os.Symlink("/dev/null", masked))
		defer func() { os.Remove(masked); systemctl(t, "daemon-reload") }()
		require.NoError(t, m.DaemonReload(ctx))
		assert.ErrorIs(t, m.Start(ctx, "live-masked.service"), units.ErrMasked)
		status, err := m.Status(ctx, "live-masked.service")
		require.NoError(t, err)
		assert.Equal(t, "masked", units.Explain(status).Code)
		for _, err := range []error{m.Start(ctx, "live-none.service"), m.Stop(ctx, "live-none.service"), m.Kill(ctx, "live-none.service", units.KillAll, 15), m.ResetFailed(ctx, "live-none.service")} {
			assert.ErrorIs(t, err, units.ErrNoSuchUnit)
			assert.ErrorIs(t, err, fs.ErrNotExist)
		}
		const sleeping = "live-explain-reload.service"
		sleeper(t, ctx, m, sleeping, nil)
		assert.ErrorIs(t, m.Reload(ctx, sleeping), units.ErrNotApplicable)
		assert.ErrorIs(t, m.StartTransient(ctx, sleeping, units.Transient{Command: []string{"/usr/bin/true"}}), units.ErrExists)
	})
}

func waitFailed(t testing.TB, ctx context.Context, m *units.Manager, name string) units.Status {
	t.Helper()
	for ev, err := range m.Watch(ctx, name) {
		require.NoError(t, err)
		if ev.Status.ActiveState == units.Failed {
			break
		}
	}
	status, err := m.Status(ctx, name)
	require.NoError(t, err)
	return status
}

func TestLiveControl(t *testing.T) {
	live(t, func(t *testing.T, m *units.Manager) {
		ctx := liveContext(t)
		const name = "live-control.service"
		const file = "/etc/systemd/system/" + name
		require.NoError(t, os.WriteFile(file, []byte("[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"), 0o644))
		defer func() { os.Remove(file); systemctl(t, "daemon-reload") }()
		require.NoError(t, m.DaemonReload(ctx))
		changes, err := m.Enable(ctx, units.ForGood, name)
		require.NoError(t, err)
		assert.Equal(t, []units.FileChange{{Type: "symlink", Path: "/etc/systemd/system/multi-user.target.wants/" + name, Target: file}}, changes)
		status, err := m.Status(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, "enabled", status.UnitFileState)
		changes, err = m.Disable(ctx, units.ForGood, name)
		require.NoError(t, err)
		assert.Equal(t, "unlink", changes[0].Type)
		_, err = m.Enable(ctx, units.ForGood, "live-none.service")
		assert.ErrorIs(t, err, units.ErrNoSuchUnit)

		require.NoError(t, m.Start(ctx, name))
		defer m.Stop(ctx, name)
		if unified() {
			status, err := m.Status(ctx, name)
			require.NoError(t, err)
			require.NoError(t, m.Freeze(ctx, name))
			assert.Equal(t, "1", kernelLimit(t, status.ControlGroup, "cgroup.freeze", "", ""))
			require.NoError(t, m.Thaw(ctx, name))
			assert.Equal(t, "0", kernelLimit(t, status.ControlGroup, "cgroup.freeze", "", ""))
		} else {
			assert.ErrorIs(t, m.Freeze(ctx, name), units.ErrNotApplicable)
		}

		// A job that another one supersedes, and one that is cancelled.
		const slow = "live-slow.service"
		slowly := units.Transient{Command: []string{"/usr/bin/sleep", "infinity"}, Type: "oneshot"}
		for _, how := range []string{"superseded", "cancelled"} {
			done := make(chan error, 1)
			go func() { done <- m.StartTransient(ctx, slow, slowly) }()
			var job uint32
			require.Eventually(t, func() bool {
				list, err := m.List(ctx, units.Filter{Patterns: []string{slow}})
				if err == nil && len(list) == 1 {
					job = list[0].Job
				}
				return job != 0
			}, 10*time.Second, 10*time.Millisecond)
			if how == "cancelled" {
				require.NoError(t, m.CancelJob(ctx, job))
			} else {
				require.NoError(t, m.Stop(ctx, slow))
			}
			var e *units.JobError
			require.ErrorAs(t, <-done, &e)
			assert.Equal(t, units.JobCanceled, e.Result)
			assert.Equal(t, job, e.Job)
			assert.Equal(t, how == "superseded", e.Superseded, how)
			// Without its job it may be starting still; stopped, it has failed.
			err := m.Stop(ctx, slow)
			require.True(t, err == nil || errors.Is(err, units.ErrNoSuchUnit), "%v", err)
			err = m.ResetFailed(ctx, slow)
			require.True(t, err == nil || errors.Is(err, units.ErrNoSuchUnit), "%v", err)
		}
	})
}

// What systemctl says is what this says.
func TestLiveSameAsSystemctl(t *testing.T) {
	run := func(t *testing.T, m *units.Manager) {
		ctx := liveContext(t)
		var theirs []struct{ Unit, Load, Active, Sub, Description string }
		require.NoError(t, json.Unmarshal([]byte(systemctl(t, "list-units", "--all", "--output=json", "*.service", "*.slice")), &theirs))
		ours, err := m.List(ctx, units.Filter{Patterns: []string{"*.service", "*.slice"}})
		require.NoError(t, err)
		byName := map[string]units.Unit{}
		for _, u := range ours {
			byName[u.Name] = u
		}
		same := 0
		for _, u := range theirs {
			if got := byName[u.Unit]; string(got.LoadState) == u.Load && string(got.ActiveState) == u.Active && got.SubState == u.Sub && got.Description == u.Description {
				same++
			}
		}
		// One or two may have changed in between.
		assert.Greater(t, same, 20)
		assert.GreaterOrEqual(t, same, len(theirs)-3, "%v\n%v", theirs, ours)

		for _, name := range []string{"nginx.service", "dbus.service", "system.slice", "multi-user.target"} {
			status, err := m.Status(ctx, name)
			require.NoError(t, err)
			show := map[string]string{}
			for _, line := range strings.Split(systemctl(t, "show", "--timestamp=us", name), "\n") {
				key, value, _ := strings.Cut(line, "=")
				show[key] = value
			}
			value := func(v units.Value) string {
				if v.IsDefault() {
					return "[not set]"
				}
				return v.String()
			}
			assert.Equal(t, show["Description"], status.Description)
			assert.Equal(t, show["UnitFileState"], status.UnitFileState)
			assert.Equal(t, show["InvocationID"], status.InvocationID)
			assert.Equal(t, show["ControlGroup"], status.ControlGroup)
			assert.Equal(t, show["Slice"], status.Slice)
			if name != "multi-user.target" {
				assert.Equal(t, show["MemoryMax"], value(status.Limits.MemoryMax))
				assert.Equal(t, show["TasksMax"], value(status.Limits.TasksMax))
				assert.Equal(t, show["CPUWeight"], value(status.Limits.CPUWeight))
				assert.False(t, status.TasksCurrent.IsZero())
			}
			if strings.HasSuffix(name, ".service") {
				assert.Equal(t, show["MainPID"], fmt.Sprint(status.MainPID))
				assert.Equal(t, show["Result"], status.Result)
				n, ok := status.MemoryCurrent.Uint64()
				assert.True(t, ok)
				assert.Greater(t, n, uint64(4096))
				assert.Equal(t, show["ActiveEnterTimestamp"], status.ActiveSince.UTC().Format("Mon 2006-01-02 15:04:05.000000 MST"))
			}
		}
	}
	live(t, run)
	andPrivate(t, run)
}

func TestLiveWatch(t *testing.T) {
	run := func(t *testing.T, m *units.Manager) {
		ctx := liveContext(t)
		const name = "live-watch.service"
		w := watch(t, m, "live-watch*.service", "nginx.service")
		w.expect("present nginx.service active/running", "synced")
		sleeper(t, ctx, m, name, func(s *units.Transient) { s.Limits.MemoryMax = units.Bytes(64 << 20) })
		var started units.Event
		for ev := w.next(); ; ev = w.next() {
			if ev.Kind == units.UnitStarted {
				started = ev
			}
			if ev.Kind == units.JobFinished {
				assert.Equal(t, units.JobDone, ev.Result)
				break
			}
		}
		require.Equal(t, name, started.Unit)
		status, err := m.Status(ctx, name)
		require.NoError(t, err)
		assert.Equal(t, status.MainPID, started.Status.MainPID)
		assert.Equal(t, status.InvocationID, started.Status.InvocationID)
		assert.Equal(t, status.ControlGroup, started.Status.ControlGroup)
		assert.Equal(t, status.Limits, started.Status.Limits)
		assert.Equal(t, status.Since, started.Status.Since)

		_, err = m.SetLimits(ctx, name, units.Limits{MemoryMax: units.Bytes(32 << 20)}, units.ThisBoot)
		require.NoError(t, err)
		assert.Equal(t, units.Bytes(32<<20), w.expect("limits-changed live-watch.service active/running").Status.Limits.MemoryMax)

		// systemd drops all units to read them anew: none of them is gone by that.
		require.NoError(t, m.DaemonReload(ctx))
		w.expect("synced")

		require.NoError(t, m.Kill(ctx, name, units.KillMain, syscall.SIGKILL))
		ev := w.expect("failed live-watch.service failed/failed")
		assert.Equal(t, "signal", ev.Status.Result)
		assert.Equal(t, units.Killed, ev.Status.ExitReason)
		assert.Equal(t, "signal", units.Explain(ev.Status).Code)
		require.NoError(t, m.ResetFailed(ctx, name))
		w.expect("stopped live-watch.service inactive/dead", "gone live-watch.service inactive/dead")

		// Looking at units that are not loaded makes no events, and so no
		// events about the events.
		for range 3 {
			_, err := m.Status(ctx, "live-watch-none.service")
			require.ErrorIs(t, err, units.ErrNoSuchUnit)
		}
		require.NoError(t, m.DaemonReload(ctx))
		w.expect("synced")
	}
	live(t, run)
	andPrivate(t, run)
}

// Changes of limits by another program have no signal: what a watch sees of
// them is documented.
func TestLiveWatchForeignLimits(t *testing.T) {
	live(t, func(t *testing.T, m *units.Manager) {
		ctx := liveContext(t)
		const name = "live-foreign.service"
		sleeper(t, ctx, m, name, nil)
		w := watch(t, m, name)
		w.expect("present live-foreign.service active/running", "synced")
		systemctl(t, "set-property", "--runtime", name, "MemoryMax=100M")
		select {
		case ev := <-w.events:
			t.Logf("systemd announced it: %s %v", short(ev), ev.Status.Limits)
		case <-time.After(500 * time.Millisecond):
			t.Log("systemd did not announce it")
			systemctl(t, "daemon-reload")
			assert.Equal(t, units.Bytes(100<<20), w.expect("limits-changed live-foreign.service active/running").Status.Limits.MemoryMax)
		}
	})
}

// systemd executes itself anew, and the bus is restarted, in the middle of a
// watch: what it ends up knowing is the present state.
func TestLiveWatchAcrossRestarts(t *testing.T) {
	run := func(t *testing.T, m *units.Manager) {
		ctx := liveContext(t)
		known := map[string]units.ActiveState{}
		w := watch(t, m, "live-across*.service")
		w.expect("synced")
		// settle takes events until what is known is what is wanted.
		settle := func(want map[string]units.ActiveState) {
			t.Helper()
			deadline := time.After(30 * time.Second)
			for {
				same := len(want) == len(known)
				for name, state := range want {
					same = same && known[name] == state
				}
				if same {
					return
				}
				select {
				case ev := <-w.events:
					switch ev.Kind {
					case units.UnitGone:
						delete(known, ev.Unit)
					case units.Synced, units.Missed, units.Disconnected, units.JobFinished:
						t.Log(short(ev))
					default:
						known[ev.Unit] = ev.Status.ActiveState
					}
				case err := <-w.err:
					t.Fatal(err)
				case <-deadline:
					t.Fatalf("known is %v, want %v", known, want)
				}
			}
		}
		start := func(name string) {
			t.Helper()
			t.Cleanup(func() {
				exec.Command("systemctl", "stop", name).Run()
				exec.Command("systemctl", "reset-failed", name).Run()
			})
			out, err := exec.Command("systemd-run", "--unit="+name, "/usr/bin/sleep", "infinity").CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
		start("live-across-1.service")
		start("live-across-2.service")
		settle(map[string]units.ActiveState{"live-across-1.service": units.Active, "live-across-2.service": units.Active})

		done := make(chan error, 1)
		go func() {
			done <- m.StartTransient(ctx, "live-across-job.service", units.Transient{Command: []string{"/usr/bin/sleep", "2"}, Type: "oneshot"})
		}()
		systemctl(t, "daemon-reexec")
		start("live-across-3.service")
		systemctl(t, "kill", "--signal=KILL", "live-across-1.service")
		settle(map[string]units.ActiveState{"live-across-1.service": units.Failed, "live-across-2.service": units.Active, "live-across-3.service": units.Active})
		err := <-done
		if err != nil && !errors.Is(err, units.ErrConnectionLost) && !errors.Is(err, units.ErrNotTracked) {
			t.Errorf("a job over daemon-reexec: %v", err)
		}
		t.Logf("a job over daemon-reexec: %v", err)

		systemctl(t, "restart", "dbus.service")
		systemctl(t, "stop", "live-across-2.service")
		start("live-across-4.service")
		settle(map[string]units.ActiveState{"live-across-1.service": units.Failed, "live-across-3.service": units.Active, "live-across-4.service": units.Active})
		require.NoError(t, m.Restart(ctx, "nginx.service"))
		systemctl(t, "stop", "live-across-3.service", "live-across-4.service")
		settle(map[string]units.ActiveState{"live-across-1.service": units.Failed})
		systemctl(t, "reset-failed", "live-across-1.service")
		settle(map[string]units.ActiveState{})
	}
	live(t, run)
	andPrivate(t, run)
}

// A user without privileges may look, and is refused the rest.
func TestLiveUnprivileged(t *testing.T) {
	testenv.Live(t)
	if os.Getenv("UNITS_AS_EVE") == "" {
		eve, err := user.Lookup("eve")
		require.NoError(t, err)
		uid, _ := strconv.Atoi(eve.Uid)
		gid, _ := strconv.Atoi(eve.Gid)
		cmd := exec.Command(os.Args[0], "-test.run=^TestLiveUnprivileged$", "-test.v")
		// Where only root may go, the copy could not start.
		copied := filepath.Join("/tmp", "units-as-eve.test")
		text, err := os.ReadFile("/proc/self/exe")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(copied, text, 0o755))
		defer os.Remove(copied)
		cmd.Path, cmd.Dir = copied, "/"
		cmd.Env = append(os.Environ(), "UNITS_AS_EVE=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestLiveUnprivileged/bridge")
		return
	}
	require.NotZero(t, os.Geteuid())
	_, err := units.Connect(t.Context(), &units.Config{Private: true})
	require.ErrorIs(t, err, fs.ErrPermission)
	for name, config := range map[string]*units.Config{
		"bus":         nil,
		"interactive": {Interactive: true},
		"bridge":      {Dial: units.Bridge(testenv.Tool(t, "systemd-stdio-bridge"))},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := liveContext(t)
			m := dial(t, config)
			status, err := m.Status(ctx, "nginx.service")
			require.NoError(t, err)
			assert.Equal(t, units.Active, status.ActiveState)
			_, limits := m.SetLimits(ctx, "nginx.service", units.Limits{TasksMax: units.Count(9)}, units.ThisBoot)
			_, enable := m.Enable(ctx, units.ThisBoot, "nginx.service")
			for what, err := range map[string]error{
				"restart": m.Restart(ctx, "nginx.service"), "stop": m.Stop(ctx, "nginx.service"), "kill": m.Kill(ctx, "nginx.service", units.KillAll, 9),
				"limits": limits, "enable": enable, "daemon-reload": m.DaemonReload(ctx), "reset-failed": m.ResetFailed(ctx, "nginx.service"),
				"transient": m.StartTransient(ctx, "live-eve.service", units.Transient{Command: []string{"/usr/bin/true"}}),
			} {
				assert.ErrorIs(t, err, fs.ErrPermission, what)
				assert.NotErrorIs(t, err, units.ErrConnectionLost, what)
			}
			for ev, err := range m.Watch(ctx, "nginx.service") {
				require.NoError(t, err)
				assert.Equal(t, units.UnitPresent, ev.Kind)
				break
			}
		})
	}
}

// TestLiveReadingManyUnits lists 200 transient units and reads eight properties
// of each, beside systemctl. internal/bench measures it natively; an emulated
// host is slower at switching between processes than at all else.
func TestLiveReadingManyUnits(t *testing.T) {
	testenv.Live(t)
	// An emulated PID 1 takes a second and more for each of the readings.
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	bus := dial(t, nil)
	private := dial(t, &units.Config{Private: true})
	const n = 200
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("live-many-%03d.service", i)
	}
	stop := exec.Command("systemctl", append([]string{"stop"}, names...)...)
	defer stop.Run()
	for _, name := range names {
		require.NoError(t, bus.StartTransient(ctx, name, units.Transient{
			Command: []string{"/usr/bin/sleep", "infinity"}, Limits: units.Limits{MemoryMax: units.Bytes(512 << 20), TasksMax: units.Count(50)},
		}, units.NoWait))
	}
	filter := units.Filter{Patterns: []string{"live-many-*.service"}, States: []string{"running"}}
	require.Eventually(t, func() bool {
		list, err := bus.List(ctx, filter)
		return err == nil && len(list) == n
	}, time.Minute, 50*time.Millisecond)

	show := func() {
		out, err := exec.Command("systemctl", append([]string{"show", "-p",
			"ActiveState,SubState,MainPID,Result,MemoryCurrent,MemoryMax,CPUUsageNSec,TasksCurrent"}, names...)...).Output()
		require.NoError(t, err)
		require.Equal(t, n*8, strings.Count(string(out), "="))
	}
	read := func(m *units.Manager) func() {
		return func() {
			statuses, err := m.Statuses(ctx, filter, units.FieldMainPID, units.FieldResult, units.FieldMemoryCurrent,
				units.FieldMemoryMax, units.FieldCPUUsage, units.FieldTasksCurrent)
			require.NoError(t, err)
			require.Len(t, statuses, n)
			require.NotZero(t, statuses[n-1].MainPID)
		}
	}
	// In turns, so that whatever else the host does falls on all alike.
	contenders := []func(){show, read(bus), read(private)}
	times := make([][]time.Duration, len(contenders))
	for range 3 {
		for i, f := range contenders {
			start := time.Now()
			f()
			times[i] = append(times[i], time.Since(start))
		}
	}
	median := func(i int) time.Duration { slices.Sort(times[i]); return times[i][len(times[i])/2] }
	of := func(i int) float64 { return float64(median(i)) / float64(median(0)) }
	t.Logf("systemctl show -p %v; over the bus %v (%.2f of it), over the private socket %v (%.2f)", median(0), median(1), of(1), median(2), of(2))
}
