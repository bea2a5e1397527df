package spawnercfg

import (
	"slices"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg/internal/py"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Certainty says how much a file tells about an option.
type Certainty uint8

const (
	// NotSet is an option that the file does not set.
	NotSet Certainty = iota
	// Certain is an option that has one value whenever the file loads.
	Certain
	// Recorded is an option to whose default the file adds, by append,
	// update and the like; what to add is certain.
	Recorded
	// NotCertain is an option whose value only running the file could tell.
	NotCertain
)

// String returns "not set", "certain", "recorded" or "not certain".
func (c Certainty) String() string {
	return [...]string{"not set", "certain", "recorded", "not certain"}[c]
}

// Reading is what a file says about one option.
type Reading struct {
	// Section and Name are the option. Section is empty for an option of c
	// itself, which no class reads.
	Section, Name string
	// Certainty says whether Value can be relied upon.
	Certainty Certainty
	// Value is the value of a Certain option.
	Value pyvalue.Value
	// Pos is where the value was given last.
	Pos Position
	// Writers are the statements that set or change the option, those of
	// sub-configurations and of the JSON file included, in order of loading.
	Writers []Writer
	// Reasons says why the option is NotCertain.
	Reasons []Reason

	changes changes
}

// Option returns "Section.Name".
func (r Reading) Option() string { return r.Section + "." + r.Name }

// Apply returns what a Recorded option makes of its default, by the rules of
// traitlets: insertions, then what was prepended, then what was appended;
// changes that do not fit the default's type have no effect. The value of a
// Certain option it returns as it is. It reports false where the elements of
// a set or list are to update a dict, which mostly raises an exception, and
// for an option of any other certainty.
func (r Reading) Apply(def pyvalue.Value) (_ pyvalue.Value, ok bool) {
	switch r.Certainty {
	case Certain:
		return r.Value, true
	case Recorded:
		return r.changes.apply(def)
	}
	return pyvalue.Value{}, false
}

// Writer is a statement that sets or changes an option.
type Writer struct {
	// Option is "Section.Name".
	Option string
	// Pos is where the statement begins.
	Pos Position
	// Op is the operator or method: "=", "+=", "[]=", "append", "del".
	Op string
	// Text is the statement.
	Text string
	// Value is the right-hand side or the only argument, and the zero Value
	// if that is not a literal or there is none.
	Value pyvalue.Value
	// Block is the first word of the innermost compound statement around it
	// ("if", "def"), empty at module level.
	Block string

	file *File
	stmt int
	lit  *py.Literal
	// solo says that the statement is "target = literal" with one target.
	solo bool
}

// Readings returns what the file says of every option that it mentions, in
// the order in which it first does. Options that are mentioned in comments
// alone are not among them.
func (f *File) Readings() []Reading {
	out := make([]Reading, len(f.table.order))
	for i, k := range f.table.order {
		out[i] = f.table.reading(k)
	}
	return out
}

// Read returns what the file says about an option under one section alone.
func (f *File) Read(section, name string) Reading { return f.table.reading(key{section, name}) }

// Resolve returns what the file says about an option to a class that obeys
// the sections, base class first, as [Ancestry] lists them: the most derived
// section has the last word, wherever it stands in the file.
func (f *File) Resolve(sections []string, name string) Reading {
	merged := &optionState{}
	r := Reading{Name: name}
	for _, s := range sections {
		from := f.table.reading(key{s, name})
		if from.Certainty == NotSet {
			continue
		}
		r.Section = s
		r.Writers = append(r.Writers, from.Writers...)
		merged.merge(from)
	}
	r.Certainty, r.Value, r.Pos, r.changes = merged.certainty, merged.value, merged.pos, merged.changes
	r.Reasons = merged.reasons
	return r
}

// Sections returns the names of the sections that the file mentions, in order.
func (f *File) Sections() []string {
	var out []string
	for _, k := range f.table.order {
		if k.section != "" && !slices.Contains(out, k.section) {
			out = append(out, k.section)
		}
	}
	return out
}

// Settings returns the options that the file sets, each once, in the order in
// which it first mentions them. The changes of a Recorded option are applied
// to what its base classes are given or else to the default of its trait.
func (f *File) Settings() []Setting {
	var out []Setting
	for _, k := range f.table.order {
		r := f.table.reading(k)
		if r.Certainty == NotSet || k.section == "" {
			continue
		}
		s := Setting{Section: k.section, Name: k.name, Pos: r.Pos}
		if r.Certainty == Recorded {
			r = f.realised(r)
		}
		switch r.Certainty {
		case Certain:
			s.Value = r.Value
		case Recorded:
			s.Unsure = "adds to a default that is not known"
		default:
			texts := make([]string, len(r.Reasons))
			for i, reason := range r.Reasons {
				texts[i] = reason.String()
			}
			s.Unsure = strings.Join(texts, "; ")
		}
		out = append(out, s)
	}
	return out
}

// realised applies the changes of a Recorded option where it is known to what.
func (f *File) realised(r Reading) Reading {
	if classes := Ancestry(r.Section); classes != nil {
		pos := r.Pos
		r = f.Resolve(classes, r.Name)
		r.Pos = pos
	}
	if r.Certainty != Recorded {
		return r
	}
	if t, ok := LookupTrait(r.Section, r.Name); ok && !t.Default.IsZero() {
		if v, ok := r.changes.apply(t.Default); ok {
			r.Value, r.Certainty = v, Certain
		}
	}
	return r
}
