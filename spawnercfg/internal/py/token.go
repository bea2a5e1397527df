// Package py reads Python source without running it: tokens, statement
// boundaries and literals, exactly, and nothing else. Whatever it does not
// know stays an opaque span of bytes, so that source of any later Python
// still goes through unharmed.
//
// The lexer gives the tokens of CPython 3.12 and later (f-strings are taken
// apart as in PEP 701); source that is valid for an older Python has the
// same tokens.
package py

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Kind is the kind of a token.
type Kind uint8

// The kinds of tokens, as CPython's tokenize names them. The text between
// the fields of an f-string is no token here.
const (
	EndMarker Kind = iota
	Name
	Number
	String
	FStringStart
	FStringEnd
	Op
	Comment
	NL
	Newline
	Indent
	Dedent
)

// Token is a span of the source.
type Token struct {
	Kind       Kind
	Start, End int32
}

// Text returns the token's bytes in the source it was read from.
func (t Token) Text(src []byte) []byte { return src[t.Start:t.End] }

// Is reports whether the token is the operator, name or keyword text.
func (t Token) Is(src []byte, text string) bool {
	return (t.Kind == Op || t.Kind == Name) && string(src[t.Start:t.End]) == text
}

// Error is a place where the source cannot be read on.
type Error struct {
	Offset int
	Msg    string
}

func (e *Error) Error() string { return fmt.Sprintf("offset %d: %s", e.Offset, e.Msg) }

// Bounds on what is read. CPython's own are 100 levels of indentation, 200
// of brackets and 150 of f-strings; its parser gives up on fewer.
const (
	// MaxSize is the largest source that is read, in bytes.
	MaxSize = 16 << 20
	// MaxDepth is the deepest nesting of brackets and f-strings, and of
	// indentation.
	MaxDepth = 100
)

type indent struct{ col, alt int }

type lexer struct {
	src     []byte
	pos     int
	toks    []Token
	parens  []byte
	indents []indent
	nest    int
	fields  []int // bracket depth of each f-string field being read
	hasCR   bool
}

// Tokenize returns the tokens of src, which CheckEncoding has accepted. The
// last one is the EndMarker.
func Tokenize(src []byte) ([]Token, error) {
	l := &lexer{
		src: src, indents: make([]indent, 1, 8), hasCR: bytes.IndexByte(src, '\r') >= 0,
		// A generated configuration has a token for each 16 bytes.
		toks: make([]Token, 0, len(src)/15+16),
	}
	if bytes.HasPrefix(src, bom) {
		l.pos = len(bom)
	}
	if err := l.run(); err != nil {
		return nil, err
	}
	return l.toks, nil
}

func (l *lexer) errorf(pos int, format string, args ...any) error {
	return &Error{Offset: pos, Msg: fmt.Sprintf(format, args...)}
}

func (l *lexer) emit(k Kind, start, end int) {
	l.toks = append(l.toks, Token{Kind: k, Start: int32(start), End: int32(end)})
}

func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.src) {
		return l.src[l.pos+n]
	}
	return 0
}

func (l *lexer) run() error {
	for l.pos < len(l.src) {
		// Here a logical line begins. Most lines of a generated configuration
		// are comments from the first column on.
		if l.src[l.pos] == '#' {
			end := l.lineEnd(l.pos)
			next := end + newlineLen(l.src, end)
			l.toks = append(l.toks, Token{Comment, int32(l.pos), int32(end)}, Token{NL, int32(end), int32(next)})
			l.pos = next
			continue
		}
		blank, err := l.indentation()
		if err != nil {
			return err
		}
		if blank {
			continue
		}
		if err := l.logicalLine(); err != nil {
			return err
		}
	}
	for range len(l.indents) - 1 {
		l.emit(Dedent, l.pos, l.pos)
	}
	l.emit(EndMarker, l.pos, l.pos)
	return nil
}

// logicalLine reads tokens up to and including the Newline.
func (l *lexer) logicalLine() error {
	for l.pos < len(l.src) {
		if err := l.token(); err != nil {
			return err
		}
		if len(l.toks) > 0 && l.toks[len(l.toks)-1].Kind == Newline {
			return nil
		}
	}
	if len(l.parens) > 0 {
		return l.errorf(l.pos, "'%c' was never closed", l.parens[len(l.parens)-1])
	}
	l.emit(Newline, l.pos, l.pos)
	return nil
}

// newlineLen returns the length of the line end at i, or 0.
func newlineLen(src []byte, i int) int {
	if i >= len(src) {
		return 0
	}
	switch src[i] {
	case '\n':
		return 1
	case '\r':
		if i+1 < len(src) && src[i+1] == '\n' {
			return 2
		}
		return 1
	}
	return 0
}

