package spawnercfg

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hubhost/hubhost/spawnercfg/internal/py"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// reader goes through the statements of a file in order and keeps in its
// table what a Config of traitlets would hold, as far as that is certain.
//
// It follows the names c, get_config and load_subconfig only. Every way to
// reach the configuration that it does not understand makes uncertain all
// that could be reached by it.
type reader struct {
	f     *File
	opt   ParseOptions
	chain []string // the paths of the files being loaded, outermost first
	src   []byte
	*table

	shadowed   *Reason // the first thing that hides get_config
	called     bool    // c = get_config() is there
	setRebound bool    // set is not the builtin
}

func newReader(f *File, opt ParseOptions, chain []string) *reader {
	return &reader{f: f, opt: opt, chain: chain, src: f.src, table: newTable()}
}

// when says when a statement runs.
type when uint8

const (
	once     when = iota // in its turn, if the file loads at all
	perhaps              // in its turn, or not, or several times
	whenever             // at any time
)

// place is where a statement stands.
type place struct {
	when  when
	block string // the first word of the innermost compound statement
	local bool   // c is a parameter of a function around it
}

func (r *reader) run() {
	r.survey()
	for i := range r.f.stmts {
		r.statement(i)
	}
	if r.shadowed != nil && r.called {
		r.sticky = add(r.sticky, *r.shadowed)
	}
	if len(r.chain) == 0 {
		r.readJSON()
	}
}

func (r *reader) reason(code ReasonCode, at int, text string) Reason {
	return Reason{code, r.f.position(at), text}
}

// stick makes every option uncertain for good.
func (r *reader) stick(code ReasonCode, at int, text string) {
	r.sticky = add(r.sticky, r.reason(code, at, text))
	// Whoever has c has not yet what load_subconfig needs.
	r.f.astray = r.f.astray || code != ReasonHandedOn
}

// survey looks at every name once, wherever it stands.
func (r *reader) survey() {
	for i := range r.f.stmts {
		s := &r.f.stmts[i]
		first := s.Tokens[0]
		if first.Kind == py.Op {
			switch c := r.src[first.Start]; {
			case bytes.IndexByte([]byte("([-+~*@."), c) >= 0:
			case c == '{' && len(s.Tokens) > 1 && !s.Tokens[1].Is(r.src, "%") && !s.Tokens[1].Is(r.src, "{"):
			default:
				r.stick(ReasonNotPython, int(first.Start), "this is no Python statement")
			}
		}
		for j, t := range s.Tokens {
			if t.Kind != py.Name {
				continue
			}
			switch name := t.Text(r.src); string(name) {
			case "exec", "eval", "execfile", "globals", "locals", "vars", "builtins", "__builtins__",
				"__dict__", "__globals__", "_getframe", "currentframe", "f_globals", "f_locals", "f_back", "gi_frame", "tb_frame":
				r.stick(ReasonExec, int(t.Start), string(name)+" may change any option")
			case "set":
				if j+1 == len(s.Tokens) || !s.Tokens[j+1].Is(r.src, "(") || j > 0 && (s.Tokens[j-1].Is(r.src, "def") || s.Tokens[j-1].Is(r.src, "class")) {
					r.setRebound = true
				}
			default:
				if foldsToASCII(name) {
					r.stick(ReasonHandedOn, int(t.Start), "Python may take the name "+string(name)+" for another")
					r.f.astray = true
				}
			}
		}
	}
}

// foldsToASCII reports whether an identifier outside ASCII may be one inside
// for Python, which normalises identifiers to NFKC: the full-width ｃ is c.
// One letter that no ASCII letter is folded from settles that it is not.
func foldsToASCII(name []byte) bool {
	ascii := true
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRune(name[i:])
		i += n
		if r < utf8.RuneSelf {
			continue
		}
		ascii = false
		if r >= 'À' && r <= 'ÿ' || unicode.In(r, unicode.Cyrillic, unicode.Han, unicode.Hangul, unicode.Hiragana,
			unicode.Katakana, unicode.Hebrew, unicode.Arabic, unicode.Thai, unicode.Devanagari) && !(r >= 0x1d400 && r <= 0x1d7ff) {
			return false
		}
	}
	return !ascii
}

