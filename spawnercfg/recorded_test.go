package spawnercfg_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

var update = flag.Bool("update", false, "record testdata/spawn_recorded.jsonl anew, by the hub's Python")

// spawnCase is a question to testdata/spawn.py, with its answer.
type spawnCase struct {
	Username string   `json:"username"`
	UserID   int64    `json:"user_id"`
	Groups   []string `json:"groups,omitempty"`
	Config   string   `json:"config"`

	Answer *spawnAnswer `json:"answer,omitempty"`
}

type spawnAnswer struct {
	Raises   string              `json:"raises,omitempty"`
	UnitName string              `json:"unit_name,omitempty"`
	Calls    [][]string          `json:"calls,omitempty"`
	EnvNames map[string][]string `json:"env_names,omitempty"`
}

// randomCases draws configurations from what administrators write and from
// what goes wrong. Most of a configuration is sound, so that most of the
// mistakes are met alone.
func randomCases(seed uint64, n int) (cases []spawnCase, configs []pyvalue.Value) {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(vs ...pyvalue.Value) pyvalue.Value { return vs[r.IntN(len(vs))] }
	s := pyvalue.Str
	rarely := func(good, bad pyvalue.Value) pyvalue.Value {
		if r.IntN(12) == 0 {
			return bad
		}
		return good
	}
	template := func() pyvalue.Value {
		return rarely(
			pick(s("{USERNAME}"), s("/home/{USERNAME}"), s("/srv/{USERID}/x"), s("-/opt/{USERNAME}"), s("/a{{b}}"), s("/with space"), s("-+/x"), s("plain"), s("{USERID:05d}"), s("{USERNAME!r:>10}"), s("{USERNAME[0]}"), s("{USERNAME:*^12}"), s("{USERID:x}"), s("{USERNAME:.2}"), s("/ü/{USERNAME}"), s("")),
			pick(s("{"), s("}"), s("{}"), s("{0}"), s("{1}x"), s("{x}"), s("a{USERNAME"), s("{USERNAME!}"), s("{USERNAME!z}"), s("{USERNAME:d}"), s("{USERNAME.nope}"), s("{USERNAME[99]}"), s("{USERNAME[x]}"), s("{USERID[0]}"), s("{USERNAME!r"), s("{USERNAME!rx}"), s("{a{b}}"), s("{USERNAME:{USERID}}"), s("{USERNAME:{}}"), s("{USERNAME.}"), s("{USERNAME[]}"), s("{USERNAME[0}"), s("{USERNAME[0]x}"), s("{USERID:s}"), s("{USERNAME:+}"), s("{USERNAME:=9}"), s("{USERNAME:,}"), s("{USERNAME: }"), s("{USERNAME:#}"), s("{USERNAME:zz}"), s("{SERVERNAME}"), s("{'a': 1}"), s("{USERNAME:}"), s("{USERNAME:{{}}}"), s("{USERNAME!s:{USERID:{USERID}}}"), pyvalue.Int(1), pyvalue.None(), pyvalue.List()))
	}
	templates := func() pyvalue.Value {
		list := make([]pyvalue.Value, r.IntN(3))
		for i := range list {
			list[i] = template()
		}
		return rarely(pyvalue.List(list...), pick(pyvalue.Tuple(list...), s("/only/{USERNAME}"), pyvalue.None(), pyvalue.Set(), pyvalue.Dict(), pyvalue.Int(3)))
	}
	boolean := func() pyvalue.Value {
		return rarely(pyvalue.Bool(r.IntN(2) == 0), pick(pyvalue.Int(1), pyvalue.Int(0), pyvalue.Float(1), s("yes"), pyvalue.None(), pyvalue.Int(2)))
	}
	memory := func() pyvalue.Value {
		return rarely(pick(s("1G"), s("1.5G"), s("512M"), s("0.0001K"), pyvalue.Int(1<<30), pyvalue.Float(1e9), pyvalue.None(), s("2 G"), s("1_0G"), s("+1e3M"), s("٣G"), s(".5T")),
			pick(s("1024"), s("2g"), s("2GB"), s(""), s("50%"), s("infG"), s("nanG"), pyvalue.Bytes([]byte("1G")), pyvalue.List(s("2G")), pyvalue.Dict(), pyvalue.Set(), pyvalue.Bool(true), pyvalue.Int(-5), pyvalue.Int(0), s("-1G"), s("9999999T"), s("1e400G"), s("G"), s("0x1K"), pyvalue.Tuple()))
	}
	cpu := func() pyvalue.Value {
		return rarely(pick(pyvalue.Float(float64(r.IntN(3200))/100), pyvalue.Int(int64(r.IntN(9))), pyvalue.None(), pyvalue.Float(r.Float64()*4)),
			pick(s("1"), pyvalue.Float(0.001), pyvalue.Bool(true), pyvalue.Float(-1), s("50%"), pyvalue.List(), pyvalue.Float(1e300)))
	}
	text := func() pyvalue.Value {
		return rarely(pick(s("/bin/zsh"), s("x"), s("jupyter.slice"), s("users-{USERNAME}"), s("")), pick(pyvalue.None(), pyvalue.Int(1), pyvalue.Bytes([]byte("abc")), pyvalue.Bytes([]byte("\xff")), pyvalue.List()))
	}
	environment := func() pyvalue.Value {
		var items []pyvalue.Item
		for range r.IntN(4) {
			items = append(items, pyvalue.Item{
				Key:   rarely(pick(s("A"), s("PATH"), s("SHELL"), s("A_1"), s("a b"), s("HOME"), s("JUPYTERHUB_USER")), pick(s("1A"), s(""), s("-x"), pyvalue.Int(1))),
				Value: rarely(pick(s("x"), s("it's"), s("a b"), s("/opt/bin:/usr/bin"), s("")), pick(pyvalue.Int(1), pyvalue.Int(0), pyvalue.None(), pyvalue.Bool(true), pyvalue.Bytes([]byte("b")), pyvalue.List(s("x")), pyvalue.Float(1.5))),
			})
		}
		return rarely(pyvalue.Dict(items...), pick(pyvalue.None(), pyvalue.List()))
	}
	properties := func() pyvalue.Value {
		var items []pyvalue.Item
		for range r.IntN(4) {
			items = append(items, pyvalue.Item{
				Key:   pick(s("MemoryMax"), s("CPUQuota"), s("LimitNOFILE"), s("Nice"), s("RuntimeDirectory"), s("RuntimeDirectoryMode"), s("OOMPolicy"), s("ReadOnlyDirectories"), s("User"), s("EnvironmentFile"), s("NoNewPrivileges")),
				Value: rarely(pick(s("1"), s("{USERNAME}"), s("2G"), s("a b"), s("x-{USERID}"), s("yes")), pick(s("{"), s("{x}"), pyvalue.Int(1), pyvalue.Bool(true), pyvalue.List(s("a")), pyvalue.None(), s(""), s(" "), s("/abs"))),
			})
		}
		return rarely(pyvalue.Dict(items...), pick(pyvalue.None(), pyvalue.List()))
	}
	overrides := func() pyvalue.Value {
		return pyvalue.Dict(
			pyvalue.Item{Key: s("02-more"), Value: pyvalue.Dict(pyvalue.Item{Key: s("groups"), Value: pyvalue.Strs("staff")}, pyvalue.Item{Key: s("spawner_override"), Value: pyvalue.Dict(pyvalue.Item{Key: s("mem_limit"), Value: memory()}, pyvalue.Item{Key: s("environment"), Value: environment()})})},
			pyvalue.Item{Key: s("01-less"), Value: pyvalue.Dict(pyvalue.Item{Key: s("groups"), Value: pyvalue.Strs("staff", "students")}, pyvalue.Item{Key: s("spawner_override"), Value: pyvalue.Dict(pyvalue.Item{Key: s("cpu_limit"), Value: cpu()}, pyvalue.Item{Key: s("unit_extra_properties"), Value: properties()})})},
		)
	}
	options := []struct {
		name string
		draw func() pyvalue.Value
	}{
		{"mem_limit", memory}, {"mem_guarantee", memory}, {"cpu_limit", cpu}, {"cpu_guarantee", cpu},
		{"isolate_tmp", boolean}, {"isolate_devices", boolean}, {"disable_user_sudo", boolean}, {"dynamic_users", boolean}, {"debug", boolean},
		{"readonly_paths", templates}, {"readwrite_paths", templates}, {"extra_paths", templates}, {"args", templates},
		{"user_workingdir", template}, {"username_template", func() pyvalue.Value { return rarely(pick(s("{USERNAME}"), s("u-{USERNAME}")), template()) }},
		{"unit_name_template", func() pyvalue.Value {
			return rarely(pick(s("jupyter-{USERNAME}"), s("{USERNAME}"), s("j@{USERNAME}"), s("{USERNAME}.service"), s("hub:{USERID}"), s("a/{USERNAME}"), s("-{USERNAME}"), s("/abs/{USERNAME}")), template())
		}},
		{"default_shell", text}, {"slice", text}, {"environment", environment}, {"unit_extra_properties", properties},
		{"group_overrides", overrides},
		{"cmd", func() pyvalue.Value {
			return rarely(pick(pyvalue.Strs("jupyterhub-singleuser"), pyvalue.Strs("/opt/{USERNAME}/bin/j", "--x={{1}}"), s("sh"), pyvalue.Strs("env", "a b")), pick(pyvalue.None(), pyvalue.List(), s("{"), pyvalue.Strs("nothere"), pyvalue.Int(1), pyvalue.List(pyvalue.Int(1)), pyvalue.Strs("")))
		}},
		{"notebook_dir", func() pyvalue.Value { return rarely(pick(s("/home/{username}"), s("~/%U"), s("")), s("{USERNAME}")) }},
		{"default_url", func() pyvalue.Value { return rarely(s("/lab"), s("/{x}")) }},
		{"env_keep", func() pyvalue.Value {
			return rarely(pyvalue.Strs("LANG", "PATH", "NOT_THERE"), pick(pyvalue.None(), pyvalue.List(pyvalue.Int(1)), s("LANG")))
		}},
		{"start_timeout", func() pyvalue.Value {
			return rarely(pyvalue.Int(120), pick(s("60"), pyvalue.Float(60.5), pyvalue.None()))
		}},
		{"poll_jitter", func() pyvalue.Value { return rarely(pyvalue.Float(0.5), pyvalue.Float(2)) }},
		{"ip", func() pyvalue.Value { return pick(s(""), s("127.0.0.1")) }},
		{"no_such_option", memory},
	}
	users := []string{"alice", "alice", "alice", "bob", "älice", "a b", "a%b", "Alice", "x.slice", "foo.service", "a:b", `a\b`, "alice@example.org", "nouser1", "张三", "o'neil", "-x", "a{b}", strings.Repeat("l", 230), strings.Repeat("l", 250)}
	for range n {
		var items []pyvalue.Item
		for range r.IntN(5) {
			o := options[r.IntN(len(options))]
			items = append(items, pyvalue.Item{Key: pyvalue.Str(o.name), Value: o.draw()})
		}
		config := pyvalue.Dict(items...)
		configs = append(configs, config)
		cases = append(cases, spawnCase{
			Username: users[r.IntN(len(users))], UserID: int64(r.IntN(3)) * 21, Groups: [][]string{nil, {"staff"}, {"students", "x"}}[r.IntN(3)],
			Config: config.String(),
		})
	}
	return cases, configs
}

