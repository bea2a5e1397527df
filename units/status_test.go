package units_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

func session(name string) unitstest.Unit {
	return unitstest.Unit{Name: name, Description: "a session", ActiveState: units.Active, Properties: map[string]any{
		"MainPID": uint32(42), "InvocationID": bytes.Repeat([]byte{0xab}, 16), "ControlGroup": "/system.slice/" + name,
		"MemoryCurrent": uint64(1000), "CPUUsageNSec": uint64(1_500_000_000), "TasksCurrent": uint64(3),
		"MemoryMax": uint64(1 << 30), "CPUQuotaPerSecUSec": uint64(1_500_000), "CPUWeight": uint64(200),
		"ActiveEnterTimestamp": uint64(1_700_000_000_000_000), "User": "alice", "WorkingDirectory": "!/home/alice",
		"ExecMainCode": int32(2), "ExecMainStatus": int32(9), "ExecMainExitTimestamp": uint64(1_700_000_000_000_001),
	}}
}

func checkSession(t *testing.T, s units.Status) {
	t.Helper()
	assert.Equal(t, "a session", s.Description)
	assert.Equal(t, units.Loaded, s.LoadState)
	assert.Equal(t, units.Active, s.ActiveState)
	assert.Equal(t, "running", s.SubState)
	assert.Equal(t, "static", s.UnitFileState)
	assert.Equal(t, strings.Repeat("ab", 16), s.InvocationID)
	assert.Equal(t, uint32(42), s.MainPID)
	assert.Equal(t, "/system.slice/"+s.Name, s.ControlGroup)
	assert.Equal(t, "system.slice", s.Slice)
	assert.Equal(t, units.Bytes(1000), s.MemoryCurrent)
	assert.Equal(t, units.CPUTime(1500*time.Millisecond), s.CPUUsage)
	assert.Equal(t, units.Count(3), s.TasksCurrent)
	assert.True(t, s.ActiveSince.Equal(time.Unix(1_700_000_000, 0)))
	assert.True(t, s.Since.IsZero())
	assert.Equal(t, "alice", s.User)
	assert.Equal(t, "!/home/alice", s.WorkingDir)
	assert.Equal(t, units.Killed, s.ExitReason)
	assert.Equal(t, int32(9), s.ExitStatus)
	assert.Equal(t, units.Limits{
		MemoryMax: units.Bytes(1 << 30), MemoryHigh: units.Infinity(), CPUQuotaPerSec: units.CPUs(1.5),
		CPUWeight: units.Weight(200), TasksMax: units.Count(4915), IOWeight: units.Default(),
	}, s.Limits)
}

func TestProperties(t *testing.T) {
	m, fake := connect(t, fakeOptions{})
	fake.Add(unitstest.Unit{Name: "jupyter-alice.service", Properties: map[string]any{
		"PrivateTmp": true, "ReadOnlyPaths": []string{"/"}, "MemoryMax": uint64(1 << 30),
	}})
	all, err := m.Properties(t.Context(), "jupyter-alice.service")
	require.NoError(t, err)
	assert.Equal(t, true, all["PrivateTmp"])
	assert.Equal(t, []string{"/"}, all["ReadOnlyPaths"])
	assert.Equal(t, uint64(1<<30), all["MemoryMax"])
	assert.Equal(t, "jupyter-alice.service", all["Id"])
	_, err = m.Properties(t.Context(), "alice")
	assert.ErrorIs(t, err, units.ErrInvalidName)
}

