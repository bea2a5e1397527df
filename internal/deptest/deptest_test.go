// Package deptest holds the boundaries between the packages: what each may
// import is a promise to the programs that import it.
package deptest

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/hubhost/hubhost"

// allowed lists, for each public package, what it may pull in beside the
// standard library and golang.org/x/sys: a program pays only for what it
// uses.
var allowed = map[string][]string{
	"spawnercfg": nil,
	"certs":      {"golang.org/x/net", "golang.org/x/text"},
	"units":      {"github.com/godbus/dbus/v5"},
	"cgroupstat": {
		"github.com/containerd/cgroups/v3",
		"github.com/cilium/ebpf", "github.com/coreos/go-systemd/v22", "github.com/docker/go-units",
		"github.com/godbus/dbus/v5", "github.com/containerd/log", "github.com/moby/sys/userns",
		"github.com/opencontainers/runtime-spec", "github.com/sirupsen/logrus",
		"google.golang.org/protobuf", "golang.org/x/exp",
	},
	"journal": {
		"github.com/klauspost/compress", "github.com/pierrec/lz4/v4",
		"github.com/ulikunitz/xz", "github.com/dchest/siphash",
	},
}

// refused are packages of the standard library that a library has no
// business with.
var refused = map[string]string{
	"log":      "a library returns errors, it does not log",
	"log/slog": "a library returns errors, it does not log",
	"testing":  "test helpers belong in a package of their own",
}

func TestPackagesStandAlone(t *testing.T) {
	for pkg, deps := range allowed {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			for _, dep := range list(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+"/"+pkg) {
				switch {
				case within(dep, module+"/"+pkg), within(dep, module+"/internal"), within(dep, "golang.org/x/sys"):
				case within(dep, module):
					t.Errorf("%s imports %s: what joins two packages lives in examples/", pkg, dep)
				default:
					ok := false
					for _, a := range deps {
						ok = ok || within(dep, a)
					}
					if !ok {
						t.Errorf("%s pulls in %s, which internal/deptest does not allow it", pkg, dep)
					}
				}
			}
			for _, line := range list(t, "-f", "{{$p := .ImportPath}}{{range .Imports}}{{$p}}={{.}}\n{{end}}", module+"/"+pkg+"/...") {
				importer, imported, _ := strings.Cut(line, "=")
				if strings.HasSuffix(importer, "test") {
					continue
				}
				if reason, ok := refused[imported]; ok {
					t.Errorf("%s imports %s: %s", importer, imported, reason)
				}
			}
		})
	}
}

func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}
