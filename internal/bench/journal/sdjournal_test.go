//go:build sdjournal

package journal

import (
	"github.com/coreos/go-systemd/v22/sdjournal"
)

func init() {
	readSdjournal = func(dir, unit string, newest int) (n int, err error) {
		j, err := sdjournal.NewJournalFromDir(dir)
		if err != nil {
			return 0, err
		}
		defer j.Close()
		if unit != "" {
			if err := j.AddMatch("_SYSTEMD_UNIT=" + unit); err != nil {
				return 0, err
			}
		}
		// Or it cuts fields off at 64 KiB.
		if err := j.SetDataThreshold(0); err != nil {
			return 0, err
		}
		if newest > 0 {
			if err := j.SeekTail(); err != nil {
				return 0, err
			}
			if _, err := j.PreviousSkip(uint64(newest) + 1); err != nil {
				return 0, err
			}
		}
		for {
			more, err := j.Next()
			if err != nil || more == 0 {
				return n, err
			}
			e, err := j.GetEntry()
			if err != nil {
				return n, err
			}
			n += min(len(e.Fields), 1)
		}
	}
}