func TestStatus(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus})
		const odd = `jupyter-\xc3\xa4l.i_c-e@x.service`
		fake.Add(session(odd), session("jupyter-bob.service"), unitstest.Unit{Name: "a.target", ActiveState: units.Active, SubState: "active"},
			unitstest.Unit{Name: "system.slice", ActiveState: units.Active, SubState: "active", Properties: map[string]any{"MemoryCurrent": uint64(5)}})
		for _, name := range []string{odd, "jupyter-bob.service"} {
			s, err := m.Status(t.Context(), name)
			require.NoError(t, err)
			checkSession(t, s)
		}
		all, err := m.Statuses(t.Context(), units.Filter{Patterns: []string{"jupyter-*"}})
		require.NoError(t, err)
		require.Len(t, all, 2)
		for _, s := range all {
			checkSession(t, s)
		}
		// The escaped name as a pattern means itself.
		one, err := m.Statuses(t.Context(), units.Filter{Patterns: []string{odd}}, units.FieldMainPID, units.FieldTasksMax)
		require.NoError(t, err)
		require.Len(t, one, 1)
		assert.Equal(t, units.Status{
			Unit:    units.Unit{Name: odd, Description: "a session", LoadState: units.Loaded, ActiveState: units.Active, SubState: "running"},
			MainPID: 42, Limits: units.Limits{TasksMax: units.Count(4915)},
		}, one[0], "what is not asked for is zero")

		target, err := m.Status(t.Context(), "a.target")
		require.NoError(t, err)
		assert.True(t, target.Limits.MemoryMax.IsZero(), "a target has no limits")
		slice, err := m.Statuses(t.Context(), units.Filter{Patterns: []string{"*.slice"}}, units.FieldMemoryCurrent, units.FieldMainPID)
		require.NoError(t, err)
		assert.Equal(t, units.Bytes(5), slice[0].MemoryCurrent)

		_, err = m.Status(t.Context(), "none.service")
		assert.ErrorIs(t, err, units.ErrNoSuchUnit)
		assert.ErrorIs(t, err, fs.ErrNotExist)
		_, err = m.Statuses(t.Context(), units.Filter{}, units.Field(-1))
		assert.ErrorIs(t, err, units.ErrInvalidValue)
		_, err = m.List(t.Context(), units.Filter{Patterns: []string{"["}})
		assert.ErrorIs(t, err, units.ErrInvalidName)
	})
}

// A unit that is unloaded between the list and the reading of its properties
// is left out: systemd would tell the defaults of a unit without a file.
func TestStatusesOfUnitThatGoes(t *testing.T) {
	var fake *unitstest.Fake
	lists := 0
	m, fake := connect(t, fakeOptions{OnCall: func(c unitstest.Call) error {
		if c.Method == "ListUnitsByPatterns" {
			if lists++; lists == 2 {
				fake.Remove("b.service")
				fake.ChangeQuietly("c.service", func(u *unitstest.Unit) { u.LoadState, u.ActiveState = units.NotFound, units.Inactive })
			}
		}
		return nil
	}})
	fake.Add(session("a.service"), session("b.service"), session("c.service"), unitstest.Unit{Name: "none.service", LoadState: units.NotFound})
	statuses, err := m.Statuses(t.Context(), units.Filter{}, units.FieldMainPID)
	require.NoError(t, err)
	require.Len(t, statuses, 2)
	assert.Equal(t, "a.service", statuses[0].Name)
	assert.Equal(t, "none.service", statuses[1].Name, "what has no unit file, but others refer to, is in the list")
	statuses, err = m.Statuses(t.Context(), units.Filter{Patterns: []string{"no-such-*"}})
	require.NoError(t, err)
	assert.Equal(t, []units.Status{}, statuses)
}

func TestSetLimits(t *testing.T) {
	both(t, func(t *testing.T, bus *unitstest.Bus) {
		m, fake := connect(t, fakeOptions{Bus: bus})
		const unit = "jupyter-alice.service"
		fake.Add(session(unit))
		before, err := m.Status(t.Context(), unit)
		require.NoError(t, err)

		old, err := m.SetLimits(t.Context(), unit, units.Limits{
			MemoryMax: units.Infinity(), MemoryHigh: units.Bytes(5), CPUQuotaPerSec: units.CPUs(2.3), CPUWeight: units.Default(),
			TasksMax: units.Default(), IOWeight: units.Weight(50),
		}, units.ForGood)
		require.NoError(t, err)
		assert.Equal(t, before.Limits, old)
		call := fake.Calls("SetUnitProperties")[0]
		assert.Equal(t, false, call.Args[1], "for good is not runtime")
		u, _ := fake.Unit(unit)
		for property, want := range map[string]uint64{
			"MemoryMax": math.MaxUint64, "MemoryHigh": 5, "CPUQuotaPerSecUSec": 2_300_000, "CPUWeight": math.MaxUint64, "TasksMax": 4915, "IOWeight": 50,
		} {
			assert.Equal(t, want, u.Properties[property], property)
		}

		again, err := m.SetLimits(t.Context(), unit, old, units.ThisBoot)
		require.NoError(t, err)
		assert.Equal(t, units.Bytes(5), again.MemoryHigh)
		after, err := m.Status(t.Context(), unit)
		require.NoError(t, err)
		assert.Equal(t, before.Limits, after.Limits, "undone")

		// Only what was changed is returned.
		old, err = m.SetLimits(t.Context(), unit, units.Limits{TasksMax: units.Count(7)}, units.ThisBoot)
		require.NoError(t, err)
		assert.Equal(t, units.Limits{TasksMax: units.Count(4915)}, old)
		old, err = m.SetLimits(t.Context(), unit, units.Limits{}, units.ThisBoot)
		require.NoError(t, err)
		assert.Equal(t, units.Limits{}, old)
	})
}

