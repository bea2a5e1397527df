package jfiletest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/journal/internal/jfiletest"
)

func TestJournalctlReadsWhatIsBuilt(t *testing.T) {
	journalctl := testenv.Tool(t, "journalctl")
	for _, o := range jfiletest.Variants() {
		t.Run(o.String(), func(t *testing.T) {
			entries := jfiletest.Entries(100)
			path := filepath.Join(t.TempDir(), "test.journal")
			require.NoError(t, os.WriteFile(path, jfiletest.Build(o, entries), 0o600))
			var all, odd strings.Builder
			for i, e := range entries {
				message := strings.TrimPrefix(e.Fields[0], "MESSAGE=")
				fmt.Fprintln(&all, message)
				if i%2 == 1 {
					fmt.Fprintln(&odd, message)
				}
			}
			for want, args := range map[string][]string{all.String(): nil, odd.String(): {"PARITY=1"}} {
				cmd := exec.Command(journalctl, append([]string{"--file=" + path, "--all", "--output=cat"}, args...)...)
				cmd.Stderr = os.Stderr
				out, err := cmd.Output()
				require.NoError(t, err)
				assert.Equal(t, want, string(out), "%s", args)
			}
		})
	}
}
