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
		in     Value
		out    Value // zero: it is not taken
	}{
		{"Spawner.mem_limit", StrValue("1.5G"), IntValue(1610612736)},
		{"Spawner.mem_limit", StrValue("1024"), Value{}},
		{"Spawner.mem_limit", FloatValue(1.9), IntValue(1)},
		{"Spawner.mem_limit", NoneValue(), NoneValue()},
		{"SystemdSpawner.mem_limit", BoolValue(true), IntValue(1)},
		{"SystemdSpawner.cpu_limit", IntValue(2), FloatValue(2)},
		{"SystemdSpawner.cpu_limit", BoolValue(true), FloatValue(1)},
		{"SystemdSpawner.cpu_limit", StrValue("1"), Value{}},
		{"SystemdSpawner.slice", BytesValue([]byte("a")), StrValue("a")},
		{"SystemdSpawner.slice", BytesValue([]byte("\xff")), Value{}},
		{"SystemdSpawner.slice", NoneValue(), NoneValue()},
		{"SystemdSpawner.unit_name_template", NoneValue(), Value{}},
		{"SystemdSpawner.isolate_tmp", IntValue(1), BoolValue(true)},
		{"SystemdSpawner.isolate_tmp", IntValue(2), Value{}},
		{"SystemdSpawner.readonly_paths", StrValue("/a"), Strs("/a")},
		{"SystemdSpawner.readonly_paths", TupleValue(StrValue("/a")), Strs("/a")},
		{"SystemdSpawner.readonly_paths", SetValue(StrValue("/a")), Value{}},
		{"SystemdSpawner.readonly_paths", ListValue(IntValue(1)), ListValue(IntValue(1))},
		{"Spawner.cmd", ListValue(), Value{}},
		{"Spawner.cmd", ListValue(IntValue(1)), Value{}},
		{"Spawner.start_timeout", FloatValue(60), IntValue(60)},
		{"Spawner.start_timeout", FloatValue(60.5), Value{}},
		{"Spawner.poll_jitter", FloatValue(1.5), Value{}},
		{"JupyterHub.base_url", StrValue("hub"), StrValue("/hub/")},
		{"JupyterHub.base_url", StrValue("//hub"), StrValue("//hub/")},
		{"JupyterHub.log_level", StrValue("DEBUG"), StrValue("DEBUG")},
		{"JupyterHub.log_level", IntValue(10), IntValue(10)},
		{"JupyterHub.log_level", StrValue("LOUD"), Value{}},
		{"ConfigurableHTTPProxy.log_level", StrValue("DEBUG"), StrValue("debug")},
		{"Authenticator.admin_users", Strs("a", "a"), SetValue(StrValue("a"))},
		{"Authenticator.admin_users", StrValue("a"), SetValue(StrValue("a"))},
		{"Spawner.server_token_scopes", StrValue("a"), Value{}},
		{"Spawner.server_token_scopes", ListValue(IntValue(1)), Value{}},
		{"JupyterHub.load_groups", DictValue(Item{Key: StrValue("staff"), Value: StrValue("alice")}), Value{}},
		{"LocalProcessSpawner.shell_cmd", ListValue(), ListValue()},
		{"Spawner.options_form", StrValue("x"), StrValue("x")},
		{"Spawner.group_overrides", ListValue(), Value{}},
		{"JupyterHub.trusted_alt_names", ListValue(IntValue(1)), Value{}},
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
	str := StrValue
	values := []Value{
		NoneValue(), BoolValue(true), BoolValue(false), IntValue(0), IntValue(1), IntValue(-3), FloatValue(0), FloatValue(0.5), FloatValue(2), FloatValue(1e22),
		str(""), str("x"), str("1G"), str("-nanG"), str("INFO"), str("/a"), BytesValue([]byte("b")), BytesValue([]byte("\xff")),
		ListValue(), ListValue(IntValue(1)), ListValue(DictValue()), TupleValue(), TupleValue(str("a")), TupleValue(ListValue()), SetValue(), SetValue(str("q")),
		DictValue(), DictValue(Item{Key: str("k"), Value: str("v")}), DictValue(Item{Key: IntValue(1), Value: Strs("z")}), DictValue(Item{Key: str("k"), Value: DictValue(Item{Key: IntValue(1), Value: NoneValue()})}),
	}
	var questions [][3]string
	var expected []string
	for _, trait := range Traits() {
		// These are about classes, which are imported.
		if trait.Type == "EntryPointType" || trait.Type == "List[Instance]" {
			continue
		}
		for _, v := range values {
			if v.Kind() == BoolKind && strings.HasPrefix(trait.Type, "Int") {
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
