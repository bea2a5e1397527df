package spawnercfg

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// spawnerOption judges one option of the spawner, or of an override for
// groups.
func (l *linter) spawnerOption(s Setting, v pyvalue.Value) {
	switch s.Name {
	case "mem_limit":
		l.memory(s, v)
	case "cpu_limit":
		l.cpu(s, v)
	case "mem_guarantee", "cpu_guarantee":
		if v.Truth() {
			l.add(about(s, CodeNoEffect, Warning, "for a guarantee write unit_extra_properties = {'MemoryLow': …} or CPUWeight", "SystemdSpawner gives no guarantee: it only tells the server of it"))
		}
	case "port":
		if v.Truth() {
			l.add(about(s, CodeNoEffect, Warning, "take it out", "SystemdSpawner gives every server a random port"))
		}
	case "start_timeout", "http_timeout":
		if n, ok := v.Int64(); ok && n < 1 {
			l.add(about(s, CodeTimeout, Error, "write a number of seconds", "every start fails at once"))
		}
	case "unit_name_template":
		l.unitNameTemplate(s, v)
	case "username_template", "user_workingdir":
		l.template(s, v)
	case "readonly_paths", "readwrite_paths", "extra_paths", "cmd", "args":
		l.templates(s, v)
	case "notebook_dir", "default_url":
		l.lowerTemplate(s, v)
	case "slice", "default_shell":
		l.plain(s, v)
	case "unit_extra_properties":
		l.properties(s, v)
	case "environment":
		l.environment(s, v)
	case "group_overrides":
		l.groupOverrides(s, v)
	case "disable_user_sudo":
		if !v.Truth() {
			l.add(about(s, CodeSudo, Info, "", "users can gain privileges by sudo and set-user-ID programs, where the machine lets them"))
		}
	}
}

// template judges text that SystemdSpawner fills in; it reports whether it
// can be filled in.
func (l *linter) template(s Setting, v pyvalue.Value) bool {
	text, ok := v.Str()
	if !ok {
		if v.IsNone() {
			return false
		}
		l.add(about(s, CodeTemplate, Error, "write text", "every start fails: %s is no text", v))
		return false
	}
	_, err := (templateFields{"USERNAME": pyvalue.Str("alice"), "USERID": pyvalue.Int(1)}).expand(text)
	if raised, ok := err.(*pyvalue.Exception); ok {
		severity, hint := Error, "write {{ and }} for braces; the fields are {USERNAME} and {USERID}"
		if l.derived && raised.Type == "KeyError" {
			severity, hint = Warning, "SystemdSpawner has {USERNAME} and {USERID}; the configured class may have more"
		}
		if low := strings.Trim(raised.Message, "'"); raised.Type == "KeyError" && (strings.EqualFold(low, "USERNAME") || strings.EqualFold(low, "USERID")) {
			hint = "write {" + strings.ToUpper(low) + "}: the case counts"
		}
		l.add(about(s, CodeTemplate, severity, hint, "every start fails with %s: %q is a template", raised, text))
		return false
	}
	for _, p := range parseFormat(text) {
		if p.isField && !plainField(p.field) {
			l.add(about(s, CodeTemplateField, Warning, "write {USERNAME} or {USERID}", "{%s} is more than a plain field: str.format gives what Python has there", p.field))
		}
	}
	return true
}

func (l *linter) templates(s Setting, v pyvalue.Value) {
	elems, ok := v.Elems()
	if !ok {
		if s.Name == "cmd" && v.IsNone() {
			l.add(about(s, CodeCommandNone, Error, "take the option out for its default", "every start fails with TypeError: 'NoneType' object is not iterable"))
		}
		return
	}
	for i, e := range elems {
		if !l.template(s, e) {
			continue
		}
		text, _ := e.Str()
		switch s.Name {
		case "readonly_paths", "readwrite_paths":
			l.path(s, text)
		case "extra_paths":
			if !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "{") {
				l.add(about(s, CodePathRefused, Warning, "write the whole path", "%q is looked up in whatever directory the server is in", text))
			}
		case "cmd", "args":
			if i == 0 && s.Name == "cmd" && strings.ContainsAny(text, " \t") && len(elems) == 1 {
				l.add(about(s, CodeCommandNotSplit, Error, "write a list: "+pyvalue.Strs(strings.Fields(text)...).String(), "%q is one command, blanks and all: no such program is there", text))
			}
			if strings.Contains(strings.ReplaceAll(text, "$$", ""), "$") {
				l.add(about(s, CodeDollar, Warning, "write $$ for a dollar sign", "systemd expands the variable in %q", text))
			}
		}
	}
}

