package spawnercfg

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Infinity is what systemd reports of a limit that is not set.
const Infinity uint64 = math.MaxUint64

// Codes of the reasons for which systemd refuses a unit.
const (
	// CodeUnitNameRefused is a unit that systemd takes for no service.
	CodeUnitNameRefused Code = "unit-name-refused"
	// CodeMemoryLimitRefused is a memory limit of less than a byte.
	CodeMemoryLimitRefused Code = "memory-limit-refused"
	// CodeCPULimitRefused is a CPU limit of less than one percent.
	CodeCPULimitRefused Code = "cpu-limit-refused"
	// CodePathRefused is a path that is not absolute.
	CodePathRefused Code = "path-refused"
	// CodeSliceRefused is a slice whose name systemd does not take.
	CodeSliceRefused Code = "slice-refused"
)

const refusedHint = "the hub does not notice: the user waits for start_timeout and reads of a time-out"

func (u *Unit) refuse() {
	add := func(code Code, option, format string, args ...any) {
		u.Refusals = append(u.Refusals, Finding{Code: code, Severity: Error, Option: option, Message: fmt.Sprintf(format, args...), Hint: refusedHint})
	}
	name, err := MangleUnitName(u.SpawnerName)
	if err != nil {
		add(CodeUnitNameRefused, "SystemdSpawner.unit_name_template", "systemd takes the unit name %q for no service", u.SpawnerName)
	}
	u.Name = name
	if u.Slice != "" {
		if _, err := sliceName(u.Slice); err != nil {
			add(CodeSliceRefused, "SystemdSpawner.slice", "systemd does not take %q for a slice", u.Slice)
		}
	}
	for _, p := range u.Properties {
		switch p.Name {
		case "MemoryMax":
			if n, ok := parseSize(p.Value); ok && n == 0 || strings.HasPrefix(p.Value, "-") {
				add(CodeMemoryLimitRefused, "SystemdSpawner.mem_limit", "systemd does not take a limit of %s bytes", p.Value)
			}
		case "CPUQuota":
			if n, ok := parseQuota(p.Value); ok && n == 0 || strings.HasPrefix(p.Value, "-") {
				add(CodeCPULimitRefused, "SystemdSpawner.cpu_limit", "the limit comes out as CPUQuota=%s, which is too small for systemd", p.Value)
			}
		case "RuntimeDirectory":
			words, _ := splitWords(p.Value)
			for _, w := range words {
				if strings.HasPrefix(w, "/") || simplify(w) != w || slices.Contains(strings.Split(w, "/"), "..") {
					add(CodePathRefused, "SystemdSpawner.unit_name_template", "systemd does not take %q for a runtime directory", w)
				}
			}
		case "ReadOnlyDirectories", "ReadOnlyPaths", "ReadWriteDirectories", "ReadWritePaths", "InaccessiblePaths", "InaccessibleDirectories":
			words, _ := splitWords(p.Value)
			for _, w := range words {
				if _, rest := pathPrefix(w); !strings.HasPrefix(rest, "/") {
					option := map[bool]string{true: "SystemdSpawner.readonly_paths", false: "SystemdSpawner.readwrite_paths"}[strings.HasPrefix(p.Name, "ReadOnly")]
					add(CodePathRefused, option, "systemd does not take %q in %s: it is not absolute", w, p.Name)
				}
			}
		}
	}
}

// pathPrefix splits the marks off a path: "-" lets it be absent, "+" counts
// from the unit's root directory.
func pathPrefix(p string) (prefix, rest string) {
	rest = strings.TrimPrefix(p, "-")
	rest = strings.TrimPrefix(rest, "+")
	return p[:len(p)-len(rest)], rest
}

// splitWords splits text at white space as systemd does, quotes kept
// together and taken off, backslashes escaping. It reports false for a quote
// that does not end.
func splitWords(s string) (words []string, ok bool) {
	var word strings.Builder
	started := false
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			started = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, started = c, true
		case strings.IndexByte(" \t\n\r", c) >= 0:
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteByte(c)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words, quote == 0
}

