package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mark is what -test.v=test2json puts before the lines that are not a test's
// own.
const mark = "\x16"

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name, output, exit string
		want               []result
	}{
		{
			name: "pass, fail and an excused skip",
			output: `
%=== RUN   TestLiveA
%--- PASS: TestLiveA (1.25s)
%=== RUN   TestLiveB
    b_test.go:3: no
%--- FAIL: TestLiveB (0.50s)
%=== RUN   TestLiveC
    c_test.go:3: host bookworm/v2 has no cgroup v1
%--- SKIP: TestLiveC (0.00s)
%=== NAME  
FAIL
`,
			exit: "exit status 1",
			want: []result{
				{test: "TestLiveA", verdict: pass, seconds: 1.25},
				{test: "TestLiveB", verdict: fail, seconds: 0.5},
				{test: "TestLiveC", verdict: skip},
			},
		},
		{
			name: "skips that nothing excuses",
			output: `
%=== RUN   TestLiveA
    a_test.go:3: not today
%--- SKIP: TestLiveA (0.00s)
%=== RUN   TestLiveB
%=== RUN   TestLiveB/part
    b_test.go:3: nor this
%--- PASS: TestLiveB (0.00s)
    %--- SKIP: TestLiveB/part (0.00s)
%=== RUN   TestLiveC
%--- PASS: TestLiveC (0.00s)
%=== NAME  
PASS
`,
			want: []result{
				{test: "TestLiveA", verdict: fail, note: "TestLiveA was skipped, which nothing excuses"},
				{test: "TestLiveB", verdict: fail, note: "TestLiveB/part was skipped, which nothing excuses"},
				{test: "TestLiveC", verdict: pass},
			},
		},
		{
			name: "a crash in the midst, and a test that did not run",
			output: `
%=== RUN   TestLiveA
%--- PASS: TestLiveA (0.00s)
%=== RUN   TestLiveB
panic: oh
`,
			exit: "exit status 2",
			want: []result{
				{test: "TestLiveA", verdict: pass},
				{test: "TestLiveB", verdict: fail, note: "did not end"},
				{test: "TestLiveC", verdict: fail, note: "did not end"},
			},
		},
		{
			name: "all pass, and yet the binary fails",
			output: `
%=== RUN   TestLiveA
%--- PASS: TestLiveA (0.00s)
%=== RUN   TestLiveB
%--- PASS: TestLiveB (0.00s)
%=== RUN   TestLiveC
%--- PASS: TestLiveC (0.00s)
%=== NAME  
PASS
`,
			exit: "exit status 66",
			want: []result{
				{test: "TestLiveA", verdict: pass},
				{test: "TestLiveB", verdict: pass},
				{test: "TestLiveC", verdict: pass},
				{test: "(binary)", verdict: fail, note: "exit status 66"},
			},
		},
		{
			name: "silence",
			want: []result{
				{test: "TestLiveA", verdict: fail, note: "did not end"},
				{test: "TestLiveB", verdict: fail, note: "did not end"},
				{test: "TestLiveC", verdict: fail, note: "did not end"},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := testPackage{path: "m/x", dir: "x", tests: []string{"TestLiveA", "TestLiveB", "TestLiveC"}}
			output := strings.ReplaceAll(strings.TrimPrefix(tt.output, "\n"), "%", mark)
			for i := range tt.want {
				tt.want[i].pkg = "x"
			}
			got, err := judge(t.Context(), p, []byte(output), tt.exit)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	failures, err := writeTable(&out, []result{
		{pkg: "units", test: "TestLiveWatch", verdict: pass, seconds: 1.5},
		{pkg: "journal", test: "TestLiveFollow", verdict: fail, note: "did not end"},
		{pkg: "units", test: "TestLiveV1", verdict: skip},
	})
	require.NoError(t, err)
	assert.Equal(t, 1, failures)
	assert.Equal(t, `package  test            result  seconds
journal  TestLiveFollow  FAIL       0.00  did not end
units    TestLiveWatch   ok         1.50
units    TestLiveV1      skip       0.00
`, out.String())
}
