package units

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// However a wait ends, the table keeps nothing of it.
func TestJobTableForgets(t *testing.T) {
	var jobs jobTable
	jobs.init()
	empty := func(when string) {
		t.Helper()
		assert.Empty(t, jobs.waiting, when)
		assert.Empty(t, jobs.byPath, when)
		assert.Empty(t, jobs.early, when)
		assert.Empty(t, jobs.arrived, when)
		assert.Zero(t, jobs.replies, when)
	}
	w := jobs.begin("a.service")
	jobs.removed("/job/1", JobDone)
	jobs.end(w)
	empty("without a reply")

	w = jobs.begin("a.service")
	jobs.bind(w, "/job/2")
	jobs.end(w)
	empty("cancelled")

	first, second := jobs.begin("a.service"), jobs.begin("a.service")
	jobs.bind(first, "/job/3")
	jobs.bind(second, "/job/3")
	jobs.end(first)
	jobs.removed("/job/3", JobFailed)
	assert.Equal(t, JobFailed, <-second.result, "who has left takes nobody along")
	jobs.end(second)
	empty("one of two cancelled")

	w, other := jobs.begin("a.service"), jobs.begin("b.service")
	for i := range 2 * maxEarly {
		jobs.removed(fmt.Sprint("/job/", 4+i), JobDone)
	}
	assert.Len(t, jobs.early, maxEarly)
	jobs.bind(w, fmt.Sprint("/job/", 4+2*maxEarly-1))
	assert.Equal(t, JobDone, <-w.result, "the newest results are kept")
	jobs.end(w)
	jobs.end(other)
	empty("early")
}

func TestJobNumber(t *testing.T) {
	for path, want := range map[string]uint32{
		"/org/freedesktop/systemd1/job/123": 123, "/org/freedesktop/systemd1/job/4294967295": 1<<32 - 1, "/": 0, "": 0, "/job/x1": 0,
	} {
		assert.Equal(t, want, jobNumber(path), path)
	}
}
