package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"

	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
)

// Finding is what the checks of every package look like to a machine.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Option   string `json:"option"`
	Line     int    `json:"line"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
}

// Show writes findings for people, the file's name before each line number.
func Show(out *cli.IO, file string, findings ...Finding) {
	for _, f := range findings {
		style := map[string]cli.Style{"error": cli.Bad, "warning": cli.Warn}[f.Severity]
		place := file
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", file, f.Line)
		}
		if f.Option != "" {
			place = fmt.Sprintf("%s %s", place, f.Option)
		}
		out.Printf("%s %s %s", out.Paint(style, f.Severity), out.Paint(cli.Bold, place), out.Paint(cli.Faint, f.Code))
		out.Printf("    %s", cli.Printable(f.Message))
		if f.Hint != "" {
			out.Printf("    %s", cli.Printable("→ "+f.Hint))
		}
	}
}

// Added returns the findings of a changed configuration that the one before it
// does not have: a hub that runs with a fault can still be changed.
func Added(before, after spawnercfg.Report) spawnercfg.Report {
	type finding struct {
		code            spawnercfg.Code
		option, message string
	}
	known := make(map[finding]bool)
	for _, f := range before {
		known[finding{f.Code, f.Option, f.Message}] = true
	}
	var added spawnercfg.Report
	for _, f := range after {
		if !known[finding{f.Code, f.Option, f.Message}] {
			added = append(added, f)
		}
	}
	return added
}

// FromConfig returns a finding about the hub's configuration at path. Its line
// is one of that file; the place in a file that it loads is told in words.
func FromConfig(path string, f spawnercfg.Finding) Finding {
	found := Finding{
		Code: string(f.Code), Severity: f.Severity.String(), Option: f.Option,
		Line: f.Pos.Line, Message: f.Message, Hint: f.Hint,
	}
	if elsewhere := Elsewhere(path, f.Pos); elsewhere != "" {
		found.Line, found.Message = 0, elsewhere+": "+found.Message
	}
	return found
}

// Elsewhere returns a position if it is not in the file at path but in one that
// this loads, and otherwise nothing.
func Elsewhere(path string, pos spawnercfg.Position) string {
	if pos.Line == 0 || pos.File == path {
		return ""
	}
	return fmt.Sprintf("%s:%d", pos.File, pos.Line)
}

// CheckFailed adds to the error of a check by the hub's Python what to do.
func CheckFailed(err error) error {
	path, _ := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, exec.ErrNotFound), path != nil && path.Op == "fork/exec" && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; where is the hub's Python? --python FILE", err)
	}
	return err
}