// path judges a path of ReadOnlyPaths or ReadWritePaths.
func (l *linter) path(s Setting, text string) {
	words, ok := splitWords(text)
	if !ok || len(words) != 1 {
		l.add(about(s, CodePathSplits, Error, `write quotes inside the text: '"/with space"'`, "systemd takes %q for %d paths", text, len(words)))
		return
	}
	if _, rest := pathPrefix(words[0]); !strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "{") {
		l.add(about(s, CodePathRefused, Error, refusedHint, "systemd does not take %q: it is not absolute", text))
	}
}

// lowerTemplate judges the two options that have fields of their own.
func (l *linter) lowerTemplate(s Setting, v pyvalue.Value) {
	text, _ := v.Str()
	_, err := (templateFields{"username": pyvalue.Str("alice"), "base_url": pyvalue.Str("/user/alice/")}).expand(text)
	if raised, ok := err.(*pyvalue.Exception); ok {
		l.add(about(s, CodeTemplate, Error, "the fields here are {username} and {base_url}, in lower case", "every start fails with %s: %q is a template", raised, text))
	}
}

var looksLikeField = regexp.MustCompile(`(?i)\{(USERNAME|USERID|SERVERNAME)\}`)

// plain judges text that is not filled in, though it looks as if.
func (l *linter) plain(s Setting, v pyvalue.Value) {
	text, ok := v.Str()
	if !ok {
		return
	}
	if looksLikeField.MatchString(text) {
		l.add(about(s, CodeNotATemplate, Warning, "", "nothing is filled in here: every user gets %q as it stands", text))
		return
	}
	if s.Name == "slice" && text != "" {
		if name, err := sliceName(text); err != nil {
			l.add(about(s, CodeSliceRefused, Error, refusedHint, "systemd does not take %q for a slice", text))
		} else if name != text && name != text+".slice" {
			l.add(about(s, CodeSliceRefused, Warning, "", "systemd calls the slice %s", name))
		}
	}
}

func (l *linter) unitNameTemplate(s Setting, v pyvalue.Value) {
	if !l.template(s, v) {
		return
	}
	text, _ := v.Str()
	switch {
	case !strings.Contains(text, "{USER"):
		l.add(about(s, CodeUnitNameShared, Error, "write 'jupyter-{USERNAME}-singleuser'", "all users have one unit: each start ends the server of another user"))
	case strings.HasSuffix(text, "{USERNAME}"):
		l.add(about(s, CodeUnitNameSuffix, Warning, "let the name end in something fixed", "a user called x.slice gets a unit that is no service, and users foo and foo.service get the same unit"))
	}
	for _, p := range parseFormat(text) {
		if !p.isField && strings.ContainsFunc(p.literal, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:@", r))
		}) {
			l.add(about(s, CodeUserName, Warning, "keep to letters, digits, - and _", "systemd calls the unit otherwise than %q, with an escape for each other character", text))
			break
		}
	}
}

// shadowed are the properties that options give, and what a property of that
// name does to them.
var shadowed = map[string]string{
	"MemoryMax": "mem_limit", "MemoryLimit": "mem_limit", "CPUQuota": "cpu_limit", "NoNewPrivileges": "disable_user_sudo",
	"PrivateTmp": "isolate_tmp", "PrivateDevices": "isolate_devices", "ReadOnlyDirectories": "readonly_paths",
	"ReadWriteDirectories": "readwrite_paths", "DynamicUser": "dynamic_users", "StateDirectory": "dynamic_users",
	"MemoryAccounting": "mem_limit", "CPUAccounting": "cpu_limit",
}

