package own

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/mine"
)

// Submit implements [mine.Source]. A block of stale work is submitted, too, as long
// as the source remembers the work; the chain decides which block wins. Submit
// ignores the context, because the acceptance of a block cannot be interrupted.
func (s *Source) Submit(_ context.Context, sol mine.Solution) (mine.Outcome, error) {
	w, ok := s.find(sol.WorkID)
	switch {
	case !ok:
		return mine.Stale, fmt.Errorf("work %q is too old to be remembered", sol.WorkID)
	case len(sol.Extranonce) != block.ExtranonceSize:
		return mine.Invalid, fmt.Errorf("extranonce of %d bytes, want %d", len(sol.Extranonce), block.ExtranonceSize)
	case !sol.Block:
		return mine.Low, errors.New("the chain takes blocks only, and this is a share")
	}
	b := w.template.Block(sol.Header, binary.BigEndian.Uint64(sol.Extranonce))
	s.mu.Lock()
	s.taking++
	s.mu.Unlock()
	outcome, err := s.chain.Accept(b)
	return s.accepted(w.number, b, outcome, err)
}

// countWork adds the work of a solved block to the stats. err is the chain's. The caller
// holds mu.
func (s *Source) countWork(b block.Block, err error) {
	hash := b.Hash()
	if hash == s.solved || errors.As(err, new(block.RuleError)) {
		return
	}
	target, decodeErr := b.Header.Bits.Target()
	if decodeErr != nil {
		return // the chain has refused the block
	}
	s.solved = hash
	s.stats.Expected += target.Work().Float()
}

// find returns the work with that id, if it has been offered and is remembered. If the
// id names a miner, the template has the miner's tag.
func (s *Source) find(id string) (offered, bool) {
	number, miner, named := strings.Cut(id, nameSeparator)
	w, ok := s.remembered(number)
	if !ok || !named {
		return w, ok
	}
	t, err := w.template.WithTag(s.tagOf(miner))
	if err != nil {
		panic("own: " + err.Error()) // tagOf returns valid tags
	}
	w.template = t
	return w, true
}

// remembered returns the work with that number as text, without a miner's name.
func (s *Source) remembered(number string) (offered, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.works {
		if w.id == number {
			return w, true
		}
	}
	return offered{}, false
}

// accepted counts and logs what became of a solved block of the given work, and tells
// the callers if it is the tip or there is an error.
func (s *Source) accepted(work uint64, b block.Block, outcome chain.Outcome, err error) (mine.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taking--
	if s.offer == nil {
		s.life.Outdate() // see Offer
	}
	s.countWork(b, err)
	switch {
	case err != nil:
		s.stats.Failed++
		err = s.fail(fmt.Errorf("accept our own block: %w", err))
		if errors.As(err, new(block.RuleError)) {
			return mine.Invalid, err
		}
		return mine.Unanswered, err
	case outcome == chain.Best:
		s.stats.Best++
		s.log.Info("block mined", "height", b.Height(), "hash", b.Hash(), "txs", len(b.Txs), "took", s.run.took(s.now()))
		s.answer(work, b)
		return mine.Accepted, nil
	}
	s.stats.Lost++
	s.log.Info("block lost the race", "height", b.Height(), "hash", b.Hash())
	if outcome == chain.Known {
		return mine.Duplicate, nil
	}
	return mine.Lost, nil
}
