package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/internal/journalgen"
)

func collect(t testing.TB, entries iter.Seq2[*Entry, error]) []*Entry {
	t.Helper()
	var all []*Entry
	for e, err := range entries {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

func TestReadExport(t *testing.T) {
	const stream = "\n__CURSOR=s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf;b=17fc695a07a0ca6e0822e8f36c031199;m=2f6b3cc21f;t=60ab1680d7260;x=725d88d26eaee10d\n" +
		"__REALTIME_TIMESTAMP=1700606931464800\n__MONOTONIC_TIMESTAMP=203662606879\n__FUTURE=1\n_BOOT_ID=17fc695a07a0ca6e0822e8f36c031199\n" +
		"MESSAGE\n\x04\x00\x00\x00\x00\x00\x00\x00a\n\xff\n\nTAG=a\nTAG=b=c\nEMPTY=\nNONE\n\x00\x00\x00\x00\x00\x00\x00\x00\n\n\n\nPRIORITY=3\n\n"
	entries := collect(t, ReadExport(iotest.OneByteReader(strings.NewReader(stream))))
	require.Len(t, entries, 2)
	e := entries[0]
	assert.Equal(t, "s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf;b=17fc695a07a0ca6e0822e8f36c031199;m=2f6b3cc21f;t=60ab1680d7260;x=725d88d26eaee10d", e.Cursor())
	assert.Equal(t, int64(1700606931464800), e.Time().UnixMicro())
	assert.Equal(t, "a\n\xff\n", e.Message())
	var names, values []string
	for name, value := range e.Fields() {
		names, values = append(names, name), append(values, string(value))
	}
	assert.Equal(t, []string{"_BOOT_ID", "MESSAGE", "TAG", "TAG", "EMPTY", "NONE"}, names)
	assert.Equal(t, []string{oddBoot, "a\n\xff\n", "a", "b=c", "", ""}, values)
	priority, ok := entries[1].Priority()
	assert.True(t, ok)
	assert.Equal(t, Err, priority)
	assert.True(t, entries[1].BootID().IsZero())
}

func TestReadExportRefuses(t *testing.T) {
	size := func(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }
	for _, tt := range []struct {
		name, stream string
		at           int64
		reason       string
	}{
		{"a lower-case name", "A=1\nb=2\n\n", 4, "want NAME=value"},
		{"a name of white space", " =1\n\n", 0, "want NAME=value"},
		{"no name", "=1\n\n", 0, "want NAME=value"},
		{"a digit in front", "0A=1\n\n", 0, "want NAME=value"},
		{"a name too long", strings.Repeat("A", 65) + "=1\n\n", 0, "want NAME=value"},
		{"HTML instead", "<html>\n", 0, "want NAME=value"},
		{"a cursor that is none", "A=1\n__CURSOR=x\n\n", 4, "__CURSOR cannot be understood"},
		{"a time that is none", "__REALTIME_TIMESTAMP=-1\n\n", 0, "__REALTIME_TIMESTAMP cannot be understood"},
		{"a boot that is none", "_BOOT_ID=x\n\n", 0, "boot ID"},
		{"a value that goes on", "A\n" + size(1) + "xy\n\n", 11, "end of the line"},
		{"a size beyond the limit", "A\n" + size(MaxExportEntry) + "x", 2, "too large"},
		{"a size beyond everything", "A\n" + size(1<<63) + "x", 2, "too large"},
		{"too many fields", strings.Repeat("A=1\n", 1025) + "\n", 4096, "too many fields"},
	} {
		var err error
		for _, err = range ReadExport(strings.NewReader(tt.stream)) {
		}
		syntax, ok := errors.AsType[*SyntaxError](err)
		if assert.True(t, ok, "%s: %v", tt.name, err) {
			assert.Equal(t, tt.at, syntax.Offset, "%s: %v", tt.name, err)
			assert.Contains(t, syntax.Reason, tt.reason, tt.name)
		}
	}
}

func TestReadExportOfALineWithoutEnd(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader("A="), endlessReader{})
	var err error
	for _, err = range ReadExport(endless) {
	}
	assert.ErrorContains(t, err, "too large")
}

type endlessReader struct{}

func (endlessReader) Read(b []byte) (int, error) {
	return copy(b, bytes.Repeat([]byte("x"), len(b))), nil
}

// TestReadExportCutShort cuts a stream at every byte: what was whole is
// yielded, and what was not is an error.
func TestReadExportCutShort(t *testing.T) {
	whole := "A=1\nB\n\x02\x00\x00\x00\x00\x00\x00\x00\n\n\n\nC=3\n\n"
	firstEnds := strings.Index(whole, "C=3")
	for cut := range len(whole) + 1 {
		n := 0
		var last error
		for _, err := range ReadExport(strings.NewReader(whole[:cut])) {
			if err != nil {
				last = err
				continue
			}
			n++
		}
		switch cut {
		case 0, firstEnds, len(whole):
			assert.NoError(t, last, "cut at %d", cut)
		default:
			assert.ErrorIs(t, last, io.ErrUnexpectedEOF, "cut at %d", cut)
		}
		want := 0
		if cut >= firstEnds {
			want++
		}
		if cut == len(whole) {
			want++
		}
		assert.Equal(t, want, n, "cut at %d", cut)
	}
}

func TestReadExportPassesTheReadersErrorOn(t *testing.T) {
	var err error
	for _, err = range ReadExport(iotest.ErrReader(os.ErrDeadlineExceeded)) {
	}
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	e, ok := errors.AsType[*Error](err)
	require.True(t, ok)
	assert.Equal(t, "read export", e.Op)
}

func TestReadExportStopsEarly(t *testing.T) {
	r := strings.NewReader(strings.Repeat("A=1\n\n", 100000))
	for range ReadExport(r) {
		break
	}
	assert.Greater(t, r.Len(), 400000, "it does not read ahead without bound")
}

func TestWriteExportReadsBack(t *testing.T) {
	var stream bytes.Buffer
	require.NoError(t, journalgen.Config{Entries: 300}.Write(&stream))
	stream.Write(oddExport())
	entries := collect(t, ReadExport(&stream))
	require.Len(t, entries, 300+len(oddEntries()))

	var first bytes.Buffer
	require.NoError(t, WriteExport(&first, func(yield func(*Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}))
	var second bytes.Buffer
	require.NoError(t, WriteExport(&second, ReadExportLent(bytes.NewReader(first.Bytes()))))
	assert.Equal(t, first.Bytes(), second.Bytes())
}

func TestWriteExportEndsAtTheFirstError(t *testing.T) {
	full := errors.New("disk full")
	assert.Equal(t, full, WriteExport(failingWriter{full}, ReadExport(strings.NewReader("A=1\n\n"))))
	assert.ErrorIs(t, WriteExport(io.Discard, ReadExport(strings.NewReader("A=1\n"))), io.ErrUnexpectedEOF)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// TestExportAsJournalctl reads what journalctl exports and writes it again.
func TestExportAsJournalctl(t *testing.T) {
	_, judge := oddJournal(t)
	theirs := judge.output(t, "--output=export")
	var ours bytes.Buffer
	for e, err := range ReadExport(bytes.NewReader(theirs)) {
		require.NoError(t, err)
		text := e.AppendExport(nil)
		if judge.version < 255 {
			start := bytes.Index(text, []byte("__SEQNUM="))
			end := bytes.Index(text, []byte("_BOOT_ID="))
			text = append(text[:start:start], text[end:]...)
		}
		ours.Write(text)
	}
	assert.True(t, bytes.Equal(theirs, ours.Bytes()), "the bytes differ")
	assert.Equal(t, len(oddEntries()), bytes.Count(theirs, []byte("__CURSOR=")))
}

func FuzzReadExport(f *testing.F) {
	f.Add([]byte("A=1\nB\n\x01\x00\x00\x00\x00\x00\x00\x00\n\n\n"))
	f.Add([]byte("__CURSOR=s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf;b=17fc695a07a0ca6e0822e8f36c031199;m=2f;t=60ab1680d7260;x=72\nMESSAGE=x\n\n"))
	f.Add([]byte("A\n\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("_BOOT_ID=17fc695a07a0ca6e0822e8f36c031199\n\n\n\n"))
	f.Add([]byte("A=\x00\nA=\xc3\n\n"))
	odd := oddExport()
	f.Add(odd[:4096])
	var stream bytes.Buffer
	require.NoError(f, journalgen.Config{Entries: 3}.Write(&stream))
	f.Add(stream.Bytes())
	f.Fuzz(func(t *testing.T, stream []byte) {
		var written []byte
		for e, err := range ReadExportLent(bytes.NewReader(stream)) {
			if err != nil {
				break
			}
			written = e.AppendExport(written)
			_ = e.AppendShort(nil, nil)
		}
		// What was read is written, read and written again without a change.
		var again []byte
		for e, err := range ReadExport(bytes.NewReader(written)) {
			require.NoError(t, err)
			again = e.AppendExport(again)
		}
		require.Equal(t, string(written), string(again))
	})
}

func BenchmarkReadExport(b *testing.B) {
	var stream bytes.Buffer
	require.NoError(b, journalgen.Config{Entries: 10000}.Write(&stream))
	b.SetBytes(int64(stream.Len()))
	for b.Loop() {
		for _, err := range ReadExport(bytes.NewReader(stream.Bytes())) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
