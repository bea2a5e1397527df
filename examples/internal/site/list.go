package site

import "strings"

// List is a flag that may be given several times.
type List []string

// String returns the values, joined.
func (l *List) String() string { return strings.Join(*l, ", ") }

// Set adds a value.
func (l *List) Set(s string) error {
	*l = append(*l, s)
	return nil
}
