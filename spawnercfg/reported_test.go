package spawnercfg

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzProperty holds that the numbers of systemd's properties are read for
// what they are, or not at all.
func FuzzProperty(f *testing.F) {
	for _, seed := range []string{"1.5G", "0", "16E", "15.999999999999999999E", "18446744073709551615", "18446744073709551616", "1.K", "50%", "12.5%", "12.345%", "21474836.47%", "99999999999%", "yes", "TRUE", "-1", "1e9"} {
		f.Add(seed, uint32(7))
	}
	f.Fuzz(func(t *testing.T, text string, n uint32) {
		if size, ok := parseSize(text); ok {
			again, ok := parseSize(strconv.FormatUint(size, 10))
			require.True(t, ok && again == size, "%q: %d, then %d", text, size, again)
		}
		if quota, ok := parseQuota(text); ok {
			require.LessOrEqual(t, quota, uint64(math.MaxInt32)*100, text)
			require.Zero(t, quota%100, text)
		}
		size, ok := parseSize(strconv.FormatUint(uint64(n), 10) + "G")
		require.True(t, ok && size == uint64(n)<<30)
		quota, ok := parseQuota(strconv.Itoa(int(n%1e6)) + "%")
		require.True(t, ok && quota == uint64(n%1e6)*10_000)
		if b, ok := parseBool(text); ok {
			require.Contains(t, "1ytYTo0nfNFO", text[:1], "%q is %v", text, b)
		}
	})
}
