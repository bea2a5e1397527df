package journal

import (
	"fmt"
	"strconv"
)

// SyntaxError says where a text that this package reads is not what it should
// be: a time, a priority, an export stream. The check to write is
//
//	if syntax, ok := errors.AsType[*journal.SyntaxError](err); ok {
//		// point at syntax.Input[syntax.Offset:]
//	}
type SyntaxError struct {
	// What names the kind of text: "time", "priority", "export stream".
	What string
	// Input is the whole text; empty for a stream.
	Input string
	// Offset is the position in bytes, from 0, of the first byte that cannot
	// be understood.
	Offset int64
	// Reason says what is wrong there.
	Reason string
}

// Error renders the text quoted, so that control characters in it are
// harmless on a terminal.
func (e *SyntaxError) Error() string {
	if e.Input == "" {
		return fmt.Sprintf("journal: %s: byte %d: %s", e.What, e.Offset, e.Reason)
	}
	return fmt.Sprintf("journal: %s %s: byte %d: %s", e.What, quote(e.Input), e.Offset, e.Reason)
}

// quote renders s in double quotes, cut to a length that fits a message.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
