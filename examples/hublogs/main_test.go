package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
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

// Following shows what there is, and ends well at Ctrl-C.
func TestFollow(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, journalgen.Build(t.Context(), testenv.Tool(t, "systemd-journal-remote"), dir, journalgen.Config{Entries: 100, Units: 2}, nil))
	cmd := exec.Command("hublogs", "-fn2", "-ocat", "--dir", dir, "hub")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill() }) // it has ended, if the test is good
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	require.True(t, lines.Scan())
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	assert.False(t, lines.Scan(), "a third line: %s", lines.Text())
	assert.NoError(t, cmd.Wait())
	assert.Empty(t, errOut.String())
}
