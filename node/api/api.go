package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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

	Gatherer prometheus.Gatherer // what /metrics shows; nil: nothing
	Logger   *slog.Logger        // nil: discards
	Now      func() time.Time    // nil: time.Now
	Limits   Limits
}

// Limits bound what clients can take. Fields left zero stand for their defaults.
type Limits struct {
	TxBytes    int64 // body of a post; 0: what the chain reads at most
	BlockBytes int64 // body of a block; 0: twice the network's block_bytes and 64 KiB

	Requests     int // at once; more get 503; 0: 1024
	MineWaiters  int // calls that wait for a block at once; 0: 1024
	EventClients int // streams at once; 0: 64

	// Timeout bounds the reading of a body and the writing of one piece of an
	// answer, PieceBytes long; 0: 30 s.
	Timeout    time.Duration
	PieceBytes int // 0: 64 KiB

	AnswerBytes int // of pieces of long answers in memory at once; more get 503; 0: 8 MiB, or the network's block_bytes four times
	Scrapes     int // answers of /metrics in memory at once; more get 503; 0: 16
	BlockReads  int // blocks being read and written as JSON at once; more wait; 0: 2

	MineWait time.Duration // the longest wait for a block, then 202; 0: 15 min

	Registrations int           // calls that wait for another node at once; 0: 64
	RegisterWait  time.Duration // for /register_node to connect; 0: 1 s
	JoinWait      time.Duration // for /register_with to connect; 0: 10 s
	SyncWait      time.Duration // for it to catch up then; 0: 5 s

	Headers int // most headers in a page; 0: 2000
	Pending int // most pending transactions in a page; 0: 10,000

	IdempotencyKeys int // remembered; 0: 16,384; never fewer than Requests

	EventHistory int           // events that a client may be behind; 0: 1024
	Heartbeat    time.Duration // of a silent stream; 0: 15 s
	EventTick    time.Duration // between looks at progress and pool; 0: 500 ms
}

const (
	answerBytes = 8 << 20
	maxGathers  = 2 // of metrics at once; more wait
)

func (l Limits) withDefaults(c Config) Limits {
	setDefault(&l.TxBytes, maxPost)
	setDefault(&l.BlockBytes, 2*int64(c.Chain.Params().Limits().BlockBytes)+64<<10)
	setDefault(&l.Requests, 1024)
	setDefault(&l.MineWaiters, 1024)
	setDefault(&l.EventClients, 64)
	setDefault(&l.Timeout, 30*time.Second)
	setDefault(&l.PieceBytes, 64<<10)
	setDefault(&l.AnswerBytes, max(answerBytes, 4*c.Chain.Params().Limits().BlockBytes))
	setDefault(&l.BlockReads, 2)
	setDefault(&l.Scrapes, 16)
	setDefault(&l.MineWait, 15*time.Minute)
	setDefault(&l.Registrations, 64)
	setDefault(&l.RegisterWait, time.Second)
	setDefault(&l.JoinWait, 10*time.Second)
	setDefault(&l.SyncWait, 5*time.Second)
	setDefault(&l.Headers, 2000)
	setDefault(&l.Pending, 10_000)
	setDefault(&l.IdempotencyKeys, 16<<10)
	setDefault(&l.EventHistory, 1024)
	setDefault(&l.Heartbeat, 15*time.Second)
	setDefault(&l.EventTick, 500*time.Millisecond)
	// A key is not forgotten while its request runs, so all that run must fit.
	l.IdempotencyKeys = max(l.IdempotencyKeys, l.Requests)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// API answers clients. It is an [http.Handler], and a [prometheus.Collector] of
// what it was asked.
type API struct {
	chain   Chain
	miner   Miner
	peers   Peers
	next    http.Handler
	config  Config
	limits  Limits
	log     *slog.Logger
	now     func() time.Time
	started time.Time

	routes   []*route
	static   map[string]*route // by pattern, those without a parameter
	other    *route            // whatever has no route
	origins  *http.CrossOriginProtection
	exporter http.Handler // of metrics

	stamped atomic.Int64 // the latest time given to a post
	posts   *answers     // by idempotency key
	feed    *feed
	metrics metrics
	buffers sync.Pool // of *bytes.Buffer
	answers budget
	reads   chan struct{} // has one for each block being read
	gathers chan struct{} // has one for each gathering of metrics

	closing     context.Context // ends with Close
	close       context.CancelFunc
	unsubscribe func()
}

var (
	_ http.Handler         = (*API)(nil)
	_ prometheus.Collector = (*API)(nil)
)

// New makes the API. Close it, or it goes on listening to the events.
func New(c Config) *API {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Gatherer == nil {
		c.Gatherer = prometheus.NewRegistry()
	}
	a := &API{
		chain:   c.Chain,
		miner:   c.Miner,
		peers:   c.Peers,
		next:    c.Next,
		config:  c,
		limits:  c.Limits.withDefaults(c),
		log:     c.Logger,
		now:     c.Now,
		started: c.Now(),
		origins: http.NewCrossOriginProtection(),
		exporter: promhttp.HandlerFor(c.Gatherer, promhttp.HandlerOpts{
			ErrorLog:           slog.NewLogLogger(c.Logger.Handler(), slog.LevelError),
			DisableCompression: true,
		}),
	}
	a.answers.most = int64(a.limits.AnswerBytes)
	a.reads = make(chan struct{}, a.limits.BlockReads)
	a.gathers = make(chan struct{}, maxGathers)
	a.buffers.New = func() any { return new(bytes.Buffer) }
	a.closing, a.close = context.WithCancel(context.Background())
	a.posts = newAnswers(a.limits.IdempotencyKeys)
	a.feed = newFeed(a.limits.EventHistory, a.started)
	a.addRoutes()
	a.metrics = newMetrics(a)
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
