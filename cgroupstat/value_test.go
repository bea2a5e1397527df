package cgroupstat

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAbsentUnlimitedZero(t *testing.T) {
	for _, tt := range []struct {
		limit     Limit[uint64]
		finite    bool
		unlimited bool
		absent    bool
		text      string
		json      string
	}{
		{Limit[uint64]{}, false, false, true, "-", "null"},
		{NoLimit[uint64](), false, true, false, "max", `"max"`},
		{AtMost[uint64](0), true, false, false, "0", "0"},
		{AtMost[uint64](1<<64 - 1), true, false, false, "18446744073709551615", "18446744073709551615"},
	} {
		_, ok := tt.limit.Get()
		assert.Equal(t, tt.finite, ok)
		assert.Equal(t, tt.unlimited, tt.limit.Unlimited())
		assert.Equal(t, tt.absent, tt.limit.IsZero())
		assert.Equal(t, tt.text, tt.limit.String())
		b, err := json.Marshal(tt.limit)
		require.NoError(t, err)
		assert.Equal(t, tt.json, string(b))
		back := AtMost[uint64](7)
		require.NoError(t, json.Unmarshal(b, &back))
		assert.Equal(t, tt.limit, back)
	}
	for _, tt := range []struct {
		figure Opt[uint64]
		text   string
		json   string
	}{
		{Opt[uint64]{}, "-", "null"},
		{Some[uint64](0), "0", "0"},
	} {
		assert.Equal(t, tt.text, tt.figure.String())
		assert.Equal(t, tt.json == "null", tt.figure.IsZero())
		b, err := json.Marshal(tt.figure)
		require.NoError(t, err)
		assert.Equal(t, tt.json, string(b))
		back := Some[uint64](7)
		require.NoError(t, json.Unmarshal(b, &back))
		assert.Equal(t, tt.figure, back)
	}
	assert.Error(t, json.Unmarshal([]byte(`"min"`), new(Limit[uint64])))
	assert.Error(t, json.Unmarshal([]byte(`"x"`), new(Opt[uint64])))
}

func TestTighterLimit(t *testing.T) {
	none, no, three, five := Limit[uint64]{}, NoLimit[uint64](), AtMost[uint64](3), AtMost[uint64](5)
	for _, tt := range [][3]Limit[uint64]{
		{none, none, none}, {none, no, no}, {none, five, five},
		{no, no, no}, {no, five, five}, {three, five, three}, {three, three, three},
	} {
		assert.Equal(t, tt[2], tt[0].within(tt[1]))
		assert.Equal(t, tt[2], tt[1].within(tt[0]))
	}
}

func TestCPULimit(t *testing.T) {
	assert.True(t, (&CPU{}).Limit().IsZero())
	assert.True(t, (&CPU{Quota: NoLimit[time.Duration](), Period: Some(time.Second)}).Limit().Unlimited())
	assert.Equal(t, AtMost(2.5), (&CPU{Quota: AtMost(250 * time.Millisecond), Period: Some(100 * time.Millisecond)}).Limit())
}

func TestWorkingSet(t *testing.T) {
	m := Memory{Current: Some[uint64](10)}
	assert.True(t, m.WorkingSet().IsZero())
	m.InactiveFile = Some[uint64](4)
	assert.Equal(t, Some[uint64](6), m.WorkingSet())
	m.InactiveFile = Some[uint64](11) // the two were read at different moments
	assert.Equal(t, Some[uint64](0), m.WorkingSet())
}

func TestTopAndSum(t *testing.T) {
	unit := func(path string, memory uint64, cpus, io float64) Sample {
		return Sample{
			Stats: Stats{Path: path, Memory: Memory{Current: Some(memory)}, Tasks: Tasks{Current: Some[uint64](2)}},
			CPUs:  Some(cpus), ReadBytes: Some(io), WriteBytes: Some(1.), OOMKills: Some[uint64](1),
		}
	}
	samples := []Sample{
		unit("/a", 1, 3, 2), {Stats: Stats{Path: "/gone"}, Err: ErrNotRunning},
		unit("/b", 3, 2, 1), {Stats: Stats{Path: "/dark"}}, unit("/c", 2, 1, 3), unit("/d", 2, 0, 0),
	}
	paths := func(samples []Sample) (p []string) {
		for _, s := range samples {
			p = append(p, s.Path)
		}
		return p
	}
	assert.Equal(t, []string{"/b", "/c", "/d"}, paths(Top(samples, ByMemory, 3)))
	assert.Equal(t, []string{"/a", "/b"}, paths(Top(samples, ByCPU, 2)))
	assert.Equal(t, []string{"/c", "/a", "/b", "/d", "/dark", "/gone"}, paths(Top(samples, ByIO, 99)))
	assert.Empty(t, Top(samples, ByCPU, -1))
	assert.Equal(t, Total{Units: 5, Memory: 8, Tasks: 8, CPUs: 6, ReadBytes: 6, WriteBytes: 4, OOMKills: 4}, Sum(samples))
}

func TestErrorQuotes(t *testing.T) {
	err := &Error{Op: "stat", Path: "/a\nb", File: "memory.stat", Err: malformedLine([]byte("x\x1b[31m"))}
	assert.EqualError(t, err, `cgroupstat: stat "/a\nb": memory.stat: malformed: "x\x1b[31m"`)
	long := malformedLine(make([]byte, 1<<20))
	assert.Less(t, len(long.Error()), 1000)
	assert.False(t, errors.Is(long, ErrNotRunning))
}
