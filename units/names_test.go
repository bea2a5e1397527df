package units_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/units"
)

// What SystemdSpawner hands to systemd-run for the users of a hub, and the
// unit that comes of it; taken from systemd-escape 252 --mangle.
func TestMangleSessions(t *testing.T) {
	for user, want := range map[string]string{
		"alice":             `jupyter-alice-singleuser.service`,
		"a-b":               `jupyter-a-b-singleuser.service`,
		"a_b":               `jupyter-a_b-singleuser.service`,
		"alice.smith":       `jupyter-alice.smith-singleuser.service`,
		"alice@example.org": `jupyter-alice@example.org-singleuser.service`,
		"älice":             `jupyter-\xc3\xa4lice-singleuser.service`,
		"张":                 `jupyter-\xe5\xbc\xa0-singleuser.service`,
		"Alice":             `jupyter-Alice-singleuser.service`,
		"a b":               `jupyter-a\x20b-singleuser.service`,
		"a%b":               `jupyter-a\x25b-singleuser.service`,
		"a+b":               `jupyter-a\x2bb-singleuser.service`,
		"o'neil":            `jupyter-o\x27neil-singleuser.service`,
		"a*b":               `jupyter-a\x2ab-singleuser.service`,
		"a[b]":              `jupyter-a\x5bb\x5d-singleuser.service`,
		"a:b":               `jupyter-a:b-singleuser.service`,
		`a\b`:               `jupyter-a\b-singleuser.service`,
		`DOMAIN\user`:       `jupyter-DOMAIN\user-singleuser.service`,
		"a/b":               `jupyter-a-b-singleuser.service`,
	} {
		got, err := units.Mangle("jupyter-"+user+"-singleuser", "")
		require.NoError(t, err)
		assert.Equal(t, want, got, user)
	}
	for name, want := range map[string]string{
		"jupyter-x.slice":     "jupyter-x.slice",
		"jupyter-foo.service": "jupyter-foo.service",
		"jupyter-foo":         "jupyter-foo.service",
		"jupyter-*":           `jupyter-\x2a.service`,
		"/dev/sda":            "dev-sda.device",
		"/home//alice/":       "home-alice.mount",
	} {
		got, err := units.Mangle(name, "")
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	_, err := units.Mangle("jupyter-"+strings.Repeat("x", 250)+"-singleuser", "")
	assert.ErrorIs(t, err, units.ErrInvalidName)
	_, err = units.Mangle("", "")
	assert.ErrorIs(t, err, units.ErrInvalidName)
	_, err = units.Mangle("a", ".conf")
	assert.ErrorIs(t, err, units.ErrInvalidName)
}

// names are texts of the kinds that users and paths are made of, the same
// ones in every run.
func names() []string {
	alphabet := []string{"a", "Z", "0", "-", "_", ".", ":", "@", `\`, "/", " ", "*", "?", "[", "]", "%", "ä", "张", "\xff", "\n", `\x20`, `\x2d`, `\x`, "..", "//", "/./", "/../", ".service", ".slice", "/dev/", "/sys", "é", "'", "\"", "$", "#", "~"}
	random := rand.New(rand.NewPCG(1, 2))
	list := []string{"/", "-", ".", "..", "./", "/.", "//", "///", "a/", "/a", ".a", "/.a", "@", "@.service", "a@.service", "a@b.service",
		"a.service.service", ".service", "-.mount", "/dev", "/dev/", "/sys/x", "a.conf", strings.Repeat("a", 247), strings.Repeat("a", 248), strings.Repeat("a", 255), strings.Repeat("ä", 62), strings.Repeat("ä", 70)}
	for range 400 {
		var b strings.Builder
		for range 1 + random.IntN(8) {
			b.WriteString(alphabet[random.IntN(len(alphabet))])
		}
		list = append(list, b.String())
	}
	return list
}

// TestNamesAsSystemd asks the installed systemd-escape the same questions.
func TestNamesAsSystemd(t *testing.T) {
	t.Parallel()
	tool := testenv.Tool(t, "systemd-escape")
	for _, question := range []struct {
		name string
		args []string
		ours func(string) (string, error)
	}{
		{"escape", nil, func(s string) (string, error) { return units.Escape(s), nil }},
		{"path", []string{"--path"}, units.EscapePath},
		{"mangle", []string{"--mangle"}, func(s string) (string, error) { return units.Mangle(s, "") }},
		{"template", []string{"--template=user@.service"}, func(s string) (string, error) { return units.Instance("user@.service", s) }},
		{"unescape", []string{"--unescape"}, units.Unescape},
		{"unescape path", []string{"--unescape", "--path"}, units.UnescapePath},
	} {
		t.Run(question.name, func(t *testing.T) {
			t.Parallel()
			ask := func(inputs ...string) (string, error) {
				args := append(append([]string{}, question.args...), "--")
				out, err := exec.Command(tool, append(args, inputs...)...).Output()
				return strings.TrimSuffix(string(out), "\n"), err
			}
			var valid, answers, refused []string
			for _, in := range names() {
				if strings.HasPrefix(in, "/") && len(in) > 200 {
					// systemd 252 hashes a path that does not fit in a name.
					continue
				}
				if got, err := question.ours(in); err == nil {
					valid, answers = append(valid, in), append(answers, got)
				} else {
					refused = append(refused, in)
				}
			}
			require.Greater(t, len(valid), 50)
			for _, in := range refused[:min(len(refused), testenv.Rounds(40, 120, 500))] {
				want, err := ask(in)
				assert.Error(t, err, "%q: systemd-escape says %q", in, want)
			}

			// A process for each takes longer than all else. The answers come
			// in one line, with blanks between them and in them: with a known
			// one between each two, too, they can be told apart.
			const between = "between"
			mark, err := ask(between)
			require.NoError(t, err)
			var inputs []string
			for _, in := range valid {
				inputs = append(inputs, in, between)
			}
			out, err := ask(inputs...)
			theirs := strings.Split(out+" ", " "+mark+" ")
			if err != nil {
				// It stops at the first that it refuses.
				i := min(len(theirs)-1, len(valid)-1)
				t.Fatalf("%q: systemd-escape refuses it, we say %q", valid[i], answers[i])
			}
			require.Len(t, theirs, len(answers)+1)
			for i := range answers {
				assert.Equal(t, theirs[i], answers[i], "%q", valid[i])
			}
		})
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range names() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if back, err := units.Unescape(units.Escape(s)); !strings.Contains(s, "\x00") {
			require.NoError(t, err)
			require.Equal(t, s, back)
		}
		if name, err := units.Mangle(s, ""); err == nil {
			require.True(t, units.IsName(name))
			require.NotContains(t, name, "*")
			require.NotContains(t, name, "/")
			again, err := units.Mangle(name, "")
			require.NoError(t, err)
			require.Equal(t, name, again, "a full name stays as it is")
		} else {
			require.ErrorIs(t, err, units.ErrInvalidName)
		}
		if escaped, err := units.EscapePath(s); err == nil && !strings.Contains(s, "\x00") {
			path, err := units.UnescapePath(escaped)
			require.NoError(t, err)
			again, err := units.EscapePath(path)
			require.NoError(t, err)
			require.Equal(t, escaped, again)
		}
		if path, err := units.UnescapePath(s); err == nil {
			require.True(t, strings.HasPrefix(path, "/"))
		}
	})
}

// A user's name, whatever it is, makes a name that means one unit only.
func TestNamesAreRefusedBeforeTheyAreSent(t *testing.T) {
	m, fake := connect(t, fakeOptions{})
	for _, name := range []string{"", "*", "jupyter-*.service", "nginx", "a b.service", "x@.service", "0123456789abcdef0123456789abcdef", "../x.service", strings.Repeat("a", 250) + ".service", "nginx.service\x00"} {
		for op, call := range map[string]func() error{
			"start":  func() error { return m.Start(t.Context(), name) },
			"stop":   func() error { return m.Stop(t.Context(), name) },
			"kill":   func() error { return m.Kill(t.Context(), name, units.KillAll, 9) },
			"status": func() error { _, err := m.Status(t.Context(), name); return err },
			"set limits": func() error {
				_, err := m.SetLimits(t.Context(), name, units.Limits{TasksMax: units.Count(5)}, units.ThisBoot)
				return err
			},
		} {
			err := call()
			var e *units.Error
			require.ErrorAs(t, err, &e, "%s %q", op, name)
			assert.Equal(t, op, e.Op)
			assert.ErrorIs(t, err, units.ErrInvalidName)
			assert.False(t, errors.Is(err, fs.ErrNotExist))
		}
	}
	for _, c := range fake.Calls("") {
		assert.Equal(t, "Subscribe", c.Method, fmt.Sprint(c))
	}
}
