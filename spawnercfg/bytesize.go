package spawnercfg

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode"
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
	n, raised := byteSpecification(StrValue(s))
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
func byteSpecification(v Value) (*big.Int, *PythonError) {
	bad := &PythonError{"TraitError", v.str() + " is not a valid memory specification. Must be an int or a string with suffix K, M, G, T"}
	switch v.kind {
	case BoolKind, IntKind:
		i, _, _ := v.number()
		return i, nil
	case FloatKind:
		return truncate(v.data.(float64))
	case ListKind:
		// value[:-1] is a list, which float() refuses before the suffix is
		// looked at.
		return nil, &PythonError{"TypeError", "float() argument must be a string or a real number, not 'list'"}
	case TupleKind:
		return nil, &PythonError{"TypeError", "float() argument must be a string or a real number, not 'tuple'"}
	case DictKind:
		return nil, &PythonError{"TypeError", "unhashable type: 'slice'"}
	case StrKind:
	case BytesKind:
		return nil, bad
	default:
		return nil, &PythonError{"TypeError", "'" + v.kind.String() + "' object is not subscriptable"}
	}
	s := v.data.(string)
	unit := map[byte]float64{'K': 1 << 10, 'M': 1 << 20, 'G': 1 << 30, 'T': 1 << 40}
	if s == "" || unit[s[len(s)-1]] == 0 {
		return nil, bad
	}
	f, ok := pythonFloat(s[:len(s)-1])
	if !ok {
		return nil, bad
	}
	return truncate(f * unit[s[len(s)-1]])
}

// truncate is Python's int() of a float.
func truncate(f float64) (*big.Int, *PythonError) {
	switch {
	case math.IsInf(f, 0):
		return nil, &PythonError{"OverflowError", "cannot convert float infinity to integer"}
	case math.IsNaN(f):
		return nil, &PythonError{"ValueError", "cannot convert float NaN to integer"}
	}
	i, _ := big.NewFloat(f).Int(nil)
	return i, nil
}

var (
	decimalFloat = regexp.MustCompile(`^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)([eE][+-]?\d+(_\d+)*)?$`)
	namedFloat   = regexp.MustCompile(`^(?i)[+-]?(inf|infinity|nan)$`)
)

// pythonFloat reads text as float() does: surrounding white space, the
// decimal digits of every script, underscores between digits, and the names
// of what is not finite.
func pythonFloat(s string) (float64, bool) {
	s = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII && unicode.Is(unicode.Nd, r) {
			return '0' + decimalDigit(r)
		}
		return r
	}, strings.TrimFunc(s, pythonSpace))
	if !decimalFloat.MatchString(s) && !namedFloat.MatchString(s) {
		return 0, false
	}
	if strings.EqualFold(strings.TrimLeft(s, "+-"), "nan") {
		return math.NaN(), true // with a sign, which ParseFloat does not take
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange)
}

// decimalDigit returns the value of a decimal digit. Unicode keeps the digits
// of a script together, in order, from a zero that starts a run of ten.
func decimalDigit(r rune) rune {
	for _, run := range unicode.Nd.R16 {
		if lo := rune(run.Lo); r >= lo && r <= rune(run.Hi) {
			return (r - lo) % 10
		}
	}
	for _, run := range unicode.Nd.R32 {
		if lo := rune(run.Lo); r >= lo && r <= rune(run.Hi) {
			return (r - lo) % 10
		}
	}
	return 0
}

// pythonSpace reports what str.strip and str.split take for white space:
// Unicode's, and the four separators of ASCII.
func pythonSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}
