package spawnercfg_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/live/hub"
	"github.com/hubhost/hubhost/internal/testenv"
	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// account returns what the machine has for a Unix account, and the hub by the
// same name.
func account(t *testing.T, name string) User {
	t.Helper()
	u, err := user.Lookup(name)
	require.NoError(t, err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	return User{Name: name, ID: 1, UnixName: name, UID: uint32(uid), GID: uint32(gid), Home: u.HomeDir}
}

// shown returns the properties that systemctl show --all prints of a unit;
// without --all it leaves out empty lists.
func shown(t *testing.T, unit string) map[string]any {
	t.Helper()
	out, err := exec.Command("systemctl", "show", "--all", "--", unit).Output()
	require.NoError(t, err)
	properties := map[string]any{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		properties[name] = value
	}
	return properties
}

// TestLiveForetoldUnits has the hub start servers for two users by its own
// file, which this package has written, and compares all that was foretold of
// their units with what systemd says of them.
func TestLiveForetoldUnits(t *testing.T) {
	testenv.Live(t)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	client, err := hub.Dial(ctx)
	require.NoError(t, err)
	defer client.Close()
	file, err := ReadFile(hub.ConfigFile, "/")
	require.NoError(t, err)
	t.Run("users", func(t *testing.T) {
		for _, name := range []string{"alice", "bob"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				unit, err := Predict(file.Settings(), account(t, name), Hub{Environment: map[string]string{"PATH": "/opt/jupyterhub/bin:/usr/bin:/bin", "SHELL": "/bin/sh"}})
				require.NoError(t, err)
				require.Empty(t, unit.Refusals)
				require.NoError(t, client.Start(ctx, name, nil))
				properties := shown(t, unit.Name)
				assert.Equal(t, "active", properties["ActiveState"])
				assert.Empty(t, Drift(unit, properties))
				for property, want := range unit.Reported() {
					t.Logf("%s: %s=%v", unit.Name, property, properties[property])
					assert.Contains(t, properties, property, "%v", want)
				}
				assert.Contains(t, properties["ExecStart"], "argv[]="+strings.Join(unit.Command, " ")+" ;")
				assert.Contains(t, properties["EnvironmentFiles"], unit.EnvironmentFile)

				// The names of the variables alone: the values are the user's secrets.
				text, err := os.ReadFile(unit.EnvironmentFile)
				require.NoError(t, err)
				var names []string
				for line := range strings.Lines(string(text)) {
					key, _, _ := strings.Cut(line, "=")
					names = append(names, key)
				}
				assert.Equal(t, unit.Environment, names)
				require.NoError(t, client.Stop(ctx, name))
			})
		}
	})
}

// TestLiveReported starts units with the arguments that are foretold for many
// options, and compares what systemd reports, and what it refuses.
func TestLiveReported(t *testing.T) {
	testenv.Live(t)
	properties := func(kv ...string) SystemdSpawner {
		var ps []Property
		for i := 0; i < len(kv); i += 2 {
			ps = append(ps, Property{kv[i], MustTemplate(kv[i+1])})
		}
		return SystemdSpawner{UnitExtraProperties: Set(ps)}
	}
	for i, options := range []SystemdSpawner{
		{},
		{MemLimit: Set(64*MiB + 1), CPULimit: Set(1.15)},
		{MemLimit: Set(TiB), CPULimit: Set(0.01)},
		{MemLimit: None[ByteSize](), CPULimit: Set(300.0)},
		{IsolateTmp: Set(true), IsolateDevices: Set(true), DisableUserSudo: Set(false)},
		{ReadonlyPaths: Set(Templates("/", "-/opt//{USERNAME}/", "/usr", "/usr")), ReadwritePaths: Set(Templates("/home/{USERNAME}/", "-+/srv"))},
		{Slice: Set("live-users")},
		{Slice: Set("live.slice"), UserWorkingdir: Set(MustTemplate("/usr//share/"))},
		{UnitNameTemplate: Set(MustTemplate("live ü/%-{USERNAME}-x"))},
		{UnitNameTemplate: Set(MustTemplate("live-x@{USERNAME}"))},
		{DynamicUsers: Set(true), UnitNameTemplate: Set(MustTemplate("live-dynamic-{USERNAME}-x"))},
		properties("MemoryMax", "1.5G", "CPUQuota", "12.5%"),
		properties("MemoryMax", "infinity", "MemorySwapMax", "0", "TasksMax", "50"),
		properties("ReadOnlyPaths", "/usr /opt", "ReadOnlyDirectories", "/etc"),
		properties("PrivateTmp", "on", "NoNewPrivileges", "0", "OOMPolicy", "kill"),
		properties("RuntimeDirectory", "live-{USERNAME}-a live-{USERNAME}-b", "RuntimeDirectoryPreserve", "no"),
		properties("User", "nobody", "Slice", "live.slice"),
		// Refused ones.
		{MemLimit: Set(ByteSize(0))},
		{MemLimit: Set(-GiB)},
		{CPULimit: Set(0.009)},
		{ReadonlyPaths: Set(Templates("usr"))},
		{Slice: Set("live.service")},
		{UnitNameTemplate: Set(MustTemplate("{USERNAME}.slice"))},
		properties("MemoryMax", "0"),
		properties("RuntimeDirectory", "live/../{USERNAME}"),
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			options.Cmd = Set(Templates("/usr/bin/sleep", "infinity"))
			if !options.UnitNameTemplate.IsSet() {
				options.UnitNameTemplate = Set(MustTemplate(fmt.Sprintf("live-reported-%d-{USERNAME}-x", i)))
			}
			unit, err := Options{SystemdSpawner: options}.Unit(account(t, "alice"), Hub{})
			if i == 8 {
				// The hub fails to make the environment file of such a name.
				var raised *pyvalue.Exception
				require.ErrorAs(t, err, &raised)
				options.UnitNameTemplate = Set(MustTemplate("live ü%-{USERNAME}-x"))
				unit, err = Options{SystemdSpawner: options}.Unit(account(t, "alice"), Hub{})
			}
			require.NoError(t, err)
			environment := filepath.Clean(unit.EnvironmentFile)
			require.NoError(t, os.MkdirAll(filepath.Dir(environment), 0o700))
			require.NoError(t, os.WriteFile(environment, nil, 0o400))
			out, err := exec.Command(unit.Args[0], unit.Args[1:]...).CombinedOutput()
			if len(unit.Refusals) > 0 {
				assert.Error(t, err, "%s", out)
				t.Logf("%s: %s", unit.Refusals[0], out)
				return
			}
			require.NoError(t, err, "%s", out)
			t.Cleanup(func() {
				exec.Command("systemctl", "stop", "--", unit.Name).Run()
				exec.Command("systemctl", "reset-failed", "--", unit.Name).Run()
			})
			reported := shown(t, unit.Name)
			require.Equal(t, "loaded", reported["LoadState"])
			assert.Empty(t, Drift(unit, reported), "%s", out)
		})
	}
}
