package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"time"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
)

// hostStatus is the whole host on one page.
type hostStatus struct {
	Hub         service           `json:"hub"`
	Proxy       service           `json:"proxy"`
	Sessions    int               `json:"sessions"`
	Memory      uint64            `json:"memory"`
	CPUs        float64           `json:"cpus"`
	Limits      map[string]string `json:"limits"`
	Certificate *certificate      `json:"certificate"`
}

type service struct {
	Unit        string    `json:"unit"`
	State       string    `json:"state"`
	Since       time.Time `json:"since,omitzero"`
	Explanation string    `json:"explanation,omitempty"`
}

type certificate struct {
	Expires  time.Time `json:"expires"`
	DaysLeft int       `json:"daysLeft"`
}

func status(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	target := new(certs.Target)
	f.StringVar(&target.Dir, "cert-dir", certs.DefaultDir, "the `directory` of the installed certificate")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		done := h.asking(out)
		defer done()
		g, err := h.gather(ctx, cgroupstat.Light)
		if err != nil {
			return err
		}
		defer g.close()
		var st hostStatus
		if st.Hub, err = look(ctx, g.manager, h.names.Hub); err != nil {
			return err
		}
		if st.Proxy, err = look(ctx, g.manager, h.names.Proxy); err != nil {
			return err
		}
		all, err := g.twice(ctx)
		if err != nil {
			return err
		}
		done()
		for _, s := range all {
			if s.State == string(units.Active) {
				st.Sessions++
			}
			if s.Memory != nil {
				st.Memory += *s.Memory
			}
			if s.CPUs != nil {
				st.CPUs += *s.CPUs
			}
		}
		if st.Limits, err = h.limits(); err != nil {
			fmt.Fprintf(out.Err, "hubctl: without the limits: %s\n", cli.Printable(err.Error()))
		}
		if h.remote == "" {
			if st.Certificate, err = expiry(target); err != nil {
				fmt.Fprintf(out.Err, "hubctl: without the certificate: %s\n", cli.Printable(err.Error()))
			}
		}
		if *asJSON {
			if err := out.JSON(st); err != nil {
				return err
			}
		} else {
			st.show(out)
		}
		if !st.good() {
			return cli.ErrFinding
		}
		return nil
	}
}

// good tells whether users can work: the hub runs, and neither the proxy nor
// an expired certificate keeps them out. A host may do without that proxy.
func (st *hostStatus) good() bool {
	return st.Hub.State == string(units.Active) && st.Proxy.State != string(units.Failed) &&
		(st.Certificate == nil || time.Now().Before(st.Certificate.Expires))
}

func look(ctx context.Context, manager *units.Manager, name string) (service, error) {
	st, err := manager.Status(ctx, name)
	if errors.Is(err, units.ErrNoSuchUnit) {
		return service{Unit: name, State: "not installed"}, nil
	}
	if err != nil {
		return service{}, err
	}
	s := service{Unit: name, State: string(st.ActiveState), Since: st.Since}
	if e := units.Explain(st); !e.OK() {
		s.Explanation = e.String()
	}
	return s, nil
}

// limits reads the limits of a new session from the hub's configuration. Nil:
// there is no such file here.
func (h *host) limits() (map[string]string, error) {
	file, err := h.config()
	if err != nil || file == nil {
		return nil, err
	}
	limits := make(map[string]string)
	for _, option := range []string{"mem_limit", "cpu_limit"} {
		reading := file.Resolve(spawnercfg.Ancestry("SystemdSpawner"), option)
		switch {
		case reading.Certainty == spawnercfg.NotSet || reading.Value.IsNone():
			limits[option] = "none"
		case reading.Certainty == spawnercfg.Certain:
			text, isText := reading.Value.Str()
			if !isText {
				text = reading.Value.String()
			}
			limits[option] = text
		default:
			limits[option] = "not certain"
		}
	}
	return limits, nil
}

// expiry tells when the installed certificate expires; nil if there is none.
func expiry(target *certs.Target) (*certificate, error) {
	pair, err := target.Load()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	at := pair.NotAfter()
	return &certificate{at, int(time.Until(at).Hours() / 24)}, nil
}

func (st *hostStatus) show(out *cli.IO) {
	now := time.Now()
	for _, s := range []struct {
		what string
		service
	}{{"hub", st.Hub}, {"proxy", st.Proxy}} {
		since := ""
		if !s.Since.IsZero() {
			since = " for " + age(now, s.Since)
		}
		out.Printf("%-12s %s %s%s", s.what, out.Paint(cli.Bold, s.Unit), out.Paint(stateStyle(s.State), s.State), since)
		if s.Explanation != "" {
			out.Printf("%-12s %s", "", cli.Printable(s.Explanation))
		}
	}
	out.Printf("%-12s %d active, %s, %.2f CPUs", "sessions", st.Sessions, size(&st.Memory), st.CPUs)
	if st.Limits != nil {
		out.Printf("%-12s memory %s, CPUs %s for a new session", "limits", cli.Printable(st.Limits["mem_limit"]), cli.Printable(st.Limits["cpu_limit"]))
	}
	if c := st.Certificate; c != nil {
		style, left := cli.Good, fmt.Sprintf("%d days left", c.DaysLeft)
		switch {
		case now.After(c.Expires):
			style, left = cli.Bad, "expired"
		case c.DaysLeft < 7:
			style = cli.Bad
		case c.DaysLeft < 30:
			style = cli.Warn
		}
		out.Printf("%-12s %s, %s", "certificate", out.Paint(style, left), c.Expires.UTC().Format(time.DateOnly))
	}
}