// outranked are the properties that systemd-run's own options override.
var outranked = map[string]string{
	"User": "username_template", "Group": "username_template", "WorkingDirectory": "user_workingdir", "Slice": "slice",
}

// shell finds a shell that is given a command.
var shell = regexp.MustCompile(`(^|[\s/'"@:+!-])(ba|da|z|k|c|tc|fi|a)?sh['"]?\s+(-\w+\s+)*-\w*c\b`)

func (l *linter) properties(s Setting, v pyvalue.Value) {
	items, _ := v.Items()
	for _, it := range items {
		name := it.Key.Text()
		text, ok := it.Value.Str()
		if !ok {
			hint := "write it as text: '" + it.Value.Text() + "'"
			switch it.Value.Kind() {
			case pyvalue.BoolKind:
				hint = "write 'yes' or 'no'"
			case pyvalue.ListKind, pyvalue.TupleKind:
				hint = "one property takes one text here; several values stand in it with blanks between, if systemd lets them"
			}
			l.add(about(s, CodePropertyType, Error, hint, "every start fails: the property %s is no text but %s", name, it.Value))
			continue
		}
		if !l.template(s, it.Value) {
			continue
		}
		if strings.Contains(text, "{{") || strings.Contains(text, "}}") {
			l.add(about(s, CodeBracesOnce, Warning, "do without braces in properties", "SystemdSpawner keeps the filled-in text of %s in place of the template: when a start has failed, the next attempt fills it in again and fails at the brace", name))
		}
		l.property(s, name, text)
	}
}

func (l *linter) property(s Setting, name, text string) {
	if option, ok := shadowed[name]; ok {
		base, _ := l.value(option)
		switch {
		case name == "NoNewPrivileges" && base.Truth():
			if on, ok := parseBool(text); ok && !on {
				l.add(about(s, CodePropertyShadows, Error, "set disable_user_sudo = False if that is meant", "it lets users gain privileges, though disable_user_sudo says no"))
			}
		case base.Truth():
			l.add(about(s, CodePropertyShadows, Warning, "set "+option+" alone", "%s = %s replaces what %s says; what the server is told of its limits stays", name, text, option))
		}
	}
	if option, ok := outranked[name]; ok {
		base, _ := l.value(option)
		dynamic, _ := l.value("dynamic_users")
		if name == "Slice" && base.Truth() || name == "WorkingDirectory" || name != "Slice" && !dynamic.Truth() {
			l.add(about(s, CodePropertyShadows, Warning, "set "+option, "%s does nothing: SystemdSpawner gives systemd-run an option of its own for it", name))
		}
	}
	switch name {
	case "RuntimeDirectory":
		if !strings.Contains(text, "{USER") {
			l.add(about(s, CodePropertyShadows, Error, "name the user in it: 'jupyter-{USERNAME}'", "all users share the directory with the files that hold their tokens: the first to start owns it"))
		}
	case "MemoryMax":
		if n, ok := parseSize(text); ok && n == 0 {
			l.add(about(s, CodeMemoryLimitRefused, Error, refusedHint, "systemd does not take a limit of 0 bytes"))
		}
	case "CPUQuota":
		if n, ok := parseQuota(text); ok && n == 0 {
			l.add(about(s, CodeCPULimitRefused, Error, refusedHint, "CPUQuota=%s is too small for systemd", text))
		}
	case "Environment", "PassEnvironment", "SetCredential":
		l.add(about(s, CodePropertySecret, Warning, "set Spawner.environment, which is kept in a file that only the user's server reads", "every user of the machine can read it with systemctl show"))
	}
	if strings.HasPrefix(name, "Exec") && strings.Contains(text, "{USERNAME") {
		switch {
		case shell.MatchString(text):
			l.add(about(s, CodePropertyExec, Error, "pass the name as an argument of a program that checks it", "%s gives the user's name to a shell as part of a command: a name with ; or $( is one, by root where the text begins with + or !", name))
		default:
			l.add(about(s, CodePropertyExec, Warning, "check that the program takes every name", "%s puts the user's name into a command line, which systemd splits at blanks and expands $ and %% in", name))
		}
	}
	if near := nearestProperty(name); near != "" {
		l.add(about(s, CodePropertyName, Error, "write "+near, "systemd has no property %s and refuses the unit: %s", name, refusedHint))
	}
}

