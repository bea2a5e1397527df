package spawnercfg_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// patience is for the hub's Python on a machine that is busy with other tests.
const patience = 5 * time.Minute

func writeConfig(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestCheck(t *testing.T) {
	checker := Checker{Python: hubPython(t), Limit: patience}
	for _, tt := range []struct {
		name, text string
		want       []Code
		// about is the options of the findings.
		about []string
	}{
		{"sound", "c.JupyterHub.spawner_class = 'systemd'\nc.SystemdSpawner.mem_limit = '2G'\nc.SystemdSpawner.extra_paths.append('/opt/bin')\nprint('hello')\n", nil, nil},
		{"many mistakes", "c.JupyterHub.spawner_class = 'systemd'\nc.JupyterHub.bogus_opt = 1\nc.Spawner.cpu_limit = '1'\nc.SystemdSpawner.mem_limit = '4GB'\nc.SystemdSpawner.mem_limt = 1\nc.SystemSpawner.x = 1\nc.SystemdSpawner.isolate_tmp = 'y' + 'es'\n",
			[]Code{CodeUnknownOption, CodeBadValue, CodeBadValue, CodeUnknownOption, CodeBadValue, CodeUnknownSection},
			[]string{"JupyterHub.bogus_opt", "Spawner.cpu_limit", "SystemdSpawner.mem_limit", "SystemdSpawner.mem_limt", "SystemdSpawner.isolate_tmp", "SystemSpawner"}},
		{"error of syntax", "c.X.y = 1\nif True\n", []Code{CodeConfigRaises}, []string{""}},
		{"exception", "\n\nraise ValueError('no')\n", []Code{CodeConfigRaises}, []string{""}},
		{"name", "", []Code{CodeConfigNotRead}, []string{""}},
		{"exit", "import sys\nsys.exit(3)\n", []Code{CodeConfigExits}, []string{""}},
		{"no such class", "c.JupyterHub.spawner_class = 'systemdx'\n", []Code{CodeBadValue}, []string{"JupyterHub.spawner_class"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := "jupyterhub_config.py"
			if tt.name == "name" {
				name = "jupyterhub.conf"
			}
			result, err := checker.Check(t.Context(), writeConfig(t, name, tt.text))
			require.NoError(t, err)
			var codes []Code
			var about []string
			for _, f := range result.Report {
				codes, about = append(codes, f.Code), append(about, f.Option)
			}
			assert.Equal(t, tt.want, codes, "%v", result.Report)
			assert.Equal(t, tt.about, about)
			assert.NotEmpty(t, result.Versions["jupyterhub"])
		})
	}
}

func TestCheckPlaces(t *testing.T) {
	checker := Checker{Python: hubPython(t), Limit: patience}
	result, err := checker.Check(t.Context(), writeConfig(t, "jupyterhub_config.py", "\n\nraise ValueError('no')\n"))
	require.NoError(t, err)
	require.Len(t, result.Report, 1)
	assert.Equal(t, 3, result.Report[0].Pos.Line)
	result, err = checker.Check(t.Context(), writeConfig(t, "jupyterhub_config.py", "x = 1\nif True\n"))
	require.NoError(t, err)
	assert.Equal(t, 2, result.Report[0].Pos.Line)
	assert.ErrorIs(t, result.Report.Err(), CodeConfigRaises)
}

// A File is checked as it is in memory, and what is found has the places of
// the file on disk.
func TestFileCheck(t *testing.T) {
	path := writeConfig(t, "jupyterhub_config.py", "c.JupyterHub.spawner_class = 'systemd'\nc.SystemdSpawner.mem_limit = '4G'\n")
	f, err := ReadFile(path, "")
	require.NoError(t, err)
	f, err = f.Set("SystemdSpawner", "mem_limit", pyvalue.Str("4GB"))
	require.NoError(t, err)
	result, err := f.Check(t.Context(), Checker{Python: hubPython(t), Limit: patience})
	require.NoError(t, err)
	require.Len(t, result.Report, 1, "%v", result.Report)
	assert.Equal(t, CodeBadValue, result.Report[0].Code)
	assert.Equal(t, Position{File: path, Line: 2, Column: 1}, result.Report[0].Pos)
}

func TestCheckReadsTheSibling(t *testing.T) {
	checker := Checker{Python: hubPython(t), Limit: patience}
	file := writeConfig(t, "jupyterhub_config.py", "c.JupyterHub.spawner_class = 'systemd'\nc.SystemdSpawner.mem_limit = '1G'\n")
	require.NoError(t, os.WriteFile(strings.TrimSuffix(file, "py")+"json", []byte(`{"SystemdSpawner": {"mem_limit": "2GB"}}`), 0o600))
	result, err := checker.Check(t.Context(), file)
	require.NoError(t, err)
	assert.Len(t, result.Report.With(CodeJSONOverrides), 1)
	assert.Len(t, result.Report.With(CodeBadValue), 1)
}

// TestCheckTouchesNothing runs in an empty folder.
func TestCheckTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	checker := Checker{Python: hubPython(t), Dir: dir, Limit: patience}
	file := writeConfig(t, "jupyterhub_config.py", "import os\nassert os.getcwd() == "+pyvalue.Str(dir).String()+"\nassert 'SECRET' not in os.environ\nc.JupyterHub.spawner_class = 'systemd'\n")
	t.Setenv("SECRET", "1")
	result, err := checker.Check(t.Context(), file)
	require.NoError(t, err)
	assert.Empty(t, result.Report)
	for _, d := range []string{dir, filepath.Dir(file)} {
		entries, err := os.ReadDir(d)
		require.NoError(t, err)
		for _, e := range entries {
			assert.Equal(t, "jupyterhub_config.py", e.Name())
		}
	}
	checker.Env = []string{"SECRET=2"}
	result, err = checker.Check(t.Context(), file)
	require.NoError(t, err)
	assert.ErrorIs(t, result.Report.Err(), CodeConfigRaises)
}

