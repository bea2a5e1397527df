package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const output = `goos: linux
pkg: github.com/hubhost/hubhost/internal/bench
BenchmarkCgroupstat/hubhost-sample-2         	  124021	      9885 ns/op	        16.00 syscalls/op	       0 B/op	       0 allocs/op
BenchmarkSpawnercfgParse-2   	      50	 697.37 MB/s	    888746 ast.parse-ns/file
--- BENCH: BenchmarkJournalWhole-2
    journal_test.go:326: 500000 entries
        owned                  545.46 ms
BenchmarkUnitsRead200/session 	       2	       153.7 bus-ms
PASS
ok  	github.com/hubhost/hubhost/internal/bench	22.169s
`

func TestFiguresOfGoTest(t *testing.T) {
	f := figures{}
	require.NoError(t, f.read(strings.NewReader(output)))
	assert.Equal(t, figures{
		"Cgroupstat/hubhost-sample": {"ns/op": 9885, "syscalls/op": 16, "B/op": 0, "allocs/op": 0},
		"SpawnercfgParse":           {"MB/s": 697.37, "ast.parse-ns/file": 888746},
		"UnitsRead200/session":      {"bus-ms": 153.7},
	}, f)
}

func TestMissingFigureIsNamed(t *testing.T) {
	_, err := render(figures{})
	assert.ErrorContains(t, err, "no MB/s of BenchmarkSpawnercfgParse")
}

// TestReadmeHasTheTable holds that the README has this table, whatever the
// figures.
func TestReadmeHasTheTable(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	without, err := replace(readme, nil)
	require.NoError(t, err)
	table := string(readme[strings.Index(string(readme), begin)+len(begin):])
	table = table[:len(readme)-len(without)]
	var pattern strings.Builder
	for i, literal := range regexp.MustCompile(`\{\{if.*?\{\{end\}\}|\{\{.*?\}\}`).Split(layout, -1) {
		if i > 0 {
			pattern.WriteString(`.*`)
		}
		pattern.WriteString(regexp.QuoteMeta(literal))
	}
	assert.Regexp(t, "^"+pattern.String()+"$", table)
}
