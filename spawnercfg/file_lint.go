package spawnercfg

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Codes of [File.Lint] beside those of [Lint].
const (
	// CodeSectionCase is an option of c itself, such as c.systemdspawner,
	// which no class reads.
	CodeSectionCase Code = "lower-case-section"
	// CodeGetConfig is a get_config of the file's own: what is set through it
	// is lost.
	CodeGetConfig Code = "get-config-shadowed"
	// CodeNotPython is a statement that is no Python, such as a directive of a
	// template that is still to be filled in.
	CodeNotPython Code = "not-python"
	// CodeSubconfigMissing is a load_subconfig of a file that is not there.
	CodeSubconfigMissing Code = "subconfig-missing"
	// CodeSubconfigRelative is a load_subconfig of a relative path.
	CodeSubconfigRelative Code = "subconfig-relative"
	// CodeSubconfigUnread is a load_subconfig that could not be followed.
	CodeSubconfigUnread Code = "subconfig-not-followed"
	// CodeAssignedTwice is an option whose earlier value a later one replaces.
	CodeAssignedTwice Code = "assigned-twice"
)

// Lint judges the file and all that it loads: what [Lint] finds in its
// settings, and what only the file shows. Positions say in which file a
// finding is.
func (f *File) Lint() Report {
	report := f.lintFile()
	return append(report, lint(f.Settings(), func(section, name string) string {
		if r := f.Read(section, name); r.Certainty == NotCertain {
			return r.Reasons[0].String()
		}
		return ""
	})...)
}

func (f *File) lintFile() (report Report) {
	here := Position{File: f.path}
	if ext := filepath.Ext(f.path); f.path != "" && ext != ".py" {
		report = append(report, Finding{Code: CodeConfigNotRead, Severity: Warning, Pos: here, Hint: "give it a name that ends in .py",
			Message: fmt.Sprintf("given to the hub by -f, %s is read in its place: the hub changes the ending", strings.TrimSuffix(filepath.Base(f.path), ext)+".py")})
	}
	everywhere := f.Reasons()
	for _, name := range sortedKeys(f.table.sections) {
		everywhere = append(append(everywhere, f.table.sections[name].sticky...), f.table.sections[name].base...)
	}
	reasons := slices.Clone(everywhere)
	for _, r := range f.Readings() {
		reasons = append(reasons, r.Reasons...)
	}
	seen := map[Position]bool{}
	for i, r := range reasons {
		finding := Finding{Severity: Error, Pos: r.Pos, Message: r.Text}
		switch r.Code {
		case ReasonRaises:
			finding.Code, finding.Message = CodeConfigRaises, "the hub does not start: "+r.Text
		case ReasonShadowed:
			finding.Code, finding.Hint = CodeGetConfig, "leave get_config as it is, or out: c is there before the first line"
		case ReasonNotPython:
			finding.Code = CodeNotPython
		case ReasonSubconfig, ReasonConditional:
			continue // below, or with the option
		default:
			if i >= len(everywhere) {
				continue // with the option
			}
			finding.Code, finding.Severity, finding.Message = CodeUnsure, Info, "options that stand nowhere else are not judged: "+r.Text
		}
		if !seen[r.Pos] {
			seen[r.Pos] = true
			report = append(report, finding)
		}
	}
	for _, s := range f.SubConfigs() {
		finding := Finding{Severity: Warning, Pos: s.Pos}
		switch {
		case s.Missing:
			finding.Code = CodeSubconfigMissing
			finding.Message = fmt.Sprintf("%s is not there: traitlets passes over it without a word", s.Name)
		case s.Name != "" && !filepath.IsAbs(s.Name):
			finding.Code, finding.Hint = CodeSubconfigRelative, "write the whole path"
			finding.Message = fmt.Sprintf("%s is looked for in the directory that the hub is in, not beside this file", s.Name)
		case s.Err != nil:
			finding.Code, finding.Severity = CodeSubconfigUnread, Info
			finding.Message = fmt.Sprintf("not followed, so that options may have other values: %v", s.Err)
		default:
			continue
		}
		report = append(report, finding)
	}
	for _, r := range f.Readings() {
		report = append(report, f.lintReading(r)...)
	}
	return report
}

func (f *File) lintReading(r Reading) (report Report) {
	if r.Section == "" {
		var candidates []string
		for _, t := range hubTraits {
			candidates = append(candidates, t.Section)
		}
		finding := Finding{Code: CodeSectionCase, Severity: Warning, Option: r.Name, Pos: r.Pos,
			Message: fmt.Sprintf("c.%s is no section, for want of a capital letter: no class reads it", r.Name)}
		if len(r.Writers) > 0 {
			finding.Pos = r.Writers[0].Pos
		}
		if near := nearest(r.Name, candidates); near != "" {
			finding.Severity, finding.Hint = Error, "write c."+near
		}
		return Report{finding}
	}
	for i, w := range r.Writers {
		later := r.Writers[i+1:]
		if w.Op != "=" || len(later) == 0 {
			continue
		}
		next := later[len(later)-1]
		switch {
		case next.Pos.File != "" && next.Pos.File == f.json && w.Pos.File != f.json:
			report = append(report, Finding{Code: CodeJSONOverrides, Severity: Warning, Option: r.Option(), Pos: w.Pos,
				Message: "the JSON file beside this one has the last word: " + next.Pos.String()})
		case next.Op == "=" && w.Block == "" && next.Block == "":
			report = append(report, Finding{Code: CodeAssignedTwice, Severity: Info, Option: r.Option(), Pos: w.Pos,
				Message: "it is given another value at " + next.Pos.String()})
		}
	}
	return report
}
