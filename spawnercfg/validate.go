package spawnercfg

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Validate makes of a value what traitlets 5 makes of it when the option is
// set: an int for a Float becomes a float, a tuple for a List a list, text
// for an amount of memory its number of bytes. For a value that the option
// does not take it returns the exception. What a class checks beyond the type,
// as for bind_url, is left to [Checker.Check]. That the option takes a value does not
// mean that a user's server starts with it: see [Lint].
func (t Trait) Validate(v pyvalue.Value) (pyvalue.Value, *pyvalue.Exception) {
	if v.IsNone() && t.AllowNone {
		return v, nil
	}
	// Being set, and not as a member of another, such a trait takes text for
	// its one element.
	if v.Kind() == pyvalue.StrKind && len(splitType(t.Type, " | ")) == 1 {
		switch name, _ := cutType(t.Type); name {
		case "List":
			v = pyvalue.List(v)
		case "Set":
			v = pyvalue.Set(v)
		}
	}
	return t.validate(t.Type, v)
}

// splitType divides the text of a type outside of brackets.
func splitType(s, sep string) []string {
	var parts []string
	depth, start := 0, 0
	for i := range len(s) {
		switch {
		case s[i] == '[':
			depth++
		case s[i] == ']':
			depth--
		case depth == 0 && strings.HasPrefix(s[i:], sep):
			parts = append(parts, s[start:i])
			start = i + len(sep)
		}
	}
	return append(parts, s[start:])
}

// cutType returns the name of a type and what stands in its brackets.
func cutType(typ string) (name, inner string) {
	name, inner, _ = strings.Cut(typ, "[")
	return name, strings.TrimSuffix(inner, "]")
}

// validate does so for the text of a type.
func (t Trait) validate(typ string, v pyvalue.Value) (pyvalue.Value, *pyvalue.Exception) {
	if members := splitType(typ, " | "); len(members) > 1 {
		for _, m := range members {
			if w, raised := t.validate(m, v); raised == nil {
				return w, nil
			}
		}
		return v, t.expected(typ, v)
	}
	name, inner := cutType(typ)
	switch name {
	case "Any":
		return v, nil
	case "Bool":
		if v.Kind() == pyvalue.BoolKind || v.Kind() == pyvalue.IntKind && (v.Equal(pyvalue.Int(0)) || v.Equal(pyvalue.Int(1))) {
			return pyvalue.Bool(v.Truth()), nil
		}
		return v, t.expected(typ, v)
	case "Int":
		switch v.Kind() {
		case pyvalue.IntKind:
			return v, nil
		case pyvalue.BoolKind:
			i, _ := v.Index()
			return pyvalue.Big(i), nil
		case pyvalue.FloatKind:
			if f, _ := v.Float64(); f == math.Trunc(f) && !math.IsInf(f, 0) {
				i, _ := pyvalue.Truncate(f)
				return pyvalue.Big(i), nil
			}
		}
		return v, t.expected(typ, v)
	case "Float":
		f := 0.0
		switch v.Kind() {
		case pyvalue.FloatKind:
			f, _ = v.Float64()
		case pyvalue.IntKind, pyvalue.BoolKind:
			i, _ := v.Index()
			f, _ = i.Float64()
			if math.IsInf(f, 0) {
				return v, pyvalue.Raise("OverflowError", "int too large to convert to float")
			}
		default:
			return v, t.expected(typ, v)
		}
		if inner != "" && (f < 0 || f > 1) {
			bound := "less than 0"
			if f > 1 {
				bound = "greater than 1"
			}
			return v, pyvalue.Raise("TraitError", "The value of the '%s' trait of %s instance should not be %s, but a value of %s was specified", t.Name, article(t.Section), bound, pyvalue.Float(f))
		}
		return pyvalue.Float(f), nil
	case "Unicode", "EntryPointType", "URLPrefix":
		s, ok := v.Str()
		if b, isBytes := v.Bytes(); isBytes && name != "EntryPointType" {
			if !isASCII(b) {
				return v, pyvalue.Raise("TraitError", "Could not decode %s for unicode trait '%s' of %s instance.", v, t.Name, article(t.Section))
			}
			s, ok = string(b), true
		}
		if !ok {
			return v, t.expected(typ, v)
		}
		if name == "URLPrefix" {
			if !strings.HasPrefix(s, "/") {
				s = "/" + s
			}
			if !strings.HasSuffix(s, "/") {
				s += "/"
			}
		}
		return pyvalue.Str(s), nil
	case "Bytes":
		if v.Kind() == pyvalue.BytesKind {
			return v, nil
		}
		return v, t.expected(typ, v)
	case "ByteSpecification":
		i, raised := byteSpecification(v)
		if raised != nil {
			return v, raised
		}
		return pyvalue.Big(i), nil
	case "List", "Command", "Set":
		return t.validateElems(name, inner, v)
	case "Dict":
		return t.validateItems(typ, v)
	case "Enum", "CaselessStrEnum":
		text, isStr := v.Str()
		for _, member := range splitType(inner, ", ") {
			m, _ := ParseValue(member)
			if name == "CaselessStrEnum" && isStr && strings.EqualFold(m.Text(), text) {
				return m, nil
			}
			if v.Equal(m) {
				return v, nil
			}
		}
	}
	return v, t.expected(typ, v)
}

