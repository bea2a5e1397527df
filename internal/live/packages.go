package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// testPackage is a package of the module with tests of this tier.
type testPackage struct {
	path  string   // import path
	dir   string   // directory in the module
	tests []string // the selected tests, sorted
	rest  string   // what -run says of their subtests
}

// findTests lists the packages that match the patterns and have a TestLive…
// function which -run selects. It reads the files and compiles nothing.
func findTests(ctx context.Context, root string, patterns []string, runFlag string) ([]testPackage, error) {
	top, rest, _ := strings.Cut(runFlag, "/")
	selected, err := regexp.Compile(top)
	if err != nil {
		return nil, usage(fmt.Errorf("-run: %w", err))
	}
	listed, err := goList(ctx, root, patterns...)
	if err != nil {
		return nil, err
	}
	var found []testPackage
	for _, l := range listed {
		var tests []string
		for _, file := range slices.Concat(l.TestGoFiles, l.XTestGoFiles) {
			names, err := liveTests(filepath.Join(l.Dir, file))
			if err != nil {
				return nil, err
			}
			tests = append(tests, names...)
		}
		tests = slices.DeleteFunc(tests, func(name string) bool { return !selected.MatchString(name) })
		if len(tests) == 0 {
			continue
		}
		slices.Sort(tests)
		dir, err := filepath.Rel(root, l.Dir)
		if err != nil {
			return nil, err
		}
		found = append(found, testPackage{path: l.ImportPath, dir: filepath.ToSlash(dir), tests: tests, rest: rest})
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no TestLive… function of %s matches -run %q", strings.Join(patterns, " "), runFlag)
	}
	return found, nil
}

// runExpr is the -test.run that runs the package's selected tests and no
// other.
func (p testPackage) runExpr() string {
	expr := "^(" + strings.Join(p.tests, "|") + ")$"
	if p.rest != "" {
		expr += "/" + p.rest
	}
	return expr
}

// liveTests lists the test functions of a file that belong to this tier.
func liveTests(file string) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "TestLive") && takesT(fn) {
			names = append(names, fn.Name.Name)
		}
	}
	return names, nil
}

// takesT says whether fn has the one parameter *testing.T of a test.
func takesT(fn *ast.FuncDecl) bool {
	params := fn.Type.Params.List
	if len(params) != 1 || len(params[0].Names) != 1 {
		return false
	}
	ptr, ok := params[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := ptr.X.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "T"
}

type listedPackage struct {
	ImportPath, Dir, Name     string
	TestGoFiles, XTestGoFiles []string
}

func goList(ctx context.Context, root string, patterns ...string) ([]listedPackage, error) {
	args := append([]string{"list", "-json=ImportPath,Dir,Name,TestGoFiles,XTestGoFiles", "--"}, patterns...)
	cmd := command(ctx, "go", args...)
	cmd.Dir, cmd.Env = root, guestEnv()
	out, err := outputOf(cmd)
	if err != nil {
		return nil, err
	}
	var listed []listedPackage
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var l listedPackage
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return listed, nil
		} else if err != nil {
			return nil, err
		}
		listed = append(listed, l)
	}
}

// guestEnv is the environment that builds for the guest. Without cgo the
// binaries need no library of its.
func guestEnv() []string {
	return append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
}

// moduleRoot is the directory of this module's go.mod.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := outputOf(command(ctx, "go", "list", "-m", "-f={{.Path}} {{.Dir}}"))
	if err != nil {
		return "", err
	}
	path, dir, _ := strings.Cut(strings.TrimSpace(out), " ")
	if path != "github.com/hubhost/hubhost" {
		return "", usage(fmt.Errorf("run it inside the module github.com/hubhost/hubhost, not %s", path))
	}
	return dir, nil
}
