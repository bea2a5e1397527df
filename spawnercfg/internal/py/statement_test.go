package py

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStatements(t *testing.T) {
	for src, want := range map[string]string{
		"a = 1; b = 2 ;\nc\n":                     "-1 a = 1|-1 b = 2|-1 c",
		"if x: a; b\nc":                           "-1 if x:|0 a|0 b|-1 c",
		"if x:\n  a\n  # c\n  if y:\n    b\nc":    "-1 if x:|0 a|0 if y:|2 b|-1 c",
		"if lambda: 0:\n  a":                      "-1 if lambda: 0:|0 a",
		"x = [\n 1,  # c\n 2]\ny":                 "-1 x = [\n 1,  # c\n 2]|-1 y",
		"match x:\n  case 1: a\n  case _:\n    b": "-1 match x:|0 case 1:|1 a|0 case _:|3 b",
		"match = 1\ncase = 2\nmatch: int":         "-1 match = 1|-1 case = 2|-1 match: int",
		"async def f(a: int = {1: 2}) -> x:\n  a": "-1 async def f(a: int = {1: 2}) -> x:|0 a",
		"f'{a;b}'; c":                             "-1 f'{a;b}'|-1 c",
		"  a\nb":                                  "-1 a|-1 b",
		"try: a\nexcept E as e: b\nelse: d":       "-1 try:|0 a|-1 except E as e:|2 b|-1 else:|4 d",
		"a; \\\n b":                               "-1 a|-1 b",
		"\n\n# nothing\n":                         "",
	} {
		toks, err := Tokenize([]byte(src))
		require.NoError(t, err, src)
		var got []string
		for _, s := range Statements([]byte(src), toks) {
			text := src[s.Start():s.End()]
			if s.Header {
				text += ":"
			}
			got = append(got, fmt.Sprintf("%d %s", s.Parent, text))
			assert.LessOrEqual(t, s.LineStart, s.Start())
			assert.GreaterOrEqual(t, s.LineEnd, s.End())
		}
		assert.Equal(t, want, strings.Join(got, "|"), src)
	}
}

func FuzzTokenize(f *testing.F) {
	for _, seed := range []string{
		"c = get_config()\nc.SystemdSpawner.mem_limit = '2G'  # two\n",
		"if x:\n\tc.A.b = [\n\t\t'a',\r\n\t]\nelse: pass\r",
		"f'''{x!r:{w}} {{}} \\N{DASH}''' rb'\\x' 0x_f 1_0.5e-3j 1if 2else 3",
		"\xef\xbb\xbf# coding: utf-8\n\f  x = \\\n {1: (2,), 'é': {*a}}; y\n",
		"match x:\n  case {'a': 1}: lambda: 0\n",
		"'''unterminated", "(((", "if x:\n  a\n b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if CheckEncoding(src) != nil {
			return
		}
		toks, err := Tokenize(src)
		if err != nil {
			require.Nil(t, toks)
			return
		}
		end := int32(0)
		for _, tok := range toks {
			require.LessOrEqual(t, end, tok.Start)
			require.LessOrEqual(t, tok.Start, tok.End)
			end = tok.End
		}
		require.LessOrEqual(t, int(end), len(src))
		for i, s := range Statements(src, toks) {
			require.Less(t, s.Parent, i)
			if lit, err := Eval(src, s.Tokens); err == nil {
				require.Equal(t, [2]int{s.Start(), s.End()}, [2]int{lit.Start, lit.End})
				require.False(t, lit.Value.IsZero())
			}
		}
	})
}