// checkCase compares a prediction with what SystemdSpawner did.
func checkCase(t *testing.T, c spawnCase, config pyvalue.Value) {
	t.Helper()
	items, _ := config.Items()
	var settings []Setting
	for _, it := range items {
		name, _ := it.Key.Str()
		settings = append(settings, Setting{Section: "SystemdSpawner", Name: name, Value: it.Value})
	}
	user := User{Name: c.Username, ID: c.UserID, Groups: c.Groups, UID: 1001, GID: 1001}
	// The recorder's machine has every account but those that begin with
	// nouser.
	for _, call := range c.Answer.Calls {
		if call[0] == "getpwnam" && !strings.HasPrefix(call[1], "nouser") {
			user.UnixName, user.Home = call[1], "/home/"+call[1]
		}
	}
	unit, err := Predict(settings, user, Hub{
		Environment: map[string]string{"PATH": "/opt/hub/bin:/usr/bin:/bin", "SHELL": "/bin/bash", "LANG": "C.UTF-8", "JUPYTERHUB_SINGLEUSER_APP": "x"},
		LookPath: func(command, path string) string {
			for dir := range strings.SplitSeq(path, ":") {
				if slices.Contains([]string{"/opt/hub/bin/jupyterhub-singleuser", "/usr/bin/sh", "/usr/bin/env", "/bin/sh"}, dir+"/"+command) {
					return dir + "/" + command
				}
			}
			return ""
		},
	})
	about := fmt.Sprintf("%+v %s", c.Username, c.Config)
	if c.Answer.Raises != "" {
		var raised *pyvalue.Exception
		if assert.ErrorAs(t, err, &raised, about) {
			assert.Equal(t, c.Answer.Raises, raised.Error(), about)
		}
		return
	}
	if !assert.NoError(t, err, about) {
		return
	}
	assert.Equal(t, c.Answer.UnitName, unit.SpawnerName, about)
	i := slices.IndexFunc(c.Answer.Calls, func(call []string) bool { return call[0] == "systemd-run" })
	assert.Equal(t, c.Answer.Calls[i], unit.Args, about)
	assert.Len(t, c.Answer.EnvNames, 1, about)
	for file, names := range c.Answer.EnvNames {
		assert.Equal(t, file, unit.EnvironmentFile, about)
		names = append(slices.Clone(names), "JUPYTERHUB_SERVICE_PREFIX") // the recorder's hub has no server object
		slices.Sort(names)
		assert.Equal(t, names, unit.Environment, about)
	}
}

