package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/cli/clitest"
	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"hubapply": main}) }

func TestHelp(t *testing.T) { clitest.Help(t, app) }

// TestScripts runs the program against a service manager of the test's own, up
// to where the hub's own Python is needed: the whole is tested on the live
// host.
func TestScripts(t *testing.T) {
	daemon := testenv.Tool(t, "dbus-daemon")
	clitest.Scripts(t, func(env *testscript.Env) error {
		bus := unitstest.StartBus(env.T().(testing.TB), daemon)
		fake := unitstest.New(env.T().(testing.TB), unitstest.Options{Bus: bus})
		fake.Add(unitstest.Unit{Name: "jupyterhub.service", ActiveState: units.Active, Properties: map[string]any{"WorkingDirectory": "/"}},
			unitstest.Unit{Name: "jupyter-alice-singleuser.service", ActiveState: units.Active})
		env.Setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.Address())
		return nil
	})
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
