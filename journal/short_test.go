package journal

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAppendShort(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	entry := func(fields string) *Entry {
		return collect(t, ReadExport(strings.NewReader("__REALTIME_TIMESTAMP=1700606931464800\n_HOSTNAME=hub\n_PID=42\n"+fields+
			"MESSAGE\n\x08\x00\x00\x00\x00\x00\x00\x00up\ndown\n\n\n")))[0]
	}
	e := entry("SYSLOG_IDENTIFIER=jupyterhub\n")
	assert.Equal(t, "Nov 21 23:48:51 hub jupyterhub[42]: up\n                                    down\n", string(e.AppendShort(nil, berlin)))
	assert.Equal(t, string(e.AppendShort(nil, time.Local)), string(e.AppendShort(nil, nil)))
	// journalctl 252 does not indent by a name that it has not got.
	assert.Equal(t, "Nov 21 23:48:51 hub unknown[42]: up\n                         down\n", string(entry("").AppendShort(nil, berlin)))
}

func TestAppendShortIsSafeOnATerminal(t *testing.T) {
	for _, m := range oddMessages {
		for _, name := range []string{"MESSAGE", "SYSLOG_IDENTIFIER", "_HOSTNAME", "_PID"} {
			var e Entry
			e.appendField([]byte(name), []byte(m))
			e.appendField([]byte("MESSAGE"), []byte("x"))
			for _, line := range bytes.Split(e.AppendShort(nil, nil), []byte("\n")) {
				assert.True(t, printableText(line, false), "%s=%q: %q", name, m, line)
			}
		}
	}
}

func TestShortAsJournalctl(t *testing.T) {
	_, judge := oddJournal(t)
	var ours []byte
	for e, err := range ReadExport(bytes.NewReader(judge.export(t))) {
		require.NoError(t, err)
		ours = e.AppendShort(ours, time.UTC)
	}
	// systemd 252 prints sizes as 1.0K, 257 as 1K.
	theirs := strings.Split(strings.ReplaceAll(string(judge.output(t, "--output=short")), ".0K blob data]", "K blob data]"), "\n")
	got := strings.Split(string(ours), "\n")
	for i, line := range theirs {
		if i < len(got) {
			assert.Equal(t, line, got[i])
		}
	}
	assert.Len(t, got, len(theirs))
}
