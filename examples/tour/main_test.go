package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hubhost/hubhost/internal/cli/clitest"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"tour": main}) }

func TestHelp(t *testing.T) { clitest.Help(t, app) }

func TestScripts(t *testing.T) {
	clitest.Scripts(t, nil)
}
