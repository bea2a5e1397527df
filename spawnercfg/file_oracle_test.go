package spawnercfg

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// traitletsPython returns an interpreter that has traitlets: HUB_PYTHON, or
// python3.
func traitletsPython(t testing.TB) string {
	t.Helper()
	python := pychildtest.Python(t)
	if exec.Command(python, "-c", "import traitlets.config.loader").Run() != nil {
		testenv.Lack(t, "needs traitlets: apt-get install python3-traitlets, or HUB_PYTHON=/opt/jupyterhub/bin/python3")
	}
	return python
}

func canonicalChanges(c changes) string {
	inserts := make([]pyvalue.Value, len(c.inserts))
	for i, in := range c.inserts {
		inserts[i] = pyvalue.Tuple(pyvalue.Int(in.at), in.item)
	}
	update := ""
	if c.update.Len() > 0 {
		update = pychildtest.Canonical(c.update)
	}
	if len(inserts)+len(c.prepend)+len(c.extend) == 0 && update == "" {
		return "empty"
	}
	return fmt.Sprintf("lazy%s|%s|%s|%s", pychildtest.Canonical(pyvalue.List(inserts...)),
		pychildtest.Canonical(pyvalue.List(c.prepend...)), pychildtest.Canonical(pyvalue.List(c.extend...)), update)
}

// configs makes random configurations that use every trick of pyconfig at a
// few options, so that the tricks meet.
type configs struct {
	*rand.Rand
	// Most statements of one configuration are about one option, so that they
	// meet.
	focusSection, focusName string
}

func (r configs) pick(s ...string) string { return s[r.IntN(len(s))] }

func (r configs) section() string {
	if r.focusSection != "" && r.IntN(5) > 0 {
		return r.focusSection
	}
	return r.pick("Spawner", "Spawner", "SystemdSpawner", "SystemdSpawner", "TestSpawner", "JupyterHub", "Configurable")
}

var optionNames = []string{"args", "environment", "users", "mem_limit"}

func (r configs) name() string {
	if r.focusName != "" && r.IntN(5) > 0 {
		return r.focusName
	}
	return r.pick(optionNames...)
}

// literal makes a value that fits the option, mostly.
func (r configs) literal(name string) string {
	if r.IntN(12) == 0 {
		name = r.name()
	}
	switch name {
	case "args":
		return r.pick("[]", "['a']", "['a', 'b']", "['x',\n  # one\n  'y',\n]", "[[1], {'k': 2}]", "('t',)", "list('ab')")
	case "environment":
		return r.pick("{}", "{'A': '1'}", "{'A': '1', 'B': '2'}", "{\n  'C': '3',  # c\n}", "dict(A='1')", "{'L': []}")
	case "users":
		return r.pick("set()", "{'a'}", "{'a', 'b'}", "set(['a', 'b', 'a'])")
	}
	return r.pick("'1G'", "None", "1.5", "-3", "True", "'a' 'b'", "1_000", "2 * 3", "b'x'", "r'\\d'", "'é\\u00e9'", "(1, 2)", "1, 2", "v", "v[0]", "'%d' % 3")
}

func (r configs) target() (target, name string) {
	s, n := r.section(), r.name()
	return strings.NewReplacer("S", s, "n", n).Replace(r.pick("c.S.n", "c.S.n", "c.S.n", "c.S.n", "c['S']['n']", "c.S['n']", "(c.S.n)", "c . S . n", "c['S'].n")), n
}

// change makes a change that fits the option.
func (r configs) change(name string) string {
	switch name {
	case "args":
		return r.pick(".append('p')", ".append('p')", ".extend(['e', 'f'])", ".prepend(['q'])", ".prepend(['r', 's'])", ".insert(0, 'i')", " += ['p']", ".append(v)")
	case "environment":
		return r.pick(".update({'U': '1'})", ".update({'A': '9'})", ".update(K='1')", "['k'] = 'v'", "['k'] = v")
	case "users":
		return r.pick(".add('z')", ".add('a')", ".update({'u'})", " |= {'o'}")
	}
	return " = 'changed'"
}