// context returns where statement i stands.
func (r *reader) context(i int) place {
	var ctx place
	for p := r.f.stmts[i].Parent; p >= 0; p = r.f.stmts[p].Parent {
		h := &r.f.stmts[p]
		word := string(h.Tokens[0].Text(r.src))
		if ctx.block == "" {
			ctx.block = word
		}
		ctx.when = max(ctx.when, perhaps)
		if h.Header && r.isDef(h.Tokens) {
			ctx.when = whenever
			ctx.local = ctx.local || r.parameter(h.Tokens) >= 0
		}
	}
	return ctx
}

// isDef reports whether a header is that of a function.
func (r *reader) isDef(toks []py.Token) bool {
	return toks[0].Is(r.src, "def") || len(toks) > 1 && toks[0].Is(r.src, "async") && toks[1].Is(r.src, "def")
}

// parameter returns the index of the token that is the parameter c of a
// function's header, or -1. A lambda in the header has parameters of its own:
// none is found then.
func (r *reader) parameter(toks []py.Token) int {
	if slices.ContainsFunc(toks, func(t py.Token) bool { return t.Is(r.src, "lambda") }) {
		return -1
	}
	depth, inside, first := 0, false, false
	for i, t := range toks {
		depth += py.Nesting(r.src, t)
		switch {
		case depth == 0 && inside:
			return -1
		case depth != 1:
		case !inside:
			// Before the parameters a function may have those of its type.
			inside = t.Is(r.src, "(")
			first = inside
		case t.Is(r.src, ","):
			first = true
		case first && t.Is(r.src, "c"):
			return i
		default:
			first = first && r.oneOf(t, "*", "**")
		}
	}
	return -1
}

func (r *reader) oneOf(t py.Token, texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool { return t.Is(r.src, s) })
}

func (r *reader) text(toks []py.Token) string {
	if len(toks) == 0 {
		return ""
	}
	return string(r.src[toks[0].Start:toks[len(toks)-1].End])
}

// statement reads statement i.
func (r *reader) statement(i int) {
	s := &r.f.stmts[i]
	if !slices.ContainsFunc(s.Tokens, r.interesting) {
		return
	}
	st := &step{reader: r, place: r.context(i), index: i}
	toks := s.Tokens
	if s.Header {
		st.header(toks)
		return
	}
	switch string(toks[0].Text(r.src)) {
	case "import", "from":
		st.imports(toks)
		return
	case "del":
		for _, target := range py.Split(r.src, toks[1:], ",") {
			st.del(target)
		}
		return
	case "raise":
		st.leave(toks[0])
	case "global", "nonlocal":
		// A parameter c of a function around does not count here.
		st.local = false
	}
	parts := st.assignment(toks)
	if len(parts) > 1 {
		st.assign(parts[:len(parts)-1], parts[len(parts)-1])
		return
	}
	if op := st.augmented(toks); op > 0 {
		st.augment(toks[:op], string(toks[op].Text(r.src)), toks[op+1:])
		return
	}
	st.expression(toks)
}

// interesting reports whether a token may have to do with the configuration.
func (r *reader) interesting(t py.Token) bool {
	if t.Kind != py.Name {
		return t.Kind == py.Op && r.src[t.Start] == '*' // from x import *
	}
	switch string(t.Text(r.src)) {
	case "c", "get_config", "load_subconfig", "raise", "exit", "_exit", "quit", "abort":
		return true
	}
	return false
}

// step is the reading of one statement.
type step struct {
	*reader
	place
	index int
}

func (s *step) stmt() *py.Statement { return &s.f.stmts[s.index] }

