package p2p

import (
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
	setDefault(&l.Requests, 64)
	setDefault(&l.Bodies, 8)
	setDefault(&l.Queue, 256)
	setDefault(&l.Sends, 512)
	setDefault(&l.RequestsEach, 16)
	setDefault(&l.BodiesEach, 4)
	setDefault(&l.Rate, 500)
	setDefault(&l.Hellos, 10)
	setDefault(&l.ReadTimeout, 10*time.Second)
	setDefault(&l.WriteTimeout, 30*time.Second)
	setDefault(&l.StepTimeout, 5*time.Second)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
