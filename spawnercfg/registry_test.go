package spawnercfg_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// declared is what testdata/traits.py prints.
type declared struct {
	JupyterHub string `json:"jupyterhub"`
	Spawner    string `json:"jupyterhub-systemdspawner"`
	Traits     []struct {
		Section   string  `json:"section"`
		Name      string  `json:"name"`
		Type      string  `json:"type"`
		AllowNone bool    `json:"allow_none"`
		Default   *string `json:"default"`
		Since     string  `json:"since"`
		Deprec    bool    `json:"deprecated"`
	} `json:"traits"`
}

func checkTraits(t *testing.T, data []byte) {
	var d declared
	require.NoError(t, json.Unmarshal(data, &d))
	assert.Equal(t, "5.5.1", d.JupyterHub)
	assert.Equal(t, "1.0.2", d.Spawner)
	traits := Traits()
	require.Len(t, traits, len(d.Traits))
	for i, want := range d.Traits {
		got := traits[i]
		assert.Equal(t, want.Section+"."+want.Name, got.Option())
		assert.Equal(t, want.Type, got.Type, got.Option())
		assert.Equal(t, want.AllowNone, got.AllowNone, got.Option())
		assert.Equal(t, want.Deprec, got.Deprecated, got.Option())
		if want.Since != "" {
			assert.Equal(t, want.Since, got.Since, got.Option())
		}
		switch {
		case got.Name == "data_files_path" || got.Name == "default_shell":
			// They are as the machine is.
			assert.True(t, got.Default.IsZero())
		case want.Default == nil:
			assert.True(t, got.Default.IsZero(), got.Option())
		default:
			assert.Equal(t, *want.Default, got.Default.String(), got.Option())
		}
	}
}

// TestTraits compares the table with what JupyterHub 5.5.1 and SystemdSpawner
// 1.0.2 declare.
func TestTraits(t *testing.T) {
	data, err := os.ReadFile("testdata/traits.json")
	require.NoError(t, err)
	checkTraits(t, data)
}

// TestTraitsOfTheHub asks an installed hub of those versions.
func TestTraitsOfTheHub(t *testing.T) {
	cmd := exec.Command(hubPython(t), "testdata/traits.py")
	cmd.Stderr = os.Stderr
	data, err := cmd.Output()
	require.NoError(t, err)
	var d declared
	require.NoError(t, json.Unmarshal(data, &d))
	if d.JupyterHub != "5.5.1" || d.Spawner != "1.0.2" {
		testenv.Lack(t, "the hub is JupyterHub "+d.JupyterHub+" with SystemdSpawner "+d.Spawner+": pip install jupyterhub==5.5.1 jupyterhub-systemdspawner==1.0.2")
	}
	checkTraits(t, data)
}

// TestEveryOptionHasItsTrait walks over the fields of Options.
func TestEveryOptionHasItsTrait(t *testing.T) {
	options := reflect.TypeFor[Options]()
	for i := range options.NumField() {
		section := options.Field(i)
		if section.Name == "Other" {
			continue
		}
		names := map[string]bool{}
		for j := range section.Type.NumField() {
			name := section.Type.Field(j).Tag.Get("trait")
			trait, ok := LookupTrait(section.Name, name)
			assert.True(t, ok, "%s.%s has no trait %q", section.Name, section.Type.Field(j).Name, name)
			assert.False(t, names[name], "%s twice", name)
			names[name] = true
			assert.True(t, !trait.Deprecated || name == "oauth_roles" || name == "admin_access", trait.Option())
		}
		if section.Name == "SystemdSpawner" {
			own := 0
			for _, trait := range Traits() {
				if trait.Section == "Spawner" || trait.Section == "SystemdSpawner" {
					assert.True(t, names[trait.Name], "SystemdSpawner has no field for %s", trait.Option())
				}
				if trait.Section == "SystemdSpawner" {
					own++
				}
			}
			assert.Equal(t, 13, own)
			assert.Len(t, names, 46)
		}
	}
}

