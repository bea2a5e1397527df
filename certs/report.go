package certs

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Severity says what a finding means for the site.
type Severity int

// The severities.
const (
	SeverityInfo    Severity = iota // nothing to do
	SeverityWarning                 // works, and should be put right
	SeverityError                   // the server will not load it, or clients will refuse it
)

// String returns "info", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityWarning:
		return "warning"
	case SeverityError:
		return "error"
	}
	return fmt.Sprintf("Severity(%d)", int(s))
}

// MarshalText writes the severity as a word, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Input says which of the two inputs a finding is about.
type Input string

// The inputs. A finding about the pair as a whole, or about a certificate
// that is not from a file, has InputNone.
const (
	InputNone Input = ""
	InputCert Input = "certificate"
	InputKey  Input = "key"
)

// A Finding is one thing to know about a pair.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`

	// Input, Block and Line say where: the block is counted from 1 within
	// its input, as is the line. Zero where there is no such place.
	Input Input `json:"input,omitempty"`
	Block int   `json:"block,omitempty"`
	Line  int   `json:"line,omitempty"`

	// Subject is the subject of the certificate in question, or the path of
	// the file for a finding of an audit.
	Subject string `json:"subject,omitempty"`

	// Message says what is wrong and what will happen, Hint what to do. The
	// wording may change.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`

	// Err is the cause, such as an [x509.HostnameError], or nil.
	Err error `json:"-"`

	stops bool // though a warning, as normalisation puts it right, a server would not work with the input as it is
}

// Error returns the finding as one line, without the hint.
func (f *Finding) Error() string {
	var b strings.Builder
	if where := f.where(); where != "" {
		b.WriteString(where + ": ")
	}
	fmt.Fprintf(&b, "%s (%s)", f.Message, f.Code)
	return b.String()
}

// Unwrap makes the code and the cause targets of [errors.Is] and
// [errors.As].
func (f *Finding) Unwrap() []error {
	if f.Err == nil {
		return []error{f.Code}
	}
	return []error{f.Code, f.Err}
}

func (f *Finding) where() string {
	var parts []string
	if f.Input != InputNone {
		parts = append(parts, string(f.Input))
	}
	if f.Block > 0 {
		parts = append(parts, fmt.Sprintf("block %d", f.Block))
	}
	if f.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", f.Line))
	}
	if f.Subject != "" {
		parts = append(parts, f.Subject)
	}
	return strings.Join(parts, ", ")
}

// Trust says who believes a certificate.
type Trust string

// The kinds of trust.
const (
	TrustNone    Trust = "none"    // no path to a known root
	TrustPrivate Trust = "private" // only clients that were given the root
	TrustPublic  Trust = "public"  // the roots of the policy, by default the system's
)

// A Report is everything that was found, in the order of the input and then
// from the leaf upwards. The same input and policy give the same report.
type Report struct {
	Findings []Finding `json:"findings"`

	// Trust is the result of building a path from the leaf to a root.
	Trust Trust `json:"trust"`

	// NotAfter is when the first of the certificates that will be served
	// expires; zero if there is none.
	NotAfter time.Time `json:"notAfter,omitzero"`

	// RenewFrom is when expires-soon begins: see [Policy.RenewBefore].
	RenewFrom time.Time `json:"renewFrom,omitzero"`

	places map[*x509.Certificate]place
}

// Err joins the findings of severity error; nil if there is none. Each of
// them can be asked for by its code:
//
//	errors.Is(err, certs.CodeExpired)
func (r *Report) Err() error {
	var errs []error
	for i := range r.Findings {
		if r.Findings[i].Severity == SeverityError {
			errs = append(errs, &r.Findings[i])
		}
	}
	return errors.Join(errs...)
}

// Has tells whether the report has a finding of the code, of any severity.
func (r *Report) Has(code Code) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code })
}

// String returns the report for a terminal, the gravest findings first; it
// is empty if there are none.
func (r *Report) String() string {
	sorted := slices.Clone(r.Findings)
	slices.SortStableFunc(sorted, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	var b strings.Builder
	for i := range sorted {
		fmt.Fprintf(&b, "%s: %s\n", sorted[i].Severity, sorted[i].Error())
		if sorted[i].Hint != "" {
			fmt.Fprintf(&b, "  %s\n", sorted[i].Hint)
		}
	}
	return b.String()
}

func (r *Report) add(f Finding) { r.Findings = append(r.Findings, f) }
