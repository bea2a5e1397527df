package spawnercfg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hubhost/hubhost/internal/atomicfile"
	"github.com/hubhost/hubhost/spawnercfg/internal/py"
)

// File is a jupyterhub_config.py as it was written by hand, and what it says.
// It keeps every byte: a File is never printed, only changed in places.
//
// A File does not change and may be used by several goroutines at once.
type File struct {
	path     string
	opt      ParseOptions
	src      []byte
	snapshot *atomicfile.Snapshot
	stmts    []py.Statement
	tokens   []py.Token
	lines    *py.Lines // used while parsing alone: it keeps its place
	table    *table
	subs     []SubConfig
	json     string
	// astray says that a line at the end may not be run, or be about another
	// load_subconfig.
	astray bool
}

// ParseOptions says what stands around a file that is parsed. The zero value
// knows nothing but the text.
type ParseOptions struct {
	// Path is the absolute path of the file. It stands in positions, and the
	// JSON file that traitlets loads beside it is found by it.
	Path string
	// FS is the tree, from the root directory, in which sub-configurations
	// and the JSON file are found: os.DirFS("/"). With nil nothing is looked
	// for: load_subconfig leaves every option uncertain that it could change,
	// and no JSON file counts.
	FS fs.FS
	// Dir is the working directory of the hub, to which traitlets takes the
	// relative names of sub-configurations. With "" those are not followed.
	Dir string
}

// ParseError is a file that cannot be read as Python source. The hub does not
// start with it either, but for a few files that this package alone refuses:
// another encoding than UTF-8, more than 16 MiB, nesting deeper than 100.
//
//	var bad *spawnercfg.ParseError
//	if errors.As(err, &bad) { fmt.Println(bad.Pos) }
type ParseError struct {
	Pos Position
	Msg string // what Python would say, or this package
}

// Error returns the place and what is wrong there.
func (e *ParseError) Error() string {
	if pos := e.Pos.String(); pos != "" {
		return pos + ": " + e.Msg
	}
	return e.Msg
}

// Parse reads Python source and executes none of it. The only errors are of
// type *[ParseError]; what is Python but not understood leaves options
// uncertain instead.
func Parse(src []byte, opt ParseOptions) (*File, error) {
	return parse(src, opt, nil)
}

// ReadFile reads and parses the file at a path, through symbolic links, with
// the sub-configurations and the JSON file beside it. Relative names of
// sub-configurations are taken from dir, the hub's working directory; see
// [ParseOptions.Dir]. Only a File from here can be installed.
func ReadFile(path, dir string) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	target, err := atomicfile.Resolve(path)
	if err != nil {
		return nil, err
	}
	src, snapshot, err := atomicfile.Read(target, py.MaxSize)
	if err != nil {
		return nil, err
	}
	f, err := Parse(src, ParseOptions{Path: path, FS: os.DirFS("/"), Dir: dir})
	if err != nil {
		return nil, err
	}
	f.snapshot = &snapshot
	return f, nil
}

// parse parses a file that the files of chain are loading.
func parse(src []byte, opt ParseOptions, chain []string) (*File, error) {
	f := &File{path: opt.Path, opt: opt, src: src}
	f.lines = py.NewLines(src)
	if err := py.CheckEncoding(src); err != nil {
		return nil, f.parseError(err)
	}
	toks, err := py.Tokenize(src)
	if err != nil {
		return nil, f.parseError(err)
	}
	f.tokens = toks
	f.stmts = py.Statements(src, toks)
	r := newReader(f, opt, chain)
	r.run()
	f.table = r.table
	return f, nil
}

func (f *File) parseError(err error) error {
	var at *py.Error
	if !errors.As(err, &at) {
		return err
	}
	msg := at.Msg
	if looksLikeTemplate(f.src) {
		msg += " (this looks like a template that has yet to be filled in)"
	}
	return &ParseError{Pos: f.position(at.Offset), Msg: msg}
}