// TestValidate goes through what JupyterHub makes of values.
func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		option string
		in     pyvalue.Value
		out    pyvalue.Value // zero: it is not taken
	}{
		{"Spawner.mem_limit", pyvalue.Str("1.5G"), pyvalue.Int(1610612736)},
		{"Spawner.mem_limit", pyvalue.Str("1024"), pyvalue.Value{}},
		{"Spawner.mem_limit", pyvalue.Float(1.9), pyvalue.Int(1)},
		{"Spawner.mem_limit", pyvalue.None(), pyvalue.None()},
		{"SystemdSpawner.mem_limit", pyvalue.Bool(true), pyvalue.Int(1)},
		{"SystemdSpawner.cpu_limit", pyvalue.Int(2), pyvalue.Float(2)},
		{"SystemdSpawner.cpu_limit", pyvalue.Bool(true), pyvalue.Float(1)},
		{"SystemdSpawner.cpu_limit", pyvalue.Str("1"), pyvalue.Value{}},
		{"SystemdSpawner.slice", pyvalue.Bytes([]byte("a")), pyvalue.Str("a")},
		{"SystemdSpawner.slice", pyvalue.Bytes([]byte("\xff")), pyvalue.Value{}},
		{"SystemdSpawner.slice", pyvalue.None(), pyvalue.None()},
		{"SystemdSpawner.unit_name_template", pyvalue.None(), pyvalue.Value{}},
		{"SystemdSpawner.isolate_tmp", pyvalue.Int(1), pyvalue.Bool(true)},
		{"SystemdSpawner.isolate_tmp", pyvalue.Int(2), pyvalue.Value{}},
		{"SystemdSpawner.readonly_paths", pyvalue.Str("/a"), pyvalue.Strs("/a")},
		{"SystemdSpawner.readonly_paths", pyvalue.Tuple(pyvalue.Str("/a")), pyvalue.Strs("/a")},
		{"SystemdSpawner.readonly_paths", pyvalue.Set(pyvalue.Str("/a")), pyvalue.Value{}},
		{"SystemdSpawner.readonly_paths", pyvalue.List(pyvalue.Int(1)), pyvalue.List(pyvalue.Int(1))},
		{"Spawner.cmd", pyvalue.List(), pyvalue.Value{}},
		{"Spawner.cmd", pyvalue.List(pyvalue.Int(1)), pyvalue.Value{}},
		{"Spawner.start_timeout", pyvalue.Float(60), pyvalue.Int(60)},
		{"Spawner.start_timeout", pyvalue.Float(60.5), pyvalue.Value{}},
		{"Spawner.poll_jitter", pyvalue.Float(1.5), pyvalue.Value{}},
		{"JupyterHub.base_url", pyvalue.Str("hub"), pyvalue.Str("/hub/")},
		{"JupyterHub.base_url", pyvalue.Str("//hub"), pyvalue.Str("//hub/")},
		{"JupyterHub.log_level", pyvalue.Str("DEBUG"), pyvalue.Str("DEBUG")},
		{"JupyterHub.log_level", pyvalue.Int(10), pyvalue.Int(10)},
		{"JupyterHub.log_level", pyvalue.Str("LOUD"), pyvalue.Value{}},
		{"ConfigurableHTTPProxy.log_level", pyvalue.Str("DEBUG"), pyvalue.Str("debug")},
		{"Authenticator.admin_users", pyvalue.Strs("a", "a"), pyvalue.Set(pyvalue.Str("a"))},
		{"Authenticator.admin_users", pyvalue.Str("a"), pyvalue.Set(pyvalue.Str("a"))},
		{"Spawner.server_token_scopes", pyvalue.Str("a"), pyvalue.Value{}},
		{"Spawner.server_token_scopes", pyvalue.List(pyvalue.Int(1)), pyvalue.Value{}},
		{"JupyterHub.load_groups", pyvalue.Dict(pyvalue.Item{Key: pyvalue.Str("staff"), Value: pyvalue.Str("alice")}), pyvalue.Value{}},
		{"LocalProcessSpawner.shell_cmd", pyvalue.List(), pyvalue.List()},
		{"Spawner.options_form", pyvalue.Str("x"), pyvalue.Str("x")},
		{"Spawner.group_overrides", pyvalue.List(), pyvalue.Value{}},
		{"JupyterHub.trusted_alt_names", pyvalue.List(pyvalue.Int(1)), pyvalue.Value{}},
	} {
		section, name, _ := strings.Cut(tt.option, ".")
		trait, ok := LookupTrait(section, name)
		require.True(t, ok, tt.option)
		out, raised := trait.Validate(tt.in)
		if tt.out.IsZero() {
			assert.NotNil(t, raised, "%s = %s", tt.option, tt.in)
			continue
		}
		require.Nil(t, raised, "%s = %s", tt.option, tt.in)
		assert.True(t, out.Identical(tt.out), "%s = %s: %s, not %s", tt.option, tt.in, out, tt.out)
	}
}

// TestValidateAgreesWithTheHub sets every option to values of every type.
func TestValidateAgreesWithTheHub(t *testing.T) {
	t.Parallel()
	w := pychildtest.Start(t, hubPython(t), "testdata/validate.py")
	str := pyvalue.Str
	values := []pyvalue.Value{
		pyvalue.None(), pyvalue.Bool(true), pyvalue.Bool(false), pyvalue.Int(0), pyvalue.Int(1), pyvalue.Int(-3), pyvalue.Float(0), pyvalue.Float(0.5), pyvalue.Float(2), pyvalue.Float(1e22),
		str(""), str("x"), str("1G"), str("-nanG"), str("INFO"), str("/a"), pyvalue.Bytes([]byte("b")), pyvalue.Bytes([]byte("\xff")),
		pyvalue.List(), pyvalue.List(pyvalue.Int(1)), pyvalue.List(pyvalue.Dict()), pyvalue.Tuple(), pyvalue.Tuple(str("a")), pyvalue.Tuple(pyvalue.List()), pyvalue.Set(), pyvalue.Set(str("q")),
		pyvalue.Dict(), pyvalue.Dict(pyvalue.Item{Key: str("k"), Value: str("v")}), pyvalue.Dict(pyvalue.Item{Key: pyvalue.Int(1), Value: pyvalue.Strs("z")}), pyvalue.Dict(pyvalue.Item{Key: str("k"), Value: pyvalue.Dict(pyvalue.Item{Key: pyvalue.Int(1), Value: pyvalue.None()})}),
	}
	var questions [][3]string
	var expected []string
	for _, trait := range Traits() {
		// These are about classes, which are imported.
		if trait.Type == "EntryPointType" || trait.Type == "List[Instance]" {
			continue
		}
		for _, v := range values {
			if v.Kind() == pyvalue.BoolKind && strings.HasPrefix(trait.Type, "Int") {
				continue // it stays True, which is 1
			}
			answer, raised := trait.Validate(v)
			questions = append(questions, [3]string{trait.Section, trait.Name, v.String()})
			expected = append(expected, answer.String())
			if raised != nil {
				expected[len(expected)-1] = raised.Error()
			}
		}
	}
	pychildtest.Send(w, questions)
	for i, q := range questions {
		var answer string
		w.Answer(t, &answer)
		require.Equal(t, answer, expected[i], "%s.%s = %s", q[0], q[1], q[2])
	}
}
