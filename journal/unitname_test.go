package journal

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
)

func TestUnitNames(t *testing.T) {
	for in, want := range map[string]unitName{
		"nginx":                  {name: "nginx.service"},
		"nginx.service":          {name: "nginx.service"},
		"foo.slice":              {name: "foo.slice"},
		"user@1000.service":      {name: "user@1000.service"},
		"user@1000":              {name: "user@1000.service"},
		"jupyter-a.b":            {name: "jupyter-a.b.service"},
		`jupyter-a\x2db`:         {name: `jupyter-a\x2db.service`},
		"jupyter-*":              {name: "jupyter-*", glob: true},
		"*":                      {name: "*", glob: true},
		"jupyter-?.service":      {name: "jupyter-?.service", glob: true},
		"a b":                    {name: `a\x20b.service`},
		"größe":                  {name: `gr\xc3\xb6\xc3\x9fe.service`},
		"/home/alice":            {name: "home-alice.mount"},
		"/dev/sda":               {name: "dev-sda.device"},
		"/":                      {name: "-.mount"},
		"/a-b/c":                 {name: `a\x2db-c.mount`},
		"a/b":                    {name: "a-b.service"},
		"-x":                     {name: "-x.service"},
		"$(id)":                  {name: `\x24\x28id\x29.service`},
		"a b*":                   {name: `a\x20b*`, glob: true},
		"name\nwith newline":     {name: `name\x0awith\x20newline.service`},
		strings.Repeat("x", 240): {name: strings.Repeat("x", 240) + ".service"},
		"x.service.d":            {name: "x.service.d.service"},
		"//a//b/":                {name: "a-b.mount"},
		"/.hidden":               {name: `\x2ehidden.mount`},
		"/home/a@b":              {name: `home-a\x40b.mount`},
	} {
		got, err := mangleUnit(in)
		assert.NoError(t, err, "%q", in)
		assert.Equal(t, want, got, "%q", in)
	}
	for _, in := range []string{"", strings.Repeat("x", 256), "@", "@x.service"} {
		_, err := mangleUnit(in)
		assert.Error(t, err, "%q", in)
	}
}

// systemd-escape mangles as journalctl does, patterns apart.
func TestUnitNamesAgreeWithSystemd(t *testing.T) {
	t.Parallel()
	escape := testenv.Tool(t, "systemd-escape")
	for _, in := range []string{
		"nginx", "x.service", "a.b", "foo.slice", "user@1000", "a b", "größe", "/home/alice", "/dev/sda", "/", "/a-b/c", "a/b", "-x", "$(id)",
		`a\x2db`, `a\b`, "x.service.d", "//a//b/", "/.hidden", "/home/a@b", "/sys/x", "/a/../b", "/a/./b", "a@b@c", ".x", ".service", "x.", "a\tb", "%i", "a+b",
		strings.Repeat("x", 240), strings.Repeat("x", 248), strings.Repeat("ü", 70), "@", "@x", "@x.service",
	} {
		out, err := exec.Command(escape, "--mangle", "--", in).Output()
		got, mine := mangleUnit(in)
		if err != nil {
			assert.Error(t, mine, "%q: %v", in, got)
			continue
		}
		require.NoError(t, mine, "%q", in)
		assert.Equal(t, strings.TrimSuffix(string(out), "\n"), got.name, "%q", in)
	}
}

func TestGlobPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"*", "a/b", true},
		{"jupyter-*", "jupyter-alice.service", true},
		{"jupyter-*", "jupyterhub.service", false},
		{"jupyter-*.service", "jupyter-a.scope", false},
		{"?", "a", true},
		{"?", "", false},
		{"a?c", "abc", true},
		{"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a-c]x", "dx", true},
		{"[^a-c]x", "bx", false},
		{"[]]", "]", true},
		{"[!]]", "]", false},
		{"[a-]", "-", true},
		{"[a", "[a", true},
		{"[a", "a", false},
		{`a\x2d*`, `a\x2db`, true},
		{`a\*`, `a\b`, true},
		{`a\*`, "a*", false},
		{"*a*b*c", "xaxbxbxc", true},
		{"*a*b*c", "xaxbxbx", false},
		{"**", "x", true},
		{"a*", "a", true},
		{"", "", true},
		{"", "a", false},
		{strings.Repeat("a*", 30) + "b", strings.Repeat("a", 200), false},
	} {
		assert.Equal(t, tt.want, matchGlobPattern(tt.pattern, []byte(tt.s)), "%q %q", tt.pattern, tt.s)
	}
}

func TestUnitConditions(t *testing.T) {
	for _, tt := range []struct {
		q    Query
		want string
	}{
		{Query{}, "TRUE"},
		{Query{Units: []string{"u"}},
			`((OBJECT_SYSTEMD_UNIT=u.service AND _UID=0) OR (UNIT=u.service AND (_PID=1 OR _SYSTEMD_CGROUP=/init.scope)) OR ` +
				`(COREDUMP_UNIT=u.service AND MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1 AND (_UID=0 OR _UID=987)) OR _SYSTEMD_UNIT=u.service)`},
		{Query{UserUnits: []UserUnit{{1000, "u"}}},
			`((_SYSTEMD_USER_UNIT=u.service AND _UID=1000) OR (USER_UNIT=u.service AND _UID=1000) OR ` +
				`(COREDUMP_USER_UNIT=u.service AND (_UID=1000 OR _UID=0 OR _UID=987)) OR (OBJECT_SYSTEMD_USER_UNIT=u.service AND (_UID=1000 OR _UID=0)))`},
		{Query{Identifiers: []string{"a", "b c"}, Priorities: AtLeast(Alert), Boot: ID{1}},
			`(_BOOT_ID=01000000000000000000000000000000 AND (SYSLOG_IDENTIFIER=a OR SYSLOG_IDENTIFIER="b c") AND (PRIORITY=0 OR PRIORITY=1))`},
		{Query{Match: Any()}, "FALSE"},
	} {
		m, err := tt.q.condition("987")
		require.NoError(t, err)
		assert.Equal(t, tt.want, m.String())
	}
	m, err := (&Query{Units: []string{"x.slice", "s*"}}).condition("")
	require.NoError(t, err)
	assert.Contains(t, m.String(), "_SYSTEMD_SLICE=x.slice")
	assert.Contains(t, m.String(), "_SYSTEMD_SLICE~s*")
}

// FuzzUnitName holds that what a person gives becomes a name or a pattern that
// stays what it is, and that a pattern without a special character matches
// itself only.
func FuzzUnitName(f *testing.F) {
	for _, seed := range []string{"jupyterhub", "jupyter-*", "a b", "/home//x/.", "/dev/sda", "ssh.service", "é", "[!a-c]?", "[", "a[", `\x20`, "@", ".", "-.slice"} {
		f.Add(seed, "jupyter-a.service")
	}
	f.Fuzz(func(t *testing.T, given, text string) {
		matched := matchGlobPattern(given, []byte(text))
		if !isGlob(given) && !strings.Contains(given, `\`) {
			require.Equal(t, given == text, matched)
		}
		u, err := mangleUnit(given)
		if err != nil {
			return
		}
		again, err := mangleUnit(u.name)
		require.NoError(t, err)
		require.Equal(t, u, again)
		if !u.glob {
			require.True(t, validUnitName(u.name), "%q", u.name)
		}
	})
}
