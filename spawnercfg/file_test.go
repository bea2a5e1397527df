package spawnercfg

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// TestCertain holds the spellings whose value is certain.
func TestCertain(t *testing.T) {
	const v = "<'1G'>"
	for src, want := range map[string]string{
		"c.S.x = '1G'":                                                        v,
		"c = get_config()  #noqa\nc.S.x = '1G'":                               v,
		"c['S']['x'] = '1G'":                                                  v,
		"c['S'].x = c.S['y'] = '1G'":                                          v,
		"(c . S\n.x) = '1G'":                                                  v,
		"c.S.x: str = '1G'":                                                   v,
		"c.S.x = '1' 'G'":                                                     v,
		"c.S.update({'x': '1G', 'y': f()})\nc.S.x = '1G'":                     v,
		"c.S.update(\n  x='1G',\n  y=2,\n)":                                   v,
		"c.S.update({'x': 0, 'y': 1}, x='1G')":                                v,
		"c.S.update(x='1G')":                                                  v,
		"if a: c.S.x = 1\nc.S.x = '1G'":                                       v,
		"c.S.x = f()\nc.S.x = '1G'":                                           v,
		"c.S.x = n = '1G'\nprint(n)":                                          v,
		"c.S.x = '1G'\ny = c.S.x + 'b'":                                       v,
		"def f():\n    return c.S.x\nc.S.x = '1G'":                            v,
		"def f(c):\n    c.S.x = 2\nc.S.x = '1G'":                              v,
		"f(c=1)\nc.S.x = '1G'":                                                v,
		"from .c import d\nimport a.c\nc.S.x = '1G'":                          v,
		"'''\nc.S.x = 2\n'''\nc.S.x = '1G'\n# c.S.x = 3":                      v,
		"имя = 1; é = 2\nc.S.x = '1G'":                                        v,
		"c.S.x = []\nc.S.x.append('a')\nc.S.x += ['b']":                       "<['a', 'b']>",
		"c.S.x = ['a']\nc.S.x.insert(0, 'b')":                                 "<['b', 'a']>",
		"c.S.x = {}\nc.S.x['a'] = 1\nc.S.x.update({1: 2}); c.S.x.update(b=3)": "<{'a': 1, 1: 2, 'b': 3}>",
		"c.S.x = {'a'}\nc.S.x.add('b')\nc.S.x |= {'c'}":                       "<{'a', 'b', 'c'}>",
		"c.S.x = 1\ndel c.S.x":                                                "not set",
		"c.S.x = 1\nc.S.pop('x', None)":                                       "not set",
		"c.S.y = 1":                                                           "not set",
		"c.S.x.append('a')":                                                   "recorded",
		"c.S.x.prepend(['a']); c.S.x.insert(0, 'a')":                          "recorded",
		"c.S.x.update({'a': 1})\nc.S.x.append('a')":                           "recorded",
	} {
		r := parseText(t, src).Read("S", "x")
		got := r.Certainty.String()
		if r.Certainty == Certain {
			got = strings.Join(strings.Fields("<"+r.Value.String()+">"), " ")
			got = strings.NewReplacer("[ ", "[", ", ]", "]", "{ ", "{", ", }", "}", ",]", "]", ",}", "}").Replace(got)
		}
		assert.Equal(t, want, got, "%s\n%v", src, r.Reasons)
	}
}

