package testenv

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Rounds returns how often a test that draws its cases repeats itself: quick
// for somebody who waits for it, full with REQUIRE_TOOLS=1, and long with
// HUBHOST_LONG=1, which may take minutes.
func Rounds(quick, full, long int) int {
	switch {
	case os.Getenv("HUBHOST_LONG") == "1":
		return long
	case os.Getenv("REQUIRE_TOOLS") == "1":
		return full
	}
	return quick
}

// Rand returns what a test draws its cases from: the same in every run, so
// that only a change of the code changes the outcome, but with HUBHOST_LONG=1
// another one in each. A test that fails says which it was, and HUBHOST_SEED
// repeats it.
func Rand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(1)
	if os.Getenv("HUBHOST_LONG") == "1" {
		seed = rand.Uint64()
	}
	if s := os.Getenv("HUBHOST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal("HUBHOST_SEED: ", err)
		}
	}
	t.Logf("HUBHOST_SEED=%d draws these cases again", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
