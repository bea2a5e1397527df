package journal

import (
	"math"
	"strings"
	"time"
)

// ParseTime parses a point in time in any of the forms that journalctl's
// --since= and --until= take (systemd.time(7), systemd 257): now, in loc,
// stands for the moment and the time zone that the text leaves out. A nil loc
// is [time.Local]. The result is in loc and has a resolution of microseconds,
// the journal's own.
//
//	now, today, yesterday, tomorrow     the days start at 00:00:00
//	-1h30min, +5s, 2 hours ago, 3d left from now
//	@1700000000.5                       seconds since 1970
//	2024-01-05 12:00[:05[.123456]]      also with T, also 24-01-05
//	2024-01-05, 12:00[:05]              midnight; today
//	Jan  5 12:00:05                     as journalctl prints it; this year
//
// All but the first line's now and the next two lines may have a weekday in
// front, which then has to be right, and a time zone behind: UTC, +05:30,
// Europe/Berlin, an abbreviation that loc uses, such as CEST, or a Z without a
// space.
//
// A day that a month does not have runs over into the next month, a time that
// daylight saving skips is moved by the length of the gap, and one that occurs
// twice is taken where systemd takes it. Times before 1970 are out of range.
//
// The error is a [*SyntaxError] with the position that cannot be read.
func ParseTime(s string, now time.Time, loc *time.Location) (time.Time, error) {
	if loc == nil {
		loc = time.Local
	}
	t, offset, reason := parseTime(s, now, loc)
	if reason != "" {
		return time.Time{}, &SyntaxError{What: "time", Input: s, Offset: int64(offset), Reason: reason}
	}
	return t.In(loc), nil
}

const (
	timeWanted  = `want a time such as "yesterday", "2 hours ago", "-1h", "2024-01-05 12:00" or "@1700000000"`
	timeRange   = "out of range: times are from 1970 to 9999"
	wrongDay    = "the date is not on that day of the week"
	spanWanted  = `want a span of time such as "1h 30min"`
	spanTooLong = "span of time out of range"
)

// lastTime is the last microsecond that systemd can print in any time zone,
// the end of 9999-12-30 in UTC (USEC_TIMESTAMP_FORMATTABLE_MAX).
const lastTime = 253402214399_999999

// zone is where the text of a time places it: in a location of the time zone
// database, or at a fixed offset from UTC in seconds. What today is at a fixed
// offset is decided in UTC, as systemd does.
type zone struct {
	loc    *time.Location
	offset int
	fixed  bool
}

// parseTime returns a reason where it fails, and where in s that is.
func parseTime(s string, now time.Time, loc *time.Location) (t time.Time, offset int, reason string) {
	if t, offset, reason, ok := parseRelative(s, now); ok {
		return t, offset, reason
	}
	if body, ok := strings.CutSuffix(s, "Z"); ok {
		if t, _, reason := parseCalendar(body, now, zone{fixed: true}); reason == "" {
			return t, 0, ""
		}
	}
	// 1990-12-31T15:59:60-08:00 has its zone without a space, and always in
	// six characters.
	if cut := len(s) - len("+00:00"); cut > 0 && s[cut-1] != ' ' {
		if seconds, ok := parseOffset(s[cut:]); ok {
			return parseCalendar(s[:cut], now, zone{fixed: true, offset: seconds})
		}
	}
	if space := strings.LastIndexByte(s, ' '); space > 0 {
		if z, ok := parseZone(s[space+1:], now, loc); ok {
			return parseCalendar(s[:space], now, z)
		}
	}
	return parseCalendar(s, now, zone{loc: loc})
}

// parseRelative parses what is counted from now or from 1970, and so has no
// time zone; ok is false where s is nothing of that kind.
func parseRelative(s string, now time.Time) (t time.Time, offset int, reason string, ok bool) {
	usec := now.UnixMicro()
	var span int64
	before, ago := strings.CutSuffix(s, " ago")
	after, left := strings.CutSuffix(s, " left")
	switch {
	case s == "now":
	case strings.HasPrefix(s, "@"):
		span, offset, reason = parseSpan(s, 1)
		usec = span
	case strings.HasPrefix(s, "+"):
		span, offset, reason = parseSpan(s, 1)
		usec += span
	case strings.HasPrefix(s, "-"):
		span, offset, reason = parseSpan(s, 1)
		usec -= span
	case ago:
		span, offset, reason = parseSpan(before, 0)
		usec -= span
	case left:
		span, offset, reason = parseSpan(after, 0)
		usec += span
	default:
		return time.Time{}, 0, "", false
	}
	// systemd has no upper limit for a number that counts from 1970.
	if reason == "" && (usec < 0 || usec > lastTime && s[0] != '@') {
		offset, reason = 0, timeRange
	}
	return time.UnixMicro(usec), offset, reason, true
}

