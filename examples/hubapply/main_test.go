package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/cli/clitest"
	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hubapply": main, "hubpython": hubPython})
}

// hubPython stands for the hub's own Python: what that finds is tested in
// package spawnercfg, and on the live host. The last argument but one is the
// file, by which it finds nothing, or that it "raises", or "hangs". It answers
// on the descriptor that Checker.Check gives it.
func hubPython() {
	source, err := os.ReadFile(os.Args[len(os.Args)-2])
	answer := "{}"
	switch {
	case err != nil:
		os.Exit(1)
	case bytes.Contains(source, []byte("raise")):
		answer = `{"findings": [{"code": "config-raises", "message": "the hub does not start", "line": 2}]}`
	case bytes.Contains(source, []byte("hangs")):
		time.Sleep(time.Hour) // it is killed
	}
	if _, err := os.NewFile(3, "answer").WriteString(answer); err != nil {
		os.Exit(1)
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, app) }

// startHub starts a service manager and a hub of the test's own. By what the
// configuration holds at its start the hub runs, ends at once ("fails") or
// never answers ("silent"); asked is told when it is asked.
func startHub(t testing.TB, config string, asked chan<- struct{}) (address, url string) {
	holds := func(word string) bool {
		source, err := os.ReadFile(config)
		return err == nil && bytes.Contains(source, []byte(word))
	}
	bus := unitstest.StartBus(t, testenv.Tool(t, "dbus-daemon"))
	fake := unitstest.New(t, unitstest.Options{Bus: bus, OnJob: func(unitstest.Job) unitstest.Outcome {
		if holds("fails") {
			return unitstest.Outcome{Result: units.JobFailed}
		}
		return unitstest.Outcome{}
	}})
	fake.Add(unitstest.Unit{Name: "jupyterhub.service", ActiveState: units.Active, Properties: map[string]any{"WorkingDirectory": "/"}},
		unitstest.Unit{Name: "jupyter-alice-singleuser.service", ActiveState: units.Active})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if holds("silent") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		select {
		case asked <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(server.Close)
	return bus.Address(), server.URL
}

// TestScripts runs the program against a hub of the test's own; the whole with
// a real one is tested on the live host.
func TestScripts(t *testing.T) {
	clitest.Scripts(t, func(env *testscript.Env) error {
		address, url := startHub(env.T().(testing.TB), filepath.Join(env.WorkDir, "config.py"), nil)
		env.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
		env.Setenv("URL", url)
		return nil
	})
}

// Ctrl-C while the hub is waited for takes the change back, and says so.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	config, silent := filepath.Join(dir, "config.py"), filepath.Join(dir, "silent.py")
	const before = "c.SystemdSpawner.mem_limit = '2G'\n"
	require.NoError(t, os.WriteFile(config, []byte(before), 0o600))
	require.NoError(t, os.WriteFile(silent, []byte("c.SystemdSpawner.mem_limit = '4G'  # silent\n"), 0o600))
	asked := make(chan struct{}, 1)
	address, url := startHub(t, config, asked)

	cmd := exec.Command("hubapply", silent, "--config", config, "--python", "hubpython", "--url", url)
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+address)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill() }) // it has ended, if the test is good
	<-asked
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	assert.Error(t, cmd.Wait())
	assert.Equal(t, 1, cmd.ProcessState.ExitCode())
	assert.Contains(t, errOut.String(), "hubapply: interrupted; the old configuration is back, and the hub answers\n")
	now, err := os.ReadFile(config)
	require.NoError(t, err)
	assert.Equal(t, before, string(now))
}

// Who reads no further, as in "hubapply … | head", does not leave the hub on its
// old configuration with the new one installed.
func TestReaderLeaves(t *testing.T) {
	dir := t.TempDir()
	config, changed := filepath.Join(dir, "config.py"), filepath.Join(dir, "new.py")
	require.NoError(t, os.WriteFile(config, []byte("c.SystemdSpawner.mem_limit = '2G'\n"), 0o600))
	const after = "c.SystemdSpawner.mem_limit = '4G'\n"
	require.NoError(t, os.WriteFile(changed, []byte(after), 0o600))
	asked := make(chan struct{}, 1)
	address, url := startHub(t, config, asked)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	reader.Close()
	defer writer.Close()

	cmd := exec.Command("hubapply", changed, "--config", config, "--python", "hubpython", "--url", url)
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+address)
	var errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = writer, &errOut
	assert.Error(t, cmd.Run())
	assert.Equal(t, 1, cmd.ProcessState.ExitCode())
	assert.NotContains(t, errOut.String(), "hubapply: ")
	now, err := os.ReadFile(config)
	require.NoError(t, err)
	assert.Equal(t, after, string(now))
	assert.Len(t, asked, 1)
}

func TestAnswers(t *testing.T) {
	for source, want := range map[string]string{
		"": "http://127.0.0.1:8000/hub/api",
		"c.JupyterHub.bind_url = 'http://:7777/base/'":       "http://127.0.0.1:7777/base/hub/api",
		"c.JupyterHub.bind_url = 'https://hub.test'":         "https://hub.test:443/hub/api",
		"c.JupyterHub.port = 9000":                           "http://127.0.0.1:9000/hub/api",
		"c.JupyterHub.base_url = '/x/'":                      "http://127.0.0.1:8000/x/hub/api",
		"c.JupyterHub.ssl_cert = '/opt/jupyterhub/cert.pem'": "https://127.0.0.1:8000/hub/api",
	} {
		file, err := spawnercfg.Parse([]byte(source+"\n"), spawnercfg.ParseOptions{})
		require.NoError(t, err)
		assert.Equal(t, want, answers(file), source)
	}
}
