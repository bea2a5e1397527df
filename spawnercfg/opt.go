package spawnercfg

import "github.com/hubhost/hubhost/spawnercfg/pyvalue"

// Opt is an option that may be unset, None or a value: three things that
// JupyterHub tells apart. The zero Opt is unset: the option is not written,
// and the hub uses its default.
//
//	MemLimit: spawnercfg.Set(2 * spawnercfg.GiB)
//	MemLimit: spawnercfg.None[spawnercfg.ByteSize]()
type Opt[T any] struct {
	state state
	value T
}

type state uint8

const (
	unset state = iota
	isNone
	isValue
)

// Set is an option with a value.
func Set[T any](value T) Opt[T] { return Opt[T]{isValue, value} }

// None is an option that is set to Python's None, which overrides a value
// that a base class has. Only some options take it: see [Trait.AllowNone].
func None[T any]() Opt[T] { return Opt[T]{state: isNone} }

// Get returns the value, and false if the option is unset or None.
func (o Opt[T]) Get() (value T, ok bool) { return o.value, o.state == isValue }

// Or returns the value, or the one given if the option is unset or None.
func (o Opt[T]) Or(value T) T {
	if o.state == isValue {
		return o.value
	}
	return value
}

// IsSet reports whether the option is None or a value.
func (o Opt[T]) IsSet() bool { return o.state != unset }

// IsNone reports whether the option is None.
func (o Opt[T]) IsNone() bool { return o.state == isNone }

// option is what the walk over the fields of [Options] needs of an Opt.
type option interface {
	encode(t Trait) (pyvalue.Value, error)
	decode(t Trait, v pyvalue.Value) error
}

// encode returns the Python value, and the zero Value if o is unset.
func (o *Opt[T]) encode(t Trait) (pyvalue.Value, error) {
	switch o.state {
	case unset:
		return pyvalue.Value{}, nil
	case isNone:
		if !t.AllowNone {
			return pyvalue.Value{}, ErrNoneNotAllowed
		}
		return pyvalue.None(), nil
	}
	return encode(o.value, t)
}

func (o *Opt[T]) decode(t Trait, v pyvalue.Value) error {
	if v.IsNone() && t.AllowNone {
		*o = None[T]()
		return nil
	}
	var value T
	if err := decode(&value, t, v); err != nil {
		return err
	}
	*o = Set(value)
	return nil
}
