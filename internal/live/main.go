// Command live runs the module's TestLive… tests on a real host: it builds a
// Debian image with systemd, JupyterHub, SystemdSpawner and nginx, boots it
// under QEMU, and runs the test binaries inside as root.
//
//	go run ./internal/live                     all live tests, Debian 12, cgroup v2
//	go run ./internal/live -run TestLiveWatch  some of them
//	go run ./internal/live -cgroup v1          the legacy control group hierarchy
//	go run ./internal/live -release trixie     Debian 13
//	go run ./internal/live -shell              a root shell on the booted host
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
	if err != nil {
		return err
	}
	return live(ctx, o)
}

// live is one run of the tier.
func live(ctx context.Context, o options) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	var packages []testPackage
	if !o.shell {
		if packages, err = findTests(ctx, root, o.pkg, o.run); err != nil {
			return err
		}
	}
	if err := provideTools(ctx); err != nil {
		return err
	}
	accel, err := chooseAccel(o.accel)
	if err != nil {
		return err
	}
	img, err := provideImage(ctx, releases[o.release], o.rebuild)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(workDir(), "hubhost-live-")
	if err != nil {
		return err
	}
	if o.keep {
		defer say("kept %s", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	m := machine{
		image: img, accel: accel, cgroup: o.cgroup, powerOff: o.keep, terminal: o.shell, verbose: o.verbose,
		overlay: filepath.Join(dir, "overlay.qcow2"),
		payload: filepath.Join(dir, "payload.ext4"),
	}
	plan := wire.Plan{
		Host: o.release + "/" + o.cgroup, Timeout: o.timeout.String(),
		Console: o.shell, PowerOff: o.keep,
	}
	for _, p := range packages {
		plan.Packages = append(plan.Packages, wire.Package{Dir: p.dir, Run: p.runExpr()})
	}
	say("building the test binaries of %d packages", len(packages))
	if err := writePayload(ctx, root, m.payload, plan, packages); err != nil {
		return err
	}
	if err := newOverlay(ctx, img, m.overlay); err != nil {
		return err
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

// usageError is a mistake in the arguments: exit status 2.
type usageError struct{ error }

func usage(err error) error { return usageError{err} }

type options struct {
	release, cgroup, run, pkg, accel string
	rebuild, shell, keep, verbose    bool
	timeout                          time.Duration
}

func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("live", flag.ContinueOnError)
	f.StringVar(&o.release, "release", "bookworm", "Debian release: bookworm or trixie")
	f.StringVar(&o.cgroup, "cgroup", "v2", "control group hierarchy: v1 or v2")
	f.StringVar(&o.run, "run", "", "run only the tests that match this regular expression, as go test does")
	f.StringVar(&o.pkg, "pkg", "./...", "run only the tests of these packages")
	f.StringVar(&o.accel, "accel", "auto", "how QEMU runs the machine: auto, kvm or tcg")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "limit for each package's tests, and for the guest's silence")
	f.BoolVar(&o.rebuild, "rebuild", false, "build the image even if the cache has it")
	f.BoolVar(&o.shell, "shell", false, "run no tests: a root shell on the booted host")
	f.BoolVar(&o.keep, "keep", false, "keep the machine's disks, and say how to boot them again")
	f.BoolVar(&o.verbose, "v", false, "show the tests' output and the console as they come")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, usage(err)
		}
		return o, usage(err)
	}
	if f.NArg() > 0 {
		return o, usage(fmt.Errorf("unexpected argument %q", f.Arg(0)))
	}
	if _, ok := releases[o.release]; !ok {
		return o, usage(fmt.Errorf("-release %q: want bookworm or trixie", o.release))
	}
	if o.cgroup != "v1" && o.cgroup != "v2" {
		return o, usage(fmt.Errorf("-cgroup %q: want v1 or v2", o.cgroup))
	}
	if o.release == "trixie" && o.cgroup == "v1" {
		return o, usage(errors.New("-cgroup v1: systemd 257 of trixie has no legacy hierarchy"))
	}
	return o, nil
}