// sliceName is the name that systemd-run gives to --slice.
func sliceName(s string) (string, error) {
	mangled := s
	if !validUnitName(s) {
		if mangled = mangle(s); !validUnitName(mangled) {
			mangled += ".slice"
		}
	}
	stem, isSlice := strings.CutSuffix(mangled, ".slice")
	bad := !isSlice || !validUnitName(mangled) || strings.Contains(stem, "@") ||
		stem != "-" && (strings.HasPrefix(stem, "-") || strings.HasSuffix(stem, "-") || strings.Contains(stem, "--"))
	if bad {
		return "", fmt.Errorf("%q %w", s, ErrUnitName)
	}
	return mangled, nil
}

// Reported returns what systemd will report of the unit's properties over
// D-Bus, as the types that it has there: uint64, bool, string and []string.
// It has those that SystemdSpawner's options decide: MemoryMax,
// CPUQuotaPerSecUSec (microseconds of CPU time a second), both [Infinity]
// without a limit, PrivateTmp, PrivateDevices, NoNewPrivileges,
// ReadOnlyPaths, ReadWritePaths, RuntimeDirectory, RuntimeDirectoryPreserve,
// OOMPolicy, DynamicUser, User, Group, WorkingDirectory and Slice. One that
// depends on more, such as a memory limit in percent, is left out. [Drift]
// compares it with a running unit.
func (u Unit) Reported() map[string]any {
	r := map[string]any{
		"MemoryMax": Infinity, "CPUQuotaPerSecUSec": Infinity,
		"PrivateTmp": false, "PrivateDevices": false, "NoNewPrivileges": false, "DynamicUser": false,
		"ReadOnlyPaths": []string{}, "ReadWritePaths": []string{},
		"Slice": u.defaultSlice(),
	}
	for _, p := range u.Properties {
		report(r, p.Name, p.Value)
	}
	// What follows comes after the properties in systemd-run's request.
	if !u.DynamicUser {
		r["User"], r["Group"] = strconv.FormatUint(uint64(u.UID), 10), strconv.FormatUint(uint64(u.GID), 10)
	}
	if r["DynamicUser"] == true {
		// unit_patch_contexts in systemd's unit.c.
		r["PrivateTmp"], r["NoNewPrivileges"] = true, true
	}
	// systemd-run takes "/" for no directory at all.
	if dir := simplify(u.WorkingDirectory); strings.HasPrefix(dir, "/") && dir != "/" {
		r["WorkingDirectory"] = dir
	}
	if u.Slice != "" {
		delete(r, "Slice")
		if name, err := sliceName(u.Slice); err == nil {
			r["Slice"] = name
		}
	}
	return r
}

