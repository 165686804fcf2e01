package node

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/own"
	"github.com/lodepow/lode/node/api"
)

// Mode says when a node mines.
type Mode = own.Mode

// The modes of mining.
const (
	Off        = own.Off        // never
	OnDemand   = own.OnDemand   // when a client asks
	Pending    = own.Pending    // when a transaction is pending
	Continuous = own.Continuous // always, blocks without transactions too
)

// Miner mines the node's own chain for the API: a source of work, which decides
// when there is something to mine, and the loop that mines it.
type Miner struct {
	source *own.Source
	loop   *mine.Loop // nil: others search
	rates  *rates     // nil: the engine does not count by worker, or others search
}

var _ api.SwitchedMiner = (*Miner)(nil)

// MinerConfig says what to mine, and how. Chain and Engine are required.
type MinerConfig struct {
	Chain      *chain.Chain
	Engine     mine.Engine
	Mode       Mode   // "": OnDemand
	Tag        string // of the coinbase, at most block.MaxTag bytes
	Extranonce uint64 // where to begin; nodes that begin elsewhere do not repeat each other's work
	Prefix     []byte // of the extranonces to search; nil: all
	NoSearch   bool   // others search the source's work
	Now        func() time.Time
	Logger     *slog.Logger
}

// NewMiner makes a miner. It mines nothing until Run.
func NewMiner(c MinerConfig) (*Miner, error) {
	source, err := own.New(own.Config{Chain: c.Chain, Mode: c.Mode, Tag: c.Tag, Now: c.Now, Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	if c.NoSearch {
		return &Miner{source: source}, nil
	}
	var work mine.Source = source
	if c.Prefix != nil {
		work = part{source, c.Prefix}
	}
	loop, err := mine.New(mine.Config{
		Engine: c.Engine,
		Source: work,
		Start:  c.Extranonce,
		// A store that has failed to write a block does not recover within seconds,
		// and the callers of Mine have been told by then.
		Attempts: 1,
		Parallel: 1, // the chain takes blocks only, so no shares are submitted
		Now:      c.Now,
		Logger:   c.Logger,
	})
	if err != nil {
		source.Close()
		return nil, err
	}
	m := &Miner{source: source, loop: loop}
	if counter, ok := c.Engine.(workerCounter); ok {
		m.rates = newRates(counter, c.Now)
	}
	return m, nil
}

// Run mines until the context ends. It must not be called twice.
func (m *Miner) Run(ctx context.Context) {
	defer m.source.Close()
	if m.loop == nil {
		<-ctx.Done()
		return
	}
	m.loop.Run(ctx)
}

// Mine implements [api.Miner].
func (m *Miner) Mine(ctx context.Context) (b block.Block, mined bool, err error) {
	b, mined, err = m.source.Mine(ctx)
	switch {
	case errors.Is(err, own.ErrAhead):
		err = api.ErrAhead // its words are for clients
	case errors.Is(err, own.ErrOff):
		err = api.ErrMinerOff
	}
	return b, mined, err
}

// Progress implements [api.Miner].
func (m *Miner) Progress() mine.Progress {
	if m.loop == nil {
		return mine.Progress{}
	}
	return m.loop.Progress()
}

// SetMode implements [api.SwitchedMiner].
func (m *Miner) SetMode(mode string) error { return m.source.SetMode(Mode(mode)) }

// State implements [api.SwitchedMiner]. A miner that searches nothing has no workers.
func (m *Miner) State() api.MinerState {
	solved := m.source.Stats()
	s := api.MinerState{Mode: string(m.source.Mode()), Best: solved.Best, Lost: solved.Lost, Failed: solved.Failed}
	if m.rates != nil {
		s.Workers, s.Hashes = m.rates.state()
	}
	return s
}
