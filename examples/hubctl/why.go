package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/journal"
	"github.com/hubhost/hubhost/units"
)

// reason is all that is known of why a session is as it is.
type reason struct {
	Unit        string    `json:"unit"`
	State       string    `json:"state"`
	Since       time.Time `json:"since,omitzero"`
	Code        string    `json:"code"`
	Cause       string    `json:"cause"`
	Next        string    `json:"next,omitempty"`
	OOMKills    *uint64   `json:"oomKills"`
	Memory      *uint64   `json:"memory"`
	MemoryLimit *uint64   `json:"memoryLimit"`
	Kills       []line    `json:"kills"`
	Log         []line    `json:"log"`
}

type line struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`

	entry *journal.Entry
}

func why(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	lines := f.Int("n", 20, "show this `number` of log lines")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) != 1 {
			return cli.Usage("name one user, or hub, or proxy")
		}
		if *lines < 0 {
			return cli.Usage("-n %d: not a number of lines", *lines)
		}
		unit, err := h.unit(args[0])
		if err != nil {
			return cli.Usage("%s", err)
		}
		done := h.asking(out)
		r, err := h.reason(ctx, unit, *lines)
		done()
		if r == nil {
			return err
		}
		if err != nil {
			fmt.Fprintf(out.Err, "hubctl: without the log: %s\n", cli.Printable(err.Error()))
		}
		if *asJSON {
			return out.JSON(r)
		}
		r.show(out)
		return nil
	}
}

// reason gathers it. If only the log cannot be read, the rest comes with the
// error.
func (h *host) reason(ctx context.Context, unit string, lines int) (*reason, error) {
	manager, err := h.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer manager.Close()
	st, err := manager.Status(ctx, unit)
	if err != nil && !errors.Is(err, units.ErrNoSuchUnit) {
		return nil, err
	}
	r := &reason{Unit: unit, State: string(st.ActiveState), Since: st.Since, Kills: []line{}, Log: []line{}}
	if err != nil {
		// A transient unit that ended well is unloaded: only the log is left.
		r.State, r.Code, r.Cause = "not running", "not-loaded", "The unit is not loaded: it was stopped, or never started."
	} else {
		e := units.Explain(st)
		r.Code, r.Cause, r.Next = e.Code, e.Cause, e.Next
	}
	if hierarchy, err := h.groups(); err != nil {
		return nil, err
	} else if hierarchy != nil && st.ControlGroup != "" {
		group, err := hierarchy.Stat(st.ControlGroup)
		if err != nil && !errors.Is(err, cgroupstat.ErrNotRunning) {
			return nil, err
		}
		if err == nil {
			r.Memory = figure(group.Memory.Current.Get())
			r.MemoryLimit = figure(group.Memory.EffectiveMax.Get())
			r.OOMKills = figure(group.Memory.Events.OOMKill.Get())
		}
	}
	for _, part := range []struct {
		to *[]line
		q  journal.Query
	}{
		{&r.Kills, journal.Query{Match: journal.Field("MESSAGE_ID", outOfMemory), Newest: 5}},
		{&r.Log, journal.Query{Newest: lines}},
	} {
		if part.q.Newest == 0 {
			continue
		}
		part.q.Units = []string{unit}
		for e, err := range h.logs(ctx, part.q) {
			if err != nil {
				return r, err
			}
			*part.to = append(*part.to, line{e.Time(), e.Message(), e})
		}
	}
	return r, nil
}

func (r *reason) show(out *cli.IO) {
	since := ""
	if !r.Since.IsZero() {
		since = " since " + r.Since.Local().Format(time.DateTime)
	}
	out.Printf("%s %s%s", out.Paint(cli.Bold, r.Unit), out.Paint(stateStyle(r.State), r.State), since)
	out.Printf("%s", cli.Printable(r.Cause))
	if r.Next != "" {
		out.Printf("→ %s", cli.Printable(r.Next))
	}
	if r.Memory != nil {
		out.Printf("memory %s of %s", size(r.Memory), size(r.MemoryLimit))
	}
	if r.OOMKills != nil && *r.OOMKills > 0 {
		out.Printf("%s", out.Paint(cli.Bad, fmt.Sprintf("%d processes killed for memory in this run", *r.OOMKills)))
	}
	for _, k := range r.Kills {
		out.Printf("%s", out.Paint(cli.Bad, k.Time.Local().Format(time.DateTime)+" "+k.Message))
	}
	if len(r.Log) > 0 {
		out.Printf("%s", out.Paint(cli.Faint, "last log lines:"))
	}
	for _, l := range r.Log {
		// AppendShort is safe to print as it is.
		fmt.Fprintf(out.Out, "%s", l.entry.AppendShort(nil, nil))
	}
}