// statement makes one statement of one or more lines.
func (r configs) statement(sub bool) string {
	t, n := r.target()
	u, m := r.target()
	s := r.section()
	lit := r.literal(n)
	simple := t + " = " + lit
	change := t + r.change(n)
	if r.IntN(6) == 0 {
		change = t + r.pick(
			".append('p')", ".append(['p'])", ".extend(['e', 'f'])", ".extend('ef')", ".extend({'e'})", ".prepend(['q'])", ".prepend(['q', 'r'])",
			".insert(0, 'i')", ".insert(-1, 'i')", ".insert(99, 'i')", ".update({'U': '1'})", ".update({'u'})", ".update(K='1')", ".add('z')", ".add('a')",
			" += ['p']", " += ('p',)", " += 'pq'", " |= {'o'}", "['k'] = 'v'", ".append(v)", ".clear()", ".pop()", ".sort()", ".remove('a')", ".update([('A', '2')])")
	}
	body := r.pick(simple, change)
	block := strings.ReplaceAll(body, "\n", " ")
	if strings.Contains(block, "#") {
		block = u + " = 1"
	}
	if r.IntN(5) < 2 {
		return simple
	}
	if r.IntN(3) == 0 {
		return change
	}
	if !sub && r.IntN(4) == 0 {
		return r.load()
	}
	switch r.IntN(72) {
	case 0:
		return "if " + r.pick("True", "False", "v", "not v") + ":\n    " + body + "\nelse:\n    " + u + " = 'other'"
	case 1:
		return "for i in range(" + r.pick("0", "1", "2") + "):\n    " + body
	case 2:
		return "try:\n    " + body + "\n    " + r.pick("1/0", "pass") + "\n    " + u + " = 7\nexcept Exception:\n    pass"
	case 3:
		return "def f():\n    " + body + "\n" + r.pick("f()", "")
	case 4:
		return "class K:\n    " + body
	case 5:
		return "if " + r.pick("True", "False") + ": " + block + "; " + u + " = 1"
	case 6:
		return t + " = alias = " + r.literal(n) + "\n" + r.pick("", "getattr(alias, 'append', getattr(alias, 'add', print))('aliased')", "alias = 3")
	case 7:
		return "alias = " + t + "\n" + r.pick("", "alias.append('x')", "alias.update({'x': 1})")
	case 8:
		return t + " = " + u + " = " + lit
	case 9:
		return "s = c." + s + "\n" + r.pick("", "s."+n+" = 'by s'")
	case 10:
		return "d = c\nd." + s + "." + n + " = 'by d'"
	case 11:
		return "d = get_config()\nd." + s + "." + n + " = 'by d'"
	case 12:
		return "c = get_config()"
	case 13:
		return "exec(\"c." + s + "." + n + " = 'exec'\")"
	case 14:
		return "setattr(c." + s + ", '" + n + "', 'setattr')"
	case 15:
		return "def g(x):\n    x." + s + "." + n + " = 'given'\ng(c)"
	case 16:
		return "globals()['c']." + s + "." + n + " = 'globals'"
	case 17:
		return "[" + t + ".append(i) for i in range(2)]"
	case 18:
		return "(lambda: " + t + ".append('lambda'))()"
	case 19:
		return "v = f\"{" + strings.ReplaceAll(t, "'", "\"") + ".append('f')}\""
	case 20:
		return "(w := " + t + ").append('walrus')"
	case 21:
		return t + ", other = 1, 2"
	case 22:
		return "*" + t + ", z = ['s', 't', 'u']"
	case 23:
		return "for " + strings.Trim(t, "()") + " in ['1', '2']: pass"
	case 24:
		return "set = list\n" + t + " = set()"
	case 25:
		return "ｃ." + s + "." + n + " = 'wide'"
	case 26:
		return "c." + s + ".ｍem_limit = 'wide'"
	case 27:
		return "'''\n" + simple + "\n'''"
	case 28:
		return "# " + strings.ReplaceAll(simple, "\n", " ")
	case 29:
		return "del " + t
	case 30:
		return "c." + s + ".pop('" + n + "'" + r.pick(", None", "") + ")"
	case 31:
		return "c." + s + ".update({'" + n + "': " + r.pick("'upd'", "['upd']", "v") + "})"
	case 32:
		return "c." + s + ".update(" + r.pick("", "", "{'mem_limit': 'first', 'args': []}, ") + n + "=" + r.pick("'upd'", "v") + r.pick("", ", other=1,") + ")"
	case 33:
		return "c.update({'" + s + "': {'" + n + "': 1}})"
	case 34:
		return t + ": str = " + lit
	case 35:
		return t + ": str"
	case 36:
		return "v = [" + u + "]"
	case 37:
		return "print(" + t + ")"
	case 38:
		return "def h(c):\n    c.nothing = 1\n    " + strings.ReplaceAll(simple, "\n", "\n    ") + "\nclass Any:\n    def __getattr__(self, n): return self\n    def __getitem__(self, n): return self\n    def __setitem__(self, n, v): pass\nh(Any())"
	case 39:
		return "def h(c):\n    " + block + "\nh(c)"
	case 40:
		return "dict(c=1)"
	case 41:
		return "match v:\n    case _:\n        " + block
	case 42:
		return "while True:\n    " + body + "\n    break"
	case 43:
		return "import contextlib\nwith contextlib.suppress(Exception):\n    " + body + "\n    raise ValueError\n    " + u + " = 8"
	case 44:
		return "c.JupyterHub." + s + "." + n + " = 'nested'"
	case 45:
		return "c.lower = 1\nc.hooks.append('x')"
	case 46:
		return simple + "; " + u + " = " + strings.NewReplacer("\n", " ", "# one", "", "# c", "").Replace(r.literal(m)) + ";"
	case 47:
		return "c." + s + "." + n + "\\\n = 'continued'"
	case 48:
		return "q = lambda x=(" + t + "): x\nq().append('default') if isinstance(q(), list) else None"
	case 49:
		return "for c in [c]:\n    " + body
	case 50:
		return "import os as c2, sys\nfrom os import path as p"
	case 51:
		return "def later():\n    global c\n    " + body + "\nlater()"
	case 52:
		return t + " = [" + u + "]"
	case 53:
		return "c." + s + ".merge({'" + n + "': 'merged'})"
	case 54:
		return "vars()['c']." + s + "." + n + " = 'vars'"
	case 55:
		return t + "['k'] = j = []\nj.append('late')"
	case 56:
		return "def deco(x):\n    " + t + " = 'deco'\n    return x\n@deco\ndef decorated(): pass"
	case 57:
		return "async def never():\n    " + body
	case 58:
		return "c." + s + "['" + n + "'] += ['x']"
	case 59:
		return "x = {" + t + "['k']: 1} if False else 0"
	case 60:
		return "if isinstance(" + t + ", list): pass"
	case 61:
		return "def reads():\n    return " + t + "\n" + r.pick("", "reads().append('late')", "reads()")
	case 63:
		return "late = lambda: " + t + r.change(n) + "\n" + simple + "\nlate()"
	case 64:
		return "def later():\n    return " + t + "\n" + simple + "\nlater()" + r.change(n)
	case 65:
		return "[0 for " + strings.Trim(t, "()") + " in ['comprehended']]"
	case 66:
		return "import contextlib\nwith contextlib.nullcontext('with') as " + t + ": pass"
	case 67:
		return "g = (" + t + ".append('generated') for _ in [1])\n" + simple + "\nlist(g)"
	case 68:
		return "g = (0 for " + strings.Trim(t, "()") + " in ['generated'])\n" + simple + "\nlist(g)"
	case 69:
		return "def give(x, to):\n    to." + s + "." + n + " = 'given'\n    return []\n" + r.pick("for x in give(1, c): pass", "def k(c, x=give(1, c)): pass", "class K(*give(1, c)): pass")
	case 70:
		return "for x, (y, c) in [(1, (2, type(c)()))]: pass"
	case 71:
		return "def k(x=lambda y, c: 1):\n    " + block + "\nk()"
	case 62:
		return "c." + s + " = type(c)({'" + n + "': 'replaced'})"
	}
	return simple
}

