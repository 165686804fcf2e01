package nodes

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// Link describes how messages travel between two nodes, requests and answers alike.
type Link struct {
	Delay     time.Duration // one way, on average over all pairs; each pair has its own, from 0.5 to 1.5 times this
	Same      bool          // the delay is Delay for all pairs
	Jitter    time.Duration // more delay for each message, exponentially distributed with this mean
	Loss      float64       // probability that a message is lost
	Duplicate float64       // probability that a request is delivered twice
	Reorder   float64       // probability that a message is held back, by up to a second
	Closed    bool          // requests are refused, without a loss or Jitter, as by a machine on which nothing listens
}

// The errors that the sender of a request gets when there is no answer.
var (
	errTimeout = errors.New("timeout")
	errRefused = errors.New("connection refused")
)

// holdBack is the longest time by which a message is held back.
const holdBack = time.Second

// constant returns the part of the delay that all messages of a pair have.
func (l Link) constant(pair uint64) time.Duration {
	if l.Same {
		return l.Delay
	}
	return l.Delay/2 + time.Duration(float64(l.Delay)*float64(pair>>11)/(1<<53))
}

// draw returns the delay of one message, or lost. pair is a number that is fixed for
// the pair of nodes and determines the constant part of the delay.
func (l Link) draw(rng *rand.Rand, pair uint64) (delay time.Duration, lost bool) {
	if l.Loss > 0 && rng.Float64() < l.Loss {
		return 0, true
	}
	delay = l.constant(pair)
	delay += time.Duration(rng.ExpFloat64() * float64(l.Jitter))
	if l.Reorder > 0 && rng.Float64() < l.Reorder {
		delay += time.Duration(rng.Float64() * float64(holdBack))
	}
	return delay, false
}

// host is anything that has an address in the network: a node or a script.
type host struct {
	net   *Net
	index int
	ip    netip.Addr // from which its requests come
	addr  gossip.Address
	group int
	up    bool
	epoch int // number of starts so far
	serve func(x *exchange, from *host, reply func(gossip.Answer, error))
}

// exchange is a request under way, or its answer.
type exchange struct {
	from, to *host
	epoch    int // the epoch of from when it sent the request
	session  gossip.Session
	request  gossip.Request
	deadline time.Duration
	done     func(gossip.Answer, error)
	over     bool
}

// pairKey returns the key of a pair of hosts, the same for both directions.
func (n *Net) pairKey(a, b *host) [2]int { return [2]int{min(a.index, b.index), max(a.index, b.index)} }

// link returns the link between two hosts, and the number of the pair for draw.
func (n *Net) link(a, b *host) (Link, uint64) {
	key := n.pairKey(a, b)
	link, ok := n.links[key]
	if !ok {
		link = n.config.Link
	}
	return link, mix(n.seed ^ uint64(key[0])<<32 ^ uint64(key[1]))
}

// mix spreads the bits of x over the whole result. It is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// travel calls f when a message has arrived from one host at the other. It reports
// false if the message will not arrive at all, or not before the time latest.
func (n *Net) travel(from, to *host, latest time.Duration, f func()) bool {
	link, pair := n.link(from, to)
	delay, lost := link.draw(n.linkRandom, pair)
	if lost || from.group != to.group || n.now+delay > latest {
		return false
	}
	n.after(delay, f)
	return true
}

// send delivers a request and calls done with the answer or an error, unless the
// sender has been stopped by then.
func (n *Net) send(from *host, to gossip.Address, s gossip.Session, r gossip.Request, timeout time.Duration, done func(gossip.Answer, error)) {
	x := &exchange{from: from, epoch: from.epoch, session: s, request: r, deadline: n.now + timeout, done: done}
	if x.to = n.hosts[to]; x.to == nil { // no host has that address
		n.after(min(n.config.Link.Delay, timeout), func() { x.finish(nil, errRefused) })
		return
	}
	link, pair := n.link(from, x.to)
	if link.Closed {
		n.after(min(2*link.constant(pair), timeout), func() { x.finish(nil, errRefused) })
		return
	}
	if !n.travel(from, x.to, x.deadline, func() { n.arrive(x, false) }) {
		n.expire(x)
		return
	}
	if link.Duplicate > 0 && n.linkRandom.Float64() < link.Duplicate {
		n.travel(from, x.to, x.deadline, func() { n.arrive(x, true) })
	}
}

// arrive passes a request to its receiver. The answer to a second copy of a request
// is discarded.
func (n *Net) arrive(x *exchange, copied bool) {
	answered := false
	reply := func(a gossip.Answer, err error) {
		if answered || copied {
			return
		}
		answered = true
		if !n.travel(x.to, x.from, x.deadline, func() { x.finish(a, err) }) {
			n.expire(x)
		}
	}
	switch {
	case x.from.group != x.to.group: // The network was split while the request was under way.
	case !x.to.up:
		reply(nil, errRefused)
	default:
		x.to.serve(x, x.from, reply)
	}
	if !answered && !copied {
		n.expire(x)
	}
}

// expire makes the exchange fail at its deadline, unless it has ended before.
func (n *Net) expire(x *exchange) {
	n.after(x.deadline-n.now, func() { x.finish(nil, errTimeout) })
}

func (x *exchange) finish(a gossip.Answer, err error) {
	if x.over {
		return
	}
	x.over = true
	if x.from.up && x.from.epoch == x.epoch {
		x.done(a, err)
	}
}
