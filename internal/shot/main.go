// Command shot draws what a program prints to a terminal as an SVG picture,
// for the README:
//
//	go run ./internal/shot -o examples/tour/tour.svg -- go run ./examples/tour
//	go run ./internal/shot -o examples/hubctl/top.svg -title 'hubctl top' -- hubctl top -n 1
//
// The command runs on a pseudo-terminal, so that it shows its colours. Without
// a command what was recorded elsewhere is drawn from standard input. What is
// cut off ends with an ellipsis.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	out := flag.String("o", "", "the `file` to write")
	columns := flag.Int("columns", 100, "the width of the terminal")
	rows := flag.Int("rows", 200, "the most `lines` to draw")
	title := flag.String("title", "", "the command line to draw above the output")
	flag.Parse()
	if err := run(*out, *title, *columns, *rows, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "shot:", err)
		os.Exit(1)
	}
}

func run(out, title string, columns, rows int, command []string) error {
	if out == "" {
		return fmt.Errorf("name the file to write with -o")
	}
	var text []byte
	var err error
	if len(command) == 0 {
		text, err = io.ReadAll(os.Stdin)
	} else {
		text, err = record(command, columns)
		if title == "" {
			title = strings.Join(command, " ")
		}
	}
	if err != nil {
		return err
	}
	lines := wrap(parse(string(text)), columns)
	if len(lines) > rows {
		lines = append(lines[:rows], line{{text: "…"}})
	}
	if title != "" {
		lines = append([]line{{{text: "$ " + title, bold: true}}}, lines...)
	}
	return os.WriteFile(out, draw(lines, columns), 0o644)
}
