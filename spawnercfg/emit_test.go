package spawnercfg_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

type literalAnswer struct {
	Statements any
	Error      string
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// hostile is text that has got statements into configurations that were put
// together from strings, and into the ways to escape it.
var hostile = []string{
	`x'; import os; os.system('id') #`, `x"; import os #`, `'''; import os #`, `a\`, `\`, `\'`, `\\'`, `'`, `"`, `'"`, "x'\nimport os\n#", "x\rimport os", "x\r\nimport os",
	"x\x0cimport os", "x\vimport os", "x\u2028import os", "x\u2029import os", "x\u0085import os", "+ACc-; print(1) #", "encoding: utf-7", "# -*- coding: utf-7 -*-", "\ufeffx",
	"${jndi}", "$(id)", "`id`", "%s", "{__import__('os')}", `\N{DIGIT ONE}`, `\x27; import os #`, `\u0027`, "\u202e'; import os #", "ｘ", "\x1b[2J", "{", "}", "{}", "{USERNAME", "{0}", "{USERNAME.__class__.__mro__}", "{USERNAME!r:>1000}",
}

// TestNoStatementGetsIn puts hostile text wherever the options take any: each
// time the file holds the statements of the options and no other, or there is
// no file.
func TestNoStatementGetsIn(t *testing.T) {
	t.Parallel()
	w := pychildtest.Start(t, pychildtest.Python(t), "-c", pychildtest.Literals)
	written := 0
	for _, text := range hostile {
		for place, options := range map[string]Options{
			"text":        {JupyterHub: JupyterHub{DefaultURL: Set(text)}},
			"list":        {Authenticator: Authenticator{AdminUsers: Set([]string{text, "x"})}},
			"template":    {SystemdSpawner: SystemdSpawner{Args: Set([]Template{Literal(text), Username()})}},
			"path":        {SystemdSpawner: SystemdSpawner{ReadonlyPaths: Set([]Template{Literal("/" + text)})}},
			"key":         {SystemdSpawner: SystemdSpawner{Environment: Set(map[string]string{text: "x"})}},
			"value":       {SystemdSpawner: SystemdSpawner{Environment: Set(map[string]string{"A": text})}},
			"property":    {SystemdSpawner: SystemdSpawner{UnitExtraProperties: Set([]Property{{text, Literal(text)}})}},
			"role":        {JupyterHub: JupyterHub{LoadRoles: Set([]Role{{Name: text, Description: text, Other: []pyvalue.Item{{Key: pyvalue.Str(text), Value: pyvalue.Str(text)}}}})}},
			"header":      {JupyterHub: JupyterHub{TornadoSettings: Set(TornadoSettings{Headers: Headers{Other: map[string]string{"X": text}}})}},
			"header name": {JupyterHub: JupyterHub{TornadoSettings: Set(TornadoSettings{Headers: Headers{Other: map[string]string{text: "x"}}})}},
			"other":       {Other: []Setting{{Section: "My", Name: "x", Value: pyvalue.Dict(pyvalue.Item{Key: pyvalue.Str(text), Value: pyvalue.Tuple(pyvalue.Str(text))})}}},
			"section":     {Other: []Setting{{Section: text, Name: "x", Value: pyvalue.Int(1)}}},
			"name":        {Other: []Setting{{Section: "X", Name: text, Value: pyvalue.Int(1)}}},
		} {
			about := fmt.Sprintf("%q as %s", text, place)
			python, err := options.Python()
			if place == "section" || place == "name" {
				require.ErrorIs(t, err, ErrName, about)
			}
			if err != nil {
				require.Empty(t, python, about)
				continue
			}
			written++
			settings, err := options.Settings()
			require.NoError(t, err)
			var want []any
			for _, s := range settings {
				want = append(want, []any{s.Section, s.Name, pychildtest.Canonical(s.Value)})
			}
			var answer literalAnswer
			w.Ask(t, map[string]string{"file": string(python)}, &answer)
			require.Empty(t, answer.Error, about)
			require.Equal(t, toJSON(t, want), toJSON(t, answer.Statements), about)
		}
	}
	assert.Greater(t, written, 200)
}

// TestTemplateTextIsNoField fills in templates of hostile literal text.
func TestTemplateTextIsNoField(t *testing.T) {
	for _, text := range hostile {
		unit, err := Options{SystemdSpawner: SystemdSpawner{
			Cmd:  Set([]Template{Literal("/bin/true")}),
			Args: Set([]Template{Literal(text), Join(Literal(text), Username(), Literal(text))}),
		}}.Unit(User{Name: "alice", UnixName: "alice"}, Hub{})
		require.NoError(t, err, text)
		assert.Equal(t, []string{"/bin/true", text, text + "alice" + text}, unit.Command)
	}
}

func TestWhatCannotBeSaid(t *testing.T) {
	path := func(text string) Options {
		return Options{SystemdSpawner: SystemdSpawner{ReadonlyPaths: Set([]Template{Literal(text)})}}
	}
	for name, tt := range map[string]struct {
		options Options
		want    error
		option  string
	}{
		"not UTF-8":               {path("/\xff"), pyvalue.ErrNotUTF8, "SystemdSpawner.readonly_paths"},
		"NUL":                     {path("/\x00"), pyvalue.ErrNUL, "SystemdSpawner.readonly_paths"},
		"NUL in a key":            {Options{SystemdSpawner: SystemdSpawner{Environment: Set(map[string]string{"a\x00": ""})}}, pyvalue.ErrNUL, "SystemdSpawner.environment"},
		"line feed in a path":     {path("/a\nb"), pyvalue.ErrControl, "SystemdSpawner.readonly_paths"},
		"escape in a unit name":   {Options{SystemdSpawner: SystemdSpawner{UnitNameTemplate: Set(Join(Literal("\x1b"), Username()))}}, pyvalue.ErrControl, "SystemdSpawner.unit_name_template"},
		"tab in a property":       {Options{SystemdSpawner: SystemdSpawner{UnitExtraProperties: Set([]Property{{"Nice", Literal("\t")}})}}, pyvalue.ErrControl, "SystemdSpawner.unit_extra_properties"},
		"control in an override":  {Options{SystemdSpawner: SystemdSpawner{GroupOverrides: Set([]GroupOverride{{"a", []string{"g"}, SystemdSpawner{Slice: Set("\x7f")}}})}}, pyvalue.ErrControl, "SystemdSpawner.group_overrides"},
		"NaN":                     {Options{SystemdSpawner: SystemdSpawner{CPULimit: Set(math.NaN())}}, pyvalue.ErrNotFinite, "SystemdSpawner.cpu_limit"},
		"infinity":                {Options{SystemdSpawner: SystemdSpawner{CPULimit: Set(math.Inf(1))}}, pyvalue.ErrNotFinite, "SystemdSpawner.cpu_limit"},
		"None":                    {Options{SystemdSpawner: SystemdSpawner{IsolateTmp: None[bool]()}}, ErrNoneNotAllowed, "SystemdSpawner.isolate_tmp"},
		"half a second":           {Options{SystemdSpawner: SystemdSpawner{StartTimeout: Set(time.Second / 2)}}, ErrFraction, "SystemdSpawner.start_timeout"},
		"property twice":          {Options{SystemdSpawner: SystemdSpawner{UnitExtraProperties: Set([]Property{{"Nice", Literal("1")}, {"Nice", Literal("2")}})}}, ErrTwice, "SystemdSpawner.unit_extra_properties"},
		"a field of its own":      {Options{Other: []Setting{{Section: "SystemdSpawner", Name: "mem_limit", Value: pyvalue.Str("1G")}}}, ErrTwice, "SystemdSpawner.mem_limit"},
		"keyword":                 {Options{Other: []Setting{{Section: "X", Name: "class", Value: pyvalue.Int(1)}}}, ErrName, "X.class"},
		"wide letters":            {Options{Other: []Setting{{Section: "X", Name: "ｍem_limit", Value: pyvalue.Int(1)}}}, ErrName, "X.ｍem_limit"},
		"name of Python's":        {Options{Other: []Setting{{Section: "X", Name: "__class__", Value: pyvalue.Int(1)}}}, ErrName, "X.__class__"},
		"a section as a value":    {Options{Other: []Setting{{Section: "X", Name: "Y", Value: pyvalue.Int(1)}}}, ErrName, "X.Y"},
		"a value as a section":    {Options{Other: []Setting{{Section: "x", Name: "y", Value: pyvalue.Int(1)}}}, ErrName, "x.y"},
		"no value":                {Options{Other: []Setting{{Section: "X", Name: "y"}}}, pyvalue.ErrNoValue, "X.y"},
		"unhashable":              {Options{Other: []Setting{{Section: "X", Name: "y", Value: pyvalue.Dict(pyvalue.Item{Key: pyvalue.List(), Value: pyvalue.Int(1)})}}}, pyvalue.ErrUnhashable, "X.y"},
		"line break in a header":  {Options{JupyterHub: JupyterHub{TornadoSettings: Set(TornadoSettings{Headers: Headers{ReferrerPolicy: "a\r\nSet-Cookie: x"}})}}, ErrHeader, "JupyterHub.tornado_settings"},
		"another directive":       {Options{JupyterHub: JupyterHub{TornadoSettings: Set(TornadoSettings{Headers: Headers{FrameAncestors: []string{"*; script-src *"}}})}}, ErrHeader, "JupyterHub.tornado_settings"},
		"one header by two names": {Options{JupyterHub: JupyterHub{TornadoSettings: Set(TornadoSettings{Headers: Headers{NoSniff: true, Other: map[string]string{"x-content-type-options": "x"}}})}}, ErrHeader, "JupyterHub.tornado_settings"},
	} {
		t.Run(name, func(t *testing.T) {
			python, err := tt.options.Python()
			assert.Empty(t, python)
			assert.ErrorIs(t, err, tt.want)
			var oe *OptionError
			require.ErrorAs(t, err, &oe)
			assert.Equal(t, tt.option, oe.Option)
		})
	}
}

// everything sets the options whose Go and Python forms differ.
var everything = Options{
	JupyterHub: JupyterHub{
		SpawnerClass:   Set("systemd"),
		CleanupServers: Set(false),
		ImplicitSpawn:  Set(1500 * time.Millisecond),
		TornadoSettings: Set(TornadoSettings{
			Headers:          Headers{FrameAncestors: []string{"'self'", "https://lms.example.org"}, StrictTransportSecurity: time.Hour, IncludeSubDomains: true, NoSniff: true, Other: map[string]string{"X-A": "b"}},
			SlowSpawnTimeout: Set(20 * time.Second),
			Other:            []pyvalue.Item{{Key: pyvalue.Str("cookie_options"), Value: pyvalue.Dict(pyvalue.Item{Key: pyvalue.Str("samesite"), Value: pyvalue.Str("Lax")})}},
		}),
		Services:   Set([]Service{{Name: "live", APIToken: "0123456789", Command: []string{"/bin/x"}, Environment: map[string]string{"B": "2", "A": "1"}, Admin: true, Other: []pyvalue.Item{{Key: pyvalue.Str("display"), Value: pyvalue.Bool(false)}}}}),
		LoadRoles:  Set([]Role{{Name: "live-role", Services: []string{"live"}, Scopes: []string{"admin:users"}, Users: []string{"a"}, Groups: []string{"g"}, Description: "d"}}),
		LoadGroups: Set(pyvalue.Dict(pyvalue.Item{Key: pyvalue.Str("g"), Value: pyvalue.Strs("a")})),
	},
	SystemdSpawner: SystemdSpawner{
		MemLimit:       Set(1536 * MiB),
		MemGuarantee:   None[ByteSize](),
		CPULimit:       Set(0.5),
		StartTimeout:   Set(2 * time.Minute),
		ReadonlyPaths:  None[[]Template](),
		ReadwritePaths: Set([]Template{}),
		ExtraPaths:     Set(Templates("/opt/{USERNAME}/bin")),
		Environment:    Set(map[string]string{"B": "it's", "A": "x\ny"}),
		UnitExtraProperties: Set([]Property{
			{"MemorySwapMax", Literal("0")}, {"ExecStartPre", Join(Literal("/bin/echo "), Username())},
		}),
		GroupOverrides: Set([]GroupOverride{{Name: "01-staff", Groups: []string{"staff"}, Override: SystemdSpawner{MemLimit: Set(8 * GiB), IsolateTmp: Set(false)}}}),
	},
	Authenticator: Authenticator{AdminUsers: Set([]string{"alice", "bob"}), AllowedUsers: Set([]string{})},
	Other: []Setting{
		{Section: "CryptKeeper", Name: "n_threads", Value: pyvalue.Int(3)},
		{Section: "Spawner", Name: "mem_limit", Value: pyvalue.Str("1G")},
	},
}

// TestSettingsRoundTrip writes options as settings and reads those.
func TestSettingsRoundTrip(t *testing.T) {
	options := everything
	options.Other = options.Other[:1] // an option of Spawner is read into its field
	settings, err := options.Settings()
	require.NoError(t, err)
	back, err := FromSettings(settings)
	require.NoError(t, err)
	assert.Equal(t, options, back)
}

// TestWritingIsStable writes the same options many times, and twice what was
// read from the first.
func TestWritingIsStable(t *testing.T) {
	first, err := everything.Python()
	require.NoError(t, err)
	for range 20 {
		again, err := everything.Python()
		require.NoError(t, err)
		require.Equal(t, string(first), string(again))
	}
	file, err := Parse(first, ParseOptions{})
	require.NoError(t, err)
	settings := file.Settings()
	again, err := Python(settings)
	require.NoError(t, err)
	assert.Equal(t, string(first), string(again))
}

// TestTwoClassesOneOption reads what is set for a class and its base.
func TestTwoClassesOneOption(t *testing.T) {
	o, err := FromSettings([]Setting{
		option("SystemdSpawner.mem_limit", pyvalue.None()),
		option("Spawner.mem_limit", pyvalue.Str("1G")),
		option("Spawner.cpu_limit", pyvalue.Int(1)),
		option("Spawner.cpu_limit", pyvalue.Int(2)),
		option("My.x", pyvalue.Int(1)),
		option("My.x", pyvalue.Int(2)),
	})
	require.NoError(t, err)
	assert.True(t, o.SystemdSpawner.MemLimit.IsNone())
	assert.Equal(t, 2.0, o.SystemdSpawner.CPULimit.Or(0))
	assert.Equal(t, []Setting{option("My.x", pyvalue.Int(2))}, o.Other)
}

func TestWhatDoesNotFit(t *testing.T) {
	o, err := FromSettings([]Setting{
		option("SystemdSpawner.mem_limit", pyvalue.Str("2GB")),
		option("SystemdSpawner.isolate_tmp", pyvalue.Bool(true)),
		{Section: "SystemdSpawner", Name: "cpu_limit", Unsure: "computed", Pos: Position{File: "f.py", Line: 3}},
		option("SystemdSpawner.unit_extra_properties", dict("LimitNOFILE", pyvalue.Int(1))),
		option("SystemdSpawner.readonly_paths", pyvalue.Strs("/{HOME}")),
		option("JupyterHub.port", pyvalue.Big(new(big.Int).Lsh(big.NewInt(1), 80))),
	})
	assert.ErrorIs(t, err, ErrType)
	assert.ErrorIs(t, err, ErrUnsure)
	assert.ErrorIs(t, err, ErrTemplate)
	assert.ErrorContains(t, err, "f.py:3: SystemdSpawner.cpu_limit")
	assert.True(t, o.SystemdSpawner.IsolateTmp.Or(false))
	assert.False(t, o.SystemdSpawner.MemLimit.IsSet())
	assert.Empty(t, o.Other)
}
