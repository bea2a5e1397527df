package spawnercfg_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// jsonValue is a JSON value as a Python value, keys in order.
func jsonValue(t *testing.T, d *json.Decoder) pyvalue.Value {
	t.Helper()
	tok, err := d.Token()
	require.NoError(t, err)
	switch x := tok.(type) {
	case nil:
		return pyvalue.None()
	case bool:
		return pyvalue.Bool(x)
	case string:
		return pyvalue.Str(x)
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return pyvalue.Int(i)
		}
		f, err := x.Float64()
		require.NoError(t, err)
		return pyvalue.Float(f)
	case json.Delim:
		if x == '[' {
			var list []pyvalue.Value
			for d.More() {
				list = append(list, jsonValue(t, d))
			}
			d.Token()
			return pyvalue.List(list...)
		}
		var items []pyvalue.Item
		for d.More() {
			key := jsonValue(t, d)
			items = append(items, pyvalue.Item{Key: key, Value: jsonValue(t, d)})
		}
		d.Token()
		return pyvalue.Dict(items...)
	}
	t.Fatalf("token %v", tok)
	return pyvalue.Value{}
}

// TestGolden compares with cases that were made by running SystemdSpawner
// 1.0.2 with a recorder in the place of systemd-run.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/spawner_golden.json")
	require.NoError(t, err)
	var cases []struct {
		Title    string                     `json:"title"`
		Username string                     `json:"username"`
		UserID   int64                      `json:"user_id"`
		Config   json.RawMessage            `json:"config"`
		Raises   string                     `json:"raises"`
		UnitName string                     `json:"unit_name"`
		Calls    [][]string                 `json:"calls"`
		EnvFiles map[string]json.RawMessage `json:"env_files"`
	}
	require.NoError(t, json.Unmarshal(data, &cases))
	require.GreaterOrEqual(t, len(cases), 30)
	for _, c := range cases {
		t.Run(c.Title, func(t *testing.T) {
			d := json.NewDecoder(strings.NewReader(string(c.Config)))
			d.UseNumber()
			config, _ := jsonValue(t, d).Items()
			var settings []Setting
			for _, it := range config {
				name, _ := it.Key.Str()
				settings = append(settings, Setting{Section: "SystemdSpawner", Name: name, Value: it.Value})
			}
			user := User{Name: c.Username, ID: c.UserID, UnixName: c.Username, UID: 1001, GID: 1001, Home: "/home/" + c.Username}
			if strings.HasPrefix(c.Username, "nouser") {
				user.UnixName = ""
			}
			unit, err := Predict(settings, user, Hub{
				LookPath: func(command, _ string) string {
					return map[string]string{"jupyterhub-singleuser": "/opt/hub/bin/jupyterhub-singleuser", "sh": "/usr/bin/sh"}[command]
				},
			})
			if c.Raises != "" {
				var raised *pyvalue.Exception
				require.ErrorAs(t, err, &raised)
				assert.Equal(t, c.Raises, raised.Error())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.UnitName, unit.SpawnerName)
			i := slices.IndexFunc(c.Calls, func(call []string) bool { return call[0] == "systemd-run" })
			assert.Equal(t, c.Calls[i], unit.Args)
			for file, recorded := range c.EnvFiles {
				assert.Equal(t, file, unit.EnvironmentFile)
				var text string
				if json.Unmarshal(recorded, &text) == nil {
					// The whole file. The recorder's hub had no server object.
					var names []string
					for line := range strings.Lines(text) {
						name, _, _ := strings.Cut(line, "=")
						names = append(names, name)
					}
					names = append(names, "JUPYTERHUB_SERVICE_PREFIX")
					slices.Sort(names)
					assert.Equal(t, names, unit.Environment)
					continue
				}
				var lines []string
				require.NoError(t, json.Unmarshal(recorded, &lines))
				for _, line := range lines {
					name, _, _ := strings.Cut(line, "=")
					assert.Contains(t, unit.Environment, name)
				}
			}
		})
	}
}
