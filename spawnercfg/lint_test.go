package spawnercfg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// sound is a configuration in which Lint finds nothing.
var sound = []Setting{
	option("JupyterHub.spawner_class", pyvalue.Str("systemd")),
	option("JupyterHub.cleanup_servers", pyvalue.Bool(false)),
	option("SystemdSpawner.mem_limit", pyvalue.Str("2G")),
	option("SystemdSpawner.unit_extra_properties", dict("MemorySwapMax", pyvalue.Str("0"))),
}

func option(name string, v pyvalue.Value) Setting {
	section, name, _ := strings.Cut(name, ".")
	return Setting{Section: section, Name: name, Value: v}
}

func dict(kv ...any) pyvalue.Value {
	var items []pyvalue.Item
	for i := 0; i < len(kv); i += 2 {
		items = append(items, pyvalue.Item{Key: pyvalue.Str(kv[i].(string)), Value: kv[i+1].(pyvalue.Value)})
	}
	return pyvalue.Dict(items...)
}

var lintCases = []struct {
	name string
	set  []Setting
	// want is the codes that the settings add to those of the sound
	// configuration, in the order of the report.
	want []Code
	// message is part of the first finding's text, hint included.
	message string
}{
	{"nothing", nil, nil, ""},
	{"not certain", []Setting{{Section: "SystemdSpawner", Name: "cpu_limit", Unsure: "computed"}}, []Code{CodeUnsure}, "computed"},

	{"section misspelt", []Setting{option("SystemSpawner.cpu_limit", pyvalue.Float(1))}, []Code{CodeUnknownSection}, "c.SystemdSpawner.cpu_limit"},
	{"section's case", []Setting{option("Jupyterhub.port", pyvalue.Int(1))}, []Code{CodeUnknownSection}, "c.JupyterHub.port"},
	{"section unknown", []Setting{option("MyOwnThing.x", pyvalue.Int(1))}, []Code{CodeUnknownSection}, "MyOwnThing"},
	{"section nested", []Setting{{Section: "JupyterHub.SystemdSpawner", Name: "mem_limit", Value: pyvalue.Str("1G")}}, []Code{CodeUnknownSection}, "without a parent"},
	{"option misspelt", []Setting{option("SystemdSpawner.mem_limt", pyvalue.Str("1G"))}, []Code{CodeUnknownOption}, "c.SystemdSpawner.mem_limit"},
	{"option of the hub misspelt", []Setting{option("JupyterHub.bind_ulr", pyvalue.Str("x"))}, []Code{CodeUnknownOption}, "bind_url"},
	{"option in capitals", []Setting{option("SystemdSpawner.memLimit", pyvalue.Str("1G"))}, []Code{CodeUnknownOption}, "mem_limit"},
	{"option unknown", []Setting{option("SystemdSpawner.frobnicate", pyvalue.Str("1G"))}, []Code{CodeUnknownOption}, "no such option"},
	{"option of the base", []Setting{option("Spawner.cpu_limit", pyvalue.Float(1))}, nil, ""},
	{"option of the base overridden", []Setting{option("Spawner.mem_limit", pyvalue.Str("1G"))}, []Code{CodeOverridden}, "SystemdSpawner.mem_limit has the last word"},
	{"section of another spawner", []Setting{option("LocalProcessSpawner.mem_limit", pyvalue.Str("1G"))}, []Code{CodeSectionInactive}, "SystemdSpawner"},
	{"section of another authenticator", []Setting{option("DummyAuthenticator.password", pyvalue.Str("x"))}, []Code{CodeDeprecatedOption, CodeSectionInactive}, ""},
	{"removed", []Setting{option("SystemdSpawner.use_sudo", pyvalue.Bool(true))}, []Code{CodeRemovedOption}, "0.10"},
	{"deprecated", []Setting{option("Authenticator.whitelist", pyvalue.Set(pyvalue.Str("a")))}, []Code{CodeDeprecatedOption}, ""},
	{"another spawner", []Setting{option("JupyterHub.spawner_class", pyvalue.Str("simple"))}, []Code{CodeSectionInactive, CodeSectionInactive, CodeSpawnerClass}, ""},
	{"a derived spawner", []Setting{option("JupyterHub.spawner_class", pyvalue.Str("here.MySpawner")), option("MySpawner.mem_limit", pyvalue.Str("4G")), option("MySpawner.own_option", pyvalue.Int(1)), option("MySpawner.cpu_limt", pyvalue.Int(1))}, []Code{CodeOverridden, CodeSubclass, CodeUnknownOption}, ""},
	{"a field of a derived spawner", []Setting{option("JupyterHub.spawner_class", pyvalue.Str("here.MySpawner")), option("SystemdSpawner.unit_name_template", pyvalue.Str("j-{USERNAME}-{SERVERNAME}-x"))}, []Code{CodeSubclass, CodeTemplate, CodeSpawnFails}, ""},

	{"memory in gigabytes", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Str("2GB"))}, []Code{CodeByteSize}, "'2G'"},
	{"memory in lower case", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Str("2g"))}, []Code{CodeByteSize}, "'2G'"},
	{"memory as text of a number", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Str("1024"))}, []Code{CodeByteSize}, "without quotes"},
	{"memory in percent", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Str("50%"))}, []Code{CodeByteSize}, "MemoryMax"},
	{"memory without end", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Str("infG"))}, []Code{CodeByteSize}, "OverflowError"},
	{"memory zero", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Int(0))}, []Code{CodeMemoryLimitRefused}, "0 bytes"},
	{"memory below zero", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Str("-1G"))}, []Code{CodeMemoryLimitRefused}, ""},
	{"memory in units", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Int(2))}, []Code{CodeMemoryTiny}, "2 bytes"},
	{"memory true", []Setting{option("SystemdSpawner.mem_limit", pyvalue.Bool(true))}, []Code{CodeMemoryTiny}, ""},
	{"no memory limit", []Setting{option("SystemdSpawner.mem_limit", pyvalue.None())}, []Code{CodeNoMemoryLimit}, ""},
	{"swap", []Setting{option("SystemdSpawner.unit_extra_properties", dict())}, []Code{CodeMemorySwap}, "MemorySwapMax"},
	{"cpu text", []Setting{option("SystemdSpawner.cpu_limit", pyvalue.Str("1"))}, []Code{CodeBadValue}, "without quotes"},
	{"cpu too small", []Setting{option("SystemdSpawner.cpu_limit", pyvalue.Float(0.001))}, []Code{CodeCPULimitRefused}, "CPUQuota=0%"},
	{"cpu percent", []Setting{option("SystemdSpawner.cpu_limit", pyvalue.Int(200))}, []Code{CodeCPUPercent}, "200 CPUs"},
	{"cpu loses a percent", []Setting{option("SystemdSpawner.cpu_limit", pyvalue.Float(0.29))}, []Code{CodeCPULosesPercent}, "28%"},
	{"cpu keeps its percent", []Setting{option("SystemdSpawner.cpu_limit", pyvalue.Float(0.295))}, nil, ""},
	{"cpu in eighths", []Setting{option("SystemdSpawner.cpu_limit", pyvalue.Float(0.125))}, nil, ""},
	{"cpu nan", []Setting{option("SystemdSpawner.cpu_limit", pyvalue.Float(math.NaN()))}, []Code{CodeSpawnFails}, "ValueError"},
	{"timeout", []Setting{option("Spawner.start_timeout", pyvalue.Int(0))}, []Code{CodeTimeout}, ""},
	{"none for a bool", []Setting{option("SystemdSpawner.isolate_tmp", pyvalue.None())}, []Code{CodeBadValue}, "expected a boolean"},
	{"a list for the hub", []Setting{option("JupyterHub.tornado_settings", pyvalue.List())}, []Code{CodeBadValue}, "the hub does not start"},
	{"guarantee", []Setting{option("Spawner.mem_guarantee", pyvalue.Str("1G"))}, []Code{CodeNoEffect}, "MemoryLow"},
	{"port", []Setting{option("Spawner.port", pyvalue.Int(8888))}, []Code{CodeNoEffect}, "random"},

	{"stray brace", []Setting{option("SystemdSpawner.readonly_paths", pyvalue.Strs("/a{b"))}, []Code{CodeTemplate}, "ValueError"},
	{"unknown field", []Setting{option("SystemdSpawner.readonly_paths", pyvalue.Strs("/{HOME}"))}, []Code{CodeTemplate}, "KeyError"},
	{"lower-case field", []Setting{option("SystemdSpawner.user_workingdir", pyvalue.Str("/home/{username}"))}, []Code{CodeTemplate}, "write {USERNAME}"},
	{"upper-case field", []Setting{option("Spawner.notebook_dir", pyvalue.Str("/home/{USERNAME}"))}, []Code{CodeTemplate}, "lower case"},
	{"number in paths", []Setting{option("SystemdSpawner.readonly_paths", pyvalue.List(pyvalue.Int(1)))}, []Code{CodeTemplate}, "no text"},
	{"attribute", []Setting{option("SystemdSpawner.readonly_paths", pyvalue.Strs("/{USERNAME.__class__}"))}, []Code{CodeTemplateField}, "__class__"},
	{"field in slice", []Setting{option("SystemdSpawner.slice", pyvalue.Str("u-{USERNAME}"))}, []Code{CodeNotATemplate}, ""},
	{"field in environment", []Setting{option("Spawner.environment", dict("A", pyvalue.Str("{USERNAME}")))}, []Code{CodeNotATemplate}, ""},
	{"slice of another type", []Setting{option("SystemdSpawner.slice", pyvalue.Str("users.service"))}, []Code{CodeSliceRefused}, ""},
	{"shared unit", []Setting{option("SystemdSpawner.unit_name_template", pyvalue.Str("jupyter"))}, []Code{CodeUnitNameShared}, ""},
	{"unit ends in user", []Setting{option("SystemdSpawner.unit_name_template", pyvalue.Str("jupyter-{USERNAME}"))}, []Code{CodeUnitNameSuffix}, "x.slice"},
	{"unit with odd characters", []Setting{option("SystemdSpawner.unit_name_template", pyvalue.Str("jü-{USERNAME}-x"))}, []Code{CodeUserName}, ""},
	{"no service", []Setting{option("SystemdSpawner.unit_name_template", pyvalue.Str("{USERNAME}.slice"))}, []Code{CodeUnitNameRefused}, ""},
	{"users collide", []Setting{option("SystemdSpawner.unit_name_template", pyvalue.Str("j-{USERNAME}")), option("Authenticator.allowed_users", pyvalue.Set(pyvalue.Str("foo"), pyvalue.Str("foo.service")))}, []Code{CodeUnitNameSuffix, CodeUnitNameCollision}, ""},
	{"user with a blank", []Setting{option("Authenticator.admin_users", pyvalue.Set(pyvalue.Str("a b")))}, []Code{CodeUserName}, "/run/jupyter-a/"},
	{"user of a domain", []Setting{option("Authenticator.admin_users", pyvalue.Set(pyvalue.Str("a@b.example")))}, []Code{CodeUserName}, "instance"},
	{"user beyond ASCII", []Setting{option("Authenticator.admin_users", pyvalue.Set(pyvalue.Str("ä")))}, []Code{CodeUserName}, `\xc3\xa4`},
	{"user too long", []Setting{option("Authenticator.admin_users", pyvalue.Set(pyvalue.Str(strings.Repeat("x", 250))))}, []Code{CodeSpawnFails}, "File name too long"},

	{"relative path", []Setting{option("SystemdSpawner.readonly_paths", pyvalue.Strs("-usr"))}, []Code{CodePathRefused}, "not absolute"},
	{"path with a blank", []Setting{option("SystemdSpawner.readonly_paths", pyvalue.Strs("/with space"))}, []Code{CodePathSplits}, "2 paths"},
	{"path with a blank in quotes", []Setting{option("SystemdSpawner.readonly_paths", pyvalue.Strs(`"/with space"`))}, nil, ""},
	{"relative working directory", []Setting{option("SystemdSpawner.user_workingdir", pyvalue.Str("work"))}, []Code{CodePathRefused}, ""},
	{"exceptions alone", []Setting{option("SystemdSpawner.readwrite_paths", pyvalue.Strs("/home/{USERNAME}"))}, []Code{CodeReadwriteAlone}, ""},
	{"command hidden", []Setting{option("SystemdSpawner.extra_paths", pyvalue.Strs("/opt/tools/bin"))}, []Code{CodeCommandHidden}, "jupyterhub-singleuser"},
	{"command in full", []Setting{option("SystemdSpawner.extra_paths", pyvalue.Strs("/opt/tools/bin")), option("Spawner.cmd", pyvalue.Strs("/opt/jupyterhub/bin/jupyterhub-singleuser"))}, nil, ""},
	{"command in one text", []Setting{option("Spawner.cmd", pyvalue.Str("/usr/bin/env jupyterhub-singleuser"))}, []Code{CodeCommandNotSplit}, "['/usr/bin/env', 'jupyterhub-singleuser']"},
	{"no command", []Setting{option("Spawner.cmd", pyvalue.None())}, []Code{CodeCommandNone}, ""},
	{"dollar", []Setting{option("Spawner.args", pyvalue.Strs("--x=$HOME"))}, []Code{CodeDollar}, ""},
	{"two dollars", []Setting{option("Spawner.args", pyvalue.Strs("--x=$$HOME"))}, nil, ""},
	{"line break in a path", []Setting{option("SystemdSpawner.user_workingdir", pyvalue.Str("/a\nb"))}, []Code{CodeControl}, ""},

	{"list of commands", []Setting{properties("ExecStartPre", pyvalue.Strs("/bin/true"))}, []Code{CodePropertyType}, "no text"},
	{"number", []Setting{properties("LimitNOFILE", pyvalue.Int(16384))}, []Code{CodePropertyType}, "'16384'"},
	{"bool", []Setting{properties("PrivateMounts", pyvalue.Bool(true))}, []Code{CodePropertyType}, "'yes'"},
	{"braces in a property", []Setting{properties("ExecStopPost", pyvalue.Str("/bin/echo {{x}}"))}, []Code{CodeBracesOnce}, "next attempt"},
	{"limit shadowed", []Setting{properties("MemoryMax", pyvalue.Str("4G"))}, []Code{CodePropertyShadows}, "mem_limit"},
	{"sudo let in", []Setting{properties("NoNewPrivileges", pyvalue.Str("no"))}, []Code{CodePropertyShadows}, "disable_user_sudo"},
	{"user as a property", []Setting{properties("User", pyvalue.Str("{USERNAME}"))}, []Code{CodePropertyShadows}, "does nothing"},
	{"shared runtime directory", []Setting{properties("RuntimeDirectory", pyvalue.Str("jupyter"))}, []Code{CodePropertyShadows}, "tokens"},
	{"root shell", []Setting{properties("ExecStopPost", pyvalue.Str(`+/bin/bash -c "rm -rf /scratch/{USERNAME}/*"`))}, []Code{CodePropertyExec}, "shell"},
	{"name in a command", []Setting{properties("ExecStartPre", pyvalue.Str("/usr/bin/mkdir -p /scratch/{USERNAME}"))}, []Code{CodePropertyExec}, "splits"},
	{"property misspelt", []Setting{properties("MemoryMaxx", pyvalue.Str("1G"))}, []Code{CodePropertyName}, "MemoryMax"},
	{"environment in public", []Setting{properties("Environment", pyvalue.Str("TOKEN=1"))}, []Code{CodePropertySecret}, ""},
	{"environment of a number", []Setting{option("Spawner.environment", dict("A", pyvalue.Int(1)))}, []Code{CodeEnvironment}, "write '1'"},
	{"environment of a bad name", []Setting{option("Spawner.environment", dict("1A", pyvalue.Str("x")))}, []Code{CodeEnvironment}, "AssertionError"},
	{"environment of an odd name", []Setting{option("Spawner.environment", dict("A B", pyvalue.Str("x")))}, []Code{CodeEnvironment}, "ignores"},
	{"shell in the environment", []Setting{option("Spawner.environment", dict("SHELL", pyvalue.Str("/bin/zsh")))}, []Code{CodeEnvironmentIgnored}, ""},
	{"override without groups", []Setting{option("Spawner.group_overrides", dict("a", dict("spawner_override", dict())))}, []Code{CodeGroupOverride}, ""},
	{"override of a bad value", []Setting{option("Spawner.group_overrides", dict("a", dict("groups", pyvalue.Strs("g"), "spawner_override", dict("mem_limit", pyvalue.Str("4GB"), "cpu_limt", pyvalue.Int(1)))))}, []Code{CodeByteSize, CodeUnknownOption}, "'4G'"},

	{"named servers", []Setting{option("JupyterHub.allow_named_servers", pyvalue.Bool(true))}, []Code{CodeNamedServers}, "one unit"},
	{"cleanup", []Setting{option("JupyterHub.cleanup_servers", pyvalue.Bool(true))}, []Code{CodeCleanupServers}, ""},
	{"admin access", []Setting{option("JupyterHub.admin_access", pyvalue.Bool(true))}, []Code{CodeDeprecatedOption, CodeNoEffect}, ""},
	{"gpu", []Setting{option("SystemdSpawner.isolate_devices", pyvalue.Bool(true)), properties("DeviceAllow", pyvalue.Str("/dev/nvidia0 rw"))}, []Code{CodeGPU}, "/dev"},
	{"sudo", []Setting{option("SystemdSpawner.disable_user_sudo", pyvalue.Bool(false))}, []Code{CodeSudo}, ""},
	{"certificate alone", []Setting{option("JupyterHub.ssl_cert", pyvalue.Str("/c.pem"))}, []Code{CodeSSLPair}, "ssl_key"},
	{"key alone", []Setting{option("JupyterHub.ssl_key", pyvalue.Str("/k.pem"))}, []Code{CodeSSLPair}, "ssl_cert"},
	{"dummy", []Setting{option("JupyterHub.authenticator_class", pyvalue.Str("dummy"))}, []Code{CodeDummyAuthenticator}, ""},
	{"settings without headers", []Setting{option("JupyterHub.tornado_settings", dict())}, []Code{CodeNoHeaders}, ""},
	{"policy", []Setting{option("JupyterHub.tornado_settings", dict("headers", dict("content-security-policy", pyvalue.Str("default-src 'self'"))))}, []Code{CodeFrameAncestors}, "report-uri"},
}

