package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hubhost/hubhost/internal/live/wire"
)

// machine is one boot of an image.
type machine struct {
	image    image
	overlay  string // takes what is written to the image's disk
	payload  string
	accel    string // kvm or tcg
	cgroup   string // v1 or v2
	powerOff bool   // the guest shuts down in order when its plan is carried out
	terminal bool   // the serial console is this process's terminal
	verbose  bool   // the serial console is copied to standard error
}

// The virtual machine's size.
const (
	memory = "2048M"
	cpus   = "2"
)

// chooseAccel says how the machine is to run, where that is left open: with
// the kernel's help where this user may have it, else by QEMU's own emulation.
func chooseAccel(want string) string {
	if want != "auto" {
		return want
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return "tcg"
	}
	f.Close()
	// A KVM that is built on neither extension (kvm_pvm) boots only kernels
	// that were made for it.
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || !hardwareKVM.Match(info) {
		return "tcg"
	}
	return "kvm"
}

var hardwareKVM = regexp.MustCompile(`(?m)^flags\s*:.*\s(vmx|svm)(\s|$)`)

// newOverlay makes the file that takes what the guest writes, so that the
// cached image is never written to.
func newOverlay(ctx context.Context, img image, path string) error {
	return run(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", img.disk, path)
}

// bootLimit is how long the machine may take to its first word: software
// emulation on busy cores takes a minute or two.
const bootLimit = 5 * time.Minute

// How a machine may end, beside what the guest says itself.
var (
	errDone  = errors.New("the plan is carried out")
	errHung  = errors.New("the guest said nothing for too long and was killed")
	errEnded = errors.New("the machine ended before its plan was carried out")
)

// boot runs the machine until its plan is carried out and hands each event to
// handle. silence is how long the guest may say nothing.
func (m machine) boot(ctx context.Context, silence time.Duration, handle func(wire.Event)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	socket := filepath.Join(filepath.Dir(m.overlay), "port.sock")
	os.Remove(socket)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer listener.Close()

	console := &tail{max: 8 << 10}
	cmd := command(ctx, "qemu-system-x86_64", m.args(socket)...)
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdout, cmd.Stderr = console, console
	if m.terminal {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	} else if m.verbose {
		cmd.Stdout = io.MultiWriter(console, os.Stderr)
	}
	if err := cmd.Start(); err != nil {
		return err
	}

	watchdog := time.AfterFunc(bootLimit, func() { cancel(errHung) })
	defer watchdog.Stop()
	told := make(chan error, 1)
	go func() {
		err := receive(listener, func(e wire.Event) {
			watchdog.Reset(silence)
			if m.terminal && e.Kind == wire.Stage {
				watchdog.Stop() // a person may be silent
			}
			handle(e)
		})
		if err == nil && !m.powerOff {
			cancel(errDone)
		}
		told <- err
	}()
	exit := cmd.Wait()
	// With QEMU the connection has ended, if it was ever made.
	listener.Close()
	err = <-told
	cause := context.Cause(ctx)
	if err == nil && (exit == nil || cause == errDone) {
		return nil
	}
	if cause != nil && cause != errDone {
		err = cause
	}
	return fmt.Errorf("%w (QEMU: %v)\nthe end of its console:\n%s", err, exit, console)
}

// args are QEMU's arguments. The guest has no network card.
func (m machine) args(socket string) []string {
	kernel := []string{"root=/dev/vda", "rw", "console=ttyS0", "panic=-1", "quiet",
		"systemd.show_status=1", "mitigations=off"}
	if m.cgroup == "v1" {
		kernel = append(kernel, "systemd.unified_cgroup_hierarchy=0", "systemd.legacy_systemd_cgroup_controller=1")
	}
	return []string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-machine", "q35,accel=" + m.accel, "-cpu", "qemu64", "-smp", cpus, "-m", memory,
		"-kernel", m.image.kernel, "-initrd", m.image.initrd, "-append", strings.Join(kernel, " "),
		"-drive", "if=none,id=root,format=qcow2,cache=unsafe,file=" + m.overlay,
		"-device", "virtio-blk-pci,drive=root,addr=4",
		"-drive", "if=none,id=payload,format=raw,cache=unsafe,file=" + m.payload,
		"-device", "virtio-blk-pci,drive=payload,serial=payload,addr=5",
		"-device", "virtio-rng-pci",
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-chardev", "socket,id=port,path=" + socket,
		"-device", "virtio-serial-pci", "-device", "virtserialport,chardev=port,name=" + wire.Port,
	}
}

// receive hands the guest's events on until the last one.
func receive(listener net.Listener, handle func(wire.Event)) error {
	conn, err := listener.Accept()
	if err != nil {
		return errEnded
	}
	defer conn.Close()
	for d := json.NewDecoder(conn); ; {
		var e wire.Event
		if err := d.Decode(&e); err != nil {
			return errEnded
		}
		switch e.Kind {
		case wire.Done:
			return nil
		case wire.Failed:
			return fmt.Errorf("the guest gave up: %s", e.Text)
		}
		handle(e)
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	max  int
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - t.max; extra > 0 {
		t.text = t.text[extra:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
