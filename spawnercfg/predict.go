package spawnercfg

import (
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"

	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// User is what the hub and the machine know of a user.
type User struct {
	// Name is the name that the hub has for the user.
	Name string
	// ID is the number that the hub's database has for the user; it is not the
	// uid.
	ID int64
	// UnixName is the Unix account, and UID, GID and Home are what the
	// machine's user database has for it. An empty UnixName is a user without
	// one.
	UnixName string
	UID, GID uint32
	Home     string
	// Groups are the groups that the hub has the user in.
	Groups []string
	// UnitName is the unit's name as the hub's database keeps it
	// (servers[].state.unit_name of its API). The hub goes by that even after
	// UnitNameTemplate has changed. Empty: the template's.
	UnitName string
}

// Hub is what a prediction needs to know of the hub's process. The zero Hub
// has an empty environment.
type Hub struct {
	// Environment is that of the hub's process: PATH, SHELL and what EnvKeep
	// lets through are looked up in it.
	Environment map[string]string
	// LookPath finds a command on a path like PATH, as Python's shutil.which
	// does; it returns "" if it is not there. Nil looks at the files of this
	// machine.
	LookPath func(command, path string) string
	// RunRoot is where runtime directories are. Empty: /run.
	RunRoot string
}

// UnitProperty is one property that systemd-run sets, by systemd's name and
// with the text of its value.
type UnitProperty struct {
	Name, Value string
}

// Unit is the transient unit that SystemdSpawner starts for a user.
type Unit struct {
	// Name is the unit's name in systemd: "jupyter-alice-singleuser.service".
	// It is empty if systemd refuses the name: see Refusals.
	Name string
	// SpawnerName is the name as SystemdSpawner has it, before systemd's
	// mangling and without suffix.
	SpawnerName string
	// Args are the arguments of systemd-run, itself first.
	Args []string
	// Properties are the properties among them, in order.
	Properties []UnitProperty
	// Command is the server's command and arguments among them.
	Command []string
	// WorkingDirectory and Slice are as given to systemd-run; Slice is empty
	// where that is left to systemd.
	WorkingDirectory, Slice string
	// UID and GID are as given to systemd-run, and not given for a dynamic
	// user.
	UID, GID uint32
	// DynamicUser is a user whose account systemd makes up for as long as the
	// unit runs.
	DynamicUser bool
	// EnvironmentFile is the file with the server's environment. It holds the
	// user's token.
	EnvironmentFile string
	// Environment are the names of the variables in it, sorted. Their values
	// are secrets or tell nothing new.
	Environment []string
	// Refusals are the reasons for which systemd will refuse the unit. The hub
	// does not notice: the user waits for StartTimeout.
	Refusals Report
}

// Unit foretells the unit that a user gets: see [Predict].
func (o Options) Unit(user User, hub Hub) (Unit, error) {
	settings, err := o.Settings()
	if err != nil {
		return Unit{}, err
	}
	return Predict(settings, user, hub)
}

// Predict foretells the unit that SystemdSpawner 1.0.2 under JupyterHub 5.5
// starts for a user with these settings; options that they leave out have
// their defaults. It takes for granted that spawner_class is SystemdSpawner
// or a class derived from it that changes nothing, and that no hook does.
//
// If SystemdSpawner would raise an exception instead, the error is a
// [pyvalue.Exception]; if a setting that counts is not certain, an [OptionError]
// that wraps [ErrUnsure]; and [ErrNotForetold] is a template too clever.
func Predict(settings []Setting, user User, hub Hub) (Unit, error) {
	s, err := newSpawner(settings, user, hub)
	if err != nil {
		return Unit{}, err
	}
	return s.start()
}

// spawner is the state of a SystemdSpawner object.
type spawner struct {
	traits map[string]pyvalue.Value
	user   User
	hub    Hub
	// fields are those of SystemdSpawner's templates.
	fields templateFields
	// variables are those that options of the hub itself add.
	variables []string
}

// spawnerSections returns the sections that the configured spawner obeys,
// base first. A class that is not known here is taken for one derived from
// SystemdSpawner; where the class is given as an object, it is the one whose
// section the settings have.
func spawnerSections(settings []Setting) []string {
	sections := Ancestry("SystemdSpawner")
	for _, s := range settings {
		if s.Section != "JupyterHub" || s.Name != "spawner_class" {
			continue
		}
		sections = Ancestry("SystemdSpawner")
		if s.Value.IsZero() {
			for _, o := range settings {
				if foreignClass(o.Section, "Spawner") && !slices.Contains(sections, o.Section) {
					sections = append(sections, o.Section)
				}
			}
			continue
		}
		name, _ := s.Value.Str()
		class := name[strings.LastIndexByte(name, '.')+1:]
		if strings.Contains(name, ".") && Ancestry(class) == nil {
			sections = append(sections, class)
		}
	}
	return sections
}

// foreignClass reports whether a section may be that of a class of some kind
// ("Spawner") that this package does not know: it is called like one, and no
// known one with its case mistaken.
func foreignClass(section, kind string) bool {
	return strings.HasSuffix(section, kind) && !slices.ContainsFunc(hubTraits, func(t Trait) bool { return strings.EqualFold(t.Section, section) })
}

// newSpawner does what SystemdSpawner's construction does: it validates what
// is configured.
func newSpawner(settings []Setting, user User, hub Hub) (*spawner, error) {
	s := &spawner{traits: map[string]pyvalue.Value{}, user: user, hub: hub, fields: templateFields{
		"USERNAME": pyvalue.Str(user.Name), "USERID": pyvalue.Int(user.ID),
	}}
	known := map[string]Trait{}
	for _, t := range hubTraits {
		if t.Section == "Spawner" || t.Section == "SystemdSpawner" {
			known[t.Name] = t
			s.traits[t.Name] = t.Default
		}
	}
	s.traits["default_shell"] = pyvalue.Str(cmp.Or(hub.Environment["SHELL"], "/bin/bash"))
	s.variables = hubOptionVariables(settings)
	var order []string
	last := map[string]Setting{}
	for _, section := range spawnerSections(settings) {
		for _, set := range settings {
			if _, ok := known[set.Name]; !ok || set.Section != section {
				continue
			}
			if _, ok := last[set.Name]; !ok {
				order = append(order, set.Name)
			}
			last[set.Name] = set
		}
	}
	for _, name := range order {
		if err := s.set(known[name], last[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"notebook_dir", "default_url"} {
		if text, ok := s.traits[name].Str(); ok {
			s.traits[name] = pyvalue.Str(strings.ReplaceAll(text, "%U", "{username}"))
		}
	}
	return s, nil
}

func (s *spawner) set(t Trait, set Setting) error {
	if set.Value.IsZero() {
		if !slices.Contains(unitTraits, t.Name) {
			return nil
		}
		return &OptionError{set.Option(), set.Pos, unsure(set)}
	}
	// The message names the class of the object.
	t.Section = "SystemdSpawner"
	v, raised := t.Validate(set.Value)
	if raised != nil {
		return raised
	}
	s.traits[t.Name] = v
	return nil
}

// unitTraits are the options that the unit depends on.
var unitTraits = []string{
	"user_workingdir", "username_template", "default_shell", "extra_paths", "unit_name_template", "isolate_tmp",
	"isolate_devices", "disable_user_sudo", "readonly_paths", "readwrite_paths", "unit_extra_properties",
	"dynamic_users", "slice", "mem_limit", "cpu_limit", "mem_guarantee", "cpu_guarantee", "cmd", "args",
	"environment", "env_keep", "notebook_dir", "default_url", "debug", "disable_user_config", "group_overrides",
}

// overrideByGroups does what Spawner.apply_group_overrides does.
func (s *spawner) overrideByGroups() error {
	overrides, _ := s.traits["group_overrides"].Items()
	slices.SortStableFunc(overrides, func(a, b pyvalue.Item) int { return strings.Compare(a.Key.Text(), b.Key.Text()) })
	for _, o := range overrides {
		groups := o.Value.Lookup("groups")
		if groups.IsZero() {
			return pyvalue.Raise("KeyError", "'groups'")
		}
		names, _ := groups.Elems()
		if !slices.ContainsFunc(names, func(g pyvalue.Value) bool {
			name, ok := g.Str()
			return ok && slices.Contains(s.user.Groups, name)
		}) {
			continue
		}
		override := o.Value.Lookup("spawner_override")
		if override.IsZero() {
			return pyvalue.Raise("KeyError", "'spawner_override'")
		}
		items, _ := override.Items()
		for _, it := range items {
			name, _ := it.Key.Str()
			t, ok := LookupTrait("SystemdSpawner", name)
			if !ok {
				continue
			}
			if it.Value.Kind() == pyvalue.DictKind && s.traits[name].Kind() == pyvalue.DictKind {
				s.traits[name] = recursiveUpdate(s.traits[name], it.Value)
				continue
			}
			if err := s.set(t, Setting{Section: "SystemdSpawner", Name: name, Value: it.Value}); err != nil {
				return err
			}
		}
	}
	return nil
}

// recursiveUpdate is JupyterHub's: dicts are merged, and None takes a key
// away.
func recursiveUpdate(target, update pyvalue.Value) pyvalue.Value {
	items, _ := target.Items()
	news, _ := update.Items()
	for _, n := range news {
		i := slices.IndexFunc(items, func(it pyvalue.Item) bool { return it.Key.Equal(n.Key) })
		switch {
		case n.Value.Kind() == pyvalue.DictKind:
			old := pyvalue.Dict()
			if i >= 0 {
				old = items[i].Value
			}
			merged := recursiveUpdate(old, n.Value)
			if i >= 0 {
				items[i].Value = merged
			} else {
				items = append(items, pyvalue.Item{Key: n.Key, Value: merged})
			}
		case n.Value.IsNone():
			if i >= 0 {
				items = slices.Delete(items, i, i+1)
			}
		case i >= 0:
			items[i].Value = n.Value
		default:
			items = append(items, n)
		}
	}
	return pyvalue.Dict(items...)
}

// true reports what Python's bool() says of an option.
func (s *spawner) true(name string) bool { return s.traits[name].Truth() }

// expand fills in one value of an option.
func (s *spawner) expand(v pyvalue.Value) (string, error) {
	format, ok := v.Str()
	if !ok {
		return "", pyvalue.Raise("AttributeError", "'%s' object has no attribute 'format'", v.Kind().TypeName())
	}
	return s.fields.expand(format)
}

func (s *spawner) expandAll(name string) ([]string, error) {
	v := s.traits[name]
	elems, ok := v.Elems()
	if !ok {
		return nil, pyvalue.Raise("TypeError", "'NoneType' object is not iterable")
	}
	out := make([]string, len(elems))
	for i, e := range elems {
		var err error
		if out[i], err = s.expand(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// property is a property of the unit before it is written: several values
// are as many arguments.
type property struct {
	name   string
	values []string
}

type properties []property

func (p *properties) set(name string, values ...string) {
	if i := slices.IndexFunc(*p, func(q property) bool { return q.name == name }); i >= 0 {
		(*p)[i].values = values
		return
	}
	*p = append(*p, property{name, values})
}

func (p *properties) setDefault(name, value string) {
	if p.get(name) == nil {
		p.set(name, value)
	}
}

func (p properties) get(name string) []string {
	if i := slices.IndexFunc(p, func(q property) bool { return q.name == name }); i >= 0 {
		return p[i].values
	}
	return nil
}

// start does what SystemdSpawner.start does, in its order, so that of several
// mistakes the same one is met first.
func (s *spawner) start() (Unit, error) {
	name, err := s.expand(s.traits["unit_name_template"])
	if err != nil {
		return Unit{}, err
	}
	u := Unit{SpawnerName: cmp.Or(s.user.UnitName, name), DynamicUser: s.true("dynamic_users")}
	if err := s.overrideByGroups(); err != nil {
		return Unit{}, err
	}
	u.DynamicUser = s.true("dynamic_users")
	if strings.ContainsRune(u.SpawnerName, 0) {
		return Unit{}, pyvalue.Raise("ValueError", "embedded null byte")
	}
	env, err := s.environment()
	if err != nil {
		return Unit{}, err
	}
	var props properties
	if u.DynamicUser {
		props.set("DynamicUser", "yes")
		props.set("StateDirectory", s.user.Name)
		u.WorkingDirectory = "/var/lib/" + s.user.Name
		env.set("HOME", pyvalue.Str(u.WorkingDirectory))
	} else if err := s.account(&u); err != nil {
		return Unit{}, err
	}
	if err := s.properties(&props, env); err != nil {
		return Unit{}, err
	}
	if u.Command, err = s.expandAll("cmd"); err != nil {
		return Unit{}, err
	}
	args, err := s.expandAll("args")
	if err != nil {
		return Unit{}, err
	}
	u.Slice, _ = s.traits["slice"].Str()
	if err := s.run(&u, props, env, args); err != nil {
		return Unit{}, err
	}
	u.refuse()
	return u, nil
}

// account looks up the Unix account.
func (s *spawner) account(u *Unit) error {
	name, err := s.expand(s.traits["username_template"])
	var raised *pyvalue.Exception
	if errors.As(err, &raised) && raised.Type == "KeyError" {
		// SystemdSpawner takes it for a missing account and stumbles over the
		// name that it wants to log.
		return pyvalue.Raise("UnboundLocalError", "cannot access local variable 'unix_username' where it is not associated with a value")
	}
	if err != nil {
		return err
	}
	if s.user.UnixName == "" || name != s.user.UnixName {
		// The exception of pwd.getpwnam; its text beside the name depends on
		// the version of Python.
		return pyvalue.Raise("KeyError", "%s", pyvalue.Str(name).String())
	}
	u.UID, u.GID, u.WorkingDirectory = s.user.UID, s.user.GID, s.user.Home
	if dir := s.traits["user_workingdir"]; !dir.IsNone() {
		u.WorkingDirectory, err = s.expand(dir)
	}
	return err
}

// properties collects what the options say of the unit, and puts PATH and
// SHELL into its environment.
func (s *spawner) properties(props *properties, env *environment) error {
	if s.true("isolate_tmp") {
		props.set("PrivateTmp", "yes")
	}
	if s.true("isolate_devices") {
		props.set("PrivateDevices", "yes")
	}
	if s.true("extra_paths") {
		paths, err := s.expandAll("extra_paths")
		if err != nil {
			return err
		}
		path := env.get("PATH")
		if path.IsZero() {
			path = pyvalue.Str(defaultPath)
		}
		if path.Truth() {
			text, ok := path.Str()
			if !ok {
				return pyvalue.Raise("TypeError", "sequence item %d: expected str instance, %s found", len(paths), path.Kind().TypeName())
			}
			paths = append(paths, text)
		}
		env.set("PATH", pyvalue.Str(strings.Join(paths, ":")))
	}
	env.set("SHELL", s.traits["default_shell"])
	if limit := s.traits["mem_limit"]; !limit.IsNone() {
		props.set("MemoryAccounting", "yes")
		props.set("MemoryMax", limit.String())
	}
	if limit, ok := s.traits["cpu_limit"].Float64(); ok {
		percent, raised := pyvalue.Truncate(limit * 100)
		if raised != nil {
			return raised
		}
		props.set("CPUAccounting", "yes")
		props.set("CPUQuota", percent.String()+"%")
	}
	if s.true("disable_user_sudo") {
		props.set("NoNewPrivileges", "yes")
	}
	for _, p := range []struct{ option, name string }{{"readonly_paths", "ReadOnlyDirectories"}, {"readwrite_paths", "ReadWriteDirectories"}} {
		if s.traits[p.option].IsNone() {
			continue
		}
		paths, err := s.expandAll(p.option)
		if err != nil {
			return err
		}
		props.set(p.name, paths...)
	}
	extra, _ := s.traits["unit_extra_properties"].Items()
	expanded := make([]string, len(extra))
	for i, it := range extra {
		var err error
		if expanded[i], err = s.expand(it.Value); err != nil {
			return err
		}
	}
	for i, it := range extra {
		props.set(it.Key.Text(), expanded[i])
	}
	return nil
}

// defaultPath is Python's os.defpath.
const defaultPath = "/bin:/usr/bin"

// run does what start_transient_service does.
func (s *spawner) run(u *Unit, props properties, env *environment, args []string) error {
	u.Args = []string{"systemd-run", "--unit", u.SpawnerName, "--working-directory", u.WorkingDirectory}
	if !u.DynamicUser {
		u.Args = append(u.Args, fmt.Sprintf("--uid=%d", u.UID), fmt.Sprintf("--gid=%d", u.GID))
	}
	if u.Slice != "" {
		u.Args = append(u.Args, "--slice="+u.Slice)
	}
	props.setDefault("RuntimeDirectory", u.SpawnerName)
	props.setDefault("RuntimeDirectoryMode", "700")
	props.setDefault("RuntimeDirectoryPreserve", "restart")
	props.setDefault("OOMPolicy", "continue")

	runtime := strings.FieldsFunc(props.get("RuntimeDirectory")[0], pyvalue.IsSpace)
	if len(runtime) == 0 {
		return pyvalue.Raise("IndexError", "list index out of range")
	}
	dir := join(cmp.Or(s.hub.RunRoot, "/run"), runtime[0])
	u.EnvironmentFile = join(dir, u.SpawnerName+".env")
	if err := fileNameError(dir, false); err != nil {
		return err
	}
	if err := env.check(); err != nil {
		return err
	}
	if err := fileNameError(u.EnvironmentFile, !strings.HasPrefix(dir+"/", u.EnvironmentFile[:strings.LastIndexByte(u.EnvironmentFile, '/')+1])); err != nil {
		return err
	}
	u.Environment = env.names()
	// It is there even if the options have one of the same name.
	props = append(props, property{"EnvironmentFile", []string{u.EnvironmentFile}})
	for _, p := range props {
		for _, v := range p.values {
			u.Properties = append(u.Properties, UnitProperty{p.name, v})
			u.Args = append(u.Args, "--property="+p.name+"="+v)
		}
	}
	if !strings.HasPrefix(u.Command[0], "/") {
		path := env.get("PATH")
		text := path.Text()
		if path.IsZero() {
			var ok bool
			if text, ok = s.hub.Environment["PATH"]; !ok {
				text = defaultPath
			}
		}
		lookPath := s.hub.LookPath
		if lookPath == nil {
			lookPath = which
		}
		found := lookPath(u.Command[0], text)
		if found == "" {
			return pyvalue.Raise("FileNotFoundError", "%s", u.Command[0]+" not found on "+text)
		}
		u.Command[0] = found
	}
	u.Command = append(u.Command, args...)
	u.Args = append(u.Args, u.Command...)
	return nil
}

// join is Python's os.path.join of two.
func join(dir, name string) string {
	switch {
	case strings.HasPrefix(name, "/"):
		return name
	case strings.HasSuffix(dir, "/"):
		return dir + name
	}
	return dir + "/" + name
}

// fileNameError is the error of making a file: a name over 255 bytes, or a
// folder that is not there.
func fileNameError(path string, missing bool) error {
	for _, part := range strings.Split(path, "/") {
		if len(part) > 255 {
			return pyvalue.Raise("OSError", "[Errno 36] File name too long: %s", pyvalue.Str(path))
		}
	}
	if missing {
		return pyvalue.Raise("FileNotFoundError", "[Errno 2] No such file or directory: %s", pyvalue.Str(path))
	}
	return nil
}

// which is shutil.which on this machine.
func which(command, path string) string {
	executable := func(file string) bool {
		info, err := os.Stat(file)
		return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
	}
	if strings.Contains(command, "/") {
		if executable(command) {
			return command
		}
		return ""
	}
	for _, dir := range filepath.SplitList(path) {
		if file := join(dir, command); executable(file) {
			return file
		}
	}
	return ""
}

// environment is the variables of the server; values that are secrets or that
// only a running hub knows are empty texts.
type environment struct {
	items []pyvalue.Item
}

func (e *environment) set(name string, v pyvalue.Value) {
	e.items, _ = pyvalue.Dict(append(e.items, pyvalue.Item{Key: pyvalue.Str(name), Value: v})...).Items()
}

func (e *environment) get(name string) pyvalue.Value { return pyvalue.Dict(e.items...).Lookup(name) }

func (e *environment) names() []string {
	names := make([]string, len(e.items))
	for i, it := range e.items {
		names[i], _ = it.Key.Str()
	}
	slices.Sort(names)
	return names
}

// hubVariables are the variables that JupyterHub 5.5 always sets.
var hubVariables = []string{
	"JPY_API_TOKEN", "JUPYTERHUB_ACTIVITY_URL", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "JUPYTERHUB_BASE_URL",
	"JUPYTERHUB_CLIENT_ID", "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED", "JUPYTERHUB_HOST", "JUPYTERHUB_OAUTH_ACCESS_SCOPES",
	"JUPYTERHUB_OAUTH_CALLBACK_URL", "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES", "JUPYTERHUB_OAUTH_SCOPES",
	"JUPYTERHUB_PUBLIC_HUB_URL", "JUPYTERHUB_PUBLIC_URL", "JUPYTERHUB_SERVER_NAME", "JUPYTERHUB_SERVICE_PREFIX",
	"JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_USER",
}

// hubOptionVariables returns the variables that options of JupyterHub add.
func hubOptionVariables(settings []Setting) (names []string) {
	value := map[string]pyvalue.Value{}
	for _, s := range settings {
		if s.Section == "JupyterHub" {
			value[s.Name] = s.Value
		}
	}
	if value["internal_ssl"].Truth() {
		names = append(names, "JUPYTERHUB_SSL_CERTFILE", "JUPYTERHUB_SSL_CLIENT_CA", "JUPYTERHUB_SSL_KEYFILE")
	}
	if value["admin_access"].Truth() {
		names = append(names, "JUPYTERHUB_ADMIN_ACCESS")
	}
	if value["tornado_settings"].Lookup("cookie_options").Truth() {
		names = append(names, "JUPYTERHUB_COOKIE_OPTIONS")
	}
	return names
}

// environment does what Spawner.get_env does.
func (s *spawner) environment() (*environment, error) {
	e := new(environment)
	keep, _ := s.traits["env_keep"].Elems()
	for _, k := range keep {
		name, ok := k.Str()
		if !ok {
			return nil, pyvalue.Raise("TypeError", "%s", "str expected, not "+k.Kind().TypeName())
		}
		if value, ok := s.hub.Environment[name]; ok {
			e.set(name, pyvalue.Str(value))
		}
	}
	for _, name := range slices.Concat(hubVariables, s.variables) {
		e.set(name, pyvalue.Str(""))
	}
	for _, limit := range []string{"mem_limit", "mem_guarantee", "cpu_limit", "cpu_guarantee"} {
		if s.true(limit) {
			e.set(strings.ToUpper(limit), pyvalue.Str(s.traits[limit].String()))
		}
	}
	lower := templateFields{"username": pyvalue.Str(s.user.Name), "base_url": pyvalue.Str("/user/" + s.user.Name + "/")}
	for _, v := range []struct{ option, name string }{{"notebook_dir", "JUPYTERHUB_ROOT_DIR"}, {"default_url", "JUPYTERHUB_DEFAULT_URL"}} {
		if !s.true(v.option) {
			continue
		}
		format, _ := s.traits[v.option].Str()
		text, err := lower.expand(format)
		if err != nil {
			return nil, err
		}
		e.set(v.name, pyvalue.Str(text))
	}
	if s.true("debug") {
		e.set("JUPYTERHUB_DEBUG", pyvalue.Str("1"))
	}
	if s.true("disable_user_config") {
		e.set("JUPYTERHUB_DISABLE_USER_CONFIG", pyvalue.Str("1"))
	}
	configured, _ := s.traits["environment"].Items()
	e.items, _ = pyvalue.Dict(append(e.items, configured...)...).Items()
	return e, nil
}

var environmentKey = regexp.MustCompile(`^[A-Za-z_]+`)

// check is what make_environment_file stumbles over.
func (e *environment) check() error {
	for _, it := range e.items {
		if it.Key.Kind() != pyvalue.StrKind {
			return pyvalue.Raise("TypeError", "'<' not supported between instances of '%s' and 'str'", it.Key.Kind().TypeName())
		}
	}
	dict := pyvalue.Dict(e.items...)
	for _, name := range e.names() {
		v := dict.Lookup(name)
		switch {
		case !environmentKey.MatchString(name):
			return pyvalue.Raise("AssertionError", "%s", name+" not a valid environment variable")
		case v.Kind() == pyvalue.StrKind || !v.Truth():
			// shlex.quote writes what is false as ''.
		case v.Kind() == pyvalue.BytesKind:
			return pyvalue.Raise("TypeError", "cannot use a string pattern on a bytes-like object")
		default:
			return pyvalue.Raise("TypeError", "expected string or bytes-like object, got '%s'", v.Kind().TypeName())
		}
	}
	return nil
}
