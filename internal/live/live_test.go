package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
)

func TestLivePID1IsSystemd(t *testing.T) {
	testenv.Live(t)
	name, err := os.ReadFile("/proc/1/comm")
	require.NoError(t, err)
	assert.Equal(t, "systemd", strings.TrimSpace(string(name)))
	assert.Zero(t, os.Getuid())
	out, err := exec.Command("systemctl", "is-system-running", "--wait").CombinedOutput()
	assert.NoError(t, err, "%s", out)
}
