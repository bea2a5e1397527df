package spawnercfg

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg/internal/py"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Why a file is not changed in place: what an [EditError] unwraps to.
var (
	// ErrWriters is an option that is not set by exactly one assignment of a
	// literal, at module level, in this very file.
	ErrWriters = errors.New("is not set by exactly one plain assignment in this file")
	// ErrComments is a value with comments inside that a change would drop.
	ErrComments = errors.New("has comments inside that the change would drop")
)

// EditError is an option that cannot be changed without touching more of the
// file than its value. The drop-in always can: see [DropInPath].
//
//	var edit *spawnercfg.EditError
//	if errors.As(err, &edit) { for _, w := range edit.Writers { … } }
type EditError struct {
	// Option is "Section.name".
	Option string
	// Writers are the statements that set or change the option, of all the
	// files that are loaded.
	Writers []Writer
	// Reasons says why the value is not certain, if it is not.
	Reasons []Reason
	// Err is ErrWriters or ErrComments.
	Err error
}

// Error lists the writers.
func (e *EditError) Error() string {
	var b strings.Builder
	b.WriteString(e.Option + " " + e.Err.Error())
	for i, w := range e.Writers {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, w.Pos, firstLine(w.Text))
	}
	for _, r := range e.Reasons {
		b.WriteString("; " + r.String())
	}
	return b.String()
}

func firstLine(s string) string {
	if first, _, more := strings.Cut(s, "\n"); more {
		return strings.TrimSuffix(first, "\r") + " …"
	}
	return s
}

// Unwrap returns ErrWriters or ErrComments.
func (e *EditError) Unwrap() error { return e.Err }

// Set returns the file with an option set to a value, and every byte outside
// that value as it was. A file that already gives the option this value, as
// its trait understands it, is returned itself: 2147483648 changes nothing
// about '2G'.
//
// An option that nothing sets gets a line of its own: behind the last one of
// its section, or else below the commented default that --generate-config
// wrote for it, or else at the end. In a list, set or dict only the elements
// that differ are touched, so that comments between them stay; one behind a
// removed element goes with it. Those of a set or dict keep the file's order,
// whatever that of v is. Where that is not enough the error is an *[EditError];
// a value that no literal says is an *[OptionError].
func (f *File) Set(section, name string, v pyvalue.Value) (*File, error) {
	s := Setting{Section: section, Name: name, Value: v}
	line, err := s.Python()
	if err != nil {
		return nil, err
	}
	r := f.Read(section, name)
	switch {
	case r.Certainty == Certain && sameSetting(section, name, r.Value, v):
		return f, nil
	case r.Certainty == NotSet && len(r.Writers) == 0:
		return f.edited(s, f.insertion(section, name, line), r)
	case r.Certainty != Certain || len(r.Writers) != 1 || !f.owns(r.Writers[0]) || !r.Writers[0].solo:
		return nil, &EditError{r.Option(), r.Writers, r.Reasons, ErrWriters}
	}
	lit := r.Writers[0].lit
	if e := f.elementwise(lit, v); e != nil {
		if g, err := f.edited(s, e, r); err == nil {
			return g, nil
		}
	}
	if f.hasComment(lit.Start, lit.End) {
		return nil, &EditError{r.Option(), r.Writers, nil, ErrComments}
	}
	text, err := v.AppendPython(nil, "")
	if err != nil {
		return nil, err
	}
	return f.edited(s, []splice{{lit.Start, lit.End, string(text)}}, r)
}

// Unset returns the file without the statement that sets an option, with all
// else as it was; what stands behind the statement in its line goes with it. A
// file that does not set the option is returned itself. The option must have
// one writer, at module level and in this file; otherwise the error is an
// *[EditError].
func (f *File) Unset(section, name string) (*File, error) {
	r := f.Read(section, name)
	if r.Certainty == NotSet && len(r.Writers) == 0 {
		return f, nil
	}
	if len(r.Writers) != 1 || !f.owns(r.Writers[0]) || r.Certainty != Recorded && !r.Writers[0].solo {
		return nil, &EditError{r.Option(), r.Writers, r.Reasons, ErrWriters}
	}
	return f.edited(Setting{Section: section, Name: name}, f.removal(r.Writers[0].stmt), r)
}