// leave notes that the statements behind this one may not be run.
func (s *step) leave(t py.Token) {
	if s.when == once || len(s.chain) > 0 {
		s.stick(ReasonRaises, int(t.Start), "the file is left here")
	}
}

// header reads the header of a compound statement.
func (s *step) header(toks []py.Token) {
	mayBind := s.oneOf(toks[0], "for", "with", "except", "case", "async", "def", "class")
	if s.isDef(toks) {
		if i := s.parameter(toks); i >= 0 {
			toks = slices.Delete(slices.Clone(toks), i, i+1)
		}
	}
	s.scan(toks, mayBind)
}

// imports reads an import statement, which binds names.
func (s *step) imports(toks []py.Token) {
	if toks[len(toks)-1].Is(s.src, "*") {
		s.stick(ReasonHandedOn, int(toks[0].Start), "an import of * may give c another meaning")
		s.f.astray = true
	}
	for i, t := range toks {
		if toks[i-min(i, 1)].Is(s.src, ".") {
			continue
		}
		switch {
		case t.Is(s.src, "c"):
			s.rebound(t)
		case t.Is(s.src, "load_subconfig"):
			s.stick(ReasonHandedOn, int(t.Start), "load_subconfig is something else here")
			s.f.astray = true
		case t.Is(s.src, "get_config"):
			s.shadow(t)
		}
	}
}

func (s *step) rebound(t py.Token) {
	if !s.local {
		s.stick(ReasonHandedOn, int(t.Start), "c is given another meaning")
	}
}

func (s *step) shadow(t py.Token) {
	if s.shadowed == nil {
		why := s.reason(ReasonShadowed, int(t.Start), "get_config is not the one that traitlets gives to the file: what is set through its result is lost")
		s.shadowed = &why
	}
}

// assignment divides an assignment at its equals signs.
func (s *step) assignment(toks []py.Token) [][]py.Token {
	end, depth := len(toks), 0
	for i, t := range toks {
		depth += py.Nesting(s.src, t)
		// The signs in a lambda's parameters are others.
		if depth == 0 && t.Kind == py.Name && t.Is(s.src, "lambda") {
			end = i
			break
		}
	}
	parts := py.Split(s.src, toks[:end], "=")
	last := len(parts) - 1
	parts[last] = toks[end-len(parts[last]):]
	return parts
}

// augmented returns the index of the operator of an augmented assignment.
func (s *step) augmented(toks []py.Token) int {
	depth := 0
	for i, t := range toks {
		depth += py.Nesting(s.src, t)
		if depth == 0 && t.Kind == py.Op {
			switch text := string(t.Text(s.src)); text {
			case "==", "!=", "<=", ">=", ":=":
			default:
				if len(text) > 1 && strings.HasSuffix(text, "=") {
					return i
				}
			}
		}
	}
	return 0
}

// literal evaluates an expression.
func (s *step) literal(toks []py.Token) (*py.Literal, error) {
	lit, err := py.Eval(s.src, toks)
	if err == nil && s.setRebound && slices.ContainsFunc(toks, func(t py.Token) bool { return t.Is(s.src, "set") }) {
		return nil, &py.Error{Offset: lit.Start, Msg: "calls a set that is not Python's"}
	}
	return lit, err
}

