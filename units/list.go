package units

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hubhost/hubhost/units/internal/sdbus"
)

// LoadState tells whether a unit's configuration was read.
type LoadState string

// The load states.
const (
	Loaded     LoadState = "loaded"
	NotFound   LoadState = "not-found"   // there is no unit file
	BadSetting LoadState = "bad-setting" // an essential setting cannot be used
	LoadFailed LoadState = "error"       // the unit file cannot be read
	Merged     LoadState = "merged"      // it is another unit's alias now
	Masked     LoadState = "masked"      // it is linked to /dev/null
	Stub       LoadState = "stub"        // not read yet
)

// ActiveState is the state of a unit, the same for all types of unit.
type ActiveState string

// The active states.
const (
	Active       ActiveState = "active"
	Reloading    ActiveState = "reloading"
	Refreshing   ActiveState = "refreshing" // systemd 257
	Inactive     ActiveState = "inactive"
	Failed       ActiveState = "failed"
	Activating   ActiveState = "activating"
	Deactivating ActiveState = "deactivating"
	Maintenance  ActiveState = "maintenance"
)

// Unit is what a list of units tells about one.
type Unit struct {
	Name        string // its own, also where an alias was asked for
	Description string
	LoadState   LoadState
	ActiveState ActiveState
	SubState    string // depends on the type of unit, such as "running" or "auto-restart"
	Job         uint32 // the job that is queued for the unit; 0 is none
	JobType     string // what that job does, such as "start"; Status does not tell
}

// Filter chooses among the units that are loaded. The zero Filter is all.
type Filter struct {
	// Patterns are names of units in which * stands for any text, ? for any
	// character and [a-z] for one of several; "jupyter-*.service". A unit is
	// chosen if any pattern fits. Everything else stands for itself: the
	// backslash of an escaped name too. Empty chooses every name.
	Patterns []string

	// States are load, active or sub states, such as "failed" or "running".
	// A unit is chosen if it is in any of them. Empty chooses every state.
	States []string
}

// List returns the loaded units that the filter chooses, by name. What runs or
// has failed is loaded; an installed unit that nothing refers to may not be:
// ask [Manager.Status] for it. The error is an [*Error].
func (m *Manager) List(ctx context.Context, filter Filter) ([]Unit, error) {
	list, _, err := m.list(ctx, filter)
	return list, fail("list units", "", err)
}

// list also returns when, among the signals, the list was made.
func (m *Manager) list(ctx context.Context, filter Filter) ([]Unit, moment, error) {
	for _, pattern := range filter.Patterns {
		if _, err := matches(pattern, ""); err != nil {
			return nil, moment{}, err
		}
	}
	s, err := m.current(ctx)
	if err != nil {
		return nil, moment{}, err
	}
	// A nil slice is an empty array to D-Bus, and that means all.
	reply, err := s.call(ctx, false, "ListUnitsByPatterns", filter.States, filter.Patterns)
	if err != nil {
		return nil, moment{}, err
	}
	if len(reply.Body) != 1 {
		return nil, moment{}, errReply
	}
	rows, ok := reply.Body[0].([][]any)
	if !ok {
		return nil, moment{}, errReply
	}
	list := make([]Unit, 0, len(rows))
	for _, row := range rows {
		var u Unit
		var load, active, following, unitPath string
		if !arguments(row, &u.Name, &u.Description, &load, &active, &u.SubState, &following, &unitPath, &u.Job, &u.JobType) {
			return nil, moment{}, errReply
		}
		u.LoadState, u.ActiveState = LoadState(load), ActiveState(active)
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b Unit) int { return strings.Compare(a.Name, b.Name) })
	return list, s.moment(reply.Sequence), nil
}

var errReply = errors.New("systemd's reply is not of the documented type")

var asGlob = strings.NewReplacer(`\`, `\\`, "[!", "[^")

// matches is fnmatch with FNM_NOESCAPE, which systemd uses for the patterns of
// a list: a backslash is an ordinary character of a unit name.
func matches(pattern, name string) (bool, error) {
	ok, err := path.Match(asGlob.Replace(pattern), name)
	if err != nil || pattern == "" || !utf8.ValidString(pattern) || strings.Contains(pattern, "\x00") {
		return false, fmt.Errorf("%w: bad pattern %q", ErrInvalidName, pattern)
	}
	return ok, nil
}

// objectPath is where a unit is found on the bus. Reading there makes systemd
// load the unit if it is not.
func objectPath(unit string) string {
	return sdbus.UnitPath + "/" + busLabel(unit)
}
