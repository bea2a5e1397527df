package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"text/template"
)

// layout is the table with the figures left out. {{n FORMAT BENCHMARK UNIT
// DIVISOR}} is a figure; {{has BENCHMARK UNIT}} tells of one that only an
// optional peer has.
//
//go:embed table.md
var layout string

// render makes the table of all figures, or says which one is missing.
func render(f figures) ([]byte, error) {
	t, err := template.New("table.md").Funcs(template.FuncMap{
		"n": func(format, benchmark, unit string, divisor float64) (string, error) {
			v, ok := f[benchmark][unit]
			if !ok {
				return "", fmt.Errorf("no %s of Benchmark%s: was it skipped?", unit, benchmark)
			}
			return fmt.Sprintf(format, v/divisor), nil
		},
		"has": func(benchmark, unit string) bool {
			_, ok := f[benchmark][unit]
			return ok
		},
	}).Parse(layout)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// The marks between which the table stands in the README.
const (
	begin = "<!-- made by: cd internal/bench && go run ./table -tags sdjournal -w ../../README.md -->\n"
	end   = "<!-- end of what is made -->\n"
)

// replace returns readme with another table between the marks.
func replace(readme, table []byte) ([]byte, error) {
	head, rest, hasBegin := bytes.Cut(readme, []byte(begin))
	_, tail, hasEnd := bytes.Cut(rest, []byte(end))
	if !hasBegin || !hasEnd {
		return nil, errors.New("it lacks the marks between which the table stands")
	}
	return bytes.Join([][]byte{head, []byte(begin), table, []byte(end), tail}, nil), nil
}
