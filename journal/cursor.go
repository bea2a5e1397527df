package journal

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// cursor renders a location as sd_journal_get_cursor(3) does.
func (l *location) cursor() string {
	b := make([]byte, 0, 160)
	b = hex.AppendEncode(append(b, "s="...), l.seqnumID[:])
	b = strconv.AppendUint(append(b, ";i="...), l.seqnum, 16)
	b = hex.AppendEncode(append(b, ";b="...), l.bootID[:])
	b = strconv.AppendUint(append(b, ";m="...), l.monotonic, 16)
	b = strconv.AppendUint(append(b, ";t="...), l.realtime, 16)
	b = strconv.AppendUint(append(b, ";x="...), l.xorHash, 16)
	return string(b)
}

// parseCursor parses a cursor of systemd: parts KEY=HEX divided by semicolons,
// of which unknown ones are passed over. All six known parts must be there,
// as in every cursor that systemd 205 and later writes.
func parseCursor(s string) (location, error) {
	var l location
	var seen [256]bool
	for part := range strings.SplitSeq(s, ";") {
		if len(part) < 3 || part[1] != '=' {
			return location{}, badCursor(s, "want KEY=VALUE parts divided by semicolons")
		}
		var err error
		key, value := part[0], part[2:]
		switch key {
		case 's':
			l.seqnumID, err = ParseID(value)
		case 'i':
			l.seqnum, err = strconv.ParseUint(value, 16, 64)
		case 'b':
			l.bootID, err = ParseID(value)
		case 'm':
			l.monotonic, err = strconv.ParseUint(value, 16, 64)
		case 't':
			l.realtime, err = strconv.ParseUint(value, 16, 64)
		case 'x':
			l.xorHash, err = strconv.ParseUint(value, 16, 64)
		}
		if err != nil {
			return location{}, badCursor(s, "the value of "+string(key)+" is not hexadecimal")
		}
		seen[key] = true
	}
	for _, key := range "sibmtx" {
		if !seen[key] {
			return location{}, badCursor(s, "part "+string(key)+" is missing")
		}
	}
	return l, nil
}

func badCursor(s, reason string) error {
	return &SyntaxError{What: "cursor", Input: s, Reason: reason}
}