// assign reads "target = … = value".
func (s *step) assign(targets [][]py.Token, value []py.Token) {
	if len(targets) == 1 {
		// An annotated assignment.
		if parts := py.Split(s.src, targets[0], ":"); len(parts) == 2 {
			s.scan(parts[1], false)
			targets[0] = parts[0]
		}
	}
	lit, err := s.literal(value)
	if err != nil {
		if len(targets) == 1 && s.text(targets[0]) == "c" && s.isCall(value, "get_config") {
			s.called = true
			return
		}
		s.scan(value, false)
	}
	for _, target := range targets {
		target = s.unwrap(target)
		p, ok := s.wholePath(target)
		switch {
		case !ok && len(target) == 1 && target[0].Is(s.src, "get_config"):
			s.shadow(target[0])
		case !ok:
			s.scan(target, true)
		case p.bare():
			s.rebound(target[0])
		case p.name == "" || p.bad || p.method != "":
			s.touch(p, true)
		case len(p.rest) == 0:
			w := s.writer("=", value, lit)
			w.solo = lit != nil && len(targets) == 1
			s.write(p, w, func(st *optionState, pos Position) {
				switch {
				case err != nil:
					st.doubt(s.computed(err))
				case !lit.Value.Hashable() && len(targets) > 1:
					st.doubt(Reason{ReasonAliased, pos, "the value has a second name, through which it may change"})
				default:
					st.assign(w.Value, pos)
				}
			})
		case len(p.rest) == 1 && p.rest[0].item:
			s.write(p, s.writer("[]=", value, lit), func(st *optionState, pos Position) {
				s.setItem(st, pos, p.rest[0].text, lit, err, len(targets) > 1)
			})
		default:
			s.touch(p, true)
		}
	}
}

func (s *step) computed(err error) Reason {
	at, msg := s.stmt().Start(), err.Error()
	if e, ok := err.(*py.Error); ok {
		at, msg = e.Offset, e.Msg
	}
	return s.reason(ReasonComputed, at, "the value "+msg)
}

func (s *step) setItem(st *optionState, pos Position, name string, lit *py.Literal, err error, chained bool) {
	switch {
	case st.certainty == NotCertain:
	case err != nil:
		st.doubt(s.computed(err))
	case !lit.Value.Hashable() && chained:
		st.doubt(Reason{ReasonAliased, pos, "the item has a second name, through which it may change"})
	case st.certainty != Certain || st.value.Kind() != pyvalue.DictKind:
		st.doubt(Reason{ReasonRaises, pos, "only a dict that the file has set takes an item"})
	default:
		items, _ := st.value.Items()
		st.assign(pyvalue.Dict(append(items, pyvalue.Item{Key: pyvalue.Str(name), Value: lit.Value})...), pos)
	}
}

// isCall reports whether the tokens are a call of a name without arguments.
func (s *step) isCall(toks []py.Token, name string) bool {
	return len(toks) == 3 && toks[0].Is(s.src, name) && toks[1].Is(s.src, "(") && toks[2].Is(s.src, ")")
}

// unwrap removes parentheses around the whole.
func (s *step) unwrap(toks []py.Token) []py.Token {
	for len(toks) > 2 && toks[0].Is(s.src, "(") && toks[len(toks)-1].Is(s.src, ")") {
		depth := 0
		for i, t := range toks {
			if depth += py.Nesting(s.src, t); depth == 0 && i < len(toks)-1 {
				return toks
			}
		}
		toks = toks[1 : len(toks)-1]
	}
	return toks
}

func (s *step) writer(op string, value []py.Token, lit *py.Literal) Writer {
	w := Writer{Op: op, file: s.f, stmt: s.index, lit: lit, Block: s.block}
	if lit != nil {
		w.Value = lit.Value
	}
	return w
}

// write notes a writer of an option and what it does if it runs in its turn.
func (s *step) write(p configPath, w Writer, do func(*optionState, Position)) {
	if s.local {
		return
	}
	st := s.state(key{p.section, p.name})
	w.Option = p.section + "." + p.name
	w.Pos = s.f.position(p.at)
	w.Text = s.text(s.stmt().Tokens)
	st.writers = append(st.writers, w)
	st.pos = w.Pos
	if s.when == once {
		do(st, w.Pos)
		return
	}
	why := Reason{ReasonConditional, w.Pos, "it depends on a condition (" + s.block + ")"}
	if s.when == whenever {
		st.sticky = add(st.sticky, why)
	} else {
		st.doubt(why)
	}
}

