// Command live runs the module's TestLive… tests on a real host: it builds a
// Debian image with systemd, JupyterHub, SystemdSpawner and nginx, boots it
// under QEMU, and runs the test binaries inside as root.
//
//	go run ./internal/live                     all live tests, Debian 12, cgroup v2
//	go run ./internal/live -run TestLiveWatch  some of them
//	go run ./internal/live -cgroup v1          the legacy control group hierarchy
//	go run ./internal/live -release trixie     Debian 13
//	go run ./internal/live -shell              a root shell on the booted host; exit ends it
//
// It needs an amd64 Linux machine and installs the Debian packages that it
// lacks when it runs as root. The image is built once, and again when its
// recipe changes; it is kept under the user's cache directory. Beside that and
// temporary files nothing of the machine is touched.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hubhost/hubhost/internal/live/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx)
	stop()
	var wrong usageError
	switch {
	case errors.As(err, &wrong):
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context) error {
	if work := os.Getenv(customizeEnv); work != "" && len(os.Args) == 2 {
		return customize(ctx, work, os.Args[1])
	}
	o, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	if o.pins {
		return pin(ctx, root)
	}
	return live(ctx, root, o)
}

// live is one run of the tier.
func live(ctx context.Context, root string, o options) error {
	var packages []testPackage
	if !o.shell {
		var err error
		if packages, err = findTests(ctx, root, strings.Fields(o.pkg), o.run); err != nil {
			return err
		}
	}
	if err := provideTools(ctx); err != nil {
		return err
	}
	img, err := provideImage(ctx, releases[o.release], o.rebuild)
	if err != nil {
		return err
	}
	dir := o.resume
	if dir == "" {
		if dir, err = os.MkdirTemp(workDir(), "hubhost-live-"); err != nil {
			return err
		}
		if !o.keep {
			defer os.RemoveAll(dir)
		}
	}
	m := machine{
		image: img, accel: chooseAccel(o.accel), cgroup: o.cgroup,
		terminal: o.shell, verbose: o.verbose, powerOff: o.keep || o.resume != "",
		overlay: filepath.Join(dir, "overlay.qcow2"),
		payload: filepath.Join(dir, "payload.ext4"),
	}
	plan := wire.Plan{
		Host: o.release + "/" + o.cgroup, Timeout: o.timeout.String(),
		Console: o.shell, PowerOff: m.powerOff,
	}
	for _, p := range packages {
		plan.Packages = append(plan.Packages, wire.Package{Dir: p.dir, Run: p.runExpr()})
	}
	say("building the payload")
	if err := writePayload(ctx, root, m.payload, plan, packages); err != nil {
		return err
	}
	if o.resume == "" {
		if err := newOverlay(ctx, img, m.overlay); err != nil {
			return err
		}
	}
	if o.keep {
		defer say("to enter the machine as it is now: go run ./internal/live -release %s -cgroup %s -shell -resume %s",
			o.release, o.cgroup, dir)
	}
	return runTests(ctx, o, m, plan.Host, packages)
}

// runTests boots the machine, collects what the tests say and judges it.
func runTests(ctx context.Context, o options, m machine, host string, packages []testPackage) error {
	byDir := map[string]testPackage{}
	for _, p := range packages {
		byDir[p.dir] = p
	}
	said := map[string][]byte{}
	var results []result
	var journal []byte
	var bad error
	start := time.Now()
	since := func() float64 { return time.Since(start).Seconds() }
	say("booting %s under %s", host, m.accel)
	err := m.boot(ctx, o.timeout+30*time.Second, func(e wire.Event) {
		switch e.Kind {
		case wire.Stage:
			say("%5.1f s  %s", since(), e.Text)
		case wire.Output:
			said[e.Dir] = append(said[e.Dir], e.Data...)
			if o.verbose {
				os.Stdout.Write(e.Data)
			}
		case wire.Exit:
			say("%5.1f s  %s %s", since(), e.Dir, e.Text)
			judged, err := judge(ctx, byDir[e.Dir], said[e.Dir], e.Text)
			bad = errors.Join(bad, err)
			results = append(results, judged...)
			delete(byDir, e.Dir)
			if e.Text != "" && !o.verbose {
				os.Stdout.Write(said[e.Dir])
			}
		case wire.Journal:
			journal = append(journal, e.Data...)
		}
	})
	if len(journal) > 0 {
		fmt.Printf("\nthe guest's journal since boot:\n%s\n", journal)
	}
	if o.shell {
		return err
	}
	for _, p := range byDir { // the machine ended first
		judged, failure := judge(ctx, p, said[p.dir], "did not end")
		bad = errors.Join(bad, failure)
		results = append(results, judged...)
		if !o.verbose {
			os.Stdout.Write(said[p.dir])
		}
	}
	failures, failure := writeTable(os.Stdout, results)
	if failures > 0 {
		failure = errors.Join(failure, fmt.Errorf("%d of %d tests failed on %s", failures, len(results), host))
	} else {
		fmt.Printf("ok: %d tests on %s in %.0f s\n", len(results), host, since())
	}
	return errors.Join(err, bad, failure)
}
