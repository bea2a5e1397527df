package spawnercfg

import (
	"errors"

	"github.com/hubhost/hubhost/spawnercfg/internal/py"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// ParseValue reads one Python literal, such as "'2G'", "None" or
// "['/', '/srv']": what [Parse] takes for certain on the right of an equals
// sign. It executes nothing. The error is a *[ParseError] with the position
// inside the text.
func ParseValue(literal string) (pyvalue.Value, error) {
	src := []byte(literal)
	fail := func(err error) (pyvalue.Value, error) {
		msg, line, column := err.Error(), 0, 0
		var at *py.Error
		if errors.As(err, &at) {
			msg = at.Msg
			line, column = py.NewLines(src).Position(at.Offset)
		}
		return pyvalue.Value{}, &ParseError{Pos: Position{Line: line, Column: column}, Msg: msg}
	}
	if err := py.CheckEncoding(src); err != nil {
		return fail(err)
	}
	toks, err := py.Tokenize(src)
	if err != nil {
		return fail(err)
	}
	stmts := py.Statements(src, toks)
	switch {
	case len(stmts) == 0:
		return fail(&py.Error{Msg: "no value"})
	case len(stmts) > 1 || stmts[0].Header || stmts[0].Parent >= 0:
		return fail(&py.Error{Offset: stmts[0].End(), Msg: "more than one value"})
	}
	lit, err := py.Eval(src, stmts[0].Tokens)
	if err != nil {
		return fail(err)
	}
	return lit.Value, nil
}
