package spawnercfg

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// decode reads a Python value into the field's Go value, after the trait has
// made of it what traitlets makes of it: a tuple is a list, 1 is True for a
// Bool, a lone str is a list of one.
func decode(dst any, t Trait, v pyvalue.Value) error {
	v, raised := t.Validate(v)
	if raised != nil {
		return fmt.Errorf("%w: %s", ErrType, raised.Message)
	}
	misfit := func() error { return fmt.Errorf("%w: %s %s", ErrType, v.Kind(), v) }
	switch d := dst.(type) {
	case *pyvalue.Value:
		*d = v
		return nil
	case *bool:
		b, ok := v.Bool()
		if !ok {
			return misfit()
		}
		*d = b
	case *int:
		i, ok := v.Int64()
		if !ok || int64(int(i)) != i {
			return misfit()
		}
		*d = int(i)
	case *float64:
		f, ok := v.Float64()
		if !ok {
			return misfit()
		}
		*d = f
	case *string:
		s, ok := v.Str()
		if !ok {
			return misfit()
		}
		*d = s
	case *ByteSize:
		i, ok := v.Int64()
		if !ok {
			return misfit()
		}
		*d = ByteSize(i)
	case *time.Duration:
		if f, ok := v.Float64(); ok {
			*d = time.Duration(f * float64(time.Second))
			return nil
		}
		i, ok := v.Int64()
		if !ok || i > int64(1<<63-1)/int64(time.Second) || i < -int64(1<<63-1)/int64(time.Second) {
			return misfit()
		}
		*d = time.Duration(i) * time.Second
	case *Template:
		s, ok := v.Str()
		if !ok {
			return misfit()
		}
		var err error
		*d, err = ParseTemplate(s)
		return err
	case *[]Template:
		list, ok := v.Strs()
		if !ok {
			return misfit()
		}
		out := make([]Template, len(list))
		for i, s := range list {
			var err error
			if out[i], err = ParseTemplate(s); err != nil {
				return err
			}
		}
		*d = out
	case *[]string:
		list, ok := v.Strs()
		if !ok {
			return misfit()
		}
		*d = list
	case *map[string]string:
		m, ok := v.StrDict()
		if !ok {
			return misfit()
		}
		*d = m
	case *[]Property:
		return decodeProperties(d, v)
	case *[]Service:
		return decodeList(d, v, decodeService)
	case *[]Role:
		return decodeList(d, v, decodeRole)
	case *[]GroupOverride:
		return decodeOverrides(d, v)
	case *TornadoSettings:
		return d.decode(v)
	default:
		return fmt.Errorf("%T: %w", dst, ErrType)
	}
	return nil
}

func decodeProperties(d *[]Property, v pyvalue.Value) error {
	items, _ := v.Items()
	out := make([]Property, len(items))
	for i, it := range items {
		name, nok := it.Key.Str()
		text, tok := it.Value.Str()
		if !nok || !tok {
			return fmt.Errorf("%w: property %s: %s is no str", ErrType, it.Key, it.Value)
		}
		value, err := ParseTemplate(text)
		if err != nil {
			return fmt.Errorf("property %s: %w", name, err)
		}
		out[i] = Property{name, value}
	}
	*d = out
	return nil
}

func decodeList[T any](d *[]T, v pyvalue.Value, decode func(pyvalue.Value) (T, bool)) error {
	elems, _ := v.Elems()
	out := make([]T, len(elems))
	for i, e := range elems {
		var ok bool
		if out[i], ok = decode(e); !ok {
			return fmt.Errorf("%w: element %d: %s", ErrType, i, e)
		}
	}
	*d = out
	return nil
}

// each calls f for the items of a dict with str keys; f reports whether the
// value fits.
func each(v pyvalue.Value, f func(key string, it pyvalue.Item) bool) bool {
	items, ok := v.Items()
	if !ok {
		return false
	}
	for _, it := range items {
		key, ok := it.Key.Str()
		if !ok || !f(key, it) {
			return false
		}
	}
	return true
}

func decodeService(v pyvalue.Value) (s Service, ok bool) {
	ok = each(v, func(key string, it pyvalue.Item) (ok bool) {
		switch key {
		case "name":
			s.Name, ok = it.Value.Str()
		case "api_token":
			s.APIToken, ok = it.Value.Str()
		case "url":
			s.URL, ok = it.Value.Str()
		case "command":
			s.Command, ok = it.Value.Strs()
		case "environment":
			s.Environment, ok = it.Value.StrDict()
		case "admin":
			s.Admin, ok = it.Value.Bool()
		default:
			s.Other, ok = append(s.Other, it), true
		}
		return ok
	})
	return s, ok
}