// defaultSlice is the slice of a unit that names none: system.slice, and for
// an instance (a name with "@") one of its template below that.
func (u Unit) defaultSlice() string {
	prefix, _, ok := strings.Cut(u.Name, "@")
	if !ok {
		return "system.slice"
	}
	var b strings.Builder
	for i := range len(prefix) {
		if c := prefix[i]; c == '-' || c == '\\' || i == 0 && c == '.' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return "system-" + b.String() + ".slice"
}

// report notes what a property of systemd-run's makes systemd report, and
// forgets what it cannot tell.
func report(r map[string]any, name, value string) {
	switch name {
	case "MemoryMax":
		r[name] = Infinity
		if value != "" && value != "infinity" {
			set(r, name, value, parseSize)
		}
	case "CPUQuota":
		r["CPUQuotaPerSecUSec"] = Infinity
		if value != "" {
			set(r, "CPUQuotaPerSecUSec", value, parseQuota)
		}
	case "PrivateTmp", "PrivateDevices", "NoNewPrivileges", "DynamicUser":
		set(r, name, value, parseBool)
	case "ReadOnlyDirectories", "ReadWriteDirectories":
		reportPaths(r, strings.TrimSuffix(name, "Directories")+"Paths", value)
	case "ReadOnlyPaths", "ReadWritePaths":
		reportPaths(r, name, value)
	case "RuntimeDirectory":
		words, ok := splitWords(value)
		if !ok || strings.Contains(value, ":") {
			// From systemd 253 on a colon starts the name of a symbolic link.
			delete(r, name)
			return
		}
		r[name] = append([]string{}, words...)
	case "RuntimeDirectoryPreserve", "OOMPolicy", "User", "Group":
		r[name] = value
	case "Slice":
		delete(r, name)
		if unitType(value) == "slice" {
			r[name] = value
		}
	}
}

func set[T any](r map[string]any, name, value string, parse func(string) (T, bool)) {
	delete(r, name)
	if v, ok := parse(value); ok {
		r[name] = v
	}
}

func reportPaths(r map[string]any, name, value string) {
	words, ok := splitWords(value)
	known, certain := r[name].([]string)
	if !ok || !certain {
		delete(r, name)
		return
	}
	if len(words) == 0 {
		known = []string{}
	}
	for _, w := range words {
		prefix, rest := pathPrefix(w)
		if p := prefix + simplify(rest); !slices.Contains(known, p) {
			known = append(known, p)
		}
	}
	r[name] = known
}

// simplify is path_simplify: it drops doubled slashes, "." and a slash at the
// end, and leaves ".." alone.
func simplify(p string) string {
	parts := slices.DeleteFunc(strings.Split(p, "/"), func(s string) bool { return s == "" || s == "." })
	root := ""
	if strings.HasPrefix(p, "/") {
		root = "/"
	}
	return root + strings.Join(parts, "/")
}

func parseBool(s string) (b, ok bool) {
	switch strings.ToLower(s) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}

var sizeText = regexp.MustCompile(`^(\d+)(?:\.(\d+))?([BKMGTPE]?)$`)

// parseSize reads an amount of memory as systemd does, in units of 1024.
func parseSize(s string) (uint64, bool) {
	m := sizeText.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	digits, _ := new(big.Rat).SetString(m[1] + "." + m[2] + "0")
	if m[3] != "" {
		digits.Mul(digits, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(strings.Index("BKMGTPE", m[3])*10))))
	}
	n := new(big.Int).Quo(digits.Num(), digits.Denom())
	return n.Uint64(), n.IsUint64()
}

var quotaText = regexp.MustCompile(`^(\d+)(?:\.(\d{1,2}))?%$`)

// parseQuota reads a share of a CPU in percent as microseconds a second.
func parseQuota(s string) (uint64, bool) {
	m := quotaText.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	hundredths, err := strconv.ParseUint(m[1]+(m[2] + "00")[:2], 10, 31)
	return hundredths * 100, err == nil
}

// Codes of [Drift].
const (
	// CodeUnitDiffers is a property of a running unit that is not as the
	// options say.
	CodeUnitDiffers Code = "unit-differs"
	// CodeNotReported is a property that the map does not have.
	CodeNotReported Code = "property-not-reported"
)

// propertyOptions are the options that decide the properties of
// [Unit.Reported].
var propertyOptions = map[string]string{
	"MemoryMax": "mem_limit", "CPUQuotaPerSecUSec": "cpu_limit", "PrivateTmp": "isolate_tmp", "PrivateDevices": "isolate_devices",
	"NoNewPrivileges": "disable_user_sudo", "ReadOnlyPaths": "readonly_paths", "ReadWritePaths": "readwrite_paths",
	"DynamicUser": "dynamic_users", "User": "username_template", "Group": "username_template",
	"WorkingDirectory": "user_workingdir", "Slice": "slice", "RuntimeDirectory": "unit_name_template",
	"RuntimeDirectoryPreserve": "unit_extra_properties", "OOMPolicy": "unit_extra_properties",
}