func (r configs) load() string {
	return r.pick("", "", "", "if True: ", "if False: ", "for i in range(2): ") +
		r.pick("load_subconfig('sub.py')", "load_subconfig('sub.py', '.')", "load_subconfig('sub' + '.py')", "load_subconfig('missing.py')", "load_subconfig(fname='sub.py')",
			"load_subconfig('sub.py', path=None)", "list(map(load_subconfig, ['sub.py']))")
}

func (r configs) source(n int, sub bool) string {
	if r.focusSection == "" {
		r.focusSection, r.focusName = r.section(), r.name()
	}
	var b strings.Builder
	b.WriteString("v = ['v']\n")
	for range n {
		s := r.statement(sub)
		if r.IntN(20) == 0 && !strings.Contains(s, "\n") && !strings.HasPrefix(s, "#") {
			s += "  # " + r.pick("c.Spawner.args = []", "why")
		}
		b.WriteString(s + "\n")
	}
	text := b.String()
	switch r.IntN(12) {
	case 0:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	case 1:
		text = "\ufeff" + text
	case 2:
		text = strings.TrimSuffix(text, "\n")
	}
	return text
}

func (r configs) json() *string {
	if r.IntN(5) != 0 {
		return nil
	}
	text := r.pick(
		`{"Spawner": {"args": ["j"], "mem_limit": 1}}`,
		`{"SystemdSpawner": {"mem_limit": null, "environment": {"J": "1"}}, "version": 1}`,
		`{"TestSpawner": {"mem_limit": 1e400, "users": ["\ud83d\ude00\\u00e9"]}, "Spawner": {}}`,
		`{"JupyterHub": {"Spawner": {"args": []}, "mem_limit": -0.0, "args": [1, 1.0, true, {"A": {"b": []}}]}}`,
		`{}`, `{"version": 2}`, `[]`)
	return &text
}

