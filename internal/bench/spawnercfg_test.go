package bench

import (
	"bufio"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hubhost/hubhost/spawnercfg"
)

// generatedConfig makes a file of at least size bytes like the one that
// `jupyterhub --generate-config` writes: every option of every class as a
// comment with its help above it, and a few that an administrator has set.
func generatedConfig(size int) []byte {
	var b strings.Builder
	b.WriteString("# Configuration file for jupyterhub.\n\nc = get_config()  #noqa\n\n")
	for section := 0; b.Len() < size; section++ {
		rule := "#" + strings.Repeat("-", 78) + "\n"
		fmt.Fprintf(&b, "%s# Section%d(LoggingConfigurable) configuration\n%s", rule, section, rule)
		for option := range 12 {
			fmt.Fprintf(&b, "## What option %d of this class is for, in a line of help.\n#  \n"+
				"#  Then more of it, which goes on for a while and says 'quoted' things\n"+
				"#  and \"others\", with a list::\n#  \n#      c.Section.option = [{'name': 'value'}]\n#  Default: False\n"+
				"# c.Section%d.option_%d = False\n\n", option, section, option)
		}
		switch section % 4 {
		case 0:
			fmt.Fprintf(&b, "c.Section%d.mem_limit = '2G'\n\n", section)
		case 1:
			fmt.Fprintf(&b, "c.Section%d.environment = {\n    'LANG': 'C.UTF-8',  # for everybody\n    'A': 'b',\n}\n\n", section)
		case 2:
			fmt.Fprintf(&b, "if get_hostname() == 'test':\n    c.Section%d.args = ['--debug', f'--name={name!r}']\n\n", section)
		}
	}
	return []byte(b.String())
}

// parseLoop is what the peer runs: for each line of input twenty times
// ast.parse, and the fastest in nanoseconds as the answer.
const parseLoop = `
import ast, sys, time
source = sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))
for line in sys.stdin.buffer:
    times = []
    for _ in range(20):
        start = time.perf_counter_ns()
        ast.parse(source)
        times.append(time.perf_counter_ns() - start)
    print(min(times), flush=True)
`

// BenchmarkSpawnercfgParse reads a configuration of 100 KB, which settles
// what every option of it is, in turns with CPython's ast.parse of the same bytes. The peer
// times itself, so that its start does not count; of each turn both sides give
// their fastest of twenty, and the medians over the turns are reported.
func BenchmarkSpawnercfgParse(b *testing.B) {
	src := generatedConfig(100_000)
	cmd := exec.Command("python3", "-c", parseLoop)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Skip(err)
	}
	defer func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	}()
	out := bufio.NewScanner(pipe)
	fmt.Fprintf(in, "%d\n%s", len(src), src)

	f, err := spawnercfg.Parse(src, spawnercfg.ParseOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if n := len(f.Settings()); n < 10 {
		b.Fatalf("%d settings", n)
	}
	var ours, peer []time.Duration
	for b.Loop() {
		fastest := time.Hour
		for range 20 {
			start := time.Now()
			if _, err := spawnercfg.Parse(src, spawnercfg.ParseOptions{}); err != nil {
				b.Fatal(err)
			}
			fastest = min(fastest, time.Since(start))
		}
		ours = append(ours, fastest)
		fmt.Fprintln(in)
		if !out.Scan() {
			b.Fatal("the peer ended: ", out.Err())
		}
		ns, err := strconv.Atoi(out.Text())
		if err != nil {
			b.Fatal(err)
		}
		peer = append(peer, time.Duration(ns))
	}
	median := func(d []time.Duration) time.Duration {
		slices.Sort(d)
		return d[len(d)/2]
	}
	b.ReportMetric(float64(len(src))/1e6/median(ours).Seconds(), "MB/s")
	b.ReportMetric(float64(median(ours).Nanoseconds()), "ns/file")
	b.ReportMetric(float64(median(peer).Nanoseconds()), "ast.parse-ns/file")
	b.ReportMetric(float64(median(peer))/float64(median(ours)), "x-faster-than-ast.parse")
	b.ReportMetric(0, "ns/op")
}
