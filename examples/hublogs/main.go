// Command hublogs shows the log of a hub and of its users' sessions, with the
// habits of journalctl.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/journal"
)

var app = &cli.App{
	Name:    "hublogs",
	Summary: "the log of the hub and of its users' sessions",
	Commands: []*cli.Command{{
		Args:    "[hub|USER]…",
		Summary: "Show the log of the hub, of users' sessions, or without arguments of all of them.",
		Example: `hublogs -f hub
			hublogs alice -n 100
			hublogs -b -1 -p err
			hublogs alice bob -g traceback -o cat
			hublogs alice --since yesterday -p warning
			hublogs --unit nginx -b -o json`,
		Setup: setup,
	}},
}

func main() { os.Exit(app.Main()) }

// optional is a flag that may stand alone, as journalctl's -b and -n do: the
// argument behind it is its value only if that looks like one.
type optional struct {
	value, alone string
	like         *regexp.Regexp
}

func (o *optional) String() string        { return o.value }
func (o *optional) IsBoolFlag() bool      { return true }
func (o *optional) Takes(arg string) bool { return o.like.MatchString(arg) }
func (o *optional) Set(value string) error {
	if o.value = value; value == "true" { // what package flag says of a flag alone
		o.value = o.alone
	}
	return nil
}

type options struct {
	names                        *site.Names
	units                        site.List
	follow, reverse, asJSON      bool
	lines, boot                  optional
	since, until, priority, grep string
	output, dir, cursor, behind  string

	most int // entries to show; less than zero: all
}

func setup(f *flag.FlagSet) cli.Run {
	o := &options{names: site.Flags(f), most: -1}
	o.lines = optional{alone: "10", like: regexp.MustCompile(`^([-+]?[0-9]+|all)$`)}
	o.boot = optional{alone: "0", like: regexp.MustCompile(`^([-+]?[0-9]{1,6}|[0-9a-f]{32}([-+][0-9]{1,6})?|all)$`)}
	f.Var(&o.units, "unit", "a `unit` or a pattern, as journalctl takes it; may be given again")
	f.BoolVar(&o.follow, "follow", false, "go on with new entries as they are written")
	f.BoolVar(&o.reverse, "reverse", false, "show the newest first")
	f.Var(&o.lines, "lines", "show the newest `number` only, or the oldest as in +5, or all; 10 without a number, and with -f")
	f.StringVar(&o.since, "since", "", "show what was logged from a `time` on: yesterday, \"2 hours ago\", \"2026-01-31 12:00\"")
	f.StringVar(&o.until, "until", "", "show what was logged up to a `time`")
	f.StringVar(&o.priority, "priority", "", "show a `priority` and worse (err, warning, …), or a range such as err..warning")
	f.Var(&o.boot, "boot", "show this boot, or that of an `ID`, or with -1 the one before that")
	f.StringVar(&o.grep, "grep", "", "show messages that match a regular `expression`; it ignores case if it is all lower case, and with -n the newest come first")
	f.StringVar(&o.output, "output", "short", "write in a `format`: short, json, export or cat")
	f.BoolVar(&o.asJSON, "json", false, "write JSON, as by -o json")
	f.StringVar(&o.dir, "dir", "", "read the journal files in a `directory` in place of this host's")
	f.StringVar(&o.cursor, "cursor", "", "start at the entry with a `cursor`")
	f.StringVar(&o.behind, "after-cursor", "", "start behind the entry with a `cursor`")
	for name, letter := range map[string]string{
		"unit": "u", "follow": "f", "reverse": "r", "lines": "n", "since": "S", "until": "U",
		"priority": "p", "boot": "b", "grep": "g", "output": "o", "dir": "D", "cursor": "c",
	} {
		cli.Alias(f, name, letter)
	}
	return o.run
}

