package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// result is one line of the final table.
type result struct {
	pkg, test string
	verdict   verdict
	seconds   float64
	note      string // why the verdict is not simply that of the test
}

type verdict string

const (
	pass verdict = "ok"
	fail verdict = "FAIL"
	skip verdict = "skip"
)

// excused is the one reason for which a test of this tier may be skipped; its
// text is that of internal/testenv.
var excused = regexp.MustCompile(`host \S+ has no \S`)

// judge reads what a test binary printed (with -test.v=test2json) and how it
// ended, and gives each of the selected tests its result.
func judge(ctx context.Context, p testPackage, output []byte, exit string) ([]result, error) {
	events, err := test2json(ctx, p.path, output)
	if err != nil {
		return nil, err
	}
	type state struct {
		verdict verdict
		seconds float64
		said    strings.Builder
	}
	states := map[string]*state{}
	unexcused := map[string]string{} // top-level test to the subtest that was skipped
	for _, e := range events {
		if e.Test == "" {
			continue
		}
		s := states[e.Test]
		if s == nil {
			s = new(state)
			states[e.Test] = s
		}
		switch e.Action {
		case "output":
			s.said.WriteString(e.Output)
		case "pass":
			s.verdict, s.seconds = pass, e.Elapsed
		case "fail":
			s.verdict, s.seconds = fail, e.Elapsed
		case "skip":
			s.verdict, s.seconds = skip, e.Elapsed
			if !excused.MatchString(s.said.String()) {
				top, _, _ := strings.Cut(e.Test, "/")
				unexcused[top] = e.Test
			}
		}
	}
	var results []result
	for _, name := range p.tests {
		r := result{pkg: p.dir, test: name, verdict: fail, note: "did not end"}
		if s := states[name]; s != nil && s.verdict != "" {
			r.verdict, r.seconds, r.note = s.verdict, s.seconds, ""
		}
		if sub, ok := unexcused[name]; ok {
			r.verdict, r.note = fail, sub+" was skipped, which nothing excuses"
		}
		results = append(results, r)
	}
	failed := slices.ContainsFunc(results, func(r result) bool { return r.verdict == fail })
	if exit != "" && !failed {
		results = append(results, result{pkg: p.dir, test: "(binary)", verdict: fail, note: exit})
	}
	return results, nil
}

// testEvent is the part of a test2json event that counts here.
type testEvent struct {
	Action, Test, Output string
	Elapsed              float64
}

func test2json(ctx context.Context, pkg string, output []byte) ([]testEvent, error) {
	cmd := command(ctx, "go", "tool", "test2json", "-t", "-p", pkg)
	cmd.Stdin = bytes.NewReader(output)
	out, err := outputOf(cmd)
	if err != nil {
		return nil, err
	}
	var events []testEvent
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var e testEvent
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
}

// writeTable prints the results and says how many tests failed.
func writeTable(w io.Writer, results []result) (failures int, err error) {
	slices.SortStableFunc(results, func(a, b result) int { return cmp.Compare(a.pkg, b.pkg) })
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "package\ttest\tresult\tseconds")
	for _, r := range results {
		if r.verdict == fail {
			failures++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%7.2f", r.pkg, r.test, r.verdict, r.seconds)
		if r.note != "" {
			fmt.Fprintf(table, "\t%s", r.note)
		}
		fmt.Fprintln(table)
	}
	return failures, table.Flush()
}
