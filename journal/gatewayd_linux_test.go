package journal

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/journalgen"
	"github.com/hubhost/hubhost/internal/testenv"
)

// TestReadExportOfGatewayd reads what systemd-journal-gatewayd serves.
func TestReadExportOfGatewayd(t *testing.T) {
	t.Parallel()
	gatewayd := testenv.Tool(t, "systemd-journal-gatewayd")
	const directory = "JOURNAL_GATEWAYD_DIRECTORY"
	if dir := os.Getenv(directory); dir != "" {
		// This is the process below, which becomes gatewayd: it takes the
		// socket only from who names its process ID.
		env := append(os.Environ(), "LISTEN_FDS=1", "LISTEN_PID="+strconv.Itoa(os.Getpid()))
		require.NoError(t, syscall.Exec(gatewayd, []string{gatewayd, "--directory=" + dir}, env))
	}

	dir, _ := generated(t, journalgen.Config{Entries: 500, Units: 20}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	defer socket.Close()
	self, err := os.Executable()
	require.NoError(t, err)
	server := exec.Command(self, "-test.run=^"+t.Name()+"$")
	server.Env = append(os.Environ(), directory+"="+dir)
	server.ExtraFiles = []*os.File{socket}
	require.NoError(t, server.Start())
	defer func() {
		require.NoError(t, server.Process.Kill())
		_ = server.Wait()
	}()

	q := Query{Match: Field("PRIORITY", "6")}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/entries?PRIORITY=6", nil)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/vnd.fdo.journal")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	got := exported(collect(t, ReadExport(response.Body)))
	want := answer(t, openDir(t, dir), q)
	assert.Greater(t, count(want), 100)
	assert.Equal(t, string(want), string(got))
}
