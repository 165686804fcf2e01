package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/internal/observe"
	"github.com/lodepow/lode/node/internal/slots"
)

// Config configures an API. Only Chain is required.
type Config struct {
	Chain Chain
	Miner Miner // nil: this node does not mine, and /mine answers 503
	Peers Peers // nil: this node has no peers and connects with none

	// Network serves the paths listed in Paths to other nodes.
	Network http.Handler
	Paths   []string

	// Token, if it is not empty, is required of requests that mine or that connect
	// nodes, as the header "Authorization: Bearer TOKEN".
	Token string

	// Hosts lists the host names that requests which change something may use for
	// this node, beside localhost and loopback addresses. It protects nodes that
	// listen on a loopback address from DNS rebinding. nil: any name.
	Hosts []string

	// Next serves the paths that the API does not know, such as web pages, and / for
	// clients that do not prefer JSON; nil: they get 404. Like the API's own routes, it runs
	// with deadlines for the request and the answer, in a bounded number of slots, and with
	// the headers Cache-Control and X-Content-Type-Options, which it may replace. A POST
	// from a page of another origin, or to another host name, does not reach it.
	Next http.Handler

	// Serves reports whether Next serves a path. For the other paths, clients that do not
	// ask for HTML get the API's own 404. nil: Next serves all paths.
	Serves func(path string) bool

	// AllowOrigins lists the origins of web pages that may use the API like a program, in
	// the form that ParseOrigin returns; nil: none. It has no effect on Next and Network.
	AllowOrigins []string

	// What /status says of the program and its engine.
	Version string
	Kernel  string
	Workers int

	Health  func() error     // for /healthz: nil if the node can take changes; nil: it always can
	Metrics http.Handler     // answers /metrics; nil: an empty answer
	Logger  *slog.Logger     // nil: nothing is logged
	Now     func() time.Time // nil: time.Now
}

// API answers clients. It is an [http.Handler].
type API struct {
	chain   Chain
	miner   Miner
	peers   Peers
	next    http.Handler
	config  Config
	limits  limits
	log     *slog.Logger
	now     func() time.Time
	started time.Time

	routes  []*route
	static  map[string]*route // by pattern, those without a parameter
	other   *route            // for all paths without a route
	origins *http.CrossOriginProtection
	allowed map[string]bool // Config.AllowOrigins; never changed

	stamped atomic.Int64 // the latest time given to a post, in microseconds; see stamp
	posts   *answers     // to posts with an idempotency key
	feed    *feed
	pulse   *pulse
	streams *slots.Each[netip.Addr] // event streams by the client's address
	buffers sync.Pool               // of *bytes.Buffer
	answers *slots.Slots            // bytes of long answers in memory
	reads   chan struct{}           // a semaphore: one element for each block being read
	gathers chan struct{}           // a semaphore: one element for each gathering of metrics

	observers observe.List[Observer]
	inFlight  atomic.Int64 // see Stats

	closing     context.Context // cancelled by Close
	close       context.CancelFunc
	unsubscribe func()
}

var _ http.Handler = (*API)(nil)

// New makes an API and subscribes it to the events of the chain. Call Close when
// it is no longer needed.
func New(c Config) *API { return newAPI(c, limits{}) }

func newAPI(c Config, l limits) *API {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Metrics == nil {
		c.Metrics = http.HandlerFunc(noMetrics)
	}
	a := &API{
		chain:   c.Chain,
		miner:   c.Miner,
		peers:   c.Peers,
		next:    c.Next,
		config:  c,
		limits:  l.withDefaults(c.Chain.Params()),
		log:     c.Logger,
		now:     c.Now,
		started: c.Now(),
		origins: http.NewCrossOriginProtection(),
		allowed: map[string]bool{},
	}
	for _, origin := range c.AllowOrigins {
		a.allowed[origin] = true
	}
	a.answers = slots.New(a.limits.bytes)
	a.reads = make(chan struct{}, maxBlockReads)
	a.gathers = make(chan struct{}, maxGathers)
	a.buffers.New = func() any { return new(bytes.Buffer) }
	a.closing, a.close = context.WithCancel(context.Background())
	a.posts = newAnswers(a.limits.keys)
	a.streams = slots.NewEach[netip.Addr](a.limits.streamsEach)
	a.feed = newFeed(a.limits.history, a.started, c.Chain.Header)
	a.pulse = newPulse(func() (posts uint64, mining bool, mode string) {
		m := a.miningStatus()
		if m.minerJSON != nil {
			mode = m.Mode
		}
		return a.feed.posts.Load(), m.Active, mode
	})
	a.addRoutes()
	a.unsubscribe = c.Chain.Subscribe(a.feed.publish)
	return a
}

// Close ends the event streams and the waits for blocks, and cancels the
// subscription to the chain. Call it before [http.Server.Shutdown], which would
// wait for the streams otherwise. Later calls do nothing.
func (a *API) Close() {
	a.close()
	a.unsubscribe()
}

// buffer returns an empty buffer, which the caller hands back with release.
func (a *API) buffer() *bytes.Buffer {
	b := a.buffers.Get().(*bytes.Buffer)
	b.Reset()
	return b
}

func (a *API) release(b *bytes.Buffer) {
	if b.Cap() <= 128<<10 { // the buffers of long answers are left to the garbage collector
		a.buffers.Put(b)
	}
}