// validateItems does so for a Dict, whose keys and values may have types.
func (t Trait) validateItems(typ string, v pyvalue.Value) (pyvalue.Value, *pyvalue.Exception) {
	items, ok := v.Items()
	if !ok {
		return v, t.expected(typ, v)
	}
	_, inner := cutType(typ)
	if inner == "" {
		return v, nil
	}
	types := splitType(inner, ", ")
	for i, it := range items {
		for _, side := range []struct {
			name, typ string
			v         *pyvalue.Value
		}{{"Keys", types[0], &it.Key}, {"Values", types[1], &it.Value}} {
			w, raised := t.validate(side.typ, *side.v)
			if raised != nil {
				return v, pyvalue.Raise("TraitError", "%s of the '%s' trait of %s instance must be %s, but a value of %s <class '%s'> was specified.",
					side.name, t.Name, article(t.Section), typeInfo(side.typ), side.v, side.v.Kind().TypeName())
			}
			*side.v = w
		}
		items[i] = it
	}
	return pyvalue.Dict(items...), nil
}

// validateElems does so for what holds elements.
func (t Trait) validateElems(typ, item string, v pyvalue.Value) (pyvalue.Value, *pyvalue.Exception) {
	if typ == "Command" {
		item = "Unicode"
		if v.Kind() == pyvalue.StrKind {
			v = pyvalue.List(v)
		}
	}
	var elems []pyvalue.Value
	switch {
	case v.Kind() == pyvalue.ListKind, v.Kind() == pyvalue.TupleKind, typ == "Set" && v.Kind() == pyvalue.SetKind:
		elems, _ = v.Elems()
	default:
		return v, t.expected(typ, v)
	}
	// The one whose default is empty may be.
	if def, _ := t.Default.Elems(); typ == "Command" && len(elems) == 0 && (t.Default.IsZero() || len(def) > 0) {
		return v, pyvalue.Raise("TraitError", "The '%s' trait of %s instance must be of length 1 <= L <= 9223372036854775807, but a value of [] was specified.", t.Name, article(t.Section))
	}
	for i, e := range elems {
		if typ == "Set" && !e.Hashable() {
			return v, pyvalue.Raise("TypeError", "unhashable type: '%s'", e.Kind())
		}
		if item == "" {
			continue
		}
		w, raised := t.validate(item, e)
		if raised != nil {
			raised.Message = strings.Replace(raised.Message, "instance expected", fmt.Sprintf("instance contains %s of %s which expected", article(item), article(typ)), 1)
			return v, raised
		}
		elems[i] = w
	}
	if typ == "Set" {
		return pyvalue.Set(elems...), nil
	}
	return pyvalue.List(elems...), nil
}

// expected is the TraitError for a value of the wrong type.
func (t Trait) expected(typ string, v pyvalue.Value) *pyvalue.Exception {
	what := typeInfo(typ)
	if t.AllowNone && what == "a list" {
		what += " or None"
	}
	return pyvalue.Raise("TraitError", "The '%s' trait of %s instance expected %s, not the %s %s.", t.Name, article(t.Section), what, v.Kind().TypeName(), v)
}

// typeInfo returns the words that traitlets has for a type.
func typeInfo(typ string) string {
	members := splitType(typ, " | ")
	for i, m := range members {
		switch name, inner := cutType(m); name {
		case "Bool":
			members[i] = "a boolean"
		case "Int":
			members[i] = "an int"
		case "Unicode", "EntryPointType", "URLPrefix":
			members[i] = "a unicode string"
		case "Bytes":
			members[i] = "a bytes object"
		case "Command":
			members[i] = "a list"
		case "Enum":
			members[i] = "any of [" + inner + "]"
		case "CaselessStrEnum":
			members[i] = "any of [" + inner + "] (case-insensitive)"
		default:
			members[i] = "a " + strings.ToLower(name)
		}
	}
	return strings.Join(members, " or ")
}

func article(class string) string {
	if strings.Contains("AEIOU", class[:1]) {
		return "an " + class
	}
	return "a " + class
}

func isASCII(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c >= utf8.RuneSelf })
}
