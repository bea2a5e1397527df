package journal

import (
	"bytes"
	"slices"
	"strconv"
	"time"
)

// AppendShort appends the entry as the lines that `journalctl --output=short`
// writes when its output is no terminal, with the end of the last line; nothing
// where the entry has no MESSAGE. The time is the sender's where the entry has
// it, in loc; a nil loc is [time.Local].
//
// The lines are safe to print to a terminal: colours are taken out of the
// message, tabs expanded, and what is not text is replaced by its size, as in
// [41B blob data].
//
// For the text alone, as with --output=cat, take [Entry.Message].
func (e *Entry) AppendShort(b []byte, loc *time.Location) []byte {
	message, ok := e.last("MESSAGE")
	if !ok {
		return b
	}
	if loc == nil {
		loc = time.Local
	}
	start := len(b)
	b = e.displayTime().In(loc).AppendFormat(b, "Jan 02 15:04:05")
	if host, ok := e.lastShown("_HOSTNAME"); ok {
		b = append(append(b, ' '), host...)
	}
	if id, ok := e.lastShown("SYSLOG_IDENTIFIER"); ok {
		b = append(append(b, ' '), id...)
	} else if comm, ok := e.lastShown("_COMM"); ok {
		b = append(append(b, ' '), comm...)
	} else {
		b = append(b, " unknown"...)
		start += len(" unknown") // by which journalctl does not indent
	}
	pid, ok := e.lastShown("_PID")
	if !ok {
		pid, ok = e.lastShown("SYSLOG_PID")
	}
	if ok {
		b = append(append(append(b, '['), pid...), ']')
	}
	b = append(b, ": "...)

	message = plainText(message)
	if !printableText(message, true) {
		b = append(b, '[')
		b = appendSize(b, len(message))
		return append(b, " blob data]\n"...)
	}
	indent := len(b) - start
	lines := bytes.Split(bytes.TrimSuffix(message, []byte("\n")), []byte("\n"))
	for i, line := range lines {
		if i > 0 {
			b = append(b, bytes.Repeat([]byte(" "), indent)...)
		}
		b = append(append(b, line...), '\n')
	}
	return b
}

// displayTime returns the time at which the sender says that it wrote the
// entry; where it does not say, or says nothing of sense, the journal's own.
func (e *Entry) displayTime() time.Time {
	// VALID_REALTIME in systemd's src/basic/time-util.h: 55 bits.
	if v, ok := e.last("_SOURCE_REALTIME_TIMESTAMP"); ok {
		if us, err := strconv.ParseUint(string(v), 10, 55); err == nil && us > 0 {
			return microTime(us)
		}
	}
	return e.Time()
}

// last returns the last value of the named field, which journalctl shows where
// there are several.
func (e *Entry) last(name string) (value []byte, ok bool) {
	for _, f := range slices.Backward(e.fields) {
		if string(e.data[f.Start:f.Eq]) == name {
			return e.data[f.Eq+1 : f.End : f.End], true
		}
	}
	return nil, false
}

// lastShown returns the last value of the named field, if it is short enough
// and of such text that it can stand within a line.
func (e *Entry) lastShown(name string) (value []byte, ok bool) {
	const most = 300 // PRINT_CHAR_THRESHOLD in systemd's src/shared/logs-show.c
	value, ok = e.last(name)
	return value, ok && len(value) < most && printableText(value, false)
}

// plainText returns a message without what only means something to a
// terminal: sequences that set a colour or make a link, and carriage returns
// at the ends of lines. Tabs become eight spaces.
func plainText(b []byte) []byte {
	if !bytes.ContainsAny(b, "\x1b\t\r") {
		return b
	}
	plain := make([]byte, 0, len(b)+16)
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\t':
			plain = append(plain, "        "...)
			continue
		case '\r':
			end := i + 1
			for end < len(b) && b[end] == '\r' {
				end++
			}
			if end < len(b) && b[end] != '\n' {
				plain = append(plain, b[i:end]...)
			}
			i = end - 1
			continue
		case '\x1b':
			if n := escapeSequence(b[i:]); n > 0 {
				i += n - 1
				continue
			}
		}
		plain = append(plain, b[i])
	}
	return plain
}

// escapeSequence returns the length of the colour or operating system command
// sequence at the start of b, 0 where there is none.
func escapeSequence(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '[':
		for i, c := range b[2:] {
			if c == 'm' {
				return i + 3
			}
			if c != ';' && !isDigit(c) {
				return 0
			}
		}
	case ']':
		for i, c := range b[2:] {
			if c == '\a' {
				return i + 3
			}
			if c == '\x1b' && i+3 < len(b) && b[i+3] == '\\' {
				return i + 4
			}
			if c < ' ' || c >= 0x7f {
				return 0
			}
		}
	}
	return 0
}

// appendSize appends a number of bytes as systemd 257 prints it: 41B, 1K,
// 1.5K. Older versions print 1.0K.
func appendSize(b []byte, n int) []byte {
	if n < 1024 {
		return append(strconv.AppendInt(b, int64(n), 10), 'B')
	}
	units := "KMGT"
	size := int64(n)
	for size >= 1024*1024 && len(units) > 1 {
		size /= 1024
		units = units[1:]
	}
	b = strconv.AppendInt(b, size/1024, 10)
	if tenths := size % 1024 * 10 / 1024; tenths > 0 {
		b = strconv.AppendInt(append(b, '.'), tenths, 10)
	}
	return append(b, units[0])
}
