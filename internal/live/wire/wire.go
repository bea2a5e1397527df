// Package wire is what the two halves of the live tier say to each other: the
// host puts a [Plan] on the payload disk, the guest answers with [Event]s, one
// JSON object a line, on a virtio-serial port.
package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Port is the virtio-serial port that carries the events; udev names the
// guest's end /dev/virtio-ports/hubhost.live.
const Port = "hubhost.live"

// The places of the payload disk, as the guest sees them.
const (
	PlanFile = "/payload/plan.json"
	SrcDir   = "/payload/src"  // one directory a package: its test binary and testdata
	BinDir   = "/payload/bin"  // the guest's half and the module's own programs
	RootDir  = "/payload/root" // files that are put over the guest's own
)

// Plan says what the guest is to do.
type Plan struct {
	// Host names the kind of host for internal/testenv, such as
	// "bookworm/v2".
	Host string
	// Env is the further environment of the test binaries.
	Env []string
	// Packages are the test binaries to run, in this order.
	Packages []Package
	// Timeout is each binary's -test.timeout.
	Timeout string
	// Console ends with a root shell on the serial console.
	Console bool
	// PowerOff shuts the machine down in order, for a disk that is kept.
	PowerOff bool
}

// Package is one test binary.
type Package struct {
	// Dir is the package's directory in the module, under [SrcDir] in the
	// guest.
	Dir string
	// Run is the binary's -test.run.
	Run string
}

// TestBinary is the name of the test binary in its package's directory.
const TestBinary = "live.test"

// Kind says what an [Event] is.
type Kind string

// The kinds of events.
const (
	Stage   Kind = "stage"   // Text was reached
	Output  Kind = "output"  // Data was printed by the test binary of Dir
	Exit    Kind = "exit"    // the test binary of Dir ended; Text says how if not well
	Journal Kind = "journal" // Data is a piece of the journal since boot
	Failed  Kind = "failed"  // the guest gave up; Text says why
	Done    Kind = "done"    // the plan is carried out
)

// Event is one message of the guest.
type Event struct {
	Kind Kind
	Dir  string `json:",omitempty"`
	Text string `json:",omitempty"`
	Data []byte `json:",omitempty"`
}

// Sender writes events.
type Sender struct {
	mu  sync.Mutex
	enc *json.Encoder
}

// NewSender returns a Sender that writes to w.
func NewSender(w io.Writer) *Sender { return &Sender{enc: json.NewEncoder(w)} }

// Send writes one event. Any goroutine may call it.
func (s *Sender) Send(e Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enc.Encode(e)
}

// Stream returns a writer that sends what is written to it as events of the
// kind, for the package of dir.
func (s *Sender) Stream(kind Kind, dir string) io.Writer {
	return stream{s, kind, dir}
}

type stream struct {
	s    *Sender
	kind Kind
	dir  string
}

func (w stream) Write(p []byte) (int, error) {
	if err := w.s.Send(Event{Kind: w.kind, Dir: w.dir, Data: p}); err != nil {
		return 0, fmt.Errorf("send to the host: %w", err)
	}
	return len(p), nil
}
