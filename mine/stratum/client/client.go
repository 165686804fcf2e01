package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/lodepow/lode/internal/loglimit"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum"
	"github.com/lodepow/lode/pow"
)

// Times of a client.
const (
	dialTimeout   = 15 * time.Second // to connect, with the handshake of TLS
	answerTimeout = 15 * time.Second // for each answer of the handshake
	firstJobAfter = 60 * time.Second // a pool that sends no job in this time is left
	writeTimeout  = 15 * time.Second // to write one line

	// A pool that says nothing for quietTimeout is asked with a ping. If it still says
	// nothing for pingTimeout, the connection counts as lost.
	quietTimeout = 2 * time.Minute
	pingTimeout  = 30 * time.Second

	// After a lost connection the client waits for a random time of up to firstWait,
	// so that the clients of a server that restarts do not all come back at once. Each
	// failure doubles the bound, up to longestWait. A connection with work that lasted
	// settledAfter begins anew.
	firstWait    = 12 * time.Second
	longestWait  = 2 * time.Minute
	settledAfter = time.Minute

	// A client that is connected to another pool than the first tries after about this
	// time whether an earlier one gives work.
	lookBack = 5 * time.Minute

	// After a block the pool has a moment to send work on it, so that no second block is
	// searched on the same parent. If it sends none, for example because the network has
	// refused the block, the search goes on after settleTime.
	settleTime = 2 * time.Second

	// Before the client leaves a pool for a better one, it has drainTime to submit the
	// shares that it has found and to read the answers.
	drainTime = time.Second

	// longestOrder bounds the wait that a pool may order with client.reconnect.
	longestOrder = 5 * time.Minute
)

// Bounds of the tables of a client.
const (
	maxPending = 64 // requests without an answer
	maxAnswers = 8  // to requests of the pool, that wait to be written
	keptWorks  = 64 // works whose solutions are submitted, the latest

	keptUnanswered = 64 // shares that were submitted without an answer, the latest
)

// A pool decides how often it sends texts, ends connections and refuses shares. These are
// how many lines of a kind the client writes into the log at once, and after which time
// it writes another one.
const (
	linesAtOnce = 10
	lineEvery   = time.Minute
)

// Errors of [Client.Submit].
var (
	errNotConnected = errors.New("there is no connection to a pool")
	errTooMany      = errors.New("too many requests wait for the pool's answer")
	errLost         = errors.New("the connection was lost before the pool answered")
)

// Config says how to reach the pools. Pools is required; the zero value of everything
// else works.
type Config struct {
	Pools []Pool // the best first

	Agent string // name and version of the program, for the pool's statistics

	// VersionMask has the bits of the version to ask for. 0 means those of
	// [mine.VersionMask]. NoVersions keeps the client from asking.
	VersionMask uint32
	NoVersions  bool

	// Difficulty, if it is not zero, is suggested to the pool.
	Difficulty float64

	// Dial connects to an address. Nil means a dialer of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// TLS is for pools with TLS. Nil means the roots of the system. The name of the
	// server is set by the client.
	TLS *tls.Config

	Now    func() time.Time // nil: time.Now
	Random func() float64   // from 0 to less than 1; nil: math/rand/v2
	Logger *slog.Logger     // nil: no log
}

// Client is a pool as a source of work. It implements [mine.Source].
type Client struct {
	pools      []Pool
	agent      string
	mask       uint32
	difficulty float64
	dial       func(ctx context.Context, network, address string) (net.Conn, error)
	tls        *tls.Config
	now        func() time.Time
	random     func() float64
	log        *slog.Logger

	// Each limits the lines of one kind in the log.
	texts, hijacks, ends, begins, hidden *loglimit.Limiter

	mu      sync.Mutex
	life    mine.Lifetime
	work    *mine.Work // of the latest offer; nil: none
	works   []offered  // the oldest first; at most keptWorks
	last    uint64     // number of the latest work
	session *session   // that has given the present work, or nil
	left    *session   // whose jobs are no longer taken, because it is about to end; or nil
	stats   stats

	// unanswered are the hashes of shares that the pool may have received though its
	// answer has not come back, the oldest first; at most keptUnanswered.
	unanswered []pow.Hash

	// solved is the parent of the latest block that was submitted, and solvedAt is when
	// the pool has answered. See settleTime.
	solved   pow.Hash
	solvedAt time.Time
}

