package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/journal"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
)

// restart restarts the hub and returns when it answers, or as soon as it is
// known that it will not.
func (o *options) restart(ctx context.Context, out *cli.IO, manager *units.Manager, file *spawnercfg.File) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("the hub did not answer within %s", o.timeout))
	defer cancel()
	address := o.url
	if address == "" {
		address = answers(file)
	}
	update, done := out.Progress("restarting " + o.names.Hub)
	defer done()
	if err := manager.Restart(ctx, o.names.Hub); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return site.Explained(ctx, manager, o.names.Hub, err)
	}
	update("waiting for the hub at " + address)

	// A hub that ends is not waited for.
	ctx, stop := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for event, err := range manager.Watch(ctx, o.names.Hub) {
			if err != nil {
				return // of the context, or systemd's; the wait is bounded anyway
			}
			if state := event.Status.ActiveState; event.Unit == o.names.Hub && (state == units.Failed || state == units.Inactive) {
				stop(fmt.Errorf("the hub ended: %s", units.Explain(event.Status)))
				return
			}
		}
	}()
	defer func() {
		stop(nil)
		<-watched
	}()
	return await(ctx, address)
}

// await asks until the hub's API answers.
func await(ctx context.Context, address string) error {
	// This asks whether a process of this machine answers, not who it is: the
	// certificate is for other names than the address.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 5 * time.Second}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// answers works out from the configuration where the hub's API is, as seen
// from this machine.
func answers(file *spawnercfg.File) string {
	text := func(name string) string {
		if r := file.Read("JupyterHub", name); r.Certainty == spawnercfg.Certain {
			s, _ := r.Value.Str()
			return s
		}
		return ""
	}
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:8000", Path: "/"}
	if bind, err := url.Parse(text("bind_url")); err == nil && bind.Host != "" {
		u = bind
		host, port := bind.Hostname(), bind.Port()
		if host == "" || host == "*" || host == "0.0.0.0" || host == "::" {
			host = "127.0.0.1"
		}
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[bind.Scheme]
		}
		u.Host = net.JoinHostPort(host, port)
	} else if r := file.Read("JupyterHub", "port"); r.Certainty == spawnercfg.Certain {
		if port, ok := r.Value.Int64(); ok {
			u.Host = net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
		}
	}
	if base := text("base_url"); base != "" {
		u.Path = base
	}
	if text("ssl_cert") != "" {
		u.Scheme = "https"
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/hub/api"
	return u.String()
}

// showLog shows what the hub said since it was restarted.
func showLog(ctx context.Context, out *cli.IO, unit string, since time.Time) {
	j, err := journal.Open(journal.Config{})
	if err != nil {
		fmt.Fprintf(out.Err, "hubapply: the hub's log: %s\n", cli.Printable(err.Error()))
		return
	}
	defer j.Close()
	out.Printf("%s", out.Paint(cli.Faint, "the hub's log since the restart:"))
	for e, err := range j.Entries(ctx, journal.Query{Units: []string{unit}, Since: since, Newest: 25}) {
		if err != nil {
			fmt.Fprintf(out.Err, "hubapply: the hub's log: %s\n", cli.Printable(err.Error()))
			return
		}
		// The lines are safe to print as they are.
		fmt.Fprintf(out.Out, "    %s", e.AppendShort(nil, nil))
	}
}