// lineEnd returns the offset of the line end at or after i.
func (l *lexer) lineEnd(i int) int {
	if !l.hasCR {
		if n := bytes.IndexByte(l.src[i:], '\n'); n >= 0 {
			return i + n
		}
		return len(l.src)
	}
	for i < len(l.src) && l.src[i] != '\n' && l.src[i] != '\r' {
		i++
	}
	return i
}

// indentation reads the white space that begins a logical line. A line with
// nothing else, or with a comment alone, is read whole and changes no
// indentation.
func (l *lexer) indentation() (blank bool, err error) {
	start := l.pos
	var at indent
	continued := 0 // the column before the first backslash counts
scan:
	for l.pos < len(l.src) {
		switch l.src[l.pos] {
		case ' ':
			at.col++
			at.alt++
		case '\t':
			// Tabs are compared twice, at 8 columns and at 1: where the
			// two disagree, CPython refuses to guess.
			at.col = (at.col/8 + 1) * 8
			at.alt++
		case '\f':
			at = indent{}
		case '\\':
			if continued == 0 {
				continued = at.col
			}
			n := newlineLen(l.src, l.pos+1)
			if n == 0 {
				return false, l.errorf(l.pos, "unexpected character after line continuation character")
			}
			if l.pos+1+n >= len(l.src) {
				return false, l.errorf(l.pos, "unexpected end of file after line continuation")
			}
			l.pos += n
		default:
			break scan
		}
		l.pos++
	}
	if l.pos == len(l.src) {
		return true, nil
	}
	switch l.src[l.pos] {
	case '#', '\n', '\r':
		if l.src[l.pos] == '#' {
			end := l.lineEnd(l.pos)
			l.emit(Comment, l.pos, end)
			l.pos = end
		}
		n := newlineLen(l.src, l.pos)
		l.emit(NL, l.pos, l.pos+n)
		l.pos += n
		return true, nil
	}
	if continued != 0 {
		at = indent{continued, continued}
	}
	top := l.indents[len(l.indents)-1]
	switch {
	case at.col == top.col:
		if at.alt != top.alt {
			return false, l.errorf(l.pos, "inconsistent use of tabs and spaces in indentation")
		}
	case at.col > top.col:
		if at.alt <= top.alt {
			return false, l.errorf(l.pos, "inconsistent use of tabs and spaces in indentation")
		}
		if len(l.indents) >= MaxDepth {
			return false, l.errorf(l.pos, "too many levels of indentation")
		}
		l.indents = append(l.indents, at)
		l.emit(Indent, start, l.pos)
	default:
		for at.col < top.col {
			l.indents = l.indents[:len(l.indents)-1]
			top = l.indents[len(l.indents)-1]
			l.emit(Dedent, l.pos, l.pos)
		}
		if at.col != top.col {
			return false, l.errorf(l.pos, "unindent does not match any outer indentation level")
		}
		if at.alt != top.alt {
			return false, l.errorf(l.pos, "inconsistent use of tabs and spaces in indentation")
		}
	}
	return false, nil
}

// token reads the white space at pos and then one token, if one follows.
func (l *lexer) token() error {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == ' ' || c == '\t' || c == '\f':
			l.pos++
			continue
		case c == '\\':
			n := newlineLen(l.src, l.pos+1)
			if n == 0 {
				return l.errorf(l.pos, "unexpected character after line continuation character")
			}
			l.pos += 1 + n
			if l.pos == len(l.src) {
				return l.errorf(l.pos, "unexpected end of file after line continuation")
			}
			continue
		case c == '\n' || c == '\r':
			n := newlineLen(l.src, l.pos)
			kind := Newline
			if len(l.parens) > 0 {
				kind = NL
			}
			l.emit(kind, l.pos, l.pos+n)
			l.pos += n
			return nil
		case c == '#':
			end := l.lineEnd(l.pos)
			l.emit(Comment, l.pos, end)
			l.pos = end
			return nil
		case c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf:
			return l.name()
		case c >= '0' && c <= '9' || c == '.' && isDigit(l.peek(1)):
			return l.number()
		case c == '"' || c == '\'':
			return l.str(l.pos)
		default:
			return l.operator()
		}
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (l *lexer) name() error {
	start := l.pos
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		if c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) {
			l.pos++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, n := utf8.DecodeRune(l.src[l.pos:])
		if !identifierRune(r, l.pos > start) {
			return l.errorf(l.pos, "invalid character %q (%U)", r, r)
		}
		l.pos += n
	}
	if l.pos < len(l.src) && (l.src[l.pos] == '"' || l.src[l.pos] == '\'') && isStringPrefix(l.src[start:l.pos]) {
		return l.str(start)
	}
	l.emit(Name, start, l.pos)
	return nil
}