var _ mine.Source = (*Client)(nil)

// offered is a job that has been offered as work.
type offered struct {
	work    mine.Work
	job     string // the pool's name for it
	session *session
}

// New makes a client. It connects when Run is called.
func New(c Config) (*Client, error) {
	if len(c.Pools) == 0 {
		return nil, errors.New("no pool to connect to")
	}
	for _, p := range c.Pools {
		if p.User == "" {
			return nil, fmt.Errorf("no worker's name for %s: pools want one, often an address or account.worker", p)
		}
	}
	if c.Difficulty < 0 {
		return nil, fmt.Errorf("difficulty %v to suggest: want a number greater than zero", c.Difficulty)
	}
	if c.Agent == "" {
		c.Agent = "lode"
	}
	if c.VersionMask == 0 {
		c.VersionMask = mine.VersionMask
	}
	if c.NoVersions {
		c.VersionMask = 0
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	limiter := func() *loglimit.Limiter { return loglimit.New(linesAtOnce, lineEvery, c.Now) }
	return &Client{
		texts: limiter(), hijacks: limiter(), ends: limiter(), begins: limiter(), hidden: limiter(),
		pools: c.Pools, agent: c.Agent, mask: c.VersionMask & mine.VersionMask, difficulty: c.Difficulty,
		dial: c.Dial, tls: c.TLS, now: c.Now, random: c.Random, log: c.Logger,
		life:  mine.NewLifetime(),
		stats: newStats(),
	}, nil
}

// Offer implements [mine.Source].
func (c *Client) Offer() (mine.Offer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait := c.settles(); wait > 0 {
		o := c.life.Offer(nil)
		o.Wait = wait
		return o, nil
	}
	return c.life.Offer(c.work), nil
}

// settles returns how long the present work is withheld because a block has just been
// found on its parent. The caller holds mu.
func (c *Client) settles() time.Duration {
	if c.work == nil || c.solvedAt.IsZero() || c.work.Prev != c.solved {
		return 0
	}
	return min(settleTime, settleTime-c.now().Sub(c.solvedAt))
}

// blockFound withholds the work on the parent of a block that the pool has taken, or
// that came too late. The caller holds mu.
func (c *Client) blockFound(parent pow.Hash) {
	if c.work == nil || c.work.Prev != parent {
		return
	}
	c.solved, c.solvedAt = parent, c.now()
	c.life.End()
	c.life = mine.NewLifetime()
}

// post offers the work of a job. clean says that earlier work is not accepted any
// more.
func (c *Client) post(s *session, job stratum.Notify, terms stratum.Terms, clean bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == s {
		return nil
	}
	c.last++
	w, err := job.Work(fmt.Sprint(c.last), terms)
	if err != nil {
		return err
	}
	c.works = append(c.works, offered{w, job.Job, s})
	if extra := len(c.works) - keptWorks; extra > 0 {
		c.works = append([]offered(nil), c.works[extra:]...)
	}
	if clean || c.life.IsOver() {
		c.life.End()
		c.life = mine.NewLifetime()
	} else {
		c.life = c.life.Next()
	}
	if c.session != s {
		c.stats.connected(s.pool, c.now())
		c.begins.Log(c.log, slog.LevelInfo, "connected to the pool", "pool", s.pool, "user", s.pool.User)
	}
	c.session, c.work = s, &w
	c.stats.jobTaken(c.now(), w)
	c.warnOfHidden(s.pool, w)
	return nil
}

// warnOfHidden says in the log that the shares of a work are harder than its blocks. Then
// most blocks are not found: a miner submits what the pool asks for and nothing else, as
// all widespread miners do. A pool that wants every block must not ask for more than the
// network does.
func (c *Client) warnOfHidden(p Pool, w mine.Work) {
	network, err := w.Bits.Target()
	if share := targetOf(w); err == nil && share.Cmp(network) < 0 {
		c.hidden.Log(c.log, slog.LevelWarn, "the pool asks for harder shares than the network asks for blocks, so blocks are missed",
			"pool", p, "difficulty", share.Difficulty(), "network", network.Difficulty())
	}
}

// endWork ends the work of a session that will be ended for a better pool. Shares of it
// are still submitted.
func (c *Client) endWork(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left = s; c.session != s {
		return
	}
	c.work = nil
	c.life.End()
	c.life = mine.NewLifetime()
}

// withdraw ends the work of a session whose connection is lost.
func (c *Client) withdraw(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != s {
		return
	}
	c.session, c.work = nil, nil
	c.life.End()
	c.life = mine.NewLifetime()
	c.stats.disconnected()
}

// find returns the work with that ID and the present session.
func (c *Client) find(id string) (_ offered, s *session, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.works {
		if o.work.ID == id {
			return o, c.session, true
		}
	}
	return offered{}, c.session, false
}

// Submit implements [mine.Source]. A solution whose connection has been lost is
// submitted over the next one if that has the same pool and extranonce, and is stale
// otherwise.
func (c *Client) Submit(ctx context.Context, sol mine.Solution) (mine.Outcome, error) {
	outcome, weight, err := c.submit(ctx, sol)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.submitted(c.now(), outcome, weight, sol.Block, err)
	var said *stratum.Error // by the pool; the client itself calls a share stale as well
	if sol.Block && (outcome == mine.Accepted || outcome == mine.Stale && errors.As(err, &said)) {
		c.blockFound(sol.Header.Prev)
	}
	return outcome, err
}

func (c *Client) submit(ctx context.Context, sol mine.Solution) (_ mine.Outcome, weight float64, _ error) {
	o, s, ok := c.find(sol.WorkID)
	switch {
	case !ok:
		return mine.Stale, 0, fmt.Errorf("work %q is too old to be remembered", sol.WorkID)
	case s == nil:
		return mine.Unanswered, 0, errNotConnected
	case o.session != s && (o.session.pool != s.pool || !s.hands(o.work.Extranonces)):
		return mine.Stale, 0, errors.New("the connection that it belongs to was lost, and the present one has another extranonce")
	}
	if len(sol.Extranonce) != o.work.Extranonces.Size() {
		return mine.Invalid, 0, fmt.Errorf("extranonce of %d bytes, want %d", len(sol.Extranonce), o.work.Extranonces.Size())
	}
	answer, err := s.request(ctx, func(id stratum.ID) stratum.Message {
		return stratum.SubmitOf(s.pool.User, o.job, o.work, sol).Message(id)
	})
	if err != nil {
		if !errors.Is(err, errTooMany) && !errors.Is(err, errNotConnected) {
			c.noteUnanswered(sol.Hash)
		}
		return mine.Unanswered, 0, err
	}
	var refused *stratum.Error
	if err := answer.Check(); errors.As(err, &refused) {
		outcome := refused.Outcome()
		if outcome != mine.Duplicate || !c.wasUnanswered(sol.Hash) {
			return outcome, 0, refused
		}
		// The pool had taken the share, and its answer was lost.
	}
	return mine.Accepted, 1 / targetOf(o.work).Probability(), nil
}

// noteUnanswered notes that the pool may have received the share.
func (c *Client) noteUnanswered(hash pow.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.unanswered) == keptUnanswered {
		c.unanswered = slices.Delete(c.unanswered, 0, 1)
	}
	c.unanswered = append(c.unanswered, hash)
}

// wasUnanswered reports whether the share has been submitted before, without an answer.
func (c *Client) wasUnanswered(hash pow.Hash) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.unanswered, hash)
}
