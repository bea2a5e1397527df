package pyvalue_test

import (
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"

	"math/big"
	"math/rand/v2"
)

type literalAnswer struct{ Value, Repr, Error string }

// randomValue draws a value that can be written; depth bounds its nesting.
func randomValue(r *rand.Rand, depth int, hashable bool) pyvalue.Value {
	n := 10
	if depth == 0 {
		n = 6
	}
	several := func(hashable bool) []pyvalue.Value {
		vs := make([]pyvalue.Value, r.IntN(4))
		for i := range vs {
			vs[i] = randomValue(r, depth-1, hashable)
		}
		return vs
	}
	switch k := r.IntN(n); {
	case k == 0:
		return []pyvalue.Value{pyvalue.None(), pyvalue.Bool(true), pyvalue.Bool(false)}[r.IntN(3)]
	case k == 1:
		i := new(big.Int).Lsh(big.NewInt(r.Int64()), uint(r.IntN(80)))
		if r.IntN(2) == 0 {
			i.Neg(i)
		}
		return pyvalue.Big(i)
	case k == 2:
		return pyvalue.Float(randomFloat(r))
	case k == 3 && !hashable:
		b := make([]byte, r.IntN(12))
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		return pyvalue.Bytes(b)
	case k <= 5:
		return pyvalue.Str(randomText(r))
	case k == 6:
		return pyvalue.Tuple(several(hashable)...)
	case hashable:
		return pyvalue.Str(randomText(r))
	case k == 7:
		return pyvalue.List(several(false)...)
	case k == 8:
		return pyvalue.Set(several(true)...)
	}
	var items []pyvalue.Item
	for range r.IntN(4) {
		items = append(items, pyvalue.Item{Key: randomValue(r, depth-1, true), Value: randomValue(r, depth-1, false)})
	}
	return pyvalue.Dict(items...)
}

func randomFloat(r *rand.Rand) float64 {
	for {
		var f float64
		switch r.IntN(4) {
		case 0:
			f = math.Float64frombits(r.Uint64())
		case 1:
			f = float64(r.IntN(1e6)) / 100
		case 2:
			f = math.Pow(10, float64(r.IntN(40)-20))
		case 3:
			f = math.Float64frombits(math.Float64bits(float64(r.Int64N(1e17))) + uint64(r.IntN(3)))
		}
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
}

func randomText(r *rand.Rand) string {
	alphabet := []rune("ab'\"\\\n\r\t{}#c.=;\x01\x1b\x7f\u0085\u00a0\u00ad\u200b\u202e\u2028\ufeff\ufffdä张😀\U000e0001\U0010ffff")
	var b strings.Builder
	for range r.IntN(12) {
		if r.IntN(4) > 0 {
			b.WriteRune(alphabet[r.IntN(len(alphabet))])
			continue
		}
		if c := rune(1 + r.IntN(unicode.MaxRune)); utf8.ValidRune(c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// TestLiteralsEqualCPython has CPython read what is written.
func TestLiteralsEqualCPython(t *testing.T) {
	t.Parallel()
	w := pychildtest.Start(t, pychildtest.Python(t), "-c", pychildtest.Literals)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		v := randomValue(r, 3, false)
		text, err := v.Python()
		require.NoError(t, err, v)
		var answer literalAnswer
		w.Ask(t, map[string]string{"literal": text}, &answer)
		require.Empty(t, answer.Error, text)
		require.Equal(t, pychildtest.Canonical(v), answer.Value, text)
		if v.Kind() == pyvalue.FloatKind || v.Kind() == pyvalue.IntKind || v.Kind() == pyvalue.BytesKind || i%7 == 0 && oldUnicode(text) && v.Kind() == pyvalue.StrKind {
			require.Equal(t, answer.Repr, text)
		}
	}
}

// oldUnicode reports whether no character's printability depends on the
// version of Unicode.
func oldUnicode(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0xff })
}

// TestEveryCharacter writes all characters of Unicode, a thousand a literal.
func TestEveryCharacter(t *testing.T) {
	t.Parallel()
	w := pychildtest.Start(t, pychildtest.Python(t), "-c", pychildtest.Literals)
	for start := rune(1); start <= unicode.MaxRune; start += 1 << 14 {
		var b strings.Builder
		for c := start; c < start+1<<14 && c <= unicode.MaxRune; c++ {
			if utf8.ValidRune(c) {
				b.WriteRune(c)
			}
		}
		text, err := pyvalue.Str(b.String()).Python()
		require.NoError(t, err)
		var answer literalAnswer
		w.Ask(t, map[string]string{"literal": text}, &answer)
		require.Empty(t, answer.Error)
		require.Equal(t, pychildtest.Canonical(pyvalue.Str(b.String())), answer.Value)
	}
}
