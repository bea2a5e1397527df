package spawnercfg

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Property is one property of a user's unit, by systemd's name, as in
// systemd.directives(7). A property that takes several values has them in one
// text, as in a unit file; SystemdSpawner cannot give one twice.
type Property struct {
	Name  string
	Value Template
}

// Service is a program that uses the hub's API. A zero field is left out.
type Service struct {
	// Name identifies the service.
	Name string
	// APIToken is the service's secret, at least eight characters.
	APIToken string
	// URL is where the service listens, for one behind the proxy.
	URL string
	// Command makes the hub run the service.
	Command []string
	// Environment is that of Command.
	Environment map[string]string
	// Admin gives the service every scope. A [Role] with the scopes that it
	// needs is safer.
	Admin bool
	// Other is every further key of the service.
	Other []pyvalue.Item
}

// Role gives scopes to users, groups and services. A zero field is left out.
type Role struct {
	// Name has three characters or more: lower-case letters, digits and -_~.
	Name string
	// Description is for people.
	Description string
	// Scopes are what the role may do, such as "admin:servers".
	Scopes []string
	// Users, Groups and Services are who has the role.
	Users, Groups, Services []string
	// Other is every further key of the role.
	Other []pyvalue.Item
}

// GroupOverride is options for the members of some groups, in place of those
// for all.
type GroupOverride struct {
	// Name tells the override apart; overrides are applied in the order of
	// their names, so that the last of those that a user is in wins.
	Name string
	// Groups are the hub's groups.
	Groups []string
	// Override is the options.
	Override SystemdSpawner
}

// TornadoSettings are settings of the hub's web server. The zero value sets
// nothing, and so no header.
type TornadoSettings struct {
	// Headers are sent with every page of the hub; users' servers send their
	// own.
	Headers Headers
	// SlowSpawnTimeout is after how long a start is called slow and its page
	// of progress is shown. Default: 10 s.
	SlowSpawnTimeout Opt[time.Duration]
	// SlowStopTimeout is the same for a stop. Default: 10 s.
	SlowStopTimeout Opt[time.Duration]
	// Other is every further key, such as cookie_options.
	Other []pyvalue.Item
}

// Headers are the response headers of the hub's pages. [RecommendedHeaders]
// is a good start. The zero value leaves the hub's own: a
// Content-Security-Policy of frame-ancestors 'none' with a report-uri, and
// nothing else.
type Headers struct {
	// FrameAncestors are who may show the hub in a frame: "'self'",
	// "https://lms.example.org". A header set here replaces the hub's own, so
	// that an empty list together with Policy or ReportURI is written as
	// 'none', never left out.
	FrameAncestors []string
	// Policy is further directives of the Content-Security-Policy, such as
	// "object-src 'none'".
	Policy []string
	// ReportURI is where browsers report violations. Default, if a policy is
	// written at all: /hub/security/csp-report, the hub's own; a hub under
	// another BaseURL has it there.
	ReportURI string
	// StrictTransportSecurity is for how long browsers insist on HTTPS, in
	// whole seconds. Zero leaves the header out.
	StrictTransportSecurity time.Duration
	// IncludeSubDomains extends that to subdomains.
	IncludeSubDomains bool
	// NoSniff keeps browsers from guessing content types.
	NoSniff bool
	// ReferrerPolicy is what browsers tell other sites, such as "same-origin".
	ReferrerPolicy string
	// Other is every further header, written in the order of names.
	Other map[string]string
}

// RecommendedHeaders are the headers that a hub behind HTTPS should send: no
// frames, HTTPS for a year, no guessing of types, no referrer to other sites.
func RecommendedHeaders() Headers {
	return Headers{
		FrameAncestors:          []string{"'none'"},
		Policy:                  []string{"object-src 'none'", "base-uri 'self'"},
		StrictTransportSecurity: 365 * 24 * time.Hour,
		NoSniff:                 true,
		ReferrerPolicy:          "same-origin",
	}
}

// ErrHeader is a header that no browser would read as meant: a name with
// anything but token characters, or a value with a line break.
var ErrHeader = errors.New("is not a header")

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

const cspReportURI = "/hub/security/csp-report"

// items returns the headers as the dict has them.
func (h Headers) items() ([]pyvalue.Item, error) {
	var items []pyvalue.Item
	add := func(name, value string) {
		items = append(items, pyvalue.Item{Key: pyvalue.Str(name), Value: pyvalue.Str(value)})
	}
	if len(h.FrameAncestors) > 0 || len(h.Policy) > 0 || h.ReportURI != "" {
		ancestors := h.FrameAncestors
		if len(ancestors) == 0 {
			ancestors = []string{"'none'"}
		}
		directives := append([]string{"frame-ancestors " + strings.Join(ancestors, " ")}, h.Policy...)
		report := h.ReportURI
		if report == "" {
			report = cspReportURI
		}
		for _, part := range slices.Concat(ancestors, h.Policy, []string{report}) {
			if strings.Contains(part, ";") {
				return nil, fmt.Errorf("%q %w: a ; ends the directive", part, ErrHeader)
			}
		}
		add("Content-Security-Policy", strings.Join(append(directives, "report-uri "+report), "; "))
	}
	if h.StrictTransportSecurity != 0 {
		seconds, err := wholeSeconds(h.StrictTransportSecurity)
		if err != nil {
			return nil, err
		}
		value := fmt.Sprintf("max-age=%d", seconds)
		if h.IncludeSubDomains {
			value += "; includeSubDomains"
		}
		add("Strict-Transport-Security", value)
	}
	if h.NoSniff {
		add("X-Content-Type-Options", "nosniff")
	}
	if h.ReferrerPolicy != "" {
		add("Referrer-Policy", h.ReferrerPolicy)
	}
	for _, name := range sortedKeys(h.Other) {
		add(name, h.Other[name])
	}
	for i, it := range items {
		name, _ := it.Key.Str()
		value, _ := it.Value.Str()
		same := func(o pyvalue.Item) bool { s, _ := o.Key.Str(); return strings.EqualFold(s, name) }
		switch {
		case !headerName.MatchString(name), strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return nil, fmt.Errorf("%q: %q %w", name, value, ErrHeader)
		case slices.ContainsFunc(items[:i], same):
			return nil, fmt.Errorf("%q is given twice: %w", name, ErrHeader)
		}
	}
	return items, nil
}
