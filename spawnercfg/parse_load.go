package spawnercfg

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/big"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hubhost/hubhost/spawnercfg/internal/py"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// maxChain bounds sub-configurations of sub-configurations.
const maxChain = 32

// Why a sub-configuration was not followed: the Err of a [SubConfig].
var (
	// ErrNotLiteral is a name that only running the file could tell.
	ErrNotLiteral = errors.New("the name is not a literal")
	// ErrNoTree is that [ParseOptions] has no FS, or no Dir for a relative
	// name.
	ErrNoTree = errors.New("no directory is given to look in")
	// ErrCycle is a file that loads itself.
	ErrCycle = errors.New("loads itself")
)

// loadSubconfig reads a call of load_subconfig.
func (s *step) loadSubconfig(args []py.Token) {
	at := s.stmt().Start()
	sub := SubConfig{Pos: s.f.position(at)}
	sub.File, sub.Err = s.follow(args, &sub)
	if errors.Is(sub.Err, fs.ErrNotExist) {
		sub.Missing, sub.Err = true, nil
	}
	s.f.subs = append(s.f.subs, sub)
	s.f.astray = s.f.astray || sub.File != nil && sub.File.astray
	why := Reason{Code: ReasonSubconfig, Pos: sub.Pos}
	switch {
	case sub.Missing:
		return
	case sub.Err != nil:
		why.Text = "a sub-configuration that is not followed may set it: " + sub.Err.Error()
	case s.when == once:
		s.mergeTable(sub.File.table)
		return
	default:
		why = Reason{ReasonConditional, sub.Pos, "a sub-configuration that sets it is loaded on a condition (" + s.block + ")"}
	}
	if sub.File != nil && len(sub.File.table.base)+len(sub.File.table.sticky)+len(sub.File.table.sections) == 0 {
		for _, r := range sub.File.Readings() {
			st := s.state(key{r.Section, r.Name})
			st.writers = append(st.writers, r.Writers...)
			if s.when == whenever {
				st.sticky = add(st.sticky, why)
			} else {
				st.doubt(why)
			}
		}
		return
	}
	if sub.File != nil {
		// What other code got hold of there, it may have here.
		s.sticky = add(s.sticky, sub.File.table.sticky...)
		for name, sec := range sub.File.table.sections {
			mine := s.section(name)
			mine.sticky = add(mine.sticky, sec.sticky...)
		}
	}
	if s.when == whenever {
		s.sticky = add(s.sticky, why)
	} else {
		s.doubtAll(why)
	}
}

// follow parses the sub-configuration that the arguments name, as traitlets'
// filefind would find it.
func (s *step) follow(args []py.Token, sub *SubConfig) (*File, error) {
	parts := py.Split(s.src, args, ",")
	if len(parts) > 1 && len(parts[len(parts)-1]) == 0 {
		parts = parts[:len(parts)-1]
	}
	words := []string{"fname", "path"}
	names := [2]string{}
	for i, part := range parts {
		word, part := s.keyword(part)
		if i >= len(words) || word != "" && word != words[i] {
			return nil, ErrNotLiteral
		}
		lit, err := s.literal(part)
		if err != nil {
			s.scan(part, false)
			return nil, ErrNotLiteral
		}
		name, ok := lit.Value.Str()
		if !ok && !(lit.Value.IsNone() && i == 1) {
			s.scan(part, false)
			return nil, ErrNotLiteral
		}
		names[i] = name
	}
	// filefind expands these.
	if names[0] == "" || strings.ContainsAny(names[0]+names[1], "$~%'\"\x00") {
		return nil, ErrNotLiteral
	}
	sub.Name = names[0]
	name := names[0]
	if !path.IsAbs(name) {
		name = path.Join(names[1], name)
	}
	if !path.IsAbs(name) {
		if !path.IsAbs(s.opt.Dir) {
			return nil, ErrNoTree
		}
		name = path.Join(s.opt.Dir, name)
	}
	sub.Path = path.Clean(name)
	if s.opt.FS == nil {
		return nil, ErrNoTree
	}
	chain := append(slices.Clip(s.chain), s.opt.Path)
	if slices.Contains(chain, sub.Path) || len(chain) >= maxChain {
		return nil, ErrCycle
	}
	src, err := readFS(s.opt.FS, sub.Path)
	if err != nil {
		return nil, err
	}
	opt := s.opt
	opt.Path = sub.Path
	return parse(src, opt, chain)
}

