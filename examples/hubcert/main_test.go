package main

import (
	"net/http/httptest"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hubhost/hubhost/internal/cli/clitest"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"hubcert": main}) }

func TestHelp(t *testing.T) { clitest.Help(t, app) }

func TestScripts(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close) // the scripts are parallel subtests
	clitest.Scripts(t, func(env *testscript.Env) error {
		env.Setenv("SERVER", server.Listener.Addr().String())
		return nil
	})
}
