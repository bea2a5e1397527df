package pyvalue

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Equal reports whether the two values are equal for Python's ==: 1 equals 1.0
// and True, a list never equals a tuple, the order of a dict or set does not
// matter, and NaN equals nothing. Two zero Values are equal.
func (v Value) Equal(w Value) bool {
	if vi, wi := v.integer(), w.integer(); vi != nil && wi != nil {
		return vi.Cmp(wi) == 0
	} else if vi != nil || wi != nil {
		f, ok := w.Float64()
		if vi == nil {
			vi = wi
			f, ok = v.Float64()
		}
		return ok && equalIntFloat(vi, f)
	}
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case FloatKind:
		return v.data.(float64) == w.data.(float64)
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
// at every depth: 1 is not identical to 1.0. The order of a dict or set does
// not matter.
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
		items := w.data.([]Item)
		at := make(map[string]Item, len(items))
		for _, it := range items {
			at[it.Key.HashKey()] = it
		}
		return v.Len() == w.Len() && !slices.ContainsFunc(v.data.([]Item), func(it Item) bool {
			with, ok := at[it.Key.HashKey()]
			return !ok || !it.Key.Identical(with.Key) || !it.Value.Identical(with.Value)
		})
	}
	return v.Equal(w)
}

// integer returns the value of an int or a bool, and nil for all else.
func (v Value) integer() *big.Int {
	switch d := v.data.(type) {
	case bool:
		if d {
			return big.NewInt(1)
		}
		return new(big.Int)
	case int64:
		return big.NewInt(d)
	case *big.Int:
		return d
	}
	return nil
}

// Hashable reports whether v can be a key of a dict or an element of a set.
func (v Value) Hashable() bool {
	switch v.kind {
	case NoKind, ListKind, DictKind, SetKind:
		return false
	case TupleKind:
		return !slices.ContainsFunc(v.data.([]Value), func(e Value) bool { return !e.Hashable() })
	}
	return true
}

// HashKey returns a string that two hashable values share if and only if they
// are the same key in Python, as 1, 1.0 and True are. For a value that is not
// [Value.Hashable] it returns [Value.String].
func (v Value) HashKey() string {
	switch d := v.data.(type) {
	case string:
		return v.kind.String()[:1] + strconv.Itoa(len(d)) + ":" + d
	case []Value:
		if !v.Hashable() {
			break
		}
		var b strings.Builder
		b.WriteByte('(')
		for _, e := range d {
			b.WriteString(e.HashKey())
			b.WriteByte(',')
		}
		b.WriteByte(')')
		return b.String()
	case float64:
		if d == math.Trunc(d) && !math.IsInf(d, 0) {
			i, _ := big.NewFloat(d).Int(nil)
			return i.String()
		}
		return "f" + strconv.FormatUint(math.Float64bits(d), 16)
	}
	if i := v.integer(); i != nil {
		return i.String()
	}
	return v.String()
}

// index numbers the distinct values that are added to it.
type index struct {
	hashed map[string]int
	// others are values that Python does not accept as keys. A caller may put
	// them into a set or dict, and Value.Python reports it.
	others []Value
	at     []int
	n      int
}

// add returns the number of v, and whether an equal value was there before.
func (x *index) add(v Value) (i int, dup bool) {
	if v.Hashable() {
		k := v.HashKey()
		if i, dup := x.hashed[k]; dup {
			return i, true
		}
		if x.hashed == nil {
			x.hashed = map[string]int{}
		}
		x.hashed[k] = x.n
	} else {
		if i := slices.IndexFunc(x.others, v.Equal); i >= 0 {
			return x.at[i], true
		}
		x.others, x.at = append(x.others, v), append(x.at, x.n)
	}
	x.n++
	return x.n - 1, false
}
