package own

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// Mode says when a chain has work.
type Mode string

// The modes of mining.
const (
	Off        Mode = "off"        // never; calls of Mine get ErrOff
	OnDemand   Mode = "on-demand"  // when somebody has called Mine and a transaction is pending
	Pending    Mode = "pending"    // when a transaction is pending
	Continuous Mode = "continuous" // always: blocks without transactions, too
)

const (
	// A source takes the solutions of its latest keptWorks works. A loop takes newer
	// work about every two seconds, so these are the works of two minutes: longer than
	// a server leaves its sessions with one job.
	keptWorks = 64

	// keptStale is how many works on earlier tips are among them. A solution may be
	// under way while the tip changes.
	keptStale = 8

	// clockCheck is how long a source that waits for the clock trusts it, in case it
	// is set meanwhile.
	clockCheck = time.Second
)

// Check returns an error unless the mode is one of the above.
func (m Mode) Check() error {
	switch m {
	case Off, OnDemand, Pending, Continuous:
		return nil
	}
	return fmt.Errorf("mining mode %.40q: want %s, %s, %s or %s", string(m), Off, OnDemand, Pending, Continuous)
}

// Errors of [Source.Mine].
var (
	// ErrOff says that the source has no work because its mode is Off.
	ErrOff = errors.New("mining is switched off")

	// ErrAhead says that no block may be made yet.
	ErrAhead = errors.New("the chain is as far ahead of the clock as its rules allow")

	// ErrStopped says that the source has been closed.
	ErrStopped = fmt.Errorf("the node is shutting down: %w", chain.ErrClosed)
)

// Config says which chain to mine and when. Chain is required.
type Config struct {
	Chain  *chain.Chain
	Mode   Mode             // "": OnDemand
	Tag    string           // of the coinbase, at most block.MaxTag bytes
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: no log
}

// Source offers the templates of a chain as work, one for each tip and newer ones
// as transactions arrive. It implements [mine.Source].
type Source struct {
	chain *chain.Chain
	tag   string
	now   func() time.Time
	log   *slog.Logger

	closing     sync.Once
	closed      chan struct{}
	unsubscribe func()

	// mu is taken before the chain's own lock, never after it.
	mu     sync.Mutex
	mode   Mode
	run    *run          // the search for a block, or nil while nobody wants one
	calls  []*call       // calls of Mine that wait, as many as there are callers; none if run is nil
	life   mine.Lifetime // of the latest offer
	prev   pow.Hash      // parent of the work of that offer
	offer  *mine.Offer   // the latest, or nil if it had no work
	works  []offered     // the works whose solutions the source takes, the oldest first; see keptWorks
	last   uint64        // number of the latest work
	taking int           // solved blocks that the chain is looking at
	stats  Stats
	solved pow.Hash // the block that was added to stats.Expected last
}

var _ mine.Namer = (*Source)(nil)

// offered is a template that has been offered as work.
type offered struct {
	number   uint64 // counts the works, from 1
	id       string // the number as text
	template chain.Template
}

// Stats counts the blocks that have been solved, by what became of them.
type Stats struct {
	Best   uint64 // became the tip
	Lost   uint64 // valid, but another block was faster
	Failed uint64 // refused by the chain, or not kept

	// Expected is the sum of the work of these blocks: how many hashes they take on
	// average. A block that is submitted several times in a row counts once, and one
	// that breaks a rule not at all.
	Expected float64
}

// New makes a source, which follows the chain until Close.
func New(c Config) (*Source, error) {
	if c.Mode == "" {
		c.Mode = OnDemand
	}
	if err := c.Mode.Check(); err != nil {
		return nil, err
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
	s := &Source{
		chain: c.Chain, mode: c.Mode, tag: c.Tag, now: c.Now, log: c.Logger,
		closed: make(chan struct{}),
		life:   mine.NewLifetime(),
	}
	s.unsubscribe = s.chain.Subscribe(s.onEvent)
	return s, nil
}

// Close ends all work. Calls of Mine that wait return [ErrStopped].
func (s *Source) Close() {
	s.closing.Do(func() {
		s.unsubscribe()
		close(s.closed)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.life.End()
	})
}

// Mode returns when there is work.
func (s *Source) Mode() Mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode
}

// SetMode changes when there is work, from now on. The present search is interrupted. It
// goes on at once if a call of Mine waits for its block, or if the new mode wants it, too.
// The mode [Off] ends it, and the calls that wait get [ErrOff].
func (s *Source) SetMode(m Mode) error {
	if err := m.Check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m == s.mode {
		return nil
	}
	s.log.Info("the mode of mining has changed", "mode", m, "before", s.mode)
	s.mode = m
	switch {
	case m == Off:
		s.end(ErrOff)
	case len(s.calls) == 0:
		s.end(nil) // if the new mode wants a block, the next offer begins another run
	}
	s.life.End() // the holders of the present offer ask for another one
	return nil
}

// Stats returns how many blocks have been solved since the source was made.
func (s *Source) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// onEvent notes that work has aged. The chain calls it, and it must not block.
func (s *Source) onEvent(ev chain.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch ev.Kind {
	case chain.EventTip, chain.EventReorg:
		if ev.Tip.Hash != s.prev {
			s.life.End()
		} else {
			s.life.Outdate() // a reorg may have returned transactions
		}
	case chain.EventTx:
		s.life.Outdate()
	}
}

