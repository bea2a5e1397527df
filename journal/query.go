package journal

import (
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Query says which entries are asked for, and in which order. The zero value
// asks for all, the oldest first. An entry must satisfy every field of the
// Query that is set; Units and UserUnits count as one field. A Query is a
// value that is never changed: it can be used again, and by several
// goroutines.
type Query struct {
	// Units are names or globs of system units; an entry of any of them is
	// wanted. They are taken as `journalctl --unit` takes them: "jupyter-alice"
	// means jupyter-alice.service, and *, ? and [ make a name a pattern
	// ("jupyter-*" has all users' servers, also of users who log in while the
	// journal is followed). The entries are those that `journalctl --unit`
	// shows: what the unit's processes wrote, what the service manager says
	// of the unit, its core dumps, and what a privileged process logs on its
	// behalf; never what an unprivileged process claims of a unit that is not
	// its own.
	//
	// Where versions of systemd differ, the union is taken: a message of the
	// service manager is one of PID 1, as in 252 to 255, or of the control
	// group /init.scope, as in 257; and a core dump is reported by root, as in
	// the former, or by the host's user systemd-coredump, as in the latter.
	Units []string
	// UserUnits are units of users' own service managers, as `journalctl
	// --user-unit` takes them.
	UserUnits []UserUnit
	// Identifiers are values of SYSLOG_IDENTIFIER; an entry with any of them
	// is wanted.
	Identifiers []string
	// Priorities are those wanted, as [AtLeast] and [Between] make them; none
	// of them, or all eight, mean every entry, also one that has no priority.
	Priorities Priorities
	// Boot is the boot in which the entry was written; zero means any. See
	// [Journal.Boots].
	Boot ID
	// Since and Until bound the time of the entry, both included and compared
	// in whole microseconds; a zero time is no bound. Where the clock was set
	// back within one journal file, and the file ends later than it begins all
	// the same, entries around the jump may be missing; they are from
	// `journalctl`, too.
	Since, Until time.Time
	// Match is any further condition on fields.
	Match Match
	// Grep must match the field MESSAGE, as bytes; an entry without MESSAGE
	// is not wanted. It is Go's syntax: journalctl's --grep is PCRE, and
	// ignores case where the pattern is all lower case; here, write (?i).
	Grep *regexp.Regexp

	// After is a cursor; only entries behind it are wanted. The entry that it
	// names need not exist any more. See [Entry.Cursor] and
	// [Follower.Cursor]. Where neither sequence numbers nor times since boot
	// can be compared, the clock decides what is behind, and what Since says of
	// a clock that was set back holds here too.
	After string
	// From is a cursor too, but the entry that it names is wanted as well, if
	// it still exists. After and From exclude each other.
	From string
	// Newest is how many entries are wanted at most, counted from the newest;
	// zero means all. They still come oldest first, unless Reverse is set.
	Newest int
	// Reverse asks for the newest entry first. [Journal.Follow] refuses it.
	Reverse bool
}

// UserUnit names a unit of the service manager of one user.
type UserUnit struct {
	// UID is the user whose service manager has the unit.
	UID uint32
	// Name is a name or a glob, as in [Query.Units].
	Name string
}

// messageIDCoredump is MESSAGE_ID of the entries that systemd-coredump
// writes, SD_MESSAGE_COREDUMP in sd-messages.h.
const messageIDCoredump = "fc2e22bc6ee647b6b90729ab34a250b1"

// condition returns what the query asks of an entry's fields, in the order in
// which journalctl adds it. The coredump user ID is that of the user
// systemd-coredump on the host of the journal, or empty where it has none.
func (q *Query) condition(coredumpUID string) (Match, error) {
	var all []Match
	if !q.Boot.IsZero() {
		all = append(all, Field("_BOOT_ID", q.Boot.String()))
	}
	var units []Match
	for _, name := range q.Units {
		unit, err := mangleUnit(name)
		if err != nil {
			return Match{}, err
		}
		units = append(units, unitMatches(unit, coredumpUID)...)
	}
	for _, u := range q.UserUnits {
		unit, err := mangleUnit(u.Name)
		if err != nil {
			return Match{}, err
		}
		units = append(units, userUnitMatches(unit, strconv.FormatUint(uint64(u.UID), 10), coredumpUID)...)
	}
	if len(units) > 0 {
		all = append(all, Any(units...))
	}
	if len(q.Identifiers) > 0 {
		var ids []Match
		for _, id := range q.Identifiers {
			ids = append(ids, Field("SYSLOG_IDENTIFIER", id))
		}
		all = append(all, Any(ids...))
	}
	if q.Priorities.selects() {
		var ps []Match
		for p := Emerg; p <= Debug; p++ {
			if q.Priorities.Has(p) {
				ps = append(ps, Field("PRIORITY", strconv.Itoa(int(p))))
			}
		}
		all = append(all, Any(ps...))
	}
	if !q.Match.always() {
		if err := q.Match.validate(); err != nil {
			return Match{}, err
		}
		all = append(all, q.Match)
	}
	return All(all...), nil
}

// unitMatches returns the conditions of which one makes an entry one of the
// system unit, add_matches_for_unit in systemd's src/shared/logs-show.c.
func unitMatches(unit unitName, coredumpUID string) []Match {
	arms := []Match{
		All(unit.match("OBJECT_SYSTEMD_UNIT"), Field("_UID", "0")),
		All(unit.match("UNIT"), Any(Field("_PID", "1"), Field("_SYSTEMD_CGROUP", "/init.scope"))),
		All(unit.match("COREDUMP_UNIT"), Field("MESSAGE_ID", messageIDCoredump), uidIn("0", coredumpUID)),
		unit.match("_SYSTEMD_UNIT"),
	}
	if unit.mayBeSlice() {
		arms = append(arms, unit.match("_SYSTEMD_SLICE"))
	}
	return arms
}

// userUnitMatches is [unitMatches] for a unit of the service manager of the
// user, add_matches_for_user_unit in the same file.
func userUnitMatches(unit unitName, uid, coredumpUID string) []Match {
	own := Field("_UID", uid)
	arms := []Match{
		All(unit.match("_SYSTEMD_USER_UNIT"), own),
		All(unit.match("USER_UNIT"), own),
		All(unit.match("COREDUMP_USER_UNIT"), uidIn(uid, "0", coredumpUID)),
		All(unit.match("OBJECT_SYSTEMD_USER_UNIT"), uidIn(uid, "0")),
	}
	if unit.mayBeSlice() {
		arms = append(arms, All(unit.match("_SYSTEMD_USER_SLICE"), own))
	}
	return arms
}

// uidIn returns the condition that _UID is one of the user IDs; empty ones
// are passed over.
func uidIn(uids ...string) Match {
	var any []Match
	for i, uid := range uids {
		if uid != "" && !slices.Contains(uids[:i], uid) {
			any = append(any, Field("_UID", uid))
		}
	}
	return Any(any...)
}