// TestCheckIsBounded checks files that do not come to an end, and that leave
// processes behind.
func TestCheckIsBounded(t *testing.T) {
	python := hubPython(t)
	before := runtime.NumGoroutine()
	alive := filepath.Join(t.TempDir(), "alive")
	file := writeConfig(t, "jupyterhub_config.py", "import os, subprocess, time\nsubprocess.Popen(['sleep', '1000'], stdout=open("+pyvalue.Str(alive).String()+", 'w'))\ntime.sleep(1000)\n")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			if _, err := os.Stat(alive); err == nil {
				cancel()
				return
			}
			runtime.Gosched()
		}
	}()
	_, err := Checker{Python: python}.Check(ctx, file)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = Checker{Python: python, Limit: time.Nanosecond}.Check(t.Context(), file)
	assert.ErrorIs(t, err, context.DeadlineExceeded)

	// A child that outlives its parent is killed with the group: it held the
	// other end of this fifo.
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	end, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer end.Close()
	file = writeConfig(t, "jupyterhub_config.py", "import subprocess\nsubprocess.Popen(['sleep', '1000'], stdout=open("+pyvalue.Str(fifo).String()+", 'w'))\nraise SystemExit\n")
	result, err := Checker{Python: python, Limit: patience}.Check(t.Context(), file)
	require.NoError(t, err)
	assert.ErrorIs(t, result.Report.Err(), CodeConfigExits)
	n, err := end.Read(make([]byte, 1))
	assert.Zero(t, n)
	assert.ErrorIs(t, err, io.EOF)
	for runtime.NumGoroutine() > before {
		require.NoError(t, t.Context().Err())
		runtime.Gosched()
	}
}

func TestCheckFails(t *testing.T) {
	file := writeConfig(t, "jupyterhub_config.py", "")
	_, err := Checker{Python: "/nowhere/python"}.Check(t.Context(), file)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Checker{Python: "/bin/true"}.Check(t.Context(), file)
	assert.ErrorIs(t, err, ErrCheck)
	_, err = Checker{Python: "/bin/true"}.Check(t.Context(), filepath.Join(t.TempDir(), "missing.py"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.False(t, errors.Is(err, ErrCheck))

	missing := filepath.Join(t.TempDir(), "missing")
	_, err = Checker{Python: "/bin/true", Dir: missing}.Check(t.Context(), file)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, missing)
	fifo := filepath.Join(t.TempDir(), "fifo.py")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	_, err = Checker{Python: "/bin/true"}.Check(t.Context(), fifo)
	assert.ErrorIs(t, err, ErrNotRegular)
	loop := filepath.Join(t.TempDir(), "loop.py")
	require.NoError(t, os.Symlink(loop, loop))
	_, err = Checker{Python: "/bin/true"}.Check(t.Context(), loop)
	assert.ErrorContains(t, err, loop)
	_, err = ReadFile(loop, "")
	assert.ErrorContains(t, err, loop)
}
