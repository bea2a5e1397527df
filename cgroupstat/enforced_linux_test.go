package cgroupstat

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnforced(t *testing.T) {
	as := Limits{
		MemoryMax: AtMost[uint64](2 << 30), MemoryHigh: AtMost[uint64](1792 << 20), MemorySwapMax: NoLimit[uint64](),
		CPUQuota: AtMost(2.), CPUWeight: Some[uint64](250), TasksMax: AtMost[uint64](4915),
	}
	v1 := as
	v1.MemoryMax, v1.MemoryHigh, v1.MemorySwapMax = Limit[uint64]{}, Limit[uint64]{}, Limit[uint64]{}
	dir := unpack(t, "v2-6.12.txtar")
	slice := filepath.Join(dir, "system.slice")
	h := open(t, dir, Unified)
	legacy := open(t, unpack(t, "v1.txtar"), Legacy)

	// The slice has 1.5 GiB and one and a half CPUs for all.
	got, err := h.Enforced(alice, as)
	require.NoError(t, err)
	assert.Equal(t, alice, got.Path)
	require.Len(t, got.Findings, 2)
	memory, cpu := got.Findings[0], got.Findings[1]
	assert.Equal(t, LimitOverridden, memory.Code)
	assert.Equal(t, "MemoryMax", memory.Property)
	assert.Equal(t, "/system.slice", memory.Path)
	assert.Equal(t, "2147483648", memory.Asked)
	assert.Equal(t, "1610612736", memory.Held)
	assert.Equal(t, []any{LimitOverridden, "CPUQuota", "/system.slice", "2", "1.5"}, []any{cpu.Code, cpu.Property, cpu.Path, cpu.Asked, cpu.Held})
	assert.ErrorIs(t, got.Err(), LimitOverridden)
	assert.NotErrorIs(t, got.Err(), LimitDiffers)
	var f Finding
	assert.True(t, errors.As(got.Err(), &f))

	write(t, filepath.Join(slice, "memory.max"), "max\n")
	write(t, filepath.Join(slice, "cpu.max"), "max 100000\n")
	got, err = h.Enforced(alice, as)
	require.NoError(t, err)
	assert.Empty(t, got.Findings)
	assert.NoError(t, got.Err())

	for name, tt := range map[string]struct {
		h     *Hierarchy
		asked Limits
		codes []Code
		held  string
	}{
		"nothing asked":      {h, Limits{}, nil, ""},
		"rounded to a page":  {h, Limits{MemoryMax: AtMost[uint64](2<<30 + 4095)}, nil, ""},
		"rounded quota":      {h, Limits{CPUQuota: AtMost(2.0001)}, nil, ""},
		"another value":      {h, Limits{MemoryMax: AtMost[uint64](1 << 30)}, []Code{LimitDiffers}, "2147483648"},
		"none, but one held": {h, Limits{TasksMax: NoLimit[uint64]()}, []Code{LimitDiffers}, "4915"},
		"one, but none held": {h, Limits{MemorySwapMax: AtMost[uint64](0)}, []Code{LimitDiffers}, "max"},
		"another weight":     {h, Limits{CPUWeight: Some[uint64](100)}, []Code{LimitDiffers}, "250"},
		"another quota":      {h, Limits{CPUQuota: AtMost(0.5)}, []Code{LimitDiffers}, "2"},
		"v1":                 {legacy, v1, []Code{LimitOverridden}, "1.5"},
		"v1 has no high":     {legacy, Limits{MemoryHigh: AtMost[uint64](1)}, []Code{ControllerOff}, "-"},
		"v1 shares":          {legacy, Limits{CPUWeight: Some[uint64](100)}, []Code{LimitDiffers}, "2560"},
	} {
		got, err := tt.h.Enforced(alice, tt.asked)
		require.NoError(t, err, name)
		var codes []Code
		for _, f := range got.Findings {
			codes = append(codes, f.Code)
			assert.Equal(t, tt.held, f.Held, name)
			assert.NotEmpty(t, f.Message, name)
		}
		assert.Equal(t, tt.codes, codes, name)
	}

	// In a period of 1 ms, the shortest, the kernel holds thousandths of a CPU.
	write(t, filepath.Join(dir, alice, "cpu.max"), "1033 1000\n")
	write(t, filepath.Join(slice, "cpu.max"), "103370 100000\n")
	for asked, codes := range map[float64][]Code{
		1.0337: nil,
		1.0352: {LimitDiffers, LimitOverridden},
	} {
		got, err := h.Enforced(alice, Limits{CPUQuota: AtMost(asked)})
		require.NoError(t, err)
		var found []Code
		for _, f := range got.Findings {
			found = append(found, f.Code)
			assert.Equal(t, text(AtMost(asked)), f.Asked)
		}
		assert.Equal(t, codes, found, "%v", asked)
	}

	require.NoError(t, os.Remove(filepath.Join(dir, alice, "pids.max")))
	require.NoError(t, os.Remove(filepath.Join(dir, alice, "cpu.weight")))
	got, err = h.Enforced(alice, Limits{TasksMax: AtMost[uint64](1), CPUWeight: Some[uint64](100)})
	require.NoError(t, err)
	require.Len(t, got.Findings, 2)
	assert.ErrorIs(t, got.Findings[0], ControllerOff)
	assert.ErrorIs(t, got.Findings[1], ControllerOff)

	_, err = h.Enforced("/", as)
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = h.Enforced("..", as)
	assert.ErrorIs(t, err, os.ErrInvalid)
}
