package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

// BenchmarkUnitsRead200 lists 200 transient services and reads eight
// properties of each from a real systemd, in turn with systemctl show, which
// uses the manager's private socket as it does for root.
func BenchmarkUnitsRead200(b *testing.B) {
	const n = 200
	manager := startManager(b)
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("jupyter-u%03d.service", i)
		require.NoError(b, manager.bus.StartTransient(b.Context(), names[i], units.Transient{
			Command: []string{"/bin/sleep", "infinity"},
			Limits:  units.Limits{MemoryMax: units.Bytes(512 << 20), TasksMax: units.Count(50)},
		}))
	}
	for _, set := range []struct {
		name       string
		properties string
		fields     []units.Field
	}{
		// What hubctl sessions shows.
		{"session", "ActiveState,SubState,MainPID,Result,MemoryCurrent,MemoryMax,CPUUsageNSec,TasksCurrent", []units.Field{
			units.FieldMainPID, units.FieldResult, units.FieldMemoryCurrent,
			units.FieldMemoryMax, units.FieldCPUUsage, units.FieldTasksCurrent,
		}},
		// None of these is in the list.
		{"unlisted", "MainPID,Result,MemoryCurrent,MemoryMax,CPUUsageNSec,TasksCurrent,InvocationID,ControlGroup", []units.Field{
			units.FieldMainPID, units.FieldResult, units.FieldMemoryCurrent, units.FieldMemoryMax,
			units.FieldCPUUsage, units.FieldTasksCurrent, units.FieldInvocationID, units.FieldControlGroup,
		}},
	} {
		b.Run(set.name, func(b *testing.B) {
			read := func(m *units.Manager) func() {
				return func() {
					statuses, err := m.Statuses(b.Context(), units.Filter{Patterns: []string{"jupyter-*.service"}}, set.fields...)
					require.NoError(b, err)
					require.Len(b, statuses, n)
					require.NotZero(b, statuses[n-1].MainPID)
				}
			}
			show := func() {
				cmd := exec.Command("systemctl", append([]string{"--user", "show", "-p", set.properties}, names...)...)
				cmd.Env = append(os.Environ(), manager.env...)
				out, err := cmd.Output()
				require.NoError(b, err)
				require.Equal(b, n*8, strings.Count(string(out), "="))
			}
			contenders := []func(){read(manager.bus), read(manager.private), show}
			times := make([][]time.Duration, len(contenders))
			for b.Loop() {
				for i, run := range contenders {
					start := time.Now()
					run()
					times[i] = append(times[i], time.Since(start))
				}
			}
			ms := func(i int) float64 {
				return float64(slices.Sorted(slices.Values(times[i]))[len(times[i])/2].Microseconds()) / 1000
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ms(0), "bus-ms")
			b.ReportMetric(ms(1), "private-ms")
			b.ReportMetric(ms(2), "systemctl-show-ms")
			b.ReportMetric(ms(0)/ms(2), "bus/systemctl")
			b.ReportMetric(ms(1)/ms(2), "private/systemctl")
		})
	}
}

// userManager is a systemd --user of the benchmark's own on a bus of its own.
type userManager struct {
	bus, private *units.Manager
	env          []string // for systemctl
}

// beManager names the variable that makes this binary become the manager.
const beManager = "BENCH_UNITS_MANAGER"

func startManager(b *testing.B) userManager {
	b.Helper()
	if os.Getenv(beManager) != "" {
		runManager(b)
	}
	testenv.Root(b)
	testenv.Tool(b, "systemctl")
	testenv.Tool(b, "systemd")
	bus := unitstest.StartBus(b, testenv.Tool(b, "dbus-daemon"))
	// Not b.TempDir: the path of a socket is limited to 107 bytes.
	dir, err := os.MkdirTemp("", "manager")
	require.NoError(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	// The manager goes to the bus when these two run, whatever they are.
	unitFiles := filepath.Join(dir, "unit-files")
	require.NoError(b, os.Mkdir(unitFiles, 0o755))
	require.NoError(b, os.WriteFile(filepath.Join(unitFiles, "dbus.socket"), []byte("[Socket]\nListenStream=%t/unused\n"), 0o644))
	require.NoError(b, os.WriteFile(filepath.Join(unitFiles, "dbus.service"), []byte("[Unit]\nRequires=dbus.socket\n[Service]\nExecStart=/bin/sleep infinity\n"), 0o644))
	env := []string{"XDG_RUNTIME_DIR=" + dir, "DBUS_SESSION_BUS_ADDRESS=" + bus.Address(), "HOME=" + dir, "SYSTEMD_UNIT_PATH=" + unitFiles + ":"}

	host := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^"+b.Name()+"$")
	host.Env = append(append(os.Environ(), env...), beManager+"=1")
	host.Stdout, host.Stderr = os.Stderr, os.Stderr
	// It stops what it has started before it ends.
	host.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGTERM}
	require.NoError(b, host.Start())
	b.Cleanup(func() {
		_ = host.Process.Signal(unix.SIGTERM)
		_ = host.Wait()
	})

	m := userManager{env: env}
	connect := func(c units.Config) *units.Manager {
		var manager *units.Manager
		require.Eventually(b, func() bool {
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
			defer cancel()
			manager, err = units.Connect(ctx, &c)
			return err == nil
		}, time.Minute, 50*time.Millisecond, "systemd --user: %v", err)
		b.Cleanup(func() { manager.Close() })
		return manager
	}
	m.bus = connect(units.Config{Address: bus.Address()})
	m.private = connect(units.Config{Private: true, Address: "unix:path=" + filepath.Join(dir, "systemd/private")})
	return m
}

// runManager becomes the manager, in a mount name space of its own: systemd
// --user wants to see that systemd is PID 1.
func runManager(b *testing.B) {
	require.NoError(b, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	require.NoError(b, unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"))
	require.NoError(b, os.MkdirAll("/run/systemd/system", 0o755))
	systemd := testenv.Tool(b, "systemd")
	require.NoError(b, unix.Exec(systemd, []string{systemd, "--user", "--unit=dbus.service"}, os.Environ()))
}
