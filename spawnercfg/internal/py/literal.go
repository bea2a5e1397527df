package py

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Literal is a literal expression and its value.
type Literal struct {
	Value pyvalue.Value
	// Start and End are its bytes in the source, with any parentheses around
	// it.
	Start, End int
	// Items are the elements of a list, tuple, set or dict, and Keys the keys of
	// a dict, as they are written, duplicates included.
	Keys, Items []*Literal
}

// values returns the values of literals.
func values(items []*Literal) []pyvalue.Value {
	out := make([]pyvalue.Value, len(items))
	for i, it := range items {
		out[i] = it.Value
	}
	return out
}

// maxIntDigits is where CPython since 3.11 (and the security releases of the
// versions before) refuses a decimal integer.
const maxIntDigits = 4300

// Eval evaluates an expression that is a literal: what ast.literal_eval
// takes, and set() with a literal in it. The tokens are those of the
// expression alone, without Comment and NL; a bare tuple ("1, 2") is one.
//
// Everything else is an *Error: an expression that has to be computed, what
// CPython would refuse, and a few literals whose value is not carried:
// complex numbers, \N{…} escapes, lone surrogates, f-strings, the ellipsis.
func Eval(src []byte, toks []Token) (*Literal, error) {
	e := &evaluator{src: src, toks: toks}
	if len(toks) == 0 {
		return nil, &Error{0, "no expression"}
	}
	lit, err := e.exprOrTuple(len(toks))
	if err != nil {
		return nil, err
	}
	if e.i < len(toks) {
		return nil, e.refuse("is computed")
	}
	return lit, nil
}

type evaluator struct {
	src []byte
	// toks come from the lexer, which bounds the nesting and so the depth
	// of recursion here.
	toks []Token
	i    int
}

func (e *evaluator) refuse(msg string) error {
	at := len(e.src)
	if e.i < len(e.toks) {
		at = int(e.toks[e.i].Start)
	} else if len(e.toks) > 0 {
		at = int(e.toks[len(e.toks)-1].End)
	}
	return &Error{Offset: at, Msg: msg}
}

func (e *evaluator) is(text string) bool {
	return e.i < len(e.toks) && e.toks[e.i].Is(e.src, text)
}

// exprOrTuple reads expressions up to token end: one, or a tuple of those
// with commas between.
func (e *evaluator) exprOrTuple(end int) (*Literal, error) {
	first, err := e.expr()
	if err != nil || !e.is(",") {
		return first, err
	}
	t := &Literal{Start: first.Start, Items: []*Literal{first}}
	for e.is(",") {
		t.End = int(e.toks[e.i].End)
		e.i++
		if e.i >= end || e.is(")") {
			break
		}
		item, err := e.expr()
		if err != nil {
			return nil, err
		}
		t.Items = append(t.Items, item)
		t.End = item.End
	}
	t.Value = pyvalue.Tuple(values(t.Items)...)
	return t, nil
}

func (e *evaluator) expr() (*Literal, error) {
	if e.i >= len(e.toks) {
		return nil, e.refuse("ends too early")
	}
	t := e.toks[e.i]
	start := int(t.Start)
	switch t.Kind {
	case Number:
		return e.number()
	case String:
		return e.strings()
	case FStringStart:
		return nil, e.refuse("is an f-string")
	case Name:
		return e.name()
	case Op:
		switch string(t.Text(e.src)) {
		case "-", "+":
			e.i++
			n, err := e.expr()
			if err != nil {
				return nil, err
			}
			i, isInt := n.Value.BigInt()
			f, isFloat := n.Value.Float64()
			switch {
			case !isInt && !isFloat || e.signed(n):
				e.i--
				return nil, e.refuse("is computed")
			case isInt && e.src[start] == '-':
				n.Value = pyvalue.Big(i.Neg(i))
			case e.src[start] == '-':
				n.Value = pyvalue.Float(-f)
			}
			n.Start = start
			return n, nil
		case "(":
			return e.parenthesis()
		case "[":
			return e.display(pyvalue.ListKind, "]")
		case "{":
			return e.display(pyvalue.SetKind, "}")
		case "...":
			return nil, e.refuse("is an ellipsis")
		}
	}
	return nil, e.refuse("is computed")
}

// signed reports whether the number already has a sign, behind any opening
// parentheses.
func (e *evaluator) signed(n *Literal) bool {
	c := strings.TrimLeft(string(e.src[n.Start:n.End]), "( \t\f\r\n\\")
	return c == "" || c[0] == '-' || c[0] == '+' || c[0] == '#'
}