func (l *linter) environment(s Setting, v pyvalue.Value) {
	items, _ := v.Items()
	for _, it := range items {
		name, ok := it.Key.Str()
		switch {
		case !ok:
			l.add(about(s, CodeEnvironment, Error, "write the name in quotes", "every start fails: %s is no name", it.Key))
			continue
		case !environmentKey.MatchString(name):
			l.add(about(s, CodeEnvironment, Error, "", "every start fails with AssertionError: %s not a valid environment variable", name))
			continue
		case !variableName.MatchString(name):
			l.add(about(s, CodeEnvironment, Warning, "", "systemd ignores the variable %q: its name has more than letters, digits and _", name))
		case name == "SHELL":
			l.add(about(s, CodeEnvironmentIgnored, Warning, "set default_shell", "default_shell overrides the variable SHELL"))
		}
		text, isText := it.Value.Str()
		switch {
		case !isText && it.Value.Truth():
			l.add(about(s, CodeEnvironment, Error, "write "+pyvalue.Str(it.Value.Text()).String(), "every start fails: the variable %s is no text but %s", name, it.Value))
		case looksLikeField.MatchString(text):
			l.add(about(s, CodeNotATemplate, Warning, "", "nothing is filled in here: every user gets %s=%s as it stands", name, text))
		}
	}
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (l *linter) groupOverrides(s Setting, v pyvalue.Value) {
	items, _ := v.Items()
	for _, it := range items {
		groups, gok := it.Value.Lookup("groups").Elems()
		override := it.Value.Lookup("spawner_override")
		options, ook := override.Items()
		if !gok || !ook {
			l.add(about(s, CodeGroupOverride, Error, "write {'groups': ['name'], 'spawner_override': {'mem_limit': '2G'}}", "every start fails at the override %s", it.Key))
			continue
		}
		for _, g := range groups {
			if g.Kind() != pyvalue.StrKind {
				l.add(about(s, CodeGroupOverride, Warning, "", "%s in override %s is no group", g, it.Key))
			}
		}
		for _, o := range options {
			name, _ := o.Key.Str()
			inner := Setting{Section: s.Section, Name: name, Value: o.Value, Pos: s.Pos}
			t, ok := LookupTrait("SystemdSpawner", name)
			if !ok {
				l.unknownOption(inner)
				continue
			}
			if value, failed := l.validate(t, inner); !failed && name != "group_overrides" {
				l.spawnerOption(inner, value)
			}
		}
	}
}

// gpu finds a use of a GPU.
var gpu = regexp.MustCompile(`(?i)nvidia|cuda|/dev/dri|/dev/kfd|rocm`)

// whole judges what no single option says.
func (l *linter) whole() {
	class, classSetting := l.class("spawner_class")
	systemd := class == "SystemdSpawner" || l.derived
	mine := slices.IndexFunc(l.settings, func(s Setting) bool { return s.Section == "SystemdSpawner" })
	switch {
	case l.derived:
		l.add(about(classSetting, CodeSubclass, Info, "", "%s is taken for a class derived from SystemdSpawner: what it adds is not judged", l.spawner[len(l.spawner)-1]))
	case !systemd && class != "":
		if mine >= 0 {
			l.add(about(classSetting, CodeSpawnerClass, Error, "c.JupyterHub.spawner_class = 'systemd'", "the hub starts servers with %s, without any of the limits and boundaries of SystemdSpawner", class))
		}
		return
	case !systemd && classSetting.Value.IsZero() && classSetting.Unsure == "" && mine >= 0:
		l.add(Finding{Code: CodeSpawnerClass, Severity: Warning, Option: "JupyterHub.spawner_class", Hint: "c.JupyterHub.spawner_class = 'systemd'",
			Message: "it is not set here: unless another file does, servers start without any of the limits and boundaries of SystemdSpawner"})
	}
	if v, s := l.hub("cleanup_servers"); v.IsZero() && s.Unsure == "" {
		l.add(Finding{Code: CodeCleanupServers, Severity: Warning, Option: s.Option(), Hint: "c.JupyterHub.cleanup_servers = False", Message: "it is True unless set: a restart of the hub ends every user's session"})
	}
	l.pairs()
	l.limits()
	l.isolation()
	l.commandPath()
	l.users()
}

func (l *linter) pairs() {
	cert, certSetting := l.hub("ssl_cert")
	key, keySetting := l.hub("ssl_key")
	if cert.Truth() != key.Truth() && certSetting.Unsure == "" && keySetting.Unsure == "" {
		s, missing := certSetting, "ssl_key"
		if key.Truth() {
			s, missing = keySetting, "ssl_cert"
		}
		l.add(about(s, CodeSSLPair, Error, "set both", "%s is not set: the proxy does not start", missing))
	}
}

func (l *linter) limits() {
	limit, s := l.value("mem_limit")
	properties, _ := l.value("unit_extra_properties")
	switch {
	case limit.IsNone() && !properties.IsZero() && properties.Lookup("MemoryMax").IsZero():
		l.add(about(s, CodeNoMemoryLimit, Info, "c.SystemdSpawner.mem_limit = '2G'", "one user can use all memory of the machine"))
	case limit.Truth() && !properties.IsZero() && properties.Lookup("MemorySwapMax").IsZero():
		l.add(about(s, CodeMemorySwap, Info, "unit_extra_properties = {'MemorySwapMax': '0'}", "on a machine with swap a user can use that beyond the limit"))
	}
	dynamic, _ := l.value("dynamic_users")
	if dynamic.Truth() {
		for _, name := range []string{"user_workingdir", "username_template"} {
			if s, ok := l.effective(l.spawner, name); ok {
				l.add(about(s, CodeNoEffect, Warning, "", "with dynamic_users it does nothing: servers run in /var/lib as accounts that systemd makes"))
			}
		}
	} else if dir, s := l.value("user_workingdir"); !dir.IsNone() {
		if text, ok := dir.Str(); ok && !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "{") {
			l.add(about(s, CodePathRefused, Error, "write the whole path", "%q is taken from the directory that the hub is in", text))
		}
	}
	readonly, _ := l.value("readonly_paths")
	if readwrite, s := l.value("readwrite_paths"); readwrite.Truth() && !readonly.IsZero() && !readonly.Truth() && !properties.IsZero() && properties.Lookup("ProtectSystem").IsZero() {
		l.add(about(s, CodeReadwriteAlone, Info, "set readonly_paths", "nothing is read-only that this could be an exception from"))
	}
}