// Offer implements [mine.Source].
func (s *Source) Offer() (mine.Offer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return s.nothing(s.prev), nil
	default:
	}
	// The chain is read only under the lock. The event of any later change waits for
	// the lock and then ages the lifetime that begins here, so no change is missed.
	if s.run == nil && s.wantsBlock() {
		s.run = &run{}
	}
	tip := s.chain.Tip().Hash
	if s.run == nil {
		return s.nothing(tip), nil
	}
	if s.isPresent(tip) {
		return s.offerTemplate(s.works[len(s.works)-1].template)
	}
	t, err := s.chain.Template(chain.TemplateOptions{Tag: s.tag, AnyTag: true})
	if err != nil {
		return mine.Offer{}, s.fail(err)
	}
	if len(t.Txs) == 0 && s.mode != Continuous {
		if s.taking > 0 {
			// The tip may be a block of this source that its callers have not been told
			// of. What is left to do is known when they have been.
			return s.nothing(t.Prev), nil
		}
		// The run ends under the same lock under which the mempool was seen to be
		// empty. So a caller that posts a transaction and then asks for a block
		// cannot join this run and be told that there is nothing to mine.
		s.end(nil)
		return s.nothing(t.Prev), nil
	}
	return s.offerTemplate(t)
}

// isPresent reports whether the latest offer has work on that tip, and nothing newer
// is known.
func (s *Source) isPresent(tip pow.Hash) bool {
	return s.offer != nil && s.prev == tip && !s.life.IsOutdated()
}

// wantsBlock reports whether the source mines without being asked.
func (s *Source) wantsBlock() bool {
	switch s.mode {
	case Continuous:
		return true
	case Pending:
		pending, _ := s.chain.PendingCount()
		return pending > 0
	}
	return false
}

// nothing returns an offer without work for the given tip.
func (s *Source) nothing(tip pow.Hash) mine.Offer {
	s.offer = nil
	s.renew(tip)
	return s.life.Offer(nil)
}

// renew begins the lifetime of a new offer on the parent prev.
func (s *Source) renew(prev pow.Hash) {
	switch {
	case prev != s.prev || s.life.IsOver():
		s.life.End()
		s.life = mine.NewLifetime()
		s.prev = prev
	case s.life.IsOutdated():
		s.life = s.life.Next()
	}
}

// offerTemplate offers the template as work, or nothing if the clock has to be waited
// for. The clock may have been set back since the same template was offered before.
func (s *Source) offerTemplate(t chain.Template) (mine.Offer, error) {
	wait, err := s.waitForClock(t)
	if err != nil {
		return mine.Offer{}, s.fail(err)
	}
	if wait > 0 {
		o := s.nothing(t.Prev)
		o.Wait = min(wait, clockCheck)
		return o, nil
	}
	s.run.mineOn(t.Prev, s.now())
	if s.isPresent(t.Prev) {
		return *s.offer, nil
	}
	s.renew(t.Prev)
	number, w := s.remember(t)
	s.assign(number)
	o := s.life.Offer(&w)
	s.offer = &o
	return o, nil
}

// remember returns the template as work, whose solutions the source takes from now on,
// and the number of that work.
// If the latest work already describes the same block, for example because it has no
// room for the transactions that arrived since, this is that work again.
func (s *Source) remember(t chain.Template) (number uint64, _ mine.Work) {
	if n := len(s.works); n > 0 {
		last := s.works[n-1]
		if w := Work(last.id, t); w.SameHeaders(Work("", last.template)) {
			return last.number, w
		}
	}
	s.last++
	id := strconv.FormatUint(s.last, 10)
	s.works = append(s.works, offered{s.last, id, t})
	var stale, all int
	for _, w := range slices.Backward(s.works) {
		if w.template.Prev != t.Prev {
			if stale == keptStale {
				break
			}
			stale++
		}
		if all == keptWorks {
			break
		}
		all++
	}
	s.works = slices.Delete(s.works, 0, len(s.works)-all) // the latest, without a gap
	return s.last, Work(id, t)
}

// waitForClock returns how long the source has to wait until it offers the
// template, because the least time that the block may have is ahead of the clock.
// A continuous source waits until the clock has reached that time, because nobody
// waits for its blocks. In the mode Pending, blocks may be ahead of the clock as far
// as the network allows. The same holds in the mode OnDemand, except that the source
// returns [ErrAhead] instead of waiting.
func (s *Source) waitForClock(t chain.Template) (time.Duration, error) {
	ahead := time.Unix(int64(t.MinTime), 0).Sub(s.now())
	if s.mode == Continuous {
		return ahead, nil
	}
	ahead -= time.Duration(s.chain.Params().Limits().FutureSeconds) * time.Second
	if s.mode == OnDemand && ahead > 0 {
		return 0, ErrAhead
	}
	return ahead, nil
}

// Work returns the template as work with the given id. It accepts the same headers as
// [chain.Template.Job] has for all extranonces and times.
func Work(id string, t chain.Template) mine.Work {
	space, err := mine.NewSpace(nil, block.ExtranonceSize)
	if err != nil {
		panic("own: " + err.Error()) // the size is a constant that fits
	}
	return mine.Work{
		ID:          id,
		Height:      t.Height,
		Version:     t.Versions[0],
		VersionMask: mine.VersionMask,
		Prev:        t.Prev,
		Bits:        t.Bits,
		MinTime:     t.MinTime,
		Before:      t.Before,
		After:       t.After,
		Extranonces: space,
		Branch:      t.Branch,
	}
}