// looksLikeTemplate finds lines that begin with a directive of Jinja or ERB.
func looksLikeTemplate(src []byte) bool {
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "{%") || strings.HasPrefix(line, "<%") {
			return true
		}
	}
	return false
}

func (f *File) position(offset int) Position {
	line, column := f.lines.Position(offset)
	return Position{File: f.path, Line: line, Column: column}
}

// Path returns the path that the file was read from, or the empty string.
func (f *File) Path() string { return f.path }

// Bytes returns the source, byte for byte.
func (f *File) Bytes() []byte { return append([]byte(nil), f.src...) }

// SubConfig is a call of load_subconfig.
type SubConfig struct {
	// Name is the argument as it is written, and Path the absolute path that
	// it leads to; both are empty where they are not literals.
	Name, Path string
	// Pos is where the call is.
	Pos Position
	// Missing says that there is no such file, which traitlets passes over in
	// silence.
	Missing bool
	// File is the sub-configuration, nil if it was not followed.
	File *File
	// Err says why it was not followed.
	Err error
}

// SubConfigs returns the calls of load_subconfig in order, those of followed
// sub-configurations not included.
func (f *File) SubConfigs() []SubConfig { return append([]SubConfig(nil), f.subs...) }

// JSONPath returns the path of the JSON file that traitlets loads after this
// one because it stands beside it under the same name, or the empty string if
// there is none. What it sets has the last word.
func (f *File) JSONPath() string { return f.json }

// Reasons returns what keeps every option of the file from being certain: the
// configuration object handed to code that is not known, exec and the like.
func (f *File) Reasons() []Reason {
	return append(append([]Reason(nil), f.table.sticky...), f.table.base...)
}

// Options reads the file into typed options. The error joins an *[OptionError]
// for every option that is not certain or does not fit its field; the options
// hold the rest.
func (f *File) Options() (Options, error) { return FromSettings(f.Settings()) }

// ReasonCode names why a value is not certain. It does not change from one
// version to the next.
type ReasonCode string

// The reasons.
const (
	// ReasonConditional is a writer inside an if, a loop, a try, a with, a
	// function or a class.
	ReasonConditional ReasonCode = "conditional"
	// ReasonComputed is a value that only running the file could tell.
	ReasonComputed ReasonCode = "computed"
	// ReasonAliased is a list, dict or set that has a second name, through
	// which it may change.
	ReasonAliased ReasonCode = "aliased"
	// ReasonHandedOn is the configuration object given to other code, or
	// given another name.
	ReasonHandedOn ReasonCode = "handed-on"
	// ReasonExec is exec, eval or another way to reach c without its name.
	ReasonExec ReasonCode = "exec"
	// ReasonSubconfig is a sub-configuration that could not be followed.
	ReasonSubconfig ReasonCode = "subconfig-not-followed"
	// ReasonShadowed is a get_config that is not the one that traitlets
	// provides to the file.
	ReasonShadowed ReasonCode = "get-config-shadowed"
	// ReasonSeveralWriters is an option with more than one writer.
	ReasonSeveralWriters ReasonCode = "several-writers"
	// ReasonRaises is a statement that raises an exception, with which the
	// hub does not start.
	ReasonRaises ReasonCode = "raises"
	// ReasonNotPython is a statement that is no Python, such as a directive
	// of a template.
	ReasonNotPython ReasonCode = "not-python"
	// ReasonJSON is a JSON file beside this one that cannot be read.
	ReasonJSON ReasonCode = "json"
)

// Reason is why a value is not certain.
type Reason struct {
	Code ReasonCode
	Pos  Position
	// Text says it in words.
	Text string
}

// String returns the position and the words.
func (r Reason) String() string {
	if pos := r.Pos.String(); pos != "" {
		return fmt.Sprintf("%s: %s", pos, r.Text)
	}
	return r.Text
}
