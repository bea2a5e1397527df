package py

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
)

// evalText evaluates text that holds one expression and nothing else.
func evalText(text string) (*Literal, error) {
	src := []byte(text)
	if err := CheckEncoding(src); err != nil {
		return nil, err
	}
	toks, err := Tokenize(src)
	if err != nil {
		return nil, err
	}
	var expr []Token
	lines := 0
	for _, t := range toks {
		switch t.Kind {
		case Comment, NL, EndMarker:
		case Newline:
			lines++
		case Indent, Dedent:
			return nil, &Error{int(t.Start), "indented"}
		default:
			if lines > 0 {
				return nil, &Error{int(t.Start), "more than one line"}
			}
			expr = append(expr, t)
		}
	}
	return Eval(src, expr)
}

// literals makes random literals, and near misses.
type literals struct{ *rand.Rand }

func (r literals) pick(s ...string) string { return s[r.IntN(len(s))] }

func (r literals) expr(depth int) string {
	n := 12
	if depth <= 0 {
		n = 6
	}
	switch r.IntN(n) {
	case 0:
		return r.pick("None", "True", "False", "set()", "()", "[]", "{}", "...", "x")
	case 1:
		return r.pick("", "", "-", "+", "- ", "--", "~") + r.number()
	case 2, 3, 4:
		return r.str()
	case 5:
		return r.str() + r.pick(" ", "", "  \t") + r.str()
	case 6:
		return "(" + r.expr(depth-1) + r.pick("", ",", ",)+(1,") + ")"
	case 7, 8:
		return r.items("[", "]", depth, false)
	case 9:
		return r.items("(", ")", depth, false)
	case 10:
		return r.items("{", "}", depth, false)
	}
	return r.items("{", "}", depth, true)
}

func (r literals) space() string {
	return r.pick("", "", "", " ", "\n", " # c\n", "\\\n", "\t", "\r\n", "\f")
}

func (r literals) items(open, end string, depth int, pairs bool) string {
	var b strings.Builder
	b.WriteString(open)
	n := r.IntN(4)
	for i := range n {
		b.WriteString(r.space() + r.expr(depth-1) + r.space())
		if pairs {
			b.WriteString(":" + r.space() + r.expr(depth-1))
		}
		if i < n-1 || r.IntN(3) == 0 {
			b.WriteString(",")
		}
	}
	return b.String() + r.space() + end
}

func (r literals) number() string {
	digits := func(set string) string {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteByte(set[r.IntN(len(set))])
			if r.IntN(9) == 0 {
				b.WriteByte('_')
			}
		}
		return b.String()
	}
	const dec = "0123456789"
	switch r.IntN(9) {
	case 0:
		return r.pick("0x", "0X", "0x_") + digits(dec+"abcdefABCDEF")
	case 1:
		return r.pick("0o", "0O") + digits("01234567")
	case 2:
		return r.pick("0b", "0B") + digits("01")
	case 3:
		return digits(dec) + "." + r.pick("", digits(dec))
	case 4:
		return "." + digits(dec)
	case 5:
		return digits(dec) + r.pick("e", "E", ".e", ".5e") + r.pick("", "+", "-") + digits("0123")
	case 6:
		return digits(dec) + r.pick("j", "", " if 1", "or")
	case 7:
		return r.pick("0", "00", "0_0", "1e400", "5e-324", "1.7976931348623157e308", "9007199254740993", "0.1", "1e22", "1e23")
	}
	return digits(dec)
}

func (r literals) str() string {
	prefix := r.pick("", "", "", "", "r", "b", "u", "f", "rb", "Br", "U", "F", "ur", "bR", "R", "B", "t")
	quote := r.pick("'", `"`, "'''", `"""`)
	var b strings.Builder
	for range r.IntN(7) {
		b.WriteString(r.pick("a", "G", "0", "8", " ", "{", "}", "{x}", "é", "☃", "\U0001F600", "\\", "'", `"`, "\n", "\r", "\r\n", "\t", "\f",
			`\n`, `\'`, `\"`, `\\`, `\0`, `\07`, `\377`, `\400`, `\777`, `\8`, `\x41`, `\xe9`, `\x4`, `\u00e9`, `\u12`, `\ud800`, `\U0001F600`, `\U00110000`,
			`\N{DASH}`, `\N`, `\q`, "\\\n", "\\\r\n", `\a\b\f\v\t\r`, "#", "\u2028", "\ufeff", "\x7f", "\x01"))
	}
	return prefix + quote + b.String() + quote
}

