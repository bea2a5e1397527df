// Package testenv decides whether a test has the surroundings it needs, and
// makes sure that a skip is true: where the surroundings are promised, a
// missing one is a failure. The tests of all packages use it.
//
// There are two promises. REQUIRE_TOOLS=1, set by .ci/run, promises every
// command that a test asks for by [Tool], and root where [Root] is asked.
// LIVE=1, set by internal/live inside the machine that it boots, promises the
// real host; what a host cannot have stands in the table of this package and
// nowhere else.
package testenv

import (
	"os"
	"os/exec"
	"slices"
	"testing"
)

// Capability is something that only some hosts of the live tier have.
type Capability string

// The capabilities that tests ask for by [Live].
const (
	// CgroupV2 is the unified control group hierarchy at /sys/fs/cgroup.
	CgroupV2 Capability = "cgroup v2"
	// CgroupV1 is the legacy hierarchy with one mount a controller.
	CgroupV1 Capability = "cgroup v1"
)

// absent lists, for each host of the live tier (the value of LIVE_HOST, set
// by internal/live), the capabilities that it does not have. A skip for any
// other reason inside a live host is a failure.
var absent = map[string][]Capability{
	"bookworm/v2": {CgroupV1},
	"bookworm/v1": {CgroupV2},
	"trixie/v2":   {CgroupV1},
}

// Live skips the test unless it runs as root in the live host, a throw-away
// virtual machine: these tests restart services, kill processes and fill
// disks. Every test that calls it is named TestLive….
func Live(t testing.TB, needs ...Capability) {
	t.Helper()
	if os.Getenv("LIVE") != "1" {
		t.Skip("needs the live host: go run ./internal/live -run " + t.Name())
	}
	host := os.Getenv("LIVE_HOST")
	lacks, known := absent[host]
	if !known {
		t.Fatalf("LIVE_HOST=%q is not in the capability table of internal/testenv", host)
	}
	for _, c := range needs {
		if slices.Contains(lacks, c) {
			t.Skipf("host %s has no %s", host, c)
		}
	}
}

// packages names the Debian package that has a command which a test may ask
// for.
var packages = map[string]string{
	"curl":                     "curl",
	"dbus-daemon":              "dbus-daemon",
	"journalctl":               "systemd",
	"nginx":                    "nginx-light",
	"node":                     "nodejs",
	"openssl":                  "openssl",
	"python3":                  "python3",
	"strace":                   "strace",
	"systemctl":                "systemd",
	"systemd":                  "systemd",
	"systemd-analyze":          "systemd",
	"systemd-escape":           "systemd",
	"systemd-journal-gatewayd": "systemd-journal-remote",
	"systemd-journal-remote":   "systemd-journal-remote",
	"systemd-journald":         "systemd",
	"systemd-stdio-bridge":     "systemd",
	"unshare":                  "util-linux",
}

// elsewhere holds the directories of commands that Debian keeps off PATH.
var elsewhere = []string{"/usr/sbin/", "/sbin/", "/usr/lib/systemd/", "/lib/systemd/"}

// Tool returns the path of a command that the test runs as a judge or a
// peer, and skips the test where it is not installed.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	for _, dir := range elsewhere {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	pkg, known := packages[name]
	if !known {
		t.Fatalf("internal/testenv does not know which package has %q", name)
	}
	Lack(t, "needs "+name+": apt-get install "+pkg)
	return ""
}

// Root skips the test unless it runs as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Lack(t, "needs root: sudo go test -run '^"+t.Name()+"$' in this package")
	}
}

// Lack ends a test that lacks something which neither [Tool] nor [Root]
// names; the reason says which command gives it that.
func Lack(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("REQUIRE_TOOLS") == "1" || os.Getenv("LIVE") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
