// Package journaldtest runs a test beside a real systemd-journald that the
// test has for itself: in a mount namespace of its own, with an empty journal,
// and without systemd as PID 1. It needs root.
package journaldtest
