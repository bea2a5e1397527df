package cgroupstat

type watcher struct{}