func (l *linter) isolation() {
	isolated, s := l.value("isolate_devices")
	if !isolated.Truth() {
		return
	}
	for _, name := range []string{"unit_extra_properties", "environment", "readonly_paths", "readwrite_paths", "extra_paths", "args", "cmd"} {
		v, other := l.value(name)
		if m := gpu.FindString(v.String()); m != "" {
			l.add(about(s, CodeGPU, Warning, "set isolate_devices = False and allow devices by unit_extra_properties = {'DeviceAllow': …}", "servers have no GPU in their /dev, though %s speaks of %q", other.Option(), m))
			return
		}
	}
}

// commandPath judges whether the server's command is still found.
func (l *linter) commandPath() {
	paths, s := l.value("extra_paths")
	cmd, _ := l.value("cmd")
	keep, _ := l.value("env_keep")
	environment, _ := l.value("environment")
	elems, _ := cmd.Elems()
	if !paths.Truth() || len(elems) == 0 || keep.IsZero() || environment.IsZero() || !environment.Lookup("PATH").IsZero() {
		return
	}
	kept, _ := keep.Elems()
	if slices.ContainsFunc(kept, pyvalue.Str("PATH").Equal) {
		return
	}
	if first, ok := elems[0].Str(); ok && !strings.HasPrefix(first, "/") {
		l.add(about(s, CodeCommandHidden, Warning, "add the folder of "+first+" to extra_paths, or give cmd its whole path",
			"%s is now looked up in these paths and %s alone: since JupyterHub 5.2 servers do not get the hub's PATH", first, defaultPath))
	}
}