func TestSetLimitsRefused(t *testing.T) {
	m, fake := connect(t, fakeOptions{})
	fake.Add(session("a.service"), unitstest.Unit{Name: "masked.service", LoadState: units.Masked}, unitstest.Unit{Name: "a.target"})
	for name, set := range map[string]units.Limits{
		"a count of bytes":   {MemoryMax: units.Count(5)},
		"bytes of CPU":       {CPUQuotaPerSec: units.Bytes(5)},
		"infinite weight":    {CPUWeight: units.Infinity()},
		"the number of none": {MemoryMax: units.Bytes(math.MaxUint64)},
	} {
		_, err := m.SetLimits(t.Context(), "a.service", set, units.ThisBoot)
		assert.ErrorIs(t, err, units.ErrInvalidValue, name)
	}
	_, err := m.SetLimits(t.Context(), "none.service", units.Limits{TasksMax: units.Count(5)}, units.ThisBoot)
	assert.ErrorIs(t, err, units.ErrNoSuchUnit)
	_, err = m.SetLimits(t.Context(), "masked.service", units.Limits{TasksMax: units.Count(5)}, units.ThisBoot)
	assert.ErrorIs(t, err, units.ErrMasked)
	_, err = m.SetLimits(t.Context(), "a.target", units.Limits{TasksMax: units.Count(5)}, units.ThisBoot)
	assert.ErrorIs(t, err, units.ErrNotApplicable)
	assert.Empty(t, fake.Calls("SetUnitProperties"))
}

// What systemd holds afterwards is not what was asked for.
func TestSetLimitsReadBack(t *testing.T) {
	m, fake := connect(t, fakeOptions{OnCall: func(c unitstest.Call) error {
		if c.Method == "SetUnitProperties" {
			rows := c.Args[2].([][]any)
			rows[0][0] = "SomethingElse"
		}
		return nil
	}})
	fake.Add(session("a.service"))
	old, err := m.SetLimits(t.Context(), "a.service", units.Limits{MemoryMax: units.Bytes(2 << 30)}, units.ThisBoot)
	var e *units.LimitError
	require.ErrorAs(t, err, &e)
	assert.Equal(t, units.LimitError{Unit: "a.service", Property: "MemoryMax", Want: units.Bytes(2 << 30), Got: units.Bytes(1 << 30)}, *e)
	assert.EqualError(t, err, "set limits a.service: MemoryMax is 1073741824 after it was set to 2147483648")
	assert.Equal(t, units.Bytes(1<<30), old.MemoryMax)
}

