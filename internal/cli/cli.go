// Package cli holds the habits that the programs under examples share: flags
// anywhere on the line, help with an example for each command, one-line errors
// that say what to do, exit status 0, 1 or 2, tables for people and JSON for
// machines. It is a leaf package: it knows nothing of hubs.
package cli

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
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
	Args    string // the positional arguments, as help shows them: "FILE OPTION=VALUE…"; empty: it takes none
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
// context that ends at the first interrupt, and returns the exit status. The
// second interrupt kills the program, which may wait for what heeds no context,
// such as the other end of a pipe.
func (a *App) Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	// Whoever read the output may leave, as head does. By default that would
	// kill the program, in the middle of a change; now writing fails instead.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return a.Run(ctx, Standard(), os.Args[1:])
}

// Run runs the program and returns the exit status: 0 good, 1 a finding or a
// failure, 2 wrong usage.
func (a *App) Run(ctx context.Context, io *IO, args []string) int {
	c, err := a.parse(args)
	written := &checked{w: io.Out}
	io.Out = written
	switch {
	case err == nil:
		err = c.run(ctx, io, c.args)
	case errors.Is(err, flag.ErrHelp):
		if err = nil; c.cmd == nil {
			a.help(io.Out)
		} else {
			a.commandHelp(io.Out, c)
		}
	}
	if err == nil || errors.Is(err, ErrFinding) {
		err = cmp.Or(written.err, err)
	}
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrFinding), errors.Is(err, syscall.EPIPE) && errors.Is(err, written.err):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(io.Err, "%s: %s (see %s --help)\n", a.Name, oneLine(err), c.help)
		return 2
	}
	text := oneLine(err)
	switch {
	case ctx.Err() != nil:
		// What was interrupted may have said how it left things.
		for _, cause := range []error{context.Cause(ctx), context.Canceled} {
			text = strings.ReplaceAll(text, cause.Error(), "interrupted")
		}
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() > 0 && !strings.Contains(text, "as root"):
		text += "; try as root"
	}
	fmt.Fprintf(io.Err, "%s: %s\n", a.Name, text)
	return 1
}

// checked remembers that output was lost: a full disk is a failure, though
// hardly any caller looks at what printing returns.
type checked struct {
	w   io.Writer
	err error
}

func (c *checked) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

func oneLine(err error) string {
	return Printable(strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
}

// Parse returns what is wrong with a command line, and runs nothing.
func (a *App) Parse(args []string) error {
	_, err := a.parse(args)
	return err
}

// call is a parsed command line.
type call struct {
	cmd   *Command
	help  string // the command line whose --help tells more
	flags *flag.FlagSet
	run   Run
	args  []string
}

func (a *App) parse(args []string) (c call, err error) {
	c.help = a.Name
	cmd := a.Commands[0]
	if cmd.Name != "" {
		if cmd, args, err = a.command(args); err != nil {
			return c, err
		}
		c.help += " " + cmd.Name
	}
	c.cmd = cmd
	c.flags, c.run = cmd.flags()
	if c.args, err = parse(c.flags, args); err != nil {
		return c, err
	}
	if cmd.Args == "" && len(c.args) > 0 {
		return c, Usage("%q: %s takes flags only", c.args[0], c.help)
	}
	return c, nil
}

// command splits the command's name off args. Flags may stand before it, as
// in "hubctl -H HOST top"; that one takes a value is known from any command
// that has it.
func (a *App) command(args []string) (*Command, []string, error) {
	all := flag.NewFlagSet("", flag.ContinueOnError)
	for _, c := range a.Commands {
		flags, _ := c.flags()
		flags.VisitAll(func(f *flag.Flag) {
			if all.Lookup(f.Name) == nil {
				all.Var(f.Value, f.Name, f.Usage)
			}
		})
	}
	var before []string
	for len(args) > 0 && isFlag(args[0]) {
		f, value, rest, err := next(all, args)
		if err != nil {
			return nil, nil, err
		}
		before, args = append(before, dash(f.Name)+"="+value), rest
	}
	if len(args) > 0 && args[0] == "help" {
		if len(args) == 1 {
			return nil, nil, flag.ErrHelp
		}
		before, args = append(before, "--help"), args[1:]
	}
	if len(args) == 0 {
		return nil, nil, Usage("which command? one of %s", strings.Join(a.names(), ", "))
	}
	i := slices.IndexFunc(a.Commands, func(c *Command) bool { return c.Name == args[0] })
	if i < 0 {
		return nil, nil, Usage("unknown command %q; one of %s", args[0], strings.Join(a.names(), ", "))
	}
	return a.Commands[i], append(before, args[1:]...), nil
}

func (c *Command) flags() (*flag.FlagSet, Run) {
	flags := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	return flags, c.Setup(flags)
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
	fmt.Fprintln(w, exitStatus)
}

const exitStatus = "Exit status: 0 good, 1 a finding or a failure, 2 wrong usage."

func (a *App) commandHelp(w io.Writer, c call) {
	words := []string{a.Name}
	for _, word := range []string{c.cmd.Name, c.cmd.Args} {
		if word != "" {
			words = append(words, word)
		}
	}
	fmt.Fprintf(w, "%s\n\n%s\n", strings.Join(words, " "), c.cmd.Summary)
	var lines [][2]string
	width := 0
	seen := make(map[flag.Value]bool)
	c.flags.VisitAll(func(f *flag.Flag) {
		if seen[f.Value] {
			return
		}
		seen[f.Value] = true
		kind, usage := flag.UnquoteUsage(f)
		name := strings.Join(dashed(c.flags, f), ", ")
		if _, ok := f.Value.(Optional); ok {
			kind = "[" + kind + "]"
		}
		if kind != "" {
			name += " " + strings.ToUpper(kind)
		}
		switch f.DefValue {
		case "", "0", "-1", "0s", "false": // what the usage says of it
		default:
			usage += " (default " + f.DefValue + ")"
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
	for line := range strings.Lines(strings.TrimSpace(c.cmd.Example)) {
		fmt.Fprintf(w, "  %s\n", strings.TrimSpace(line))
	}
	if c.cmd.Name == "" {
		fmt.Fprintf(w, "\n%s\n", exitStatus)
	}
}
