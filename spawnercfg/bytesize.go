package spawnercfg

import (
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"

	"errors"
	"fmt"
	"math/big"
	"strconv"
)

// ByteSize is an amount of memory in bytes.
type ByteSize int64

// The units of JupyterHub's grammar, which writes them K, M, G and T.
const (
	KiB ByteSize = 1 << 10
	MiB ByteSize = 1 << 20
	GiB ByteSize = 1 << 30
	TiB ByteSize = 1 << 40
)

// ErrByteSize is text that JupyterHub does not take for an amount of memory.
var ErrByteSize = errors.New("is not a memory specification: a number and one of K, M, G, T")

// String returns the size as JupyterHub reads it and as it is written: a
// whole number of the largest unit that fits, such as "1536M". Without a unit
// ("1000") it is a number in a configuration file and not text, which
// JupyterHub would refuse.
func (b ByteSize) String() string {
	for _, u := range []struct {
		size   ByteSize
		suffix string
	}{{TiB, "T"}, {GiB, "G"}, {MiB, "M"}, {KiB, "K"}} {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// ParseByteSize reads text by JupyterHub's own grammar (its
// ByteSpecification, the same from 2.3 to 6.0): a float as Python's float()
// reads it, then exactly one of K, M, G and T, powers of 1024; the fraction
// of a byte is cut off. "1.5G" and "-1G" are read, "1024", "2GB", "2g" and
// "50%" are refused with [ErrByteSize].
func ParseByteSize(s string) (ByteSize, error) {
	n, raised := byteSpecification(pyvalue.Str(s))
	if raised != nil {
		return 0, fmt.Errorf("%q %w", s, ErrByteSize)
	}
	if !n.IsInt64() {
		return 0, fmt.Errorf("%q %w: beyond 64 bits", s, ErrByteSize)
	}
	return ByteSize(n.Int64()), nil
}

// byteSpecification does what JupyterHub's ByteSpecification does with a
// value other than None.
func byteSpecification(v pyvalue.Value) (*big.Int, *pyvalue.Exception) {
	bad := pyvalue.Raise("TraitError", "%s", v.Text()+" is not a valid memory specification. Must be an int or a string with suffix K, M, G, T")
	switch v.Kind() {
	case pyvalue.BoolKind, pyvalue.IntKind:
		i, _ := v.Index()
		return i, nil
	case pyvalue.FloatKind:
		f, _ := v.Float64()
		return pyvalue.Truncate(f)
	case pyvalue.ListKind:
		// value[:-1] is a list, which float() refuses before the suffix is
		// looked at.
		return nil, pyvalue.Raise("TypeError", "float() argument must be a string or a real number, not 'list'")
	case pyvalue.TupleKind:
		return nil, pyvalue.Raise("TypeError", "float() argument must be a string or a real number, not 'tuple'")
	case pyvalue.DictKind:
		return nil, pyvalue.Raise("TypeError", "unhashable type: 'slice'")
	case pyvalue.StrKind:
	case pyvalue.BytesKind:
		return nil, bad
	default:
		return nil, pyvalue.Raise("TypeError", "%s", "'"+v.Kind().String()+"' object is not subscriptable")
	}
	s, _ := v.Str()
	unit := map[byte]float64{'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	if s == "" || unit[s[len(s)-1]] == 0 {
		return nil, bad
	}
	f, ok := pyvalue.ParseFloat(s[:len(s)-1])
	if !ok {
		return nil, bad
	}
	return pyvalue.Truncate(f * unit[s[len(s)-1]])
}