func TestStartTransient(t *testing.T) {
	m, fake := connect(t, fakeOptions{})
	err := m.StartTransient(t.Context(), "jupyter-a.service", units.Transient{
		Description: "d", Command: []string{"/bin/echo", "$HOME", "a b"}, Type: "exec", User: "alice", Group: "users",
		WorkingDirectory: "/home/alice", Environment: []string{"A=1"}, EnvironmentFile: "/run/x.env", Slice: "jupyter.slice",
		RemainAfterExit: true, Collect: true, Limits: units.Limits{MemoryMax: units.Bytes(1 << 30), CPUQuotaPerSec: units.CPUs(0.5)},
		Properties: []units.Property{{Name: "NoNewPrivileges", Value: true}, {Name: "ReadOnlyPaths", Value: []string{"/usr"}}},
	})
	require.NoError(t, err)
	u, ok := fake.Unit("jupyter-a.service")
	require.True(t, ok)
	for name, want := range map[string]any{
		"Type": "exec", "User": "alice", "Group": "users", "WorkingDirectory": "/home/alice", "Environment": []string{"A=1"},
		"EnvironmentFiles": [][]any{{"/run/x.env", false}}, "Slice": "jupyter.slice", "RemainAfterExit": true, "CollectMode": "inactive-or-failed",
		"MemoryMax": uint64(1 << 30), "CPUQuotaPerSecUSec": uint64(500_000), "NoNewPrivileges": true, "ReadOnlyPaths": []string{"/usr"},
		"ExecStart": [][]any{{"/bin/echo", []string{"/bin/echo", "$$HOME", "a b"}, false}},
	} {
		assert.Equal(t, want, u.Properties[name], name)
	}
	assert.Equal(t, "d", u.Description)
	status, err := m.Status(t.Context(), "jupyter-a.service")
	require.NoError(t, err)
	assert.Equal(t, "/bin/echo", status.Executable)
	assert.Equal(t, "transient", status.UnitFileState)
	command := units.Transient{Command: []string{"/bin/true"}}
	assert.ErrorIs(t, m.StartTransient(t.Context(), "jupyter-a.service", command), units.ErrExists)
	assert.ErrorIs(t, m.StartTransient(t.Context(), "jupyter-a.service", command), fs.ErrExist)
	assert.ErrorIs(t, m.StartTransient(t.Context(), "a.slice", command), units.ErrInvalidName)
	assert.ErrorIs(t, m.StartTransient(t.Context(), "b.service", units.Transient{Command: []string{"true"}}), units.ErrInvalidValue)
	assert.ErrorIs(t, m.StartTransient(t.Context(), "b.service", units.Transient{}), units.ErrInvalidValue)
	command.Properties = []units.Property{{Name: "X", Value: func() {}}}
	assert.ErrorIs(t, m.StartTransient(t.Context(), "b.service", command), units.ErrInvalidValue)
	command.Properties = []units.Property{{Name: "X", Value: nil}}
	assert.ErrorIs(t, m.StartTransient(t.Context(), "b.service", command), units.ErrInvalidValue)
	// What D-Bus cannot carry; the connection goes on.
	for _, text := range []string{"\xff", "a\x00b"} {
		assert.ErrorIs(t, m.StartTransient(t.Context(), "b.service", units.Transient{Command: []string{"/bin/echo", text}}), units.ErrInvalidValue)
		assert.ErrorIs(t, m.Start(t.Context(), "jupyter-a.service", units.InMode(units.Mode(text))), units.ErrInvalidValue)
		_, err := m.List(t.Context(), units.Filter{States: []string{text}})
		assert.ErrorIs(t, err, units.ErrInvalidValue)
	}
	assert.NoError(t, m.Start(t.Context(), "jupyter-a.service"))
}

func TestControl(t *testing.T) {
	m, fake := connect(t, fakeOptions{})
	fake.Add(unitstest.Unit{Name: "a.service", ActiveState: units.Failed})
	require.NoError(t, m.Kill(t.Context(), "a.service", units.KillMain, syscall.SIGTERM))
	assert.Equal(t, []any{"a.service", "main", int32(15)}, fake.Calls("KillUnit")[0].Args)
	require.NoError(t, m.Freeze(t.Context(), "a.service"))
	require.NoError(t, m.Thaw(t.Context(), "a.service"))
	require.NoError(t, m.ResetFailed(t.Context(), "a.service"))
	u, _ := fake.Unit("a.service")
	assert.Equal(t, units.Inactive, u.ActiveState)
	require.NoError(t, m.DaemonReload(t.Context()))
	changes, err := m.Enable(t.Context(), units.ForGood, "a.service")
	require.NoError(t, err)
	assert.Equal(t, "symlink", changes[0].Type)
	assert.Equal(t, []any{[]string{"a.service"}, false, false}, fake.Calls("EnableUnitFiles")[0].Args)
	changes, err = m.Disable(t.Context(), units.ThisBoot, "a.service")
	require.NoError(t, err)
	assert.Equal(t, "unlink", changes[0].Type)
	assert.Equal(t, []any{[]string{"a.service"}, true}, fake.Calls("DisableUnitFiles")[0].Args)
	_, err = m.Enable(t.Context(), units.ForGood, "none.service")
	assert.ErrorIs(t, err, units.ErrNoSuchUnit)
	assert.ErrorIs(t, m.Kill(t.Context(), "none.service", units.KillAll, 9), units.ErrNoSuchUnit)
}

