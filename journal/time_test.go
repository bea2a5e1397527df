package journal

import (
	"bufio"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
)

//go:embed testdata/timestamps.tsv
var timestamps string

// timestamp is a row of testdata/timestamps.tsv.
type timestamp struct {
	zone, text string
	usec       int64 // -1: systemd refuses it
}

func readTimestamps(t testing.TB) []timestamp {
	t.Helper()
	var rows []timestamp
	lines := bufio.NewScanner(strings.NewReader(timestamps))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		// The text may hold tabs.
		zone, rest, ok := strings.Cut(lines.Text(), "\t")
		require.True(t, ok, lines.Text())
		cut := strings.LastIndexByte(rest, '\t')
		row := timestamp{zone: zone, text: rest[:cut], usec: -1}
		if want := rest[cut+1:]; want != "-" {
			usec, err := strconv.ParseInt(want, 10, 64)
			require.NoError(t, err)
			row.usec = usec
		}
		rows = append(rows, row)
	}
	require.Greater(t, len(rows), 300)
	return rows
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 30, 15, 123456789, time.UTC)
	for _, row := range readTimestamps(t) {
		loc, err := time.LoadLocation(row.zone)
		require.NoError(t, err)
		got, err := ParseTime(row.text, now, loc)
		if row.usec < 0 {
			syntax, ok := errors.AsType[*SyntaxError](err)
			if assert.True(t, ok, "%s %q: %v %v", row.zone, row.text, got, err) {
				assert.LessOrEqual(t, syntax.Offset, int64(len(row.text)))
			}
			continue
		}
		if assert.NoError(t, err, "%s %q", row.zone, row.text) {
			assert.Equal(t, row.usec, got.UnixMicro(), "%s %q: %v", row.zone, row.text, got)
			assert.Equal(t, loc, got.Location())
		}
	}
}

// relative are texts whose meaning depends on the moment.
var relative = []string{
	"now", "today", "yesterday", "tomorrow", "today UTC", "yesterday UTC", "tomorrow UTC",
	"-1h", "- 1h", "-1 h", "-1.5", "-.5s", "-5", "+5", "-1M", "-1m", "-1month", "-1y", "+1h30min", "-1h+5min", "-+5",
	"-1d1d", "-2weeks 3days", "-0.5us", "-1µs", "-1μs",
	"2 hours ago", "1h  ago", "1.5h ago", "5 minutes 3 seconds ago", "5 minutes left", "1 ago",
	"12:00", "12:00:05", "12:00:05.5", "1:2", "12:0", "12:00 UTC", "12:00:61",
	"Jan  5 10:00:00", "January 5 10:00:00", "jan 5 10:00:00.5", "Feb 30 01:02:03",
}

// newRelative are those that only systemd 255 and newer understand.
var newRelative = []string{
	"todayZ", "today +05:30", "12:00 +05:30", "12:00:05+05:30", "12:00Z",
	"yesterday Asia/Tokyo", "12:00 America/New_York",
}

// unsettled are times that some zone has twice or not at all: what mktime(3)
// makes of them depends on what the process has asked before. The table has a
// process for each.
var unsettled = []string{
	"2024-10-27 02:00:00", "2024-10-27 02:30:00", "2024-11-03 01:30:00", "2024-04-07 01:45", "2011-12-30 12:00",
}

// TestParseTimeAsSystemd asks the systemd of this host for each text at the
// moment it is run.
func TestParseTimeAsSystemd(t *testing.T) {
	t.Parallel()
	judge := analyze{path: testenv.Tool(t, "systemd-analyze")}
	texts := make(map[string][]string)
	for _, row := range readTimestamps(t) {
		if slices.Contains(unsettled, row.text) {
			continue
		}
		texts[row.zone] = append(texts[row.zone], row.text)
	}
	for zone := range texts {
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		all := append(texts[zone], relative...)
		if judge.version(t) >= 255 {
			all = append(all, newRelative...)
		}
		before := time.Now()
		want := judge.timestamps(t, zone, all)
		after := time.Now()
		require.Greater(t, len(want), len(relative))
		for _, text := range all {
			usec, ok := want[text]
			if !ok {
				// What systemd refuses stands in the table, of the
				// newest systemd.
				continue
			}
			low, err := ParseTime(text, before, loc)
			if !assert.NoError(t, err, "%s %q: systemd says %d", zone, text, usec) {
				continue
			}
			high, err := ParseTime(text, after, loc)
			require.NoError(t, err)
			assert.True(t, low.UnixMicro() <= usec && usec <= high.UnixMicro(), "%s %q: %d, systemd says %d", zone, text, low.UnixMicro(), usec)
		}
		for _, text := range relative {
			assert.Contains(t, want, text)
		}
	}
}

