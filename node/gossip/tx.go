package gossip

import (
	"errors"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

const (
	maxWantedTxs    = 1 << 16 // in all; those of peers of our choice may go beyond
	maxWantedTxsOf  = 1 << 13 // of one peer
	maxTxAnnouncers = 4       // remembered of a transaction
	maxTxRequests   = 4       // under way; those to peers of our choice may go beyond
	maxAdding       = 2048    // transactions that wait for the chain; beyond, no more are asked for
	poolFullWait    = 10 * time.Second
)

// txFetch is the transactions that were announced and are not here yet.
type txFetch struct {
	wanted   map[pow.Hash]*wantedTx
	requests int        // under way
	turn     int        // of the peers, so that each is asked
	waiting  []addition // for the chain, in order
	adding   []addition // with the chain
	addID    ID         // of that AddTxs; 0: none
	after    time.Time  // none is asked for before: the mempool is full
}

type wantedTx struct{ next []*peer }

type addition struct {
	tx   block.Tx
	from *peer
}

func newTxFetch() txFetch { return txFetch{wanted: map[pow.Hash]*wantedTx{}} }

// heardTx hears that a peer has a transaction.
func (g *Gossip) heardTx(p *peer, id pow.Hash) {
	p.known.add(id)
	if g.relay.recent.has(id) || g.chain.HasPending(id) {
		return
	}
	if w := g.txs.wanted[id]; w != nil {
		w.next = addAnnouncer(w.next, p, maxTxAnnouncers)
		return
	}
	if len(g.txs.wanted) >= maxWantedTxs && !p.out || len(p.askTxs) >= maxWantedTxsOf {
		return // comparing mempools brings it up again
	}
	g.txs.wanted[id] = &wantedTx{}
	p.askTxs = append(p.askTxs, id)
}

// askTxs asks peers for what is wanted of them, one after the other.
func (g *Gossip) askTxs() {
	if g.now.Before(g.txs.after) {
		return
	}
	for range g.peers {
		if len(g.txs.waiting) >= maxAdding {
			return
		}
		g.txs.turn = (g.txs.turn + 1) % len(g.peers)
		p := g.peers[g.txs.turn]
		if p.up && !p.asking && len(p.askTxs) > 0 && (p.out || g.txs.requests < maxTxRequests) {
			g.fetchTxs(p)
		}
	}
}

func (g *Gossip) fetchTxs(p *peer) {
	n := min(len(p.askTxs), MaxTxs)
	ids := p.askTxs[:n:n]
	p.askTxs = p.askTxs[n:]
	p.asking = true
	g.txs.requests++
	g.ask(p, GetTxs{ids}, txsTimeout, func(a Answer, err error) {
		p.asking = false
		g.txs.requests--
		list, err := as[Txs](a, err)
		if err == nil {
			err = g.gotTxs(p, ids, list.Txs)
		}
		if err != nil {
			g.failed(p, err)
		}
		for _, id := range ids {
			g.askNext(id)
		}
	})
}

// gotTxs takes what was asked for. The error is a fault of the peer.
func (g *Gossip) gotTxs(p *peer, ids []pow.Hash, txs []block.Tx) error {
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
		delete(g.txs.wanted, id)
		g.txs.waiting = append(g.txs.waiting, addition{tx, p})
	}
	if len(txs) > 0 {
		p.fails = 0
	}
	g.addTxs()
	return nil
}

// askNext has the next peer that announced a transaction asked for it, if it is
// still wanted.
func (g *Gossip) askNext(id pow.Hash) {
	w := g.txs.wanted[id]
	if w == nil {
		return
	}
	for len(w.next) > 0 {
		p := w.next[0]
		w.next = w.next[1:]
		if !p.gone && len(p.askTxs) < maxWantedTxsOf {
			p.askTxs = append(p.askTxs, id)
			return
		}
	}
	delete(g.txs.wanted, id)
}

// forgetTxs has others asked for what a peer that is gone was to be asked for.
func (g *Gossip) forgetTxs(p *peer) {
	ids := p.askTxs
	p.askTxs = nil
	for _, id := range ids {
		g.askNext(id)
	}
}

func (g *Gossip) addTxs() {
	if g.txs.addID != 0 || len(g.txs.waiting) == 0 {
		return
	}
	n := min(len(g.txs.waiting), MaxTxs)
	g.txs.adding, g.txs.waiting = g.txs.waiting[:n:n], g.txs.waiting[n:]
	txs := make([]block.Tx, n)
	for i, a := range g.txs.adding {
		txs[i] = a.tx
	}
	g.txs.addID = g.newID()
	g.do(AddTxs{ID: g.txs.addID, Txs: txs})
}

func (g *Gossip) onAdded(ev Added) {
	if ev.ID != g.txs.addID || len(ev.Errs) != len(g.txs.adding) {
		return
	}
	adding := g.txs.adding
	g.txs.addID, g.txs.adding = 0, nil
	for i, a := range adding {
		var rule block.RuleError
		err := ev.Errs[i]
		switch {
		case err == nil, errors.Is(err, block.TxAlreadyMined):
			g.relay.recent.add(a.tx.ID())
		case errors.Is(err, chain.ErrPoolFull):
			g.txs.after = g.now.Add(poolFullWait)
		case errors.As(err, &rule):
			g.relay.recent.add(a.tx.ID())
			g.ban(a.from, fault(FaultInvalid, "transaction %s: %v", a.tx.ID(), err))
		}
	}
	g.addTxs()
}
