package spawnercfg_test

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

func TestMangleUnitName(t *testing.T) {
	for in, want := range map[string]string{
		"jupyter-alice-singleuser": "jupyter-alice-singleuser.service",
		"jupyter-alice.smith-x":    "jupyter-alice.smith-x.service",
		"a b%c+d'e*f[g]":           `a\x20b\x25c\x2bd\x27e\x2af\x5bg\x5d.service`,
		"ä/张":                      `\xc3\xa4-\xe5\xbc\xa0.service`,
		"foo.service":              "foo.service",
		"a@b.example":              "a@b.example.service",
		`DOMAIN\user`:              `DOMAIN\user.service`,
		"x.slice":                  "",
		"x.scope":                  "",
		"":                         "",
		"@x":                       "",
		"/home/alice":              "",
		strings.Repeat("x", 247):   strings.Repeat("x", 247) + ".service",
		strings.Repeat("x", 248):   "",
	} {
		got, err := MangleUnitName(in)
		assert.Equal(t, want, got, in)
		if want == "" {
			assert.ErrorIs(t, err, ErrUnitName, in)
		} else {
			assert.NoError(t, err, in)
		}
	}
}

// TestMangleAgreesWithSystemd asks systemd-escape, which mangles as
// systemd-run does but for globs, which it keeps.
func TestMangleAgreesWithSystemd(t *testing.T) {
	t.Parallel()
	escape := testenv.Tool(t, "systemd-escape")
	r := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"a", "b", "-", "_", ".", "@", ":", `\`, `\x20`, " ", "%", "ä", "/", "service", ".service", ".slice", ".scope", ".target", "张", "0", "~", "+", "'", strings.Repeat("l", 120)}
	var names []string
	for len(names) < 300 {
		var b strings.Builder
		for range 1 + r.IntN(5) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		// An absolute path is the name of a mount or a device.
		if name := b.String(); name[0] != '/' {
			names = append(names, name)
		}
	}
	// It answers for many in one line, up to the first that it refuses.
	var answers []string
	for len(answers) < len(names) {
		out, err := exec.Command(escape, append([]string{"--mangle", "--"}, names[len(answers):]...)...).Output()
		answers = append(answers, strings.Fields(string(out))...)
		if err != nil {
			answers = append(answers, "")
		}
	}
	require.Len(t, answers, len(names))
	for i, name := range names {
		want := answers[i]
		if !strings.HasSuffix(want, ".service") {
			want = ""
		}
		got, _ := MangleUnitName(name)
		require.Equal(t, want, got, name)
	}
}

func alice(t *testing.T, s SystemdSpawner) Unit {
	t.Helper()
	unit, err := Options{SystemdSpawner: s}.Unit(
		User{Name: "alice", ID: 7, UnixName: "alice", UID: 1001, GID: 1002, Home: "/home/alice/"},
		Hub{LookPath: func(command, _ string) string { return "/opt/hub/bin/" + command }},
	)
	require.NoError(t, err)
	return unit
}

func TestReported(t *testing.T) {
	base := map[string]any{
		"MemoryMax": Infinity, "CPUQuotaPerSecUSec": Infinity, "PrivateTmp": false, "PrivateDevices": false,
		"NoNewPrivileges": true, "DynamicUser": false, "ReadOnlyPaths": []string{}, "ReadWritePaths": []string{},
		"RuntimeDirectory": []string{"jupyter-alice-singleuser"}, "RuntimeDirectoryPreserve": "restart", "OOMPolicy": "continue",
		"User": "1001", "Group": "1002", "WorkingDirectory": "/home/alice", "Slice": "system.slice",
	}
	properties := func(kv ...string) SystemdSpawner {
		var ps []Property
		for i := 0; i < len(kv); i += 2 {
			ps = append(ps, Property{kv[i], MustTemplate(kv[i+1])})
		}
		return SystemdSpawner{UnitExtraProperties: Set(ps)}
	}
	for name, tt := range map[string]struct {
		options SystemdSpawner
		// change is what differs from a unit with no options; nil is left out.
		change map[string]any
	}{
		"nothing":            {SystemdSpawner{}, nil},
		"limits":             {SystemdSpawner{MemLimit: Set(2 * GiB), CPULimit: Set(1.15)}, map[string]any{"MemoryMax": uint64(2 << 30), "CPUQuotaPerSecUSec": uint64(1140000)}},
		"isolation":          {SystemdSpawner{IsolateTmp: Set(true), IsolateDevices: Set(true), DisableUserSudo: Set(false)}, map[string]any{"PrivateTmp": true, "PrivateDevices": true, "NoNewPrivileges": false}},
		"paths":              {SystemdSpawner{ReadonlyPaths: Set(Templates("/", "-/opt//./{USERNAME}/", `"/a b"`, "/")), ReadwritePaths: Set(Templates("+/srv"))}, map[string]any{"ReadOnlyPaths": []string{"/", "-/opt/alice", "/a b"}, "ReadWritePaths": []string{"+/srv"}}},
		"slice":              {SystemdSpawner{Slice: Set("users")}, map[string]any{"Slice": "users.slice"}},
		"instance":           {SystemdSpawner{UnitNameTemplate: Set(MustTemplate("j-x@{USERNAME}"))}, map[string]any{"Slice": `system-j\x2dx.slice`, "RuntimeDirectory": []string{"j-x@alice"}}},
		"dynamic user":       {SystemdSpawner{DynamicUsers: Set(true)}, map[string]any{"DynamicUser": true, "PrivateTmp": true, "User": nil, "Group": nil, "WorkingDirectory": "/var/lib/alice"}},
		"memory of property": {properties("MemoryMax", "1.5G"), map[string]any{"MemoryMax": uint64(3 << 29)}},
		"memory in percent":  {properties("MemoryMax", "50%"), map[string]any{"MemoryMax": nil}},
		"memory without end": {properties("MemoryMax", "infinity"), nil},
		"quota of property":  {properties("CPUQuota", "12.5%"), map[string]any{"CPUQuotaPerSecUSec": uint64(125000)}},
		"paths of property":  {properties("ReadOnlyPaths", "/a /b", "ReadOnlyDirectories", "/c"), map[string]any{"ReadOnlyPaths": []string{"/c", "/a", "/b"}}},
		"paths taken back":   {properties("ReadWritePaths", ""), nil},
		"bool of property":   {properties("PrivateTmp", "on", "NoNewPrivileges", "0"), map[string]any{"PrivateTmp": true, "NoNewPrivileges": false}},
		"user of property":   {properties("User", "nobody"), nil},
		"slice of property":  {properties("Slice", "a.slice"), map[string]any{"Slice": "a.slice"}},
		"policy of property": {properties("OOMPolicy", "stop"), map[string]any{"OOMPolicy": "stop"}},
		"directories":        {properties("RuntimeDirectory", "a b"), map[string]any{"RuntimeDirectory": []string{"a", "b"}}},
		"relative directory": {SystemdSpawner{UserWorkingdir: Set(MustTemplate("work"))}, map[string]any{"WorkingDirectory": nil}},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]any{}
			for k, v := range base {
				want[k] = v
			}
			for k, v := range tt.change {
				if v == nil {
					delete(want, k)
				} else {
					want[k] = v
				}
			}
			got := alice(t, tt.options).Reported()
			if name == "paths of property" {
				assert.ElementsMatch(t, want["ReadOnlyPaths"], got["ReadOnlyPaths"])
				delete(want, "ReadOnlyPaths")
				delete(got, "ReadOnlyPaths")
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestDrift(t *testing.T) {
	unit := alice(t, SystemdSpawner{MemLimit: Set(2 * GiB), CPULimit: Set(1.5), IsolateTmp: Set(true), ReadonlyPaths: Set(Templates("/", "/opt"))})
	assert.Empty(t, Drift(unit, unit.Reported()))

	// As systemctl show prints them.
	printed := map[string]any{
		"MemoryMax": "2147483648", "CPUQuotaPerSecUSec": "1.5s", "PrivateTmp": "yes", "PrivateDevices": "no", "NoNewPrivileges": "yes",
		"DynamicUser": "no", "ReadOnlyPaths": "/opt /", "ReadWritePaths": "", "RuntimeDirectory": "jupyter-alice-singleuser",
		"RuntimeDirectoryPreserve": "restart", "OOMPolicy": "continue", "User": "1001", "Group": "1002", "WorkingDirectory": "/home/alice", "Slice": "system.slice",
	}
	assert.Empty(t, Drift(unit, printed))

	printed["MemoryMax"], printed["CPUQuotaPerSecUSec"], printed["PrivateTmp"] = "infinity", "1min 500ms", "no"
	report := Drift(unit, printed)
	assert.ErrorIs(t, report.Err(), CodeUnitDiffers)
	require.Len(t, report, 3)
	assert.Contains(t, report[1].Error(), `SystemdSpawner.mem_limit: jupyter-alice-singleuser.service: MemoryMax is "infinity", and 2147483648 by the options`)

	// Less than the options say is no danger.
	printed = unit.Reported()
	printed["MemoryMax"] = uint64(1 << 30)
	report = Drift(unit, printed)
	require.Len(t, report, 1)
	assert.Equal(t, Warning, report[0].Severity)
	assert.NoError(t, report.Err())

	report = Drift(unit, nil)
	assert.Len(t, report.With(CodeNotReported), len(unit.Reported()))
	assert.NoError(t, report.Err())
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		options SystemdSpawner
		want    Code
	}{
		{SystemdSpawner{UnitNameTemplate: Set(MustTemplate("{USERNAME}.slice"))}, CodeUnitNameRefused},
		{SystemdSpawner{MemLimit: Set(ByteSize(0))}, CodeMemoryLimitRefused},
		{SystemdSpawner{MemLimit: Set(-GiB)}, CodeMemoryLimitRefused},
		{SystemdSpawner{CPULimit: Set(0.009)}, CodeCPULimitRefused},
		{SystemdSpawner{ReadwritePaths: Set(Templates("a"))}, CodePathRefused},
		{SystemdSpawner{Slice: Set("a.service")}, CodeSliceRefused},
		{SystemdSpawner{UnitExtraProperties: Set([]Property{{"RuntimeDirectory", Literal("a/../b")}})}, CodePathRefused},
	} {
		unit := alice(t, tt.options)
		require.Len(t, unit.Refusals, 1)
		assert.ErrorIs(t, unit.Refusals.Err(), tt.want)
	}
	assert.Empty(t, alice(t, SystemdSpawner{MemLimit: Set(GiB), CPULimit: Set(0.01)}).Refusals)
}

// TestStickyName foretells the unit of a user whose unit had another name.
func TestStickyName(t *testing.T) {
	unit, err := Options{}.Unit(User{Name: "alice", UnixName: "alice", UnitName: "old-alice"}, Hub{LookPath: func(c, _ string) string { return "/" + c }})
	require.NoError(t, err)
	assert.Equal(t, "old-alice.service", unit.Name)
	assert.Equal(t, "/run/old-alice/old-alice.env", unit.EnvironmentFile)
}

// TestUnsureUnit foretells nothing from what is not certain, unless it does
// not matter.
func TestUnsureUnit(t *testing.T) {
	user := User{Name: "alice", UnixName: "alice"}
	hub := Hub{LookPath: func(c, _ string) string { return "/" + c }}
	_, err := Predict([]Setting{{Section: "Spawner", Name: "mem_limit", Unsure: "computed"}}, user, hub)
	assert.ErrorIs(t, err, ErrUnsure)
	_, err = Predict([]Setting{{Section: "Spawner", Name: "http_timeout", Unsure: "computed"}}, user, hub)
	assert.NoError(t, err)
	_, err = Predict([]Setting{{Section: "Spawner", Name: "mem_limit", Unsure: "computed"}, option("SystemdSpawner.mem_limit", pyvalue.Str("1G"))}, user, hub)
	assert.NoError(t, err, "a derived section has the last word")
	_, err = Predict([]Setting{option("SystemdSpawner.user_workingdir", pyvalue.Str("{USERNAME.upper}"))}, user, hub)
	assert.ErrorIs(t, err, ErrNotForetold)
}

func TestDiff(t *testing.T) {
	old := []Setting{
		option("SystemdSpawner.mem_limit", pyvalue.Str("2G")),
		option("SystemdSpawner.cpu_limit", pyvalue.Int(1)),
		option("SystemdSpawner.slice", pyvalue.None()),
		option("My.x", pyvalue.Int(1)),
		{Section: "My", Name: "same", Unsure: "computed"},
		option("JupyterHub.port", pyvalue.Int(1)),
	}
	changes := Diff(old, []Setting{
		option("SystemdSpawner.cpu_limit", pyvalue.Int(9)),
		option("SystemdSpawner.mem_limit", pyvalue.Int(2<<30)),
		option("SystemdSpawner.cpu_limit", pyvalue.Float(1)),
		option("JupyterHub.port", pyvalue.Int(2)),
		option("SystemdSpawner.isolate_tmp", pyvalue.Bool(true)),
		{Section: "My", Name: "x", Unsure: "computed"},
		{Section: "My", Name: "same", Unsure: "computed"},
	})
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	assert.Equal(t, []string{
		"JupyterHub.port: 1 -> 2",
		"SystemdSpawner.isolate_tmp: (unset) -> True",
		"My.x: 1 -> (not certain: computed)",
		"SystemdSpawner.slice: None -> (unset)",
	}, lines)
	assert.Empty(t, Diff(old, old))
}

func TestByteSize(t *testing.T) {
	for in, want := range map[string]ByteSize{
		"1G": GiB, "1.5G": 3 * GiB / 2, "0.5K": 512, "0.0001K": 0, "-1G": -GiB, " 2 G": 2 * GiB, "2 G": 2 * GiB, "+1G": GiB, "1e3M": 1000 * MiB,
		"1_000M": 1000 * MiB, "١G": GiB, "２G": 2 * GiB, ".5T": TiB / 2, "3K": 3 * KiB,
	} {
		got, err := ParseByteSize(in)
		assert.NoError(t, err, in)
		assert.Equal(t, want, got, in)
	}
	for _, in := range []string{"1024", "0", "", "1g", "1GB", "1GiB", "1Gi", "1P", "1B", "G", "None", "0x10K", "50%", "infinity", "infG", "nanG", "1__0G", "_1G", "1_G", "9999999T", "1e400G"} {
		_, err := ParseByteSize(in)
		assert.ErrorIs(t, err, ErrByteSize, in)
	}
	for size, want := range map[ByteSize]string{2 * GiB: "2G", 1536 * MiB: "1536M", 0: "0", 1000: "1000", -TiB: "-1T", 5 * KiB: "5K"} {
		assert.Equal(t, want, size.String())
	}
}

func TestTemplate(t *testing.T) {
	for _, format := range []string{"", "{USERNAME}", "/home/{USERNAME}/{USERID}", "{{x}}"} {
		template, err := ParseTemplate(format)
		assert.NoError(t, err)
		assert.Equal(t, format, template.String())
	}
	for _, format := range []string{"{", "}", "{}", "{0}", "{x}", "{username}", "{USERNAME!r}", "{USERNAME:>9}", "{USERNAME.x}", "{USERNAME[0]}", "{USERNAME", "{{USERNAME}"} {
		_, err := ParseTemplate(format)
		assert.ErrorIs(t, err, ErrTemplate, format)
		assert.Panics(t, func() { MustTemplate(format) })
	}
	_, err := ParseTemplate("{NAME_HASH}", "NAME_HASH")
	assert.NoError(t, err)
	assert.Equal(t, "{{{USERNAME}-{USERID}}}", Join(Literal("{"), Username(), Literal("-"), UserID(), Literal("}")).String())
}
