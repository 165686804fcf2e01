package gossip

import (
	"errors"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

const (
	maxWantedTxs    = 1 << 16 // announced transactions to be fetched; peers of this node's choice may exceed it
	maxWantedTxsOf  = 1 << 13 // of those, transactions that one peer is to be asked for
	maxTxAnnouncers = 4       // peers that are remembered to have announced a transaction; peers of this node's choice are added beyond
	maxTxRequests   = 4       // requests under way; peers of this node's choice are asked beyond
	maxAdding       = 2048    // transactions waiting for the chain, above which no more are asked for
)

// transactions fetches the transactions that peers announce.
type transactions struct {
	*host
	wanted   map[pow.Hash]*wantedTx
	recent   idSet      // transactions that need not be fetched again
	requests int        // under way
	turns    []*peer    // the peers that are txQueued, in the order in which they are to be asked
	waiting  []addition // for the chain, in the order in which they came
	adding   []addition // with the chain
	addID    ID         // of the AddTxs under way; 0: none
	poolFull timer      // set while nothing is asked for because the mempool was full
	compare  timer      // for the next comparison of mempools
}

// wantedTx is a transaction that some peer is to be asked for, or is being asked
// for.
type wantedTx struct{ next []*peer } // further peers that have announced it

// addition is a transaction and the peer that has sent it.
type addition struct {
	tx   block.Tx
	from *peer
}

// txState is what transactions keeps of a peer.
type txState struct {
	phase txPhase
	queue []pow.Hash // transactions that the peer is to be asked for
}

// txPhase says what is happening to the queue of a peer.
type txPhase uint8

const (
	txIdle   txPhase = iota // the queue is empty
	txQueued                // the peer waits for its turn to be asked
	txAsking                // the peer is being asked; its queue may have grown since
)

// String returns the phase as a word.
func (p txPhase) String() string { return [...]string{"idle", "queued", "asking"}[p] }

// onAnnounced handles the announcement of a transaction by a peer.
func (t *transactions) onAnnounced(p *peer, id pow.Hash) {
	t.known.confirm(id, p)
	if t.recent.has(id) || t.config.Chain.HasPending(id) {
		return
	}
	if w := t.wanted[id]; w != nil {
		w.next = addAnnouncer(w.next, p, maxTxAnnouncers)
		return
	}
	if len(t.wanted) >= maxWantedTxs && !p.out || len(p.txs.queue) >= maxWantedTxsOf {
		return // a later comparison of mempools will find it
	}
	t.known.add(id, p)
	t.wanted[id] = &wantedTx{}
	t.enqueue(p, id)
}

// enqueue adds a transaction to those that a peer is to be asked for.
func (t *transactions) enqueue(p *peer, id pow.Hash) {
	p.txs.queue = append(p.txs.queue, id)
	if p.txs.phase == txIdle {
		p.txs.phase = txQueued
		t.turns = append(t.turns, p)
	}
}

// askAll asks the peers whose turn it is, as far as the limits allow.
func (t *transactions) askAll() {
	if len(t.turns) == 0 || t.poolFull.isSet() {
		return
	}
	var left []*peer
	for _, p := range t.turns {
		switch {
		case p.phase == closed: // its queue has gone to other peers
		case len(t.waiting) >= maxAdding || !p.out && t.requests >= maxTxRequests:
			left = append(left, p)
		default:
			t.fetch(p)
		}
	}
	t.turns = left
}

// fetch asks a peer for the first transactions of its queue.
func (t *transactions) fetch(p *peer) {
	s := &p.txs
	n := min(len(s.queue), MaxTxs)
	ids := s.queue[:n:n]
	s.queue = s.queue[n:]
	s.phase = txAsking
	t.requests++
	t.ask(p, GetTxs{ids}, t.config.TxsTimeout, func(a Answer, err error) {
		t.requests--
		s.phase = txIdle
		if len(s.queue) > 0 {
			s.phase = txQueued
			t.turns = append(t.turns, p)
		}
		list, err := as[Txs](a, err)
		if err == nil {
			err = t.onTxs(p, ids, list.Txs)
		}
		if err != nil {
			t.fail(p, err)
		}
		for _, id := range ids {
			t.askNext(id)
		}
	})
}

// onTxs handles the transactions that a peer has sent. The error is a fault of the
// peer.
func (t *transactions) onTxs(p *peer, ids []pow.Hash, txs []block.Tx) error {
	asked := make(map[pow.Hash]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	for _, tx := range txs {
		id := tx.ID()
		if !asked[id] {
			return fault(FaultUnrequested, "transaction %s was not asked for", id)
		}
		delete(asked, id)
		t.known.add(id, p)
		if w := t.wanted[id]; w != nil {
			t.known.addAll(id, w.next...)
			delete(t.wanted, id)
		}
		t.waiting = append(t.waiting, addition{tx, p})
	}
	if len(txs) > 0 {
		p.fails = 0
	}
	t.handOver()
	return nil
}

// askNext queues a transaction that is still wanted for the next peer that has
// announced it.
func (t *transactions) askNext(id pow.Hash) {
	w := t.wanted[id]
	if w == nil {
		return
	}
	for len(w.next) > 0 {
		p := w.next[0]
		w.next = w.next[1:]
		if p.phase != closed && len(p.txs.queue) < maxWantedTxsOf {
			t.enqueue(p, id)
			return
		}
	}
	delete(t.wanted, id)
}

// onLost moves the queue of a peer that is gone to other peers that have announced
// the same transactions.
func (t *transactions) onLost(p *peer, _, _ string) {
	ids := p.txs.queue
	p.txs.queue = nil
	for _, id := range ids {
		t.askNext(id)
	}
}

// handOver hands waiting transactions to the chain, unless it has some already.
func (t *transactions) handOver() {
	if t.addID != 0 || len(t.waiting) == 0 {
		return
	}
	n := min(len(t.waiting), MaxTxs)
	t.adding, t.waiting = t.waiting[:n:n], t.waiting[n:]
	txs := make([]block.Tx, n)
	for i, a := range t.adding {
		txs[i] = a.tx
	}
	t.addID = t.newID()
	t.do(AddTxs{ID: t.addID, Txs: txs})
}

func (t *transactions) onAdded(ev Added) {
	if ev.ID != t.addID || len(ev.Errs) != len(t.adding) {
		return
	}
	adding := t.adding
	t.addID, t.adding = 0, nil
	for i, a := range adding {
		var rule block.RuleError
		err := ev.Errs[i]
		switch {
		case err == nil:
			a.from.brought.tx = t.now
			t.recent.add(a.tx.ID())
		case errors.Is(err, block.TxAlreadyMined):
			t.recent.add(a.tx.ID())
		case errors.Is(err, chain.ErrPoolFull):
			t.timers.set(&t.poolFull, t.now.Add(t.config.PoolFullWait))
		case errors.As(err, &rule):
			t.recent.add(a.tx.ID())
			t.ban(a.from, fault(FaultInvalid, "transaction %s: %v", a.tx.ID(), err))
		}
	}
	t.handOver()
}