// augment reads "target += value" and the like.
func (s *step) augment(target []py.Token, op string, value []py.Token) {
	lit, err := s.literal(value)
	if err != nil {
		s.scan(value, false)
	}
	p, ok := s.wholePath(s.unwrap(target))
	if !ok {
		s.scan(target, true)
		return
	}
	if p.name == "" || p.bad || p.method != "" || len(p.rest) > 0 {
		s.touch(p, true)
		return
	}
	s.write(p, s.writer(op, value, lit), func(st *optionState, pos Position) {
		switch {
		case st.certainty == NotCertain:
		case err != nil:
			st.doubt(s.computed(err))
		case st.certainty != Certain:
			st.doubt(Reason{ReasonRaises, pos, op + " needs a value that the file has set before"})
		case op == "+=" && st.value.Kind() == pyvalue.ListKind:
			s.call(st, pos, "extend", []pyvalue.Value{lit.Value})
		case op == "|=" && st.value.Kind() == pyvalue.SetKind && lit.Value.Kind() == pyvalue.SetKind:
			s.call(st, pos, "update", []pyvalue.Value{lit.Value})
		default:
			// |= of a dict needs Python 3.9.
			st.doubt(s.reason(ReasonComputed, s.stmt().Start(), "the value is computed"))
		}
	})
}

// del reads one target of a del statement.
func (s *step) del(target []py.Token) {
	p, ok := s.wholePath(s.unwrap(target))
	if !ok || p.name == "" || p.bad || p.method != "" || len(p.rest) > 0 {
		s.scan(target, true)
		return
	}
	s.write(p, s.writer("del", nil, nil), func(st *optionState, pos Position) {
		if st.certainty == NotSet {
			st.doubt(Reason{ReasonRaises, pos, "an option that is not set cannot be deleted"})
			return
		}
		st.unset(pos)
	})
}

// expression reads an expression statement.
func (s *step) expression(toks []py.Token) {
	if s.isCall(toks, "get_config") {
		return
	}
	last := len(toks) - 1
	if toks[0].Is(s.src, "load_subconfig") && last > 1 && toks[1].Is(s.src, "(") && toks[last].Is(s.src, ")") && s.closes(toks[1:]) {
		s.loadSubconfig(toks[2:last])
		return
	}
	// "c.S.x: int" declares and does nothing.
	if parts := py.Split(s.src, toks, ":"); len(parts) == 2 {
		if p, ok := s.wholePath(parts[0]); ok && p.name != "" && !p.bad && len(p.rest) == 0 {
			s.scan(parts[1], false)
			return
		}
	}
	if !toks[0].Is(s.src, "c") {
		s.scan(toks, false)
		return
	}
	p, end := s.path(toks, 0)
	if p.bad || end >= last || !toks[end].Is(s.src, "(") || !toks[last].Is(s.src, ")") || !s.closes(toks[end:]) {
		s.scan(toks, false)
		return
	}
	args := py.Split(s.src, toks[end+1:last], ",")
	if len(args[len(args)-1]) == 0 {
		args = args[:len(args)-1]
	}
	switch {
	case p.name != "" && len(p.rest) == 1 && !p.rest[0].item:
		s.method(p, p.rest[0].text, args)
	case len(p.rest) > 0:
		s.scan(toks, false)
	case p.section != "" && p.method == "update":
		s.updateSection(p, args)
	case p.section != "" && p.method == "pop":
		s.popOption(p, toks, args)
	default:
		s.scan(toks, false)
	}
}

// closes reports whether the first token's bracket closes with the last one.
func (s *step) closes(toks []py.Token) bool {
	depth := 0
	for i, t := range toks {
		if depth += py.Nesting(s.src, t); depth == 0 {
			return i == len(toks)-1
		}
	}
	return false
}

