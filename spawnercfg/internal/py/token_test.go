package py

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg/internal/pychildtest"
)

var kindNames = [...]string{
	EndMarker: "end", Name: "name", Number: "number", String: "string", FStringStart: "fstart", FStringEnd: "fend",
	Op: "op", Comment: "comment", NL: "nl", Newline: "newline", Indent: "indent", Dedent: "dedent",
}

// render writes tokens as testdata/tokens.py does. Python before 3.12 sees
// an f-string as one token; apart says that this one does not.
func render(src []byte, toks []Token, apart bool) string {
	var b strings.Builder
	lines := NewLines(src)
	depth, fstring := 0, Token{}
	for _, t := range toks {
		kind := kindNames[t.Kind]
		if !apart {
			switch t.Kind {
			case FStringStart:
				if depth++; depth == 1 {
					fstring = t
				}
			case FStringEnd:
				if depth--; depth == 0 {
					kind, t = "string", Token{String, fstring.Start, t.End}
				}
			}
			if depth > 0 {
				continue
			}
		}
		line, col := lines.Position(int(t.Start))
		switch t.Kind {
		case EndMarker, Dedent:
			b.WriteString(kind)
		case NL, Newline:
			fmt.Fprintf(&b, "%s %d", kind, line)
		default:
			endLine, endCol := lines.Position(int(t.End))
			fmt.Fprintf(&b, "%s %d %d %d %d", kind, line, col-1, endLine, endCol-1)
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// misread reports whether tokenize itself gets a file of the standard library
// wrong: before 3.12 it took names for \w+, and 3.12.1 miscounts the last
// column of a string of several lines with characters outside ASCII.
func misread(file string, apart bool) bool {
	for _, name := range []string{"python3.12/test/test_importlib/test_main.py", "python3.12/test/test_peg_generator/test_pegen.py"} {
		if strings.HasSuffix(file, name) {
			return true
		}
	}
	return !apart && filepath.Base(file) == "test_unicode_identifiers.py"
}

// TestTokensEqualCPython compares with tokenize over the standard library of
// the interpreter: every file of it with HUBHOST_LONG=1, otherwise a share.
// Only files that this Python cannot compile and files that are
// not UTF-8 are left out.
func TestTokensEqualCPython(t *testing.T) {
	t.Parallel()
	py := pychildtest.Python(t)
	dir, err := exec.Command(py, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))").Output()
	require.NoError(t, err)
	var files []string
	require.NoError(t, filepath.WalkDir(strings.TrimSpace(string(dir)), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "site-packages" {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, ".py") {
			files = append(files, path)
		}
		return err
	}))
	require.Greater(t, len(files), 500, "the standard library")
	w := pychildtest.Start(t, py, "testdata/tokens.py")
	apart := w.Line(t) == "1"
	compared, refused, encoding := 0, 0, 0
	share := testenv.Rounds(64, 16, 1)
	for i, file := range files {
		if i%share != 0 {
			continue
		}
		fmt.Fprintln(w.In, file)
		n, err := strconv.Atoi(w.Line(t))
		require.NoError(t, err)
		want := make([]byte, n)
		_, err = io.ReadFull(w.Out, want)
		require.NoError(t, err)
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		switch string(want) {
		case "refused":
			refused++
			continue
		case "encoding":
			encoding++
			assert.Error(t, CheckEncoding(src), file)
			continue
		}
		if err := CheckEncoding(src); err != nil {
			// The bytes happen to be UTF-8, but the cookie says otherwise.
			assert.ErrorContains(t, err, "only UTF-8 is read", file)
			encoding++
			continue
		}
		toks, err := Tokenize(src)
		if !assert.NoError(t, err, file) {
			continue
		}
		if misread(file, apart) {
			continue
		}
		compared++
		if got := render(src, toks, apart); got != string(want) {
			g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for j := range min(len(g), len(w)) {
				if g[j] != w[j] {
					t.Errorf("%s: token %d: got %q, CPython has %q", file, j, g[j], w[j])
					break
				}
			}
			if len(g) != len(w) {
				t.Errorf("%s: %d tokens, CPython has %d", file, len(g), len(w))
			}
		}
	}
	t.Logf("%d files equal or reported above, %d that this Python does not compile, %d not UTF-8", compared, refused, encoding)
	assert.Greater(t, compared, len(files)/share/2)
}

// TestTokenizeRefuses holds the errors that CPython's tokenizer raises too.
func TestTokenizeRefuses(t *testing.T) {
	for src, want := range map[string]string{
		"x = 08\n":                      "leading zeros",
		"x = 1_\n":                      "invalid decimal",
		"x = 1._5\n":                    "invalid decimal",
		"x = 1__0\n":                    "invalid decimal",
		"x = 0x\n":                      "invalid hexadecimal",
		"x = 0b12\n":                    "invalid binary",
		"x = 1abc\n":                    "invalid decimal",
		"x = 1e+\n":                     "invalid decimal",
		"x = 'a\n":                      "unterminated string",
		"x = '''a\n":                    "unterminated string",
		"x = f'{a'\n":                   "unterminated string",
		"x = f'{a'":                     "unterminated string",
		"x = f'}'\n":                    "single '}'",
		"x = f'{a:'\n":                  "expecting '}'",
		"x = (\n":                       "never closed",
		"x = (]\n":                      "does not match",
		"x = )\n":                       "unmatched",
		"if x:\n    a\n  b\n":           "unindent",
		"if x:\n\ta\n        b\n":       "tabs and spaces",
		"x = “a”\n":                     "invalid character",
		"x = $a\n":                      "invalid character",
		"x = a ! b\n":                   "invalid character",
		"x = \\ 1\n":                    "line continuation",
		"x = \\\n":                      "end of file",
		"\\\n":                          "end of file",
		strings.Repeat("(", MaxDepth+1): "too many nested",
		strings.Repeat("f'{", 1000):     "too",
	} {
		_, err := Tokenize([]byte(src))
		assert.ErrorContains(t, err, want, "%q", src)
	}
}

func TestTokenizeEdges(t *testing.T) {
	for src, want := range map[string]string{
		"":                 "end",
		"\xef\xbb\xbfx":    "name 1 0 1 1;newline 1;end",
		"x\ry\r\nz\n":      "name 1 0 1 1;newline 1;name 2 0 2 1;newline 2;name 3 0 3 1;newline 3;end",
		"f'''{x:{w}}{{'''": "fstart 1 0 1 4;op 1 4 1 5;name 1 5 1 6;op 1 6 1 7;op 1 7 1 8;name 1 8 1 9;op 1 9 1 10;op 1 10 1 11;fend 1 13 1 16;newline 1;end",
		`f"{a["b"]!r:>{c}} \N{DASH}"`: "fstart 1 0 1 2;op 1 2 1 3;name 1 3 1 4;op 1 4 1 5;string 1 5 1 8;op 1 8 1 9;op 1 9 1 10;name 1 10 1 11;op 1 11 1 12;" +
			"op 1 13 1 14;name 1 14 1 15;op 1 15 1 16;op 1 16 1 17;fend 1 26 1 27;newline 1;end",
		"1if 2else 3":          "number 1 0 1 1;name 1 1 1 3;number 1 4 1 5;name 1 5 1 9;number 1 10 1 11;newline 1;end",
		"if x:\n\f  y\n# z\nw": "name 1 0 1 2;name 1 3 1 4;op 1 4 1 5;newline 1;indent 2 0 2 3;name 2 3 2 4;newline 2;comment 3 0 3 3;nl 3;dedent;name 4 0 4 1;newline 4;end",
		"Rb'\\'' rB'' u\"\"":   "string 1 0 1 6;string 1 7 1 11;string 1 12 1 15;newline 1;end",
	} {
		toks, err := Tokenize([]byte(src))
		require.NoError(t, err, "%q", src)
		assert.Equal(t, want, strings.ReplaceAll(render([]byte(src), toks, true), "\n", ";"), "%q", src)
	}
}

func TestCheckEncoding(t *testing.T) {
	for src, want := range map[string]string{
		"# coding: utf-8\nx = 'é'\n":          "",
		"#!/bin/sh\n# vim: fileencoding=utf8": "",
		"\n\n# coding: latin-1\n":             "",
		"x = 1\n# coding: latin-1\n":          "",
		"# coding: ascii\n":                   "",
		"# coding: ascii\nx = 'é'\n":          "declares ASCII",
		"# note: encoding: utf-7\n":           "utf-7",
		"\f\n # coding=latin_1\n":             "latin-1",
		"\xef\xbb\xbf# coding: cp1252\n":      "cp1252",
		"#\r# coding: latin-1\r":              "latin-1",
		"x = '\xff'\n":                        "not valid UTF-8",
		"x = 1\x00\n":                         "NUL",
		strings.Repeat("#", MaxSize+1):        "larger",
	} {
		err := CheckEncoding([]byte(src))
		if want == "" {
			assert.NoError(t, err, "%.40q", src)
		} else {
			assert.ErrorContains(t, err, want, "%.40q", src)
		}
	}
}

func TestPositions(t *testing.T) {
	src := []byte("\xef\xbb\xbfé = 1\rb\r\n  c")
	l := NewLines(src)
	for _, tt := range []struct {
		at        string
		line, col int
	}{{"é", 1, 1}, {"=", 1, 3}, {"b", 2, 1}, {"c", 3, 3}} {
		line, col := l.Position(bytes.Index(src, []byte(tt.at)))
		assert.Equal(t, [2]int{tt.line, tt.col}, [2]int{line, col}, tt.at)
	}
	start, end := Span(src, bytes.IndexByte(src, 'b'))
	assert.Equal(t, "b\r\n", string(src[start:end]))
}