// owns reports whether a writer is a statement at the module level of f.
func (f *File) owns(w Writer) bool { return w.file == f && w.Block == "" }

// sameSetting reports whether two values of an option are one for its trait.
func sameSetting(section, name string, v, w pyvalue.Value) bool {
	if v.Identical(w) {
		return true
	}
	t, ok := LookupTrait(section, name)
	if !ok {
		return false
	}
	v, raised := t.Validate(v)
	if raised != nil {
		return false
	}
	w, raised = t.Validate(w)
	return raised == nil && v.Identical(w)
}

// splice replaces the bytes from start to end.
type splice struct {
	start, end int
	text       string
}

// edited applies splices, and makes sure that the file then says what was
// asked for and nothing else than before.
func (f *File) edited(want Setting, splices []splice, was Reading) (*File, error) {
	src, err := f.splice(splices)
	if err != nil {
		return nil, err
	}
	g, err := f.Rewrite(src)
	if err != nil {
		return nil, err
	}
	refused := &EditError{want.Option(), was.Writers, was.Reasons, ErrWriters}
	now := g.Read(want.Section, want.Name)
	if want.Value.IsZero() {
		if now.Certainty != NotSet {
			refused.Reasons = now.Reasons
			return nil, refused
		}
	} else if now.Certainty != Certain || !now.Value.Identical(want.Value) {
		refused.Reasons = now.Reasons
		return nil, refused
	}
	for _, k := range f.table.order {
		if k == (key{want.Section, want.Name}) {
			continue
		}
		before, after := f.table.reading(k), g.table.reading(k)
		if before.Certainty != after.Certainty || !before.Value.Equal(after.Value) {
			return nil, refused
		}
	}
	return g, nil
}

// Rewrite returns a file with another source that is to be installed in the
// place of f: a change on disk since f was read is still [ErrChanged]. The
// error is a *[ParseError].
func (f *File) Rewrite(src []byte) (*File, error) {
	g, err := Parse(src, f.opt)
	if err != nil {
		return nil, err
	}
	g.snapshot = f.snapshot
	return g, nil
}