// keyword returns the name of a keyword argument and its value.
func (s *step) keyword(arg []py.Token) (string, []py.Token) {
	if len(arg) > 2 && arg[0].Kind == py.Name && arg[1].Is(s.src, "=") {
		return string(arg[0].Text(s.src)), arg[2:]
	}
	return "", arg
}

// method reads a call of a method of an option's value.
func (s *step) method(p configPath, name string, args [][]py.Token) {
	var values []pyvalue.Value
	var keywords []pyvalue.Item
	var err error
	var lit *py.Literal
	for _, arg := range args {
		word, arg := s.keyword(arg)
		l, e := s.literal(arg)
		switch {
		case e != nil:
			s.scan(arg, false)
			err = e
		case word != "":
			keywords = append(keywords, pyvalue.Item{Key: pyvalue.Str(word), Value: l.Value})
		default:
			values, lit = append(values, l.Value), l
		}
	}
	w := s.writer(name, nil, nil)
	if err == nil && len(values) == 1 && len(keywords) == 0 {
		w = s.writer(name, nil, lit)
	}
	s.write(p, w, func(st *optionState, pos Position) {
		switch {
		case st.certainty == NotCertain:
		case err != nil:
			st.doubt(s.computed(err))
		case len(keywords) > 0:
			if name != "update" || st.certainty != Certain || st.value.Kind() != pyvalue.DictKind || len(values) > 1 {
				st.doubt(Reason{ReasonRaises, pos, name + " takes no such arguments here"})
				return
			}
			for _, with := range append(values, pyvalue.Dict(keywords...)) {
				s.call(st, pos, name, []pyvalue.Value{with})
			}
		default:
			s.call(st, pos, name, values)
		}
	})
}

// call does what a method does to the value of a state that is certain.
func (s *step) call(st *optionState, pos Position, name string, args []pyvalue.Value) {
	raises := func(text string) { st.doubt(Reason{ReasonRaises, pos, text}) }
	unknown := func() { st.doubt(Reason{ReasonComputed, pos, "what " + name + " does is not known here"}) }
	want := 1
	if name == "insert" {
		want = 2
	}
	switch name {
	case "append", "extend", "prepend", "insert", "update", "add":
		if len(args) != want {
			raises(name + " is called with another number of arguments than it takes")
			return
		}
	default:
		unknown()
		return
	}
	arg := args[want-1]
	// The elements, for those that add them one by one. Those of a set come
	// in an order that changes from run to run.
	elems, iterable := arg.Iterate()
	var at int64
	if name == "insert" {
		i, ok := args[0].Index()
		if !ok || !i.IsInt64() {
			raises("the place to insert at is not an int")
			return
		}
		at = i.Int64()
	}
	if name == "extend" || name == "prepend" {
		switch {
		case !iterable:
			raises(name + " takes a list")
			return
		case arg.Kind() == pyvalue.SetKind && len(elems) > 1:
			unknown()
			return
		}
	}
	if st.certainty != Certain {
		st.record(s, pos, name, at, arg, elems)
		return
	}
	switch v := st.value; v.Kind() {
	case pyvalue.ListKind:
		list, _ := v.Elems()
		switch name {
		case "append":
			list = append(list, arg)
		case "extend":
			list = append(list, elems...)
		case "insert":
			list = insertAt(list, at, arg)
		default:
			raises("a list has no method " + name)
			return
		}
		st.assign(pyvalue.List(list...), pos)
	case pyvalue.DictKind:
		switch {
		case name != "update":
			raises("a dict has no method " + name)
		case arg.Kind() != pyvalue.DictKind:
			unknown()
		default:
			v, _ = updated(v, arg)
			st.assign(v, pos)
		}
	case pyvalue.SetKind:
		switch {
		case name == "add":
			elems, iterable = []pyvalue.Value{arg}, true
			fallthrough
		case name == "update":
			if !iterable || slices.ContainsFunc(elems, unhashable) {
				raises("only what can be hashed goes into a set")
				return
			}
			had, _ := v.Elems()
			st.assign(pyvalue.Set(append(had, elems...)...), pos)
		default:
			raises("a set has no method " + name)
		}
	default:
		raises("a value of type " + v.Kind().TypeName() + " has no method " + name)
	}
}

