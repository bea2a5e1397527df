package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hubhost/hubhost/internal/cli/clitest"
	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"hubctl": main, "ssh": ssh}) }

func TestHelp(t *testing.T) { clitest.Help(t, app) }

// TestScripts runs the program against a service manager of the test's own, on
// a real bus. There are no control groups below HOSTROOT, so that the figures
// are those of the manager.
func TestScripts(t *testing.T) {
	daemon := testenv.Tool(t, "dbus-daemon")
	clitest.Scripts(t, func(env *testscript.Env) error {
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
				"WorkingDirectory": "/var/lib/ice", // of the dynamic user "ice" of a script
			}},
			unitstest.Unit{Name: `jupyter-b\x1b.service`, ActiveState: units.Active},
			unitstest.Unit{Name: "jupyter-carol.service", ActiveState: units.Failed, Properties: map[string]any{
				"Result": "exit-code", "ExecMainCode": int32(1), "ExecMainStatus": int32(200), "WorkingDirectory": "/home/carol",
			}},
		)
		env.Setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.Address())
		env.Setenv("REMOTE_BUS", strings.TrimPrefix(bus.Address(), "unix:path="))
		env.Setenv("HOSTROOT", env.WorkDir+"/host")
		return nil
	})
}

// ssh plays the program that hubctl finds on PATH, and the other host: there
// the bus is at REMOTE_BUS, and the journal is the file REMOTE_JOURNAL. It
// refuses every command line that could mean more than was asked for.
func ssh() {
	if err := remoteHost(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fake ssh:", err)
		os.Exit(255)
	}
}

func remoteHost(args []string) error {
	if len(args) != 4 || !slices.Equal(args[:2], []string{"-xT", "--"}) {
		return fmt.Errorf("arguments %q", args)
	}
	if args[2] != "root@hub.test" {
		return fmt.Errorf("Could not resolve hostname %s", args[2])
	}
	switch command := args[3]; {
	case command == "systemd-stdio-bridge":
		bus, err := net.Dial("unix", os.Getenv("REMOTE_BUS"))
		if err != nil {
			return err
		}
		go io.Copy(bus, os.Stdin)
		_, err = io.Copy(os.Stdout, bus)
		return err
	case strings.HasPrefix(command, "journalctl --output=export "):
		if err := os.WriteFile(os.Getenv("REMOTE_JOURNAL")+".asked", []byte(command+"\n"), 0o600); err != nil {
			return err
		}
		journal, err := os.Open(os.Getenv("REMOTE_JOURNAL"))
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, journal)
		return err
	}
	return errors.New("command not found")
}
