package spawnercfg

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

func parseText(t testing.TB, src string) *File {
	t.Helper()
	f, err := Parse([]byte(src), ParseOptions{Path: "/etc/jupyterhub_config.py"})
	require.NoError(t, err, src)
	return f
}

func TestSet(t *testing.T) {
	const list = "c.SystemdSpawner.readonly_paths = [\n    '/',      # everything\n    # but:\n    '/srv',\n]  # end\n"
	const dict = "c.SystemdSpawner.unit_extra_properties = {\n    'A': '1',  # one\n    # two:\n    'B': '2'   # two\n}\n"
	const paths, props = "SystemdSpawner.readonly_paths", "SystemdSpawner.unit_extra_properties"
	str := func(pairs ...string) pyvalue.Value {
		var items []pyvalue.Item
		for i := 0; i < len(pairs); i += 2 {
			items = append(items, pyvalue.Item{Key: pyvalue.Str(pairs[i]), Value: pyvalue.Str(pairs[i+1])})
		}
		return pyvalue.Dict(items...)
	}
	for name, tt := range map[string]struct {
		src, option string
		v           pyvalue.Value
		want        string
	}{
		"in place":             {"a = 1\nc.Spawner . mem_limit  =   '1G' ;b=2 # why\n", "Spawner.mem_limit", pyvalue.Str("2G"), "a = 1\nc.Spawner . mem_limit  =   '2G' ;b=2 # why\n"},
		"the same":             {"c.Spawner.mem_limit = '2G'\n", "Spawner.mem_limit", pyvalue.Int(2 << 30), "c.Spawner.mem_limit = '2G'\n"},
		"the same number":      {"c.Spawner.cpu_limit = 1\n", "Spawner.cpu_limit", pyvalue.Float(1), "c.Spawner.cpu_limit = 1\n"},
		"None":                 {"c.Spawner.mem_limit = '2G'", "Spawner.mem_limit", pyvalue.None(), "c.Spawner.mem_limit = None"},
		"CRLF":                 {"c.Spawner.mem_limit = '2G'\r\n", "Spawner.args", pyvalue.Strs("a", "b"), "c.Spawner.mem_limit = '2G'\r\nc.Spawner.args = [\r\n    'a',\r\n    'b',\r\n]\r\n"},
		"behind its section":   {"c.Spawner.cmd = ['x']  # x\nc.JupyterHub.port = 1\n", "Spawner.mem_limit", pyvalue.Str("1G"), "c.Spawner.cmd = ['x']  # x\nc.Spawner.mem_limit = '1G'\nc.JupyterHub.port = 1\n"},
		"below its default":    {"## help\n#  Default: None\n# c.Spawner.mem_limit = None\n\nx = 1\n", "Spawner.mem_limit", pyvalue.Str("1G"), "## help\n#  Default: None\n# c.Spawner.mem_limit = None\nc.Spawner.mem_limit = '1G'\n\nx = 1\n"},
		"default in brackets":  {"x = [\n# c.Spawner.mem_limit = None\n]", "Spawner.mem_limit", pyvalue.Str("1G"), "x = [\n# c.Spawner.mem_limit = None\n]\nc.Spawner.mem_limit = '1G'\n"},
		"default in a block":   {"if x:\n    a\n# c.Spawner.mem_limit = None\n    b\n", "Spawner.mem_limit", pyvalue.Str("1G"), "if x:\n    a\n# c.Spawner.mem_limit = None\n    b\nc.Spawner.mem_limit = '1G'\n"},
		"empty":                {"", "Spawner.mem_limit", pyvalue.Str("1G"), "c.Spawner.mem_limit = '1G'\n"},
		"byte order mark":      {"\ufeff", "Spawner.mem_limit", pyvalue.Str("1G"), "\ufeffc.Spawner.mem_limit = '1G'\n"},
		"element replaced":     {list, paths, pyvalue.Strs("/", "/opt"), strings.Replace(list, "'/srv'", "'/opt'", 1)},
		"element added":        {list, paths, pyvalue.Strs("/", "/srv", "/opt"), strings.Replace(list, "'/srv',\n", "'/srv',\n    '/opt',\n", 1)},
		"element in front":     {list, paths, pyvalue.Strs("/x", "/", "/srv"), strings.Replace(list, "    '/', ", "    '/x',\n    '/', ", 1)},
		"element between":      {list, paths, pyvalue.Strs("/", "/x", "/srv"), strings.Replace(list, "    # but", "    '/x',\n    # but", 1)},
		"element removed":      {list, paths, pyvalue.Strs("/"), strings.Replace(list, "    '/srv',\n", "", 1)},
		"first removed":        {list, paths, pyvalue.Strs("/srv"), strings.Replace(list, "    '/',      # everything\n", "", 1)},
		"item's value":         {dict, props, str("A", "1", "B", "3"), strings.Replace(dict, "'2'", "'3'", 1)},
		"item behind no comma": {dict, props, str("A", "1", "B", "2", "C", "3"), strings.Replace(dict, "'2'   # two\n", "'2',   # two\n    'C': '3',\n", 1)},
		"items in order":       {dict, props, str("B", "2", "A", "1"), dict},
		"item in any order":    {dict, props, str("C", "3", "B", "2", "A", "1"), strings.Replace(dict, "'2'   # two\n", "'2',   # two\n    'C': '3',\n", 1)},
		"item removed":         {dict, props, str("B", "2"), strings.Replace(dict, "    'A': '1',  # one\n", "", 1)},
		"inline added":         {"c.Spawner.args = ['a', 'b']\n", "Spawner.args", pyvalue.Strs("a", "b", "c"), "c.Spawner.args = ['a', 'b', 'c']\n"},
		"inline removed":       {"c.Spawner.args = ['a', 'b' , 'c']\n", "Spawner.args", pyvalue.Strs("a", "c"), "c.Spawner.args = ['a', 'c']\n"},
		"inline last removed":  {"c.Spawner.args = ['a', 'b' , 'c']\n", "Spawner.args", pyvalue.Strs("a", "b"), "c.Spawner.args = ['a', 'b']\n"},
		"set":                  {"c.Authenticator.admin_users = {'b', 'a'}\n", "Authenticator.admin_users", pyvalue.Set(pyvalue.Str("a"), pyvalue.Str("b"), pyvalue.Str("c")), "c.Authenticator.admin_users = {'b', 'a', 'c'}\n"},
		"set by a call":        {"c.Authenticator.admin_users = set(['a'])\n", "Authenticator.admin_users", pyvalue.Set(pyvalue.Str("b")), "c.Authenticator.admin_users = {'b'}\n"},
		"another type":         {"c.Spawner.cmd = 'a'\n", "Spawner.cmd", pyvalue.Strs("b", "c"), "c.Spawner.cmd = [\n    'b',\n    'c',\n]\n"},
		"nested": {
			"c.JupyterHub.tornado_settings = {\n    'headers': {'X': '1'},  # x\n    'n': 1,\n}\n", "JupyterHub.tornado_settings",
			pyvalue.Dict(pyvalue.Item{Key: pyvalue.Str("headers"), Value: str("X", "2")}, pyvalue.Item{Key: pyvalue.Str("n"), Value: pyvalue.Int(1)}),
			"c.JupyterHub.tornado_settings = {\n    'headers': {'X': '2'},  # x\n    'n': 1,\n}\n",
		},
		"overwritten elsewhere": {"if x:\n    c.JupyterHub.port = 1\nc.Spawner.cmd = 'a'", "Spawner.cmd", pyvalue.Str("b"), "if x:\n    c.JupyterHub.port = 1\nc.Spawner.cmd = 'b'"},
	} {
		t.Run(name, func(t *testing.T) {
			section, option, _ := strings.Cut(tt.option, ".")
			f := parseText(t, tt.src)
			g, err := f.Set(section, option, tt.v)
			require.NoError(t, err)
			assert.Equal(t, tt.want, string(g.Bytes()))
			assert.Equal(t, tt.src, string(f.Bytes()))
			again, err := g.Set(section, option, tt.v)
			require.NoError(t, err)
			assert.Same(t, g, again, "setting twice is setting once")
		})
	}
}

func TestSetRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		src     string
		err     error
		writers int
	}{
		"several":     {"c.Spawner.args = ['a']\nc.Spawner.args = ['b']\n", ErrWriters, 2},
		"conditional": {"if x:\n    c.Spawner.args = ['a']\n", ErrWriters, 1},
		"computed":    {"c.Spawner.args = f()\n", ErrWriters, 1},
		"chained":     {"c.Spawner.args = c.Spawner.cmd = 'a'\n", ErrWriters, 1},
		"recorded":    {"c.Spawner.args.append('a')\n", ErrWriters, 1},
		"handed on":   {"f(c)\nc.Spawner.args = ['a']\n", ErrWriters, 1},
		"comments":    {"c.Spawner.args = [\n    # why\n]\n", ErrComments, 1},
		"comments in": {"c.Spawner.args = ['a'  # why\n    'b']\n", ErrComments, 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseText(t, tt.src).Set("Spawner", "args", pyvalue.Strs("x", "y", "z"))
			var edit *EditError
			require.ErrorAs(t, err, &edit)
			require.ErrorIs(t, err, tt.err)
			assert.Len(t, edit.Writers, tt.writers)
			assert.Contains(t, err.Error(), "/etc/jupyterhub_config.py:")
		})
	}
	_, err := parseText(t, "").Set("Spawner", "args", pyvalue.Str("a\x00"))
	assert.ErrorIs(t, err, pyvalue.ErrNUL)
	_, err = parseText(t, "").Set("Spawner", "args = 1; import os #", pyvalue.Str("a"))
	assert.ErrorIs(t, err, ErrName)
}

