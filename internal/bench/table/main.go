// Command table runs the benchmarks and prints the README's table of what is
// measured against whom.
//
//	go run ./table                        on standard output
//	go run ./table -w ../../README.md     between the marks in that file
//	go run ./table -tags sdjournal        with the peer that needs cgo and libsystemd-dev
//
// It takes a few minutes and wants root, systemd-journal-remote and strace;
// every row's two sides are of one run.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"golang.org/x/perf/benchfmt"
)

func main() {
	file := flag.String("w", "", "write the table into this `file`, between its marks")
	tags := flag.String("tags", "", "build `tags`: sdjournal")
	entries := flag.Int("entries", 500_000, "how many `entries` the journal has")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *file, *tags, *entries)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file, tags string, entries int) error {
	var readme []byte
	if file != "" {
		var err error
		if readme, err = os.ReadFile(file); err != nil {
			return err
		}
		if _, err := replace(readme, nil); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	f := figures{}
	for _, args := range [][]string{
		{"."},
		{"./journal", "-args", fmt.Sprintf("-journal.entries=%d", entries)},
	} {
		if err := f.measure(ctx, append([]string{"test", "-tags", tags, "-run", "^$", "-bench", "."}, args...)); err != nil {
			return err
		}
	}
	table, err := render(f)
	if err != nil {
		return err
	}
	if file == "" {
		_, err := os.Stdout.Write(table)
		return err
	}
	if readme, err = replace(readme, table); err != nil {
		return err
	}
	return os.WriteFile(file, readme, 0o644)
}

// figures are the values of benchmarks by name and unit.
type figures map[string]map[string]float64

func (f figures) measure(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := f.read(io.TeeReader(out, os.Stderr)); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// read takes what go test -bench prints.
func (f figures) read(r io.Reader) error {
	results := benchfmt.NewReader(r, "go test")
	for results.Scan() {
		result, ok := results.Result().(*benchfmt.Result)
		if !ok {
			continue // the BENCH lines that are meant for people
		}
		name := benchmark(result.Name)
		if f[name] == nil {
			f[name] = map[string]float64{}
		}
		for _, v := range result.Values {
			if v.OrigUnit != "" {
				v.Unit, v.Value = v.OrigUnit, v.OrigValue
			}
			f[name][v.Unit] = v.Value
		}
	}
	return results.Err()
}

// benchmark is a name without the number of CPUs at its end.
func benchmark(n benchfmt.Name) string {
	base, parts := n.Parts()
	if last := len(parts) - 1; last >= 0 && parts[last][0] == '-' {
		parts = parts[:last]
	}
	return string(base) + string(bytes.Join(parts, nil))
}
