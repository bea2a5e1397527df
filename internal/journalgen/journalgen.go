// Package journalgen makes journals of the kind that a JupyterHub host has, as
// large as wanted and always the same: the tests of package journal and the
// benchmarks read them. It writes the journal export format; [Build] has
// systemd-journal-remote turn it into journal files, so that they are systemd's
// own and not this module's idea of them.
package journalgen

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// Config says which journal to make. The zero value of each field but Entries
// means what its comment says.
type Config struct {
	// Entries is how many entries the journal has.
	Entries int
	// Units is how many units write them; 0 means 200. All but eight are
	// users' servers, jupyter-u0.service and so on. Their shares follow Zipf's
	// law, so that some have very many entries and some very few.
	Units int
	// Boots is over how many boots of the machine they spread; 0 means 3.
	Boots int
	// Seed picks another journal.
	Seed uint64
}

const (
	span  = 7 * 24 * time.Hour
	start = 1_700_000_000 // s since 1970
)

// The shares of the priorities in 1000 entries, crit to debug.
var priorities = []struct{ priority, share int }{{2, 1}, {3, 20}, {4, 60}, {5, 119}, {6, 700}, {7, 100}}

var services = []string{
	"jupyterhub.service", "nginx.service", "ssh.service", "cron.service",
	"systemd-journald.service", "systemd-logind.service", "init.scope", "user@1000.service",
}

var words = strings.Fields(`
	kernel started restarting connection closed by peer websocket timeout saving file notebook checkpoint
	GET POST 200 404 302 user spawn pending activity culling server memory limit exceeded cpu quota
	throttled retry backoff proxy route session token renewed`)

// unit is what the entries of one unit have in common.
type unit struct {
	name, identifier string
	invocation       string
	pid, uid         int
}