func TestUnset(t *testing.T) {
	for src, want := range map[string]string{
		"a\nc.Spawner.args = [\n 'a',  # x\n]  # y\nb":  "a\nb",
		"c.Spawner.args = 'a'; b":                       "b",
		"a; c.Spawner.args = 'a'; b # c\n":              "a; b # c\n",
		"a; c.Spawner.args = 'a'  # c\n":                "a  # c\n",
		"a; c.Spawner.args = 'a';\n":                    "a;\n",
		"\ufeffc.Spawner.args = 'a'\nb\n":               "\ufeffb\n",
		"c.Spawner.args.append('a')\r\nb\r\n":           "b\r\n",
		"c.Spawner.cmd = 'a'\n# c.Spawner.args = 'a'\n": "c.Spawner.cmd = 'a'\n# c.Spawner.args = 'a'\n",
	} {
		g, err := parseText(t, src).Unset("Spawner", "args")
		if assert.NoError(t, err, "%q", src) {
			assert.Equal(t, want, string(g.Bytes()), "%q", src)
		}
	}
	for _, src := range []string{
		"if x: c.Spawner.args = 'a'\n",
		"c.Spawner.args = 'a'\nc.Spawner.args = 'b'\n",
		"c.Spawner.args = x\n",
	} {
		_, err := parseText(t, src).Unset("Spawner", "args")
		assert.ErrorIs(t, err, ErrWriters, "%q", src)
	}
}

func TestInclude(t *testing.T) {
	const path = "/etc/jupyterhub_config.d/50-spawnercfg.py"
	require.Equal(t, path, DropInPath("/etc/jupyterhub_config.py"))
	for src, want := range map[string]string{
		"":  "load_subconfig('" + path + "')\n",
		"a": "a\nload_subconfig('" + path + "')\n",
		"load_subconfig('" + path + "')  # last\n# end":           "load_subconfig('" + path + "')  # last\n# end",
		"a; load_subconfig(\"" + path + "\")\nb\n":                "a\nb\nload_subconfig('" + path + "')\n",
		"if x:\r\n    a\r\nload_subconfig('/x.py')\r\nb\r\n":      "if x:\r\n    a\r\nload_subconfig('/x.py')\r\nb\r\nload_subconfig('" + path + "')\r\n",
		"configure(c)\nfor c in []: pass\n":                       "configure(c)\nfor c in []: pass\nload_subconfig('" + path + "')\n",
		"from x import get_config\nc = get_config()\n":            "from x import get_config\nc = get_config()\nload_subconfig('" + path + "')\n",
		"c.Spawner.args = f()\nload_subconfig('" + path + "')\nb": "c.Spawner.args = f()\nb\nload_subconfig('" + path + "')\n",
	} {
		g, err := parseText(t, src).Include(path)
		if assert.NoError(t, err, "%q", src) {
			assert.Equal(t, want, string(g.Bytes()), "%q", src)
			again, err := g.Include(path)
			require.NoError(t, err)
			assert.Same(t, g, again)
		}
	}
	for _, bad := range []string{"x.py", "/a/../x.py", "/a'b.py", "/$HOME/x.py", "/~/x.py"} {
		_, err := parseText(t, "").Include(bad)
		assert.ErrorContains(t, err, "no plain absolute path", bad)
	}
	for _, src := range []string{
		"load_subconfig = print\n", "from x import *\n", "from x import load_subconfig\n", "exec(x)\n", "import sys\nsys.exit()\n",
		"raise x\n", "ｌoad_subconfig = print\n", "f(load_subconfig)\n", "{% x %}\n",
	} {
		_, err := parseText(t, src).Include(path)
		assert.ErrorIs(t, err, ErrWriters, src)
	}
}

