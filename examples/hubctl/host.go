package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"iter"
	"os/exec"
	"sync"

	"github.com/hubhost/hubhost/cgroupstat"
	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/journal"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
)

// host is where a command looks: this machine, or another one over ssh.
type host struct {
	names  *site.Names
	remote string
	root   string
}

func hostFlags(f *flag.FlagSet) *host {
	h := &host{names: site.Flags(f)}
	f.StringVar(&h.root, "host-root", "", "the `directory` where the host's file system is mounted, from inside a container")
	f.Var((*remote)(h), "H", "another `host`, such as root@hub.example.org, reached by ssh")
	return h
}

// remote is the flag -H.
type remote host

func (r *remote) String() string { return r.remote }

func (r *remote) Set(name string) error {
	if name[0] == '-' {
		return errors.New("a host's name does not begin with a dash")
	}
	r.remote = name
	if r.names.Config == site.ConfigFile {
		r.names.Config = "" // this machine's is not that host's
	}
	return nil
}

// asking says by progress who is asked, until done is called.
func (h *host) asking(out *cli.IO) (done func()) {
	who := "systemd"
	if h.remote != "" {
		who = h.remote
	}
	_, done = out.Progress("asking " + who)
	return sync.OnceFunc(done)
}

func (h *host) connect(ctx context.Context) (*units.Manager, error) {
	return site.Connect(ctx, h.remote)
}

// config reads the hub's configuration; nil if there is none here.
func (h *host) config() (*spawnercfg.File, error) {
	if h.names.Config == "" {
		return nil, nil
	}
	file, err := site.ReadConfig(h.names.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return file, err
}

// groups opens the control groups of this machine; nil if they are another
// one's or there are none: then systemd's own figures have to do.
func (h *host) groups() (*cgroupstat.Hierarchy, error) {
	if h.remote != "" {
		return nil, nil
	}
	hierarchy, err := cgroupstat.Open(cgroupstat.Config{HostRoot: h.root})
	if errors.Is(err, cgroupstat.ErrNoHierarchy) || errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	return hierarchy, err
}

// logs asks the host's journal.
func (h *host) logs(ctx context.Context, q journal.Query) iter.Seq2[*journal.Entry, error] {
	return func(yield func(*journal.Entry, error) bool) {
		if h.remote == "" {
			j, err := journal.Open(journal.Config{Root: h.root})
			if err != nil {
				yield(nil, err)
				return
			}
			defer j.Close()
			for e, err := range j.Entries(ctx, q) {
				if !yield(e, err) {
					return
				}
			}
			return
		}
		args, err := q.Args()
		if err != nil {
			yield(nil, err)
			return
		}
		// journalctl has no -H of its own, and ssh gives what it is told to the
		// remote user's shell.
		line := journal.CommandLine(append([]string{"journalctl"}, args...)...)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		cmd := exec.CommandContext(ctx, "ssh", "-xT", "--", h.remote, line)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for e, err := range journal.ReadExport(out) {
			if err != nil {
				err = fmt.Errorf("journal of %s: %w", h.remote, err)
			}
			if !yield(e, err) {
				cancel()
				cmd.Wait() // it was killed: there is nothing left to learn
				return
			}
		}
		if err := cmd.Wait(); err != nil {
			yield(nil, fmt.Errorf("journal of %s: %w: %s", h.remote, err, bytes.TrimSpace(said.Bytes())))
		}
	}
}

// noSession adds to the error of an operation on a session that is not there
// what to do.
func noSession(err error) error {
	if errors.Is(err, units.ErrNoSuchUnit) {
		return fmt.Errorf("%w; hubctl sessions lists those that are there", err)
	}
	return err
}

// unit returns the unit that an administrator calls hub, proxy or by the
// user's name.
func (h *host) unit(name string) (string, error) {
	switch name {
	case "hub":
		return h.names.Hub, nil
	case "proxy":
		return h.names.Proxy, nil
	}
	return h.names.Session(name)
}
