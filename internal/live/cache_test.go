package main

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDropUnused(t *testing.T) {
	cache := t.TempDir()
	long := time.Now().Add(-2 * unused)
	for _, name := range []string{"bookworm-used", "bookworm-unused"} {
		require.NoError(t, os.Mkdir(filepath.Join(cache, name), 0o755))
	}
	lock := filepath.Join(cache, "bookworm.lock")
	require.NoError(t, os.WriteFile(lock, nil, 0o644))
	require.NoError(t, os.Chtimes(filepath.Join(cache, "bookworm-unused"), long, long))
	require.NoError(t, os.Chtimes(lock, long, long))

	require.NoError(t, dropUnused(cache))
	assert.NoDirExists(t, filepath.Join(cache, "bookworm-unused"))
	assert.DirExists(t, filepath.Join(cache, "bookworm-used"))
	assert.FileExists(t, lock)
}

func TestCopyKeepsContentAndHoles(t *testing.T) {
	src, dst := filepath.Join(t.TempDir(), "src"), filepath.Join(t.TempDir(), "dst")
	content := append(make([]byte, 1<<20), "some text"...)
	content = append(content, make([]byte, 1<<20)...)
	require.NoError(t, os.WriteFile(src, content, 0o644))
	require.NoError(t, copyFile(dst, src, 0o600))
	got, err := os.ReadFile(dst)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got))
	info, err := os.Stat(dst)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	assert.Less(t, blocks(t, dst), blocks(t, src))
}

// blocks is the room that a file takes on its disk.
func blocks(t *testing.T, path string) int64 {
	t.Helper()
	var stat syscall.Stat_t
	require.NoError(t, syscall.Stat(path, &stat))
	return stat.Blocks
}
