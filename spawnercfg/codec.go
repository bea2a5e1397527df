package spawnercfg

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Why an option cannot be written, or read into its field.
var (
	// ErrNoneNotAllowed is None for an option that does not take it.
	ErrNoneNotAllowed = errors.New("does not take None")
	// ErrFraction is a duration with a fraction of a second for an option that
	// counts whole seconds.
	ErrFraction = errors.New("is not a whole number of seconds")
	// ErrType is a Python value that the field of [Options] cannot hold.
	ErrType = errors.New("does not fit the option's field")
	// ErrTwice is an option of [Options.Other] that has a field of its own, or
	// is there twice.
	ErrTwice = errors.New("is given twice")
)

// OptionError says which option an error is about.
type OptionError struct {
	// Option is "Section.name".
	Option string
	// Pos is where the option was given.
	Pos Position
	// Err is what is wrong.
	Err error
}

// Error returns the error on one line.
func (e *OptionError) Error() string {
	if pos := e.Pos.String(); pos != "" {
		return fmt.Sprintf("spawnercfg: %s: %s: %v", pos, e.Option, e.Err)
	}
	return fmt.Sprintf("spawnercfg: %s: %v", e.Option, e.Err)
}

// Unwrap returns what is wrong.
func (e *OptionError) Unwrap() error { return e.Err }

// field is one field of a section of Options, with its trait.
type field struct {
	section string
	trait   Trait
	option  option
}

// fields returns the fields of all sections of o in declared order.
func (o *Options) fields() []field {
	var fs []field
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; name != "Other" {
			fs = append(fs, sectionFields(name, v.Field(i))...)
		}
	}
	return fs
}

func sectionFields(section string, v reflect.Value) []field {
	classes := Ancestry(section)
	traits := map[string]Trait{}
	for _, t := range hubTraits {
		if slices.Contains(classes, t.Section) {
			traits[t.Name] = t
		}
	}
	fs := make([]field, v.NumField())
	for i := range fs {
		fs[i] = field{section, traits[v.Type().Field(i).Tag.Get("trait")], v.Field(i).Addr().Interface().(option)}
	}
	return fs
}

// Settings returns the options that are set, in the order in which they are
// written. The error is an [OptionError], or several joined.
func (o Options) Settings() ([]Setting, error) {
	settings, errs := encodeFields(o.fields())
	taken := map[string]bool{}
	for _, f := range o.fields() {
		taken[f.section+"."+f.trait.Name] = true
	}
	other := slices.Clone(o.Other)
	slices.SortStableFunc(other, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(sectionRank(a.Section), sectionRank(b.Section)), strings.Compare(a.Section, b.Section))
	})
	for _, s := range other {
		switch {
		case taken[s.Option()]:
			errs = append(errs, &OptionError{s.Option(), s.Pos, ErrTwice})
		default:
			taken[s.Option()] = true
			settings = append(settings, s)
		}
	}
	slices.SortStableFunc(settings, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(sectionRank(a.Section), sectionRank(b.Section)), strings.Compare(a.Section, b.Section))
	})
	return settings, errors.Join(errs...)
}

// sectionRank orders sections as [Options] declares them, others after.
func sectionRank(section string) int {
	if i := slices.Index([]string{
		"JupyterHub", "Spawner", "SystemdSpawner", "Authenticator", "LocalAuthenticator", "PAMAuthenticator", "ConfigurableHTTPProxy",
	}, section); i >= 0 {
		return i
	}
	return 100
}

func encodeFields(fs []field) (settings []Setting, errs []error) {
	for _, f := range fs {
		v, err := f.option.encode(f.trait)
		switch {
		case err != nil:
			errs = append(errs, &OptionError{f.section + "." + f.trait.Name, Position{}, err})
		case !v.IsZero():
			settings = append(settings, Setting{Section: f.section, Name: f.trait.Name, Value: v})
		}
	}
	return settings, errs
}

