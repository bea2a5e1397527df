// Package site is what the programs under examples know of a hub's host: where
// its files are, what its units are called, and which unit is whose.
package site

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
)

// The paths and units of a standard install.
const (
	ConfigFile = "/opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py"
	Python     = "/opt/jupyterhub/bin/python"
	HubUnit    = "jupyterhub.service"
	ProxyUnit  = "nginx.service"
)

// Names says which unit is whose. Fill it in by [Flags].
type Names struct {
	Hub    string // the hub's unit
	Proxy  string // the unit of the web server in front of it
	Config string // the hub's configuration file; empty: it is not here

	// Template is the hub's unit_name_template; empty takes that of the
	// configuration file, or where there is none SystemdSpawner's own.
	Template string
}

// Flags registers the flags that say what the units are called.
func Flags(f *flag.FlagSet) *Names {
	n := new(Names)
	f.StringVar(&n.Hub, "hub-unit", HubUnit, "the hub's `unit`")
	f.StringVar(&n.Proxy, "proxy-unit", ProxyUnit, "the `unit` of the web server in front of the hub")
	f.StringVar(&n.Config, "config", ConfigFile, "the hub's configuration `file`, which names the sessions' units too")
	f.StringVar(&n.Template, "unit-template", "", "the `template` of sessions' units, in place of the configuration's unit_name_template")
	return n
}

// Session returns the unit of a user's session, as systemd names it. The name
// is data: it can become neither a pattern nor another unit.
func (n *Names) Session(user string) (string, error) {
	before, after, err := n.split()
	if err != nil {
		return "", err
	}
	if user == "" {
		return "", fmt.Errorf("a user's name is not empty")
	}
	return units.Mangle(before+user+after, ".service")
}

// Pattern returns the glob of all sessions' units.
func (n *Names) Pattern() (string, error) {
	before, after, err := n.split()
	if err != nil {
		return "", err
	}
	return before + "*" + after + ".service", nil
}

// User returns whose session a unit is, as the hub names the user; ok is
// false if it is no session's.
func (n *Names) User(unit string) (user string, ok bool) {
	before, after, err := n.split()
	if err != nil {
		return "", false
	}
	user, ok = strings.CutSuffix(unit, after+".service")
	if !ok || unit == n.Hub || unit == n.Proxy {
		return "", false
	}
	if user, ok = strings.CutPrefix(user, before); !ok || user == "" {
		return "", false
	}
	return unescape(user), true
}

// escaped is a byte that systemd cannot have in a unit's name.
var escaped = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// unescape undoes what systemd-run does to a name; units.Unescape is for
// names made by systemd-escape, in which a dash stands for a slash.
func unescape(name string) string {
	return escaped.ReplaceAllStringFunc(name, func(s string) string {
		b, _ := hex.DecodeString(s[2:]) // two hexadecimal digits, by the pattern
		return string(b)
	})
}

// split returns the parts of a unit's name around the user's.
func (n *Names) split() (before, after string, err error) {
	if n.Template == "" {
		if n.Template, err = configuredTemplate(n.Config); err != nil {
			return "", "", err
		}
	}
	before, after, ok := strings.Cut(n.Template, "{USERNAME}")
	if !ok || strings.ContainsAny(before+after, "{}*?[") {
		return "", "", fmt.Errorf("unit template %q: only templates with one {USERNAME} and no other field tell which unit is whose", n.Template)
	}
	return before, after, nil
}

// configuredTemplate reads unit_name_template from the hub's configuration.
func configuredTemplate(path string) (string, error) {
	const option = "unit_name_template"
	if path == "" {
		return defaultTemplate(), nil
	}
	file, err := ReadConfig(path)
	if errors.Is(err, fs.ErrNotExist) {
		return defaultTemplate(), nil
	}
	if err != nil {
		return "", fmt.Errorf("%w; say --unit-template", err)
	}
	reading := file.Resolve(spawnercfg.Ancestry("SystemdSpawner"), option)
	switch template, isText := reading.Value.Str(); {
	case reading.Certainty == spawnercfg.NotSet:
		return defaultTemplate(), nil
	case reading.Certainty == spawnercfg.Certain && isText:
		return template, nil
	}
	return "", fmt.Errorf("%s: the value of %s is not certain; say --unit-template", path, option)
}

func defaultTemplate() string {
	trait, _ := spawnercfg.LookupTrait("SystemdSpawner", "unit_name_template")
	template, _ := trait.Default.Str()
	return template
}

// Sessions says what some sessions do: "1 session ends", "2 sessions end".
func Sessions(n int, one, more string) string {
	if n == 1 {
		return "1 session " + one
	}
	return fmt.Sprintf("%d sessions %s", n, more)
}
