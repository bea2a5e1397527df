package journaldtest

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRun(t *testing.T) {
	Run(t, Config{}, func(t *testing.T, j *Journald) {
		assert.NotEmpty(t, os.Getenv(inside))
		for range 3 {
			j.Send("MESSAGE", "hello\nworld", "TAG", "x")
			j.Sync()
			j.Rotate()
		}
		assert.Len(t, j.Files(), 4, "%q", j.Files())
		out := string(j.Journalctl("--output=cat", "TAG=x"))
		assert.Equal(t, strings.Repeat("hello\nworld\n", 3), out)
		j.Vacuum(2)
		assert.Len(t, j.Files(), 2)
	})
	if os.Getenv(inside) == "" {
		_, err := os.Stat("/var/log/journal/" + machineID)
		assert.ErrorIs(t, err, fs.ErrNotExist, "the mounts reached the host")
	}
}