func (o *options) run(ctx context.Context, out *cli.IO, args []string) error {
	if o.asJSON {
		o.output = "json"
	}
	write, ok := formats[o.output]
	if !ok {
		return cli.Usage("-o %s: one of short, json, export, cat", o.output)
	}
	cfg := journal.Config{}
	if o.dir != "" {
		cfg.Dirs = []string{o.dir}
	}
	j, err := journal.Open(cfg)
	if err != nil {
		return err
	}
	defer j.Close()
	q, err := o.query(ctx, j, args)
	if err != nil || o.most == 0 {
		return err
	}

	_, done := out.Progress("reading the journal")
	done = sync.OnceFunc(done)
	defer done()
	var entries iter.Seq2[*journal.Entry, error]
	if o.follow {
		follower, err := j.Follow(q)
		if err != nil {
			return err
		}
		entries = follower.Entries(ctx)
		done() // to wait is what is asked for
	} else {
		entries = j.EntriesLent(ctx, q)
	}
	shown, err := o.show(out, entries, write, done)
	if o.follow && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // Ctrl-C is how following ends
	}
	for _, skipped := range j.Skipped() {
		fmt.Fprintf(out.Err, "hublogs: not read: %s\n", cli.Printable(skipped.Error()))
	}
	if _, ok := errors.AsType[*journal.SyntaxError](err); ok {
		return cli.Usage("%s", err)
	}
	if err != nil || shown > 0 || o.follow {
		return err
	}
	usage, err := j.Usage(ctx)
	switch {
	case err != nil:
		return err
	case len(usage.Files) == 0 && len(j.Skipped()) > 0:
		return errors.New("not one of the journal's files could be read")
	case len(usage.Files) == 0:
		fmt.Fprintln(out.Err, "hublogs: there are no journal files: is this the hub's host, and does its journald write to disk?")
	case out.Terminal:
		fmt.Fprintln(out.Err, "-- no entries --")
	}
	if o.grep != "" {
		return cli.ErrFinding // as with journalctl and grep
	}
	return nil
}

// query turns the command line into what is asked of the journal.
func (o *options) query(ctx context.Context, j *journal.Journal, args []string) (journal.Query, error) {
	q := journal.Query{Units: o.units, Reverse: o.reverse, After: o.behind, From: o.cursor}
	if len(args) == 0 && len(o.units) == 0 {
		pattern, err := o.names.Pattern()
		if err != nil {
			return q, cli.Usage("%s", err)
		}
		q.Units = []string{o.names.Hub, pattern}
	}
	for _, arg := range args {
		unit := o.names.Hub
		if arg != "hub" {
			var err error
			if unit, err = o.names.Session(arg); err != nil {
				return q, cli.Usage("user %q: %s", arg, err)
			}
		}
		q.Units = append(q.Units, unit)
	}

	if o.cursor != "" && o.behind != "" {
		return q, cli.Usage("--cursor and --after-cursor exclude one another")
	}
	if o.follow && (o.reverse || o.until != "") {
		return q, cli.Usage("-f goes with neither -r nor --until")
	}
	fromCursor := o.cursor != "" || o.behind != ""
	if o.reverse && fromCursor {
		// With journalctl it is what comes before the cursor.
		return q, cli.Usage("-r goes with neither --cursor nor --after-cursor")
	}
	lines, oldest := strings.CutPrefix(o.lines.value, "+")
	if oldest && (o.follow || o.reverse) {
		return q, cli.Usage("-n %s goes with neither -f nor -r", o.lines.value)
	}
	switch {
	case o.lines.value == "" && o.follow && !fromCursor && o.since == "":
		q.Newest = 10
	case o.lines.value == "all" && o.follow:
		q.Since = time.UnixMicro(1) // a Follower without a beginning starts now
	case o.lines.value != "" && o.lines.value != "all":
		n, err := strconv.Atoi(lines)
		if err != nil || n < 0 {
			return q, cli.Usage("-n %s: not a number of lines", o.lines.value)
		}
		if !o.follow {
			o.most = n
		}
		// Behind a cursor the next so many: one goes on page by page.
		if !oldest && (!fromCursor || o.follow) {
			q.Newest = n
			q.Reverse = q.Reverse || o.grep != "" && !o.follow // as with journalctl
		}
	}

	now := time.Now()
	for _, bound := range []struct {
		flag, text string
		to         *time.Time
	}{{"--since", o.since, &q.Since}, {"--until", o.until, &q.Until}} {
		if bound.text == "" {
			continue
		}
		t, err := journal.ParseTime(bound.text, now, nil)
		if err != nil {
			return q, cli.Usage("%s: %s", bound.flag, err)
		}
		*bound.to = t
	}
	if o.priority != "" {
		p, err := journal.ParsePriorities(o.priority)
		if err != nil {
			return q, cli.Usage("-p: %s", err)
		}
		q.Priorities = p
	}
	if o.grep != "" {
		pattern := o.grep
		if pattern == strings.ToLower(pattern) {
			pattern = "(?i)" + pattern
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return q, cli.Usage("-g: %s", err)
		}
		q.Grep = re
	}
	if o.boot.value != "" && o.boot.value != "all" {
		id, err := o.bootID(ctx, j)
		if err != nil {
			return q, err
		}
		q.Boot = id
	}
	return q, nil
}

