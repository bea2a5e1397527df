package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testApp(run func(name string, args []string) error) *App {
	return &App{Name: "prog", Summary: "tries things", Commands: []*Command{
		{Name: "show", Args: "FILE", Summary: "show a file", Example: "prog show --name x FILE",
			Setup: func(f *flag.FlagSet) Run {
				name := f.String("name", "none", "the `name` to show")
				Alias(f, "name", "n")
				f.Bool("v", false, "say more")
				f.Duration("wait", 0, "how long to wait")
				f.Var(new(level), "level", "the `number` of a level")
				return func(_ context.Context, _ *IO, args []string) error { return run(*name, args) }
			}},
		{Name: "list", Example: "prog list", Setup: func(*flag.FlagSet) Run {
			return func(context.Context, *IO, []string) error { return run("list", nil) }
		}},
	}}
}

// level may stand alone.
type level string

func (l *level) String() string      { return string(*l) }
func (l *level) Set(s string) error  { *l = level(s); return nil }
func (*level) IsBoolFlag() bool      { return true }
func (*level) Takes(arg string) bool { return strings.Trim(arg, "-0123456789") == "" }

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
		{name: "flag before the command", args: []string{"-v", "--name", "n", "--level", "show", "a"}, want: []string{"n", "a"}},
		{name: "joined letters", args: []string{"show", "-vnx", "a"}, want: []string{"x", "a"}},
		{name: "value like a flag", args: []string{"show", "-n", "-v", "a"}, want: []string{"-v", "a"}},
		{name: "optional value", args: []string{"show", "--level", "-1", "a", "--level", "b"}, want: []string{"none", "a", "b"}},
		{name: "after two dashes all is positional", args: []string{"show", "a", "--", "--name", "n"}, want: []string{"none", "a", "--name", "n"}},
		{name: "failure", args: []string{"show"}, err: errors.New("one\ntwo\x1b[2J"), status: 1, errOut: "prog: one; two\\x1b[2J\n", want: []string{"none"}},
		{name: "finding", args: []string{"show"}, err: ErrFinding, status: 1, want: []string{"none"}},
		{name: "wrong use", args: []string{"show"}, err: Usage("give a %s", "FILE"), status: 2, errOut: "prog: give a FILE (see prog show --help)\n", want: []string{"none"}},
		{name: "unknown flag", args: []string{"show", "--nope"}, status: 2, errOut: "prog: unknown flag --nope (see prog show --help)\n"},
		{name: "unknown letter", args: []string{"show", "-vz"}, status: 2, errOut: "prog: unknown flag -z (see prog show --help)\n"},
		{name: "unknown flag before the command", args: []string{"--nope", "show"}, status: 2, errOut: "prog: unknown flag --nope (see prog --help)\n"},
		{name: "flag of another command", args: []string{"-v", "list"}, status: 2, errOut: "prog: unknown flag -v (see prog list --help)\n"},
		{name: "no value", args: []string{"show", "--name"}, status: 2, errOut: "prog: --name: what? it takes a value (see prog show --help)\n"},
		{name: "empty value", args: []string{"show", "--name", ""}, status: 2, errOut: "prog: --name: what? it takes a value (see prog show --help)\n"},
		{name: "bad value", args: []string{"show", "--wait", "5"}, status: 2, errOut: "prog: --wait \"5\": not a duration such as 30s, 5m or 1h (see prog show --help)\n"},
		{name: "no arguments taken", args: []string{"list", "all"}, status: 2, errOut: "prog: \"all\": prog list takes flags only (see prog list --help)\n"},
		{name: "unknown command", args: []string{"shw"}, status: 2, errOut: "prog: unknown command \"shw\"; one of show, list (see prog --help)\n"},
		{name: "no command", status: 2, errOut: "prog: which command? one of show, list (see prog --help)\n"},
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

// What a command says of how it left things is not lost to "interrupted".
func TestRunInterrupted(t *testing.T) {
	for _, cause := range []error{nil, errors.New("interrupt signal received")} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		app := testApp(func(string, []string) error {
			return fmt.Errorf("restart: %w; the old file is back", context.Cause(ctx))
		})
		var errOut bytes.Buffer
		assert.Equal(t, 1, app.Run(ctx, &IO{Err: &errOut}, []string{"show"}))
		assert.Equal(t, "prog: restart: interrupted; the old file is back\n", errOut.String())
	}
}

