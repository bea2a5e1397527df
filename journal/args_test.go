package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
)

func TestArgs(t *testing.T) {
	boot, err := ParseID(oddBoot)
	require.NoError(t, err)
	const cursor = "s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf;b=17fc695a07a0ca6e0822e8f36c031199;m=2f6b3cc21f;t=60ab1680d7260;x=725d88d26eaee10d"
	a1, a2, b := Field("A", "1"), Field("A", "2"), Field("B", "3")
	for _, tt := range []struct {
		q    Query
		want string
	}{
		{Query{}, ""},
		{Query{Units: []string{"jupyter-alice", "jupyter-*"}}, "--unit=jupyter-alice --unit=jupyter-*"},
		{Query{Units: []string{"--output=cat"}, Identifiers: []string{"-x", "a b"}}, "--unit=--output=cat --identifier=-x --identifier=a b"},
		{Query{Priorities: AtLeast(Err)}, "--priority=emerg..err"},
		{Query{Priorities: Between(Debug, Info)}, "--priority=info..debug"},
		{Query{Priorities: AtLeast(Debug)}, ""},
		{Query{Priorities: Between(Err, Err) | Between(Debug, Debug)}, "PRIORITY=3 PRIORITY=7"},
		{Query{Since: time.UnixMicro(1700000000000001), Until: time.UnixMicro(1700000000999999)}, "--since=@1700000000.000001 --until=@1700000000.999999"},
		{Query{Since: time.Unix(-1, 0)}, "--since=@0.000000"},
		{Query{Boot: boot}, "_BOOT_ID=" + oddBoot},
		{Query{After: cursor, Until: time.Unix(5, 0)}, "--cursor=" + cursor + " --until=@5.000000"},
		{Query{From: cursor}, "--cursor=" + cursor},
		{Query{Newest: 10}, "--lines=10"},
		{Query{Newest: 10, Reverse: true, Since: time.Unix(5, 0)}, "--reverse --lines=10 --since=@5.000000"},
		{Query{Match: a1}, "A=1"},
		{Query{Match: Field("A", "+")}, "A=+"},
		{Query{Match: Any(a1, a2)}, "A=1 A=2"},
		{Query{Match: All(a1, b)}, "A=1 B=3"},
		{Query{Match: Any(a1, b)}, "A=1 + B=3"},
		{Query{Match: All(Any(a1, a2), b)}, "A=1 A=2 B=3"},
		{Query{Match: Any(All(a1, b), a2)}, "A=1 B=3 + A=2"},
		{Query{Match: All(Any(a1, b), Field("C", "4"))}, "A=1 C=4 + B=3 C=4"},
		{Query{Match: Any(a1, All())}, ""},
		{Query{Match: All(a1, a1)}, "A=1"},
		{Query{UserUnits: []UserUnit{{1000, "x"}}}, "_SYSTEMD_USER_UNIT=x.service _UID=1000 + USER_UNIT=x.service _UID=1000" +
			" + COREDUMP_USER_UNIT=x.service _UID=1000 _UID=0 + OBJECT_SYSTEMD_USER_UNIT=x.service _UID=1000 _UID=0"},
	} {
		args, err := tt.q.Args()
		if assert.NoError(t, err, "%+v", tt.q) {
			assert.Equal(t, "--output=export --all --quiet --no-pager", strings.Join(args[:4], " "))
			assert.Equal(t, tt.want, strings.Join(args[4:], " "))
		}
	}
	for _, never := range []Query{
		{Match: Any()},
		{Match: All(a1, Any())},
		{Since: time.Unix(6, 0), Until: time.Unix(5, 0)},
	} {
		args, err := never.Args()
		require.NoError(t, err)
		assert.Equal(t, "--lines=0", args[len(args)-1])
	}
	for _, q := range []Query{
		{Grep: regexp.MustCompile("x")},
		{After: cursor, Newest: 1},
		{From: cursor, Reverse: true},
		{After: cursor, Since: time.Unix(5, 0)},
		{After: cursor, Reverse: true},
		{Newest: 1, Since: time.Unix(5, 0)},
		{Newest: 1, Until: time.Unix(5, 0)},
		{UserUnits: []UserUnit{{1000, "x*"}}},
		{Match: All(a1, a2)},
		{Match: All(Any(a1, a2), Any(a2, Field("A", "3")))},
		{Match: Field("A", "\x00")},
		{Identifiers: []string{"a\x00b"}},
		{Match: All(wide("A"), wide("B"))},
	} {
		_, err := q.Args()
		assert.ErrorIs(t, err, errors.ErrUnsupported, "%+v", q)
	}
	for _, q := range []Query{
		{Units: []string{""}},
		{Match: Field("lower", "x")},
		{Match: Field("--follow", "x")},
		{Match: Field("__CURSOR", "x")},
		{After: "--merge"},
		{From: "x"},
		{After: cursor, From: cursor},
	} {
		_, err := q.Args()
		assert.ErrorIs(t, err, fs.ErrInvalid, "%+v", q)
	}
}

// wide returns alternatives that cannot be joined.
func wide(name string) Match {
	var any []Match
	for i := range 40 {
		any = append(any, Field(fmt.Sprintf("%s%d", name, i), "x"))
	}
	return Any(any...)
}

func TestCommandLine(t *testing.T) {
	assert.Equal(t, `journalctl --unit=a.service '--identifier=it'\''s; reboot' ''`, CommandLine("journalctl", "--unit=a.service", "--identifier=it's; reboot", ""))
}