// TestNotCertain holds the traps: what must not be taken for certain, and the
// reason that is given.
func TestNotCertain(t *testing.T) {
	for src, want := range map[string]ReasonCode{
		"if a:\n    c.S.x = 1":                                     ReasonConditional,
		"if a: pass\nelse: b; c.S.x = 1":                           ReasonConditional,
		"for i in a:\n    c.S.x.append(i)":                         ReasonConditional,
		"while a:\n    c.S.x = 1":                                  ReasonConditional,
		"try:\n    c.S.x = 1\nexcept E: pass":                      ReasonConditional,
		"with a:\n    c.S.x = 1":                                   ReasonConditional,
		"match a:\n    case 1: c.S.x = 1":                          ReasonConditional,
		"c.S.x = 1\ndef f():\n    c.S.x = 2":                       ReasonConditional,
		"async def f():\n    c.S.x = 2\nc.S.x = 1":                 ReasonConditional,
		"class A:\n    c.S.x = 1":                                  ReasonConditional,
		"c.S.x = f()":                                              ReasonComputed,
		"c.S.x = y":                                                ReasonComputed,
		"c.S.x = f'{y}'":                                           ReasonComputed,
		"c.S.x = [y]":                                              ReasonComputed,
		"c.S.x = 1 + 1":                                            ReasonComputed,
		"c.S.x = 1 if a else 2":                                    ReasonComputed,
		"c.S.x = '\\N{DASH}'":                                      ReasonComputed,
		"set = list\nc.S.x = set()":                                ReasonComputed,
		"c.S.x = []\nc.S.x.sort()":                                 ReasonComputed,
		"c.S.x, y = 1, 2":                                          ReasonAliased,
		"c.S.x = admin = set()\nadmin.add('a')":                    ReasonAliased,
		"c.S.x = c.S.y = []":                                       ReasonAliased,
		"c.S.x = []\ny = c.S.x":                                    ReasonAliased,
		"c.S.x = []\ndef f():\n    return c.S.x":                   ReasonAliased,
		"y = c.S.x":                                                ReasonAliased,
		"c.S.x = []\nc.S.x['a'] = 1":                               ReasonRaises,
		"c.S.x += ['a']":                                           ReasonRaises,
		"c.S.x['a'] = 1":                                           ReasonRaises,
		"c.S.x = ('a',)\nc.S.x.append('b')":                        ReasonRaises,
		"c.S.x = {}\nc.S.x.append('b')":                            ReasonRaises,
		"del c.S.x":                                                ReasonRaises,
		"c.S.x = 1\nraise E":                                       ReasonRaises,
		"import sys\nc.S.x = 1\nsys.exit()":                        ReasonRaises,
		"c.S.x = 1\nf(c)":                                          ReasonHandedOn,
		"c.S.x = 1\nf(a=c)":                                        ReasonHandedOn,
		"c.S.x = 1\nd = c":                                         ReasonHandedOn,
		"c.S.x = 1\nd = get_config()":                              ReasonHandedOn,
		"c.S.x = 1\nget_config().S.x = 2":                          ReasonHandedOn,
		"c.S.x = 1\nc = install(c, 2)":                             ReasonHandedOn,
		"c.S.x = 1\nfor c in a: pass":                              ReasonHandedOn,
		"c.S.x = 1\nfor a, (b, c) in d: pass":                      ReasonHandedOn,
		"c.S.x = 1\nfor a in f(1, c): pass":                        ReasonHandedOn,
		"c.S.x = 1\nwith f(1, c): pass":                            ReasonHandedOn,
		"c.S.x = 1\nwith f() as (a, c): pass":                      ReasonHandedOn,
		"c.S.x = 1\nmatch a:\n    case (b, c): pass":               ReasonHandedOn,
		"c.S.x = 1\nclass A(f(1, c)): pass":                        ReasonHandedOn,
		"c.S.x = 1\ndef f(c, a=g(1, c)): pass":                     ReasonHandedOn,
		"c.S.x = 1\ndef f(a) -> g(1, c): pass":                     ReasonHandedOn,
		"c.S.x = 1\nasync def f():\n    async for a in g(c): pass": ReasonHandedOn,
		"def f(a=lambda b, c: 1):\n    c.S.x = 2":                  ReasonConditional,
		"def f[T: (c, d)](a):\n    c.S.x = 2":                      ReasonConditional,
		"g = (c.S.x.append(i) for i in a)\nc.S.x = []":             ReasonAliased,
		"g = (0 for c.S.x in a)\nc.S.x = 1":                        ReasonAliased,
		"c.S.x = 1\nfrom a import *":                               ReasonHandedOn,
		"c.S.x = 1\nfrom a import b as c":                          ReasonHandedOn,
		"c.S.x = 1\ns = c.S":                                       ReasonHandedOn,
		"c.S.x = 1\nsetattr(c.S, 'x', 2)":                          ReasonHandedOn,
		"c.S.x = 1\nc[y].x = 2":                                    ReasonHandedOn,
		"c.S.x = 1\nc.update({'S': {'x': 2}})":                     ReasonHandedOn,
		"c.S.x = 1\nｃ.S.x = 2":                                     ReasonHandedOn,
		"c.S.x = 1\nc.S.ｘ = 2":                                     ReasonHandedOn,
		"c.S.x = 1\nc.__class__ = d":                               ReasonHandedOn,
		"c.S.x = 1\ndef f(c):\n  def g():\n    global c":           ReasonHandedOn,
		"c.S.x = 1\nexec(open('a').read())":                        ReasonExec,
		"c.S.x = 1\nglobals()['c'].S.x = 2":                        ReasonExec,
		"c.S.x = 1\nload_subconfig('a.py')":                        ReasonSubconfig,
		"c.S.x = 1\nfor f in g: load_subconfig(f)":                 ReasonSubconfig,
		"c.S.x = 1\nlist(map(load_subconfig, g))":                  ReasonSubconfig,
		"from traitlets.config import get_config\nc = get_config()\nc.S.x = 1": ReasonShadowed,
		"{% if a %}\nc.S.x = 1\n{% endif %}":                                   ReasonNotPython,
		"<% if a %>\nc.S.x = 1":                                                ReasonNotPython,
	} {
		r := parseText(t, src).Read("S", "x")
		if assert.Equal(t, NotCertain, r.Certainty, src) {
			assert.Equal(t, want, r.Reasons[0].Code, "%s\n%v", src, r.Reasons)
			assert.Positive(t, r.Reasons[0].Pos.Line, src)
		}
	}
	r := parseText(t, "c.S.x = 1\nif a:\n  c.S.x = 2").Read("S", "x")
	assert.Equal(t, ReasonSeveralWriters, r.Reasons[len(r.Reasons)-1].Code)
	assert.Len(t, r.Writers, 2)
}

