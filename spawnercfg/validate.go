package spawnercfg

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// PythonError is what Python would raise.
type PythonError struct {
	// Type is the exception's class, such as "KeyError".
	Type string
	// Message is its text.
	Message string
}

// Error returns "Type: Message", as the last line of a traceback.
func (e *PythonError) Error() string { return e.Type + ": " + e.Message }

// Validate makes of a value what traitlets 5 makes of it when the option is
// set: an int for a Float becomes a float, a tuple for a List a list, text
// for an amount of memory its number of bytes. For a value that the option
// does not take it returns the exception. That the option takes a value does
// not mean that a user's server starts with it: see [Lint].
func (t Trait) Validate(v Value) (Value, *PythonError) {
	if v.IsNone() && t.AllowNone {
		return v, nil
	}
	members := strings.Split(t.Type, " | ")
	if len(members) == 1 {
		return t.validate(t.Type, v)
	}
	for _, m := range members {
		if w, raised := t.validate(m, v); raised == nil {
			return w, nil
		}
	}
	return v, t.expected("a "+strings.ToLower(strings.Join(members, " or a ")), v)
}

// validate does so for one type.
func (t Trait) validate(typ string, v Value) (Value, *PythonError) {
	typ, rest, _ := strings.Cut(typ, "[")
	item, _, _ := strings.Cut(rest, "]")
	switch typ {
	case "Any":
		return v, nil
	case "Bool":
		if v.kind == BoolKind || v.kind == IntKind && (v.Equal(IntValue(0)) || v.Equal(IntValue(1))) {
			return BoolValue(truth(v)), nil
		}
		return v, t.expected("a boolean", v)
	case "Int":
		switch v.kind {
		case IntKind:
			return v, nil
		case BoolKind:
			i, _, _ := v.number()
			return BigValue(i), nil
		case FloatKind:
			if f := v.data.(float64); f == math.Trunc(f) && !math.IsInf(f, 0) {
				i, _ := truncate(f)
				return BigValue(i), nil
			}
		}
		return v, t.expected("an int", v)
	case "Float":
		f := 0.0
		switch v.kind {
		case FloatKind:
			f = v.data.(float64)
		case IntKind, BoolKind:
			i, _, _ := v.number()
			f, _ = i.Float64()
			if math.IsInf(f, 0) {
				return v, &PythonError{"OverflowError", "int too large to convert to float"}
			}
		default:
			return v, t.expected("a float", v)
		}
		if rest != "" && (f < 0 || f > 1) {
			bound := "less than 0"
			if f > 1 {
				bound = "greater than 1"
			}
			return v, &PythonError{"TraitError", fmt.Sprintf("The value of the '%s' trait of %s instance should not be %s, but a value of %s was specified", t.Name, article(t.Section), bound, FloatValue(f))}
		}
		return FloatValue(f), nil
	case "Unicode", "EntryPointType", "URLPrefix":
		s, ok := v.Str()
		if b, isBytes := v.Bytes(); isBytes && typ != "EntryPointType" {
			if !isASCII(b) {
				return v, &PythonError{"TraitError", fmt.Sprintf("Could not decode %s for unicode trait '%s' of %s instance.", v, t.Name, article(t.Section))}
			}
			s, ok = string(b), true
		}
		if !ok {
			return v, t.expected("a unicode string", v)
		}
		if typ == "URLPrefix" {
			if !strings.HasPrefix(s, "/") {
				s = "/" + s
			}
			if !strings.HasSuffix(s, "/") {
				s += "/"
			}
		}
		return StrValue(s), nil
	case "Bytes":
		if v.kind == BytesKind {
			return v, nil
		}
		return v, t.expected("a bytes object", v)
	case "ByteSpecification":
		i, raised := byteSpecification(v)
		if raised != nil {
			return v, raised
		}
		return BigValue(i), nil
	case "List", "Command", "Set":
		return t.validateElems(typ, item, v)
	case "Dict":
		if v.kind == DictKind {
			return v, nil
		}
		return v, t.expected("a dict", v)
	case "Enum", "CaselessStrEnum":
		s, isStr := v.Str()
		for _, member := range strings.Split(item, ", ") {
			text := strings.Trim(member, "'")
			if isStr && (s == text || typ == "CaselessStrEnum" && strings.EqualFold(s, text)) && text != member {
				return StrValue(text), nil
			}
			if v.kind == IntKind && v.String() == member {
				return v, nil
			}
		}
		return v, t.expected("one of "+item, v)
	}
	return v, t.expected("a "+strings.ToLower(typ), v)
}

func (t Trait) validateElems(typ, item string, v Value) (Value, *PythonError) {
	if typ == "Command" {
		item = "Unicode"
	}
	var elems []Value
	switch {
	case v.kind == ListKind, v.kind == TupleKind, typ == "Set" && v.kind == SetKind:
		elems, _ = v.Elems()
	case v.kind == StrKind && typ != "Set":
		elems = []Value{v}
	default:
		return v, t.expected("a "+map[string]string{"List": "list", "Command": "list", "Set": "set"}[typ], v)
	}
	if typ == "Command" && len(elems) == 0 {
		return v, &PythonError{"TraitError", fmt.Sprintf("The '%s' trait of %s instance must be of length 1 <= L <= 9223372036854775807, but a value of [] was specified.", t.Name, article(t.Section))}
	}
	for i, e := range elems {
		if typ == "Set" && !e.hashable() {
			return v, &PythonError{"TypeError", fmt.Sprintf("unhashable type: '%s'", e.kind)}
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
		return SetValue(elems...), nil
	}
	return ListValue(elems...), nil
}

// expected is the TraitError for a value of the wrong type.
func (t Trait) expected(what string, v Value) *PythonError {
	if t.AllowNone && strings.HasPrefix(what, "a list") {
		what += " or None"
	}
	return &PythonError{"TraitError", fmt.Sprintf("The '%s' trait of %s instance expected %s, not the %s %s.", t.Name, article(t.Section), what, v.kind.typeName(), v)}
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

// str returns the value as Python's str() does.
func (v Value) str() string {
	if s, ok := v.Str(); ok {
		return s
	}
	return v.String()
}
