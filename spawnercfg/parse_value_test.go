package spawnercfg

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

func TestParseValue(t *testing.T) {
	for text, want := range map[string]pyvalue.Value{
		"'2G'":                   pyvalue.Str("2G"),
		" None # nothing":        pyvalue.None(),
		"['a',\n 'b']\n":         pyvalue.Strs("a", "b"),
		"1, 2":                   pyvalue.Tuple(pyvalue.Int(1), pyvalue.Int(2)),
		"{'a': {1: -0.5}}":       pyvalue.Dict(pyvalue.Item{Key: pyvalue.Str("a"), Value: pyvalue.Dict(pyvalue.Item{Key: pyvalue.Int(1), Value: pyvalue.Float(-0.5)})}),
		"set(['x'])":             pyvalue.Set(pyvalue.Str("x")),
		"340282366920938463463e": {},
		"2G":                     {},
		"a":                      {},
		"":                       {},
		"1; 2":                   {},
		"1\n2":                   {},
		"1;":                     pyvalue.Int(1),
		"if x: 1":                {},
		"'a' if x else 'b'":      {},
		"__import__('os')":       {},
		"'a\x00'":                {},
	} {
		v, err := ParseValue(text)
		if want.IsZero() {
			var bad *ParseError
			assert.ErrorAs(t, err, &bad, text)
			continue
		}
		if assert.NoError(t, err, text) {
			assert.True(t, want.Identical(v), "%q is %s", text, v)
		}
	}
	_, err := ParseValue("[1,\n  x]")
	var bad *ParseError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, Position{Line: 2, Column: 3}, bad.Pos)
}

// FuzzParseValue holds that a value which is read is written as one that is
// read the same.
func FuzzParseValue(f *testing.F) {
	for _, seed := range []string{"'1G'", "1_000", "-0.0", "(1,)", "{'a': {1: -0.5}}", "set(['x'])", "b'\\xff'", "None", "r'\\d' 'é'", "1e400", "0x_f", "2G", "a", "", "[[[", "'\\ud800'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, literal string) {
		v, err := ParseValue(literal)
		if err != nil {
			var bad *ParseError
			require.ErrorAs(t, err, &bad)
			require.True(t, v.IsZero())
			return
		}
		text, err := v.Python()
		if err != nil {
			return // not all that can be read can be written, such as infinity
		}
		again, err := ParseValue(text)
		require.NoError(t, err, text)
		require.True(t, v.Identical(again), "%s of %q is read as %s", text, literal, again)
	})
}
