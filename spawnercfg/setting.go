package spawnercfg

import (
	"errors"
	"regexp"
	"slices"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Setting is one option as a file or a program gives it:
//
//	c.Section.Name = Value
//
// It is what all the parts of this package have in common: [Options] writes
// settings and reads them, a file is read into settings, and [Lint],
// [Predict] and [Diff] work on them.
type Setting struct {
	// Section is the class, such as "SystemdSpawner".
	Section string
	// Name is the option, such as "mem_limit".
	Name string
	// Value is the zero Value where it is not certain.
	Value pyvalue.Value
	// Unsure says why Value is not certain; it is empty if it is.
	Unsure string
	// Pos is where the setting was given.
	Pos Position
}

// ErrName reports a section or option whose name is not a plain Python name.
var ErrName = errors.New("is not a plain Python name")

// Option returns "Section.Name".
func (s Setting) Option() string { return s.Section + "." + s.Name }

// keywords are the words that Python 3.8 to 3.14 does not take for a name.
var keywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
	"elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
	"not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
}

var (
	// A section starts with a capital letter: traitlets takes every other
	// name for a value.
	sectionName = regexp.MustCompile(`^[A-Z][A-Za-z0-9_]*$`)
	// An option does not, and its name is kept out of Python's own (__x__).
	// Letters outside ASCII are left out because Python folds them: a
	// full-width m is an m.
	optionName = regexp.MustCompile(`^(_?[a-z][A-Za-z0-9_]*)$`)
)

func plainName(section, name string) bool {
	return sectionName.MatchString(section) && optionName.MatchString(name) &&
		!slices.Contains(keywords, section) && !slices.Contains(keywords, name)
}