// bootID finds the boot that -b names: an ID, or counted from one, from the
// newest (0, -1, …) or from the oldest (1, 2, …).
func (o *options) bootID(ctx context.Context, j *journal.Journal) (journal.ID, error) {
	text := o.boot.value
	id, err := journal.ParseID(text[:min(len(text), 32)])
	isID := err == nil
	if isID {
		text = text[32:]
	}
	switch {
	case isID && id == journal.ID{}:
		return id, cli.Usage("-b %s: no boot has this ID", o.boot.value)
	case isID && text == "":
		return id, nil
	}
	offset, err := strconv.Atoi(text)
	if err != nil {
		return journal.ID{}, cli.Usage("-b %s: neither an ID nor a number", o.boot.value)
	}
	boots, err := j.Boots(ctx)
	if err != nil {
		return journal.ID{}, err
	}
	i := offset - 1
	switch {
	case isID:
		if i = slices.IndexFunc(boots, func(b journal.Boot) bool { return b.ID == id }); i < 0 {
			return journal.ID{}, fmt.Errorf("-b %s: the journal has no entries of this boot", o.boot.value)
		}
		i += offset
	case offset <= 0:
		i = len(boots) - 1 + offset
	}
	if i < 0 || i >= len(boots) {
		return journal.ID{}, fmt.Errorf("-b %s: the journal has entries of %d boots", o.boot.value, len(boots))
	}
	return boots[i].ID, nil
}

// format appends an entry to b as it is written.
type format func(out *cli.IO, b []byte, e *journal.Entry) []byte

var formats = map[string]format{
	"short":  short,
	"json":   func(_ *cli.IO, b []byte, e *journal.Entry) []byte { return append(e.AppendJSON(b, 0), '\n') },
	"export": func(_ *cli.IO, b []byte, e *journal.Entry) []byte { return e.AppendExport(b) },
	"cat":    cat,
}

// short colours a line by its priority, as journalctl does.
func short(out *cli.IO, b []byte, e *journal.Entry) []byte {
	p, known := e.Priority()
	if !out.Colour || !known || p > journal.Notice && p < journal.Debug {
		return e.AppendShort(b, nil)
	}
	style := cli.Bold
	switch {
	case p <= journal.Err:
		style = cli.Bad
	case p == journal.Warning:
		style = cli.Warn
	case p == journal.Debug:
		style = cli.Faint
	}
	// The lines are safe already; each is painted on its own, so that no
	// colour runs on.
	for line := range strings.Lines(string(e.AppendShort(nil, nil))) {
		b = append(b, out.Paint(style, strings.TrimSuffix(line, "\n"))...)
		b = append(b, '\n')
	}
	return b
}

// cat is the message alone: as it is into a pipe, printable to a terminal.
func cat(out *cli.IO, b []byte, e *journal.Entry) []byte {
	message, ok := e.Get("MESSAGE")
	if !ok {
		return b
	}
	if !out.Terminal {
		return append(append(b, message...), '\n')
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(message), "\n"), "\n") {
		b = append(append(b, cli.Printable(line)...), '\n')
	}
	return b
}

// show writes entries, each at once when they are followed. It calls begins
// before the first.
func (o *options) show(out *cli.IO, entries iter.Seq2[*journal.Entry, error], write format, begins func()) (shown int, err error) {
	w := bufio.NewWriterSize(out.Out, 1<<16)
	defer func() {
		err = errors.Join(err, w.Flush())
	}()
	var b []byte
	for e, err := range entries {
		if err != nil {
			return shown, err
		}
		begins()
		b = write(out, b[:0], e)
		if _, err := w.Write(b); err != nil {
			return shown, err
		}
		if shown++; shown == o.most {
			break
		}
		if o.follow {
			if err := w.Flush(); err != nil {
				return shown, err
			}
		}
	}
	return shown, nil
}