// TestEditsEqualTraitlets lets traitlets' own loader judge edits of the
// oracle's configurations: the option has the value, no other has changed,
// and what was removed is not set.
func TestEditsEqualTraitlets(t *testing.T) {
	t.Parallel()
	count := testenv.Rounds(200, 800, 20_000)
	r := configs{Rand: testenv.Rand(t)}
	type edit struct {
		option string
		v      pyvalue.Value // zero for Unset
		now    pyvalue.Value // v with the entries of dicts in the file's order
	}
	var edits []edit
	var cases []loadCase
	refused := 0
	for len(edits) < count {
		r.focusSection, r.focusName = "", ""
		r.focusSection, r.focusName = r.section(), r.name()
		src := r.source(1+r.IntN(5), true)
		f, err := Parse([]byte(src), ParseOptions{Path: "/etc/main.py"})
		if err != nil {
			continue
		}
		section, name := r.section(), r.name()
		e := edit{option: section + "." + name, v: r.value(name)}
		var g *File
		if r.IntN(4) == 0 {
			e.v = pyvalue.Value{}
			g, err = f.Unset(section, name)
		} else {
			g, err = f.Set(section, name, e.v)
		}
		if err != nil {
			require.True(t, errors.Is(err, ErrWriters) || errors.Is(err, ErrComments), "%v\n%s", err, src)
			refused++
			continue
		}
		e.now = g.Read(section, name).Value
		edits = append(edits, e)
		cases = append(cases, loadCase{Main: src}, loadCase{Main: string(g.Bytes())})
	}
	load := startLoader(t, cases)
	judged := 0
	for i, e := range edits {
		var before, after loadAnswer
		load.Answer(t, &before)
		load.Answer(t, &after)
		show := fmt.Sprintf("%s = %s\n--- before\n%s\n--- after\n%s", e.option, e.v, cases[2*i].Main, cases[2*i+1].Main)
		if before.Error != "" {
			continue
		}
		judged++
		require.Empty(t, after.Error, show)
		if e.v.IsZero() {
			require.Contains(t, []string{"", "empty"}, after.Options[e.option], show)
		} else {
			require.True(t, e.now.Equal(e.v), show)
			require.Equal(t, pychildtest.Canonical(e.now), after.Options[e.option], show)
		}
		delete(before.Options, e.option)
		delete(after.Options, e.option)
		// What is computed may be computed from the edited option.
		for _, r := range parseText(t, cases[2*i].Main).Readings() {
			if r.Certainty == NotCertain {
				delete(before.Options, r.Option())
				delete(after.Options, r.Option())
			}
		}
		require.Equal(t, before.Options, after.Options, show)
	}
	t.Logf("%d edits judged, %d refused", judged, refused)
	assert.Greater(t, judged, count/3)
}

func (r configs) value(name string) pyvalue.Value {
	strs := func() []pyvalue.Value {
		var out []pyvalue.Value
		for range r.IntN(4) {
			out = append(out, pyvalue.Str(r.pick("a", "b", "x", "y", "new", "it's", "é\n")))
		}
		return out
	}
	switch name {
	case "args":
		return pyvalue.List(strs()...)
	case "environment":
		var items []pyvalue.Item
		for _, k := range strs() {
			items = append(items, pyvalue.Item{Key: k, Value: pyvalue.Str(r.pick("1", "2", "3"))})
		}
		return pyvalue.Dict(items...)
	case "users":
		return pyvalue.Set(strs()...)
	}
	return []pyvalue.Value{pyvalue.Str("2G"), pyvalue.None(), pyvalue.Int(-1), pyvalue.Float(0.5), pyvalue.Tuple(pyvalue.Int(1))}[r.IntN(5)]
}

// FuzzEdit holds what must be true of every source: it comes back as it is,
// and an edit that succeeds can be read back, changes nothing when repeated,
// and is undone by its contrary if it was an addition.
func FuzzEdit(f *testing.F) {
	for _, src := range []string{
		"", "c = get_config()\n", "c.Spawner.args = ['a',  # x\n 'b']\n", "if x:\n\tc.Spawner.args = []\r\n", "c.Spawner.args.append('a'); y",
		"\ufeff# c.Spawner.args = []\nz", "f'{c}'\nload_subconfig('/x')\n", "c['Spawner'].args = (\n'a', # b\n)\r", "c.Spawner.args = {'a': {1: 2,},\\\n}",
	} {
		f.Add(src, "new")
	}
	f.Fuzz(func(t *testing.T, src, item string) {
		f, err := Parse([]byte(src), ParseOptions{Path: "/etc/main.py"})
		if err != nil {
			var bad *ParseError
			require.ErrorAs(t, err, &bad)
			return
		}
		require.Equal(t, src, string(f.Bytes()))
		f.Settings()
		was := f.Read("Spawner", "args")
		v := pyvalue.Strs("a", item)
		g, err := f.Set("Spawner", "args", v)
		if err != nil {
			return
		}
		now := g.Read("Spawner", "args")
		require.Equal(t, Certain, now.Certainty)
		require.True(t, now.Value.Equal(v))
		again, err := g.Set("Spawner", "args", v)
		require.NoError(t, err)
		require.Same(t, g, again)
		if was.Certainty == NotSet && (src == "" || strings.HasSuffix(src, "\n")) {
			back, err := g.Unset("Spawner", "args")
			require.NoError(t, err)
			require.Equal(t, src, string(back.Bytes()))
		}
	})
}
