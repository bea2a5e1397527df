package cgroupstat

func (t *tree) statLegacy(path string, view View, st *Stats) error { panic("todo") }