func (e *evaluator) name() (*Literal, error) {
	t := e.toks[e.i]
	lit := &Literal{Start: int(t.Start), End: int(t.End)}
	switch string(t.Text(e.src)) {
	case "None":
		lit.Value = pyvalue.None()
	case "True":
		lit.Value = pyvalue.Bool(true)
	case "False":
		lit.Value = pyvalue.Bool(false)
	case "set":
		return e.set()
	default:
		return nil, e.refuse("is computed")
	}
	e.i++
	return lit, nil
}

// set reads a call of set with no argument or with a literal container.
func (e *evaluator) set() (*Literal, error) {
	lit := &Literal{Start: int(e.toks[e.i].Start)}
	e.i++
	if !e.is("(") {
		e.i--
		return nil, e.refuse("is computed")
	}
	e.i++
	if !e.is(")") {
		arg, err := e.expr()
		if err != nil {
			return nil, err
		}
		switch arg.Value.Kind() {
		case pyvalue.ListKind, pyvalue.TupleKind, pyvalue.SetKind:
			lit.Items = arg.Items
		default:
			return nil, e.refuse("is computed")
		}
		if e.is(",") {
			e.i++
		}
	}
	if !e.is(")") {
		return nil, e.refuse("is computed")
	}
	lit.End = int(e.toks[e.i].End)
	e.i++
	lit.Value = pyvalue.Set(values(lit.Items)...)
	return lit, hashable(lit.Items)
}

func (e *evaluator) parenthesis() (*Literal, error) {
	start := int(e.toks[e.i].Start)
	e.i++
	lit := &Literal{Value: pyvalue.Tuple()}
	if !e.is(")") {
		var err error
		if lit, err = e.exprOrTuple(len(e.toks)); err != nil {
			return nil, err
		}
	}
	if !e.is(")") {
		return nil, e.refuse("is computed")
	}
	lit.Start, lit.End = start, int(e.toks[e.i].End)
	e.i++
	return lit, nil
}

// display reads a list, set or dict in its brackets. What begins with a brace
// is a dict if it is empty or its first item has a colon.
func (e *evaluator) display(kind pyvalue.Kind, end string) (*Literal, error) {
	lit := &Literal{Start: int(e.toks[e.i].Start)}
	e.i++
	if kind == pyvalue.SetKind && e.is("}") {
		kind = pyvalue.DictKind
	}
	for !e.is(end) {
		item, err := e.expr()
		if err != nil {
			return nil, err
		}
		if kind == pyvalue.SetKind && len(lit.Items) == 0 && e.is(":") {
			kind = pyvalue.DictKind
		}
		if kind == pyvalue.DictKind {
			if !e.is(":") {
				return nil, e.refuse("is computed")
			}
			e.i++
			lit.Keys = append(lit.Keys, item)
			if item, err = e.expr(); err != nil {
				return nil, err
			}
		}
		lit.Items = append(lit.Items, item)
		if !e.is(",") {
			break
		}
		e.i++
	}
	if !e.is(end) {
		return nil, e.refuse("is computed")
	}
	lit.End = int(e.toks[e.i].End)
	e.i++
	switch kind {
	case pyvalue.SetKind:
		lit.Value = pyvalue.Set(values(lit.Items)...)
		return lit, hashable(lit.Items)
	case pyvalue.DictKind:
		items := make([]pyvalue.Item, len(lit.Items))
		for i, it := range lit.Items {
			items[i] = pyvalue.Item{Key: lit.Keys[i].Value, Value: it.Value}
		}
		lit.Value = pyvalue.Dict(items...)
		return lit, hashable(lit.Keys)
	}
	lit.Value = pyvalue.List(values(lit.Items)...)
	return lit, nil
}

func hashable(items []*Literal) error {
	for _, it := range items {
		if !it.Value.Hashable() {
			return &Error{Offset: it.Start, Msg: "unhashable type: '" + it.Value.Kind().String() + "'"}
		}
	}
	return nil
}

func (e *evaluator) number() (*Literal, error) {
	t := e.toks[e.i]
	text := strings.ReplaceAll(string(t.Text(e.src)), "_", "")
	lit := &Literal{Start: int(t.Start), End: int(t.End)}
	lower := strings.ToLower(text)
	switch {
	case strings.HasSuffix(lower, "j"):
		return nil, e.refuse("is a complex number")
	case strings.HasPrefix(lower, "0x"), strings.HasPrefix(lower, "0o"), strings.HasPrefix(lower, "0b"):
		base := map[byte]int{'x': 16, 'o': 8, 'b': 2}[lower[1]]
		n, ok := new(big.Int).SetString(text[2:], base)
		if !ok || len(text) > 2*maxIntDigits {
			return nil, e.refuse("is a number out of range")
		}
		lit.Value = pyvalue.Big(n)
	case strings.ContainsAny(text, ".eE"):
		// A number too large for a float is infinite in Python, and
		// ParseFloat returns it with its error.
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, e.refuse("is not a number")
		}
		lit.Value = pyvalue.Float(f)
	default:
		n, ok := new(big.Int).SetString(text, 10)
		if !ok || len(text) > maxIntDigits {
			return nil, e.refuse("is a number out of range")
		}
		lit.Value = pyvalue.Big(n)
	}
	e.i++
	return lit, nil
}