func TestPositions(t *testing.T) {
	f := parseText(t, "\ufeffc.S.x = 1\r\n\r\n'é'; c.S.y = [\r\n]\r\n")
	r := f.Read("S", "y")
	assert.Equal(t, Position{"/etc/jupyterhub_config.py", 3, 6}, r.Pos)
	assert.Equal(t, "c.S.y = [\r\n]", r.Writers[0].Text)
	assert.Equal(t, "/etc/jupyterhub_config.py:3:6", r.Pos.String())
}

func TestParseError(t *testing.T) {
	for src, want := range map[string]string{
		"a\nc.S.x = 'a":                     "/etc/x.py:2:9: unterminated string literal",
		"# coding: latin-1\n":               "/etc/x.py:1:11: source declares the encoding latin-1; only UTF-8 is read",
		"\xff":                              "/etc/x.py:1:1: source is not valid UTF-8",
		"<%- if a -%>\nc.S.x = 1\n<%$ a %>": "this looks like a template",
	} {
		_, err := Parse([]byte(src), ParseOptions{Path: "/etc/x.py"})
		var bad *ParseError
		require.ErrorAs(t, err, &bad)
		assert.Contains(t, err.Error(), want)
	}
}

func TestResolveByInheritance(t *testing.T) {
	f := parseText(t, `
c.SystemdSpawner.mem_limit = None
c.Spawner.mem_limit = '1G'
c.SystemdSpawner.environment.update({'B': '2'})
c.Spawner.environment = {'A': '1'}
c.SystemdSpawner.args.append('b')
c.Spawner.args.append('a')
c.SystemdSpawner.args.prepend(['p'])
c.Spawner.args.prepend(['q'])
c.SystemdSpawner.args.insert(0, 'i')
c.Spawner.cmd = f()
c.SystemdSpawner.cmd = ['x']
c.SystemdSpawner.default_shell = f()
`)
	classes := Ancestry("SystemdSpawner")
	r := f.Resolve(classes, "mem_limit")
	assert.True(t, r.Certainty == Certain && r.Value.IsNone())
	assert.Equal(t, "SystemdSpawner", r.Section)
	assert.Len(t, r.Writers, 2)
	r = f.Resolve(classes, "environment")
	assert.Equal(t, "{'A': '1', 'B': '2'}", oneLine(r.Value))
	r = f.Resolve(classes, "args")
	require.Equal(t, Recorded, r.Certainty)
	v, ok := r.Apply(pyvalue.Strs("d"))
	assert.True(t, ok)
	assert.Equal(t, "['p', 'q', 'i', 'd', 'a', 'b']", oneLine(v))
	assert.Equal(t, Certain, f.Resolve(classes, "cmd").Certainty)
	assert.Equal(t, NotCertain, f.Resolve(Ancestry("Spawner"), "cmd").Certainty)
	assert.Equal(t, NotSet, f.Resolve(classes, "slice").Certainty)
	for _, s := range f.Settings() {
		if s.Option() == "SystemdSpawner.environment" {
			assert.Equal(t, "{'A': '1', 'B': '2'}", oneLine(s.Value))
		}
	}
	o, err := f.Options()
	assert.ErrorIs(t, err, ErrUnsure)
	assert.True(t, o.SystemdSpawner.MemLimit.IsNone())
}

