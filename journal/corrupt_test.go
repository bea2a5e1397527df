package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/journal/internal/jfiletest"
)

const (
	healthyEntries = 40
	brokenEntries  = 60
)

// healthyFile is a file of another machine and boot than the broken ones,
// whose entries lie between theirs by time.
func healthyFile() []byte {
	entries := jfiletest.Entries(healthyEntries)
	for i := range entries {
		entries[i].BootID = [16]byte{0xaa}
		entries[i].Realtime += 500_000
		entries[i].Fields = append(entries[i].Fields[:3], "FROM=healthy", fmt.Sprintf("_BOOT_ID=%x", entries[i].BootID))
	}
	return jfiletest.Build(jfiletest.Options{Keyed: true, Compact: true, Compression: "zstd", FileID: [16]byte{0xee}, SeqnumID: [16]byte{0xef}, MachineID: [16]byte{0xf0}}, entries)
}

// mutation changes a file: op&3 says whether a byte is flipped, a page is
// zeroed, eight bytes are set to a value that is likely to matter, or the file
// is cut off.
type mutation struct {
	op    byte
	at    uint32
	value byte
}

func parseMutations(b []byte) iter.Seq[mutation] {
	return func(yield func(mutation) bool) {
		for ; len(b) >= 6; b = b[6:] {
			if !yield(mutation{b[0], binary.LittleEndian.Uint32(b[1:]), b[5]}) {
				return
			}
		}
	}
}

func (m mutation) apply(file []byte) []byte {
	if len(file) == 0 {
		return file
	}
	at := int(m.at) % len(file)
	switch m.op & 3 {
	case 0:
		file[at] ^= m.value
	case 1:
		page := at &^ 4095
		clear(file[page:min(page+4096, len(file))])
	case 2:
		at &^= 7
		if at+8 <= len(file) {
			v := [...]uint64{0, 1, uint64(at), 1 << 31, 1<<32 - 8, 1<<63 - 8, 1<<64 - 1, uint64(len(file)), uint64(m.value) * 8, 64, 272, 24}
			binary.LittleEndian.PutUint64(file[at:], v[int(m.value)%len(v)])
		}
	case 3:
		if m.op&4 != 0 {
			return file[:at]
		}
		copy(file[at:], file[int(m.value)*8%len(file):min(len(file), int(m.value)*8%len(file)+64)])
	}
	return file
}

// readAround opens a broken file beside a healthy one, asks all that can be
// asked, and fails the test if the healthy one suffers.
func readAround(t *testing.T, dir string, broken []byte) {
	t.Helper()
	paths := []string{filepath.Join(dir, "broken.journal"), filepath.Join(dir, "healthy.journal")}
	require.NoError(t, os.WriteFile(paths[0], broken, 0o600))
	j, err := Open(Config{Files: paths, MaxField: 1 << 20})
	require.NoError(t, err)
	defer func() { require.NoError(t, j.Close()) }()
	ctx := t.Context()

	odd := 0
	for i := range healthyEntries {
		odd += i % 2
	}
	for _, tt := range []struct {
		q       Query
		healthy int
	}{
		{Query{}, healthyEntries},
		{Query{Reverse: true}, healthyEntries},
		{Query{Match: Field("PARITY", "1")}, odd},
		{Query{Match: All(Field("PARITY", "1"), Any(Field("FROM", "healthy"), glob("N", "*")))}, odd},
		{Query{Match: Field("FROM", "healthy"), Newest: 7}, 7},
		{Query{Since: sampleTime(10), Until: sampleTime(20)}, 10},
	} {
		healthy, others, bytes := 0, 0, 0
		for e, err := range j.EntriesLent(ctx, tt.q) {
			require.NoError(t, err)
			if from, _ := e.Get("FROM"); string(from) == "healthy" {
				healthy++
			} else {
				others++
			}
			bytes += len(e.data)
		}
		require.Equal(t, tt.healthy, healthy, "%+v", tt.q)
		// An entry array may name entries twice, but not more often than it
		// has items.
		require.LessOrEqual(t, others, len(broken)/4, "%+v", tt.q)
	}
	ns := make(map[string]bool)
	for v, err := range j.Unique(ctx, "N") {
		require.NoError(t, err)
		ns[v] = true
	}
	for i := range healthyEntries {
		require.True(t, ns[fmt.Sprint(i)], "%d of %v: %v", i, ns, j.Skipped())
	}
	fields, err := j.Fields(ctx)
	require.NoError(t, err)
	require.Subset(t, fields, []string{"MESSAGE", "N", "PARITY", "FROM", "_BOOT_ID"})
	boots, err := j.Boots(ctx)
	require.NoError(t, err)
	found := false
	for _, b := range boots {
		found = found || b.ID == ID{0xaa}
	}
	require.True(t, found)
	_, err = j.Usage(ctx)
	require.NoError(t, err)
	for _, err := range j.Skipped() {
		require.Equal(t, paths[0], err.Path)
	}
}

