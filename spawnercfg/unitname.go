package spawnercfg

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnitName is a name that systemd takes for no service: too long, empty,
// or with the suffix of another type of unit.
var ErrUnitName = errors.New("is no name of a service")

// unitTypes are the suffixes by which systemd tells a unit's type.
var unitTypes = []string{"service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"}

// unitNameMax is UNIT_NAME_MAX of systemd, the longest name and its NUL.
const unitNameMax = 256

// MangleUnitName returns the name that systemd-run and systemctl give to a
// unit whose name is told to them as SystemdSpawner does: a valid name is
// kept, in another "/" becomes "-" and every byte outside [0-9A-Za-z:_.\@-]
// becomes \xNN, and ".service" is added unless the name ends like a unit of
// another type. Two names can come out as one. It fails with [ErrUnitName]
// where systemd refuses the name, and where the unit would not be a service.
//
// It is unit_name_mangle of systemd 252, without globs and paths.
func MangleUnitName(name string) (string, error) {
	mangled := name
	if !validUnitName(name) {
		if mangled = mangle(name); !validUnitName(mangled) {
			mangled += ".service"
		}
	}
	if !validUnitName(mangled) || name[0] == '/' || unitType(mangled) != "service" {
		return "", fmt.Errorf("%q %w", name, ErrUnitName)
	}
	return mangled, nil
}

func mangle(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/':
			b.WriteByte('-')
		case !unitNameByte(c):
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unitNameByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte(`:-_.\@`, c) >= 0
}

// unitType returns the type that a name's suffix says, and "" for none.
func unitType(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || !slices.Contains(unitTypes, name[dot+1:]) {
		return ""
	}
	return name[dot+1:]
}

// validUnitName is unit_name_is_valid for plain names, instances and
// templates.
func validUnitName(name string) bool {
	if name == "" || len(name) >= unitNameMax || unitType(name) == "" {
		return false
	}
	stem := name[:strings.LastIndexByte(name, '.')]
	if stem == "" || stem[0] == '@' {
		return false
	}
	for i := range len(stem) {
		if !unitNameByte(stem[i]) {
			return false
		}
	}
	return true
}
