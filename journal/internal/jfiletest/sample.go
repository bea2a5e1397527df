package jfiletest

import (
	"fmt"
	"strings"
)

// String names the variant.
func (o Options) String() string {
	s := []string{"jenkins", "regular", "plain"}
	if o.Keyed {
		s[0] = "keyed"
	}
	if o.Compact {
		s[1] = "compact"
	}
	if o.Compression != "" {
		s[2] = o.Compression
	}
	return fmt.Sprintf("%s-%d", strings.Join(s, "-"), o.headerSize())
}

func (o Options) headerSize() int {
	if o.HeaderSize == 0 {
		return 272
	}
	return o.HeaderSize
}

// Variants returns every combination of hash, layout and compression, and one
// of each size that the header has had since systemd 189.
func Variants() []Options {
	var list []Options
	base := Options{FileID: [16]byte{1, 2, 3}, SeqnumID: [16]byte{4, 5, 6}, MachineID: [16]byte{7, 8, 9}}
	for _, keyed := range []bool{false, true} {
		for _, compact := range []bool{false, true} {
			for _, compression := range []string{"", "xz", "lz4", "zstd"} {
				o := base
				o.Keyed, o.Compact, o.Compression = keyed, compact, compression
				list = append(list, o)
			}
		}
	}
	for _, size := range []int{240, 256, 264} {
		o := base
		o.HeaderSize = size
		list = append(list, o)
	}
	return list
}

// Entries returns n entries of one boot, a second apart, with fields that
// differ in every entry, in every second and in none, some long enough to be
// compressed.
func Entries(n int) []Entry {
	var list []Entry
	boot := [16]byte{0xb0, 0x07}
	for i := range n {
		message := fmt.Sprintf("message %d", i)
		if i%7 == 0 {
			message += strings.Repeat(" and more", 100)
		}
		list = append(list, Entry{
			Seqnum:    uint64(i + 1),
			Realtime:  1_700_000_000_000_000 + uint64(i)*1_000_000,
			Monotonic: 5_000_000 + uint64(i)*1_000_000,
			BootID:    boot,
			Fields: []string{
				"MESSAGE=" + message,
				fmt.Sprintf("N=%d", i),
				fmt.Sprintf("PARITY=%d", i%2),
				fmt.Sprintf("_BOOT_ID=%x", boot),
				"_CMDLINE=/usr/bin/python3 " + strings.Repeat("--option ", 80),
			},
		})
	}
	return list
}
