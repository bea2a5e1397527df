package py

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// LitKind is the Python type of a literal.
type LitKind uint8

// The types of literals that are read.
const (
	None LitKind = iota
	Bool
	Int
	Float
	Str
	Bytes
	List
	Tuple
	Set
	Dict
)

var litKindNames = [...]string{"None", "bool", "int", "float", "str", "bytes", "list", "tuple", "set", "dict"}

func (k LitKind) String() string { return litKindNames[k] }

// Literal is the value of a literal expression and where it stands. Which
// fields hold the value depends on Kind.
type Literal struct {
	Kind       LitKind
	Start, End int        // bytes of the source, with any parentheses around it
	Bool       bool       // Bool
	Int        *big.Int   // Int
	Float      float64    // Float
	Text       string     // Str, Bytes
	Keys       []*Literal // Dict: one for each of Items, in order of the text
	Items      []*Literal // List, Tuple, Set, Dict: as written, duplicates and all
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
	t := &Literal{Kind: Tuple, Start: first.Start, Items: []*Literal{first}}
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
			if n.Kind != Int && n.Kind != Float || e.signed(n) {
				e.i--
				return nil, e.refuse("is computed")
			}
			if e.src[start] == '-' {
				if n.Kind == Int {
					n.Int.Neg(n.Int)
				} else {
					n.Float = -n.Float
				}
			}
			n.Start = start
			return n, nil
		case "(":
			return e.parenthesis()
		case "[":
			return e.display(List, "]")
		case "{":
			return e.display(Set, "}")
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
		lit.Kind = None
	case "True":
		lit.Kind, lit.Bool = Bool, true
	case "False":
		lit.Kind = Bool
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
	lit := &Literal{Kind: Set, Start: int(e.toks[e.i].Start)}
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
		switch arg.Kind {
		case List, Tuple, Set:
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
	return lit, e.hashable(lit.Items)
}

func (e *evaluator) parenthesis() (*Literal, error) {
	start := int(e.toks[e.i].Start)
	e.i++
	lit := &Literal{Kind: Tuple}
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

func (e *evaluator) display(kind LitKind, end string) (*Literal, error) {
	lit := &Literal{Kind: kind, Start: int(e.toks[e.i].Start)}
	e.i++
	if kind == Set && e.is("}") {
		lit.Kind = Dict
	}
	for !e.is(end) {
		item, err := e.expr()
		if err != nil {
			return nil, err
		}
		if kind == Set && e.is(":") {
			if len(lit.Items) == 0 {
				lit.Kind = Dict
			}
			if lit.Kind != Dict {
				return nil, e.refuse("is computed")
			}
			e.i++
			lit.Keys = append(lit.Keys, item)
			if item, err = e.expr(); err != nil {
				return nil, err
			}
		} else if lit.Kind == Dict {
			return nil, e.refuse("is computed")
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
	switch lit.Kind {
	case Set:
		return lit, e.hashable(lit.Items)
	case Dict:
		return lit, e.hashable(lit.Keys)
	}
	return lit, nil
}

func (e *evaluator) hashable(items []*Literal) error {
	for _, it := range items {
		if !it.Hashable() {
			return &Error{Offset: it.Start, Msg: "unhashable type: '" + it.Kind.String() + "'"}
		}
	}
	return nil
}

// Hashable reports whether Python can hash the value.
func (l *Literal) Hashable() bool {
	switch l.Kind {
	case List, Set, Dict:
		return false
	case Tuple:
		for _, it := range l.Items {
			if !it.Hashable() {
				return false
			}
		}
	}
	return true
}

// Mutable reports whether the value, or one inside it, can change in place.
func (l *Literal) Mutable() bool { return !l.Hashable() }

// Key returns a text that two hashable values share exactly when Python
// holds them for the same key: 1, 1.0 and True are.
func (l *Literal) Key() string {
	switch l.Kind {
	case None:
		return "N"
	case Bool:
		if l.Bool {
			return "i1"
		}
		return "i0"
	case Int:
		return "i" + l.Int.String()
	case Float:
		if f := l.Float; f == math.Trunc(f) && !math.IsInf(f, 0) {
			i, _ := big.NewFloat(f).Int(nil)
			return "i" + i.String()
		}
		return "f" + strconv.FormatUint(math.Float64bits(l.Float), 16)
	case Str:
		return "s" + strconv.Itoa(len(l.Text)) + ":" + l.Text
	case Bytes:
		return "b" + strconv.Itoa(len(l.Text)) + ":" + l.Text
	}
	var b strings.Builder
	b.WriteString("t" + strconv.Itoa(len(l.Items)) + "(")
	for _, it := range l.Items {
		b.WriteString(it.Key())
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
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
		lit.Kind, lit.Int = Int, n
	case strings.ContainsAny(text, ".eE"):
		// A number too large for a float is infinite in Python, and
		// ParseFloat returns it with its error.
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, e.refuse("is not a number")
		}
		lit.Kind, lit.Float = Float, f
	default:
		n, ok := new(big.Int).SetString(text, 10)
		if !ok || len(text) > maxIntDigits {
			return nil, e.refuse("is a number out of range")
		}
		lit.Kind, lit.Int = Int, n
	}
	e.i++
	return lit, nil
}

// strings reads one or more string literals next to each other.
func (e *evaluator) strings() (*Literal, error) {
	lit := &Literal{Kind: Str, Start: int(e.toks[e.i].Start)}
	var text []byte
	for n := 0; e.i < len(e.toks); n++ {
		t := e.toks[e.i]
		if t.Kind == FStringStart {
			return nil, e.refuse("is an f-string")
		}
		if t.Kind != String {
			break
		}
		isBytes := prefixHas(t.Text(e.src), 'b')
		switch {
		case n == 0 && isBytes:
			lit.Kind = Bytes
		case isBytes != (lit.Kind == Bytes):
			return nil, e.refuse("mixes bytes and nonbytes literals")
		}
		var why string
		if text, why = appendString(text, t.Text(e.src)); why != "" {
			return nil, e.refuse(why)
		}
		lit.End = int(t.End)
		e.i++
	}
	lit.Text = string(text)
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

// appendString appends the value of one string or bytes token, or says why
// it has none.
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
	for i := 0; i < len(body); {
		c := body[i]
		if isBytes && c >= utf8.RuneSelf {
			return nil, "is a bytes literal with a character outside ASCII"
		}
		if c == '\r' {
			// The compiler reads every line end as a line feed.
			dst = append(dst, '\n')
			i += newlineLen(body, i)
			continue
		}
		if c != '\\' || raw {
			dst = append(dst, c)
			i++
			continue
		}
		i++
		if n := newlineLen(body, i); n > 0 {
			i += n
			continue
		}
		c = body[i]
		i++
		switch c {
		case '\\', '\'', '"':
			dst = append(dst, c)
		case 'a':
			dst = append(dst, '\a')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'v':
			dst = append(dst, '\v')
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v := rune(c - '0')
			for n := 1; n < 3 && i < len(body) && body[i] >= '0' && body[i] <= '7'; n++ {
				v = v<<3 | rune(body[i]-'0')
				i++
			}
			if isBytes {
				dst = append(dst, byte(v))
			} else {
				dst = utf8.AppendRune(dst, v)
			}
		case 'x', 'u', 'U':
			if isBytes && c != 'x' {
				dst = append(dst, '\\', c)
				continue
			}
			width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+width > len(body) {
				return nil, "has a truncated \\" + string(c) + " escape"
			}
			v, err := strconv.ParseUint(string(body[i:i+width]), 16, 32)
			if err != nil || v > utf8.MaxRune {
				return nil, "has an invalid \\" + string(c) + " escape"
			}
			i += width
			switch {
			case isBytes:
				dst = append(dst, byte(v))
			case !utf8.ValidRune(rune(v)):
				return nil, "has a lone surrogate"
			default:
				dst = utf8.AppendRune(dst, rune(v))
			}
		case 'N':
			if !isBytes {
				return nil, "has a \\N escape, whose character names are not known here"
			}
			dst = append(dst, '\\', 'N')
		default:
			// An unknown escape keeps its backslash; CPython only warns.
			if isBytes && c >= utf8.RuneSelf {
				return nil, "is a bytes literal with a character outside ASCII"
			}
			dst = append(dst, '\\', c)
		}
	}
	return dst, ""
}
