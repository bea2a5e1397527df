package pyvalue

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
)

// Kind is the Python type of a [Value].
type Kind uint8

// The kinds of values.
const (
	// NoKind is the kind of the zero Value, which is not a Python value.
	NoKind Kind = iota
	NoneKind
	BoolKind
	IntKind
	FloatKind
	StrKind
	BytesKind
	ListKind
	TupleKind
	DictKind
	SetKind
)

var kindNames = [...]string{"no value", "None", "bool", "int", "float", "str", "bytes", "list", "tuple", "dict", "set"}

// String returns the name of the Python type: "int", "str".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// TypeName returns the __name__ of the Python type: "int", "NoneType".
func (k Kind) TypeName() string {
	if k == NoneKind {
		return "NoneType"
	}
	return k.String()
}

// Value is a Python value that a literal can represent: None, a bool, an int of
// any size, a float, a str, a bytes, or a list, tuple, dict or set of those.
// The zero Value means that there is no value.
//
// A Value is immutable. The slices, maps and big integers that its methods
// return belong to the caller.
type Value struct {
	kind Kind
	// data holds bool, int64, *big.Int (only what int64 cannot hold),
	// float64, string (str and bytes), []Value (list, tuple, set) or []Item.
	data any
}

// Item is one entry of a dict, which keeps its entries in order.
type Item struct {
	Key, Value Value
}

// None returns Python's None.
func None() Value { return Value{kind: NoneKind} }

// Bool returns True or False.
func Bool(b bool) Value { return Value{BoolKind, b} }

// Int returns an int.
func Int(i int64) Value { return Value{IntKind, i} }

// Big returns an int of any size.
func Big(i *big.Int) Value {
	if i.IsInt64() {
		return Int(i.Int64())
	}
	return Value{IntKind, new(big.Int).Set(i)}
}

// Float returns a float. NaN and the infinities are values too, although no
// literal represents them: see [Value.Python].
func Float(f float64) Value { return Value{FloatKind, f} }

// Str returns a str. A Python str cannot hold text that is not UTF-8:
// [Value.Python] rejects it with [ErrNotUTF8].
func Str(s string) Value { return Value{StrKind, s} }

// Bytes returns a bytes.
func Bytes(b []byte) Value { return Value{BytesKind, string(b)} }

// List returns a list of the elements.
func List(elems ...Value) Value { return Value{ListKind, slices.Clone(elems)} }

// Tuple returns a tuple of the elements.
func Tuple(elems ...Value) Value { return Value{TupleKind, slices.Clone(elems)} }

// Set returns a set of the elements, keeping the first of equal ones. Its
// elements stay in the order of the arguments, but are written sorted: see
// [Value.Python].
func Set(elems ...Value) Value {
	kept := make([]Value, 0, len(elems))
	var seen index
	for _, e := range elems {
		if _, dup := seen.add(e); !dup {
			kept = append(kept, e)
		}
	}
	return Value{SetKind, kept}
}

// Dict returns a dict of the items. As in a Python literal, the first of two
// equal keys determines the place and the last one the value.
func Dict(items ...Item) Value {
	kept := make([]Item, 0, len(items))
	var seen index
	for _, it := range items {
		if i, dup := seen.add(it.Key); dup {
			kept[i].Value = it.Value
		} else {
			kept = append(kept, it)
		}
	}
	return Value{DictKind, kept}
}

// StrDict returns a dict of str to str, sorted by key.
func StrDict(m map[string]string) Value {
	items := make([]Item, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		items = append(items, Item{Str(k), Str(m[k])})
	}
	return Value{DictKind, items}
}

// Strs returns a list of str.
func Strs(elems ...string) Value {
	list := make([]Value, len(elems))
	for i, s := range elems {
		list[i] = Str(s)
	}
	return Value{ListKind, list}
}

// Kind returns the Python type of the value.
func (v Value) Kind() Kind { return v.kind }

// IsZero reports whether v is the zero Value, which is not a Python value.
func (v Value) IsZero() bool { return v.kind == NoKind }

// IsNone reports whether v is Python's None.
func (v Value) IsNone() bool { return v.kind == NoneKind }

// Bool returns the value of a bool.
func (v Value) Bool() (b, ok bool) {
	b, ok = v.data.(bool)
	return b, ok
}

// Int64 returns the value of an int that fits in an int64. It reports false
// for a bool, although that is an int in Python: see [Value.Index].
func (v Value) Int64() (int64, bool) {
	i, ok := v.data.(int64)
	return i, ok
}

// BigInt returns the value of an int.
func (v Value) BigInt() (*big.Int, bool) {
	switch i := v.data.(type) {
	case int64:
		return big.NewInt(i), true
	case *big.Int:
		return new(big.Int).Set(i), true
	}
	return nil, false
}

// Float64 returns the value of a float.
func (v Value) Float64() (float64, bool) {
	f, ok := v.data.(float64)
	return f, ok
}

// Str returns the value of a str.
func (v Value) Str() (string, bool) {
	if v.kind != StrKind {
		return "", false
	}
	return v.data.(string), true
}

// Bytes returns the value of a bytes.
func (v Value) Bytes() ([]byte, bool) {
	if v.kind != BytesKind {
		return nil, false
	}
	return []byte(v.data.(string)), true
}

// Elems returns the elements of a list, tuple or set.
func (v Value) Elems() ([]Value, bool) {
	e, ok := v.data.([]Value)
	return slices.Clone(e), ok
}

// Items returns the items of a dict in order.
func (v Value) Items() ([]Item, bool) {
	it, ok := v.data.([]Item)
	return slices.Clone(it), ok
}

// Lookup returns the value of a str key of a dict. It returns the zero Value if
// there is no such key or v is not a dict.
func (v Value) Lookup(key string) Value {
	items, _ := v.data.([]Item)
	for _, it := range items {
		if s, ok := it.Key.Str(); ok && s == key {
			return it.Value
		}
	}
	return Value{}
}

// Len returns the number of elements of a list, tuple, set or dict, and 0 for
// every other value.
func (v Value) Len() int {
	switch d := v.data.(type) {
	case []Value:
		return len(d)
	case []Item:
		return len(d)
	}
	return 0
}

// Strs returns the elements of a list, tuple or set of str. Those of a set are
// in the order in which they are written.
func (v Value) Strs() ([]string, bool) {
	elems, ok := v.data.([]Value)
	if v.kind == SetKind {
		elems = sorted(elems)
	}
	out := make([]string, len(elems))
	for i, e := range elems {
		s, isStr := e.Str()
		if !isStr {
			return nil, false
		}
		out[i] = s
	}
	return out, ok
}

// StrDict returns the items of a dict of str to str.
func (v Value) StrDict() (map[string]string, bool) {
	items, ok := v.data.([]Item)
	m := make(map[string]string, len(items))
	for _, it := range items {
		k, kok := it.Key.Str()
		s, sok := it.Value.Str()
		if !kok || !sok {
			return nil, false
		}
		m[k] = s
	}
	return m, ok
}
