package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindTests(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	found, err := findTests(t.Context(), root, []string{"./units", "./internal/live/..."}, "PID1|Spawns/alice")
	require.NoError(t, err)
	assert.Equal(t, []testPackage{{
		path:  "github.com/hubhost/hubhost/internal/live",
		dir:   "internal/live",
		tests: []string{"TestLiveHubSpawnsServers", "TestLivePID1IsSystemd"},
		rest:  "alice",
	}}, found)
	assert.Equal(t, "^(TestLiveHubSpawnsServers|TestLivePID1IsSystemd)$/alice", found[0].runExpr())

	_, err = findTests(t.Context(), root, []string{"./units", "./internal/live/..."}, "TestLiveNoSuchTest")
	assert.ErrorContains(t, err, "no TestLive")
}

func TestNamesOfLiveTests(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x_test.go")
	require.NoError(t, os.WriteFile(file, []byte(`package x

import "testing"

func TestLiveOne(t *testing.T) {}
func TestOther(t *testing.T)   {}
func TestLiveHelper()          {}
func TestLiveNumber(n int)     {}
func (T) TestLiveMethod(t *testing.T) {}
func TestLiveTwo(t *testing.T) {}
`), 0o644))
	names, err := liveTests(file)
	require.NoError(t, err)
	assert.Equal(t, []string{"TestLiveOne", "TestLiveTwo"}, names)
}
