package spawnercfg_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

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

// worker is a Python process that answers a line of JSON with a line of JSON.
type worker struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

func startWorker(t testing.TB, python string, args ...string) *worker {
	t.Helper()
	cmd := exec.Command(python, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		require.NoError(t, cmd.Wait())
	})
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<24)
	return &worker{in, scanner}
}

func (w *worker) ask(t testing.TB, question, answer any) {
	t.Helper()
	line, err := json.Marshal(question)
	require.NoError(t, err)
	_, err = w.in.Write(append(line, '\n'))
	require.NoError(t, err)
	require.True(t, w.out.Scan(), "no answer to %s: %v", line, w.out.Err())
	require.NoError(t, json.Unmarshal(w.out.Bytes(), answer))
}
