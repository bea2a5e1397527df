package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"strconv"
	"unicode/utf8"
)

// MaxExportEntry is the size in bytes, of all its fields together, up to which
// [ReadExport] reads an entry.
const MaxExportEntry = 64 << 20

// maxEntryFields is how many fields an entry of an export stream may have,
// ENTRY_FIELD_COUNT_MAX in systemd's src/shared/journal-importer.h.
const maxEntryFields = 1024

// ReadExport yields the entries of a stream in the journal export format, each
// an owned one: what `journalctl --output=export` writes on any host, what
// systemd-journal-gatewayd serves, and what [WriteExport] writes. The stream is
// read as far as the iteration goes, with little memory beyond the entry at
// hand.
//
// The error comes last and once, and is an [*Error]: of the reader; one that
// matches [io.ErrUnexpectedEOF] where the stream ends within an entry, which is
// then not yielded; and a [*SyntaxError] within for what is not the format, or
// an entry larger than [MaxExportEntry].
//
// An entry has the cursor, the times and the boot that the stream gives it, and
// zeros for those that the stream leaves out.
func ReadExport(r io.Reader) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for e, err := range ReadExportLent(r) {
			if err == nil {
				e = e.Clone()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// ReadExportLent yields what [ReadExport] yields, but lends it: the one Entry
// is overwritten by the next step of the iteration, and must not be kept.
func ReadExportLent(r io.Reader) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		x := exportReader{r: bufio.NewReaderSize(r, 64<<10)}
		for {
			x.e.reset()
			switch err := x.next(); {
			case err == io.EOF:
				return
			case err != nil:
				yield(nil, &Error{Op: "read export", Err: err})
				return
			case !yield(&x.e, nil):
				return
			}
		}
	}
}

// exportReader reads one entry after the other from a stream.
type exportReader struct {
	r      *bufio.Reader
	offset int64 // of what is read next
	e      Entry
}