// users tries the configuration on the users that it names, and on one called
// alice.
func (l *linter) users() {
	if template, _ := l.value("unit_name_template"); template.IsZero() {
		return
	}
	units := map[string]string{}
	for _, known := range append([]Setting{{Value: pyvalue.Strs("alice")}}, l.knownUsers()...) {
		names, _ := known.Value.Strs()
		for _, name := range names {
			if name == "" || units[name] != "" {
				continue
			}
			l.user(known, name, units)
		}
	}
}

func (l *linter) knownUsers() (known []Setting) {
	for _, s := range l.settings {
		if slices.Contains(Ancestry(s.Section), "Authenticator") && (s.Name == "allowed_users" || s.Name == "admin_users") && !s.Value.IsZero() {
			known = append(known, s)
		}
	}
	return known
}

// user foretells the unit of one user. The account is taken to be there, and
// the command too.
func (l *linter) user(known Setting, name string, units map[string]string) {
	template, _ := l.value("username_template")
	format, _ := template.Str()
	account, err := (templateFields{"USERNAME": pyvalue.Str(name), "USERID": pyvalue.Int(1)}).expand(format)
	if err != nil {
		account = name
	}
	unit, err := Predict(l.settings, User{Name: name, ID: 1, UnixName: account, UID: 1000, GID: 1000, Home: "/home/" + account}, Hub{
		LookPath: func(command, _ string) string { return "/usr/bin/" + command },
	})
	failed := slices.ContainsFunc(l.report, func(f Finding) bool {
		return f.Severity == Error && (strings.HasPrefix(f.Option, "Spawner.") || strings.HasPrefix(f.Option, "SystemdSpawner.") || l.isSpawner(strings.Split(f.Option, ".")[0]))
	})
	if raised, ok := err.(*pyvalue.Exception); ok && !failed {
		l.add(Finding{Code: CodeSpawnFails, Severity: Error, Option: "SystemdSpawner", Pos: known.Pos, Message: fmt.Sprintf("a start for %s fails with %s", name, raised)})
	}
	if err != nil {
		return
	}
	for _, r := range unit.Refusals {
		if !failed {
			r.Pos = known.Pos
			r.Message = "for " + name + ": " + r.Message
			l.add(r)
		}
	}
	if known.Section == "" || unit.Name == "" {
		return
	}
	for other, taken := range units {
		if taken == unit.Name && !slices.ContainsFunc(l.report, func(f Finding) bool { return f.Code == CodeUnitNameShared }) {
			l.add(about(known, CodeUnitNameCollision, Error, "name the user by {USERID} in unit_name_template", "%s and %s have one unit, %s: each start ends the server of the other", other, name, unit.Name))
		}
	}
	units[name] = unit.Name
	switch {
	case strings.Contains(unit.Name, "@"):
		l.add(about(known, CodeUserName, Warning, "normalise user names, or use {USERID}", "for %s the unit is %s, which systemd takes for an instance of a template: a unit file of that template is used for it", name, unit.Name))
	case strings.Contains(unit.SpawnerName, " "):
		l.add(about(known, CodeUserName, Error, "normalise user names, or use {USERID}", "for %s the environment file is %s: systemd splits the runtime directory at the blank", name, unit.EnvironmentFile))
	case unit.Name != unit.SpawnerName+".service" && unit.Name != unit.SpawnerName:
		l.add(about(known, CodeUserName, Info, "", "for %s the unit is %s", name, unit.Name))
	}
}