func oneLine(v pyvalue.Value) string {
	s := strings.Join(strings.Fields(v.String()), " ")
	return strings.NewReplacer("[ ", "[", ", ]", "]", "{ ", "{", ", }", "}", ",]", "]", ",}", "}").Replace(s)
}

func TestSubConfigurations(t *testing.T) {
	tree := fstest.MapFS{
		"etc/sub.py":         {Data: []byte("c.S.x = 'sub'\nc.S.l.append('sub')\nload_subconfig('/etc/deep.py')\n")},
		"etc/deep.py":        {Data: []byte("c.S.deep = 1\n")},
		"etc/opaque.py":      {Data: []byte("f(c)\n")},
		"etc/cycle.py":       {Data: []byte("load_subconfig('/etc/cycle.py')\n")},
		"etc/bad.py":         {Data: []byte("'")},
		"etc/folder/x.py":    {Data: []byte("c.S.x = 'folder'\n")},
		"etc/main.py":        {Data: nil},
		"etc/json.json":      {Data: []byte(`{"S": {"x": "json"}}`)},
		"etc/badjson.json":   {Data: []byte(`{"S": {"x": "\ud800"}}`)},
		"etc/twice.json":     {Data: []byte(`{"S": {"x": 1}, "S": {}}`)},
		"etc/nonobject.json": {Data: []byte(`{"S": 1}`)},
	}
	parse := func(path, src string) *File {
		f, err := Parse([]byte(src), ParseOptions{Path: path, FS: tree, Dir: "/etc"})
		require.NoError(t, err)
		return f
	}
	f := parse("/etc/main.py", "c.S.x = 'main'\nc.S.l = ['main']\nload_subconfig('sub.py')\nload_subconfig('none.py')\n")
	r := f.Read("S", "x")
	assert.Equal(t, "'sub'", r.Value.String())
	assert.Equal(t, Position{"/etc/sub.py", 1, 1}, r.Pos)
	assert.Len(t, r.Writers, 2)
	assert.Equal(t, "['main', 'sub']", oneLine(f.Read("S", "l").Value))
	assert.Equal(t, Certain, f.Read("S", "deep").Certainty)
	subs := f.SubConfigs()
	require.Len(t, subs, 2)
	assert.Equal(t, "/etc/sub.py", subs[0].Path)
	assert.NotNil(t, subs[0].File)
	assert.True(t, subs[1].Missing)

	for src, want := range map[string]string{
		"load_subconfig('sub.py')\nc.S.x = 'main'":        "'main'",
		"load_subconfig('x.py', path='folder')":           "'folder'",
		"c.S.x = 1\nload_subconfig('opaque.py')":          "not certain",
		"c.S.x = 1\nload_subconfig('cycle.py')":           "not certain",
		"c.S.x = 1\nload_subconfig('bad.py')":             "not certain",
		"c.S.x = 1\nload_subconfig('bad.py')\nc.S.x = 2":  "2",
		"c.S.x = 1\nif a: load_subconfig('sub.py')":       "not certain",
		"c.S.x = 1\nif a: load_subconfig('deep.py')":      "1",
		"if a: load_subconfig('opaque.py')\nc.S.x = 1":    "not certain",
		"c.S.x = 1\nload_subconfig('$HOME/x.py')":         "not certain",
		"c.S.x = 1\ndef f(): load_subconfig('sub.py')":    "not certain",
		"c.S.x = 1\nload_subconfig('sub.py', fallback())": "not certain",
	} {
		r := parse("/etc/main.py", src).Read("S", "x")
		got := r.Certainty.String()
		if r.Certainty == Certain {
			got = r.Value.String()
		}
		assert.Equal(t, want, got, src)
	}

	f = parse("/etc/json.py", "c.S.x = 1\n")
	assert.Equal(t, "/etc/json.json", f.JSONPath())
	r = f.Read("S", "x")
	assert.Equal(t, "'json'", r.Value.String())
	assert.Equal(t, "/etc/json.json", r.Pos.File)
	_, err := f.Set("S", "x", pyvalue.Int(2))
	require.ErrorIs(t, err, ErrWriters)
	for _, bad := range []string{"badjson", "twice", "nonobject"} {
		r = parse("/etc/"+bad+".py", "c.S.x = 1\n").Read("S", "x")
		assert.Equal(t, NotCertain, r.Certainty, bad)
		assert.Equal(t, ReasonJSON, r.Reasons[0].Code, bad)
	}
	assert.Empty(t, parse("/etc/main.py", "").JSONPath())
}

