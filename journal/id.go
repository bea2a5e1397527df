package journal

import (
	"encoding/hex"
)

// ID is a 128-bit identifier: a machine, a boot, or a source of sequence
// numbers.
type ID [16]byte

// ParseID parses 32 hexadecimal digits, or the form with dashes that the
// kernel gives in /proc/sys/kernel/random/boot_id. The error is a
// [*SyntaxError].
func ParseID(s string) (ID, error) {
	var id ID
	digits := s
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		digits = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(digits) != 2*len(id) {
		return ID{}, &SyntaxError{What: "ID", Input: s, Reason: "want 32 hexadecimal digits"}
	}
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, &SyntaxError{What: "ID", Input: s, Reason: "want 32 hexadecimal digits"}
	}
	return id, nil
}

// String returns the ID as 32 lower-case hexadecimal digits, the form of
// _BOOT_ID and _MACHINE_ID.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the ID is all zeros, which no machine and no boot
// has.
func (id ID) IsZero() bool { return id == ID{} }
