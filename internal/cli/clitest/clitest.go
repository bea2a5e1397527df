// Package clitest tests programs made with package cli through their own main.
package clitest

import (
	"bytes"
	"errors"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hubhost/hubhost/internal/cli"
)

// Scripts runs the script files in testdata/script. They have two more
// commands. exits holds a program to its exit status, and a wrong usage to one
// line on standard error and nothing on standard output; capture sets a
// variable to what the group of an expression matches in the last output:
//
//	exits STATUS PROGRAM [ARGUMENT…]
//	capture VARIABLE EXPRESSION
func Scripts(t *testing.T, setup func(*testscript.Env) error) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "capture": capture},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	if want == 2 && (ts.ReadFile("stdout") != "" || strings.Count(ts.ReadFile("stderr"), "\n") != 1) {
		ts.Fatalf("wrong usage is one line on standard error and nothing else")
	}
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture VARIABLE EXPRESSION")
	}
	match := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(match) != 2 {
		ts.Fatalf("no match for %s in the output", args[1])
	}
	ts.Setenv(args[0], match[1])
}

// Help holds a program to what its help says: each command has an example, and
// the command lines of all examples are ones that the program takes.
func Help(t *testing.T, app *cli.App) {
	show := func(args ...string) string {
		var out, errOut bytes.Buffer
		if status := app.Run(t.Context(), &cli.IO{Out: &out, Err: &errOut}, args); status != 0 || errOut.Len() > 0 {
			t.Errorf("%s %s: status %d, %s", app.Name, args, status, &errOut)
		}
		return out.String()
	}
	show("--help")
	for _, c := range app.Commands {
		var words []string
		if c.Name != "" {
			words = []string{c.Name}
		}
		if help := show(append(words, "--help")...); !strings.Contains(help, "\nExample:\n  ") {
			t.Errorf("%s %s --help has no example", app.Name, c.Name)
		}
		mine := 0
		for line := range strings.Lines(c.Example) {
			// No example has a quoted word that matters to its flags.
			line, _, _ = strings.Cut(strings.TrimSpace(line), " | ")
			line, _, _ = strings.Cut(line, " > ")
			fields := strings.Fields(line)
			if len(fields) == 0 || fields[0] != app.Name {
				continue
			}
			mine++
			if err := app.Parse(fields[1:]); err != nil {
				t.Errorf("example %q: %s", line, err)
			}
		}
		if mine == 0 {
			t.Errorf("%s %s: its example does not run it", app.Name, c.Name)
		}
	}
}