// TestCommandLineInAShell has a shell read what hostile values become.
func TestCommandLineInAShell(t *testing.T) {
	words := slices.Concat(hostile, []string{"", "~root", "-n", "$HOME", "`id`", "$(id)", "a*", "\\", "'", "\"", "!!", "#", "a\nb", "\t", "{a,b}", "[a-z]", "é\xff", "A=~"})
	out, err := exec.Command(testenv.Tool(t, "sh"), "-c", CommandLine(append([]string{"printf", `%s\0`}, words...)...)).Output()
	require.NoError(t, err)
	assert.Equal(t, words, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
}

// hostile are values that journalctl must take for nothing but values.
var hostile = []string{
	"--output=cat", "-o", "--", "+", "-n5", "/usr/bin/x", "A=1", "a b", "*", "--follow", "@file", "%s", "it's", "a\nb",
}

// randomQuery returns a query over the fields and values of the generated
// journal that can be rendered for journalctl.
func randomQuery(r *rand.Rand, entries []*Entry) Query {
	some := func() *Entry { return entries[r.IntN(len(entries))] }
	value := func(name string) string {
		if r.IntN(20) == 0 {
			return hostile[r.IntN(len(hostile))]
		}
		v, _ := some().Get(name)
		return string(v)
	}
	var q Query
	if r.IntN(2) == 0 {
		for range 1 + r.IntN(3) {
			name := some().Unit()
			if name == "" {
				continue
			}
			switch r.IntN(4) {
			case 0:
				name = name[:len(name)-len(".service")+r.IntN(2)] + "*"
			case 1:
				name = strings.TrimSuffix(name, ".service")
			}
			q.Units = append(q.Units, name)
		}
	}
	if r.IntN(4) == 0 {
		q.Identifiers = []string{value("SYSLOG_IDENTIFIER"), value("SYSLOG_IDENTIFIER")}
	}
	if r.IntN(3) == 0 {
		q.Priorities = Between(Priority(r.IntN(8)), Priority(r.IntN(8)))
	}
	if r.IntN(8) == 0 {
		q.Priorities |= Between(Crit, Crit)
	}
	if r.IntN(4) == 0 {
		q.Boot = some().BootID()
	}
	if r.IntN(3) == 0 {
		names := []string{"_UID", "_PID", "PRIORITY", "_TRANSPORT", "_SYSTEMD_INVOCATION_ID", "_COMM", "MESSAGE", "NOT_THERE"}
		var any []Match
		for range 1 + r.IntN(3) {
			i, j := r.IntN(len(names)), r.IntN(len(names))
			m := Field(names[i], value(names[i]))
			if r.IntN(2) == 0 {
				m = Any(m, Field(names[i], value(names[i])))
			}
			if i != j && r.IntN(2) == 0 {
				m = All(m, Field(names[j], value(names[j])))
			}
			any = append(any, m)
		}
		q.Match = Any(any...)
	}
	if r.IntN(2) == 0 {
		q.Since = some().Time()
	}
	if r.IntN(3) == 0 {
		q.Until = some().Time()
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && q.Since.After(q.Until) {
		q.Since, q.Until = q.Until, q.Since
	}
	if r.IntN(4) == 0 {
		q.Newest, q.Reverse = 1+r.IntN(50), true
	} else if r.IntN(4) == 0 && q.Since.IsZero() {
		q.After = some().Cursor()
	} else if r.IntN(8) == 0 && q.Since.IsZero() {
		q.From = some().Cursor()
	} else if r.IntN(4) == 0 && q.Since.IsZero() && q.Until.IsZero() {
		q.Newest = 1 + r.IntN(50)
	}
	return q
}

// filter is what q asks of entries, found the slow way: by looking at each.
func filter(t testing.TB, q Query, entries []*Entry) []*Entry {
	t.Helper()
	condition, err := q.condition("")
	require.NoError(t, err)
	behind := q.After == "" && q.From == ""
	var found []*Entry
	for _, e := range entries {
		behind = behind || e.Cursor() == q.From
		if behind &&
			condition.holds(e) &&
			(q.Since.IsZero() || !e.Time().Before(q.Since)) &&
			(q.Until.IsZero() || !e.Time().After(q.Until)) {
			found = append(found, e)
		}
		behind = behind || e.Cursor() == q.After
	}
	if q.Newest > 0 && len(found) > q.Newest {
		found = found[len(found)-q.Newest:]
	}
	if q.Reverse {
		found = slices.Clone(found)
		slices.Reverse(found)
	}
	return found
}

func exported(entries []*Entry) []byte {
	var b []byte
	for _, e := range entries {
		b = e.AppendExport(b)
	}
	return b
}

func FuzzArgs(f *testing.F) {
	for _, h := range hostile {
		f.Add(h, h, "MESSAGE", h, "")
	}
	f.Add("jupyter-*", "jupyterhub", "_UID", "0", "s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf;b=17fc695a07a0ca6e0822e8f36c031199;m=2f;t=60;x=72")
	// The only words that may come out: these options, each with its value in
	// the same word, matches, and the plus sign between two of them.
	word := regexp.MustCompile(`(?s)^(--output=export|--all|--quiet|--no-pager|--lines=0|--cursor=.+|--unit=.+|--identifier=.*|[A-Z0-9_]{1,64}=.*|\+)$`)
	f.Fuzz(func(t *testing.T, unit, identifier, field, value, cursor string) {
		q := Query{Units: []string{unit}, Identifiers: []string{identifier}, Match: Any(Field(field, value), All(Field("_PID", value), Field("X", field))), After: cursor}
		args, err := q.Args()
		if err != nil {
			require.Nil(t, args)
			return
		}
		pluses := 0
		for _, arg := range args {
			if strings.IndexByte(arg, 0) >= 0 || !word.MatchString(arg) {
				t.Errorf("%q", arg)
			}
			if arg == "+" {
				pluses++
			}
		}
		require.LessOrEqual(t, pluses, 1)
	})
}
