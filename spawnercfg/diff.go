package spawnercfg

import (
	"fmt"
	"slices"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Change is one option that two configurations give in different ways.
type Change struct {
	// Section and Name are the option.
	Section, Name string
	// Old and New are its values; the zero Value is unset or, if the Unsure of
	// the setting says so, not certain.
	Old, New Setting
}

// Option returns "Section.Name".
func (c Change) Option() string { return c.Section + "." + c.Name }

// String returns the change on one line: "SystemdSpawner.mem_limit: '1G' ->
// '2G'".
func (c Change) String() string {
	side := func(s Setting) string {
		switch {
		case !s.Value.IsZero():
			return s.Value.String()
		case s.Unsure != "":
			return "(not certain: " + s.Unsure + ")"
		}
		return "(unset)"
	}
	return fmt.Sprintf("%s: %s -> %s", c.Option(), side(c.Old), side(c.New))
}

// Diff returns the options that differ between two configurations, in the
// order of the new one, those that are gone last. Values are compared as the
// hub understands them: '2G' and 2147483648 are one limit, 1 and 1.0 one
// number of CPUs. An option that is not certain on either side is a change,
// unless it is not certain on both for the same reason.
func Diff(old, new []Setting) []Change {
	var changes []Change
	was, is := lastSettings(old), lastSettings(new)
	for _, n := range is {
		o, _ := findSetting(was, n)
		if !unchanged(o, n) {
			changes = append(changes, Change{n.Section, n.Name, o, n})
		}
	}
	for _, o := range was {
		if n, ok := findSetting(is, o); !ok {
			changes = append(changes, Change{o.Section, o.Name, o, n})
		}
	}
	return changes
}

// lastSettings drops settings that a later one of the same option replaces.
func lastSettings(settings []Setting) []Setting {
	var last []Setting
	for i, s := range settings {
		if _, again := findSetting(settings[i+1:], s); !again {
			last = append(last, s)
		}
	}
	return last
}

func findSetting(settings []Setting, like Setting) (Setting, bool) {
	if i := slices.IndexFunc(settings, func(s Setting) bool { return s.Section == like.Section && s.Name == like.Name }); i >= 0 {
		return settings[i], true
	}
	return Setting{}, false
}

func unchanged(a, b Setting) bool {
	if a.Value.IsZero() || b.Value.IsZero() {
		return a.Value.IsZero() && b.Value.IsZero() && a.Unsure == b.Unsure && a.Section == b.Section
	}
	if t, ok := LookupTrait(b.Section, b.Name); ok {
		return t.Equivalent(a.Value, b.Value)
	}
	return a.Value.Equal(b.Value)
}

// Equivalent reports whether the hub makes the same of two values of the
// option.
func (t Trait) Equivalent(a, b pyvalue.Value) bool {
	x, xErr := t.Validate(a)
	y, yErr := t.Validate(b)
	if xErr != nil || yErr != nil {
		return a.Identical(b)
	}
	return x.Equal(y)
}
