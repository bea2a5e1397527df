package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/cli/clitest"
	"github.com/hubhost/hubhost/internal/journalgen"
	"github.com/hubhost/hubhost/internal/testenv"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"hublogs": main}) }

func TestHelp(t *testing.T) { clitest.Help(t, app) }

func TestScripts(t *testing.T) {
	remote := testenv.Tool(t, "systemd-journal-remote")
	testenv.Tool(t, "journalctl")
	dir := t.TempDir()
	require.NoError(t, journalgen.Build(t.Context(), remote, dir, journalgen.Config{Entries: 3000, Units: 12}, nil))
	clitest.Scripts(t, func(env *testscript.Env) error {
		env.Setenv("JOURNAL", dir)
		env.Setenv("TZ", "UTC")
		env.Setenv("PATH", env.Getenv("PATH")+string(os.PathListSeparator)+"/usr/bin:/bin")
		return nil
	})
}
