package chain

import (
	"maps"
	"slices"
	"sync"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// EventKind says what an event is about.
type EventKind int

// Kinds of events.
const (
	EventTip   EventKind = iota + 1 // blocks were added on top of the tip; most often one
	EventReorg                      // another branch became the active one
	EventSide                       // a block was stored beside the active branch
	EventTx                         // a transaction became pending
)

// String returns the kind as the word that the event stream uses: tip, reorg,
// side, tx.
func (k EventKind) String() string {
	switch k {
	case EventTip:
		return "tip"
	case EventReorg:
		return "reorg"
	case EventSide:
		return "side"
	case EventTx:
		return "tx"
	}
	return "none"
}

// Event is a change of the chain or the mempool. The change is on disk before
// subscribers are called.
type Event struct {
	Kind EventKind
	Tip  rules.State // after the change

	Connected    []pow.Hash // EventTip, EventReorg: blocks that joined the active branch, the lowest first
	Disconnected []pow.Hash // EventReorg: blocks that left it, the old tip first
	Returned     []pow.Hash // EventReorg: transactions that are pending again, the oldest first
	Block        pow.Hash   // EventSide: the block
	Tx           block.Tx   // EventTx: the transaction
}

// Subscribe calls f with every event from now on, one at a time and in order, until
// cancel is called. f runs on the goroutine of a call that changes the chain, not
// always the one that caused the event, and must not block. It may call the chain.
// A call of f that is under way when cancel returns still runs to its end.
func (c *Chain) Subscribe(f func(Event)) (cancel func()) { return c.events.subscribe(f) }

// events is a queue of events. The goroutines that add events also deliver them to
// the subscribers, one goroutine at a time: a goroutine that finds another one
// delivering leaves its events to that one. No lock is held while a subscriber
// runs, so subscribers may call the chain and add events.
type events struct {
	mu          sync.Mutex
	queue       []Event
	delivering  bool
	subscribers map[int]func(Event)
	last        int // id of the latest subscriber
}

func (e *events) subscribe(f func(Event)) (cancel func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.subscribers == nil {
		e.subscribers = map[int]func(Event){}
	}
	e.last++
	id := e.last
	e.subscribers[id] = f
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.subscribers, id)
	}
}

func (e *events) add(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.subscribers) > 0 {
		e.queue = append(e.queue, ev)
	}
}

// deliver calls the subscribers with the queued events until the queue is empty, or
// returns at once if another goroutine does so already. The caller must not hold a
// lock of the chain.
func (e *events) deliver() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.delivering {
		return // that goroutine delivers our events too
	}
	e.delivering = true
	for len(e.queue) > 0 {
		ev := e.queue[0]
		e.queue = e.queue[1:]
		for _, id := range slices.Sorted(maps.Keys(e.subscribers)) {
			if f := e.subscribers[id]; f != nil { // nil if an earlier subscriber has cancelled it
				e.mu.Unlock()
				f(ev)
				e.mu.Lock()
			}
		}
	}
	e.delivering = false
}
