// Package cgroupstat reads what the kernel accounts to a systemd unit's
// control group: memory, CPU time, tasks, I/O, pressure and the limits that
// hold, for one unit or for thousands, once or again and again.
//
// Call [Open] first, then [Hierarchy.Stat] with the control group that
// systemd names for the unit:
//
//	h, err := cgroupstat.Open(cgroupstat.Config{})
//	...
//	st, err := h.Stat("/system.slice/jupyter-alice.service")
//
// For figures over time (CPUs used, bytes a second, share of the limit) keep
// a [Sampler]. To be told of an OOM kill when it happens, keep a [Watcher].
// [Hierarchy.Enforced] says whether the limit that was asked for is the one
// the kernel holds, and who overrides it.
//
// # Absent, unlimited and zero
//
// A figure that the kernel does not give is an absent [Opt], never a zero; a
// limit is an absent, an unlimited or a finite [Limit]. A unit that is gone is
// the error [ErrNotRunning]:
//
//	st, err := h.Stat(path)
//	switch {
//	case errors.Is(err, cgroupstat.ErrNotRunning): // stopped, or never started
//	case errors.Is(err, cgroupstat.ErrMalformed):  // the kernel's file is not understood
//	case errors.Is(err, fs.ErrPermission):         // the file may not be read
//	}
//
// What a figure counts, and since which kernel it exists, stands at its field.
// A figure counts the control group with everything below it.
//
// # Hierarchies
//
// The unified hierarchy (cgroup v2), the legacy one (v1) and the hybrid of
// both are told apart by what is mounted. The legacy hierarchy cannot say as
// much: no pressure (a hybrid has it), no memory.high and no peak of tasks;
// memory events are OOM kills only; and its readings, which go through
// github.com/containerd/cgroups, keep no descriptors and allocate. systemd 258
// no longer supports it.
//
// # Privileges
//
// Any user may read control groups. Nothing here writes one, and no process is
// started. Calls that read one control group take no context: the kernel
// answers them from memory, and a read of a control file cannot be
// interrupted.
//
// # Versions
//
// Kernels from 5.10 and systemd from 247 are supported. On other systems than
// Linux [Open] returns an error that wraps [errors.ErrUnsupported].
//
// # Out of scope
//
// Starting, stopping and limiting units (package units), network traffic,
// which control groups do not count, and GPUs.
package cgroupstat