// spanUnits are the units of a span in microseconds, where a longer name comes
// before the shorter ones that it starts with. systemd's month is a twelfth of
// its year of 365.25 days; M is a month and m a minute.
var spanUnits = []struct {
	name string
	usec int64
}{
	{"seconds", 1e6}, {"second", 1e6}, {"sec", 1e6}, {"s", 1e6},
	{"minutes", 60e6}, {"minute", 60e6}, {"min", 60e6},
	{"months", 2629800e6}, {"month", 2629800e6}, {"M", 2629800e6},
	{"msec", 1e3}, {"ms", 1e3}, {"m", 60e6},
	{"hours", 3600e6}, {"hour", 3600e6}, {"hr", 3600e6}, {"h", 3600e6},
	{"days", 86400e6}, {"day", 86400e6}, {"d", 86400e6},
	{"weeks", 604800e6}, {"week", 604800e6}, {"w", 604800e6},
	{"years", 31557600e6}, {"year", 31557600e6}, {"y", 31557600e6},
	{"usec", 1}, {"us", 1}, {"\u00b5s", 1}, {"\u03bcs", 1},
}

// parseSpan parses the span of time in s from the byte at on, in
// microseconds: numbers that may have a fraction, each with a unit, or in
// seconds without one.
func parseSpan(s string, at int) (usec int64, offset int, reason string) {
	const whitespace = " \t\n\r"
	skip := func(i int) int { return len(s) - len(strings.TrimLeft(s[i:], whitespace)) }
	i := skip(at)
	if i == len(s) {
		return 0, i, spanWanted
	}
	for i < len(s) {
		if s[i] == '+' {
			i++
		}
		start := i
		whole := int64(0)
		for ; i < len(s) && isDigit(s[i]); i++ {
			if whole > math.MaxInt64/10-9 {
				return 0, start, spanTooLong
			}
			whole = whole*10 + int64(s[i]-'0')
		}
		fraction := ""
		if i < len(s) && s[i] == '.' {
			dot := i
			for i++; i < len(s) && isDigit(s[i]); i++ {
			}
			fraction = s[dot+1 : i]
			if fraction == "" {
				return 0, i, "want a digit after the point"
			}
		} else if i == start {
			return 0, i, spanWanted
		}
		number := i
		i = skip(i)
		unit := int64(1e6)
		named := false
		for _, u := range spanUnits {
			if strings.HasPrefix(s[i:], u.name) {
				i, unit, named = i+len(u.name), u.usec, true
				break
			}
		}
		if !named && i == number && i < len(s) {
			return 0, i, "unknown unit of time"
		}
		if whole > math.MaxInt64/2/unit {
			return 0, start, spanTooLong
		}
		add := whole * unit
		for _, digit := range []byte(fraction) {
			unit /= 10
			add += int64(digit-'0') * unit
		}
		if usec > math.MaxInt64/2-add {
			return 0, start, spanTooLong
		}
		usec += add
		i = skip(i)
	}
	return usec, 0, ""
}

// parseZone parses the word behind a time.
func parseZone(word string, now time.Time, loc *time.Location) (zone, bool) {
	if strings.EqualFold(word, "UTC") || word == "Z" {
		return zone{fixed: true}, true
	}
	if seconds, ok := parseOffset(word); ok {
		return zone{fixed: true, offset: seconds}, true
	}
	// An abbreviation that loc uses stands for its offset also on a date when
	// loc does not use it. It comes before the names of the time zone database,
	// of which some hosts have CET and some do not, and which are looked at in
	// the same way: there, CET is +01:00 in summer too.
	if z, ok := abbreviated(word, now, loc); ok {
		return z, true
	}
	// "Local" and "" are names to Go alone.
	if word == "" || word == "Local" {
		return zone{}, false
	}
	named, err := time.LoadLocation(word)
	if err != nil {
		return zone{}, false
	}
	if z, ok := abbreviated(word, now, named); ok {
		return z, true
	}
	return zone{loc: named}, true
}