// record notes a change to an option that the file has not set, as a
// LazyConfigValue does.
func (st *optionState) record(s *step, pos Position, name string, at int64, arg pyvalue.Value, elems []pyvalue.Value) {
	c := st.changes
	switch name {
	case "append":
		c.extend = append(slices.Clip(c.extend), arg)
	case "extend":
		c.extend = append(slices.Clip(c.extend), elems...)
	case "prepend":
		c.prepend = slices.Concat(elems, c.prepend)
	case "insert":
		c.inserts = append(slices.Clip(c.inserts), insertion{at, arg})
	case "add":
		if unhashable(arg) {
			st.doubt(Reason{ReasonRaises, pos, "only what can be hashed goes into a set"})
			return
		}
		arg = pyvalue.Set(arg)
		fallthrough
	case "update":
		if c.update.IsZero() {
			c.update = pyvalue.Set()
			if arg.Kind() == pyvalue.DictKind {
				c.update = pyvalue.Dict()
			}
		}
		var ok bool
		if c.update, ok = updated(c.update, arg); !ok {
			st.doubt(Reason{ReasonComputed, pos, "what is no dict is to update a dict"})
			return
		}
	}
	st.certainty, st.changes, st.pos = Recorded, c, pos
}

// updateSection reads "c.Section.update({…})".
func (s *step) updateSection(p configPath, args [][]py.Token) {
	known := true
	type pair struct {
		name string
		lit  *py.Literal
	}
	var pairs []pair
	for i, arg := range args {
		word, value := s.keyword(arg)
		lit, err := s.literal(value)
		switch {
		case err != nil:
			s.scan(value, false)
			known = false
		case word == "" && i > 0:
			known = false
		case word != "":
			pairs = append(pairs, pair{word, lit})
		case lit.Value.Kind() == pyvalue.DictKind:
			for i, k := range lit.Keys {
				name, ok := k.Value.Str()
				pairs = append(pairs, pair{name, lit.Items[i]})
				known = known && ok
			}
		default:
			known = false
		}
	}
	for _, pr := range pairs {
		known = known && plainName("X", pr.name)
	}
	if !known || s.when != once {
		s.doubtKeys(p, s.reason(ReasonComputed, p.at, "update may set any option of the section"))
		return
	}
	for _, pr := range pairs {
		w := s.writer("update", nil, pr.lit)
		s.write(configPath{section: p.section, name: pr.name, at: pr.lit.Start}, w, func(st *optionState, pos Position) { st.assign(w.Value, pos) })
	}
}

// doubtKeys notes that a call may change any option of a section now.
func (s *step) doubtKeys(p configPath, why Reason) {
	switch {
	case s.local:
	case s.when == whenever:
		sec := s.section(p.section)
		sec.sticky = add(sec.sticky, why)
	default:
		s.doubtSection(p.section, why)
	}
}

// popOption reads "c.Section.pop('name', None)".
func (s *step) popOption(p configPath, toks []py.Token, args [][]py.Token) {
	if len(args) != 1 && len(args) != 2 {
		s.scan(toks, false)
		return
	}
	lit, err := s.literal(args[0])
	if err != nil {
		s.scan(toks, false)
		return
	}
	name, _ := lit.Value.Str()
	if !plainName("X", name) {
		s.scan(toks, false)
		return
	}
	if len(args) == 2 {
		s.scan(args[1], false)
	}
	p.name, p.method = name, ""
	s.write(p, s.writer("pop", nil, nil), func(st *optionState, pos Position) {
		if st.certainty == NotSet && len(args) == 1 {
			st.doubt(Reason{ReasonRaises, pos, "an option that is not set cannot be popped"})
			return
		}
		st.unset(pos)
	})
}
