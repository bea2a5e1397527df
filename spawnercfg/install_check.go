package spawnercfg

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Check has the hub's own Python judge the file as it is here, before it is
// installed:
//
//	result, err := f.Check(ctx, spawnercfg.Checker{Python: "/opt/jupyterhub/bin/python"})
//	if err == nil {
//		err = result.Report.Err()
//	}
//
// It executes the source, as [Checker.Check] says: from a copy under the same
// name, in a folder that nobody else can enter and that is removed again, with
// a copy of the JSON file that stands beside the original. Code that looks at
// __file__ sees that folder. A Checker without Dir runs in the original's.
func (f *File) Check(ctx context.Context, c Checker) (CheckResult, error) {
	fail := func(err error) (CheckResult, error) {
		return CheckResult{}, fmt.Errorf("spawnercfg: check %s: %w", f.path, err)
	}
	// 0700, and the files 0600: a configuration holds secrets.
	dir, err := os.MkdirTemp("", "spawnercfg-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	name := "jupyterhub_config.py"
	if f.path != "" {
		name = filepath.Base(f.path)
		if c.Dir == "" {
			c.Dir = filepath.Dir(f.path)
		}
	}
	copied := filepath.Join(dir, name)
	if err := os.WriteFile(copied, f.src, 0o600); err != nil {
		return fail(err)
	}
	if f.json != "" {
		src, err := readFS(f.opt.FS, f.json)
		if err != nil {
			return fail(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.json)), src, 0o600); err != nil {
			return fail(err)
		}
	}
	result, err := c.Check(ctx, copied)
	if err != nil {
		return CheckResult{}, err
	}
	result.Report = f.Place(result.Report)
	original := filepath.Dir(f.path)
	for i := range result.Report {
		r := &result.Report[i]
		r.Message = strings.ReplaceAll(r.Message, dir, original)
	}
	return result, nil
}

// Place returns what [Checker.Check] found in a file of this content with the
// places in this one. The hub's Python sees values and no lines: what it says
// of an option stands where the option was given last.
func (f *File) Place(found Report) Report {
	placed := slices.Clone(found)
	for i := range placed {
		p := &placed[i]
		p.Pos.File = f.path
		if p.Pos.Line > 0 || p.Option == "" {
			continue
		}
		if at := slices.IndexFunc(f.table.order, func(k key) bool {
			return p.Option == k.section+"."+k.name || p.Option == k.section
		}); at >= 0 {
			p.Pos = f.table.reading(f.table.order[at]).Pos
		}
	}
	return placed
}
