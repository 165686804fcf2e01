package p2p

import (
	"cmp"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// Limits bound what other nodes can take. Fields left zero stand for their
// defaults.
type Limits struct {
	Gossip gossip.Limits

	Requests int // of other nodes, served at once; more get 503; 0: 64
	Bodies   int // of those, answers with blocks; 0: 8
	Queue    int // requests that wait for the state machine; 0: 256
	Sends    int // requests to other nodes under way at once; 0: 512

	// From one IP address. The first two do not count for this machine's own.
	RequestsEach int     // served at once; 0: 16
	BodiesEach   int     // of those, answers with blocks; 0: 4
	Rate         float64 // requests a second; 0: 500
	Hellos       float64 // of those, hellos; 0: 10

	ReadTimeout  time.Duration // of a request's body; 0: 10 s
	WriteTimeout time.Duration // of a whole answer; 0: 30 s
	StepTimeout  time.Duration // for the state machine's answer; 0: 5 s
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