// Drift compares a unit as foretold with the properties that systemd reports
// of the running one, by name. A value may be of the type that D-Bus has, or
// the text that systemctl show --all prints. Each difference is a finding of code
// [CodeUnitDiffers]: the unit runs with options of an earlier start, or was
// changed since, or something overrides the options. Severity is Error
// where the difference leaves the user more than the options say, and Warning
// otherwise.
func Drift(u Unit, reported map[string]any) Report {
	var report Report
	want := u.Reported()
	for _, name := range sortedKeys(want) {
		option := "SystemdSpawner." + propertyOptions[name]
		got, ok := reported[name]
		if !ok {
			report = append(report, Finding{
				Code: CodeNotReported, Severity: Info, Option: option,
				Message: fmt.Sprintf("%s: %s is not among the reported properties", u.Name, name),
			})
			continue
		}
		if same(want[name], got) {
			continue
		}
		severity := Warning
		if looser(want[name], got) {
			severity = Error
		}
		report = append(report, Finding{
			Code: CodeUnitDiffers, Severity: severity, Option: option,
			Message: fmt.Sprintf("%s: %s is %s, and %s by the options", u.Name, name, show(got), show(want[name])),
			Hint:    "a running server keeps what it was started with: stop and start it, or change the unit",
		})
	}
	return report
}

// show writes a property for a message.
func show(v any) string {
	switch x := v.(type) {
	case uint64:
		if x == Infinity {
			return "infinity"
		}
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case []string:
		return fmt.Sprintf("%q", strings.Join(x, " "))
	case string:
		return strconv.Quote(x)
	}
	return fmt.Sprint(v)
}

// same compares a value of Reported with one of D-Bus or of systemctl show.
func same(want, got any) bool {
	switch w := want.(type) {
	case uint64:
		g, ok := asUint(got)
		return ok && w == g
	case bool:
		g, ok := got.(bool)
		if text, isText := got.(string); isText {
			g, ok = parseBool(text)
		}
		return ok && w == g
	case []string:
		g, ok := asStrings(got)
		return ok && slices.Equal(slices.Sorted(slices.Values(w)), slices.Sorted(slices.Values(g)))
	}
	return want == got
}

// looser reports whether got lets the user do more than want.
func looser(want, got any) bool {
	switch w := want.(type) {
	case uint64:
		g, ok := asUint(got)
		return !ok || g > w
	case bool:
		return w
	case []string:
		return true
	}
	return true
}

func asUint(v any) (uint64, bool) {
	switch x := v.(type) {
	case uint64:
		return x, true
	case uint32:
		return uint64(x), true
	case int64:
		return uint64(x), x >= 0
	case int:
		return uint64(x), x >= 0
	case string:
		if x == "infinity" {
			return Infinity, true
		}
		if n, err := strconv.ParseUint(x, 10, 64); err == nil {
			return n, true
		}
		return timeSpan(x)
	}
	return 0, false
}

var spanPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)(us|ms|s|min|h)$`)

// timeSpan reads "1min 30s" as microseconds.
func timeSpan(s string) (uint64, bool) {
	var total time.Duration
	parts := strings.Fields(s)
	for _, p := range parts {
		m := spanPart.FindStringSubmatch(p)
		if m == nil {
			return 0, false
		}
		d, err := time.ParseDuration(m[1] + strings.Replace(m[2], "min", "m", 1))
		if err != nil {
			return 0, false
		}
		total += d
	}
	return uint64(total / time.Microsecond), len(parts) > 0
}

func asStrings(v any) ([]string, bool) {
	switch x := v.(type) {
	case []string:
		return x, true
	case []any:
		out := make([]string, len(x))
		for i, e := range x {
			s, ok := e.(string)
			if !ok {
				return nil, false
			}
			out[i] = s
		}
		return out, true
	case string:
		return splitWords(x)
	}
	return nil, false
}
