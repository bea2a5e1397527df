package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/journal"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
)

func limit(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	memory := f.String("memory", "", "the most memory: a `size` such as 4G or 512M, infinity, or default")
	cpu := f.String("cpu", "", "the most CPU time: a `number` of CPUs such as 1.5, infinity, or default")
	tasks := f.String("tasks", "", "the most processes and threads: a `number`, infinity, or default")
	forGood := f.Bool("for-good", false, "keep it after the next boot, and for the user's later sessions")
	dryRun := f.Bool("dry-run", false, "only show the difference")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) != 1 {
			return cli.Usage("name one user")
		}
		set, err := parseLimits(*memory, *cpu, *tasks)
		if err != nil {
			return err
		}
		if set == (units.Limits{}) {
			return cli.Usage("say what to change: --memory, --cpu or --tasks")
		}
		unit, err := h.names.Session(args[0])
		if err != nil {
			return cli.Usage("%s", err)
		}
		done := h.asking(out)
		defer done()
		manager, err := h.connect(ctx)
		if err != nil {
			return err
		}
		defer manager.Close()
		var old units.Limits
		if *dryRun {
			st, err := manager.Status(ctx, unit)
			if err != nil {
				return noSession(err)
			}
			old = st.Limits
		} else {
			lifetime := units.ThisBoot
			if *forGood {
				lifetime = units.ForGood
			}
			if old, err = manager.SetLimits(ctx, unit, set, lifetime); err != nil {
				return noSession(err)
			}
		}
		done()
		c := changed{Unit: unit, Old: make(map[string]string), New: make(map[string]string), Undo: []string{"hubctl", "limit"}}
		if !strings.HasPrefix(args[0], "-") {
			c.Undo = append(c.Undo, args[0])
		}
		was := named(old)
		for i, l := range named(set) {
			if !l.value.IsZero() {
				c.Old[l.flag], c.New[l.flag] = was[i].text(), l.text()
				c.Undo = append(c.Undo, "--"+l.flag, was[i].text())
			}
		}
		if *forGood {
			c.Undo = append(c.Undo, "--for-good")
		}
		f.Visit(func(given *flag.Flag) {
			switch given.Name {
			case "H":
				c.Undo = append(c.Undo, "-H", given.Value.String())
			case "config", "unit-template":
				c.Undo = append(c.Undo, "--"+given.Name, given.Value.String())
			}
		})
		if strings.HasPrefix(args[0], "-") {
			c.Undo = append(c.Undo, "--", args[0])
		}
		if *asJSON {
			return out.JSON(c)
		}
		for _, l := range named(set) {
			if !l.value.IsZero() {
				out.Printf("%s %s: %s → %s", out.Paint(cli.Bold, unit), l.flag, c.Old[l.flag], out.Paint(cli.Good, c.New[l.flag]))
			}
		}
		if !*dryRun {
			out.Printf("to undo: %s", cli.Printable(journal.CommandLine(c.Undo...)))
		}
		return nil
	}
}

// changed is what a change of limits did, each limit under the name of its
// flag and written as that takes it, and the command line that undoes it.
type changed struct {
	Unit string            `json:"unit"`
	Old  map[string]string `json:"old"`
	New  map[string]string `json:"new"`
	Undo []string          `json:"undo"`
}

func parseLimits(memory, cpu, tasks string) (units.Limits, error) {
	var set units.Limits
	var err error
	if set.MemoryMax, err = parseValue("--memory", memory, func(s string) (units.Value, error) {
		n, err := spawnercfg.ParseByteSize(s)
		if err == nil && n < 1 {
			err = fmt.Errorf("%s is no amount of memory", s)
		}
		return units.Bytes(uint64(n)), err
	}); err != nil {
		return set, err
	}
	if set.CPUQuotaPerSec, err = parseValue("--cpu", cpu, func(s string) (units.Value, error) {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || !(n >= 0.01 && n <= 1e6) {
			return units.Value{}, fmt.Errorf("%q is no number of CPUs from 0.01 on", s)
		}
		return units.CPUs(n), nil
	}); err != nil {
		return set, err
	}
	set.TasksMax, err = parseValue("--tasks", tasks, func(s string) (units.Value, error) {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil || n == 0 {
			return units.Value{}, fmt.Errorf("%q is no number of tasks", s)
		}
		return units.Count(n), nil
	})
	return set, err
}

func parseValue(flag, text string, parse func(string) (units.Value, error)) (units.Value, error) {
	switch text {
	case "":
		return units.Value{}, nil
	case "infinity":
		return units.Infinity(), nil
	case "default":
		return units.Default(), nil
	}
	v, err := parse(text)
	if err != nil {
		return v, cli.Usage("%s: %s", flag, err)
	}
	return v, nil
}

// namedLimit is a limit under the name of its flag.
type namedLimit struct {
	flag  string
	value units.Value
}

func named(l units.Limits) []namedLimit {
	return []namedLimit{{"memory", l.MemoryMax}, {"cpu", l.CPUQuotaPerSec}, {"tasks", l.TasksMax}}
}

// text writes a limit as its flag takes it.
func (l namedLimit) text() string {
	n, ok := l.value.Uint64()
	switch {
	case l.value.IsInfinity() || !ok && !l.value.IsDefault():
		return "infinity"
	case l.value.IsDefault():
		return "default"
	case l.flag == "memory":
		size := spawnercfg.ByteSize(n).String()
		if strings.TrimRight(size, "0123456789") == "" {
			// The grammar has no unit for a byte.
			size = strconv.FormatFloat(float64(n)/1024, 'f', -1, 64) + "K"
		}
		return size
	case l.flag == "cpu":
		quota, _ := l.value.Duration()
		return strconv.FormatFloat(quota.Seconds(), 'f', -1, 64)
	}
	return strconv.FormatUint(n, 10)
}
