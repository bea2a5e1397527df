package jfile

import (
	"math/bits"

	"github.com/dchest/siphash"
)

// hash is what the file's hash tables are keyed by: SipHash-2-4 with the
// file's ID as key since systemd 246, Bob Jenkins' lookup3 before.
func (h *header) hash(payload []byte) uint64 {
	if h.keyed {
		return siphash.Hash(le.Uint64(h.fileID[:8]), le.Uint64(h.fileID[8:]), payload)
	}
	return Jenkins(payload)
}

// Jenkins is lookup3's hashlittle2 with both seeds zero, the first result in
// the upper half (http://burtleburtle.net/bob/c/lookup3.c, public domain).
func Jenkins(p []byte) uint64 {
	a := 0xdeadbeef + uint32(len(p))
	b, c := a, a
	for len(p) > 12 {
		a += le.Uint32(p)
		b += le.Uint32(p[4:])
		c += le.Uint32(p[8:])
		a, c = mix(a, c, b, 4)
		b, a = mix(b, a, c, 6)
		c, b = mix(c, b, a, 8)
		a, c = mix(a, c, b, 16)
		b, a = mix(b, a, c, 19)
		c, b = mix(c, b, a, 4)
		p = p[12:]
	}
	if len(p) == 0 {
		return uint64(c)<<32 | uint64(b)
	}
	var tail [12]byte
	copy(tail[:], p)
	a += le.Uint32(tail[:])
	b += le.Uint32(tail[4:])
	c += le.Uint32(tail[8:])
	c = finish(c, b, 14)
	a = finish(a, c, 11)
	b = finish(b, a, 25)
	c = finish(c, b, 16)
	a = finish(a, c, 4)
	b = finish(b, a, 14)
	c = finish(c, b, 24)
	return uint64(c)<<32 | uint64(b)
}

// mix is one line of lookup3's mix(), which changes x and y.
func mix(x, y, z uint32, k int) (_, _ uint32) {
	return (x - y) ^ bits.RotateLeft32(y, k), y + z
}

// finish is one line of lookup3's final().
func finish(x, y uint32, k int) uint32 { return (x ^ y) - bits.RotateLeft32(y, k) }
