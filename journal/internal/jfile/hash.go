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
		a -= c
		a ^= bits.RotateLeft32(c, 4)
		c += b
		b -= a
		b ^= bits.RotateLeft32(a, 6)
		a += c
		c -= b
		c ^= bits.RotateLeft32(b, 8)
		b += a
		a -= c
		a ^= bits.RotateLeft32(c, 16)
		c += b
		b -= a
		b ^= bits.RotateLeft32(a, 19)
		a += c
		c -= b
		c ^= bits.RotateLeft32(b, 4)
		b += a
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
	c ^= b
	c -= bits.RotateLeft32(b, 14)
	a ^= c
	a -= bits.RotateLeft32(c, 11)
	b ^= a
	b -= bits.RotateLeft32(a, 25)
	c ^= b
	c -= bits.RotateLeft32(b, 16)
	a ^= c
	a -= bits.RotateLeft32(c, 4)
	b ^= a
	b -= bits.RotateLeft32(a, 14)
	c ^= b
	c -= bits.RotateLeft32(b, 24)
	return uint64(c)<<32 | uint64(b)
}
