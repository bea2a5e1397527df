package main

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// options are the command line's.
type options struct {
	release, cgroup, run, pkg, accel    string
	rebuild, shell, keep, verbose, pins bool
	resume                              string
	timeout                             time.Duration
}

// usageError is a mistake in the arguments: exit status 2.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usage(err error) error { return usageError{err} }

func parseOptions(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("live", flag.ContinueOnError)
	f.StringVar(&o.release, "release", "bookworm", "Debian `release`: bookworm or trixie")
	f.StringVar(&o.cgroup, "cgroup", "v2", "control group `hierarchy`: v1 or v2")
	f.StringVar(&o.run, "run", "", "run only the tests that match this regular `expression`, as go test does")
	f.StringVar(&o.pkg, "pkg", "./...", "run only the tests of these `packages`, separated by spaces")
	f.StringVar(&o.accel, "accel", "auto", "`how` QEMU runs the machine: auto, kvm or tcg")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "limit for the tests of each package")
	f.BoolVar(&o.rebuild, "rebuild", false, "build the image even if the cache has it")
	f.BoolVar(&o.shell, "shell", false, "run no tests: a root shell on the booted host")
	f.BoolVar(&o.keep, "keep", false, "keep the machine's disks, and say how to boot them again")
	f.StringVar(&o.resume, "resume", "", "with -shell: boot the disks that -keep left in this `directory`")
	f.BoolVar(&o.verbose, "v", false, "show the console and the tests' output as they come")
	f.BoolVar(&o.pins, "pins", false, "resolve requirements.in, write requirements.txt, and no more")
	if err := f.Parse(args); err != nil {
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
	if o.accel != "auto" && o.accel != "kvm" && o.accel != "tcg" {
		return o, usage(fmt.Errorf("-accel %q: want auto, kvm or tcg", o.accel))
	}
	if strings.TrimSpace(o.pkg) == "" {
		return o, usage(errors.New("-pkg: no package"))
	}
	if _, err := regexp.Compile(o.run); err != nil {
		return o, usage(fmt.Errorf("-run: %w", err))
	}
	if o.resume != "" && !o.shell {
		return o, usage(errors.New("-resume needs -shell"))
	}
	return o, nil
}
