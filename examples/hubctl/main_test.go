package main

import (
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"hubctl": main}) }

// TestScripts runs the program against a service manager of the test's own, on
// a real bus. There are no control groups below HOSTROOT, so that the figures
// are those of the manager.
func TestScripts(t *testing.T) {
	daemon := testenv.Tool(t, "dbus-daemon")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			bus := unitstest.StartBus(env.T().(testing.TB), daemon)
			fake := unitstest.New(env.T().(testing.TB), unitstest.Options{Bus: bus, OnJob: func(j unitstest.Job) unitstest.Outcome {
				if j.Unit == "nginx.service" {
					return unitstest.Outcome{Result: units.JobFailed}
				}
				return unitstest.Outcome{}
			}})
			since := uint64(time.Now().Add(-90 * time.Minute).UnixMicro())
			fake.Add(
				unitstest.Unit{Name: "jupyterhub.service", ActiveState: units.Active, Properties: map[string]any{"StateChangeTimestamp": since}},
				unitstest.Unit{Name: "nginx.service", ActiveState: units.Active},
				unitstest.Unit{Name: "jupyter-alice.service", ActiveState: units.Active, Properties: map[string]any{
					"StateChangeTimestamp": since, "ControlGroup": "/system.slice/jupyter-alice.service",
					"MemoryCurrent": uint64(900 << 20), "MemoryMax": uint64(1 << 30), "TasksCurrent": uint64(7),
					"CPUUsageNSec": uint64(5_000_000_000), "CPUQuotaPerSecUSec": uint64(1_500_000),
				}},
				unitstest.Unit{Name: `jupyter-b\x1b.service`, ActiveState: units.Active},
				unitstest.Unit{Name: "jupyter-carol.service", ActiveState: units.Failed, Properties: map[string]any{
					"Result": "exit-code", "ExecMainCode": int32(1), "ExecMainStatus": int32(200), "WorkingDirectory": "/home/carol",
				}},
			)
			env.Setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.Address())
			env.Setenv("HOSTROOT", env.WorkDir+"/host")
			return nil
		},
	})
}