// Write writes the journal in the export format. Each entry has 21 fields
// beside its address; one message in a hundred is long enough to be stored
// compressed, and one in five hundred is not text.
func (c Config) Write(w io.Writer) error {
	if c.Units == 0 {
		c.Units = 200
	}
	if c.Boots == 0 {
		c.Boots = 3
	}
	r := rand.New(rand.NewPCG(c.Seed, 0x6a6f75726e616c))
	machine, source := id(r), id(r)
	boots := make([]string, c.Boots)
	for i := range boots {
		boots[i] = id(r)
	}
	units := c.units(r)
	pick := zipf(len(units))

	out := bufio.NewWriterSize(w, 1<<20)
	step := span.Microseconds() / int64(max(c.Entries, 1))
	perBoot := c.Entries/c.Boots + 1
	realtime, monotonic := int64(start*1_000_000), int64(0)
	var b bytes.Buffer
	for i := range c.Entries {
		passed := step/5 + r.Int64N(step*8/5+1) + 1
		realtime += passed
		if i%perBoot == 0 {
			monotonic = 1_000_000
		}
		monotonic += passed
		boot := boots[i/perBoot]
		u := &units[pick(r.Float64())]
		priority := pickPriority(r.IntN(1000))

		b.Reset()
		fmt.Fprintf(&b, "__CURSOR=s=%s;i=%x;b=%s;m=%x;t=%x;x=%x\n", source, i+1, boot, monotonic, realtime, r.Uint64())
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n", realtime, monotonic, boot)
		fmt.Fprintf(&b, "PRIORITY=%d\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=%s\n_TRANSPORT=stdout\n_STREAM_ID=%s\n", priority, u.identifier, u.invocation)
		fmt.Fprintf(&b, "_PID=%d\n_UID=%d\n_GID=%d\n_COMM=%.15s\n", u.pid, u.uid, u.uid, u.identifier)
		fmt.Fprintf(&b, "_EXE=/opt/jupyterhub/bin/python3.12\n_CMDLINE=/opt/jupyterhub/bin/python3.12 /opt/jupyterhub/bin/%s\n", u.identifier)
		fmt.Fprintf(&b, "_CAP_EFFECTIVE=0\n_SYSTEMD_CGROUP=/system.slice/%s\n_SYSTEMD_UNIT=%s\n_SYSTEMD_SLICE=system.slice\n", u.name, u.name)
		fmt.Fprintf(&b, "_SYSTEMD_INVOCATION_ID=%s\n_MACHINE_ID=%s\n_HOSTNAME=hub\n", u.invocation, machine)
		writeMessage(&b, r, i)
		b.WriteByte('\n')
		if _, err := out.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (c Config) units(r *rand.Rand) []unit {
	var units []unit
	for i := range max(c.Units-len(services), 1) {
		units = append(units, unit{
			name: fmt.Sprintf("jupyter-u%d.service", i), identifier: "jupyterhub-singleuser",
			uid: 1000 + i%60,
		})
	}
	for _, name := range services {
		identifier, _, _ := strings.Cut(name, ".")
		units = append(units, unit{name: name, identifier: identifier})
	}
	for i := range units {
		units[i].invocation, units[i].pid = id(r), 300+r.IntN(60000)
	}
	// The popular ones are not always the first.
	r.Shuffle(len(units), func(i, j int) { units[i], units[j] = units[j], units[i] })
	return units
}

// zipf returns a function from a number in [0, 1) to one of n, of which the
// k-th has a share that is proportional to k to the power of -0.8.
func zipf(n int) func(float64) int {
	sums := make([]float64, n)
	total := 0.0
	for k := range sums {
		total += math.Pow(float64(k+1), -0.8)
		sums[k] = total
	}
	return func(x float64) int { return min(sort.SearchFloat64s(sums, x*total), n-1) }
}

func pickPriority(n int) int {
	for _, p := range priorities {
		if n -= p.share; n < 0 {
			return p.priority
		}
	}
	return 6
}

func writeMessage(b *bytes.Buffer, r *rand.Rand, i int) {
	var m []byte
	length := 4 + r.IntN(10)
	kind := r.IntN(1000)
	if kind < 10 {
		m = append(m, "Traceback (most recent call last): "...)
		length = 130
	}
	for range length {
		m = append(append(m, words[r.IntN(len(words))]...), ' ')
	}
	m = fmt.Appendf(m, "#%d", i)
	if kind < 998 {
		fmt.Fprintf(b, "MESSAGE=%s\n", m)
		return
	}
	m = append(m, "\nsecond line \x01\x02 é\n\xff\xfe"...)
	b.WriteString("MESSAGE\n")
	b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(m))))
	b.Write(m)
	b.WriteByte('\n')
}

func id(r *rand.Rand) string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], r.Uint64())
	binary.LittleEndian.PutUint64(b[8:], r.Uint64())
	return hex.EncodeToString(b[:])
}

// Variant is how systemd-journal-remote is to write a file, by the environment
// variables that it understands: SYSTEMD_JOURNAL_COMPACT and
// SYSTEMD_JOURNAL_KEYED_HASH, both 0 or 1, from systemd 252 on, and
// SYSTEMD_JOURNAL_COMPRESS, one of 0, LZ4, XZ and ZSTD, from 253 on.
type Variant []string

// Build writes the journal into the directory, which must exist: as many files
// gen*.journal as systemd-journal-remote, whose path is remote, makes of it.
func Build(ctx context.Context, remote, dir string, c Config, v Variant) error {
	stream, writer := io.Pipe()
	go func() { writer.CloseWithError(c.Write(writer)) }()
	defer stream.Close()
	return Import(ctx, remote, filepath.Join(dir, "gen.journal"), stream, v)
}

// Import has systemd-journal-remote, whose path is remote, turn a stream in the
// export format into the journal file path, and further ones beside it where
// it is full.
func Import(ctx context.Context, remote, path string, stream io.Reader, v Variant) error {
	cmd := exec.CommandContext(ctx, remote, "--output="+path, "-")
	cmd.Env = append(os.Environ(), v...)
	cmd.Stdin = stream
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("journalgen: %s: %w: %s", remote, err, out)
	}
	return nil
}
