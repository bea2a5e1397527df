package journalgen

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSameSeedSameBytes(t *testing.T) {
	sum := func(c Config) [sha256.Size]byte {
		var b bytes.Buffer
		require.NoError(t, c.Write(&b))
		return sha256.Sum256(b.Bytes())
	}
	one := Config{Entries: 500}
	assert.Equal(t, sum(one), sum(one))
	assert.NotEqual(t, sum(one), sum(Config{Entries: 500, Seed: 1}))
}

func TestShape(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Config{Entries: 20000}.Write(&b))
	count := func(s string) int { return bytes.Count(b.Bytes(), []byte(s)) }
	assert.Equal(t, 20000, count("__CURSOR=s="))
	assert.InDelta(t, 40, count("\nMESSAGE\n"), 25, "0.2 % binary")
	assert.InDelta(t, 200, count("Traceback"), 60, "1 % long")
	assert.InDelta(t, 400, count("\nPRIORITY=3\n"), 100, "2 % err")
	most, least := 0, 20000
	for _, u := range []string{"0", "1", "2", "3", "50", "100", "150", "191"} {
		n := count("\n_SYSTEMD_UNIT=jupyter-u" + u + ".service\n")
		most, least = max(most, n), min(least, n)
	}
	assert.Greater(t, least, 0)
	assert.Greater(t, most, 2*least)
}