func TestValue(t *testing.T) {
	for _, c := range []struct {
		v    units.Value
		text string
	}{
		{units.Value{}, ""}, {units.Bytes(5), "5"}, {units.CPUs(1.5), "1.5s"}, {units.Count(0), "0"}, {units.Weight(100), "100"},
		{units.Infinity(), "infinity"}, {units.Default(), "default"}, {units.CPUs(math.NaN()), "0s"}, {units.CPUs(-1), "0s"}, {units.CPUs(math.Inf(1)), "0s"},
	} {
		assert.Equal(t, c.text, c.v.String())
		encoded, err := json.Marshal(c.v)
		require.NoError(t, err)
		assert.Equal(t, strconv.Quote(c.text), string(encoded))
	}
	n, ok := units.CPUs(0.29).Uint64()
	assert.True(t, ok)
	assert.Equal(t, uint64(290_000), n)
	_, ok = units.Infinity().Uint64()
	assert.False(t, ok)
	_, ok = units.Bytes(5).Duration()
	assert.False(t, ok)
	assert.NotEqual(t, units.Bytes(5), units.Count(5))
	assert.True(t, units.Value{}.IsZero() && !units.Default().IsZero() && units.Default().IsDefault() && units.Infinity().IsInfinity())
}

// TestExplainKnowsEveryStatus asks systemd-analyze which statuses systemd
// gives a process that it could not start, and what it calls them.
func TestExplainKnowsEveryStatus(t *testing.T) {
	out, err := exec.Command(testenv.Tool(t, "systemd-analyze"), "exit-status", "--no-pager").Output()
	require.NoError(t, err)
	known := 0
	for _, line := range strings.Split(string(out), "\n") {
		var name, class string
		var status int
		if f := strings.Fields(line); len(f) == 3 {
			name, class = f[0], f[2]
			status, _ = strconv.Atoi(f[1])
		}
		if class != "systemd" || status < 200 || status == 255 {
			continue
		}
		known++
		e := units.Explain(units.Status{
			Unit:   units.Unit{Name: "a.service", LoadState: units.Loaded, ActiveState: units.Failed},
			Result: "exit-code", ExitReason: units.Exited, ExitStatus: int32(status),
		})
		assert.Contains(t, e.Cause, strconv.Itoa(status)+"/"+name)
		assert.Equal(t, "exec-"+strings.ToLower(strings.ReplaceAll(name, "_", "-")), e.Code)
		assert.NotEmpty(t, e.Next)
	}
	assert.Greater(t, known, 35)
}