// abbreviated returns the offset for which the word stands in loc this year.
func abbreviated(word string, now time.Time, loc *time.Location) (zone, bool) {
	year := now.In(loc).Year()
	for month := time.January; month <= time.December; month++ {
		if name, seconds := time.Date(year, month, 1, 0, 0, 0, 0, loc).Zone(); name == word {
			return zone{loc: time.FixedZone(name, seconds)}, true
		}
	}
	return zone{}, false
}

// parseOffset parses ±hh, ±hhmm and ±hh:mm, in seconds east of UTC.
func parseOffset(s string) (seconds int, ok bool) {
	if len(s) == len("+00:00") && s[3] == ':' {
		s = s[:3] + s[4:]
	}
	if len(s) != len("+00") && len(s) != len("+0000") || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	var digits [4]int
	for i := range s[1:] {
		if !isDigit(s[i+1]) {
			return 0, false
		}
		digits[i] = int(s[i+1] - '0')
	}
	hours, minutes := digits[0]*10+digits[1], digits[2]*10+digits[3]
	seconds = hours*3600 + minutes*60
	if minutes >= 60 || seconds > 24*3600 {
		return 0, false
	}
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

var (
	weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	months   = []string{"january", "february", "march", "april", "may", "june",
		"july", "august", "september", "october", "november", "december"}
)

// layouts are the forms of a calendar time, in strptime(3)'s notation, in the
// order in which systemd tries them: with two digits of the year before four.
// A fraction of a second may follow %S.
var layouts = []string{
	"%y-%m-%d %H:%M:%S",
	"%Y-%m-%d %H:%M:%S",
	"%Y-%m-%dT%H:%M:%S",
	"%b %d %H:%M:%S",
	"%y-%m-%d %H:%M",
	"%Y-%m-%d %H:%M",
	"%Y-%m-%dT%H:%M",
	"%y-%m-%d",
	"%Y-%m-%d",
	"%H:%M:%S",
	"%H:%M",
}

// calendar is a broken-down time that need not exist.
type calendar struct {
	year, month, day, hour, minute, second, usec int
}

func (c calendar) in(loc *time.Location) time.Time {
	return time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, 0, loc)
}

// parseCalendar parses a day or a time of day, without its zone.
func parseCalendar(s string, now time.Time, z zone) (t time.Time, offset int, reason string) {
	if z.fixed {
		now = now.UTC()
	} else {
		now = now.In(z.loc)
	}
	today := calendar{year: now.Year(), month: int(now.Month()), day: now.Day()}
	at := today
	switch s {
	case "today":
	case "yesterday":
		at.day--
	case "tomorrow":
		at.day++
	default:
		weekday, start := cutWeekday(s)
		at, offset, reason = parseLayouts(s, start, today)
		if reason != "" {
			return time.Time{}, offset, reason
		}
		// A leap second is still the same day.
		day := calendar{year: at.year, month: at.month, day: at.day}
		if weekday >= 0 && day.in(time.UTC).Weekday() != time.Weekday(weekday) {
			return time.Time{}, 0, wrongDay
		}
	}
	if z.fixed {
		t = at.in(time.UTC).Add(-time.Duration(z.offset) * time.Second)
	} else {
		t = at.resolve(z.loc)
	}
	t = t.Add(time.Duration(at.usec) * time.Microsecond)
	if usec := t.UnixMicro(); usec < 0 || usec > lastTime {
		return time.Time{}, 0, timeRange
	}
	return t, 0, ""
}

// resolve returns the moment at which clocks in loc show c, by the same
// approximation as the C library's mktime, which decides which of the two it
// is when clocks show it twice: the one reached first from c read as UTC. In a
// gap the approximation swings between two moments, as far from each other as
// the gap is long, of which mktime prefers the one in daylight saving time.
func (c calendar) resolve(loc *time.Location) time.Time {
	want := c.in(time.UTC)
	t := want
	var before time.Time
	for range 8 {
		_, seconds := t.In(loc).Zone()
		next := want.Add(-time.Duration(seconds) * time.Second)
		if next.Equal(t) {
			return t
		}
		if next.Equal(before) {
			if t.In(loc).IsDST() && !next.In(loc).IsDST() {
				return t
			}
			return next
		}
		before, t = t, next
	}
	return t
}

