// Package cgroupstat reads what the kernel accounts to a systemd unit's
// control group.
package cgroupstat