func properties(name string, v pyvalue.Value) Setting {
	return option("SystemdSpawner.unit_extra_properties", dict("MemorySwapMax", pyvalue.Str("0"), name, v))
}

// override is the sound configuration with some settings in the place of, or
// after, its own.
func override(set []Setting) []Setting {
	var settings []Setting
	for _, s := range sound {
		replaced := false
		for _, o := range set {
			replaced = replaced || o.Option() == s.Option()
		}
		if !replaced {
			settings = append(settings, s)
		}
	}
	settings = append(settings, set...)
	for i := range settings {
		settings[i].Pos = Position{Line: i + 1}
	}
	return settings
}

func TestLint(t *testing.T) {
	for _, tt := range lintCases {
		t.Run(tt.name, func(t *testing.T) {
			report := Lint(override(tt.set))
			var codes []Code
			for _, f := range report {
				codes = append(codes, f.Code)
				assert.NotEmpty(t, f.Message)
			}
			assert.Equal(t, tt.want, codes, "%v", report)
			if len(report) > 0 {
				assert.Contains(t, report[0].Error(), tt.message)
			}
		})
	}
}

// TestEveryCodeIsTested reads the codes from their declarations.
func TestEveryCodeIsTested(t *testing.T) {
	seen := map[Code]bool{}
	for _, tt := range lintCases {
		for _, c := range tt.want {
			seen[c] = true
		}
	}
	for _, file := range []string{"codes.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		n := 0
		ast.Inspect(f, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			assert.Regexp(t, `^[a-z]+(-[a-z]+)*$`, code)
			assert.True(t, seen[Code(code)], "no case of TestLint finds %s", code)
			n++
			return true
		})
		assert.Greater(t, n, 40)
	}
}

