package spawnercfg

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Template is text that SystemdSpawner fills in for each user with Python's
// str.format. Text that comes from elsewhere enters by [Literal], which keeps
// every brace a brace, so that it cannot be taken for a field; the two fields
// are [Username] and [UserID]; [MustTemplate] is for a constant in the
// program. The zero Template is the empty text.
type Template struct {
	format string
}

// ErrTemplate is a template that str.format refuses, or that holds more than
// plain fields: a stray brace, an unknown field, a conversion or an attribute.
// One such template makes every spawn fail.
var ErrTemplate = errors.New("is not a template of known fields")

// Literal is the text itself, braces and all.
func Literal(text string) Template {
	return Template{strings.NewReplacer("{", "{{", "}", "}}").Replace(text)}
}

// Username is the field {USERNAME}: the name that the hub has for the user,
// which need not be the name of the Unix account.
func Username() Template { return Template{"{USERNAME}"} }

// UserID is the field {USERID}: the number of the user in the hub's database,
// which is not the user's Unix uid.
func UserID() Template { return Template{"{USERID}"} }

// Join returns the parts one after the other.
//
//	spawnercfg.Join(spawnercfg.Literal("/srv/"), spawnercfg.Username())
func Join(parts ...Template) Template {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.format)
	}
	return Template{b.String()}
}

// ParseTemplate reads a template as a configuration file has it: text with
// {USERNAME} and {USERID}, in which {{ and }} stand for braces. A subclass of
// SystemdSpawner that fills in more fields has their names in fields. Whatever
// else str.format would do, or fail at, is refused with [ErrTemplate].
func ParseTemplate(format string, fields ...string) (Template, error) {
	for _, p := range parseFormat(format) {
		switch {
		case p.raised != nil:
			return Template{}, fmt.Errorf("%q %w: %s", format, ErrTemplate, p.raised.Message)
		case p.isField && !plainField(p.field) && !slices.Contains(fields, p.field):
			return Template{}, fmt.Errorf("%q %w: {%s}", format, ErrTemplate, p.field)
		}
	}
	return Template{format}, nil
}

// MustTemplate is [ParseTemplate] for a template that is a constant of the
// program: it panics where that fails.
func MustTemplate(format string) Template {
	t, err := ParseTemplate(format)
	if err != nil {
		panic("spawnercfg: " + err.Error())
	}
	return t
}

// Templates reads each constant by [MustTemplate].
func Templates(formats ...string) []Template {
	ts := make([]Template, len(formats))
	for i, f := range formats {
		ts[i] = MustTemplate(f)
	}
	return ts
}

// String returns the template as a configuration file has it.
func (t Template) String() string { return t.format }

func plainField(name string) bool { return name == "USERNAME" || name == "USERID" }