type loadCase struct {
	Main  string            `json:"main"`
	JSON  *string           `json:"json"`
	Files map[string]string `json:"files"`
}

type loadAnswer struct {
	Error           string
	Options, Traits map[string]string
}

// startLoader runs testdata/load.py over the cases.
func startLoader(t *testing.T, cases []loadCase) *pychildtest.Child {
	t.Helper()
	c := pychildtest.Start(t, traitletsPython(t), "testdata/load.py")
	pychildtest.Send(c, cases)
	return c
}

// TestReadingsEqualTraitlets is the oracle of soundness: whatever a File says
// is certain, traitlets' own loader agrees with. The log has the share that was
// certain.
func TestReadingsEqualTraitlets(t *testing.T) {
	t.Parallel()
	count := testenv.Rounds(500, 2000, 40_000)
	r := configs{Rand: testenv.Rand(t)}
	cases := make([]loadCase, count)
	for i := range cases {
		r.focusSection, r.focusName = "", ""
		r.focusSection, r.focusName = r.section(), r.name()
		cases[i] = loadCase{Main: r.source(1+r.IntN(5), false), JSON: r.json(), Files: map[string]string{"sub.py": r.source(1+r.IntN(2), true)}}
	}
	load := startLoader(t, cases)
	var loaded, options, certain, recorded, resolved, resolvedCertain int
	for _, c := range cases {
		var answer loadAnswer
		load.Answer(t, &answer)
		tree := fstest.MapFS{"etc/sub.py": {Data: []byte(c.Files["sub.py"])}}
		if c.JSON != nil {
			tree["etc/main.json"] = &fstest.MapFile{Data: []byte(*c.JSON)}
		}
		f, err := Parse([]byte(c.Main), ParseOptions{Path: "/etc/main.py", FS: tree, Dir: "/etc"})
		if answer.Error != "" {
			continue
		}
		require.NoError(t, err, c.Main)
		require.Equal(t, c.Main, string(f.Bytes()))
		loaded++
		show := func(what string) string {
			j := ""
			if c.JSON != nil {
				j = *c.JSON
			}
			return fmt.Sprintf("%s\n--- main.py\n%s\n--- sub.py\n%s\n--- main.json\n%s\n", what, c.Main, c.Files["sub.py"], j)
		}
		seen := map[string]bool{}
		for _, r := range f.Readings() {
			seen[r.Option()] = true
			real, set := answer.Options[r.Option()]
			options++
			switch r.Certainty {
			case Certain:
				certain++
				require.Equal(t, real, pychildtest.Canonical(r.Value), show(r.Option()))
			case Recorded:
				recorded++
				require.Equal(t, real, canonicalChanges(r.changes), show(r.Option()))
			case NotSet:
				require.True(t, !set || real == "empty", show(r.Option()+" is not set"))
			case NotCertain:
				require.NotEmpty(t, r.Reasons, show(r.Option()))
			}
		}
		for name, real := range answer.Options {
			section, option, _ := cutLast(name)
			if !seen[name] && real != "empty" {
				require.Equal(t, NotCertain, f.Read(section, option).Certainty, show(name+" is not mentioned"))
			}
		}
		defaults := map[string]pyvalue.Value{
			"args": pyvalue.Strs("default"), "environment": pyvalue.Dict(pyvalue.Item{Key: pyvalue.Str("DEFAULT"), Value: pyvalue.Str("1")}),
			"users": pyvalue.Set(pyvalue.Str("default")), "mem_limit": pyvalue.Str("default"),
		}
		for name, def := range defaults {
			if len(answer.Traits) == 0 {
				break
			}
			resolved++
			r := f.Resolve([]string{"Configurable", "Spawner", "SystemdSpawner", "TestSpawner"}, name)
			switch r.Certainty {
			case NotSet:
				require.Equal(t, answer.Traits[name], pychildtest.Canonical(def), show(name))
			case Certain, Recorded:
				v, ok := r.Apply(def)
				if !ok {
					continue
				}
				// The trait makes a list of a tuple, and a set of a list.
				if got := pychildtest.Canonical(v); name == "mem_limit" || v.Kind() == def.Kind() {
					require.Equal(t, answer.Traits[name], got, show(name))
				}
				resolvedCertain++
			}
		}
	}
	t.Logf("%d of %d configurations load; of %d options in them %d are certain and %d recorded (%.0f %%), of %d traits %d are",
		loaded, count, options, certain, recorded, 100*float64(certain+recorded)/float64(options), resolved, resolvedCertain)
	assert.Greater(t, loaded, count/3)
	assert.Greater(t, certain+recorded, options/3)
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '.')
	return s[:i], s[i+1:], true
}
