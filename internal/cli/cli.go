// Package cli holds the habits that the programs under examples share: flags
// anywhere on the line, help with an example for each command, one-line errors
// that say what to do, exit status 0, 1 or 2, tables for people and JSON for
// machines. It is a leaf package: it knows nothing of hubs.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// App is a program.
type App struct {
	Name     string
	Summary  string
	Commands []*Command // one Command without a name makes a program without commands
}

// Command is one thing that a program does.
type Command struct {
	Name    string
	Args    string // the positional arguments, as help shows them: "FILE OPTION=VALUE…"
	Summary string
	Example string // complete command lines, one a line

	// Setup registers the command's flags and returns what runs after they
	// are parsed.
	Setup func(*flag.FlagSet) Run
}

// Run does the work of a command with its positional arguments. An error made
// by [Usage] ends the program with status 2, any other with 1.
type Run func(ctx context.Context, io *IO, args []string) error

// ErrFinding ends the program with status 1 and without a message: what was
// found is on standard output already.
var ErrFinding = errors.New("something was found")

type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

// Usage returns an error for a command line that makes no sense.
func Usage(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// Main runs the program on the process's own arguments and streams, with a
// context that ends at the first interrupt, and returns the exit status.
func (a *App) Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return a.Run(ctx, Standard(), os.Args[1:])
}

// Run runs the program and returns the exit status: 0 good, 1 a finding or a
// failure, 2 wrong usage.
func (a *App) Run(ctx context.Context, io *IO, args []string) int {
	err := a.run(ctx, io, args)
	var usage *usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, ErrFinding):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(io.Err, "%s: %s (see %s --help)\n", a.Name, oneLine(err), a.Name)
		return 2
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintf(io.Err, "%s: interrupted\n", a.Name)
		return 1
	}
	fmt.Fprintf(io.Err, "%s: %s\n", a.Name, oneLine(err))
	return 1
}

func oneLine(err error) string {
	return Printable(strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
}

func (a *App) run(ctx context.Context, io *IO, args []string) error {
	cmd := a.Commands[0]
	if cmd.Name != "" {
		if len(args) == 0 {
			return Usage("which command? one of %s", strings.Join(a.names(), ", "))
		}
		if args[0] == "help" || args[0] == "-h" || args[0] == "--help" || args[0] == "-help" {
			a.help(io.Out)
			return nil
		}
		i := slices.IndexFunc(a.Commands, func(c *Command) bool { return c.Name == args[0] })
		if i < 0 {
			return Usage("unknown command %q; one of %s", args[0], strings.Join(a.names(), ", "))
		}
		cmd, args = a.Commands[i], args[1:]
	}

	flags := flag.NewFlagSet(cmd.Name, flag.ContinueOnError)
	flags.SetOutput(nopWriter{})
	run := cmd.Setup(flags)
	positional, err := parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		a.commandHelp(io.Out, cmd, flags)
		return err
	}
	if err != nil {
		return Usage("%s", err)
	}
	return run(ctx, io, positional)
}

// parse takes flags before, between and after positional arguments, as an
// administrator types them; package flag alone stops at the first positional.
// Everything after -- is positional.
func parse(flags *flag.FlagSet, args []string) (positional []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		rest := flags.Args()
		if len(rest) == 0 {
			return positional, nil
		}
		if parsed := len(args) - len(rest); parsed > 0 && args[parsed-1] == "--" {
			return append(positional, rest...), nil
		}
		positional, args = append(positional, rest[0]), rest[1:]
	}
}

func (a *App) names() []string {
	var names []string
	for _, c := range a.Commands {
		names = append(names, c.Name)
	}
	return names
}

func (a *App) help(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n\n", a.Name, a.Summary)
	width := 0
	for _, c := range a.Commands {
		width = max(width, len(c.Name))
	}
	for _, c := range a.Commands {
		fmt.Fprintf(w, "  %-*s  %s\n", width, c.Name, c.Summary)
	}
	fmt.Fprintf(w, "\n%s COMMAND --help shows a command's flags and an example.\n", a.Name)
}

func (a *App) commandHelp(w io.Writer, c *Command, flags *flag.FlagSet) {
	words := []string{a.Name}
	for _, word := range []string{c.Name, c.Args} {
		if word != "" {
			words = append(words, word)
		}
	}
	fmt.Fprintf(w, "%s\n\n%s\n", strings.Join(words, " "), c.Summary)
	var lines [][2]string
	width := 0
	flags.VisitAll(func(f *flag.Flag) {
		kind, usage := flag.UnquoteUsage(f)
		name := "--" + f.Name
		if len(f.Name) == 1 {
			name = "-" + f.Name
		}
		if kind != "" {
			name += " " + strings.ToUpper(kind)
		}
		lines = append(lines, [2]string{name, usage})
		width = max(width, len(name))
	})
	if len(lines) > 0 {
		fmt.Fprintln(w)
	}
	for _, l := range lines {
		fmt.Fprintf(w, "  %-*s  %s\n", width, l[0], l[1])
	}
	fmt.Fprintf(w, "\nExample:\n")
	for line := range strings.Lines(strings.TrimSpace(c.Example)) {
		fmt.Fprintf(w, "  %s\n", strings.TrimSpace(line))
	}
}

type nopWriter struct{}

func (nopWriter) Write(p []byte) (int, error) { return len(p), nil }