func TestExplain(t *testing.T) {
	failed := units.Unit{Name: `jupyter-\xc3.service`, LoadState: units.Loaded, ActiveState: units.Failed, SubState: "failed"}
	for _, c := range []struct {
		status           units.Status
		code, says, next string
	}{
		{units.Status{Unit: failed, Result: "oom-kill", Limits: units.Limits{MemoryMax: units.Bytes(1 << 30)}}, "oom-kill", "1073741824", "mem_limit"},
		{units.Status{Unit: failed, Result: "timeout"}, "timeout", "time limit", "TimeoutStartSec"},
		{units.Status{Unit: failed, Result: "watchdog"}, "watchdog", "hung", "WatchdogSec"},
		{units.Status{Unit: failed, Result: "start-limit-hit"}, "start-limit-hit", "too often", `reset-failed 'jupyter-\xc3.service'`},
		{units.Status{Unit: failed, Result: "protocol"}, "protocol", "ready", "Type="},
		{units.Status{Unit: failed, Result: "resources"}, "resources", "EnvironmentFile", "hub"},
		{units.Status{Unit: failed, Result: "exec-condition"}, "exec-condition", "ExecCondition", ""},
		{units.Status{Unit: failed, Result: "signal", ExitReason: units.Killed, ExitStatus: 9}, "signal", "SIGKILL", "memory"},
		{units.Status{Unit: failed, Result: "signal", ExitReason: units.Killed, ExitStatus: 15}, "signal", "signal 15", "journalctl"},
		{units.Status{Unit: failed, Result: "core-dump", ExitReason: units.Dumped, ExitStatus: 11}, "core-dump", "signal 11", "coredumpctl"},
		{units.Status{Unit: failed, Result: "exit-code", ExitReason: units.Exited, ExitStatus: 203, Executable: "/opt/x"}, "exec-exec", "203/EXEC): /opt/x", "cmd"},
		{units.Status{Unit: failed, Result: "exit-code", ExitReason: units.Exited, ExitStatus: 217, User: "bob"}, "exec-user", "217/USER): bob", "getent passwd"},
		{units.Status{Unit: failed, Result: "exit-code", ExitReason: units.Exited, ExitStatus: 1}, "exit-code", "status 1", "journalctl"},
		{units.Status{Unit: failed, Result: "exit-code", ExitReason: units.Exited, ExitStatus: 127}, "exit-code", "127", "PATH"},
		{units.Status{Unit: failed, Result: "exit-code"}, "exit-code", "not its main process", "ExecStartPre"},
		{units.Status{Unit: failed, Result: "signal"}, "signal", "not its main process", "ExecStartPre"},
		{units.Status{Unit: failed, Result: "core-dump", ExitReason: units.Exited}, "core-dump", "not its main process", "ExecStopPost"},
		{units.Status{Unit: failed, Result: "exit-code", ExitReason: units.Killed, ExitStatus: 15}, "exit-code", "not its main process", "ExecStopPost"},
		{units.Status{Unit: failed, Result: "timeout", ExitReason: units.Killed, ExitStatus: 15}, "timeout", "longer than it may", "RuntimeMaxSec"},
		{units.Status{Unit: failed, Result: "new-one"}, "failed", "new-one", "journalctl"},
		{units.Status{Unit: units.Unit{Name: "a.service", LoadState: units.Masked}}, "masked", "masked", "systemctl unmask a.service"},
		{units.Status{Unit: units.Unit{Name: "a.service", LoadState: units.NotFound}}, "not-found", "no unit file", "daemon-reload"},
		{units.Status{Unit: units.Unit{Name: "a.service", LoadState: units.BadSetting}, LoadError: "Unit a.service has a bad unit file setting."}, "bad-unit-file", "used: Unit a.service has a bad unit file setting.", "systemd-analyze verify"},
		{units.Status{Unit: units.Unit{Name: "a.service", LoadState: units.LoadFailed}}, "bad-unit-file", "cannot be used.", "systemd-analyze verify"},
		{units.Status{Unit: units.Unit{Name: "-Hroot@example.service", LoadState: units.Masked}}, "masked", "masked", "systemctl unmask -- -Hroot@example.service"},
		{units.Status{Unit: units.Unit{Name: "a.service", LoadState: units.Loaded, ActiveState: units.Activating, SubState: "auto-restart"}, Result: "exit-code", ExitReason: units.Exited, ExitStatus: 3}, "exit-code", "starting it again", ""},
		{units.Status{Unit: units.Unit{Name: "a.service", LoadState: units.Loaded, ActiveState: units.Activating, SubState: "auto-restart"}, Result: "success", ExitReason: units.Exited}, "ok", "starting it again", ""},
		{units.Status{Unit: units.Unit{Name: "a.service", LoadState: units.Loaded, ActiveState: units.Active, SubState: "running"}, Result: "success"}, "ok", "active", ""},
		{units.Status{Unit: units.Unit{Name: "a.service", LoadState: units.Loaded, ActiveState: units.Inactive, SubState: "dead"}, Result: "success"}, "ok", "not running", ""},
		{units.Status{}, "ok", "", ""},
	} {
		e := units.Explain(c.status)
		assert.Equal(t, c.code, e.Code, "%+v", c.status)
		assert.Contains(t, e.Cause, c.says)
		assert.Contains(t, e.Next, c.next)
		assert.NotContains(t, e.Cause, "..")
		assert.Equal(t, c.code == "ok", e.OK())
		assert.Equal(t, strings.TrimSpace(e.Cause+" "+e.Next), e.String())
	}
}
