package journal

import (
	"encoding/hex"
	"strconv"
)

// JournalctlNullFrom is the size in bytes, of a field with its name and the
// equals sign, from which on `journalctl --output=json` without --all writes
// null for its value. See [Entry.AppendJSON].
const JournalctlNullFrom = 4096

// AppendJSON appends the entry as one JSON object without a newline, in the
// form of `journalctl --output=json` of systemd 255 and later (older ones leave
// __SEQNUM and __SEQNUM_ID out): every value is a string, an array of the
// numbers of its bytes where systemd does not take it for text, and an array of
// all its values where the field is repeated.
//
// A field of nullFrom bytes or more, counted with its name and the equals
// sign, becomes null; with a nullFrom of 0, none does, as with journalctl's
// --all. [JournalctlNullFrom] is what journalctl does without it.
//
// The members stand in the stored order, where journalctl's are in none.
func (e *Entry) AppendJSON(b []byte, nullFrom int) []byte {
	b = append(append(b, `{"__CURSOR":"`...), e.Cursor()...)
	b = strconv.AppendUint(append(b, `","__REALTIME_TIMESTAMP":"`...), e.at.realtime, 10)
	b = strconv.AppendUint(append(b, `","__MONOTONIC_TIMESTAMP":"`...), e.at.monotonic, 10)
	b = strconv.AppendUint(append(b, `","__SEQNUM":"`...), e.at.seqnum, 10)
	b = hex.AppendEncode(append(b, `","__SEQNUM_ID":"`...), e.at.seqnumID[:])
	b = hex.AppendEncode(append(b, `","_BOOT_ID":"`...), e.at.bootID[:])
	b = append(b, '"')
	for i, f := range e.fields {
		name := e.data[f.Start:f.Eq]
		if string(name) == "_BOOT_ID" || !validFieldName(name) || e.hasBefore(i) {
			continue
		}
		b = append(append(append(b, `,"`...), name...), `":`...)
		first := len(b)
		values := 0
		for _, g := range e.fields[i:] {
			if string(e.data[g.Start:g.Eq]) != string(name) {
				continue
			}
			if values > 0 {
				b = append(b, ',')
			}
			values++
			b = appendJSONValue(b, e.data[g.Eq+1:g.End], nullFrom > 0 && int(g.End-g.Start) >= nullFrom)
		}
		if values > 1 {
			b = append(b, "[]"...)
			copy(b[first+1:], b[first:len(b)-2])
			b[first], b[len(b)-1] = '[', ']'
		}
	}
	return append(b, '}')
}

// hasBefore reports whether a field before the i-th has the same name.
func (e *Entry) hasBefore(i int) bool {
	name := e.data[e.fields[i].Start:e.fields[i].Eq]
	for _, f := range e.fields[:i] {
		if string(e.data[f.Start:f.Eq]) == string(name) {
			return true
		}
	}
	return false
}

// MarshalJSON returns the entry as [Entry.AppendJSON] writes it, without
// nulls.
func (e *Entry) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil, 0), nil }

func appendJSONValue(b, value []byte, null bool) []byte {
	switch {
	case null:
		return append(b, "null"...)
	case printableText(value, true):
		b = append(b, '"')
		for _, c := range value {
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, `\n`...)
			case '\t':
				b = append(b, `\t`...)
			default:
				b = append(b, c)
			}
		}
		return append(b, '"')
	default:
		b = append(b, '[')
		for i, c := range value {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendUint(b, uint64(c), 10)
		}
		return append(b, ']')
	}
}
