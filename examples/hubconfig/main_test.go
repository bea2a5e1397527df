package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hubhost/hubhost/internal/cli/clitest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hubconfig": main, "hubpython": hubPython})
}

// hubPython stands for the hub's own Python, which is given the file as its
// last argument but one and answers on descriptor 3. It has something against
// cpu_limit, and never ends on silent.py.
func hubPython() {
	if strings.HasSuffix(os.Args[len(os.Args)-2], "silent.py") {
		time.Sleep(time.Hour) // it is killed
	}
	answer := `{"findings": [{"code": "bad-value", "option": "SystemdSpawner.cpu_limit", "message": "TraitError"}]}`
	if _, err := os.NewFile(3, "answer").WriteString(answer); err != nil {
		os.Exit(1)
	}
}

func TestHelp(t *testing.T) { clitest.Help(t, app) }

func TestScripts(t *testing.T) {
	clitest.Scripts(t, nil)
}
