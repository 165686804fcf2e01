package p2p

import (
	"container/list"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/lodepow/lode/node/gossip"
)

// Limits bound what other nodes can take. Fields left zero stand for their
// defaults.
type Limits struct {
	Gossip gossip.Limits

	Requests int // of other nodes, served at once; more get 503; 0: 64
	Bodies   int // of those, answers with blocks; 0: 16
	Queue    int // requests that wait for the state machine; 0: 256
	Sends    int // requests to other nodes under way at once; 0: 256

	Rate   float64 // requests a second from one IP address; 0: 500
	Hellos float64 // of those, hellos; 0: 10

	ReadTimeout  time.Duration // of a request's body; 0: 10 s
	WriteTimeout time.Duration // of a whole answer; 0: 30 s
	StepTimeout  time.Duration // for the state machine's answer; 0: 5 s
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Requests, 64)
	setDefault(&l.Bodies, 16)
	setDefault(&l.Queue, 256)
	setDefault(&l.Sends, 256)
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

// slots counts what is going on at once.
type slots struct {
	most int64
	n    atomic.Int64
}

func (s *slots) take() bool {
	if s.n.Add(1) > s.most {
		s.n.Add(-1)
		return false
	}
	return true
}

func (s *slots) free() { s.n.Add(-1) }

// maxSources is how many IP addresses are remembered. The one that has been
// silent for longest is forgotten for another.
const maxSources = 8192

// A source may send so many seconds' worth of its rate at once.
const (
	burstSeconds      = 2
	helloBurstSeconds = 10
)

// limiter bounds the requests that come from one IP address.
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
}

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l, sources: map[netip.Addr]*list.Element{}, order: list.New()}
}

// allow takes a request from there, or says when the next one may come.
func (l *limiter) allow(from netip.Addr, hello bool, now time.Time) (wait time.Duration) {
	s := l.source(SourceOf(from))
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

// SourceOf makes one of all the addresses of an IPv6 network, of which a host
// usually has a whole one.
func SourceOf(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() && !ip.IsLoopback() {
		if prefix, err := ip.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return ip
}

func (l *limiter) source(from netip.Addr) *source {
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
	s := &source{
		from:   from,
		all:    rate.NewLimiter(rate.Limit(l.limits.Rate), int(l.limits.Rate*burstSeconds)+1),
		hellos: rate.NewLimiter(rate.Limit(l.limits.Hellos), int(l.limits.Hellos*helloBurstSeconds)+1),
	}
	l.sources[from] = l.order.PushFront(s)
	return s
}
