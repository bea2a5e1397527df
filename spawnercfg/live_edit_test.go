package spawnercfg_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/live/hub"
	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// property asks systemd for one property of a unit.
func property(t *testing.T, unit, name string) string {
	t.Helper()
	out, err := exec.Command("systemctl", "show", "--value", "-p", name, unit).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func restartHub(t *testing.T) *hub.Client {
	t.Helper()
	out, err := exec.Command("systemctl", "restart", "jupyterhub.service").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return waitForHub(t)
}

func waitForHub(t *testing.T) *hub.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	c, err := hub.Dial(ctx)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// TestLiveEdit takes the running hub's own file the whole way: read, linted,
// checked, changed, installed; the hub restarts with it and the next server
// has the new limit. A change that the hub would refuse never gets so far.
func TestLiveEdit(t *testing.T) {
	testenv.Live(t)
	ctx := t.Context()
	// Not beside the start of the hub, which the emulated machine is slow at.
	waitForHub(t)
	dir := property(t, "jupyterhub.service", "WorkingDirectory")
	before, err := os.ReadFile(hub.ConfigFile)
	require.NoError(t, err)

	f, err := spawnercfg.ReadFile(hub.ConfigFile, dir)
	require.NoError(t, err)
	require.Equal(t, string(before), string(f.Bytes()))
	r := f.Read("SystemdSpawner", "mem_limit")
	require.Equal(t, spawnercfg.Certain, r.Certainty, "%v", r.Reasons)
	options, err := f.Options()
	require.NoError(t, err)
	limit, ok := options.SystemdSpawner.MemLimit.Get()
	require.True(t, ok)
	t.Logf("%s: mem_limit is %s", r.Pos, limit)
	require.NoError(t, f.Lint().Err())

	checker := spawnercfg.Checker{Python: "/opt/jupyterhub/bin/python", Dir: dir, Limit: 8 * time.Minute}
	result, err := f.Check(ctx, checker)
	require.NoError(t, err)
	require.NoError(t, result.Report.Err())
	t.Logf("checked by %v", result.Versions)

	const changed = 640 * spawnercfg.MiB
	require.NotEqual(t, changed, limit)
	g, err := f.Set("SystemdSpawner", "mem_limit", pyvalue.Str(changed.String()))
	require.NoError(t, err)
	assert.Equal(t, strings.Replace(string(before), limit.String(), changed.String(), 1), string(g.Bytes()))

	// What the hub would take for a broken option is refused, and nothing is
	// written: not the file, no backup, no lock.
	names := func() (names []string) {
		entries, err := os.ReadDir(filepath.Dir(hub.ConfigFile))
		require.NoError(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	there := names()
	t.Run("refused", func(t *testing.T) {
		for _, bad := range []pyvalue.Value{pyvalue.Str("2GB"), pyvalue.Strs("640M")} {
			t.Run(bad.String(), func(t *testing.T) {
				t.Parallel()
				h, err := f.Set("SystemdSpawner", "mem_limit", bad)
				require.NoError(t, err)
				refused, err := h.Check(ctx, checker)
				require.NoError(t, err)
				require.Error(t, refused.Report.Err())
				t.Logf("refused: %v", refused.Report.Err())
				assert.Contains(t, refused.Report.Err().Error(), hub.ConfigFile)
			})
		}
	})
	now, err := os.ReadFile(hub.ConfigFile)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(now))
	assert.Equal(t, there, names())

	result, err = g.Check(ctx, checker)
	require.NoError(t, err)
	require.NoError(t, result.Report.Err())
	installed, err := g.Install(ctx, spawnercfg.InstallOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := spawnercfg.Restore(context.Background(), hub.ConfigFile, installed.Backup, spawnercfg.InstallOptions{})
		assert.NoError(t, err)
		after, err := os.ReadFile(hub.ConfigFile)
		assert.NoError(t, err)
		assert.Equal(t, string(before), string(after))
		out, err := exec.Command("systemctl", "restart", "jupyterhub.service").CombinedOutput()
		assert.NoError(t, err, "%s", out)
	})
	info, err := os.Stat(hub.ConfigFile)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	c := restartHub(t)
	spawn, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	require.NoError(t, c.Start(spawn, "carol", nil))
	assert.Equal(t, "671088640", property(t, "jupyter-carol.service", "MemoryMax"))
	require.NoError(t, c.Stop(spawn, "carol"))
}
