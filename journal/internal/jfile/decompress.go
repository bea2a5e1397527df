package jfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// Flags of a DATA object.
const (
	dataXZ   = 1 << 0
	dataLZ4  = 1 << 1
	dataZSTD = 1 << 2

	dataCompressed = dataXZ | dataLZ4 | dataZSTD
)

// decompressor expands DATA payloads, up to a limit. Several readers share
// one.
type decompressor struct {
	limit uint64
	zstd  sync.Pool // of *zstd.Decoder
}

// expand returns the payload of a DATA object in expanded form, appended to
// dst. The input must not be mapped memory: a fault inside a decoder would
// leave it in an unknown state.
func (d *decompressor) expand(dst, src []byte, flags byte) ([]byte, error) {
	switch flags & dataCompressed {
	case dataZSTD:
		return d.expandZSTD(dst, src)
	case dataLZ4:
		return d.expandLZ4(dst, src)
	case dataXZ:
		return d.expandXZ(dst, src)
	}
	return dst, corrupt("compression flags %#x", flags)
}

func (d *decompressor) check(size uint64) error {
	if size > d.limit {
		return fmt.Errorf("%w: %d bytes, %d allowed", ErrTooLarge, size, d.limit)
	}
	return nil
}

func (d *decompressor) expandZSTD(dst, src []byte) ([]byte, error) {
	// systemd writes one frame that tells its content size, and refuses any
	// other.
	var frame zstd.Header
	if err := frame.Decode(src); err != nil || !frame.HasFCS {
		return dst, corrupt("zstd frame without content size")
	}
	if err := d.check(frame.FrameContentSize); err != nil {
		return dst, err
	}
	dec, _ := d.zstd.Get().(*zstd.Decoder)
	if dec == nil {
		var err error
		// Concurrency 1 keeps the decoder from starting goroutines.
		if dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(max(d.limit, 1))); err != nil {
			return dst, err
		}
	}
	out, err := dec.DecodeAll(src, dst)
	d.zstd.Put(dec)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return dst, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if err != nil {
		return dst, corrupt("zstd: %v", err)
	}
	return out, nil
}

func (d *decompressor) expandLZ4(dst, src []byte) ([]byte, error) {
	if len(src) < 8 {
		return dst, corrupt("lz4 block of %d bytes", len(src))
	}
	size := le.Uint64(src)
	if err := d.check(size); err != nil {
		return dst, err
	}
	// One byte of lz4 stands for at most 255 bytes: what claims more is
	// refused before memory is set aside for it. The decoder of lz4 4.1.33
	// crashes where there is no room at all.
	if size == 0 || size > uint64(len(src))*255 {
		return dst, corrupt("lz4 block of %d bytes claims %d", len(src), size)
	}
	start := len(dst)
	dst = append(dst, make([]byte, size)...)
	n, err := lz4.UncompressBlock(src[8:], dst[start:])
	if err != nil || uint64(n) != size {
		return dst[:start], corrupt("lz4: %d of %d bytes: %v", n, size, err)
	}
	return dst, nil
}

func (d *decompressor) expandXZ(dst, src []byte) ([]byte, error) {
	dict, ok := xzDictionary(src)
	if !ok || dict > maxXZDictionary {
		return dst, corrupt("xz: dictionary of %d bytes", dict)
	}
	config := xz.ReaderConfig{SingleStream: true, DictCap: 1 << 12}
	r, err := config.NewReader(bytes.NewReader(src))
	if err != nil {
		return dst, corrupt("xz: %v", err)
	}
	start := len(dst)
	buf := bytes.NewBuffer(dst)
	n, err := buf.ReadFrom(io.LimitReader(r, int64(d.limit)+1))
	// xz 0.5.17 takes a header that is cut short for the end.
	if err != nil || n == 0 {
		return dst[:start], corrupt("xz: %d bytes: %v", n, err)
	}
	if err := d.check(uint64(n)); err != nil {
		return dst[:start], err
	}
	return buf.Bytes(), nil
}

// maxXZDictionary is the size of the dictionary beyond which a field is
// refused. The decoder sets it aside before it reads anything; systemd writes
// with 1 MiB.
const maxXZDictionary = 16 << 20

// xzDictionary returns the size of the dictionary of the first block of an xz
// stream (https://tukaani.org/xz/xz-file-format.txt, 3.1 and 5.3.1); ok is
// false where it is not compressed by LZMA2 alone.
func xzDictionary(src []byte) (size uint64, ok bool) {
	const (
		streamHeader = 12
		hasPacked    = 0x40
		hasUnpacked  = 0x80
		filters      = 0x03
		lzma2        = 0x21
	)
	if len(src) < streamHeader+2 {
		return 0, false
	}
	flags, rest := src[streamHeader+1], src[streamHeader+2:]
	for _, present := range []byte{hasPacked, hasUnpacked} {
		if flags&present != 0 {
			_, n := binary.Uvarint(rest) // xz counts in the same way
			if n <= 0 {
				return 0, false
			}
			rest = rest[n:]
		}
	}
	if flags&filters != 0 || len(rest) < 3 || rest[0] != lzma2 || rest[1] != 1 || rest[2] > 40 {
		return 0, false
	}
	if rest[2] == 40 {
		return 1<<32 - 1, true
	}
	return uint64(2|rest[2]&1) << (rest[2]/2 + 11), true
}
