package gbt

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// keptUnanswered is how many blocks without an answer a source remembers.
const keptUnanswered = 16

// Submit implements [mine.Source]. A block of stale work is handed in, too, as long as
// the source remembers the work; the node decides which block wins.
func (s *Source) Submit(ctx context.Context, sol mine.Solution) (mine.Outcome, error) {
	outcome, err := s.submit(ctx, sol)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Solutions[outcome]++
	return outcome, err
}

func (s *Source) submit(ctx context.Context, sol mine.Solution) (mine.Outcome, error) {
	w, ok := s.find(sol.WorkID)
	switch {
	case !ok:
		return mine.Stale, fmt.Errorf("work %q is too old to be remembered", sol.WorkID)
	case !w.work.Extranonces.Contains(sol.Extranonce):
		return mine.Invalid, fmt.Errorf("extranonce %x is not one of work %q", sol.Extranonce, sol.WorkID)
	case sol.Header.Prev != w.work.Prev || sol.Header.Bits != w.work.Bits:
		return mine.Invalid, fmt.Errorf("the header is not one of work %q", sol.WorkID)
	case !sol.Block && w.work.Target.IsZero():
		return mine.Low, errors.New("the node takes blocks only, and this is a share")
	}
	params := []any{hex.EncodeToString(w.template.block(w.work, sol))}
	if w.template.workID != "" {
		params = append(params, map[string]string{"workid": w.template.workID})
	}
	var word *string
	if err := s.node.call(ctx, "submitblock", params, maxAnswer, &word); err != nil {
		// A node that has just been started refuses all calls for a while. Then the block
		// is handed in again, as after every call that got no answer.
		if said := new(nodeError); errors.As(err, &said) && said.Code != codeWarmingUp {
			return s.refused(sol, mine.Invalid, explain(err))
		}
		s.noteUnanswered(sol.Hash)
		return mine.Unanswered, explain(err)
	}
	if word == nil {
		return s.taken(ctx, w, sol)
	}
	outcome, err := judge(*word)
	if outcome == mine.Duplicate && s.wasUnanswered(sol.Hash) {
		// The node had taken the block, and its answer was lost.
		return s.taken(ctx, w, sol)
	}
	return s.refused(sol, outcome, err)
}

// find returns the work with that id, if the source remembers it.
func (s *Source) find(id string) (offered, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.works, func(w offered) bool { return w.work.ID == id })
	if i < 0 {
		return offered{}, false
	}
	return s.works[i], true
}

// taken returns the outcome of a solution that the node has taken. A block ends the
// work: until the node sends the next template there is nothing to search for.
//
// If the source knows of another tip, the block may have come too late. Bitcoin Core
// then calls it inconclusive, but btcd does not tell it apart from one that has become
// the tip. So the node is asked for its tip.
func (s *Source) taken(ctx context.Context, w offered, sol mine.Solution) (mine.Outcome, error) {
	if !sol.Block {
		return mine.Accepted, nil
	}
	if !s.fits(w.work.Prev, sol.Hash) {
		var tip string
		if err := s.node.call(ctx, "getbestblockhash", nil, maxAnswer, &tip); err != nil {
			return s.refused(sol, mine.Lost, fmt.Errorf("the node has taken the block, and does not say whether it is its tip: %w", err))
		}
		if tip != sol.Hash.String() {
			return s.refused(sol, mine.Lost, errors.New("the node has taken the block, but another one on the same parent was faster"))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Info("block accepted", "height", w.work.Height, "hash", sol.Hash, "txs", len(w.template.txs), "value", w.template.cb.value)
	s.solved, s.solvedAt = w.work.Prev, s.now()
	if s.offer != nil && s.offer.Prev == w.work.Prev {
		s.withdraw()
	}
	if s.polls {
		s.poke()
	}
	return mine.Accepted, nil
}

// fits reports whether a block with that hash on that parent is the node's tip as far
// as the source knows: the present work is on the same parent, or on the block itself.
func (s *Source) fits(prev, hash pow.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offer != nil && (s.offer.Prev == prev || s.offer.Prev == hash)
}

// refused logs that the node has refused a solution, and asks for another template if
// the work seems to be old.
func (s *Source) refused(sol mine.Solution, outcome mine.Outcome, err error) (mine.Outcome, error) {
	s.log.Warn("the node has not accepted a block", "hash", sol.Hash, "outcome", outcome, "err", err)
	if outcome == mine.Stale || outcome == mine.Lost {
		s.poke()
	}
	return outcome, err
}

// noteUnanswered notes that the node may have received the block.
func (s *Source) noteUnanswered(hash pow.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unanswered) == keptUnanswered {
		s.unanswered = slices.Delete(s.unanswered, 0, 1)
	}
	s.unanswered = append(s.unanswered, hash)
}

// wasUnanswered reports whether the block has been submitted before, without an answer.
func (s *Source) wasUnanswered(hash pow.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.unanswered, hash)
}