func (f *File) splice(splices []splice) ([]byte, error) {
	slices.SortStableFunc(splices, func(a, b splice) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, s := range splices {
		if s.start < at || s.end < s.start {
			return nil, errors.New("spawnercfg: overlapping changes")
		}
		out = append(out, f.src[at:s.start]...)
		if eol := f.eol(); eol != "\n" {
			s.text = strings.ReplaceAll(s.text, "\n", eol)
		}
		out = append(out, s.text...)
		at = s.end
	}
	return append(out, f.src[at:]...), nil
}

// eol returns the line end that most lines of the file have.
func (f *File) eol() string {
	crlf := bytes.Count(f.src, []byte("\r\n"))
	if crlf > 0 && 2*crlf > bytes.Count(f.src, []byte("\n")) {
		return "\r\n"
	}
	return "\n"
}

// insertion returns where the line of an option that nothing sets goes.
func (f *File) insertion(section, name, line string) []splice {
	at := len(f.src)
	last := -1
	for _, k := range f.table.order {
		if k.section != section {
			continue
		}
		for _, w := range f.table.states[k].writers {
			if f.owns(w) {
				last = max(last, w.stmt)
			}
		}
	}
	switch {
	case last >= 0:
		at = f.stmts[last].LineEnd
	default:
		if c := f.commentedDefault(section, name); c >= 0 {
			at = c
		}
	}
	return []splice{{at, at, f.separator(at) + line}}
}

// separator returns the line end that a line inserted at an offset needs
// before it.
func (f *File) separator(at int) string {
	if at <= f.bomLen() || f.src[at-1] == '\n' || f.src[at-1] == '\r' {
		return ""
	}
	return "\n"
}

// commentedDefault returns the offset behind the line with the commented
// default of an option, if that stands between statements of the module.
func (f *File) commentedDefault(section, name string) int {
	pattern := regexp.MustCompile(`^#\s*c\.` + section + `\.` + name + `\s*=`)
	for _, c := range f.tokens {
		if c.Kind != py.Comment || !pattern.Match(c.Text(f.src)) {
			continue
		}
		start, end := py.Span(f.src, int(c.Start))
		if start != int(c.Start) {
			continue
		}
		// A comment in column 1 may still be inside of a block, or brackets.
		i, _ := slices.BinarySearchFunc(f.stmts, start, func(s py.Statement, at int) int { return s.Start() - at })
		inside := i > 0 && f.stmts[i-1].LineEnd > start || i < len(f.stmts) && f.stmts[i].Parent >= 0
		if !inside {
			return end
		}
	}
	return -1
}

// removal returns the splice that removes a statement.
func (f *File) removal(i int) []splice {
	s := &f.stmts[i]
	switch {
	case s.Alone:
		start, _ := py.Span(f.src, s.LineStart)
		return []splice{{max(start, f.bomLen()), s.LineEnd, ""}}
	case i+1 < len(f.stmts) && f.stmts[i+1].LineStart == s.LineStart:
		return []splice{{s.Start(), f.stmts[i+1].Start(), ""}}
	}
	return []splice{{f.stmts[i-1].End(), s.End(), ""}}
}

func (f *File) bomLen() int {
	if bytes.HasPrefix(f.src, []byte("\ufeff")) {
		return len("\ufeff")
	}
	return 0
}

func (f *File) hasComment(start, end int) bool {
	i, _ := slices.BinarySearchFunc(f.tokens, start, func(t py.Token, at int) int { return int(t.Start) - at })
	for ; i < len(f.tokens) && int(f.tokens[i].Start) < end; i++ {
		if f.tokens[i].Kind == py.Comment {
			return true
		}
	}
	return false
}

// DropInPath returns where the machine-owned part of a configuration is kept:
// for /opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py it is
// jupyterhub_config.d/50-spawnercfg.py in that folder.
//
// A drop-in is a file of its own that programs alone write, loaded by one line
// at the end of the administrator's file, so that it has the last word. It can
// set what an edit in place cannot:
//
//	dropIn, err := spawnercfg.ReadDropIn(spawnercfg.DropInPath(config.Path()))
//	dropIn, err = dropIn.Set("SystemdSpawner", "mem_limit", spawnercfg.StrValue("2G"))
//	err = dropIn.Install(ctx, spawnercfg.InstallOptions{})
//	config, err = config.Include(dropIn.Path())
//	err = config.Install(ctx, spawnercfg.InstallOptions{})
func DropInPath(config string) string {
	return path.Join(strings.TrimSuffix(config, path.Ext(config))+".d", "50-spawnercfg.py")
}

// Include returns the file with one line at its end that loads a drop-in by
// its absolute path. A file whose last statement does so already is returned
// itself; an earlier line is moved. It is an *[EditError] where the line might
// not be run, or load_subconfig be another; code that has got hold of c is no
// hindrance.
func (f *File) Include(dropIn string) (*File, error) {
	if !path.IsAbs(dropIn) || path.Clean(dropIn) != dropIn || strings.ContainsAny(dropIn, "$~%'\"") {
		// traitlets expands the first three, and strips quotes.
		return nil, fmt.Errorf("spawnercfg: %q is no plain absolute path", dropIn)
	}
	if f.astray {
		return nil, &EditError{Option: "load_subconfig", Reasons: f.Reasons(), Err: ErrWriters}
	}
	name, err := pyvalue.Str(dropIn).Python()
	if err != nil {
		return nil, err
	}
	var splices []splice
	for i := range f.stmts {
		s := &f.stmts[i]
		if s.Parent >= 0 || !f.loads(s, dropIn) {
			continue
		}
		if i == len(f.stmts)-1 {
			return f, nil
		}
		splices = append(splices, f.removal(i)...)
	}
	line := "load_subconfig(" + name + ")\n"
	end := len(f.src)
	src, err := f.splice(append(splices, splice{end, end, f.separator(end) + line}))
	if err != nil {
		return nil, err
	}
	return f.Rewrite(src)
}

// loads reports whether a statement is load_subconfig('name').
func (f *File) loads(s *py.Statement, name string) bool {
	t := s.Tokens
	if len(t) != 4 || !t[0].Is(f.src, "load_subconfig") || !t[1].Is(f.src, "(") {
		return false
	}
	lit, err := py.Eval(f.src, t[2:3])
	return err == nil && lit.Value.Equal(pyvalue.Str(name))
}