// FromSettings reads settings into options, resolved as the hub resolves
// them: of two that set one option of one class the later counts, and a class
// has the options of its bases unless it sets them itself. What does not fit
// its field, because it is of another type or not certain, is reported by an
// error of an [OptionError] each, joined; the options hold all the rest. What
// has no field is in Other.
func FromSettings(settings []Setting) (Options, error) {
	var o Options
	var errs []error
	read := map[string]bool{}
	for _, f := range o.fields() {
		classes := Ancestry(f.section)
		var last *Setting
		for _, class := range classes {
			for i, s := range settings {
				if s.Section == class && s.Name == f.trait.Name {
					last = &settings[i]
					read[s.Option()] = true
				}
			}
		}
		if last == nil {
			continue
		}
		err := error(nil)
		if last.Value.IsZero() {
			err = unsure(*last)
		} else {
			err = f.option.decode(f.trait, last.Value)
		}
		if err != nil {
			errs = append(errs, &OptionError{last.Option(), last.Pos, err})
		}
	}
	for _, s := range settings {
		if read[s.Option()] {
			continue
		}
		if i := slices.IndexFunc(o.Other, func(p Setting) bool { return p.Option() == s.Option() }); i >= 0 {
			o.Other[i] = s
		} else {
			o.Other = append(o.Other, s)
		}
	}
	for _, s := range o.Other {
		if s.Value.IsZero() {
			errs = append(errs, &OptionError{s.Option(), s.Pos, unsure(s)})
		}
	}
	o.Other = slices.DeleteFunc(o.Other, func(s Setting) bool { return s.Value.IsZero() })
	return o, errors.Join(errs...)
}

// ErrUnsure is an option whose value a file leaves open.
var ErrUnsure = errors.New("the value is not certain")

func unsure(s Setting) error {
	if s.Unsure == "" {
		return pyvalue.ErrNoValue
	}
	return fmt.Errorf("%w: %s", ErrUnsure, s.Unsure)
}

// encode returns the Python value of a field's Go value.
func encode(value any, t Trait) (pyvalue.Value, error) {
	switch x := value.(type) {
	case pyvalue.Value:
		if x.IsZero() {
			return x, pyvalue.ErrNoValue
		}
		return x, nil
	case bool:
		return pyvalue.Bool(x), nil
	case int:
		return pyvalue.Int(int64(x)), nil
	case float64:
		return pyvalue.Float(x), nil
	case string:
		return pyvalue.Str(x), nil
	case ByteSize:
		if s := x.String(); x != 0 && x%KiB == 0 {
			return pyvalue.Str(s), nil
		}
		return pyvalue.Int(int64(x)), nil
	case time.Duration:
		if strings.HasPrefix(t.Type, "Float") {
			return pyvalue.Float(x.Seconds()), nil
		}
		seconds, err := wholeSeconds(x)
		return pyvalue.Int(seconds), err
	case Template:
		return pyvalue.Str(x.format), nil
	case []Template:
		list := make([]pyvalue.Value, len(x))
		for i, e := range x {
			list[i] = pyvalue.Str(e.format)
		}
		return pyvalue.List(list...), nil
	case []string:
		if strings.HasPrefix(t.Type, "Set") {
			elems, _ := pyvalue.Strs(x...).Elems()
			return pyvalue.Set(elems...), nil
		}
		return pyvalue.Strs(x...), nil
	case map[string]string:
		return pyvalue.StrDict(x), nil
	case []Property:
		items := make([]pyvalue.Item, len(x))
		for i, p := range x {
			if slices.ContainsFunc(x[:i], func(q Property) bool { return q.Name == p.Name }) {
				return pyvalue.Value{}, fmt.Errorf("property %s %w", p.Name, ErrTwice)
			}
			items[i] = pyvalue.Item{Key: pyvalue.Str(p.Name), Value: pyvalue.Str(p.Value.format)}
		}
		return pyvalue.Dict(items...), nil
	case []Service:
		return encodeList(x, Service.encode)
	case []Role:
		return encodeList(x, Role.encode)
	case []GroupOverride:
		return encodeOverrides(x)
	case TornadoSettings:
		return x.encode()
	}
	return pyvalue.Value{}, fmt.Errorf("%T: %w", value, ErrType)
}

