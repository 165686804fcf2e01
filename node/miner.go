package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/api"
	"github.com/lodepow/lode/pow"
)

// Mode says when a node mines.
type Mode string

// The modes of mining.
const (
	OnDemand   Mode = "on-demand"  // when a client asks
	Pending    Mode = "pending"    // when a transaction is pending
	Continuous Mode = "continuous" // always, blocks without transactions too
)

const (
	// A job is worth about jobTime, so that a search takes in the time of day and
	// the transactions that have arrived meanwhile. The first one, whose rate is
	// not known, has firstNonces; each of them with all versions.
	jobTime     = 2 * time.Second
	firstNonces = 1 << 15

	reportEvery = 10 * time.Second // of a long search, in the log
	retryAfter  = time.Second      // what a miner waits after an error
)

// Why a search or a wait ended without a block.
var (
	errNewTip  = errors.New("the chain has a new tip")
	errStopped = fmt.Errorf("the node is shutting down: %w", chain.ErrClosed)
)

// Miner mines one block after another: template, job, search, accept. A new tip
// ends the search, and the next template goes on from there, so a lost race
// loses no transaction.
type Miner struct {
	chain  *chain.Chain
	engine *pow.Engine
	mode   Mode
	tag    string
	now    func() time.Time
	log    *slog.Logger

	extranonce uint64        // of the latest job; only Run's goroutine uses it
	wake       chan struct{} // holds one token: there may be something to do
	stopped    chan struct{} // closed when Run has returned

	mu     sync.Mutex
	run    *run                         // the block that is being mined or asked for; nil: none
	search context.CancelCauseFunc      // of the search under way; nil: none
	prev   pow.Hash                     // what that search builds on
	state  func(hashes uint64) progress // of the search under way; nil: none
	newTxs bool                         // a transaction has arrived since the template

	metrics minerMetrics
}

type progress = api.Progress

// run is the way to one block, which any number of callers wait for.
type run struct {
	done  chan struct{}
	block block.Block
	mined bool
	err   error
}

// MinerConfig says what to mine, and how. Chain and Engine are required.
type MinerConfig struct {
	Chain      *chain.Chain
	Engine     *pow.Engine
	Mode       Mode   // "": OnDemand
	Tag        string // of the coinbase, at most chain.MaxTag bytes
	Extranonce uint64 // where to begin; nodes that begin elsewhere do not repeat each other's work
	Now        func() time.Time
	Logger     *slog.Logger
}

// NewMiner makes a miner. It does nothing until Run.
func NewMiner(c MinerConfig) (*Miner, error) {
	switch c.Mode {
	case "":
		c.Mode = OnDemand
	case OnDemand, Pending, Continuous:
	default:
		return nil, fmt.Errorf("mining mode %q: want %s, %s or %s", c.Mode, OnDemand, Pending, Continuous)
	}
	if len(c.Tag) > block.MaxTag {
		return nil, fmt.Errorf("miner tag has %d bytes, at most %d", len(c.Tag), block.MaxTag)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Miner{
		chain: c.Chain, engine: c.Engine, mode: c.Mode, tag: c.Tag, now: c.Now, log: c.Logger,
		extranonce: c.Extranonce,
		metrics:    newMinerMetrics(c.Mode),
		wake:       make(chan struct{}, 1),
		stopped:    make(chan struct{}),
	}, nil
}

// Run mines until the context ends. It must be called once.
func (m *Miner) Run(ctx context.Context) {
	defer close(m.stopped)
	defer m.chain.Subscribe(m.onEvent)()
	for ctx.Err() == nil {
		if r, ok := m.begin(); ok {
			r.block, r.mined, r.err = m.mine(ctx)
			m.end(r)
			if r.err != nil && ctx.Err() == nil {
				level := slog.LevelError
				if errors.Is(r.err, api.ErrAhead) {
					level = slog.LevelWarn
				}
				m.log.Log(ctx, level, "no block mined", "err", r.err)
				m.pause(ctx, retryAfter)
			}
			continue
		}
		select {
		case <-ctx.Done():
		case <-m.wake:
		}
	}
}

// begin returns the run to work on, if there is a reason to mine.
func (m *Miner) begin() (*run, bool) {
	pending, _ := m.chain.PendingCount()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil && (m.mode == Continuous || m.mode == Pending && pending > 0) {
		m.run = newRun()
	}
	return m.run, m.run != nil
}

func newRun() *run { return &run{done: make(chan struct{})} }

// end hands out a run's outcome.
func (m *Miner) end(r *run) {
	m.mu.Lock()
	if m.run == r {
		m.run = nil
	}
	m.mu.Unlock()
	close(r.done)
}

func (m *Miner) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Mine implements [api.Miner]. Calls that come while a block is being mined wait
// for that one.
func (m *Miner) Mine(ctx context.Context) (b block.Block, mined bool, err error) {
	m.mu.Lock()
	if m.run == nil {
		m.run = newRun()
	}
	r := m.run
	m.mu.Unlock()
	m.nudge()

	select {
	case <-r.done:
		return r.block, r.mined, r.err
	case <-ctx.Done():
		return block.Block{}, false, context.Cause(ctx)
	case <-m.stopped:
		return block.Block{}, false, errStopped
	}
}

func (m *Miner) nudge() {
	select {
	case m.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// onEvent is called by the chain and must not block.
func (m *Miner) onEvent(ev chain.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch ev.Kind {
	case chain.EventTip, chain.EventReorg:
		if m.search != nil && m.prev != ev.Tip.Hash {
			m.search(errNewTip)
		}
		m.nudge() // a reorg may have returned transactions
	case chain.EventTx:
		m.newTxs = true
		m.nudge()
	}
}

// mine goes on until a block of ours is the tip, there is nothing to mine, or
// the context ends.
func (m *Miner) mine(ctx context.Context) (b block.Block, mined bool, err error) {
	for {
		t, ok, err := m.template()
		if err != nil || !ok {
			return block.Block{}, false, err
		}
		if err := m.waitForClock(ctx, t); err != nil {
			return block.Block{}, false, err
		}
		start := m.now()
		b, err := m.solve(ctx, t)
		if errors.Is(err, errNewTip) {
			continue
		}
		if err != nil {
			return block.Block{}, false, err
		}
		outcome, err := m.chain.Accept(b)
		m.metrics.countBlock(outcome, err)
		if err != nil {
			return block.Block{}, false, fmt.Errorf("accept our own block: %w", err)
		}
		if outcome == chain.Best {
			m.log.Info("block mined", "height", b.Height(), "hash", b.Hash(), "txs", len(b.Txs), "took", m.now().Sub(start))
			return b, true, nil
		}
		m.log.Info("block lost the race", "height", b.Height(), "hash", b.Hash())
	}
}

// template returns what to mine next, if there is something. If there is not,
// nobody can join the run any more: who asks for a block after having posted a
// transaction must not be told that there are none.
func (m *Miner) template() (t chain.Template, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newTxs = false
	t, err = m.chain.Template(chain.TemplateOptions{Tag: m.tag})
	ok = err == nil && (len(t.Txs) > 0 || m.mode == Continuous)
	if !ok {
		m.run = nil
	}
	return t, ok, err
}
