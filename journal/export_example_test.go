package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hubhost/hubhost/journal"
)

func ExampleParseTime() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 11, 22, 20, 30, 0, 0, berlin)
	for _, s := range []string{"yesterday", "2 hours ago", "-1h 30min", "2026-11-01 12:00", "2026-11-01T12:00Z", "08:15", "last week"} {
		t, err := journal.ParseTime(s, now, berlin)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(t.Format(time.DateTime))
	}
	// Output:
	// 2026-11-21 00:00:00
	// 2026-11-22 18:30:00
	// 2026-11-22 19:00:00
	// 2026-11-01 12:00:00
	// 2026-11-01 13:00:00
	// 2026-11-22 08:15:00
	// journal: time "last week": byte 0: want a time such as "yesterday", "2 hours ago", "-1h", "2024-01-05 12:00" or "@1700000000"
}

func ExampleParsePriorities() {
	for _, s := range []string{"err", "warning..info", "9"} {
		set, err := journal.ParsePriorities(s)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(set, set.Has(journal.Notice))
	}
	// Output:
	// emerg..err false
	// warning..info true
	// journal: priority "9": byte 0: want one of emerg, alert, crit, err, warning, notice, info, debug, or 0 to 7
}

// The log of another host comes through SSH.
func ExampleReadExport() {
	ctx := context.Background()
	query := journal.Query{Units: []string{"jupyterhub"}, Newest: 100}
	args, err := query.Args()
	if err != nil {
		fmt.Println(err)
		return
	}
	command := journal.CommandLine(append([]string{"journalctl"}, args...)...)
	ssh := exec.CommandContext(ctx, "ssh", "hub.example.org", command)
	var stderr bytes.Buffer
	ssh.Stderr = &stderr
	stdout, err := ssh.StdoutPipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := ssh.Start(); err != nil {
		fmt.Println(err)
		return
	}
	for e, err := range journal.ReadExport(stdout) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(e.Time(), e.Message())
	}
	if err := ssh.Wait(); err != nil {
		fmt.Println(err, stderr.String())
	}
}

func ExampleQuery_Args() {
	query := journal.Query{
		Units:      []string{"jupyter-alice"},
		Priorities: journal.AtLeast(journal.Err),
		Since:      time.Unix(1700000000, 0),
		Match:      journal.Any(journal.Field("_UID", "1000"), journal.Field("CODE_FUNC", "it's; reboot")),
	}
	args, err := query.Args()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(journal.CommandLine(append([]string{"journalctl"}, args...)...))
	// Output: journalctl --output=export --all --quiet --no-pager --since=@1700000000.000000 --priority=emerg..err --unit=jupyter-alice _UID=1000 + 'CODE_FUNC=it'\''s; reboot'
}

const stream = `__REALTIME_TIMESTAMP=1700606931464800
_HOSTNAME=hub
SYSLOG_IDENTIFIER=jupyterhub
_PID=42
MESSAGE=Spawning "alice"

`

// The other forms of an entry.
func ExampleEntry_AppendShort() {
	for e, err := range journal.ReadExport(strings.NewReader(stream)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		os.Stdout.Write(e.AppendShort(nil, time.UTC))
		fmt.Println(e.Message())
	}
	// Output:
	// Nov 21 22:48:51 hub jupyterhub[42]: Spawning "alice"
	// Spawning "alice"
}

func ExampleEntry_AppendJSON() {
	var line []byte
	for e, err := range journal.ReadExportLent(strings.NewReader(stream)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		line = append(e.AppendJSON(line[:0], 0), '\n')
		fmt.Println(len(line) > 0, bytes.Contains(line, []byte(`"MESSAGE":"Spawning \"alice\""`)))
	}
	// Output: true true
}

// A part of the journal is handed on, for systemd-journal-remote or
// ReadExport.
func ExampleWriteExport() {
	ctx := context.Background()
	j, err := journal.Open(journal.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()
	query := journal.Query{Units: []string{"jupyter-alice"}, Since: time.Now().Add(-time.Hour)}
	if err := journal.WriteExport(os.Stdout, j.EntriesLent(ctx, query)); err != nil {
		fmt.Println(err)
	}
}
