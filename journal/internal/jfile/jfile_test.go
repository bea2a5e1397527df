//go:build unix

package jfile

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
)

// The values are those of hashlittle2 in Bob Jenkins' lookup3.c, the first
// result in the upper half.
func TestJenkins(t *testing.T) {
	assert.Equal(t, uint64(0xdeadbeefdeadbeef), Jenkins(nil))
	assert.Equal(t, uint64(0x17770551ce7226e6), Jenkins([]byte("Four score and seven years ago")))
}

func TestXZDictionary(t *testing.T) {
	for _, size := range []int{1 << 12, 3 << 15, 1 << 20, 1 << 24, 1 << 26} {
		var b bytes.Buffer
		w, err := xz.WriterConfig{DictCap: size}.NewWriter(&b)
		require.NoError(t, err)
		_, err = w.Write(bytes.Repeat([]byte("FIELD=value "), 100))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		got, ok := xzDictionary(b.Bytes())
		assert.True(t, ok)
		assert.EqualValues(t, size, got)

		d := &decompressor{limit: 1 << 20}
		out, err := d.expand(nil, b.Bytes(), dataXZ)
		if size > maxXZDictionary {
			assert.ErrorIs(t, err, ErrCorrupt)
			continue
		}
		require.NoError(t, err)
		assert.Len(t, out, 1200)
		for i := range b.Len() {
			_, _ = xzDictionary(b.Bytes()[:i])
			out, err := d.expand(nil, b.Bytes()[:i], dataXZ)
			if len(out) < 1200 { // without the index at the end, the content may be whole
				assert.ErrorIs(t, err, ErrCorrupt, "%d of %d bytes give %d", i, b.Len(), len(out))
			}
		}
	}
}

func TestExpandRefusesWhatIsTooLarge(t *testing.T) {
	d := &decompressor{limit: 100}
	lz4 := append([]byte{101, 0, 0, 0, 0, 0, 0, 0}, strings.Repeat("x", 50)...)
	_, err := d.expand(nil, lz4, dataLZ4)
	assert.ErrorIs(t, err, ErrTooLarge)
	lz4[0] = 0 // no room at all
	_, err = d.expand(nil, lz4, dataLZ4)
	assert.ErrorIs(t, err, ErrCorrupt)
	_, err = d.expand(nil, lz4, dataLZ4|dataXZ)
	assert.ErrorIs(t, err, ErrCorrupt)
}

// mapped returns a reader of a file of two pages.
func mapped(t *testing.T) (r *Reader, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(path, make([]byte, 2*os.Getpagesize()), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	m, err := mapFile(file, 2*os.Getpagesize())
	require.NoError(t, err)
	f := &File{Path: path, file: file, mapping: m}
	f.refs.Store(1)
	t.Cleanup(func() { assert.NoError(t, f.Release()) })
	return &Reader{File: f, m: m}, path
}

func TestFaultInTheMappingIsAnError(t *testing.T) {
	r, path := mapped(t)
	require.NoError(t, os.Truncate(path, int64(os.Getpagesize())))
	touch := func() (b byte, err error) {
		defer r.catch(debug.SetPanicOnFault(true), &err)
		return r.m[os.Getpagesize()], nil
	}
	_, err := touch()
	assert.ErrorIs(t, err, ErrTruncated)
	assert.ErrorIs(t, err, ErrCorrupt)
	// What the goroutine had set is put back, either way.
	assert.False(t, debug.SetPanicOnFault(false))
	debug.SetPanicOnFault(true)
	_, err = touch()
	assert.ErrorIs(t, err, ErrTruncated)
	assert.True(t, debug.SetPanicOnFault(false))
}

func TestBugsStayPanics(t *testing.T) {
	r, _ := mapped(t)
	assert.Panics(t, func() {
		var err error
		defer r.catch(debug.SetPanicOnFault(true), &err)
		var none *Reader
		_ = none.m
	})
	assert.Panics(t, func() {
		var err error
		defer r.catch(debug.SetPanicOnFault(true), &err)
		_ = r.m[len(r.m)+int(r.end)]
	})
	assert.PanicsWithValue(t, "bug", func() {
		var err error
		defer r.catch(debug.SetPanicOnFault(true), &err)
		panic("bug")
	})
}
