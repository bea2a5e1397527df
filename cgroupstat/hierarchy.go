package cgroupstat

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// Mode is the kind of control group hierarchy.
type Mode uint8

const (
	// Detect finds out what is mounted.
	Detect Mode = iota
	// Unified is control groups v2 alone.
	Unified
	// Hybrid is v1 with its controllers, and a v2 tree without, below
	// "unified", in which systemd keeps its units.
	Hybrid
	// Legacy is v1 alone.
	Legacy
)

// String returns the mode in a word.
func (m Mode) String() string {
	switch m {
	case Unified:
		return "unified"
	case Hybrid:
		return "hybrid"
	case Legacy:
		return "legacy"
	}
	return "detect"
}

// Config says which hierarchy [Open] opens. The zero Config is this host's.
type Config struct {
	// HostRoot is the directory below which the host's file system is seen,
	// such as /host in a container that has it mounted there; "" means "/".
	// Its sys/fs/cgroup and proc are read.
	HostRoot string
	// Mount is the directory of the hierarchy (on v1, the one above the
	// controllers). "" means sys/fs/cgroup below HostRoot, and if no
	// hierarchy is mounted there, the first below HostRoot that this
	// process's mount table has.
	Mount string
	// Mode skips the detection, for a copy of a hierarchy in ordinary files.
	// [Detect] is the zero value.
	Mode Mode
}

// Hierarchy is a control group hierarchy that was found. It keeps nothing
// open and needs no Close. Its methods may be called at the same time.
type Hierarchy struct {
	tree *tree
}

// Open opens a control group hierarchy.
//
// It returns an error that is [ErrNoHierarchy] when none is mounted there, and
// one that is [errors.ErrUnsupported] on other systems than Linux.
func Open(cfg Config) (*Hierarchy, error) {
	if cfg.HostRoot == "" {
		cfg.HostRoot = "/"
	}
	t, err := openTree(cfg)
	if err != nil {
		return nil, err
	}
	return &Hierarchy{t}, nil
}

// Mode returns what was found: [Unified], [Hybrid] or [Legacy].
func (h *Hierarchy) Mode() Mode { return h.tree.mode }

// Mount returns the directory of the hierarchy.
func (h *Hierarchy) Mount() string { return h.tree.mount }

// Stat reads everything that the kernel accounts to a control group. The path
// is the one that systemd gives as the unit's ControlGroup, such as
// /system.slice/jupyter-alice.service; a slice or the root, "/", will do too.
//
// It returns an error that is [ErrNotRunning] when there is no such group. The
// figures are read one file after the other: they are not of one instant.
func (h *Hierarchy) Stat(path string) (*Stats, error) {
	st := new(Stats)
	if err := checkPath("stat", path); err != nil {
		return nil, err
	}
	if err := h.tree.stat(path, st); err != nil {
		return nil, within("stat", path, err)
	}
	return st, nil
}

// GroupOf returns the control group of a process: the unit's, or one below it
// when the unit's processes made some of their own. On v1 it is the group in
// which systemd keeps the process. A process that is gone is [ErrNotRunning].
//
// A group that has no path from [Hierarchy.Mount] is another error. It happens
// in containers: to processes outside where a part of the hierarchy is mounted,
// and to the container's own where it has a control group namespace and the
// host's tree.
func (h *Hierarchy) GroupOf(pid int) (string, error) { return h.tree.groupOf(pid) }

// Children returns the control groups directly below one, in the order of
// their names: the units and slices of a slice. The sessions are those whose
// path begins with /system.slice/jupyter-, unless the hub is told otherwise.
//
// It returns an error that is [ErrNotRunning] when there is no such group.
func (h *Hierarchy) Children(path string) ([]string, error) {
	if err := checkPath("children", path); err != nil {
		return nil, err
	}
	paths, err := h.tree.children(path)
	if err != nil {
		return nil, within("children", path, err)
	}
	return paths, nil
}

// checkPath accepts the absolute and clean paths that systemd gives, and
// nothing that could lead out of the hierarchy: unit names hold user names.
func checkPath(op, p string) error {
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p || strings.ContainsRune(p, 0) {
		return &Error{Op: op, Path: p, Err: fs.ErrInvalid}
	}
	return nil
}

// within puts the operation and the control group around a cause, which may
// name another group already: a slice above.
func within(op, path string, err error) error {
	if e, ok := err.(*Error); ok {
		e.Op, e.Path = op, cmp.Or(e.Path, path)
		return e
	}
	return &Error{Op: op, Path: path, Err: err}
}

// ofSlice makes the cause that a slice could not be read of one about a unit. A
// slice that is gone took the unit with it.
func ofSlice(slice string, err error) error {
	if errors.Is(err, ErrNotRunning) {
		return ErrNotRunning
	}
	return within("", slice, err)
}
