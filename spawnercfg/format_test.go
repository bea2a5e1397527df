package spawnercfg

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// TestFormatEqualsPython fills in random templates. Of an exception the type
// is compared: the words are not the same in all versions of Python.
func TestFormatEqualsPython(t *testing.T) {
	t.Parallel()
	r := testenv.Rand(t)
	w := pychildtest.Start(t, pychildtest.Python(t), "-c", pychildtest.Literals)
	tokens := strings.Split("{ } { } {{ }} {USERNAME {USERID USERNAME USERID [ ] . ! : r s a 0 1 9 5 05 ٣ 999 99999999999999999999 x ü + - = < > ^ # , _ z d b o X n * real imag \u200b", " ")
	type question struct {
		Format string `json:"format"`
	}
	questions := make([]question, testenv.Rounds(5000, 20_000, 1_000_000))
	for i := range questions {
		var b strings.Builder
		b.WriteString([]string{"", "", "{USERNAME:", "{USERID:", "{USERNAME!r:", "{USERID["}[r.IntN(6)])
		for range 1 + r.IntN(7) {
			b.WriteString(tokens[r.IntN(len(tokens))])
		}
		b.WriteString([]string{"", "}"}[r.IntN(2)])
		questions[i].Format = b.String()
	}
	pychildtest.Send(w, questions)
	fields := templateFields{"USERNAME": pyvalue.Str("alïce"), "USERID": pyvalue.Int(21)}
	filled := 0
	for _, q := range questions {
		var answer struct{ Text, Error string }
		w.Answer(t, &answer)
		text, err := fields.expand(q.Format)
		if errors.Is(err, ErrNotForetold) {
			continue
		}
		if kind, _, failed := strings.Cut(answer.Error, ":"); failed {
			var raised *pyvalue.Exception
			require.ErrorAs(t, err, &raised, q.Format)
			require.Equal(t, kind, raised.Type, q.Format)
			continue
		}
		require.NoError(t, err, q.Format)
		require.Equal(t, answer.Text, text, q.Format)
		filled++
	}
	assert.Greater(t, filled, len(questions)/20)
}
