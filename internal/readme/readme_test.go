// Package readme holds the programs that the README shows, so that they
// compile, and the test that it shows these and no others.
package readme

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgramsAreThoseOfTheREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var shown []string
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1) {
		shown = append(shown, string(m[1]))
	}
	var kept []string
	for _, pkg := range []string{"spawnercfg", "certs", "units", "cgroupstat", "journal"} {
		program, err := os.ReadFile(pkg + "/main.go")
		require.NoError(t, err)
		kept = append(kept, string(program))
	}
	assert.Equal(t, kept, shown)
}