// next reads the next entry; io.EOF where there is none.
func (x *exportReader) next() error {
	began := false
	for {
		line := x.offset
		start := len(x.e.data)
		if err := x.appendLine(); err != nil {
			if err == io.EOF && (began || len(x.e.data) > start) {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		text := x.e.data[start:]
		if len(text) == 0 {
			// Empty lines divide entries; more than one is of no meaning.
			if began {
				return nil
			}
			continue
		}
		began = true
		eq := bytes.IndexByte(text, '=')
		name := text
		if eq >= 0 {
			name = text[:eq]
		}
		if !validFieldName(name) {
			return x.syntax(line, "want NAME=value, or NAME alone before a binary value")
		}
		if eq < 0 {
			eq = len(name)
			x.e.data = append(x.e.data, '=')
			if err := x.appendBinary(); err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return err
			}
		}
		name, value := x.e.data[start:start+eq], x.e.data[start+eq+1:]
		if bytes.HasPrefix(name, []byte("__")) {
			if err := x.address(string(name), value); err != nil {
				return x.syntax(line, err.Error())
			}
			x.e.data = x.e.data[:start]
			continue
		}
		if string(name) == "_BOOT_ID" {
			id, err := ParseID(string(value))
			if err != nil {
				return x.syntax(line, "the boot ID is not one")
			}
			x.e.at.bootID = id
		}
		if len(x.e.fields) == maxEntryFields {
			return x.syntax(line, "the entry has too many fields")
		}
		x.e.fields = append(x.e.fields, span{Start: uint32(start), Eq: uint32(start + eq), End: uint32(len(x.e.data))})
	}
}

// address takes one of the fields that are not part of the entry's content.
// Those of a newer systemd are passed over.
func (x *exportReader) address(name string, value []byte) (err error) {
	at := &x.e.at
	switch name {
	case "__CURSOR":
		*at, err = parseCursor(string(value))
	case "__REALTIME_TIMESTAMP":
		at.realtime, err = strconv.ParseUint(string(value), 10, 64)
	case "__MONOTONIC_TIMESTAMP":
		at.monotonic, err = strconv.ParseUint(string(value), 10, 64)
	case "__SEQNUM":
		at.seqnum, err = strconv.ParseUint(string(value), 10, 64)
	case "__SEQNUM_ID":
		at.seqnumID, err = ParseID(string(value))
	}
	if err != nil {
		return errors.New(name + " cannot be understood")
	}
	return nil
}

// appendLine appends the next line to the entry's data, without its end.
func (x *exportReader) appendLine() error {
	line := x.offset
	for {
		part, err := x.r.ReadSlice('\n')
		x.offset += int64(len(part))
		if len(x.e.data)+len(part) > MaxExportEntry {
			return x.syntax(line, "the entry is too large")
		}
		x.e.data = append(x.e.data, part...)
		switch err {
		case nil:
			x.e.data = x.e.data[:len(x.e.data)-1]
			return nil
		case bufio.ErrBufferFull:
		default:
			return err
		}
	}
}

// appendBinary appends a value that its length in eight bytes precedes, the
// lowest first, and an end of line follows.
func (x *exportReader) appendBinary() error {
	at := x.offset
	var length [8]byte
	n, err := io.ReadFull(x.r, length[:])
	x.offset += int64(n)
	if err != nil {
		return err
	}
	left := binary.LittleEndian.Uint64(length[:])
	if left > MaxExportEntry-min(MaxExportEntry, uint64(len(x.e.data))) {
		return x.syntax(at, "a binary value of "+strconv.FormatUint(left, 10)+" bytes is too large")
	}
	// The memory grows with what comes, not with what is announced.
	for left > 0 {
		part := int(min(left, 64<<10))
		start := len(x.e.data)
		x.e.data = append(x.e.data, make([]byte, part)...)
		n, err := io.ReadFull(x.r, x.e.data[start:])
		x.offset += int64(n)
		if err != nil {
			return err
		}
		left -= uint64(part)
	}
	end, err := x.r.ReadByte()
	if err != nil {
		return err
	}
	if end != '\n' {
		return x.syntax(x.offset, "want the end of the line behind a binary value")
	}
	x.offset++
	return nil
}

func (x *exportReader) syntax(at int64, reason string) error {
	return &SyntaxError{What: "export stream", Offset: at, Reason: reason}
}

// WriteExport writes the entries to w in the journal export format, which
// [ReadExport] and systemd-journal-remote read: the bytes that `journalctl
// --output=export` of systemd 255 and later writes (older ones leave __SEQNUM
// and __SEQNUM_ID out). It ends at the first error of entries or of w, and
// returns it. Lent entries are good enough:
//
//	err := journal.WriteExport(w, j.EntriesLent(ctx, query))
func WriteExport(w io.Writer, entries iter.Seq2[*Entry, error]) error {
	var b []byte
	for e, err := range entries {
		if err != nil {
			return err
		}
		b = e.AppendExport(b[:0])
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// AppendExport appends the entry in the journal export format, as
// [WriteExport] writes it. A field whose name journald would not store, which
// only a broken file can hold, is left out.
func (e *Entry) AppendExport(b []byte) []byte {
	b = append(append(b, "__CURSOR="...), e.Cursor()...)
	b = strconv.AppendUint(append(b, "\n__REALTIME_TIMESTAMP="...), e.at.realtime, 10)
	b = strconv.AppendUint(append(b, "\n__MONOTONIC_TIMESTAMP="...), e.at.monotonic, 10)
	b = strconv.AppendUint(append(b, "\n__SEQNUM="...), e.at.seqnum, 10)
	b = hex.AppendEncode(append(b, "\n__SEQNUM_ID="...), e.at.seqnumID[:])
	b = hex.AppendEncode(append(b, "\n_BOOT_ID="...), e.at.bootID[:])
	b = append(b, '\n')
	for _, f := range e.fields {
		name, value := e.data[f.Start:f.Eq], e.data[f.Eq+1:f.End]
		if string(name) == "_BOOT_ID" || !validFieldName(name) {
			continue
		}
		if printableText(value, false) {
			b = append(b, e.data[f.Start:f.End]...)
		} else {
			b = append(append(b, name...), '\n')
			b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
			b = append(b, value...)
		}
		b = append(b, '\n')
	}
	return append(b, '\n')
}

// validFieldName reports whether name is one that journald stores
// (journal_field_valid in systemd's src/libsystemd/sd-journal/journal-file.c),
// or one with two underscores.
func validFieldName(name []byte) bool {
	if len(name) == 0 || len(name) > 64 || '0' <= name[0] && name[0] <= '9' {
		return false
	}
	for _, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// printableText reports whether systemd takes b for text: valid UTF-8 without
// control characters other than the tab and, where it is allowed, the newline,
// and without the code points that Unicode keeps from being characters
// (utf8_is_printable_newline in src/basic/utf8.c).
func printableText(b []byte, newline bool) bool {
	for i := 0; i < len(b); {
		c := b[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && (c != '\n' || !newline) || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == utf8.RuneError && n == 1,
			r < 0xa0,
			0xfdd0 <= r && r <= 0xfdef,
			r&0xfffe == 0xfffe:
			return false
		}
		i += n
	}
	return true
}