// brokenVariant returns the file that is to be broken, by its number.
func brokenVariant(n byte) []byte {
	files := brokenFiles()
	return slices.Clone(files[int(n)%len(files)])
}

var brokenFiles = sync.OnceValue(func() (files [][]byte) {
	for _, o := range jfiletest.Variants() {
		files = append(files, jfiletest.Build(o, jfiletest.Entries(brokenEntries)))
	}
	return files
})

func TestBrokenFilesCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "healthy.journal"), healthyFile(), 0o600))
	random := rand.New(rand.NewPCG(1, 2))
	variants := len(jfiletest.Variants())
	for i := range testenv.Rounds(100, 400, 20_000) {
		file := brokenVariant(byte(i % variants))
		for range 1 + random.IntN(4) {
			file = mutation{byte(random.Uint32()), random.Uint32(), byte(random.Uint32())}.apply(file)
		}
		readAround(t, dir, file)
	}
}

// A chain or list that comes back to where it was would never end.
func TestChainsThatLoop(t *testing.T) {
	for name, loop := range map[string]struct{ kind, next int }{
		"data by hash":   {1, 24},
		"data of field":  {1, 32},
		"fields by hash": {2, 24},
		"entry arrays":   {6, 16},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "healthy.journal"), healthyFile(), 0o600))
			file := brokenVariant(0)
			changed := 0
			for at := int(binary.LittleEndian.Uint64(file[88:])); at+16 <= len(file); {
				if int(file[at]) == loop.kind {
					binary.LittleEndian.PutUint64(file[at+loop.next:], uint64(at))
					changed++
				}
				at += int(binary.LittleEndian.Uint64(file[at+8:])+7) &^ 7
			}
			require.NotZero(t, changed)
			readAround(t, dir, file)
		})
	}
}

func FuzzFile(f *testing.F) {
	for i := range jfiletest.Variants() {
		f.Add(byte(i), []byte{})
		f.Add(byte(i), []byte{2, 152, 0, 0, 0, 6})             // the number of entries
		f.Add(byte(i), []byte{1, 0, 0x20, 0, 0, 0})            // a hole
		f.Add(byte(i), []byte{7, 0, 0x30, 0, 0, 0})            // a cut
		f.Add(byte(i), []byte{0, 13, 0x19, 0, 0, 0xff, 0, 40}) // flipped bits
	}
	dir := f.TempDir()
	require.NoError(f, os.WriteFile(filepath.Join(dir, "healthy.journal"), healthyFile(), 0o600))
	f.Fuzz(func(t *testing.T, variant byte, mutations []byte) {
		file := brokenVariant(variant)
		for m := range parseMutations(mutations) {
			file = m.apply(file)
		}
		readAround(t, dir, file)
	})
}

func TestSkippedSaysWhatIsWrong(t *testing.T) {
	build := func(change func(b []byte) []byte) []byte { return change(brokenVariant(0)) }
	for _, tt := range []struct {
		name string
		file []byte
		want string
		is   error
	}{
		{"empty", nil, "not complete", nil},
		{"header of zeros", make([]byte, 4096), "not complete", nil},
		{"no journal", []byte(strings.Repeat("no journal ", 100)), "no signature", ErrCorrupt},
		{"cut short", build(func(b []byte) []byte { return b[:len(b)/2] }), "cut short", ErrCorrupt},
		{"later format", build(func(b []byte) []byte { b[12] |= 64; return b }), "newer systemd", errors.ErrUnsupported},
		{"state", build(func(b []byte) []byte { b[16] = 9; return b }), "state 9", ErrCorrupt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "x.journal"), tt.file, 0o600))
			j, err := Open(Config{Dirs: []string{dir}})
			require.NoError(t, err)
			defer func() { assert.NoError(t, j.Close()) }()
			require.Len(t, j.Skipped(), 1)
			assert.ErrorContains(t, j.Skipped()[0], tt.want)
			if tt.is != nil {
				assert.ErrorIs(t, j.Skipped()[0], tt.is)
			}
		})
	}
}

func TestUnknownCompatibleFlagsAreRead(t *testing.T) {
	dir := t.TempDir()
	file := brokenVariant(0)
	file[8], file[11] = 0x07, 0x80
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.journal"), file, 0o600))
	j, err := Open(Config{Dirs: []string{dir}})
	require.NoError(t, err)
	defer func() { assert.NoError(t, j.Close()) }()
	assert.Len(t, collect(t, j.Entries(t.Context(), Query{})), brokenEntries)
	assert.Empty(t, j.Skipped())
}

// sampleTime is when jfiletest's n-th entry was written.
func sampleTime(n int) time.Time { return time.Unix(1_700_000_000+int64(n), 0) }