// readFS reads a file of at most the size that is parsed.
func readFS(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(strings.TrimPrefix(name, "/"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		// filefind passes over what is no file.
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.ReadAll(io.LimitReader(f, py.MaxSize+1))
}

// mergeTable does what Config.merge does with a configuration that was
// loaded on its own.
func (t *table) mergeTable(sub *table) {
	for _, r := range sub.base {
		t.doubtAll(r)
	}
	t.sticky = add(t.sticky, sub.sticky...)
	for name, s := range sub.sections {
		for _, r := range s.base {
			t.doubtSection(name, r)
		}
		sec := t.section(name)
		sec.sticky = add(sec.sticky, s.sticky...)
	}
	for _, k := range sub.order {
		from, st := sub.reading(k), t.state(k)
		st.writers = append(st.writers, from.Writers...)
		st.merge(from)
		// What sticks to the option of the sub-configuration sticks here.
		st.sticky = add(st.sticky, sub.states[k].sticky...)
		st.lent = add(st.lent, sub.states[k].lent...)
	}
}

// readJSON merges the JSON file of the same name, as Application does with
// the two files of one base name.
func (r *reader) readJSON() {
	ext := path.Ext(r.opt.Path)
	if r.opt.FS == nil || !path.IsAbs(r.opt.Path) || ext == ".json" {
		return
	}
	name := strings.TrimSuffix(r.opt.Path, ext) + ".json"
	src, err := readFS(r.opt.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	r.f.json = name
	if err == nil {
		var config *table
		if config, err = parseJSON(src, name); err == nil {
			r.mergeTable(config)
			return
		}
	}
	r.f.astray = true
	r.sticky = add(r.sticky, Reason{ReasonJSON, Position{File: name}, "the JSON file beside the configuration cannot be read: " + err.Error()})
}

// jsonReader reads what traitlets' JSONFileConfigLoader makes of a file.
type jsonReader struct {
	*table
	dec   *json.Decoder
	lines *py.Lines
	name  string
}

func parseJSON(src []byte, name string) (*table, error) {
	switch {
	case len(src) > py.MaxSize:
		return nil, errors.New("larger than 16 MiB")
	case !utf8.Valid(src):
		return nil, errors.New("not valid UTF-8")
	case loneSurrogate(src):
		return nil, errors.New("an escape is a lone surrogate")
	}
	r := &jsonReader{table: newTable(), dec: json.NewDecoder(bytes.NewReader(src)), lines: py.NewLines(src), name: name}
	r.dec.UseNumber()
	if err := r.object(""); err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return r.table, nil
}

// loneSurrogate finds half a pair of UTF-16 in an escape: Python keeps it,
// and no str here can.
func loneSurrogate(src []byte) bool {
	hex := func(i int) uint64 {
		if i+6 > len(src) || src[i] != '\\' || src[i+1] != 'u' {
			return 0
		}
		v, _ := strconv.ParseUint(string(src[i+2:i+6]), 16, 32)
		return v
	}
	for i := 0; i < len(src); i++ {
		if src[i] != '\\' {
			continue
		}
		switch v := hex(i); {
		case v >= 0xd800 && v < 0xdc00:
			if low := hex(i + 6); low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 11
		case v >= 0xdc00 && v < 0xe000:
			return true
		default:
			i++
		}
	}
	return false
}

// object reads the object of a section, or of all sections.
func (r *jsonReader) object(section string) error {
	t, err := r.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%s is no object", cmp.Or(section, "the value"))
	}
	for r.dec.More() {
		t, err := r.dec.Token()
		if err != nil {
			return err
		}
		name := t.(string)
		line, column := r.lines.Position(int(r.dec.InputOffset()) - 1)
		pos := Position{r.name, line, column}
		if sectionName.MatchString(name) {
			if section != "" {
				name = section + "." + name
			}
			// Of two objects under one key only the last counts.
			if err := r.forget(name); err != nil {
				return err
			}
			if err := r.object(name); err != nil {
				return err
			}
			continue
		}
		v, err := r.value(0)
		if err != nil {
			return err
		}
		switch {
		case section == "" && name == "version":
			if one := pyvalue.Int(1); !v.Equal(one) {
				return errors.New("a version other than 1")
			}
		case !optionName.MatchString(name):
			return fmt.Errorf("%q is no name of an option", name)
		default:
			st := r.state(key{section, name})
			st.writers = []Writer{{Option: section + "." + name, Pos: pos, Op: "=", Value: v, Text: strconv.Quote(name) + ": " + v.String()}}
			st.assign(v, pos)
		}
	}
	_, err = r.dec.Token()
	return err
}

func (r *jsonReader) forget(section string) error {
	for _, k := range r.order {
		if k.section == section || strings.HasPrefix(k.section, section+".") {
			return fmt.Errorf("%s is there twice", section)
		}
	}
	return nil
}

// value reads any value.
func (r *jsonReader) value(depth int) (pyvalue.Value, error) {
	if depth > py.MaxDepth {
		return pyvalue.Value{}, errors.New("nested too deeply")
	}
	t, err := r.dec.Token()
	if err != nil {
		return pyvalue.Value{}, err
	}
	switch t := t.(type) {
	case bool:
		return pyvalue.Bool(t), nil
	case string:
		return pyvalue.Str(t), nil
	case json.Number:
		if !strings.ContainsAny(t.String(), ".eE") {
			i, ok := new(big.Int).SetString(t.String(), 10)
			if !ok || len(t) > 4300 {
				return pyvalue.Value{}, errors.New("a number out of range")
			}
			return pyvalue.Big(i), nil
		}
		// Too large a number is infinite, in Python too.
		f, err := strconv.ParseFloat(t.String(), 64)
		if err != nil && !math.IsInf(f, 0) {
			return pyvalue.Value{}, err
		}
		return pyvalue.Float(f), nil
	case json.Delim:
		var list []pyvalue.Value
		var items []pyvalue.Item
		for r.dec.More() {
			var k pyvalue.Value
			if t == '{' {
				name, err := r.dec.Token()
				if err != nil {
					return pyvalue.Value{}, err
				}
				k = pyvalue.Str(name.(string))
			}
			v, err := r.value(depth + 1)
			if err != nil {
				return pyvalue.Value{}, err
			}
			list, items = append(list, v), append(items, pyvalue.Item{Key: k, Value: v})
		}
		if _, err := r.dec.Token(); err != nil {
			return pyvalue.Value{}, err
		}
		if t == '{' {
			return pyvalue.Dict(items...), nil
		}
		return pyvalue.List(list...), nil
	}
	return pyvalue.None(), nil
}
