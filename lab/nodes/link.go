package nodes

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/lodepow/lode/node/gossip"
)

// Link says how messages travel between two nodes, requests and answers alike.
type Link struct {
	Delay     time.Duration // one way, of the middle pair; pairs have from half of it to one and a half times
	Jitter    time.Duration // on top of it, the mean of an exponential distribution
	Loss      float64       // probability that a message is lost
	Duplicate float64       // probability that a request comes twice
	Reorder   float64       // probability that a message is held back, by up to a second
}

// Errors of requests that are not answered.
var (
	errTimeout = errors.New("timeout")
	errRefused = errors.New("connection refused")
)

// holdBack is the longest time by which a message is held back.
const holdBack = time.Second

// draw returns how long a message takes, or that it is lost. pair is a number
// that belongs to the pair of nodes.
func (l Link) draw(rng *rand.Rand, pair uint64) (delay time.Duration, lost bool) {
	if l.Loss > 0 && rng.Float64() < l.Loss {
		return 0, true
	}
	delay = l.Delay/2 + time.Duration(float64(l.Delay)*float64(pair>>11)/(1<<53))
	delay += time.Duration(rng.ExpFloat64() * float64(l.Jitter))
	if l.Reorder > 0 && rng.Float64() < l.Reorder {
		delay += time.Duration(rng.Float64() * float64(holdBack))
	}
	return delay, false
}

// host is what has an address in the network: a node or a script.
type host struct {
	net   *Net
	index int
	addr  gossip.Address
	group int
	up    bool
	epoch int // counts the starts
	serve func(x *exchange, from *host, reply func(gossip.Answer, error))
}

// exchange is a request and its answer, on their way.
type exchange struct {
	from, to *host
	epoch    int // of from
	session  gossip.Session
	request  gossip.Request
	deadline time.Duration
	done     func(gossip.Answer, error)
	over     bool
}

// pairKey is the same for both directions.
func (n *Net) pairKey(a, b *host) [2]int { return [2]int{min(a.index, b.index), max(a.index, b.index)} }

// link returns the link between two hosts, and the number that belongs to the
// pair.
func (n *Net) link(a, b *host) (Link, uint64) {
	key := n.pairKey(a, b)
	link, ok := n.links[key]
	if !ok {
		link = n.config.Link
	}
	return link, mix(n.seed ^ uint64(key[0])<<32 ^ uint64(key[1]))
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// travel has f called when a message has come from one host to the other, and
// reports whether it will come at all.
func (n *Net) travel(from, to *host, latest time.Duration, f func()) bool {
	link, pair := n.link(from, to)
	delay, lost := link.draw(n.linkRandom, pair)
	if lost || from.group != to.group || n.now+delay > latest {
		return false
	}
	n.after(delay, f)
	return true
}

// send has a request delivered and done called with what comes of it, unless the
// sender is down by then.
func (n *Net) send(from *host, to gossip.Address, s gossip.Session, r gossip.Request, timeout time.Duration, done func(gossip.Answer, error)) {
	x := &exchange{from: from, epoch: from.epoch, session: s, request: r, deadline: n.now + timeout, done: done}
	if x.to = n.hosts[to]; x.to == nil { // nobody has that address
		n.after(min(n.config.Link.Delay, timeout), func() { x.finish(nil, errRefused) })
		return
	}
	if !n.travel(from, x.to, x.deadline, func() { n.arrive(x, false) }) {
		n.expire(x)
		return
	}
	if link, _ := n.link(from, x.to); link.Duplicate > 0 && n.linkRandom.Float64() < link.Duplicate {
		n.travel(from, x.to, x.deadline, func() { n.arrive(x, true) })
	}
}

// arrive hands a request to its receiver. What a copy is answered does not
// matter.
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
	case x.from.group != x.to.group: // split meanwhile
	case !x.to.up:
		reply(nil, errRefused)
	default:
		x.to.serve(x, x.from, reply)
	}
	if !answered && !copied {
		n.expire(x)
	}
}

// expire has the exchange fail at its deadline unless it is over by then.
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