func TestReadFile(t *testing.T) {
	path := configFile(t, "load_subconfig('sub.py')\n")
	dir := path[:strings.LastIndexByte(path, '/')]
	require.NoError(t, os.WriteFile(dir+"/sub.py", []byte("c.S.x = 1\n"), 0o600))
	f, err := ReadFile(path, dir)
	require.NoError(t, err)
	assert.Equal(t, Certain, f.Read("S", "x").Certainty)
	f, err = ReadFile(path, "")
	require.NoError(t, err)
	assert.Equal(t, NotCertain, f.Read("S", "x").Certainty)
	_, err = ReadFile(dir+"/none.py", "")
	assert.True(t, errors.Is(err, fs.ErrNotExist))
}

// TestHostileSizes reads sources of many equal parts: a reader that takes time
// in proportion to their square does not get through.
func TestHostileSizes(t *testing.T) {
	t.Parallel()
	const n = 50_000
	for name, src := range map[string]string{
		"a large set":      "c.S.x = {" + numbers(n, "%d,") + "}\n",
		"a large dict":     "c.S.x = {" + numbers(n, "%d:1,") + "}\n",
		"one long line":    "c.S.x = " + strings.Repeat("1+", n) + "1\n",
		"many statements":  strings.Repeat("c.S.x = 1;", n),
		"many sections":    numbers(n/10, "c.S%d.x = f()\n") + "f(c)\n",
		"many doubts":      numbers(n/25, "c.S.x%d = 1\n") + strings.Repeat("load_subconfig(a)\n", n/200),
		"many appends":     "c.S.x = []\n" + strings.Repeat("c.S.x.append(1)\n", n/25),
		"deep":             "c.S.x = " + strings.Repeat("[", 99) + strings.Repeat("]", 99) + "\n",
		"strings":          "c.S.x = " + strings.Repeat("'a' ", n) + "\n",
		"names":            strings.Repeat("c", n*10) + "\n",
		"carriage returns": strings.Repeat("\r", n) + "c.S.x = 1",
	} {
		f, err := Parse([]byte(src), ParseOptions{})
		require.NoError(t, err, name)
		f.Settings()
	}
	_, err := Parse([]byte(strings.Repeat("(", 1<<20)), ParseOptions{})
	require.Error(t, err)
}

func numbers(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	r := configs{Rand: rand.New(rand.NewPCG(1, 1))}
	for range 40 {
		f.Add(r.source(4, false), r.source(2, true), `{"Spawner": {"args": ["j"]}}`)
	}
	f.Fuzz(func(t *testing.T, main, sub, json string) {
		tree := fstest.MapFS{"etc/sub.py": {Data: []byte(sub)}, "etc/main.json": {Data: []byte(json)}}
		f, err := Parse([]byte(main), ParseOptions{Path: "/etc/main.py", FS: tree, Dir: "/etc"})
		if err != nil {
			var bad *ParseError
			require.ErrorAs(t, err, &bad)
			require.Positive(t, bad.Pos.Line)
			return
		}
		require.Equal(t, main, string(f.Bytes()))
		f.Settings()
		for _, r := range f.Readings() {
			require.Equal(t, r.Certainty == NotCertain, len(r.Reasons) > 0)
			require.Equal(t, r.Certainty == Certain, !r.Value.IsZero())
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	for _, seed := range []string{
		`{"S": {"x": 1, "y": [1.5, true, null, "é\ud83d\ude00"]}, "version": 1}`, `{"S": {"T": {"x": {"A": {}}}}}`, `[]`, `{"S": 1}`, `{"a": "\ud800"}`, `{} {}`, `{"S": {"x": 1e999}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		table, err := parseJSON(src, "x.json")
		if err != nil {
			require.Nil(t, table)
			return
		}
		for _, k := range table.order {
			r := table.reading(k)
			require.Equal(t, Certain, r.Certainty)
			_ = r.Value.String()
		}
	})
}