func TestReport(t *testing.T) {
	report := Lint(override([]Setting{option("SystemdSpawner.mem_limit", pyvalue.Str("2GB")), option("SystemdSpawner.cpu_limit", pyvalue.Float(0.29))}))
	err := report.Err()
	assert.ErrorIs(t, err, CodeByteSize)
	assert.NotErrorIs(t, err, CodeCPULosesPercent, "a warning is no failure")
	var f Finding
	require.ErrorAs(t, err, &f)
	assert.Equal(t, "SystemdSpawner.mem_limit", f.Option)
	assert.Len(t, report.With(CodeCPULosesPercent), 1)
	assert.NoError(t, Report(nil).Err())
	assert.NoError(t, report.With(CodeCPULosesPercent).Err())
}

// TestLostPercents goes through all limits of whole percents up to 32 CPUs:
// of 144 SystemdSpawner cuts one off, and what the hint says keeps it.
func TestLostPercents(t *testing.T) {
	t.Parallel()
	lost := 0
	for percent := int64(1); percent <= 3200; percent++ {
		report := Lint(override([]Setting{option("SystemdSpawner.cpu_limit", pyvalue.Float(float64(percent)/100))})).With(CodeCPULosesPercent)
		if len(report) == 0 {
			continue
		}
		lost++
		better, err := strconv.ParseFloat(strings.TrimPrefix(report[0].Hint, "write "), 64)
		require.NoError(t, err)
		assert.Equal(t, percent, int64(better*100), report[0])
	}
	assert.Equal(t, 144, lost)
}
