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

// maxSources is how many IP addresses are remembered. The one that has been
// silent for longest is forgotten for another.
const maxSources = 8192

// A source may send so many seconds' worth of its rate at once.
const (
	burstSeconds      = 2
	helloBurstSeconds = 10
)

// limiter bounds what one IP address can take.
type limiter struct {
	limits Limits

	mu      sync.Mutex
	sources map[netip.Addr]*list.Element // of *source
	order   *list.List                   // the latest first
}

type source struct {
	from   netip.Addr
	all    *rate.Limiter
	hellos *rate.Limiter
	served *slots.Slots
	bodies *slots.Slots
}

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l, sources: map[netip.Addr]*list.Element{}, order: list.New()}
}

// allow takes a request, or says when the next one may come.
func (s *source) allow(hello bool, now time.Time) (wait time.Duration) {
	if wait = take(s.all, now); wait == 0 && hello {
		wait = take(s.hellos, now)
	}
	return wait
}

func take(l *rate.Limiter, now time.Time) time.Duration {
	if l.AllowN(now, 1) {
		return 0
	}
	missing := 1 - l.TokensAt(now)
	return max(time.Duration(missing/float64(l.Limit())*float64(time.Second)), time.Millisecond)
}

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
	if from.IsLoopback() { // a proxy, or many nodes for a trial
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
