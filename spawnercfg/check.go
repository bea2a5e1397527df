package spawnercfg

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hubhost/hubhost/internal/atomicfile"
	"github.com/hubhost/hubhost/spawnercfg/internal/py"
)

// Codes of [Checker.Check] beside those of [Lint].
const (
	// CodeConfigRaises is a file that raises an exception: the hub does not
	// start.
	CodeConfigRaises Code = "config-raises"
	// CodeConfigExits is a file that ends the process that reads it.
	CodeConfigExits Code = "config-exits"
	// CodeConfigNotRead is a file that traitlets does not read, because of its
	// name.
	CodeConfigNotRead Code = "config-not-read"
	// CodeClassNotLoaded is a spawner, authenticator or proxy that cannot be
	// loaded.
	CodeClassNotLoaded Code = "class-not-loaded"
	// CodeJSONOverrides is an option that a file of the same name and .json
	// overrides.
	CodeJSONOverrides Code = "json-overrides"
)

// ErrCheck is a check that did not come to a result: no such Python, one
// without JupyterHub, or one that ended without an answer. A check that took
// too long is the error of its context.
var ErrCheck = errors.New("the hub's Python gave no answer")

//go:embed probe.py
var probe string

// Checker asks an installed hub what it makes of a configuration file.
type Checker struct {
	// Python is the interpreter that the hub runs by, such as
	// /opt/jupyterhub/bin/python. It is required.
	Python string
	// Env is the environment of the check, as of [os.Environ]. A file that
	// looks up a variable of the hub's unit needs it here. Nil is a PATH, a
	// HOME of / and a UTF-8 locale, and no more: nothing of the caller's.
	Env []string
	// Dir is the working directory, which relative paths in the file are taken
	// from; the hub's unit says which it is there. Empty is the file's own.
	Dir string
	// Limit is how long the check may take. Zero is 30 s.
	Limit time.Duration
}

// CheckResult is what the hub's own classes say.
type CheckResult struct {
	// Report is the findings, of the codes of [Lint] and those above. Those
	// about options have no line, which [File.Place] gives them.
	Report Report
	// Versions has the versions of python, traitlets, jupyterhub and
	// jupyterhub-systemdspawner, and the classes that spawner_class,
	// authenticator_class and proxy_class name.
	Versions map[string]string
}

// Check has the hub's own Python load a file by traitlets, with a .json of
// the same name beside it as the hub does, and try every option on the
// classes that the hub would use.
//
// It executes the file, with all that the file does, as the user of this
// process: never check a file by it that root would not run. What the hub
// does after that it does not do: no database, cookie secret, proxy or
// spawner is touched, and nothing is written by the check itself. It finds
// what [Lint] cannot: errors of the code, options and classes of the
// installed versions, and values that are computed. What SystemdSpawner makes
// of a value at a user's start it does not try.
//
// When the context ends, or Limit has passed, every process of the check that
// is still in its process group is killed. The error is [ErrCheck], the
// context's, or of starting Python ([io/fs.ErrNotExist]); a file or Dir that is
// not there is one too, as is a file that cannot be read, or is none
// ([ErrNotRegular]).
func (c Checker) Check(ctx context.Context, file string) (CheckResult, error) {
	result, err := c.check(ctx, file)
	if err != nil {
		return CheckResult{}, fmt.Errorf("spawnercfg: check %s: %w", file, err)
	}
	return result, nil
}

func (c Checker) check(ctx context.Context, file string) (CheckResult, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return CheckResult{}, err
	}
	// What Python would wait for, such as a FIFO, or make nothing of.
	target, err := atomicfile.Resolve(file)
	if err != nil {
		return CheckResult{}, err
	}
	if _, _, err := atomicfile.Read(target, py.MaxSize); err != nil {
		return CheckResult{}, err
	}
	dir := c.Dir
	if dir == "" {
		dir = filepath.Dir(file)
	}
	// To start Python in a directory that is missing fails as if Python were.
	if _, err := os.Stat(dir); err != nil {
		return CheckResult{}, err
	}
	limit := c.Limit
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	answer, write, err := os.Pipe()
	if err != nil {
		return CheckResult{}, err
	}
	defer answer.Close()
	// -I would keep a relative import of the file's own folder out, and the
	// hub does not run with it; -B leaves no compiled files beside modules.
	cmd := exec.Command(c.Python, "-B", "-c", probe, file, "3")
	cmd.ExtraFiles = []*os.File{write}
	cmd.Dir = dir
	cmd.Env = c.Env
	if cmd.Env == nil {
		cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LC_ALL=C.UTF-8"}
	}
	var printed tail
	cmd.Stdout, cmd.Stderr = &printed, &printed
	// What the file has started, and has left the group, may hold the pipes
	// open.
	cmd.WaitDelay = time.Second
	setGroup(cmd)
	if err := cmd.Start(); err != nil {
		write.Close()
		return CheckResult{}, err
	}
	write.Close()
	read := make(chan readAnswer, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(answer, maxAnswer))
		read <- readAnswer{data, err}
	}()
	waited := waitGroup(ctx, cmd)
	answer.SetReadDeadline(time.Now().Add(time.Second))
	got := <-read
	if err := ctx.Err(); err != nil {
		return CheckResult{}, err
	}
	var reply struct {
		Findings []struct {
			Code, Option, Message, Hint string
			Line                        int
		}
		Versions map[string]string
	}
	if err := json.Unmarshal(got.data, &reply); err != nil {
		return CheckResult{}, fmt.Errorf("%w: %w%s", ErrCheck, errors.Join(waited, err), printed.lines())
	}
	result := CheckResult{Versions: reply.Versions}
	for _, r := range reply.Findings {
		f := Finding{Code: Code(r.Code), Option: r.Option, Message: r.Message, Hint: r.Hint, Severity: checkSeverity(Code(r.Code), r.Hint)}
		if r.Code == "check-failed" {
			return CheckResult{}, fmt.Errorf("%w: %s", ErrCheck, r.Message)
		}
		f.Pos.File, f.Pos.Line = file, r.Line
		result.Report = append(result.Report, f)
	}
	return result, nil
}

// maxAnswer bounds what is read of the probe.
const maxAnswer = 16 << 20

type readAnswer struct {
	data []byte
	err  error
}

// checkSeverity is Error but for what the hub merely ignores: a name like
// no other may be right for another version.
func checkSeverity(code Code, hint string) Severity {
	switch code {
	case CodeUnknownOption, CodeUnknownSection:
		if hint == "" {
			return Warning
		}
	case CodeJSONOverrides:
		return Warning
	}
	return Error
}

// tail keeps the end of what is written to it.
type tail struct {
	b []byte
}

const tailSize = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if n := len(t.b) - tailSize; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

func (t *tail) lines() string {
	if len(t.b) == 0 {
		return ""
	}
	return ": " + string(bytes.TrimSpace(t.b))
}
