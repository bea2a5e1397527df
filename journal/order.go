package journal

import (
	"cmp"

	"github.com/hubhost/hubhost/journal/internal/jfile"
)

// order compares entries of several files as systemd 255 does
// (compare_locations in src/libsystemd/sd-journal/sd-journal.c). Versions
// before 254 lack the rule about boots, and put the entries of hosts without
// a clock in another order.
type order struct {
	// boots returns, for each boot that is the last one of some file, when
	// its newest entry was written. It is asked for only when it matters.
	boots func() map[ID]bootEnd
}

type bootEnd struct {
	machine   ID
	monotonic uint64
	realtime  uint64
}

func (o *order) compare(a, b *location) int {
	if *a == *b {
		return 0
	}
	if a.seqnumID == b.seqnumID {
		if c := cmp.Compare(a.seqnum, b.seqnum); c != 0 {
			return c
		}
	}
	if a.bootID == b.bootID {
		if c := cmp.Compare(a.monotonic, b.monotonic); c != 0 {
			return c
		}
	} else if c := o.compareBoots(a.bootID, b.bootID); c != 0 {
		return c
	}
	if c := cmp.Compare(a.realtime, b.realtime); c != 0 {
		return c
	}
	return cmp.Compare(a.xorHash, b.xorHash)
}

// isCopyOf reports whether the two are the same entry in two files: in a copy
// of a file, or with another source of sequence numbers where journald has
// moved the entry from /run to /var, or systemd-journal-remote has received it
// twice.
func (l *location) isCopyOf(other *location) bool {
	return l.bootID == other.bootID && l.monotonic == other.monotonic && l.realtime == other.realtime &&
		l.xorHash == other.xorHash && (l.seqnumID != other.seqnumID || l.seqnum == other.seqnum)
}

func (o *order) compareBoots(a, b ID) int {
	boots := o.boots()
	x, ok := boots[a]
	y, ok2 := boots[b]
	if !ok || !ok2 || x.machine != y.machine {
		return 0
	}
	return cmp.Compare(x.realtime, y.realtime)
}

// newOrder returns the order for the entries of these files, which must stay
// held as long as it is in use.
func newOrder(held []*openFile) order {
	var boots map[ID]bootEnd
	return order{boots: func() map[ID]bootEnd {
		if boots != nil {
			return boots
		}
		boots = make(map[ID]bootEnd)
		for _, f := range held {
			last, ok := lastLocation(f)
			if !ok {
				continue
			}
			end := bootEnd{ID(f.MachineID()), last.monotonic, last.realtime}
			if old, ok := boots[last.bootID]; !ok || old.monotonic < end.monotonic {
				boots[last.bootID] = end
			}
		}
		return boots
	}}
}

// lastLocation returns the location of a file's newest entry; ok is false
// where it has none that can be read.
func lastLocation(f *openFile) (last location, ok bool) {
	r := f.NewReader()
	live, err := r.Live()
	if err != nil || live.Entries == 0 {
		return location{}, false
	}
	l, ok, err := r.Location(live.Entries - 1)
	return fromFile(l), ok && err == nil
}

func fromFile(l jfile.Location) location {
	return location{
		seqnumID:  l.SeqnumID,
		seqnum:    l.Seqnum,
		bootID:    l.BootID,
		monotonic: l.Monotonic,
		realtime:  l.Realtime,
		xorHash:   l.XorHash,
	}
}
