package p2p

import (
	"cmp"
	"fmt"
	"time"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/bounds"
)

// Limits bound what other nodes can take. For a field left zero, the default
// applies.
type Limits struct {
	Gossip gossip.Limits

	Requests int // of other nodes, served at once; more get 503; 0: 64
	Bodies   int // of those, answers with blocks, which take the most memory; 0: 8
	Queue    int // requests that wait for the state machine; 0: 256
	Sends    int // requests to other nodes under way at once; 0: 512

	// These apply to each IP address. RequestsEach and BodiesEach do not apply to
	// loopback addresses.
	RequestsEach int     // served at once; 0: 16
	BodiesEach   int     // of those, answers with blocks; 0: 4
	Rate         float64 // requests a second; 0: 500
	Hellos       float64 // of those, hellos; 0: 10

	ReadTimeout  time.Duration // of a request's body; 0: 10 s
	WriteTimeout time.Duration // of a whole answer; 0: 30 s
	StepTimeout  time.Duration // for the state machine's answer; 0: 5 s
}

// Validate returns an error if a limit has a value that no node could work with.
func (l Limits) Validate() error {
	if err := bounds.Check("p2p.Limits", l); err != nil {
		return err
	}
	// There is memory for all of these from the start.
	if most := 1 << 20; l.Queue > most || l.Sends > most {
		return fmt.Errorf("p2p.Limits.Queue is %d and Sends %d: want at most %d", l.Queue, l.Sends, most)
	}
	return l.Gossip.Validate()
}

func (l Limits) withDefaults() Limits {
	l.Requests = cmp.Or(l.Requests, 64)
	l.Bodies = cmp.Or(l.Bodies, 8)
	l.Queue = cmp.Or(l.Queue, 256)
	l.Sends = cmp.Or(l.Sends, 512)
	l.RequestsEach = cmp.Or(l.RequestsEach, 16)
	l.BodiesEach = cmp.Or(l.BodiesEach, 4)
	l.Rate = cmp.Or(l.Rate, 500)
	l.Hellos = cmp.Or(l.Hellos, 10)
	l.ReadTimeout = cmp.Or(l.ReadTimeout, 10*time.Second)
	l.WriteTimeout = cmp.Or(l.WriteTimeout, 30*time.Second)
	l.StepTimeout = cmp.Or(l.StepTimeout, 5*time.Second)
	return l
}