// cutWeekday returns the day of the week in front of s, or -1, and where the
// rest starts.
func cutWeekday(s string) (weekday, start int) {
	name, _, found := strings.Cut(s, " ")
	if !found {
		return -1, 0
	}
	for i, day := range weekdays {
		if strings.EqualFold(name, day) || strings.EqualFold(name, day[:3]) {
			return i, len(name) + 1
		}
	}
	return -1, 0
}

// parseLayouts parses s from the byte start on in the first of the layouts
// that fits; what a layout leaves out comes from today.
func parseLayouts(s string, start int, today calendar) (at calendar, offset int, reason string) {
	furthest := start
	for _, layout := range layouts {
		at := today
		end, ok := scan(s, start, layout, &at)
		furthest = max(furthest, end)
		if !ok {
			continue
		}
		if end < len(s) && s[end] == '.' && strings.HasSuffix(layout, "%S") {
			end, ok = scanFraction(s, end+1, &at)
			furthest = max(furthest, end)
		}
		if ok && end == len(s) {
			return at, 0, ""
		}
	}
	return calendar{}, furthest, timeWanted
}

// scan reads s from the byte i on as strptime(3) does in the C locale: a space
// of the layout stands for any amount of white space, a number may have spaces
// in front. It returns how far it came.
func scan(s string, i int, layout string, at *calendar) (end int, ok bool) {
	for l := 0; l < len(layout); l++ {
		switch {
		case layout[l] == ' ':
			for i < len(s) && strings.IndexByte(" \t\n\v\f\r", s[i]) >= 0 {
				i++
			}
			continue
		case layout[l] != '%':
			if i >= len(s) || s[i] != layout[l] {
				return i, false
			}
			i++
			continue
		}
		l++
		switch layout[l] {
		case 'Y':
			i, ok = scanNumber(s, i, 4, 0, 9999, &at.year)
		case 'y':
			// POSIX: 69 to 99 are in the last century.
			i, ok = scanNumber(s, i, 2, 0, 99, &at.year)
			if at.year >= 69 {
				at.year += 1900
			} else {
				at.year += 2000
			}
		case 'm':
			i, ok = scanNumber(s, i, 2, 1, 12, &at.month)
		case 'b':
			i, ok = scanMonth(s, i, &at.month)
		case 'd':
			i, ok = scanNumber(s, i, 2, 1, 31, &at.day)
		case 'H':
			i, ok = scanNumber(s, i, 2, 0, 23, &at.hour)
		case 'M':
			i, ok = scanNumber(s, i, 2, 0, 59, &at.minute)
		case 'S':
			// 61: leap seconds.
			i, ok = scanNumber(s, i, 2, 0, 61, &at.second)
		}
		if !ok {
			return i, false
		}
	}
	return i, true
}

func scanNumber(s string, i, digits, low, high int, n *int) (end int, ok bool) {
	for i < len(s) && s[i] == ' ' {
		i++
	}
	start, value := i, 0
	for ; i < len(s) && i < start+digits && isDigit(s[i]); i++ {
		// As in the C library, a digit that would leave the range belongs to
		// what follows.
		if value*10 > high {
			break
		}
		value = value*10 + int(s[i]-'0')
	}
	if i == start || value < low || value > high {
		return start, false
	}
	*n = value
	return i, true
}

func scanMonth(s string, i int, n *int) (end int, ok bool) {
	for month, name := range months {
		for _, spelling := range []string{name, name[:3]} {
			if end := i + len(spelling); end <= len(s) && strings.EqualFold(s[i:end], spelling) {
				*n = month + 1
				return end, true
			}
		}
	}
	return i, false
}

// scanFraction reads the fraction of a second behind the point, rounded to
// microseconds.
func scanFraction(s string, i int, at *calendar) (end int, ok bool) {
	start := i
	for scale := 100000; i < len(s) && isDigit(s[i]); i++ {
		switch {
		case scale > 0:
			at.usec += int(s[i]-'0') * scale
			scale /= 10
		case i == start+6 && s[i] >= '5':
			at.usec++
		}
	}
	return i, i > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
