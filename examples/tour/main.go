// Command tour walks through an administrator's day on a hub's host with every
// package of this module. It needs no hub, no systemd and no root: it works in
// a temporary directory, on a small log of its own, and where the machine has
// a system bus, a readable journal or control groups it looks at those.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/hubhost/hubhost/internal/cli"
)

var app = &cli.App{
	Name:    "tour",
	Summary: "an administrator's day with every package",
	Commands: []*cli.Command{{
		Summary: "Walk through an administrator's day, in a temporary directory.",
		Example: "tour\ntour --keep",
		Setup: func(f *flag.FlagSet) cli.Run {
			keep := f.Bool("keep", false, "leave the temporary directory, and say where it is")
			return func(ctx context.Context, out *cli.IO, _ []string) error { return tour(ctx, out, *keep) }
		},
	}},
}

func main() { os.Exit(app.Main()) }

// stop is one thing that an administrator does.
type stop struct {
	title string
	pkg   string
	walk  func(context.Context, *guide) error
}

var stops = []stop{
	{"Set limits and isolation for everyone", "spawnercfg", configure},
	{"Know the unit that alice will get", "spawnercfg", foretell},
	{"Judge the file before the hub sees it", "spawnercfg", judge},
	{"Change one option, and nothing else", "spawnercfg", change},
	{"Put a certificate in place, and see a wrong one refused", "certs", certify},
	{"Ask systemd what runs", "units", control},
	{"See what sessions really use", "cgroupstat", account},
	{"Read the log", "journal", logs},
}

// guide is what the stops share.
type guide struct {
	*cli.IO
	dir    string // the temporary directory
	config string // the hub's configuration in it
}

func tour(ctx context.Context, out *cli.IO, keep bool) error {
	dir, err := os.MkdirTemp("", "hubhost-tour-")
	if err != nil {
		return err
	}
	if keep {
		defer out.Printf("\neverything written is in %s", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	g := &guide{IO: out, dir: dir}
	for i, s := range stops {
		out.Printf("%s  %s", out.Paint(cli.Bold, fmt.Sprintf("%d. %s", i+1, s.title)), out.Paint(cli.Faint, "("+s.pkg+")"))
		if err := s.walk(ctx, g); err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
		out.Printf("")
	}
	return nil
}

// quote shows text of a file, indented.
func (g *guide) quote(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		g.Printf("%s", strings.TrimRight("    "+cli.Printable(line), " "))
	}
}
