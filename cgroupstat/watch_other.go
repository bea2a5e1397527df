//go:build !linux

package cgroupstat

type watcher struct{}
