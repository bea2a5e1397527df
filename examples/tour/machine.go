package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"time"

	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/journal"
	"github.com/hubhost/hubhost/units"
)

// control lists services, or where there is no systemd explains the end of a
// session that an administrator may meet.
func control(ctx context.Context, g *guide) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	manager, err := units.Connect(ctx, nil)
	switch {
	case errors.Is(err, units.ErrNoManager), errors.Is(err, fs.ErrPermission), errors.Is(err, errors.ErrUnsupported):
		g.Printf("no systemd to ask here; this is what it would have been asked about:")
	case err != nil:
		return err
	default:
		defer manager.Close()
		running, err := manager.List(ctx, units.Filter{Patterns: []string{"*.service"}, States: []string{"running"}})
		if err != nil {
			return err
		}
		g.Printf("%d services run:", len(running))
		for _, u := range running[:min(len(running), 4)] {
			g.Printf("    %s", g.Paint(cli.Bold, u.Name))
		}
	}
	for _, ended := range []units.Status{
		{Unit: units.Unit{Name: "jupyter-alice.service", LoadState: units.Loaded, ActiveState: units.Failed}, Result: "exit-code", ExitReason: units.Exited, ExitStatus: 200, WorkingDir: "/home/alice"},
		{Unit: units.Unit{Name: "jupyter-bob.service", LoadState: units.Loaded, ActiveState: units.Failed}, Result: "oom-kill", ExitReason: units.Killed, ExitStatus: 9},
	} {
		e := units.Explain(ended)
		g.Printf("%s %s", g.Paint(cli.Bold, ended.Name), cli.Printable(e.Cause))
		g.Printf("    → %s", cli.Printable(e.Next))
	}
	return nil
}

// account reads the control group that this program runs in.
func account(_ context.Context, g *guide) error {
	hierarchy, err := cgroupstat.Open(cgroupstat.Config{})
	if errors.Is(err, cgroupstat.ErrNoHierarchy) || errors.Is(err, errors.ErrUnsupported) {
		g.Printf("no control groups here: on a hub's host this stop shows each session's memory, CPU and tasks against its limits")
		return nil
	}
	if err != nil {
		return err
	}
	path, err := hierarchy.GroupOf(os.Getpid())
	if err != nil {
		return err
	}
	st, err := hierarchy.Stat(path)
	if errors.Is(err, cgroupstat.ErrNotRunning) {
		// In a container the kernel may name a group that is mounted elsewhere.
		path = "/"
		st, err = hierarchy.Stat(path)
	}
	if err != nil {
		return err
	}
	g.Printf("%s hierarchy, control group %s:", hierarchy.Mode(), cli.Printable(path))
	mega := func(bytes uint64, ok bool) string {
		if !ok {
			return "no limit"
		}
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	g.Printf("    memory %s of %s, tasks %s of %s, CPU time %s",
		mega(st.Memory.Current.Get()), mega(st.Memory.EffectiveMax.Get()),
		st.Tasks.Current, st.Tasks.EffectiveMax, st.CPU.Usage.Or(0).Round(time.Millisecond))
	return nil
}

// recorded is a few entries of a hub's journal, in its export format.
//
//go:embed hub.export
var recorded []byte

// logs shows the newest warnings of this machine's journal, or where it has
// none that may be read those of the recorded one.
func logs(ctx context.Context, g *guide) error {
	shown := 0
	show := func(entries iter.Seq2[*journal.Entry, error], where string) error {
		for e, err := range entries {
			if err != nil {
				return err
			}
			if shown++; shown == 1 {
				g.Printf("%s", where)
			}
			// The lines are safe to print as they are.
			if _, err := g.Out.Write(append([]byte("    "), e.AppendShort(nil, time.UTC)...)); err != nil {
				return err
			}
		}
		return nil
	}
	j, err := journal.Open(journal.Config{})
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, errors.ErrUnsupported):
	case err != nil:
		return err
	default:
		defer j.Close()
		q := journal.Query{Priorities: journal.AtLeast(journal.Warning), Newest: 5}
		if err := show(j.Entries(ctx, q), "this machine's newest warnings:"); err != nil {
			return err
		}
	}
	if shown > 0 {
		return nil
	}
	return show(journal.ReadExport(bytes.NewReader(recorded)), "no warnings that may be read here; from a journal recorded on a hub:")
}
