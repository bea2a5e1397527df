package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/live/hub"
	"github.com/hubhost/hubhost/internal/testenv"
)

// The host is the one that internal/testenv's table of capabilities names.
func TestLiveHostIsAsNamed(t *testing.T) {
	testenv.Live(t)
	release, hierarchy, _ := strings.Cut(os.Getenv("LIVE_HOST"), "/")
	text, err := os.ReadFile("/etc/os-release")
	require.NoError(t, err)
	assert.Contains(t, string(text), "VERSION_CODENAME="+release+"\n")
	_, err = os.Stat("/sys/fs/cgroup/cgroup.controllers") // only v2 has it there
	assert.Equal(t, hierarchy == "v2", err == nil)
}

func TestLivePID1IsSystemd(t *testing.T) {
	testenv.Live(t)
	name, err := os.ReadFile("/proc/1/comm")
	require.NoError(t, err)
	assert.Equal(t, "systemd", strings.TrimSpace(string(name)))
	assert.Zero(t, os.Getuid())
	out, err := exec.Command("systemctl", "is-system-running", "--wait").CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

// The whole way of a user's server: nginx with a verified certificate, the
// hub, the spawner, systemd, and back again.
func TestLiveHubSpawnsServers(t *testing.T) {
	testenv.Live(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	c, err := hub.Dial(ctx)
	require.NoError(t, err)
	defer c.Close()

	users := []string{"alice", "bob"}
	started := make(chan error, len(users))
	for _, user := range users {
		go func() { started <- c.Start(ctx, user, nil) }()
	}
	for range users {
		require.NoError(t, <-started)
	}
	for _, user := range users {
		unit := "jupyter-" + user + ".service"
		assert.Equal(t, "active", unitState(t, unit))
		server, running, err := c.Server(ctx, user)
		require.NoError(t, err)
		assert.True(t, running && server.Ready)
		status, err := c.Get(ctx, user, "api/status")
		require.NoError(t, err)
		assert.Contains(t, string(status), `"started"`)

		require.NoError(t, c.Stop(ctx, user))
		assert.Equal(t, "inactive", unitState(t, unit))
	}
}

func unitState(t *testing.T, unit string) string {
	t.Helper()
	out, err := exec.Command("systemctl", "show", "--property=ActiveState", "--value", unit).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}