// identifierRune follows XID_Start and XID_Continue closely enough to tell a
// letter from a stray quotation mark or an invisible space.
func identifierRune(r rune, continued bool) bool {
	if unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Other_ID_Start, r) {
		return true
	}
	return continued && (unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc) ||
		unicode.Is(unicode.Other_ID_Continue, r))
}

func isStringPrefix(p []byte) bool {
	switch len(p) {
	case 1:
		switch p[0] | 0x20 {
		case 'r', 'b', 'u', 'f', 't':
			return true
		}
	case 2:
		a, b := p[0]|0x20, p[1]|0x20
		if b == 'r' {
			a, b = b, a
		}
		return a == 'r' && (b == 'b' || b == 'f' || b == 't')
	}
	return false
}

// str reads a string literal whose prefix began at start and whose opening
// quote is at pos.
func (l *lexer) str(start int) error {
	prefix := l.src[start:l.pos]
	quote := l.src[l.pos]
	width := 1
	if l.peek(1) == quote && l.peek(2) == quote {
		width = 3
	}
	open := l.pos
	l.pos += width
	if bytes.ContainsAny(prefix, "fFtT") {
		if l.nest++; l.nest+len(l.parens) > MaxDepth {
			return l.errorf(start, "f-strings nested too deeply")
		}
		l.emit(FStringStart, start, l.pos)
		if err := l.fstringText(open, quote, width, bytes.ContainsAny(prefix, "rR"), false); err != nil {
			return err
		}
		l.emit(FStringEnd, l.pos-width, l.pos)
		l.nest--
		return nil
	}
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == '\\':
			l.pos++
			l.pos += max(1, newlineLen(l.src, l.pos))
		case c == quote:
			if width == 1 || l.peek(1) == quote && l.peek(2) == quote {
				l.pos += width
				l.emit(String, start, l.pos)
				return nil
			}
			l.pos++
		case width == 1 && (c == '\n' || c == '\r'):
			return l.errorf(open, "unterminated string literal")
		default:
			l.pos++
		}
	}
	return l.errorf(open, "unterminated string literal")
}

// fstringText reads the text of an f-string up to and including its closing
// quotes or, inside a format specification, up to the brace that ends it.
func (l *lexer) fstringText(open int, quote byte, width int, raw, spec bool) error {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == quote && (width == 1 || l.peek(1) == quote && l.peek(2) == quote):
			if spec {
				return l.errorf(l.pos, "f-string: expecting '}'")
			}
			l.pos += width
			return nil
		case width == 1 && (c == '\n' || c == '\r'):
			return l.errorf(open, "unterminated f-string literal")
		case c == '\\':
			l.pos++
			switch next := l.peek(0); {
			case next == '{' || next == '}':
			case !raw && next == 'N' && l.peek(1) == '{':
				end := bytes.IndexAny(l.src[l.pos:], "}'\"\r\n")
				if end < 0 || l.src[l.pos+end] != '}' {
					return l.errorf(l.pos-1, "malformed \\N character escape")
				}
				l.pos += end + 1
			default:
				l.pos += max(1, newlineLen(l.src, l.pos))
			}
		case c == '{' && !spec && l.peek(1) == '{', c == '}' && !spec && l.peek(1) == '}':
			l.pos += 2
		case c == '}':
			if spec {
				return nil
			}
			return l.errorf(l.pos, "f-string: single '}' is not allowed")
		case c == '{':
			if err := l.field(open, quote, width, raw); err != nil {
				return err
			}
		default:
			l.pos++
		}
	}
	return l.errorf(open, "unterminated f-string literal")
}

// field reads a replacement field, from its opening to its closing brace.
func (l *lexer) field(open int, quote byte, width int, raw bool) error {
	if err := l.operator(); err != nil {
		return err
	}
	depth := len(l.parens)
	l.fields = append(l.fields, depth)
	defer func() { l.fields = l.fields[:len(l.fields)-1] }()
	for l.pos < len(l.src) {
		n := len(l.toks)
		if err := l.token(); err != nil {
			return err
		}
		if len(l.parens) < depth {
			return nil
		}
		if len(l.parens) == depth && len(l.toks) > n && l.toks[len(l.toks)-1].Is(l.src, ":") {
			if err := l.fstringText(open, quote, width, raw, true); err != nil {
				return err
			}
		}
	}
	return l.errorf(open, "unterminated f-string literal")
}

// inField reports whether pos is directly inside a replacement field, where
// a colon begins the format specification.
func (l *lexer) inField() bool {
	return len(l.fields) > 0 && l.fields[len(l.fields)-1] == len(l.parens)
}

var closing = [...]byte{'(': ')', '[': ']', '{': '}'}