func TestRunNoticesLostOutput(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		ends   error
		lost   error
		errOut string
	}{
		{args: []string{"show"}, lost: syscall.ENOSPC, errOut: "prog: no space left on device\n"},
		{args: []string{"show"}, ends: ErrFinding, lost: syscall.ENOSPC, errOut: "prog: no space left on device\n"},
		{args: []string{"--help"}, lost: syscall.ENOSPC, errOut: "prog: no space left on device\n"},
		// Who reads no further knows.
		{args: []string{"show"}, lost: syscall.EPIPE},
		{args: []string{"show"}, ends: errors.New("a failure"), lost: syscall.EPIPE, errOut: "prog: a failure\n"},
		{args: []string{"show"}, ends: fmt.Errorf("to a server: %w", syscall.EPIPE), errOut: "prog: to a server: broken pipe\n"},
	} {
		app := testApp(nil)
		app.Commands[0].Setup = func(*flag.FlagSet) Run {
			return func(_ context.Context, out *IO, _ []string) error { out.Printf("text"); return tt.ends }
		}
		var errOut bytes.Buffer
		assert.Equal(t, 1, app.Run(t.Context(), &IO{Out: losing{tt.lost}, Err: &errOut}, tt.args))
		assert.Equal(t, tt.errOut, errOut.String())
	}
}

type losing struct{ err error }

func (l losing) Write(p []byte) (int, error) { return len(p), l.err }

func TestHelp(t *testing.T) {
	app := testApp(nil)
	for _, args := range [][]string{{"--help"}, {"help"}, {"-h"}, {"help", "show"}, {"show", "--help"}, {"show", "FILE", "-h"}} {
		var out, errOut bytes.Buffer
		assert.Zero(t, app.Run(t.Context(), &IO{Out: &out, Err: &errOut}, args))
		assert.Empty(t, errOut.String())
		if len(args) == 1 {
			assert.Contains(t, out.String(), "  show  show a file\n")
			assert.Contains(t, out.String(), "Exit status: 0 ")
			continue
		}
		assert.Contains(t, out.String(), "  -n, --name NAME   the name to show (default none)\n")
		assert.Contains(t, out.String(), "  --level [NUMBER]  the number of a level\n")
		assert.Contains(t, out.String(), "  -v                say more\n")
		assert.Contains(t, out.String(), "Example:\n  prog show --name x FILE\n")
	}
}

// JSON stays what it says, and shows a terminal nothing to obey.
func TestJSON(t *testing.T) {
	text := "a\x1b[2J\u009b2J\u202e\U000e0001 <ä>\n"
	var out bytes.Buffer
	require.NoError(t, (&IO{Out: &out}).JSON([]string{text}))
	assert.Equal(t, "[\n  \"a\\u001b[2J\\u009b2J\\u202e\\udb40\\udc01 <ä>\\n\"\n]\n", out.String())
	var back []string
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	assert.Equal(t, []string{text}, back)
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

	for width, want := range map[int]string{
		26: "USER           N  WHAT\nälice          7  a long …\neve\\x1b[2J  1234  x\n",
		15: "USER          …\nälice         …\neve\\x1b[2J  12…\n",
		5:  "USER\nälice\neve\\…\n",
	} {
		out.Reset()
		(&IO{Out: &out, Terminal: true, Width: width}).Table(heading, rows)
		assert.Equal(t, want, out.String())
	}
	out.Reset()
	(&IO{Out: &out, Terminal: true, Colour: true}).Table(heading, rows)
	assert.Contains(t, out.String(), "\x1b[31mx\x1b[0m\n")
	assert.NotContains(t, out.String(), "\x1b[2J")
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "張 é": "張 é", "a\nb": `a\x0ab`, "\xff": `\xff`,
		"\u202ereversed": `\u202ereversed`, "\U000e0001": `\U000e0001`, "\u009b2J": `\x9b2J`,
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

// The line number of a side without lines is as diff(1) writes it.
func TestDiffOfEmptyTexts(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"", "x\n", "@@ -0,0 +1,1 @@\n+x\n"},
		{"x\n", "", "@@ -1,1 +0,0 @@\n-x\n"},
		{"x\n", "x\r\n", "@@ -1,1 +1,1 @@\n-x\n+x\\x0d\n"},
	} {
		var out bytes.Buffer
		assert.True(t, (&IO{Out: &out}).Diff("a", "b", []byte(tt.old), []byte(tt.new)))
		assert.Equal(t, "--- a\n+++ b\n"+tt.want, out.String())
	}
}

func TestDiffOfEqualTextsIsEmpty(t *testing.T) {
	var out bytes.Buffer
	assert.False(t, (&IO{Out: &out}).Diff("a", "b", []byte("x\ny"), []byte("x\ny")))
	assert.Empty(t, out.String())
}
