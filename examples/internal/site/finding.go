package site

import (
	"fmt"

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
func Show(out *cli.IO, file string, findings []Finding) {
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

// FromConfig returns a finding about the hub's configuration.
func FromConfig(f spawnercfg.Finding) Finding {
	return Finding{
		Code: string(f.Code), Severity: f.Severity.String(), Option: f.Option,
		Line: f.Pos.Line, Message: f.Message, Hint: f.Hint,
	}
}