func wholeSeconds(d time.Duration) (int64, error) {
	if d%time.Second != 0 {
		return 0, fmt.Errorf("%v %w", d, ErrFraction)
	}
	return int64(d / time.Second), nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func encodeList[T any](list []T, encode func(T) pyvalue.Value) (pyvalue.Value, error) {
	elems := make([]pyvalue.Value, len(list))
	for i, e := range list {
		elems[i] = encode(e)
	}
	return pyvalue.List(elems...), nil
}

// dict collects the items of a struct that is written as a dict.
type dict []pyvalue.Item

func (d *dict) add(key string, v pyvalue.Value) {
	*d = append(*d, pyvalue.Item{Key: pyvalue.Str(key), Value: v})
}

func (d *dict) str(key, s string) {
	if s != "" {
		d.add(key, pyvalue.Str(s))
	}
}

func (d *dict) strs(key string, s []string) {
	if len(s) > 0 {
		d.add(key, pyvalue.Strs(s...))
	}
}

func (s Service) encode() pyvalue.Value {
	var d dict
	d.str("name", s.Name)
	d.str("api_token", s.APIToken)
	d.str("url", s.URL)
	d.strs("command", s.Command)
	if len(s.Environment) > 0 {
		d.add("environment", pyvalue.StrDict(s.Environment))
	}
	if s.Admin {
		d.add("admin", pyvalue.Bool(true))
	}
	return pyvalue.Dict(append(d, s.Other...)...)
}

func (r Role) encode() pyvalue.Value {
	var d dict
	d.str("name", r.Name)
	d.str("description", r.Description)
	d.strs("scopes", r.Scopes)
	d.strs("users", r.Users)
	d.strs("groups", r.Groups)
	d.strs("services", r.Services)
	return pyvalue.Dict(append(d, r.Other...)...)
}

func encodeOverrides(list []GroupOverride) (pyvalue.Value, error) {
	var all dict
	for i, g := range list {
		if slices.ContainsFunc(list[:i], func(h GroupOverride) bool { return h.Name == g.Name }) {
			return pyvalue.Value{}, fmt.Errorf("override %s %w", g.Name, ErrTwice)
		}
		settings, errs := encodeFields(sectionFields("SystemdSpawner", reflect.ValueOf(&g.Override).Elem()))
		if len(errs) > 0 {
			return pyvalue.Value{}, errors.Join(errs...)
		}
		var override dict
		for _, s := range settings {
			override.add(s.Name, s.Value)
		}
		all.add(g.Name, pyvalue.Dict(
			pyvalue.Item{Key: pyvalue.Str("groups"), Value: pyvalue.Strs(g.Groups...)},
			pyvalue.Item{Key: pyvalue.Str("spawner_override"), Value: pyvalue.Dict(override...)},
		))
	}
	return pyvalue.Dict(all...), nil
}

func (t TornadoSettings) encode() (pyvalue.Value, error) {
	var d dict
	headers, err := t.Headers.items()
	if err != nil {
		return pyvalue.Value{}, err
	}
	if len(headers) > 0 {
		d.add("headers", pyvalue.Dict(headers...))
	}
	for _, s := range []struct {
		key string
		opt Opt[time.Duration]
	}{{"slow_spawn_timeout", t.SlowSpawnTimeout}, {"slow_stop_timeout", t.SlowStopTimeout}} {
		if v, ok := s.opt.Get(); ok {
			seconds := pyvalue.Value{}
			if v%time.Second == 0 {
				seconds = pyvalue.Int(int64(v / time.Second))
			} else {
				seconds = pyvalue.Float(v.Seconds())
			}
			d.add(s.key, seconds)
		}
	}
	for _, it := range t.Other {
		if slices.ContainsFunc(d, func(o pyvalue.Item) bool { return o.Key.Equal(it.Key) }) {
			return pyvalue.Value{}, fmt.Errorf("%s %w", it.Key, ErrTwice)
		}
		d = append(d, it)
	}
	return pyvalue.Dict(d...), nil
}
