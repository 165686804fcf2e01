package p2p

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/node/gossip"
)

const (
	// longestSleep bounds the time until the next Wake, in case the clock jumps.
	longestSleep = 10 * time.Second

	changesAtOnce = 256 // events of the chain, before other events have their turn
	addsAtOnce    = 128 // transactions added at the same time
)

// loop feeds events to the state machine, one at a time, until the context ends.
func (n *Network) loop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			n.step(ctx, gossip.Wake{})
		case a := <-n.asks:
			n.replies[a.event.ID] = a.reply
			n.step(ctx, a.event)
		case c := <-n.connects:
			n.waiters[c.event.ID] = c.outcome
			n.step(ctx, c.event)
		case ev := <-n.outcomes:
			n.step(ctx, ev)
		case <-n.changes.wake:
			n.tellChanges(ctx)
		}
		timer.Reset(n.sleep())
	}
}

// sleep returns the time until the state machine wants to be woken.
func (n *Network) sleep() time.Duration {
	n.mu.Lock()
	next := n.machine.Next()
	n.mu.Unlock()
	if next.IsZero() {
		return longestSleep
	}
	return min(max(next.Sub(n.now()), 0), longestSleep)
}

// tellChanges passes events of the chain to the state machine. If some are lost,
// it passes one event that covers everything they can have reported: a reorg to the
// present tip that returned all pending transactions.
func (n *Network) tellChanges(ctx context.Context) {
	events, lost := n.changes.take(changesAtOnce)
	if lost {
		n.log.Warn("events of the chain were lost because too many came at once: announcing the tip and all pending transactions again")
		pending, _ := n.chain.PendingCount()
		events = []chain.Event{{Kind: chain.EventReorg, Tip: n.chain.Tip(), Returned: n.chain.PendingIDs(0, pending)}}
	}
	for i := range events {
		n.step(ctx, gossip.Changed{Event: &events[i]})
	}
}

// step feeds one event to the state machine and carries out the effects. Effects
// that fail at once are fed to it as further events.
func (n *Network) step(ctx context.Context, ev gossip.Event) {
	for events := []gossip.Event{ev}; len(events) > 0; events = events[1:] {
		n.mu.Lock()
		effects := n.machine.Step(n.now(), events[0])
		n.mu.Unlock()
		for _, e := range effects {
			if failed := n.do(ctx, e); failed != nil {
				events = append(events, failed)
			}
		}
	}
}

// errTooManySends is the outcome of a request that was not sent, because
// Limits.Sends requests are under way.
var errTooManySends = errors.New("too many requests are under way")

// do starts what an effect asks for, without waiting for it to finish. If that
// fails at once, it returns the event that reports the failure, else nil.
func (n *Network) do(ctx context.Context, e gossip.Effect) gossip.Event {
	switch e := e.(type) {
	case gossip.Send:
		if !n.sends.Take() {
			return gossip.Answered{ID: e.ID, Err: errTooManySends}
		}
		n.work.Go(func() {
			defer n.sends.Free()
			n.report(ctx, n.client.send(ctx, e))
		})
	case gossip.Accept:
		n.work.Go(func() {
			taken, err := n.chain.AcceptAll(e.Blocks)
			n.report(ctx, gossip.Accepted{ID: e.ID, Taken: taken, Err: err})
		})
	case gossip.AddTxs:
		n.work.Go(func() { n.report(ctx, gossip.Added{ID: e.ID, Errs: n.addTxs(e.Txs)}) })
	case gossip.Reply:
		if reply := n.replies[e.ID]; reply != nil {
			delete(n.replies, e.ID)
			reply <- e // does not block: the channel has room for one
		}
	case gossip.Connected:
		if outcome := n.waiters[e.ID]; outcome != nil {
			delete(n.waiters, e.ID)
			outcome <- e.Err // does not block: the channel has room for one
		}
	case gossip.Note:
		n.note(e)
	}
	return nil
}

// report passes the event that reports an outcome to the loop.
func (n *Network) report(ctx context.Context, ev gossip.Event) {
	select {
	case n.outcomes <- ev:
	case <-ctx.Done():
	}
}

// addTxs adds transactions at the same time, so that the store can join their
// writes into one. It returns the error of each.
func (n *Network) addTxs(txs []block.Tx) []error {
	errs := make([]error, len(txs))
	room := make(chan struct{}, addsAtOnce)
	var group sync.WaitGroup
	for i, tx := range txs {
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			_, errs[i] = n.chain.AddTx(tx)
		})
	}
	group.Wait()
	return errs
}
