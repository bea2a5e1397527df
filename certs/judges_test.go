package certs_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
)

// tool runs a command to its end. It has no terminal: nginx and openssl ask
// there for the passphrase of a key.
func tool(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, testenv.Tool(t, name), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// nginxConf writes a configuration with one server for each directory of a
// pair, listening on a socket named for it.
func nginxConf(t testing.TB, prefix string, dirs ...string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "daemon off; pid %[1]s/nginx.pid; error_log %[1]s/error.log notice; worker_processes 1;\nevents { worker_connections 512; }\nhttp { access_log off;\n", prefix)
	for _, p := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "%s_temp_path %s/tmp-%s;\n", p, prefix, p)
	}
	for _, dir := range dirs {
		fmt.Fprintf(&b, "server { listen unix:%[1]s.sock ssl; ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/cert.key; location / { return 200 hub; } }\n", dir)
	}
	b.WriteString("}\n")
	conf := filepath.Join(prefix, "nginx.conf")
	require.NoError(t, os.WriteFile(conf, []byte(b.String()), 0o600))
	return conf
}

// nginxTest runs nginx -t on one pair.
func nginxTest(t testing.TB, prefix, dir string) error {
	t.Helper()
	out, err := tool(t, "nginx", "-t", "-q", "-p", prefix, "-c", nginxConf(t, prefix, dir))
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// startNginx serves the pairs of the directories until the test ends.
func startNginx(t testing.TB, prefix string, dirs ...string) *os.Process {
	t.Helper()
	cmd := exec.Command(testenv.Tool(t, "nginx"), "-p", prefix, "-c", nginxConf(t, prefix, dirs...))
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	for _, dir := range dirs {
		await(t, func() bool {
			c, err := net.Dial("unix", dir+".sock")
			if err == nil {
				c.Close()
			}
			return err == nil
		}, "nginx: %s", &out)
	}
	return cmd.Process
}

func await(t testing.TB, done func() bool, format string, args ...any) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: "+format, args...)
		}
	}
}

// node is a Node process that serves pairs as configurable-http-proxy does,
// by tls.createServer.
type node struct {
	mu  sync.Mutex
	in  *json.Encoder
	out *bufio.Scanner
}

// nodeProgram answers each line, a directory, with a line: empty once the
// pair of the directory is served on "node.sock" in it, or the error.
const nodeProgram = `
const fs = require('fs'), tls = require('tls'), rl = require('readline');
rl.createInterface({input: process.stdin}).on('line', line => {
  const dir = JSON.parse(line), say = s => console.log(JSON.stringify(s));
  try {
    const s = tls.createServer({cert: fs.readFileSync(dir + '/cert.pem'), key: fs.readFileSync(dir + '/cert.key')}, c => c.end());
    s.on('tlsClientError', () => {});
    s.listen(dir + '/node.sock', () => say(''));
  } catch (e) { say(String(e.message)); }
}).on('close', () => process.exit(0));
`

func startNode(t testing.TB) *node {
	t.Helper()
	cmd := exec.Command(testenv.Tool(t, "node"), "-e", nodeProgram)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &node{in: json.NewEncoder(in), out: bufio.NewScanner(out)}
}

func (n *node) serve(t testing.TB, dir string) error {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	require.NoError(t, n.in.Encode(dir))
	require.True(t, n.out.Scan(), "node ended: %v", n.out.Err())
	var answer string
	require.NoError(t, json.Unmarshal(n.out.Bytes(), &answer))
	if answer != "" {
		return fmt.Errorf("node: %s", answer)
	}
	return nil
}

// The clients, each of which verifies the chain to the roots and the name
// hub.test.

func goClient(t testing.TB, sock string, roots *x509.CertPool) error {
	t.Helper()
	d := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "hub.test"}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "unix", sock)
	if err != nil {
		return err
	}
	return conn.Close()
}

func opensslClient(t testing.TB, sock, rootFile string) error {
	t.Helper()
	out, err := tool(t, "openssl", "s_client", "-unix", sock, "-servername", "hub.test", "-verify_hostname", "hub.test",
		"-CAfile", rootFile, "-verify_return_error", "-brief")
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// curlClients has curl connect to each of the sockets: one process for all,
// whose start costs more than a connection.
func curlClients(t testing.TB, rootFile string, socks []string) map[string]error {
	t.Helper()
	var args []string
	for _, sock := range socks {
		// A session that is resumed is one whose chain is not verified.
		args = append(args, "--next", "-sS", "--noproxy", "*", "--no-sessionid", "--cacert", rootFile, "--unix-socket", sock,
			"--write-out", "%{exitcode} %{errormsg}\n", "--output", os.DevNull, "--stderr", os.DevNull, "https://hub.test/")
	}
	out, _ := tool(t, "curl", args[1:]...) // its exit status is that of the last
	answers := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	require.Len(t, answers, len(socks), "%s", out)
	errs := map[string]error{}
	for i, answer := range answers {
		if answer != "0 " {
			errs[socks[i]] = errors.New("curl: " + answer)
		}
	}
	return errs
}
