package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/journalgen"
	"github.com/hubhost/hubhost/internal/testenv"
)

const oddBoot = "17fc695a07a0ca6e0822e8f36c031199"

// oddMessages are what a hostile or careless program may log.
var oddMessages = []string{
	"plain", "tab\tx", "two\nlines", "a\r\nb", "a\r\r\nb", "lone\rcr", "tail\r", "end\n", "\n", "\n\nx", "  lead", "日本\t語",
	"\x1b[31mred\x1b[0m t", "\x1b[mreset", "\x1b[1;38;5;214mx", "\x1b[2Jclear", "\x1b[1;31", "\x1b[?25l", "\x1b", "\x1b[", "\x1b(B",
	"\x1b]8;;http://x\x07link\x1b]8;;\x07", "\x1b]", "\x1b]x\x1b[31mq", "esc\x1bonly", "a\x0bb", "\x7f", "\u0085", "é", "\u200b",
	"a\ufdd0b", "\ufffe", "\U0001ffff", "\x00", "\xff\xfe", "\xed\xa0\x80", "\xc0\x80", "quote\" back\\slash / </script>",
	"=", "A=B", strings.Repeat("x", 5000), strings.Repeat("\xff", 1023), strings.Repeat("\xff", 1024), strings.Repeat("\xff", 3000),
	strings.Repeat("\xfe", 1500000),
}

// oddEntries are entries, each a list of name and value, that differ from
// journald's own in every way in which they may.
func oddEntries() [][]string {
	var entries [][]string
	for _, m := range oddMessages {
		entries = append(entries, []string{"MESSAGE", m, "SYSLOG_IDENTIFIER", "id", "_PID", "7", "_HOSTNAME", "h"})
	}
	long := strings.Repeat("i", 299)
	return append(entries,
		[]string{"MESSAGE", "one", "MESSAGE", "two", "SYSLOG_IDENTIFIER", "a", "SYSLOG_IDENTIFIER", "b", "_PID", "7", "SYSLOG_PID", "9"},
		[]string{"MESSAGE", "no identifier", "_COMM", "comm", "SYSLOG_PID", "9", "_HOSTNAME", "h"},
		[]string{"MESSAGE", "nothing else"},
		[]string{"SYSLOG_IDENTIFIER", "no message"},
		[]string{"MESSAGE", "not text", "SYSLOG_IDENTIFIER", "b\x01d", "_COMM", "c", "_HOSTNAME", "h\x02"},
		[]string{"MESSAGE", "too long", "SYSLOG_IDENTIFIER", long + "i", "_COMM", "c", "_HOSTNAME", long},
		[]string{"MESSAGE", "source", "_SOURCE_REALTIME_TIMESTAMP", "1600000000000000"},
		[]string{"MESSAGE", "source bad", "_SOURCE_REALTIME_TIMESTAMP", "x"},
		[]string{"MESSAGE", "source zero", "_SOURCE_REALTIME_TIMESTAMP", "0"},
		[]string{"MESSAGE", "source beyond 64 bits", "_SOURCE_REALTIME_TIMESTAMP", "99999999999999999999"},
		[]string{"MESSAGE", "source beyond 55 bits", "_SOURCE_REALTIME_TIMESTAMP", "36028797018963968"},
		[]string{"MESSAGE", "large", "BIG", strings.Repeat("y", 4092), "BIG2", strings.Repeat("y", 4090), "BINARY", strings.Repeat("\xff", 4096)},
		[]string{"MESSAGE", "repeated", "TWICE", "a", "TWICE", "\xff", "TWICE", strings.Repeat("c", 5000), "TWICE", "a\nb"},
	)
}

// oddExport returns the odd entries in the export format, every value in the
// binary form; where a field is repeated, an entry of a journal file holds
// each of its values once.
func oddExport() []byte {
	var b []byte
	for i, fields := range oddEntries() {
		b = fmt.Appendf(b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n", int64(1700000000000000)+int64(i)*1000000, (i+1)*1000000, oddBoot)
		for j := 0; j < len(fields); j += 2 {
			b = append(append(b, fields[j]...), '\n')
			b = binary.LittleEndian.AppendUint64(b, uint64(len(fields[j+1])))
			b = append(append(b, fields[j+1]...), '\n')
		}
		b = append(b, '\n')
	}
	return b
}

// journalctl is the judge: the one of this host.
type journalctl struct {
	path    string
	version int
	from    []string
}

// newJournalctl returns a judge that reads what the arguments from say, such
// as --file=PATH.
func newJournalctl(t testing.TB, from ...string) journalctl {
	t.Helper()
	path := testenv.Tool(t, "journalctl")
	out, err := exec.Command(path, "--version").Output()
	require.NoError(t, err)
	var version int
	_, err = fmt.Sscanf(string(out), "systemd %d", &version)
	require.NoError(t, err)
	return journalctl{path: path, version: version, from: from}
}

// output runs journalctl in UTC.
func (j journalctl) output(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(j.path, append(append([]string{"--no-pager", "--quiet"}, j.from...), args...)...)
	cmd.Env = append(cmd.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8", "SYSTEMD_URLIFY=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s: %s", args, stderr.Bytes())
	return out
}

// export is what journalctl exports, in the form of systemd 255.
func (j journalctl) export(t testing.TB, args ...string) []byte {
	t.Helper()
	return j.modern(j.output(t, append([]string{"--output=export"}, args...)...))
}

// modern adds to the export of an older systemd what newer ones write: the
// sequence number, which the cursor has too.
func (j journalctl) modern(export []byte) []byte {
	if j.version >= 255 {
		return export
	}
	var b bytes.Buffer
	for e, err := range ReadExportLent(bytes.NewReader(export)) {
		if err != nil {
			panic(err)
		}
		b.Write(e.AppendExport(nil))
	}
	return b.Bytes()
}

// oddJournal is a journal file with the odd entries, and a judge of it.
func oddJournal(t testing.TB) (path string, judge journalctl) {
	t.Helper()
	remote := testenv.Tool(t, "systemd-journal-remote")
	path = filepath.Join(t.TempDir(), "odd.journal")
	require.NoError(t, journalgen.Import(t.Context(), remote, path, bytes.NewReader(oddExport()), nil))
	return path, newJournalctl(t, "--file="+path)
}
