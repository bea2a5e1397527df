package spawnercfg_test

import (
	"os"
	"testing"

	"github.com/hubhost/hubhost/internal/testenv"
)

// hubPython returns a Python that has JupyterHub and SystemdSpawner.
func hubPython(t testing.TB) string {
	t.Helper()
	if python := os.Getenv("HUB_PYTHON"); python != "" {
		return python
	}
	const installed = "/opt/jupyterhub/bin/python"
	if _, err := os.Stat(installed); err == nil {
		return installed
	}
	testenv.Lack(t, "needs a Python with the hub: python3 -m venv DIR && DIR/bin/pip install jupyterhub==5.5.1 jupyterhub-systemdspawner==1.0.2 && export HUB_PYTHON=DIR/bin/python")
	return ""
}
