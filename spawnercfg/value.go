package spawnercfg

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// Kind is the Python type of a [Value].
type Kind uint8

// The kinds of value that a configuration file can give as a literal.
const (
	// NoKind is the kind of the zero Value, which is no Python value at all.
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

// typeName returns what Python's type() says.
func (k Kind) typeName() string {
	if k == NoneKind {
		return "NoneType"
	}
	return k.String()
}

// Value is a Python value that a literal can write: None, a bool, an int of
// any size, a float, a str, bytes, or a list, tuple, dict or set of those.
// The zero Value is no value: an option that holds it is not set.
//
// A Value is immutable; what its accessors return belongs to the caller.
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

// NoneValue is Python's None.
func NoneValue() Value { return Value{kind: NoneKind} }

// BoolValue is True or False.
func BoolValue(b bool) Value { return Value{BoolKind, b} }

// IntValue is an int.
func IntValue(i int64) Value { return Value{IntKind, i} }

// BigValue is an int of any size.
func BigValue(i *big.Int) Value {
	if i.IsInt64() {
		return IntValue(i.Int64())
	}
	return Value{IntKind, new(big.Int).Set(i)}
}

// FloatValue is a float. NaN and the infinities are values too, but no
// literal writes them: see [Value.Python].
func FloatValue(f float64) Value { return Value{FloatKind, f} }

// StrValue is a str. Text that is not UTF-8 is no str: [Value.Python] refuses
// it.
func StrValue(s string) Value { return Value{StrKind, s} }

// BytesValue is a bytes.
func BytesValue(b []byte) Value { return Value{BytesKind, string(b)} }

// ListValue is a list of the elements.
func ListValue(elems ...Value) Value { return Value{ListKind, slices.Clone(elems)} }

// TupleValue is a tuple of the elements.
func TupleValue(elems ...Value) Value { return Value{TupleKind, slices.Clone(elems)} }

// SetValue is a set of the elements; of equal ones it keeps the first. The
// order is that of the arguments until it is written: see [Value.Python].
func SetValue(elems ...Value) Value {
	var kept []Value
	for _, e := range elems {
		if !slices.ContainsFunc(kept, e.Equal) {
			kept = append(kept, e)
		}
	}
	return Value{SetKind, kept}
}

// DictValue is a dict of the items. As in a Python literal, of two equal keys
// the first gives the place and the last the value.
func DictValue(items ...Item) Value {
	var kept []Item
	for _, it := range items {
		if i := slices.IndexFunc(kept, func(k Item) bool { return k.Key.Equal(it.Key) }); i >= 0 {
			kept[i].Value = it.Value
		} else {
			kept = append(kept, it)
		}
	}
	return Value{DictKind, kept}
}

// Strs is a list of str.
func Strs(elems ...string) Value {
	list := make([]Value, len(elems))
	for i, s := range elems {
		list[i] = StrValue(s)
	}
	return Value{ListKind, list}
}

// Kind returns the Python type of the value.
func (v Value) Kind() Kind { return v.kind }

// IsZero reports whether v is the zero Value, which is no Python value.
func (v Value) IsZero() bool { return v.kind == NoKind }

// IsNone reports whether v is Python's None.
func (v Value) IsNone() bool { return v.kind == NoneKind }

// Bool returns the value of a bool.
func (v Value) Bool() (b, ok bool) {
	b, ok = v.data.(bool)
	return b, ok
}

// Int64 returns the value of an int that int64 can hold. A bool is not an int
// here, though it is one in Python.
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

// Lookup returns the value that a dict has for a str key, and the zero Value
// if it has none or v is no dict.
func (v Value) Lookup(key string) Value {
	items, _ := v.data.([]Item)
	for _, it := range items {
		if s, ok := it.Key.Str(); ok && s == key {
			return it.Value
		}
	}
	return Value{}
}

// number returns a number as Python compares it, bool included.
func (v Value) number() (i *big.Int, f float64, ok bool) {
	switch d := v.data.(type) {
	case bool:
		if d {
			return big.NewInt(1), 0, true
		}
		return new(big.Int), 0, true
	case int64, *big.Int:
		i, _ := v.BigInt()
		return i, 0, true
	case float64:
		return nil, d, true
	}
	return nil, 0, false
}

// Equal reports whether Python's == holds between the two values: 1 equals
// 1.0 and True, a list never equals a tuple, the order of a dict or set does
// not count. NaN equals nothing. Two zero Values are equal.
func (v Value) Equal(w Value) bool {
	vi, vf, vNum := v.number()
	wi, wf, wNum := w.number()
	if vNum || wNum {
		switch {
		case !vNum || !wNum:
			return false
		case vi != nil && wi != nil:
			return vi.Cmp(wi) == 0
		case vi == nil && wi == nil:
			return vf == wf
		case vi == nil:
			return equalIntFloat(wi, vf)
		default:
			return equalIntFloat(vi, wf)
		}
	}
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case StrKind, BytesKind:
		return v.data.(string) == w.data.(string)
	case ListKind, TupleKind:
		return slices.EqualFunc(v.data.([]Value), w.data.([]Value), Value.Equal)
	case SetKind:
		a, b := v.data.([]Value), w.data.([]Value)
		return len(a) == len(b) && !slices.ContainsFunc(a, func(e Value) bool { return !slices.ContainsFunc(b, e.Equal) })
	case DictKind:
		a, b := v.data.([]Item), w.data.([]Item)
		return len(a) == len(b) && !slices.ContainsFunc(a, func(it Item) bool {
			return !slices.ContainsFunc(b, func(o Item) bool { return it.Key.Equal(o.Key) && it.Value.Equal(o.Value) })
		})
	}
	return true
}

func equalIntFloat(i *big.Int, f float64) bool {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return false
	}
	return new(big.Float).SetInt(i).Cmp(new(big.Float).SetFloat64(f)) == 0
}

// Identical reports whether the two values are equal and of the same types
// all the way down, entries of dicts in the same order: whether they are
// written in the same way.
func (v Value) Identical(w Value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case FloatKind:
		return math.Float64bits(v.data.(float64)) == math.Float64bits(w.data.(float64))
	case ListKind, TupleKind:
		return slices.EqualFunc(v.data.([]Value), w.data.([]Value), Value.Identical)
	case SetKind:
		return slices.EqualFunc(sorted(v.data.([]Value)), sorted(w.data.([]Value)), Value.Identical)
	case DictKind:
		return slices.EqualFunc(v.data.([]Item), w.data.([]Item), func(a, b Item) bool {
			return a.Key.Identical(b.Key) && a.Value.Identical(b.Value)
		})
	}
	return v.Equal(w)
}

// sorted returns the elements of a set in the order in which they are
// written: by type, then by value.
func sorted(elems []Value) []Value {
	s := slices.Clone(elems)
	slices.SortStableFunc(s, func(a, b Value) int {
		if c := cmp.Compare(a.kind, b.kind); c != 0 {
			return c
		}
		switch x := a.data.(type) {
		case string:
			return strings.Compare(x, b.data.(string))
		case float64:
			return cmp.Compare(x, b.data.(float64))
		case int64, *big.Int:
			i, _ := a.BigInt()
			j, _ := b.BigInt()
			return i.Cmp(j)
		}
		return strings.Compare(a.String(), b.String())
	})
	return s
}

// hashable reports whether Python takes v as the key of a dict or the element
// of a set.
func (v Value) hashable() bool {
	switch v.kind {
	case NoKind, ListKind, DictKind, SetKind:
		return false
	case TupleKind:
		return !slices.ContainsFunc(v.data.([]Value), func(e Value) bool { return !e.hashable() })
	}
	return true
}