// strings reads one or more string literals next to each other.
func (e *evaluator) strings() (*Literal, error) {
	lit := &Literal{Start: int(e.toks[e.i].Start)}
	allBytes := prefixHas(e.toks[e.i].Text(e.src), 'b')
	var text []byte
	for e.i < len(e.toks) {
		t := e.toks[e.i]
		if t.Kind == FStringStart {
			return nil, e.refuse("is an f-string")
		}
		if t.Kind != String {
			break
		}
		if prefixHas(t.Text(e.src), 'b') != allBytes {
			return nil, e.refuse("mixes bytes and nonbytes literals")
		}
		var why string
		if text, why = appendString(text, t.Text(e.src)); why != "" {
			return nil, e.refuse(why)
		}
		lit.End = int(t.End)
		e.i++
	}
	lit.Value = pyvalue.Str(string(text))
	if allBytes {
		lit.Value = pyvalue.Bytes(text)
	}
	return lit, nil
}

func prefixHas(tok []byte, letter byte) bool {
	for _, c := range tok {
		if c == '\'' || c == '"' {
			return false
		}
		if c|0x20 == letter {
			return true
		}
	}
	return false
}

// appendString appends the value of one string or bytes token, or returns the
// reason why it has none.
func appendString(dst, tok []byte) (_ []byte, why string) {
	isBytes, raw := prefixHas(tok, 'b'), prefixHas(tok, 'r')
	for tok[0] != '\'' && tok[0] != '"' {
		tok = tok[1:]
	}
	width := 1
	if len(tok) >= 6 && tok[1] == tok[0] && tok[2] == tok[0] {
		width = 3
	}
	body := tok[width : len(tok)-width]
	for len(body) > 0 {
		c := body[0]
		switch {
		case isBytes && c >= utf8.RuneSelf:
			return nil, "is a bytes literal with a character outside ASCII"
		case c == '\r':
			// The compiler reads every line end as a line feed.
			dst = append(dst, '\n')
			body = body[newlineLen(body, 0):]
		case c == '\\' && !raw:
			if dst, body, why = appendEscape(dst, body[1:], isBytes); why != "" {
				return nil, why
			}
		default:
			dst = append(dst, c)
			body = body[1:]
		}
	}
	return dst, ""
}

// simpleEscapes are the escapes of one character.
var simpleEscapes = map[byte]byte{
	'\\': '\\', '\'': '\'', '"': '"',
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// appendEscape appends the value of the escape that body has after a backslash,
// and returns the rest of body.
func appendEscape(dst, body []byte, isBytes bool) (_, rest []byte, why string) {
	if n := newlineLen(body, 0); n > 0 {
		return dst, body[n:], ""
	}
	c := body[0]
	if v, ok := simpleEscapes[c]; ok {
		return append(dst, v), body[1:], ""
	}
	var v rune
	switch {
	case c >= '0' && c <= '7':
		n := 0
		for ; n < 3 && n < len(body) && body[n] >= '0' && body[n] <= '7'; n++ {
			v = v<<3 | rune(body[n]-'0')
		}
		rest = body[n:]
	case c == 'x', (c == 'u' || c == 'U') && !isBytes:
		width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		if 1+width > len(body) {
			return nil, nil, "has a truncated \\" + string(c) + " escape"
		}
		n, err := strconv.ParseUint(string(body[1:1+width]), 16, 32)
		if err != nil || n > utf8.MaxRune {
			return nil, nil, "has an invalid \\" + string(c) + " escape"
		}
		v, rest = rune(n), body[1+width:]
	case c == 'N' && !isBytes:
		return nil, nil, "has a \\N escape, and character names are not supported"
	default:
		// An unknown escape keeps its backslash; CPython only warns.
		return append(dst, '\\'), body, ""
	}
	switch {
	case isBytes:
		return append(dst, byte(v)), rest, ""
	case !utf8.ValidRune(v):
		return nil, nil, "has a lone surrogate"
	}
	return utf8.AppendRune(dst, v), rest, ""
}