func (l *lexer) operator() error {
	start := l.pos
	c := l.src[start]
	switch c {
	case '(', '[', '{':
		if l.nest+len(l.parens) >= MaxDepth {
			return l.errorf(start, "too many nested parentheses")
		}
		l.parens = append(l.parens, c)
		l.pos++
		l.emit(Op, start, l.pos)
		return nil
	case ')', ']', '}':
		if len(l.parens) == 0 {
			return l.errorf(start, "unmatched '%c'", c)
		}
		open := l.parens[len(l.parens)-1]
		if closing[open] != c || l.inField() && c != '}' {
			return l.errorf(start, "closing parenthesis '%c' does not match opening parenthesis '%c'", c, open)
		}
		l.parens = l.parens[:len(l.parens)-1]
		l.pos++
		l.emit(Op, start, l.pos)
		return nil
	}
	n := operatorLen(l.src[start:])
	if l.inField() && (c == ':' || c == '!' && n == 0) {
		n = 1
	}
	if n == 0 {
		return l.errorf(start, "invalid character %q", c)
	}
	l.pos += n
	l.emit(Op, start, l.pos)
	return nil
}

// operatorLen returns the length of the operator that s begins with, or 0.
func operatorLen(s []byte) int {
	var second, third byte
	if len(s) > 1 {
		second = s[1]
	}
	if len(s) > 2 {
		third = s[2]
	}
	switch c := s[0]; c {
	case ',', ';', '~':
		return 1
	case '.':
		if second == '.' && third == '.' {
			return 3
		}
		return 1
	case '!':
		if second == '=' {
			return 2
		}
		return 0
	case '*', '/', '<', '>':
		if second == c {
			if third == '=' {
				return 3
			}
			return 2
		}
		if second == '=' {
			return 2
		}
		return 1
	case '-':
		if second == '>' || second == '=' {
			return 2
		}
		return 1
	case '+', '%', '&', '|', '^', '@', '=', ':':
		if second == '=' {
			return 2
		}
		return 1
	}
	return 0
}

// number reads a number by the rules of the language reference, 2.4.5 to
// 2.4.7, and refuses what CPython refuses after one.
func (l *lexer) number() error {
	start := l.pos
	bad := func(what string) error { return l.errorf(start, "invalid %s literal", what) }
	if l.src[l.pos] == '0' {
		base, what := byte(0), ""
		switch l.peek(1) | 0x20 {
		case 'x':
			base, what = 16, "hexadecimal"
		case 'o':
			base, what = 8, "octal"
		case 'b':
			base, what = 2, "binary"
		}
		if base != 0 {
			l.pos += 2
			if l.peek(0) == '_' {
				l.pos++
			}
			if !l.digits(base) || isDigit(l.peek(0)) {
				return bad(what)
			}
			return l.numberEnd(start, what)
		}
	}
	integer := l.src[l.pos] != '.'
	if integer && !l.digits(10) {
		return bad("decimal")
	}
	intEnd := l.pos
	if l.peek(0) == '.' {
		integer = false
		l.pos++
		if isDigit(l.peek(0)) && !l.digits(10) {
			return bad("decimal")
		}
	}
	if l.peek(0)|0x20 == 'e' {
		sign := 1
		if c := l.peek(1); c == '+' || c == '-' {
			sign = 2
		}
		switch {
		case isDigit(l.peek(sign)):
			integer = false
			l.pos += sign
			if !l.digits(10) {
				return bad("decimal")
			}
		case sign == 2:
			return bad("decimal")
		}
	}
	if l.peek(0)|0x20 == 'j' {
		l.pos++
		return l.numberEnd(start, "imaginary")
	}
	if integer && l.src[start] == '0' && bytes.ContainsAny(l.src[start:intEnd], "123456789") {
		return l.errorf(start, "leading zeros in decimal integer literals are not permitted")
	}
	return l.numberEnd(start, "decimal")
}

// digits reads digits with single underscores between them.
func (l *lexer) digits(base byte) bool {
	for n := 0; ; n++ {
		if !digitOf(l.peek(0), base) {
			return n > 0
		}
		l.pos++
		if l.peek(0) == '_' {
			if !digitOf(l.peek(1), base) {
				return false
			}
			l.pos++
		}
	}
}

func digitOf(c, base byte) bool {
	switch {
	case base == 16 && (c|0x20 >= 'a' && c|0x20 <= 'f'):
		return true
	case base < 10:
		return c >= '0' && c < '0'+base
	}
	return isDigit(c)
}

// numberEnd emits the number unless a letter follows that begins none of the
// keywords which CPython lets stand there ("1if x else 2").
func (l *lexer) numberEnd(start int, what string) error {
	c := l.peek(0)
	if c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) || c >= utf8.RuneSelf {
		ok := false
		for _, word := range [...]string{"and", "else", "for", "if", "in", "is", "not", "or"} {
			ok = ok || bytes.HasPrefix(l.src[l.pos:], []byte(word))
		}
		if !ok {
			return l.errorf(start, "invalid %s literal", what)
		}
	}
	l.emit(Number, start, l.pos)
	return nil
}
