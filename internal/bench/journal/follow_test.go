package journal

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/journal"
)

// BenchmarkJournalFollow sends entries to a journald, and tells how long it
// takes until each is seen by this module and by journalctl --follow.
func BenchmarkJournalFollow(b *testing.B) {
	messages := 300
	if testing.Short() {
		messages = 20
	}
	dir, send := startJournald(b)
	j := open(b, dir)
	follower, err := j.Follow(journal.Query{Identifiers: []string{"bench"}})
	require.NoError(b, err)
	follow := exec.Command("journalctl", "--directory="+dir, "--follow", "--lines=1", "--quiet", "--output=cat", "--identifier=bench")
	out, err := follow.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, follow.Start())
	defer func() {
		_ = follow.Process.Kill()
		_ = follow.Wait()
	}()

	// It waits for more when it has printed the last entry of before.
	lines := bufio.NewScanner(out)
	require.True(b, lines.Scan(), "journalctl ended")

	for b.Loop() {
		type sight struct {
			message int
			at      time.Time
		}
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		ours, theirs := make(chan sight, messages), make(chan sight, messages)
		go func() {
			defer close(ours)
			for e, err := range follower.Entries(ctx) {
				if err != nil {
					return
				}
				if n, err := strconv.Atoi(string(e.Message())); err == nil {
					ours <- sight{n, time.Now()}
					if n == messages-1 {
						return
					}
				}
			}
		}()
		go func() {
			defer close(theirs)
			for lines.Scan() {
				if n, err := strconv.Atoi(lines.Text()); err == nil {
					theirs <- sight{n, time.Now()}
					if n == messages-1 {
						return
					}
				}
			}
		}()
		sent := make([]time.Time, messages)
		var mine []time.Duration
		for i := range sent {
			sent[i] = time.Now()
			send("MESSAGE=" + strconv.Itoa(i) + "\nSYSLOG_IDENTIFIER=bench\n")
			s, ok := <-ours
			require.True(b, ok && s.message == i, "entry %d: %v", i, ctx.Err())
			mine = append(mine, s.at.Sub(sent[i]))
			// Otherwise every entry would come just after a look at the journal.
			time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond))))
		}
		var peers []time.Duration
		for s := range theirs {
			peers = append(peers, s.at.Sub(sent[s.message]))
		}
		cancel()
		for name, took := range map[string][]time.Duration{"": mine, "journalctl-": peers} {
			slices.Sort(took)
			for _, p := range []int{50, 99} {
				b.ReportMetric(float64(took[len(took)*p/100].Microseconds())/1000, fmt.Sprintf("%sp%d-ms", name, p))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
}

// journaldRoot names the variable that makes this binary become a journald
// whose /run and /var/log are below that directory.
const journaldRoot = "BENCH_JOURNALD_ROOT"

const machineID = "6a6f75726e616c64746573740a0a0a0a"

// startJournald starts a journald of the benchmark's own. It returns the
// directory of its journal, and a function that sends it an entry in its
// native protocol.
func startJournald(b *testing.B) (dir string, send func(entry string)) {
	b.Helper()
	testenv.Root(b)
	testenv.Tool(b, "journalctl")
	daemon := testenv.Tool(b, "systemd-journald")
	// Not b.TempDir: the path of a socket is limited to 107 bytes.
	root, err := os.MkdirTemp("", "journald")
	require.NoError(b, err)
	b.Cleanup(func() { os.RemoveAll(root) })
	for name, content := range map[string]string{
		"machine-id":                            machineID + "\n",
		"run/systemd/journal/flushed":           "",
		"run/systemd/journald.conf.d/00.conf":   "[Journal]\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n",
		"log/journal/" + machineID + "/.unused": "",
	} {
		path := filepath.Join(root, name)
		require.NoError(b, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b, os.WriteFile(path, []byte(content), 0o644))
	}
	journald := exec.Command(os.Args[0], daemon)
	journald.Env = append(os.Environ(), journaldRoot+"="+root)
	journald.Stdout, journald.Stderr = os.Stderr, os.Stderr
	journald.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	require.NoError(b, journald.Start())
	b.Cleanup(func() {
		_ = journald.Process.Signal(unix.SIGTERM)
		_ = journald.Wait()
	})
	var conn *net.UnixConn
	require.Eventually(b, func() bool {
		conn, err = net.DialUnix("unixgram", nil, &net.UnixAddr{Name: filepath.Join(root, "run/systemd/journal/socket"), Net: "unixgram"})
		return err == nil
	}, 10*time.Second, 10*time.Millisecond, "journald does not listen")
	b.Cleanup(func() { conn.Close() })
	send = func(entry string) {
		_, err := conn.Write([]byte(entry))
		require.NoError(b, err)
	}
	dir = filepath.Join(root, "log/journal", machineID)
	send("MESSAGE=first\nSYSLOG_IDENTIFIER=bench\n")
	require.Eventually(b, func() bool {
		names, err := os.ReadDir(dir)
		return err == nil && slices.ContainsFunc(names, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".journal") })
	}, 10*time.Second, 10*time.Millisecond, "journald has no journal")
	return dir, send
}

// becomeJournald is what this binary does where journaldRoot is set.
func becomeJournald(root, daemon string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	for from, to := range map[string]string{"machine-id": "/etc/machine-id", "run": "/run", "log": "/var/log"} {
		if err := unix.Mount(filepath.Join(root, from), to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", to, err)
		}
	}
	return unix.Exec(daemon, []string{daemon}, os.Environ())
}
