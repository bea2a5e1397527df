package py

// Statement is a simple statement, or the header of a compound one up to its
// colon.
type Statement struct {
	// Tokens are those of the statement, without Comment and NL, without the
	// semicolon or line end behind it and the colon of a header.
	Tokens []Token
	// Header says that the statement is the header of a compound one.
	Header bool
	// Parent is the index of the statement whose block this one is in, and -1
	// at module level.
	Parent int
	// Line is the span of the logical line the statement is on, from its
	// first token to the end of its line end, and Alone says that no other
	// statement shares it.
	LineStart, LineEnd int
	Alone              bool
}

// Start returns the offset of the statement's first byte.
func (s *Statement) Start() int { return int(s.Tokens[0].Start) }

// End returns the offset behind the statement's last byte.
func (s *Statement) End() int { return int(s.Tokens[len(s.Tokens)-1].End) }

// Statements divides the tokens of src into statements. It does not check
// that they are Python: what it takes for a statement may be none, and then
// the whole source is none.
func Statements(src []byte, toks []Token) []Statement {
	d := &divider{src: src, stack: []int{-1}, pending: -1}
	for i := 0; i < len(toks); i++ {
		switch toks[i].Kind {
		case Comment, NL, EndMarker:
		case Indent:
			d.stack = append(d.stack, d.pending)
		case Dedent:
			d.stack = d.stack[:len(d.stack)-1]
		default:
			start, trivia := i, 0
			for ; toks[i].Kind != Newline; i++ {
				if toks[i].Kind == Comment || toks[i].Kind == NL {
					trivia++
				}
			}
			next := i + 1
			for toks[next].Kind == Comment || toks[next].Kind == NL {
				next++
			}
			line := toks[start:i:i]
			if trivia > 0 {
				line = significant(line, len(line)-trivia)
			}
			d.line(line, int(toks[i].End), toks[next].Kind == Indent)
		}
	}
	return d.out
}

// significant returns the n tokens that are no Comment and no NL.
func significant(toks []Token, n int) []Token {
	out := make([]Token, 0, n)
	for _, t := range toks {
		if t.Kind != Comment && t.Kind != NL {
			out = append(out, t)
		}
	}
	return out
}

type divider struct {
	src     []byte
	out     []Statement
	stack   []int
	pending int // the statement that the next block belongs to
}

// line divides one logical line.
func (d *divider) line(toks []Token, end int, indented bool) {
	start := int(toks[0].Start)
	parent := d.stack[len(d.stack)-1]
	first := len(d.out)
	add := func(toks []Token, header bool, parent int) {
		d.out = append(d.out, Statement{Tokens: toks, Header: header, Parent: parent, LineStart: start, LineEnd: end})
		d.pending = len(d.out) - 1
	}
	if colon := d.headerEnd(toks, parent, indented); colon > 0 {
		add(toks[:colon], true, parent)
		parent = len(d.out) - 1
		toks = toks[colon+1:]
	}
	for _, s := range Split(d.src, toks, ";") {
		if len(s) > 0 {
			add(s, false, parent)
		}
	}
	if len(d.out) == first+1 {
		d.out[first].Alone = true
	}
}

// headerEnd returns the index of the colon that ends the header which the
// line begins with, or 0.
func (d *divider) headerEnd(toks []Token, parent int, indented bool) int {
	if toks[0].Kind != Name {
		return 0
	}
	switch string(toks[0].Text(d.src)) {
	case "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "def", "class", "async":
	case "match":
		// A name elsewhere; no other line that begins with it has a block.
		if !indented {
			return 0
		}
	case "case":
		if parent < 0 || !d.out[parent].Tokens[0].Is(d.src, "match") {
			return 0
		}
	default:
		return 0
	}
	depth, lambdas := 0, 0
	for i, t := range toks {
		depth += Nesting(d.src, t)
		switch {
		case depth > 0:
		case t.Is(d.src, "lambda"):
			lambdas++
		case t.Is(d.src, ":"):
			if lambdas == 0 {
				return i
			}
			lambdas--
		}
	}
	return 0
}

// Nesting returns 1 for a token that opens a bracket or an f-string, -1 for
// one that closes it, and 0 for any other.
func Nesting(src []byte, t Token) int {
	switch t.Kind {
	case FStringStart:
		return 1
	case FStringEnd:
		return -1
	case Op:
		switch src[t.Start] {
		case '(', '[', '{':
			return 1
		case ')', ']', '}':
			return -1
		}
	}
	return 0
}

// Split divides tokens at the operator sep outside of all brackets.
func Split(src []byte, toks []Token, sep string) [][]Token {
	var parts [][]Token
	depth, start := 0, 0
	for i, t := range toks {
		depth += Nesting(src, t)
		if depth == 0 && t.Kind == Op && t.Is(src, sep) {
			parts = append(parts, toks[start:i:i])
			start = i + 1
		}
	}
	return append(parts, toks[start:len(toks):len(toks)])
}
