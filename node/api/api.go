package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/node/internal/observe"
	"github.com/lodepow/lode/node/internal/slots"
)

// Config says what the API serves. Only Chain is required.
type Config struct {
	Chain Chain
	Miner Miner // nil: this node does not mine, /mine answers 503
	Peers Peers // nil: none

	// Network serves what other nodes ask, under /p2p/; nil: nothing.
	Network http.Handler
	Paths   []string // that Network serves, for the metrics

	// Token, if it is not empty, has to come with requests that mine or that
	// connect nodes, as "Authorization: Bearer TOKEN".
	Token string

	// Hosts, if it is not nil, are the names by which clients may call this
	// node, beside IP addresses of its own machine and localhost, when they
	// change something; see checkHost.
	Hosts []string

	// Next serves the paths that the API does not know; nil: they are 404.
	Next http.Handler

	Version string // of the program, for /status
	Kernel  string
	Workers int

	Metrics http.Handler     // answers /metrics; nil: an empty answer
	Logger  *slog.Logger     // nil: discards
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
	other   *route            // whatever has no route
	origins *http.CrossOriginProtection

	stamped atomic.Int64 // the latest time given to a post
	posts   *answers     // by idempotency key
	feed    *feed
	buffers sync.Pool     // of *bytes.Buffer
	answers *slots.Slots  // bytes of long answers in memory
	reads   chan struct{} // has one for each block being read
	gathers chan struct{} // has one for each gathering of metrics

	observers observe.List[Observer]
	inFlight  atomic.Int64 // see Stats

	closing     context.Context // ends with Close
	close       context.CancelFunc
	unsubscribe func()
}

var _ http.Handler = (*API)(nil)

// New makes the API. Close it, or it goes on listening to the events.
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
	}
	a.answers = slots.New(a.limits.bytes)
	a.reads = make(chan struct{}, maxBlockReads)
	a.gathers = make(chan struct{}, maxGathers)
	a.buffers.New = func() any { return new(bytes.Buffer) }
	a.closing, a.close = context.WithCancel(context.Background())
	a.posts = newAnswers(a.limits.keys)
	a.feed = newFeed(a.limits.history, a.started)
	a.addRoutes()
	a.unsubscribe = c.Chain.Subscribe(a.feed.publish)
	return a
}

// Close ends the event streams and the waits for blocks, and stops listening to
// events. An [http.Server] should call it when it begins to shut down
// (RegisterOnShutdown), for it would wait for the streams otherwise. Calling it
// again does nothing.
func (a *API) Close() {
	a.close()
	a.unsubscribe()
}

// buffer returns an empty buffer, to be handed back with release.
func (a *API) buffer() *bytes.Buffer {
	b := a.buffers.Get().(*bytes.Buffer)
	b.Reset()
	return b
}

func (a *API) release(b *bytes.Buffer) {
	if b.Cap() <= 128<<10 { // many long answers at once must not be kept
		a.buffers.Put(b)
	}
}
