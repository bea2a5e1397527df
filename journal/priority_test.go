package journal

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParsePriorities(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []Priority
	}{
		{"err", []Priority{Emerg, Alert, Crit, Err}},
		{"3", []Priority{Emerg, Alert, Crit, Err}},
		{"emerg", []Priority{Emerg}},
		{"debug", []Priority{Emerg, Alert, Crit, Err, Warning, Notice, Info, Debug}},
		{"warning..info", []Priority{Warning, Notice, Info}},
		{"info..4", []Priority{Warning, Notice, Info}},
		{"5..5", []Priority{Notice}},
	} {
		set, err := ParsePriorities(tt.text)
		require.NoError(t, err)
		var got []Priority
		for p := Emerg; p <= Debug; p++ {
			if set.Has(p) {
				got = append(got, p)
			}
		}
		assert.Equal(t, tt.want, got, tt.text)
		assert.False(t, set.Has(8))

		again, err := ParsePriorities(set.String())
		require.NoError(t, err)
		assert.Equal(t, set, again, "%q reads back", set)
	}
	for text, at := range map[string]int64{"": 0, "8": 0, "error": 0, "ERR": 0, "-1": 0, "err..": 5, "err..8": 5, "..err": 0, "3..4..5": 3, "03": 0} {
		_, err := ParsePriorities(text)
		syntax, ok := errors.AsType[*SyntaxError](err)
		if assert.True(t, ok, "%q: %v", text, err) {
			assert.Equal(t, at, syntax.Offset, "%v", err)
		}
	}
}

func TestNoPrioritiesAskForAll(t *testing.T) {
	var all Priorities
	assert.True(t, all.Has(Debug))
	assert.Equal(t, "", all.String())
	assert.Equal(t, "err,debug", (Between(Err, Err) | Between(Debug, Debug)).String())
	assert.Equal(t, AtLeast(Debug), Between(200, Emerg))
}

func TestParsePriority(t *testing.T) {
	for p := Emerg; p <= Debug; p++ {
		got, err := ParsePriority(p.String())
		require.NoError(t, err)
		assert.Equal(t, p, got)
	}
	_, err := ParsePriority("err..info")
	assert.Error(t, err)
	assert.Equal(t, "9", Priority(9).String())
}

func FuzzParsePriorities(f *testing.F) {
	for _, text := range []string{"err", "0..7", "info..err", "..", "8", "err..", "emerg..debug..", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := ParsePriorities(text)
		if err != nil {
			require.Zero(t, set)
			return
		}
		again, err := ParsePriorities(set.String())
		require.NoError(t, err)
		require.Equal(t, set, again)
	})
}
