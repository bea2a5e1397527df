package spawnercfg_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/hubhost/hubhost/spawnercfg"
)

func TestFileLint(t *testing.T) {
	const good = "c.JupyterHub.spawner_class = 'systemd'\nc.JupyterHub.cleanup_servers = False\nc.SystemdSpawner.mem_limit = '2G'\nc.SystemdSpawner.unit_extra_properties = {'MemorySwapMax': '0'}\n"
	tree := fstest.MapFS{
		"etc/hub/hub.json":     {Data: []byte(`{"SystemdSpawner": {"mem_limit": "4G"}}`)},
		"etc/hub/sub.py":       {Data: []byte("c.SystemdSpawner.cpu_limit = 0.29\n")},
		"etc/hub/plain_sub.py": {Data: []byte("c.SystemdSpawner.cpu_limit = 1\n")},
	}
	for _, tt := range []struct {
		name, path, text string
		want             []Code
		// line is that of the first finding.
		line int
	}{
		{"sound", "/etc/hub/config.py", good, nil, 0},
		{"values", "/etc/hub/config.py", good + "c.SystemdSpawner.cpu_limit = 0.29\n", []Code{CodeCPULosesPercent}, 5},
		{"lower-case section", "/etc/hub/config.py", good + "\nc.systemdspawner = 1\n", []Code{CodeSectionCase}, 6},
		{"get_config imported", "/etc/hub/config.py", "from traitlets.config import get_config\nc = get_config()\n" + good, []Code{CodeGetConfig, CodeUnsure, CodeUnsure, CodeUnsure, CodeUnsure}, 1},
		{"an exception", "/etc/hub/config.py", good + "c.SystemdSpawner.readonly_paths += ['/a']\n", []Code{CodeConfigRaises, CodeUnsure}, 5},
		{"another ending", "/etc/hub/config.conf", good, []Code{CodeConfigNotRead}, 0},
		{"twice", "/etc/hub/config.py", "c.SystemdSpawner.cpu_limit = 2\n" + good + "c.SystemdSpawner.cpu_limit = 1\n", []Code{CodeAssignedTwice}, 1},
		{"JSON beside", "/etc/hub/hub.py", good, []Code{CodeJSONOverrides}, 3},
		{"sub-configuration", "/etc/hub/config.py", good + "load_subconfig('/etc/hub/sub.py')\n", []Code{CodeCPULosesPercent}, 1},
		{"sub-configuration missing", "/etc/hub/config.py", good + "load_subconfig('/etc/hub/nowhere.py')\n", []Code{CodeSubconfigMissing}, 5},
		{"sub-configuration relative", "/etc/hub/config.py", good + "load_subconfig('plain_sub.py')\n", []Code{CodeSubconfigRelative}, 5},
		{"handed on", "/etc/hub/config.py", "def configure(c):\n    c.SystemdSpawner.mem_limit = '2G'\nconfigure(c)\n", []Code{CodeUnsure}, 3},
		{"under another name", "/etc/hub/config.py", "s = c.SystemdSpawner\ns.mem_limit = '2G'\nhub = c.JupyterHub\nhub.spawner_class = 'systemd'\n", []Code{CodeUnsure, CodeUnsure}, 3},
		{"sub-configurations by a pattern", "/etc/hub/config.py", "import glob\nfor f in glob.glob('/etc/hub/*.py'):\n    load_subconfig(f)\n", []Code{CodeSubconfigUnread}, 3},
		{"an object for a class", "/etc/hub/config.py", good + "from x import MySpawner, GitHubOAuthenticator as G\nc.JupyterHub.spawner_class = MySpawner\nc.MySpawner.cpu_limit = 1\nc.MySpawner.own = 1\nc.JupyterHub.authenticator_class = G\nc.GitHubOAuthenticator.scope = []\nc.OAuthenticator.auto_login = True\n",
			[]Code{CodeAssignedTwice, CodeUnsure, CodeSubclass, CodeUnsure}, 1},
		{"a class from elsewhere", "/etc/hub/config.py", good + "c.JupyterHub.authenticator_class = 'native'\nc.NativeAuthenticator.open_signup = True\nc.Nativeauthenticator.x = 1\n", []Code{CodeUnknownSection}, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file, err := Parse([]byte(tt.text), ParseOptions{Path: tt.path, FS: tree, Dir: "/etc/hub"})
			require.NoError(t, err)
			report := file.Lint()
			var codes []Code
			for _, f := range report {
				codes = append(codes, f.Code)
			}
			assert.Equal(t, tt.want, codes, "%v", report)
			if len(report) > 0 {
				assert.Equal(t, tt.line, report[0].Pos.Line, "%v", report)
			}
		})
	}
}

// What Python says of options is placed where they were given last, and the
// rest in the file.
func TestPlace(t *testing.T) {
	f, err := Parse([]byte("c.SystemdSpawner.mem_limit = '1G'\nc.SystemSpawner.x = 1\nc.SystemdSpawner.mem_limit = '4GB'\n"), ParseOptions{Path: "/etc/hub.py"})
	require.NoError(t, err)
	found := Report{
		{Code: CodeBadValue, Option: "SystemdSpawner.mem_limit", Pos: Position{File: "/tmp/copy.py"}},
		{Code: CodeUnknownSection, Option: "SystemSpawner"},
		{Code: CodeConfigRaises, Pos: Position{File: "/tmp/copy.py", Line: 7}},
		{Code: CodeBadValue, Option: "JupyterHub.port"},
	}
	var places []string
	for _, p := range f.Place(found) {
		places = append(places, p.Pos.String())
	}
	assert.Equal(t, []string{"/etc/hub.py:3:1", "/etc/hub.py:2:1", "/etc/hub.py:7", "/etc/hub.py"}, places)
	assert.Equal(t, "/tmp/copy.py", found[0].Pos.File, "the caller's own stays")
}
