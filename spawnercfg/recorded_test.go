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
func randomCases(seed uint64, n int) (cases []spawnCase, configs []Value) {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(vs ...Value) Value { return vs[r.IntN(len(vs))] }
	s := StrValue
	rarely := func(good, bad Value) Value {
		if r.IntN(12) == 0 {
			return bad
		}
		return good
	}
	template := func() Value {
		return rarely(
			pick(s("{USERNAME}"), s("/home/{USERNAME}"), s("/srv/{USERID}/x"), s("-/opt/{USERNAME}"), s("/a{{b}}"), s("/with space"), s("-+/x"), s("plain"), s("{USERID:05d}"), s("{USERNAME!r:>10}"), s("{USERNAME[0]}"), s("{USERNAME:*^12}"), s("{USERID:x}"), s("{USERNAME:.2}"), s("/ü/{USERNAME}"), s("")),
			pick(s("{"), s("}"), s("{}"), s("{0}"), s("{1}x"), s("{x}"), s("a{USERNAME"), s("{USERNAME!}"), s("{USERNAME!z}"), s("{USERNAME:d}"), s("{USERNAME.nope}"), s("{USERNAME[99]}"), s("{USERNAME[x]}"), s("{USERID[0]}"), s("{USERNAME!r"), s("{USERNAME!rx}"), s("{a{b}}"), s("{USERNAME:{USERID}}"), s("{USERNAME:{}}"), s("{USERNAME.}"), s("{USERNAME[]}"), s("{USERNAME[0}"), s("{USERNAME[0]x}"), s("{USERID:s}"), s("{USERNAME:+}"), s("{USERNAME:=9}"), s("{USERNAME:,}"), s("{USERNAME: }"), s("{USERNAME:#}"), s("{USERNAME:zz}"), s("{SERVERNAME}"), s("{'a': 1}"), s("{USERNAME:}"), s("{USERNAME:{{}}}"), s("{USERNAME!s:{USERID:{USERID}}}"), IntValue(1), NoneValue(), ListValue()))
	}
	templates := func() Value {
		list := make([]Value, r.IntN(3))
		for i := range list {
			list[i] = template()
		}
		return rarely(ListValue(list...), pick(TupleValue(list...), s("/only/{USERNAME}"), NoneValue(), SetValue(), DictValue(), IntValue(3)))
	}
	boolean := func() Value {
		return rarely(BoolValue(r.IntN(2) == 0), pick(IntValue(1), IntValue(0), FloatValue(1), s("yes"), NoneValue(), IntValue(2)))
	}
	memory := func() Value {
		return rarely(pick(s("1G"), s("1.5G"), s("512M"), s("0.0001K"), IntValue(1<<30), FloatValue(1e9), NoneValue(), s("2 G"), s("1_0G"), s("+1e3M"), s("٣G"), s(".5T")),
			pick(s("1024"), s("2g"), s("2GB"), s(""), s("50%"), s("infG"), s("nanG"), BytesValue([]byte("1G")), ListValue(s("2G")), DictValue(), SetValue(), BoolValue(true), IntValue(-5), IntValue(0), s("-1G"), s("9999999T"), s("1e400G"), s("G"), s("0x1K"), TupleValue()))
	}
	cpu := func() Value {
		return rarely(pick(FloatValue(float64(r.IntN(3200))/100), IntValue(int64(r.IntN(9))), NoneValue(), FloatValue(r.Float64()*4)),
			pick(s("1"), FloatValue(0.001), BoolValue(true), FloatValue(-1), s("50%"), ListValue(), FloatValue(1e300)))
	}
	text := func() Value {
		return rarely(pick(s("/bin/zsh"), s("x"), s("jupyter.slice"), s("users-{USERNAME}"), s("")), pick(NoneValue(), IntValue(1), BytesValue([]byte("abc")), BytesValue([]byte("\xff")), ListValue()))
	}
	environment := func() Value {
		var items []Item
		for range r.IntN(4) {
			items = append(items, Item{
				Key:   rarely(pick(s("A"), s("PATH"), s("SHELL"), s("A_1"), s("a b"), s("HOME"), s("JUPYTERHUB_USER")), pick(s("1A"), s(""), s("-x"), IntValue(1))),
				Value: rarely(pick(s("x"), s("it's"), s("a b"), s("/opt/bin:/usr/bin"), s("")), pick(IntValue(1), IntValue(0), NoneValue(), BoolValue(true), BytesValue([]byte("b")), ListValue(s("x")), FloatValue(1.5))),
			})
		}
		return rarely(DictValue(items...), pick(NoneValue(), ListValue()))
	}
	properties := func() Value {
		var items []Item
		for range r.IntN(4) {
			items = append(items, Item{
				Key:   pick(s("MemoryMax"), s("CPUQuota"), s("LimitNOFILE"), s("Nice"), s("RuntimeDirectory"), s("RuntimeDirectoryMode"), s("OOMPolicy"), s("ReadOnlyDirectories"), s("User"), s("EnvironmentFile"), s("NoNewPrivileges")),
				Value: rarely(pick(s("1"), s("{USERNAME}"), s("2G"), s("a b"), s("x-{USERID}"), s("yes")), pick(s("{"), s("{x}"), IntValue(1), BoolValue(true), ListValue(s("a")), NoneValue(), s(""), s(" "), s("/abs"))),
			})
		}
		return rarely(DictValue(items...), pick(NoneValue(), ListValue()))
	}
	overrides := func() Value {
		return DictValue(
			Item{Key: s("02-more"), Value: DictValue(Item{Key: s("groups"), Value: Strs("staff")}, Item{Key: s("spawner_override"), Value: DictValue(Item{Key: s("mem_limit"), Value: memory()}, Item{Key: s("environment"), Value: environment()})})},
			Item{Key: s("01-less"), Value: DictValue(Item{Key: s("groups"), Value: Strs("staff", "students")}, Item{Key: s("spawner_override"), Value: DictValue(Item{Key: s("cpu_limit"), Value: cpu()}, Item{Key: s("unit_extra_properties"), Value: properties()})})},
		)
	}
	options := []struct {
		name string
		draw func() Value
	}{
		{"mem_limit", memory}, {"mem_guarantee", memory}, {"cpu_limit", cpu}, {"cpu_guarantee", cpu},
		{"isolate_tmp", boolean}, {"isolate_devices", boolean}, {"disable_user_sudo", boolean}, {"dynamic_users", boolean}, {"debug", boolean},
		{"readonly_paths", templates}, {"readwrite_paths", templates}, {"extra_paths", templates}, {"args", templates},
		{"user_workingdir", template}, {"username_template", func() Value { return rarely(pick(s("{USERNAME}"), s("u-{USERNAME}")), template()) }},
		{"unit_name_template", func() Value {
			return rarely(pick(s("jupyter-{USERNAME}"), s("{USERNAME}"), s("j@{USERNAME}"), s("{USERNAME}.service"), s("hub:{USERID}"), s("a/{USERNAME}"), s("-{USERNAME}"), s("/abs/{USERNAME}")), template())
		}},
		{"default_shell", text}, {"slice", text}, {"environment", environment}, {"unit_extra_properties", properties},
		{"group_overrides", overrides},
		{"cmd", func() Value {
			return rarely(pick(Strs("jupyterhub-singleuser"), Strs("/opt/{USERNAME}/bin/j", "--x={{1}}"), s("sh"), Strs("env", "a b")), pick(NoneValue(), ListValue(), s("{"), Strs("nothere"), IntValue(1), ListValue(IntValue(1)), Strs("")))
		}},
		{"notebook_dir", func() Value { return rarely(pick(s("/home/{username}"), s("~/%U"), s("")), s("{USERNAME}")) }},
		{"default_url", func() Value { return rarely(s("/lab"), s("/{x}")) }},
		{"env_keep", func() Value {
			return rarely(Strs("LANG", "PATH", "NOT_THERE"), pick(NoneValue(), ListValue(IntValue(1)), s("LANG")))
		}},
		{"start_timeout", func() Value { return rarely(IntValue(120), pick(s("60"), FloatValue(60.5), NoneValue())) }},
		{"poll_jitter", func() Value { return rarely(FloatValue(0.5), FloatValue(2)) }},
		{"ip", func() Value { return pick(s(""), s("127.0.0.1")) }},
		{"no_such_option", memory},
	}
	users := []string{"alice", "alice", "alice", "bob", "älice", "a b", "a%b", "Alice", "x.slice", "foo.service", "a:b", `a\b`, "alice@example.org", "nouser1", "张三", "o'neil", "-x", "a{b}", strings.Repeat("l", 230), strings.Repeat("l", 250)}
	for range n {
		var items []Item
		for range r.IntN(5) {
			o := options[r.IntN(len(options))]
			items = append(items, Item{Key: StrValue(o.name), Value: o.draw()})
		}
		config := DictValue(items...)
		configs = append(configs, config)
		cases = append(cases, spawnCase{
			Username: users[r.IntN(len(users))], UserID: int64(r.IntN(3)) * 21, Groups: [][]string{nil, {"staff"}, {"students", "x"}}[r.IntN(3)],
			Config: config.String(),
		})
	}
	return cases, configs
}

// checkCase compares a prediction with what SystemdSpawner did.
func checkCase(t *testing.T, c spawnCase, config Value) {
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
		var raised *PythonError
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
