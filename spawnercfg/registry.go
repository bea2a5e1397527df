package spawnercfg

import (
	"slices"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Trait describes one option as its class declares it.
type Trait struct {
	// Section is the class that declares the option; its subclasses have it
	// too.
	Section string
	// Name is the option's name.
	Name string
	// Type is the type of the trait by traitlets' name: "Unicode", "Int",
	// "List[Unicode]", "Callable | Dict".
	Type string
	// AllowNone says that None is a value of the option.
	AllowNone bool
	// Default is the value where nothing sets the option; it is the zero Value
	// where code computes it.
	Default pyvalue.Value
	// Since is the first version of JupyterHub or SystemdSpawner with the
	// option; it is empty where all versions from JupyterHub 2.3 and
	// SystemdSpawner 1.0 on have it, or their documentation does not say.
	Since string
	// Deprecated says that the option is kept for old files.
	Deprecated bool
}

// Option returns "Section.Name".
func (t Trait) Option() string { return t.Section + "." + t.Name }

// Traits returns every option of JupyterHub 5.5.1 and SystemdSpawner 1.0.2
// that a hub with them may have, by class, base classes first.
func Traits() []Trait { return slices.Clone(hubTraits) }

// bases holds the classes that each class is derived from, base first.
var bases = map[string][]string{
	"Configurable":          {},
	"LoggingConfigurable":   {"Configurable"},
	"SingletonConfigurable": {"Configurable", "LoggingConfigurable"},
	"Application":           {"Configurable", "LoggingConfigurable", "SingletonConfigurable"},
	"JupyterHub":            {"Configurable", "LoggingConfigurable", "SingletonConfigurable", "Application"},
	"Spawner":               {"Configurable", "LoggingConfigurable"},
	"LocalProcessSpawner":   {"Configurable", "LoggingConfigurable", "Spawner"},
	"SimpleLocalProcessSpawner": {
		"Configurable", "LoggingConfigurable", "Spawner", "LocalProcessSpawner",
	},
	"SystemdSpawner":        {"Configurable", "LoggingConfigurable", "Spawner"},
	"Authenticator":         {"Configurable", "LoggingConfigurable"},
	"LocalAuthenticator":    {"Configurable", "LoggingConfigurable", "Authenticator"},
	"PAMAuthenticator":      {"Configurable", "LoggingConfigurable", "Authenticator", "LocalAuthenticator"},
	"DummyAuthenticator":    {"Configurable", "LoggingConfigurable", "Authenticator"},
	"Proxy":                 {"Configurable", "LoggingConfigurable"},
	"ConfigurableHTTPProxy": {"Configurable", "LoggingConfigurable", "Proxy"},
	"Service":               {"Configurable", "LoggingConfigurable"},
}

// Ancestry returns the classes whose sections a class obeys, base first and
// itself last: for "SystemdSpawner" those are Configurable,
// LoggingConfigurable, Spawner and SystemdSpawner. Of two that set one option
// the later has the last word, whatever their order in the file. It is nil
// for a class that is not JupyterHub's or SystemdSpawner's own.
func Ancestry(class string) []string {
	above, ok := bases[class]
	if !ok {
		return nil
	}
	return append(slices.Clip(above), class)
}

// LookupTrait returns the trait that a section has by a name, its own or
// inherited. It reports false where the class is known and has none, and
// where the class is not known.
func LookupTrait(section, name string) (Trait, bool) {
	classes := Ancestry(section)
	for _, t := range hubTraits {
		if t.Name == name && slices.Contains(classes, t.Section) {
			return t, true
		}
	}
	return Trait{}, false
}
