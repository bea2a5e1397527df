package main

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseOptions(t *testing.T) {
	o, err := parseOptions(nil)
	require.NoError(t, err)
	assert.Equal(t, "bookworm", o.release)
	assert.Equal(t, "v2", o.cgroup)
	assert.Equal(t, "./...", o.pkg)

	for _, args := range [][]string{
		{"-release", "sid"},
		{"-cgroup", "v3"},
		{"-release", "trixie", "-cgroup", "v1"},
		{"-accel", "xen"},
		{"-run", "("},
		{"-pkg", " "},
		{"-resume", "dir"},
		{"-nonsense"},
		{"TestLiveX"},
	} {
		_, err := parseOptions(args)
		var wrong usageError
		assert.ErrorAs(t, err, &wrong, "%q", args)
	}
	_, err = parseOptions([]string{"-h"})
	assert.ErrorIs(t, err, flag.ErrHelp)
}
