package spawnercfg

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Lint judges settings without executing anything: values that traitlets
// rejects, values that it takes and that then break every start, options
// without effect, misspelt names, and what leaves users more than it looks.
// It asks neither the machine nor the hub: [Check] does. The report is in the
// order of the settings; what is about the whole comes last. Report.Err joins
// the failures.
//
// It knows JupyterHub 5.5 and SystemdSpawner 1.0. Options that some earlier
// and later version has are the same but for a few; [Check] judges by the
// installed one.
func Lint(settings []Setting) Report { return lint(settings, nil) }

// lint also knows which options may be set though the settings do not have
// them.
func lint(settings []Setting, doubt func(section, name string) string) Report {
	l := newLinter(settings)
	l.doubt = doubt
	for _, s := range settings {
		l.structure(s)
	}
	for _, s := range settings {
		if l.relevant(s) {
			l.option(s)
		}
	}
	l.whole()
	slices.SortStableFunc(l.report, func(a, b Finding) int { return cmp.Compare(l.place(a), l.place(b)) })
	return l.report
}

// Lint judges the options: see [Lint]. Options that cannot be written at all
// are findings of code [CodeBadValue] too.
func (o Options) Lint() Report {
	settings, err := o.Settings()
	report := Lint(settings)
	for _, err := range flatten(err) {
		var oe *OptionError
		if errors.As(err, &oe) {
			report = append(report, Finding{Code: CodeBadValue, Severity: Error, Option: oe.Option, Message: oe.Err.Error()})
		}
	}
	return report
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

type linter struct {
	settings []Setting
	// spawner is the sections that the spawner obeys, and derived says that
	// its class is one that this package does not know.
	spawner []string
	derived bool
	// doubt says why an option that is not among the settings may be set, and
	// "" if it is not; nil doubts nothing.
	doubt  func(section, name string) string
	report Report
}

func newLinter(settings []Setting) *linter {
	l := &linter{settings: settings, spawner: spawnerSections(settings)}
	l.derived = l.spawner[len(l.spawner)-1] != "SystemdSpawner"
	return l
}

func (l *linter) add(f Finding) { l.report = append(l.report, f) }

// about starts a finding about a setting.
func about(s Setting, code Code, severity Severity, hint, format string, args ...any) Finding {
	return Finding{Code: code, Severity: severity, Option: s.Option(), Pos: s.Pos, Hint: hint, Message: fmt.Sprintf(format, args...)}
}

// place is where in the report a finding belongs.
func (l *linter) place(f Finding) int {
	for i, s := range l.settings {
		if s.Pos == f.Pos && (s.Option() == f.Option || s.Pos != Position{}) {
			return i
		}
	}
	return len(l.settings)
}

// effective returns the setting of an option that counts, given the sections
// of its class, base first.
func (l *linter) effective(sections []string, name string) (Setting, bool) {
	var found *Setting
	for _, section := range sections {
		for i, s := range l.settings {
			if s.Section == section && s.Name == name {
				found = &l.settings[i]
			}
		}
	}
	if found != nil {
		return *found, true
	}
	for _, section := range sections {
		if l.doubt == nil {
			break
		}
		if why := l.doubt(section, name); why != "" {
			return Setting{Section: section, Name: name, Unsure: why}, true
		}
	}
	return Setting{}, false
}

// value returns the value of an option of the spawner that counts, its
// default if nothing sets it, and the zero Value if it is not certain or not
// a value of the option.
func (l *linter) value(name string) (pyvalue.Value, Setting) {
	t, _ := LookupTrait("SystemdSpawner", name)
	s, ok := l.effective(l.spawner, name)
	if !ok {
		return t.Default, Setting{Section: "SystemdSpawner", Name: name}
	}
	if s.Value.IsZero() {
		return pyvalue.Value{}, s
	}
	v, raised := t.Validate(s.Value)
	if raised != nil {
		return pyvalue.Value{}, s
	}
	return v, s
}

func (l *linter) hub(name string) (pyvalue.Value, Setting) {
	s, ok := l.effective(Ancestry("JupyterHub"), name)
	if !ok {
		return pyvalue.Value{}, Setting{Section: "JupyterHub", Name: name}
	}
	return s.Value, s
}

// isSpawner reports whether a section is one that the spawner obeys.
func (l *linter) isSpawner(section string) bool { return slices.Contains(l.spawner, section) }

// relevant reports whether a setting's value is worth judging: the hub obeys
// its section and has its option.
func (l *linter) relevant(s Setting) bool {
	if s.Value.IsZero() {
		return false
	}
	_, ok := l.trait(s)
	return ok
}

func (l *linter) trait(s Setting) (Trait, bool) {
	if l.isSpawner(s.Section) && Ancestry(s.Section) == nil {
		return LookupTrait("SystemdSpawner", s.Name)
	}
	if s.Section == "Configurable" || s.Section == "LoggingConfigurable" {
		// They have no options of their own, and what is set for them every
		// class obeys.
		return LookupTrait("SystemdSpawner", s.Name)
	}
	return LookupTrait(s.Section, s.Name)
}

// entryPoints are the names that spawner_class, authenticator_class and
// proxy_class take for classes of JupyterHub and SystemdSpawner.
var entryPoints = map[string]string{
	"systemd": "SystemdSpawner", "systemdspawner": "SystemdSpawner",
	"default": "", "localprocess": "LocalProcessSpawner", "simple": "SimpleLocalProcessSpawner",
	"pam": "PAMAuthenticator", "local": "PAMAuthenticator", "dummy": "DummyAuthenticator", "null": "NullAuthenticator",
	"shared-password": "SharedPasswordAuthenticator", "configurable-http-proxy": "ConfigurableHTTPProxy",
}

// class returns the name of the class that an option such as spawner_class
// names, and "" if that is not certain or the default.
func (l *linter) class(option string) (string, Setting) {
	v, s := l.hub(option)
	name, ok := v.Str()
	if !ok {
		return "", s
	}
	if class, known := entryPoints[strings.ToLower(name)]; known {
		return class, s
	}
	return name[strings.LastIndexByte(name, '.')+1:], s
}

// removed are options that SystemdSpawner had before 1.0.
var removed = map[string]string{
	"use_sudo":        "SystemdSpawner 0.10 took it out: the hub runs as root",
	"systemctl_cmd":   "SystemdSpawner 0.9.7 took it out",
	"systemd_run_cmd": "SystemdSpawner 0.9.7 took it out",
}

// structure judges where a setting stands.
func (l *linter) structure(s Setting) {
	if s.Value.IsZero() {
		l.add(about(s, CodeUnsure, Info, "", "not judged: %s", cmp.Or(s.Unsure, "there is no value")))
	}
	if strings.Contains(s.Section, ".") {
		l.add(about(s, CodeUnknownSection, Error, "set it for the section of the class itself",
			"the hub makes spawners and authenticators without a parent, so that a nested section does nothing"))
		return
	}
	known := Ancestry(s.Section) != nil || l.isSpawner(s.Section) || l.named(s.Section) || l.foreign(s.Section)
	if !known {
		l.unknownSection(s)
		return
	}
	if reason, ok := removed[s.Name]; ok && l.isSpawner(s.Section) {
		l.add(about(s, CodeRemovedOption, Warning, "take it out", "there is no such option any more, and it does nothing: %s", reason))
		return
	}
	t, ok := l.trait(s)
	switch {
	case ok && t.Deprecated:
		l.add(about(s, CodeDeprecatedOption, Warning, "see the documentation of JupyterHub for what replaces it", "it is kept for old files and may do nothing"))
	case !ok:
		l.unknownOption(s)
	}
	l.inactive(s)
	if ok && l.isSpawner(s.Section) {
		if e, _ := l.effective(l.spawner, s.Name); e.Section != s.Section {
			l.add(about(s, CodeOverridden, Info, "", "%s has the last word, wherever it stands in the file: it is derived from %s", e.Option(), s.Section))
		}
	}
}

// foreign reports whether a section may be that of a class that the hub uses
// and this package does not know, or of one of its bases.
func (l *linter) foreign(section string) bool {
	for option, kind := range map[string]string{"spawner_class": "Spawner", "authenticator_class": "Authenticator", "proxy_class": "Proxy"} {
		class, s := l.class(option)
		if foreignClass(section, kind) && (s.Unsure != "" || class != "" && Ancestry(class) == nil) {
			return true
		}
	}
	return false
}

// named reports whether the hub is told to use a class of that name.
func (l *linter) named(section string) bool {
	for _, option := range []string{"spawner_class", "authenticator_class", "proxy_class"} {
		if class, _ := l.class(option); class == section {
			return true
		}
	}
	return slices.Contains([]string{"CryptKeeper", "SharedPasswordAuthenticator", "NullAuthenticator", "ConfigurableHTTPProxy"}, section)
}

func (l *linter) unknownSection(s Setting) {
	var candidates []string
	for _, t := range hubTraits {
		candidates = append(candidates, t.Section)
	}
	if near := nearest(s.Section, append(candidates, l.spawner...)); near != "" {
		l.add(about(s, CodeUnknownSection, Error, "write c."+near+"."+s.Name, "no class of the hub is called %s: the hub ignores the option without a word; %s is meant", s.Section, near))
		return
	}
	l.add(about(s, CodeUnknownSection, Warning, "", "no class that the hub uses by this configuration is called %s: it ignores the option without a word", s.Section))
}

func (l *linter) unknownOption(s Setting) {
	class, severity := s.Section, Error
	if Ancestry(class) == nil {
		if !l.isSpawner(class) {
			return
		}
		// A class that is not known may have it.
		class, severity = "SystemdSpawner", Warning
	}
	var candidates []string
	for _, t := range hubTraits {
		if slices.Contains(Ancestry(class), t.Section) {
			candidates = append(candidates, t.Name)
		}
	}
	near := nearest(s.Name, candidates)
	switch {
	case near != "":
		l.add(about(s, CodeUnknownOption, severity, "write c."+s.Section+"."+near, "%s has no such option: the hub ignores it, with a warning in its log; %s is meant", class, near))
	case l.derived && l.isSpawner(s.Section):
	default:
		l.add(about(s, CodeUnknownOption, Warning, "", "%s has no such option: the hub ignores it, with a warning in its log", s.Section))
	}
}

// inactive judges sections of classes that are not in use.
func (l *linter) inactive(s Setting) {
	for _, kind := range []struct {
		option, base string
		standard     string
	}{
		{"spawner_class", "Spawner", ""},
		{"authenticator_class", "Authenticator", "PAMAuthenticator"},
		{"proxy_class", "Proxy", "ConfigurableHTTPProxy"},
	} {
		chain := Ancestry(s.Section)
		if !slices.Contains(chain, kind.base) {
			continue
		}
		class, _ := l.class(kind.option)
		class = cmp.Or(class, kind.standard)
		used := Ancestry(class)
		switch {
		case used == nil && kind.option != "spawner_class":
			continue
		case used == nil:
			used = l.spawner
		}
		if !slices.Contains(used, s.Section) {
			l.add(about(s, CodeSectionInactive, Warning, "", "the hub uses %s, which does not obey the section %s: the option does nothing", used[len(used)-1], s.Section))
		}
	}
}

// nearest returns the candidate that a misspelt name stands for, or "".
func nearest(name string, candidates []string) string {
	best, distance := "", 1+max(1, min(3, len(name)/4))
	for _, c := range candidates {
		if strings.EqualFold(strings.ReplaceAll(c, "_", ""), strings.ReplaceAll(strings.ReplaceAll(name, "_", ""), "-", "")) {
			return c
		}
		if d := editDistance(name, c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// editDistance counts the letters to insert, drop, change or swap with their
// neighbour.
func editDistance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

// option judges the value of one option.
func (l *linter) option(s Setting) {
	t, _ := l.trait(s)
	v, raised := l.validate(t, s)
	if raised {
		return
	}
	if s.speakable() != nil {
		l.add(about(s, CodeControl, Error, "", "it holds a control character, which systemd or the file system will refuse or take for an end"))
	}
	switch s.Section {
	case "JupyterHub", "Application":
		l.hubOption(s, v)
	default:
		if l.isSpawner(s.Section) {
			l.spawnerOption(s, v)
		}
	}
}

// validate reports a value that traitlets does not take, and what follows.
func (l *linter) validate(t Trait, s Setting) (v pyvalue.Value, failed bool) {
	v, raised := t.Validate(s.Value)
	if raised == nil {
		return v, false
	}
	effect := "the hub does not start"
	if l.isSpawner(s.Section) {
		effect = "the hub starts, and every user's start of a server fails with it"
	}
	code, hint := CodeBadValue, ""
	switch {
	case t.Type == "ByteSpecification":
		code, hint = CodeByteSize, byteSizeHint(s.Value)
	case s.Value.IsNone():
		hint = "take the option out for its default"
	case t.Type == "Float" && s.Value.Kind() == pyvalue.StrKind, t.Type == "Int" && s.Value.Kind() == pyvalue.StrKind, t.Type == "Bool" && s.Value.Kind() == pyvalue.StrKind:
		hint = "write it without quotes"
	}
	l.add(about(s, code, Error, hint, "traitlets raises %s; %s", raised, effect))
	return v, true
}

func byteSizeHint(v pyvalue.Value) string {
	const grammar = "write a number and K, M, G or T, such as '2G', or a number of bytes without quotes"
	s, ok := v.Str()
	if !ok {
		return grammar
	}
	upper := strings.ToUpper(strings.TrimSpace(s))
	if f, ok := pyvalue.ParseFloat(upper); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return fmt.Sprintf("write %s without quotes for bytes, or '%sG'", upper, upper)
	}
	for _, suffix := range []string{"IB", "B", "I", ""} {
		if size, err := ParseByteSize(strings.TrimSuffix(upper, suffix)); err == nil && size > 0 {
			return fmt.Sprintf("write '%s'", strings.TrimSuffix(upper, suffix))
		}
	}
	if strings.HasSuffix(upper, "%") {
		return "for a share of the machine's memory write unit_extra_properties = {'MemoryMax': '" + s + "'}"
	}
	return grammar
}

// tinyMemory is below what a Python with a web server needs.
const tinyMemory = 32 * MiB

func (l *linter) memory(s Setting, v pyvalue.Value) {
	n, ok := v.BigInt()
	switch {
	case !ok:
	case n.Sign() < 1:
		l.add(about(s, CodeMemoryLimitRefused, Error, refusedHint, "systemd does not take a limit of %s bytes", n))
	case n.Cmp(big.NewInt(int64(tinyMemory))) < 0:
		l.add(about(s, CodeMemoryTiny, Error, "a number without a unit is bytes: write '2G'", "no server starts in %s bytes", n))
	}
}

func (l *linter) cpu(s Setting, v pyvalue.Value) {
	f, ok := v.Float64()
	if !ok {
		return
	}
	percent, raised := pyvalue.Truncate(f * 100)
	switch {
	case raised != nil:
		l.add(about(s, CodeSpawnFails, Error, "take the option out for no limit", "every start fails with %s", raised))
	case percent.Sign() < 1:
		l.add(about(s, CodeCPULimitRefused, Error, refusedHint, "the limit comes out as CPUQuota=%s%%, which is too small for systemd", percent))
	case f >= 40:
		l.add(about(s, CodeCPUPercent, Warning, "write CPUs, not percent: 0.5 is half of one", "it is a limit of %v CPUs", f))
	case math.Round(f*100) != float64(percent.Int64()) && math.Abs(f*100-math.Round(f*100)) < 1e-6:
		l.add(about(s, CodeCPULosesPercent, Warning, fmt.Sprintf("write %v", (math.Round(f*100)+0.5)/100), "SystemdSpawner cuts %v to CPUQuota=%s%%, a percent less", f, percent))
	}
}

// hubOption judges options of the hub itself.
func (l *linter) hubOption(s Setting, v pyvalue.Value) {
	switch s.Name {
	case "allow_named_servers":
		if v.Truth() {
			l.add(about(s, CodeNamedServers, Error, "leave it out: SystemdSpawner has one unit a user", "all servers of a user are one unit: each start ends the one before"))
		}
	case "cleanup_servers":
		if v.Truth() {
			l.add(about(s, CodeCleanupServers, Warning, "c.JupyterHub.cleanup_servers = False", "a restart of the hub ends every user's session"))
		}
	case "admin_access":
		if v.Truth() {
			l.add(about(s, CodeNoEffect, Warning, "give a role with the scope access:servers", "since JupyterHub 2.0 it lets no admin into a user's server"))
		}
	case "authenticator_class":
		if class, _ := l.class(s.Name); class == "DummyAuthenticator" {
			l.add(about(s, CodeDummyAuthenticator, Warning, "use it for nothing but a test", "whoever knows its one password, or with none set anybody, logs in as any user"))
		}
	case "tornado_settings":
		l.tornado(s, v)
	case "active_server_limit", "concurrent_spawn_limit":
		if n, ok := v.Int64(); ok && n < 0 {
			l.add(about(s, CodeNoEffect, Warning, "0 is no limit", "a negative limit is none"))
		}
	}
}

func (l *linter) tornado(s Setting, v pyvalue.Value) {
	headers := v.Lookup("headers")
	items, ok := headers.Items()
	if !ok {
		if !headers.IsZero() {
			l.add(about(s, CodeBadValue, Error, "", "headers is no dict: every page of the hub fails"))
			return
		}
		l.add(about(s, CodeNoHeaders, Info, "see RecommendedHeaders", "it sets no header: beside its own Content-Security-Policy the hub sends none"))
		return
	}
	for _, it := range items {
		name, _ := it.Key.Str()
		policy, _ := it.Value.Str()
		if strings.EqualFold(name, "Content-Security-Policy") && !strings.Contains(policy, "frame-ancestors") {
			l.add(about(s, CodeFrameAncestors, Warning, "add frame-ancestors 'none', and report-uri /hub/security/csp-report", "it replaces the hub's own policy, and lets every site show the hub in a frame"))
		}
	}
}