func decodeRole(v pyvalue.Value) (r Role, ok bool) {
	ok = each(v, func(key string, it pyvalue.Item) (ok bool) {
		switch key {
		case "name":
			r.Name, ok = it.Value.Str()
		case "description":
			r.Description, ok = it.Value.Str()
		case "scopes":
			r.Scopes, ok = it.Value.Strs()
		case "users":
			r.Users, ok = it.Value.Strs()
		case "groups":
			r.Groups, ok = it.Value.Strs()
		case "services":
			r.Services, ok = it.Value.Strs()
		default:
			r.Other, ok = append(r.Other, it), true
		}
		return ok
	})
	return r, ok
}

func decodeOverrides(d *[]GroupOverride, v pyvalue.Value) error {
	items, _ := v.Items()
	out := make([]GroupOverride, len(items))
	for i, it := range items {
		name, ok := it.Key.Str()
		groups, gok := it.Value.Lookup("groups").Strs()
		override := it.Value.Lookup("spawner_override")
		keys, kok := it.Value.Items()
		if !ok || !gok || !kok || len(keys) != 2 || override.Kind() != pyvalue.DictKind {
			return fmt.Errorf("%w: override %s", ErrType, it.Key)
		}
		out[i] = GroupOverride{Name: name, Groups: groups}
		fields := sectionFields("SystemdSpawner", reflect.ValueOf(&out[i].Override).Elem())
		set, _ := override.Items()
	next:
		for _, o := range set {
			option, _ := o.Key.Str()
			for _, f := range fields {
				if f.trait.Name != option {
					continue
				}
				if err := f.option.decode(f.trait, o.Value); err != nil {
					return fmt.Errorf("override %s: %s: %w", name, option, err)
				}
				continue next
			}
			return fmt.Errorf("%w: override %s: no option %s", ErrType, name, o.Key)
		}
	}
	*d = out
	return nil
}

func (t *TornadoSettings) decode(v pyvalue.Value) error {
	*t = TornadoSettings{}
	items, _ := v.Items()
	for _, it := range items {
		key, _ := it.Key.Str()
		switch key {
		case "headers":
			headers, ok := it.Value.StrDict()
			if !ok {
				return fmt.Errorf("%w: headers: %s", ErrType, it.Value)
			}
			t.Headers = decodeHeaders(headers)
		case "slow_spawn_timeout", "slow_stop_timeout":
			f, ok := it.Value.Float64()
			if i, isInt := it.Value.Int64(); isInt {
				f, ok = float64(i), true
			}
			if !ok {
				return fmt.Errorf("%w: %s: %s", ErrType, key, it.Value)
			}
			timeout := Set(time.Duration(f * float64(time.Second)))
			if key == "slow_spawn_timeout" {
				t.SlowSpawnTimeout = timeout
			} else {
				t.SlowStopTimeout = timeout
			}
		default:
			t.Other = append(t.Other, it)
		}
	}
	return nil
}

// decodeHeaders reads into its fields what those would write in the same way;
// the rest is Other.
func decodeHeaders(headers map[string]string) Headers {
	h := Headers{Other: map[string]string{}}
	for name, value := range headers {
		var one Headers
		switch name {
		case "Content-Security-Policy":
			directives := strings.Split(value, "; ")
			if n := len(directives); n > 1 {
				ancestors, _ := strings.CutPrefix(directives[0], "frame-ancestors ")
				report, _ := strings.CutPrefix(directives[n-1], "report-uri ")
				one.FrameAncestors, one.Policy, one.ReportURI = strings.Split(ancestors, " "), slices.Clone(directives[1:n-1]), report
				if n == 2 {
					one.Policy = nil
				}
			}
			if one.ReportURI == cspReportURI {
				one.ReportURI = ""
			}
		case "Strict-Transport-Security":
			age, sub := strings.CutSuffix(value, "; includeSubDomains")
			seconds, _ := strconv.ParseInt(strings.TrimPrefix(age, "max-age="), 10, 32)
			one.StrictTransportSecurity, one.IncludeSubDomains = time.Duration(seconds)*time.Second, sub
		case "X-Content-Type-Options":
			one.NoSniff = true
		case "Referrer-Policy":
			one.ReferrerPolicy = value
		}
		written, err := one.items()
		if err != nil || len(written) != 1 || !written[0].Value.Equal(pyvalue.Str(value)) {
			h.Other[name] = value
			continue
		}
		switch name {
		case "Content-Security-Policy":
			h.FrameAncestors, h.Policy, h.ReportURI = one.FrameAncestors, one.Policy, one.ReportURI
		case "Strict-Transport-Security":
			h.StrictTransportSecurity, h.IncludeSubDomains = one.StrictTransportSecurity, one.IncludeSubDomains
		case "X-Content-Type-Options":
			h.NoSniff = true
		case "Referrer-Policy":
			h.ReferrerPolicy = one.ReferrerPolicy
		}
	}
	if len(h.Other) == 0 {
		h.Other = nil
	}
	return h
}
