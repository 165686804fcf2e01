package p2p

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/internal/slots"
)

// maxSources bounds how many IP addresses the limiter remembers. When there are
// more, it forgets the one that has been silent for the longest time.
const maxSources = 8192

// A source may send at once as many requests as its rate allows in this time.
const (
	burstSeconds      = 2
	helloBurstSeconds = 10
)

// limiter bounds the requests from each IP address.
type limiter struct {
	limits Limits

	mu      sync.Mutex
	sources map[netip.Addr]*list.Element // of *source
	order   *list.List                   // of *source, the one heard from last first
}

// source is an IP address, or an IPv6 /64, that sends requests.
type source struct {
	from   netip.Addr
	all    *rate.Limiter
	hellos *rate.Limiter
	served *slots.Slots // requests being served
	bodies *slots.Slots // of those, answers with blocks
}

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l, sources: map[netip.Addr]*list.Element{}, order: list.New()}
}

// allow counts a request and returns 0, or returns how long the source has to wait
// for its next request.
func (s *source) allow(hello bool, now time.Time) (wait time.Duration) {
	if wait = take(s.all, now); wait == 0 && hello {
		wait = take(s.hellos, now)
	}
	return wait
}

// take takes a token of a rate limiter and returns 0, or returns how long it takes
// until there is one.
func take(l *rate.Limiter, now time.Time) time.Duration {
	if l.AllowN(now, 1) {
		return 0
	}
	missing := 1 - l.TokensAt(now)
	return max(time.Duration(missing/float64(l.Limit())*float64(time.Second)), time.Millisecond)
}

// source returns the source that an IP address belongs to.
func (l *limiter) source(ip netip.Addr) *source {
	from := gossip.SourceOf(ip)
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.sources[from]; e != nil {
		l.order.MoveToFront(e)
		return e.Value.(*source)
	}
	if l.order.Len() >= maxSources {
		oldest := l.order.Remove(l.order.Back()).(*source)
		delete(l.sources, oldest.from)
	}
	served, bodies := l.limits.RequestsEach, l.limits.BodiesEach
	if from.IsLoopback() { // may be a proxy that speaks for many nodes
		served, bodies = l.limits.Requests, l.limits.Bodies
	}
	s := &source{
		from:   from,
		all:    rate.NewLimiter(rate.Limit(l.limits.Rate), int(l.limits.Rate*burstSeconds)+1),
		hellos: rate.NewLimiter(rate.Limit(l.limits.Hellos), int(l.limits.Hellos*helloBurstSeconds)+1),
		served: slots.New(served),
		bodies: slots.New(bodies),
	}
	l.sources[from] = l.order.PushFront(s)
	return s
}
