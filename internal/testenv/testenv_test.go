package testenv

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

// recorder is a testing.TB that notes how a test was ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestLiveThing" }
func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}
func (r *recorder) Skipf(f string, a ...any) { r.Skip(fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(args ...any) {
	r.failed = fmt.Sprint(args...)
	runtime.Goexit()
}
func (r *recorder) Fatalf(f string, a ...any) { r.Fatal(fmt.Sprintf(f, a...)) }

// record runs f on a goroutine of its own, as the testing package does, so
// that a skip or a failure ends it.
func record(f func(testing.TB)) *recorder {
	r := new(recorder)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func TestHostOfLiveTierSkips(t *testing.T) {
	for _, tt := range []struct {
		live, host      string
		needs           []Capability
		skipped, failed bool
	}{
		{live: "", skipped: true},
		{live: "1", host: "bookworm/v2"},
		{live: "1", host: "bookworm/v2", needs: []Capability{CgroupV2}},
		{live: "1", host: "bookworm/v2", needs: []Capability{CgroupV1}, skipped: true},
		{live: "1", host: "bookworm/v1", needs: []Capability{CgroupV2}, skipped: true},
		{live: "1", host: "a laptop", failed: true},
	} {
		t.Setenv("LIVE", tt.live)
		t.Setenv("LIVE_HOST", tt.host)
		r := record(func(t testing.TB) { Live(t, tt.needs...) })
		assert.Equal(t, tt.skipped, r.skipped != "", "%+v: skipped %q", tt, r.skipped)
		assert.Equal(t, tt.failed, r.failed != "", "%+v: failed %q", tt, r.failed)
	}
}

func TestPromisedToolIsAFailureWhenMissing(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv("LIVE", "")
	t.Setenv("REQUIRE_TOOLS", "")
	r := record(func(t testing.TB) { Tool(t, "python3") })
	assert.Contains(t, r.skipped, "apt-get install python3")

	t.Setenv("REQUIRE_TOOLS", "1")
	r = record(func(t testing.TB) { Tool(t, "python3") })
	assert.Contains(t, r.failed, "apt-get install python3")
}

func TestRounds(t *testing.T) {
	for _, tt := range []struct {
		tools, long string
		want        int
	}{{"", "", 1}, {"1", "", 2}, {"", "1", 3}, {"1", "1", 3}} {
		t.Setenv("REQUIRE_TOOLS", tt.tools)
		t.Setenv("HUBHOST_LONG", tt.long)
		assert.Equal(t, tt.want, Rounds(1, 2, 3), "%+v", tt)
	}
}

func TestRandIsTheSameUnlessItIsToBeAnother(t *testing.T) {
	draw := func(long, seed string) uint64 {
		t.Setenv("HUBHOST_LONG", long)
		t.Setenv("HUBHOST_SEED", seed)
		return Rand(t).Uint64()
	}
	assert.Equal(t, draw("", ""), draw("", ""))
	assert.NotEqual(t, draw("1", ""), draw("1", ""))
	assert.Equal(t, draw("1", "18446744073709551615"), draw("1", "18446744073709551615"))
	assert.NotEqual(t, draw("", "2"), draw("", ""))
}
