package p2p

import (
	"errors"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// Observer is a set of functions that the network calls as things happen. Nil
// functions are skipped. The network waits for them, so they must be quick.
type Observer struct {
	// Noted is called with everything that the state machine decides: connections,
	// bans, announcements, blocks from peers, progress of a sync. The calls come
	// one after another.
	Noted func(gossip.Note)

	// Sent is called when a request to another node has been answered or has
	// failed. Calls come at the same time for requests that run at the same time.
	Sent func(Sent)

	// Refused is called when a request of another node is answered with a refusal.
	// Calls come at the same time for requests that run at the same time.
	Refused func(gossip.RefusalReason)
}

// Sent describes a request to another node that has ended.
type Sent struct {
	Route  string // such as /p2p/hello
	Result Result
	Took   time.Duration // from the sending to the end of the answer
}

// Result says how a request to another node ended.
type Result string

// The results.
const (
	ResultOK      Result = "ok"
	ResultRefused Result = "refused" // the other node refused it: see [gossip.Refusal]
	ResultFault   Result = "fault"   // the answer breaks the protocol: see [gossip.Fault]
	ResultFailed  Result = "failed"  // there is no answer
)

func resultOf(err error) Result {
	var refusal gossip.Refusal
	var fault gossip.Fault
	switch {
	case err == nil:
		return ResultOK
	case errors.As(err, &refusal):
		return ResultRefused
	case errors.As(err, &fault):
		return ResultFault
	default:
		return ResultFailed
	}
}

// Observe attaches an observer; it stays attached. It may be called at any time; the
// new observer may miss what is under way.
func (n *Network) Observe(o Observer) { n.observers.Add(o) }

// Stats are the numbers of a network at one moment.
type Stats struct {
	Outbound  int   // peers that this node has chosen
	Inbound   int   // peers that have chosen this node
	Addresses int   // in the address book
	Remaining int64 // blocks that a sync under way has yet to take; 0 if there is none
	Clock     gossip.ClockInfo

	// Bytes of the bodies of messages since the start, requests and answers.
	BytesSent, BytesReceived uint64
}

// Stats returns the numbers of this moment.
func (n *Network) Stats() Stats {
	s := Stats{BytesSent: n.traffic.sent.Load(), BytesReceived: n.traffic.received.Load()}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.machine.Peers() {
		if p.Out {
			s.Outbound++
		} else {
			s.Inbound++
		}
	}
	s.Addresses = n.machine.Known()
	s.Clock = n.machine.Clock()
	if sync := n.machine.Sync(); sync.Active {
		s.Remaining = max(sync.Target-sync.Height, 0)
	}
	return s
}

// RefusalReasons lists the reasons for which the network refuses requests of
// other nodes.
func RefusalReasons() []gossip.RefusalReason {
	return []gossip.RefusalReason{
		gossip.WrongVersion, gossip.WrongNetwork, gossip.Self, gossip.Full, gossip.Banned,
		gossip.UnknownSession, gossip.Busy, gossip.BadRequest,
	}
}

func (n *Network) tellNoted(note gossip.Note) {
	for _, o := range n.observers.All() {
		if o.Noted != nil {
			o.Noted(note)
		}
	}
}

func (n *Network) tellSent(s Sent) {
	for _, o := range n.observers.All() {
		if o.Sent != nil {
			o.Sent(s)
		}
	}
}

func (n *Network) tellRefused(reason gossip.RefusalReason) {
	for _, o := range n.observers.All() {
		if o.Refused != nil {
			o.Refused(reason)
		}
	}
}
