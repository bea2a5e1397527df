package spawnercfg

import (
	"slices"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

type key struct{ section, name string }

// table is what a Config object of traitlets holds at one moment, as far as
// that is certain.
//
// Reasons come in two kinds. Those of base and of a state stand until a later
// statement assigns: the statement order of a module is certain. Sticky ones
// stand for good: other code got hold of something and may use it at any time.
type table struct {
	states       map[key]*optionState
	order        []key
	base, sticky []Reason
	sections     map[string]*sectionReasons
}

type sectionReasons struct{ base, sticky []Reason }

// optionState is one option.
type optionState struct {
	certainty Certainty
	value     pyvalue.Value
	changes   changes
	pos       Position
	reasons   []Reason
	sticky    []Reason
	// lent is where a function reads the option: it may then change a
	// list, dict or set at any time, but nothing else.
	lent    []Reason
	writers []Writer
}

func newTable() *table {
	return &table{states: map[key]*optionState{}, sections: map[string]*sectionReasons{}}
}

// state returns the state of an option, which from now on is mentioned.
func (t *table) state(k key) *optionState {
	s, ok := t.states[k]
	if !ok {
		s = &optionState{}
		if base := t.baseOf(k.section); len(base) > 0 {
			s.certainty, s.reasons = NotCertain, base
		}
		t.states[k] = s
		t.order = append(t.order, k)
	}
	return s
}

func (t *table) section(name string) *sectionReasons {
	s, ok := t.sections[name]
	if !ok {
		s = &sectionReasons{}
		t.sections[name] = s
	}
	return s
}

// around yields the reasons of a section and of those it is nested in.
func (t *table) around(section string, f func(*sectionReasons)) {
	for end := 0; end < len(section); {
		n := strings.IndexByte(section[end:], '.')
		if n < 0 {
			end = len(section)
		} else {
			end += n
		}
		if s, ok := t.sections[section[:end]]; ok {
			f(s)
		}
		end++
	}
}

func (t *table) baseOf(section string) []Reason {
	all := slices.Clone(t.base)
	t.around(section, func(s *sectionReasons) { all = append(all, s.base...) })
	return all
}

func (t *table) stickyOf(section string) []Reason {
	all := slices.Clone(t.sticky)
	t.around(section, func(s *sectionReasons) { all = append(all, s.sticky...) })
	return all
}

// maxReasons bounds the reasons that are kept at one place: a few say enough,
// and a file can have very many.
const maxReasons = 20

func add(reasons []Reason, more ...Reason) []Reason {
	return append(reasons, more[:min(len(more), max(0, maxReasons-len(reasons)))]...)
}

// doubtAll makes every option uncertain until it is assigned.
func (t *table) doubtAll(r Reason) {
	t.base = add(t.base, r)
	for _, s := range t.states {
		s.doubt(r)
	}
}

// doubtSection makes every option of a section uncertain until it is assigned.
func (t *table) doubtSection(section string, r Reason) {
	s := t.section(section)
	s.base = add(s.base, r)
	for k, st := range t.states {
		if k.section == section || strings.HasPrefix(k.section, section+".") {
			st.doubt(r)
		}
	}
}

func (t *table) reading(k key) Reading {
	r := Reading{Section: k.section, Name: k.name}
	sticky := t.stickyOf(k.section)
	s, ok := t.states[k]
	if !ok {
		r.Reasons = append(sticky, t.baseOf(k.section)...)
		if len(r.Reasons) > 0 {
			r.Certainty = NotCertain
		}
		return r
	}
	r.Writers = slices.Clone(s.writers)
	r.Pos = s.pos
	if s.certainty == NotCertain {
		r.Reasons = append(r.Reasons, s.reasons...)
	}
	r.Reasons = append(r.Reasons, s.sticky...)
	if len(s.lent) > 0 && s.changeable() {
		r.Reasons = append(r.Reasons, s.lent...)
	}
	r.Reasons = append(r.Reasons, sticky...)
	if len(r.Reasons) > 0 {
		r.Certainty = NotCertain
		if len(s.writers) > 1 {
			last := s.writers[len(s.writers)-1]
			r.Reasons = append(r.Reasons, Reason{ReasonSeveralWriters, last.Pos, "this is one of several writers"})
		}
		return r
	}
	r.Certainty, r.Value, r.changes = s.certainty, s.value, s.changes
	return r
}

// changeable reports whether whoever holds the option's object can change the
// option by it. An option that is not set has an object too, once it is read:
// the one that records changes.
func (s *optionState) changeable() bool { return s.certainty != Certain || !s.value.Hashable() }

func (s *optionState) assign(v pyvalue.Value, pos Position) {
	s.certainty, s.value, s.pos = Certain, v, pos
	s.changes, s.reasons = changes{}, nil
}

func (s *optionState) doubt(r Reason) {
	if s.certainty != NotCertain {
		s.reasons = nil
	}
	s.certainty, s.value, s.changes = NotCertain, pyvalue.Value{}, changes{}
	s.reasons = add(s.reasons, r)
}

func (s *optionState) unset(pos Position) {
	s.certainty, s.value, s.changes, s.reasons, s.pos = NotSet, pyvalue.Value{}, changes{}, nil, pos
}

// merge does what Config.merge does for one key.
func (s *optionState) merge(from Reading) {
	switch from.Certainty {
	case NotSet:
	case NotCertain:
		for _, r := range from.Reasons {
			s.doubt(r)
		}
		s.pos = from.Pos
	case Certain:
		s.assign(from.Value, from.Pos)
	case Recorded:
		switch s.certainty {
		case NotSet:
			s.certainty, s.changes = Recorded, from.changes
		case Certain:
			var ok bool
			if s.value, ok = from.changes.apply(s.value); !ok {
				s.doubt(Reason{ReasonComputed, from.Pos, "what is no dict is merged into a dict"})
			}
		case Recorded:
			var ok bool
			if s.changes, ok = s.changes.followedBy(from.changes); !ok {
				s.doubt(Reason{ReasonComputed, from.Pos, "what is no dict is merged into changes of a dict"})
			}
		}
		s.pos = from.Pos
	}
}

// changes are what a LazyConfigValue of traitlets records.
type changes struct {
	inserts         []insertion
	prepend, extend []pyvalue.Value
	update          pyvalue.Value // a dict, a set or nothing
}

type insertion struct {
	at   int64
	item pyvalue.Value
}

// followedBy is LazyConfigValue.merge_into: c is the earlier one.
func (c changes) followedBy(d changes) (_ changes, ok bool) {
	out := changes{
		inserts: append(slices.Clip(c.inserts), d.inserts...),
		prepend: append(slices.Clip(d.prepend), c.prepend...),
		extend:  append(slices.Clip(c.extend), d.extend...),
		update:  c.update,
	}
	switch {
	case d.update.Len() == 0:
		// traitlets loses the earlier updates here.
		out.update = d.update
	case c.update.IsZero():
		out.update = d.update
	default:
		out.update, ok = updated(c.update, d.update)
		return out, ok
	}
	return out, true
}

// apply is LazyConfigValue.get_value: changes that do not fit the type of the
// value have no effect, but for a set given to a dict, which it cannot tell.
func (c changes) apply(v pyvalue.Value) (_ pyvalue.Value, ok bool) {
	switch v.Kind() {
	case pyvalue.ListKind:
		list, _ := v.Elems()
		for _, in := range c.inserts {
			list = insertAt(list, in.at, in.item)
		}
		return pyvalue.List(slices.Concat(c.prepend, list, c.extend)...), true
	case pyvalue.DictKind, pyvalue.SetKind:
		if c.update.Len() == 0 {
			return v, true
		}
		return updated(v, c.update)
	}
	return v, true
}

// insertAt is list.insert.
func insertAt(list []pyvalue.Value, at int64, item pyvalue.Value) []pyvalue.Value {
	n := int64(len(list))
	if at < 0 {
		at = max(0, at+n)
	}
	return slices.Insert(list, int(min(at, n)), item)
}

// updated is dict.update or set.update. Only a dict updates a dict here:
// Python takes pairs too, and raises on anything else.
func updated(v, with pyvalue.Value) (_ pyvalue.Value, ok bool) {
	switch {
	case v.Kind() == pyvalue.SetKind:
		had, _ := v.Elems()
		more, ok := with.Iterate()
		if !ok || slices.ContainsFunc(more, unhashable) {
			return v, false
		}
		return pyvalue.Set(append(had, more...)...), true
	case with.Kind() == pyvalue.DictKind:
		had, _ := v.Items()
		more, _ := with.Items()
		return pyvalue.Dict(append(had, more...)...), true
	}
	return v, false
}

func unhashable(v pyvalue.Value) bool { return !v.Hashable() }