// mutate changes a text at one place.
func (r literals) mutate(s string) string {
	if s == "" {
		return s
	}
	runes := []rune(s)
	i := r.IntN(len(runes))
	switch r.IntN(3) {
	case 0:
		return string(slices.Delete(runes, i, i+1))
	case 1:
		return string(slices.Insert(runes, i, []rune(r.pick("'", `"`, "\\", "_", "0", "e", "(", ")", ",", ":", "{", "}", "[", "-", "b", "*", ".", "\n", " "))...))
	}
	return string(append(slices.Clone(runes[:i]), runes[min(i+1+r.IntN(3), len(runes)):]...))
}

// TestLiteralsEqualCPython compares with ast.literal_eval. Not one value may be
// wrong, and what CPython refuses is refused; what is refused in addition is
// counted.
func TestLiteralsEqualCPython(t *testing.T) {
	t.Parallel()
	count := testenv.Rounds(5000, 20_000, 200_000)
	r := literals{testenv.Rand(t)}
	w := pychildtest.Start(t, pychildtest.Python(t), "testdata/literals.py")
	texts := make([]string, count)
	for i := range texts {
		texts[i] = r.expr(3)
		for r.IntN(4) == 0 {
			texts[i] = r.mutate(texts[i])
		}
	}
	go func() {
		for _, text := range texts {
			fmt.Fprintln(w.In, hex.EncodeToString([]byte(text)))
		}
		w.In.Close()
	}()
	equal, invalid, cautious := 0, 0, 0
	for _, text := range texts {
		want := w.Line(t)
		lit, err := evalText(text)
		switch {
		case err == nil && want == "error":
			// The only addition to what literal_eval takes.
			require.Contains(t, text, "set", "%q was taken for %s", text, pychildtest.Canonical(lit.Value))
		case err == nil:
			require.Equal(t, want, pychildtest.Canonical(lit.Value), "%q", text)
			equal++
		case want == "error":
			invalid++
		default:
			cautious++
		}
	}
	t.Logf("%d equal, %d invalid for both, %d cautiously refused", equal, invalid, cautious)
	assert.Greater(t, equal, count/4)
	assert.Less(t, cautious, count/20)
}

func TestEval(t *testing.T) {
	for text, want := range map[string]string{
		"'a' \"b\" '''c'''":           "s616263",
		"(1)":                         "i1",
		"(1,)":                        "(i1)",
		"1, 2,":                       "(i1,i2)",
		"-(1)":                        "i-1",
		"-0.0":                        "f8000000000000000",
		"{1: 'a', 1.0: 'b', True: 2}": "<i1:i2>",
		"set(['b', 'a', 'b'])":        "{s61,s62}",
		"set()":                       "{}",
		"{}":                          "<>",
		"[\n  'a',  # one\n  'b',\n]": "[s61,s62]",
		"b'\\xff\\u'":                 "bff5c75",
		"1e999":                       "f7ff0000000000000",
		"0xFF_FF":                     "iffff",
	} {
		lit, err := evalText(text)
		if assert.NoError(t, err, text) {
			assert.Equal(t, want, pychildtest.Canonical(lit.Value), text)
		}
	}
	for text, want := range map[string]string{
		"x":                          "computed",
		"1 + 1":                      "computed",
		"--1":                        "computed",
		"-'a'":                       "computed",
		"-True":                      "computed",
		"[*a]":                       "computed",
		"{**a}":                      "computed",
		"{1: 2, 3}":                  "computed",
		"{1, 2: 3}":                  "computed",
		"set(x)":                     "computed",
		"set([[]])":                  "unhashable type: 'list'",
		"{[]: 1}":                    "unhashable type: 'list'",
		"{(1, {})}":                  "unhashable type: 'tuple'",
		"f'a'":                       "f-string",
		"'a' f'b'":                   "f-string",
		"'a' b'b'":                   "mixes",
		"1j":                         "complex",
		"'\\N{DASH}'":                "character names",
		"'\\ud800'":                  "surrogate",
		"'\\x1'":                     "escape",
		"b'é'":                       "outside ASCII",
		"...":                        "ellipsis",
		strings.Repeat("1", 4301):    "out of range",
		"'" + strings.Repeat("a", 9): "unterminated",
	} {
		_, err := evalText(text)
		assert.ErrorContains(t, err, want, text)
	}
}
