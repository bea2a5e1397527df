package spawnercfg

import (
	"slices"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg/internal/py"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// configPath is an expression that begins with c: c.Section.option and whatever
// follows.
type configPath struct {
	at      int // offset of the c
	section string
	name    string
	rest    []segment
	// method is the method of Config that the path ends in, before rest.
	method string
	// bad says that the path reaches something else than sections and
	// options: Python's own attributes, or a name that is computed.
	bad bool
}

type segment struct {
	text string
	item bool // ["text"], not .text
}

// configMethods are the attributes that a Config has itself: reading one of
// these gives no option.
var configMethods = []string{
	"_ensure_subconfig", "_has_section", "_merge", "clear", "collisions", "copy", "fromkeys", "get", "has_key",
	"items", "keys", "merge", "pop", "popitem", "setdefault", "update", "values",
}

// bare reports whether the path is c alone.
func (p configPath) bare() bool { return p.section == "" && p.name == "" && p.method == "" && !p.bad }

// path reads the longest path whose c is token i, and returns the index of
// the token behind it.
func (r *reader) path(toks []py.Token, i int) (p configPath, end int) {
	p.at = int(toks[i].Start)
	for i++; i < len(toks); {
		var seg segment
		switch {
		case toks[i].Is(r.src, ".") && i+1 < len(toks) && toks[i+1].Kind == py.Name:
			seg.text = string(toks[i+1].Text(r.src))
			i += 2
		case toks[i].Is(r.src, "[") && i+2 < len(toks) && toks[i+1].Kind == py.String && toks[i+2].Is(r.src, "]"):
			lit, err := py.Eval(r.src, toks[i+1:i+2])
			if err != nil || lit.Value.Kind() != pyvalue.StrKind {
				p.bad = p.bad || p.name == ""
				return p, i
			}
			seg = segment{lit.Value.Text(), true}
			i += 3
		default:
			// A computed subscript of c or a section may be any of its names.
			p.bad = p.bad || p.name == "" && p.method == "" && toks[i].Is(r.src, "[")
			return p, i
		}
		p.add(seg)
	}
	return p, i
}

func (p *configPath) add(seg segment) {
	switch {
	case p.name != "" || p.method != "":
		p.rest = append(p.rest, seg)
	case strings.HasPrefix(seg.text, "__"):
		p.bad = true
	case isName(seg.text) && seg.text[0] >= 'A' && seg.text[0] <= 'Z':
		if p.section != "" {
			p.section += "."
		}
		p.section += seg.text
	case !seg.item && slices.Contains(configMethods, seg.text):
		p.method = seg.text
	case isName(seg.text) && !(seg.text[0] >= '0' && seg.text[0] <= '9'):
		p.name = seg.text
	default:
		p.bad = true
	}
}

// isName reports whether s is made of ASCII letters, digits and underscores.
func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != ""
}

// wholePath reads tokens that are a path and nothing else.
func (r *reader) wholePath(toks []py.Token) (configPath, bool) {
	if len(toks) == 0 || !toks[0].Is(r.src, "c") {
		return configPath{}, false
	}
	p, end := r.path(toks, 0)
	return p, end == len(toks)
}

// scan notes what an expression may do with the configuration that is not
// understood. In one that only reads, a value that cannot change in place
// stays what it is; may bind says that a path in it may be assigned to.
func (s *step) scan(toks []py.Token, mayBind bool) {
	for _, t := range toks {
		// A comprehension assigns to its targets, and a lambda is called at
		// any time.
		if t.Kind == py.Name && s.oneOf(t, "for", "lambda", "as") {
			mayBind = true
		}
	}
	depth := 0
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		depth += py.Nesting(s.src, t)
		if t.Kind != py.Name || i > 0 && toks[i-1].Is(s.src, ".") {
			if t.Is(s.src, "_exit") || t.Is(s.src, "exit") || t.Is(s.src, "abort") {
				s.leave(t)
			}
			continue
		}
		switch string(t.Text(s.src)) {
		case "c":
			// The name of a keyword argument.
			if depth > 0 && i+1 < len(toks) && toks[i+1].Is(s.src, "=") && i > 0 && s.oneOf(toks[i-1], "(", ",") {
				continue
			}
			p, end := s.path(toks, i)
			s.touch(p, mayBind)
			i = end - 1
		case "get_config":
			s.stick(ReasonHandedOn, int(t.Start), "the configuration gets a second name")
		case "load_subconfig":
			s.stick(ReasonSubconfig, int(t.Start), "load_subconfig is handed on")
		case "exit", "quit":
			s.leave(t)
		}
	}
}

// touch notes that a path is used in a way that is not understood.
func (s *step) touch(p configPath, mayBind bool) {
	if s.local {
		return
	}
	switch {
	case p.bad, p.section == "" && p.name == "":
		s.stick(ReasonHandedOn, p.at, "c is handed to code that may change any option")
	case p.name == "":
		sec := s.section(p.section)
		sec.sticky = add(sec.sticky, s.reason(ReasonHandedOn, p.at, "the section is handed to code that may change any option of it"))
	default:
		st := s.state(key{p.section, p.name})
		why := s.reason(ReasonAliased, p.at, "it is used here in a way that may change it")
		switch {
		case mayBind && s.when == whenever, mayBind && s.defers():
			st.sticky = add(st.sticky, why)
		case s.when == whenever:
			st.lent = add(st.lent, why)
		case mayBind || st.changeable():
			st.doubt(why)
		}
	}
}

// defers reports whether part of the statement runs later than the rest: the
// body of a lambda, or a generator.
func (s *step) defers() bool {
	var open []byte
	for _, t := range s.stmt().Tokens {
		switch n := py.Nesting(s.src, t); {
		case n > 0:
			open = append(open, s.src[t.Start])
		case n < 0:
			open = open[:len(open)-1]
		case t.Is(s.src, "lambda"), t.Is(s.src, "for") && len(open) > 0 && open[len(open)-1] == '(':
			return true
		}
	}
	return false
}
