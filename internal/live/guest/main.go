//go:build linux

// Command guest is the half of the live tier that runs inside the virtual
// machine. As a service it carries out the plan on the payload disk and tells
// the host how it goes; with -install it puts the payload's files over the
// machine's own, before the services that read them start.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hubhost/hubhost/internal/live/wire"
)

func main() {
	installOnly := flag.Bool("install", false, "put the payload's files in place, and no more")
	flag.Parse()
	err := error(nil)
	if *installOnly {
		err = install(wire.RootDir, "/")
	} else {
		err = serve()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve carries out the plan. What goes wrong in it is told to the host; the
// error is that the host cannot be told.
func serve() error {
	port, err := os.OpenFile("/dev/virtio-ports/"+wire.Port, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer port.Close()
	g := &guest{host: wire.NewSender(port)}
	plan, err := readPlan()
	if err == nil {
		g.run(plan)
	}
	last := wire.Event{Kind: wire.Done}
	if err != nil {
		last = wire.Event{Kind: wire.Failed, Text: err.Error()}
	}
	if err != nil || g.failed {
		g.sendJournal()
	}
	if plan.Console {
		g.console()
	}
	if err := g.host.Send(last); err != nil {
		return err
	}
	if plan.PowerOff {
		return exec.Command("systemctl", "poweroff").Run()
	}
	return nil
}

func readPlan() (wire.Plan, error) {
	var plan wire.Plan
	text, err := os.ReadFile(wire.PlanFile)
	if err != nil {
		return plan, err
	}
	return plan, json.Unmarshal(text, &plan)
}

type guest struct {
	host   *wire.Sender
	failed bool // a test binary did not end well
}

// run runs the test binaries. It does not wait for the hub, which takes longer
// to start than the rest: the tests that need it do.
func (g *guest) run(plan wire.Plan) {
	g.stage("booted")
	for _, p := range plan.Packages {
		g.test(plan, p)
	}
}

func (g *guest) stage(text string) {
	g.host.Send(wire.Event{Kind: wire.Stage, Text: text})
}

// test runs one test binary in its package's directory.
func (g *guest) test(plan wire.Plan, p wire.Package) {
	dir := filepath.Join(wire.SrcDir, p.Dir)
	cmd := exec.Command(filepath.Join(dir, wire.TestBinary),
		"-test.v=test2json", "-test.paniconexit0", "-test.run="+p.Run, "-test.timeout="+plan.Timeout)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LIVE=1", "LIVE_HOST="+plan.Host)
	cmd.Env = append(cmd.Env, plan.Env...)
	out := g.host.Stream(wire.Output, p.Dir)
	cmd.Stdout, cmd.Stderr = out, out
	exit := wire.Event{Kind: wire.Exit, Dir: p.Dir}
	if err := cmd.Run(); err != nil {
		exit.Text = err.Error()
		g.failed = true
	}
	g.host.Send(exit)
}

func (g *guest) sendJournal() {
	cmd := exec.Command("journalctl", "--boot", "--no-pager", "--output=short-precise")
	cmd.Stdout = g.host.Stream(wire.Journal, "")
	cmd.Stderr = cmd.Stdout
	cmd.Run()
}

// console hands the serial console to a root shell and returns when that
// ends. The kernel's messages would be in its way.
func (g *guest) console() {
	os.WriteFile("/proc/sys/kernel/printk", []byte("1"), 0)
	g.stage("console")
	exec.Command("systemctl", "start", "--wait", "hubhost-console.service").Run()
}