const recorded = "testdata/spawn_recorded.jsonl"

// TestRecorded compares with cases that testdata/spawn.py has answered.
func TestRecorded(t *testing.T) {
	t.Parallel()
	cases, configs := randomCases(1, 600)
	if *update {
		record(t, cases)
	}
	data, err := os.ReadFile(recorded)
	require.NoError(t, err)
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	n, raised := 0, map[string]int{}
	for ; lines.Scan(); n++ {
		c := cases[n]
		require.NoError(t, json.Unmarshal(lines.Bytes(), &c))
		require.Equal(t, cases[n].Config, c.Config, "the cases have changed: run this test with -update")
		checkCase(t, c, configs[n])
		kind, _, _ := strings.Cut(c.Answer.Raises, ":")
		raised[kind]++
	}
	require.Equal(t, len(cases), n)
	for _, kind := range []string{"", "TraitError", "KeyError", "ValueError", "IndexError", "AttributeError", "TypeError", "OSError", "FileNotFoundError", "AssertionError"} {
		assert.Positive(t, raised[kind], "too few cases end in %q", kind)
	}
}

func record(t *testing.T, cases []spawnCase) {
	w := pychildtest.Start(t, hubPython(t), "testdata/spawn.py")
	var out bytes.Buffer
	for _, c := range cases {
		var answer spawnAnswer
		w.Ask(t, c, &answer)
		answer.Calls = slices.DeleteFunc(answer.Calls, func(call []string) bool { return call[0] == "systemctl" })
		c.Answer = &answer
		line, err := json.Marshal(c)
		require.NoError(t, err)
		out.Write(append(line, '\n'))
	}
	require.NoError(t, os.WriteFile(recorded, out.Bytes(), 0o644))
}

// TestAgreesWithSystemdSpawner asks the spawner itself, and so notices a
// version that behaves in another way.
func TestAgreesWithSystemdSpawner(t *testing.T) {
	t.Parallel()
	w := pychildtest.Start(t, hubPython(t), "testdata/spawn.py")
	cases, configs := randomCases(2, 1000)
	for i, c := range cases {
		c.Answer = new(spawnAnswer)
		w.Ask(t, c, c.Answer)
		checkCase(t, c, configs[i])
		if t.Failed() {
			return
		}
	}
}
