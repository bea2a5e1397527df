package cgroupstat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
)

// Opt is a figure that the kernel may not give: the zero Opt is absent, which
// is not the figure zero. It is written as null in JSON when absent.
type Opt[T any] struct {
	v  T
	ok bool
}

// Some returns a present figure.
func Some[T any](v T) Opt[T] { return Opt[T]{v, true} }

// Get returns the figure and whether it is present.
func (o Opt[T]) Get() (T, bool) { return o.v, o.ok }

// Or returns the figure, or v when it is absent.
func (o Opt[T]) Or(v T) T {
	if o.ok {
		return o.v
	}
	return v
}

// IsZero reports whether the figure is absent.
func (o Opt[T]) IsZero() bool { return !o.ok }

// String returns the figure in its default format, or "-" when it is absent.
func (o Opt[T]) String() string {
	if !o.ok {
		return "-"
	}
	return fmt.Sprint(o.v)
}

// MarshalJSON writes the figure, or null when it is absent.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.ok {
		return []byte("null"), nil
	}
	return json.Marshal(o.v)
}

// UnmarshalJSON reads what [Opt.MarshalJSON] writes.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	*o = Opt[T]{}
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(b, &o.v); err != nil {
		return err
	}
	o.ok = true
	return nil
}

// Limit is an upper bound that the kernel holds, and is one of three things:
// absent (the zero Limit: there is no such limit here, because the controller
// is off or the kernel is too old), unlimited, or a figure, which may be zero.
// In JSON they are null, "max" and the figure.
type Limit[T cmp.Ordered] struct {
	v    T
	kind limitKind
}

type limitKind uint8

const (
	absent limitKind = iota
	unlimited
	finite
)

// AtMost returns the limit v.
func AtMost[T cmp.Ordered](v T) Limit[T] { return Limit[T]{v, finite} }

// NoLimit returns the limit that the kernel's files call "max" and systemd
// calls "infinity".
func NoLimit[T cmp.Ordered]() Limit[T] { return Limit[T]{kind: unlimited} }

// Get returns the figure; ok is false when the limit is absent or unlimited.
func (l Limit[T]) Get() (v T, ok bool) { return l.v, l.kind == finite }

// Unlimited reports whether the kernel holds "no limit", which an absent
// limit does not say.
func (l Limit[T]) Unlimited() bool { return l.kind == unlimited }

// IsZero reports whether the limit is absent. A limit of zero is not.
func (l Limit[T]) IsZero() bool { return l.kind == absent }

// String returns "-" when the limit is absent, "max" when there is none, or
// the figure in its default format.
func (l Limit[T]) String() string {
	switch l.kind {
	case absent:
		return "-"
	case unlimited:
		return "max"
	}
	return fmt.Sprint(l.v)
}

// MarshalJSON writes null, "max" or the figure.
func (l Limit[T]) MarshalJSON() ([]byte, error) {
	switch l.kind {
	case absent:
		return []byte("null"), nil
	case unlimited:
		return []byte(`"max"`), nil
	}
	return json.Marshal(l.v)
}

// UnmarshalJSON reads what [Limit.MarshalJSON] writes.
func (l *Limit[T]) UnmarshalJSON(b []byte) error {
	switch *l = (Limit[T]{}); string(b) {
	case "null":
		return nil
	case `"max"`:
		l.kind = unlimited
		return nil
	}
	if err := json.Unmarshal(b, &l.v); err != nil {
		return err
	}
	l.kind = finite
	return nil
}

// within returns the tighter of two limits; an absent one does not bind.
func (l Limit[T]) within(m Limit[T]) Limit[T] {
	switch {
	case l.kind < m.kind: // absent < unlimited < finite
		return m
	case l.kind == finite && m.kind == finite && m.v < l.v:
		return m
	}
	return l
}