type analyze struct{ path string }

func (a analyze) version(t testing.TB) int {
	out, err := exec.Command(a.path, "--version").Output()
	require.NoError(t, err)
	n, err := strconv.Atoi(regexp.MustCompile(`^systemd (\d+)`).FindStringSubmatch(string(out))[1])
	require.NoError(t, err)
	return n
}

// timestamps returns what systemd makes of the texts that it understands, in
// microseconds.
func (a analyze) timestamps(t testing.TB, zone string, texts []string) map[string]int64 {
	cmd := exec.Command(a.path, append([]string{"timestamp", "--"}, texts...)...)
	cmd.Env = append(os.Environ(), "TZ="+zone, "LC_ALL=C.UTF-8")
	// It goes on behind a text that it refuses, and exits with 1.
	out, _ := cmd.Output()
	got := make(map[string]int64)
	for _, block := range strings.Split(string(out), "\n\n") {
		text := regexp.MustCompile(`(?m)^ *Original form: (.*)$`).FindStringSubmatch(block)
		unix := regexp.MustCompile(`(?m)^ *UNIX seconds: @(\d{1,12})(?:\.(\d{6}))?$`).FindStringSubmatch(block)
		if text == nil || unix == nil {
			continue
		}
		usec, err := strconv.ParseInt(unix[1]+(unix[2] + "000000")[:6], 10, 64)
		require.NoError(t, err)
		got[text[1]] = usec
	}
	return got
}

func TestParseTimeRefusal(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 30, 15, 0, time.UTC)
	for text, want := range map[string]int64{
		"":                        0,
		"gestern":                 0,
		"2 hours":                 1,
		"2024-01-05 12:60":        15,
		"2024-13-01":              5,
		"2024-01-05T12:00:05x":    19,
		"Thu 2024-01-05":          0,
		"-1h5parsecs":             4,
		"-5minx":                  5,
		"2 fortnights ago":        2,
		"@99999999999999999999":   1,
		"-1000y":                  0,
		"2024-01-05 12:00 Narnia": 16,
	} {
		_, err := ParseTime(text, now, time.UTC)
		syntax, ok := errors.AsType[*SyntaxError](err)
		if assert.True(t, ok, "%q: %v", text, err) {
			assert.Equal(t, want, syntax.Offset, "%v", err)
			assert.Equal(t, text, syntax.Input)
		}
	}
}

func TestParseTimeInNilLocationIsLocal(t *testing.T) {
	now := time.Now()
	got, err := ParseTime("today", now, nil)
	require.NoError(t, err)
	year, month, day := now.Date()
	assert.True(t, got.Equal(time.Date(year, month, day, 0, 0, 0, 0, time.Local)), "%v", got)
	got, err = ParseTime("2024-01-05 12:00 utc", now, nil)
	require.NoError(t, err, "systemd 252 takes it, 257 does not")
	assert.Equal(t, int64(1704456000), got.Unix())
}

func FuzzParseTime(f *testing.F) {
	for _, row := range readTimestamps(f) {
		f.Add(row.text)
	}
	for _, text := range append(relative, newRelative...) {
		f.Add(text)
	}
	now := time.Date(2026, 11, 22, 20, 30, 15, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseTime(text, now, berlin)
		if err != nil {
			syntax, ok := errors.AsType[*SyntaxError](err)
			require.True(t, ok)
			require.LessOrEqual(t, syntax.Offset, int64(len(text)))
			require.True(t, got.IsZero())
			return
		}
		require.True(t, 0 <= got.UnixMicro())
		if got.UnixMicro() > lastTime {
			require.Equal(t, byte('@'), text[0])
			return
		}
		again, err := ParseTime(got.UTC().Format("2006-01-02T15:04:05.000000Z"), now, berlin)
		require.NoError(t, err)
		require.True(t, got.Equal(again), "%q: %v, again %v", text, got, again)
	})
}
