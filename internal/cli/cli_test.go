package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testApp(run func(name string, args []string) error) *App {
	return &App{Name: "prog", Summary: "tries things", Commands: []*Command{
		{Name: "show", Args: "FILE", Summary: "show a file", Example: "prog show --name x FILE",
			Setup: func(f *flag.FlagSet) Run {
				name := f.String("name", "", "the `name` to show")
				return func(_ context.Context, _ *IO, args []string) error { return run(*name, args) }
			}},
	}}
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		err    error
		status int
		errOut string
		want   []string // the flag, then the positional arguments
	}{
		{name: "flag between arguments", args: []string{"show", "a", "--name", "n", "b"}, want: []string{"n", "a", "b"}},
		{name: "after two dashes all is positional", args: []string{"show", "a", "--", "--name", "n"}, want: []string{"", "a", "--name", "n"}},
		{name: "failure", args: []string{"show"}, err: errors.New("one\ntwo\x1b[2J"), status: 1, errOut: "prog: one; two\\x1b[2J\n", want: []string{""}},
		{name: "finding", args: []string{"show"}, err: ErrFinding, status: 1, want: []string{""}},
		{name: "wrong use", args: []string{"show"}, err: Usage("give a %s", "FILE"), status: 2, errOut: "prog: give a FILE (see prog --help)\n", want: []string{""}},
		{name: "unknown flag", args: []string{"show", "--nope"}, status: 2, errOut: "prog: flag provided but not defined: -nope (see prog --help)\n"},
		{name: "unknown command", args: []string{"shw"}, status: 2, errOut: "prog: unknown command \"shw\"; one of show (see prog --help)\n"},
		{name: "no command", status: 2, errOut: "prog: which command? one of show (see prog --help)\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			app := testApp(func(name string, args []string) error {
				got = append([]string{name}, args...)
				return tt.err
			})
			var out, errOut bytes.Buffer
			assert.Equal(t, tt.status, app.Run(t.Context(), &IO{Out: &out, Err: &errOut}, tt.args))
			assert.Equal(t, tt.errOut, errOut.String())
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestHelp(t *testing.T) {
	app := testApp(nil)
	for _, args := range [][]string{{"--help"}, {"show", "--help"}} {
		var out bytes.Buffer
		assert.Zero(t, app.Run(t.Context(), &IO{Out: &out, Err: &out}, args))
		assert.Contains(t, out.String(), "show")
		if len(args) == 2 {
			assert.Contains(t, out.String(), "--name NAME")
			assert.Contains(t, out.String(), "prog show --name x FILE")
		}
	}
}

func TestTable(t *testing.T) {
	rows := [][]Cell{
		{{Text: "älice"}, {Text: "7", Right: true}, {Text: "a long last column"}},
		{{Text: "eve\x1b[2J"}, {Text: "1234", Right: true}, {Text: "x", Style: Bad}},
	}
	heading := []string{"USER", "N", "WHAT"}
	var out bytes.Buffer
	(&IO{Out: &out}).Table(heading, rows)
	assert.Equal(t, "USER           N  WHAT\n"+
		"älice          7  a long last column\n"+
		"eve\\x1b[2J  1234  x\n", out.String())

	out.Reset()
	(&IO{Out: &out, Terminal: true, Width: 26, Colour: true}).Table(heading, rows)
	assert.Contains(t, out.String(), "a long …\n")
	assert.Contains(t, out.String(), "\x1b[31mx\x1b[0m\n")
	assert.NotContains(t, out.String(), "\x1b[2J")
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "張 é": "張 é", "a\nb": `a\x0ab`, "\xff": `\xff`,
		"\u202ereversed": `\u202ereversed`, "\u009b2J": `\x9b2J`,
	} {
		assert.Equal(t, want, Printable(in))
	}
}

// The judge is patch(1)'s own reading of the diff, done here: applying the
// edits to the old text gives the new one.
func TestDiffEditsMakeTheNewText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func() []string {
		var lines []string
		for range r.IntN(12) {
			lines = append(lines, string(rune('a'+r.IntN(4)))+"\n")
		}
		return lines
	}
	for range 2000 {
		a, b := text(), text()
		var oldText, newText []string
		for _, e := range diff(a, b) {
			if e.op != '+' {
				oldText = append(oldText, e.line)
			}
			if e.op != '-' {
				newText = append(newText, e.line)
			}
		}
		require.Equal(t, a, oldText)
		require.Equal(t, b, newText)
	}
}

func TestDiffIsWhatPatchReads(t *testing.T) {
	patch, err := exec.LookPath("git")
	require.NoError(t, err)
	dir := t.TempDir()
	var oldText strings.Builder
	for i := range 60 {
		oldText.WriteString(strings.Repeat("x", i) + "\n")
	}
	newText := strings.Replace(oldText.String(), "xxx\nxxxx\n", "xxx\nnew\n", 1)
	newText = strings.Replace(newText, strings.Repeat("x", 40)+"\n", "", 1) + "end\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte(oldText.String()), 0o600))
	var out bytes.Buffer
	require.True(t, (&IO{Out: &out}).Diff("a/f", "b/f", []byte(oldText.String()), []byte(newText)))
	assert.Equal(t, 3, strings.Count(out.String(), "@@ -"), out.String())

	cmd := exec.Command(patch, "apply", "-")
	cmd.Dir, cmd.Stdin = dir, &out
	msg, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", msg)
	got, err := os.ReadFile(filepath.Join(dir, "f"))
	require.NoError(t, err)
	assert.Equal(t, newText, string(got))
}

func TestDiffOfEqualTextsIsEmpty(t *testing.T) {
	var out bytes.Buffer
	assert.False(t, (&IO{Out: &out}).Diff("a", "b", []byte("x\ny"), []byte("x\ny")))
	assert.Empty(t, out.String())
}
