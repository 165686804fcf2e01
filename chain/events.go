package chain

import (
	"maps"
	"slices"
	"sync"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/pow"
)

// EventKind says what happened.
type EventKind int

// Kinds of events.
const (
	EventTip   EventKind = iota + 1 // blocks on top of the tip, most often one
	EventReorg                      // another branch became the active one
	EventSide                       // a block beside the active branch
	EventTx                         // a transaction is pending
)

// String returns the kind as it may stand in a stream: tip, reorg, side, tx.
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

// Event is a change of the chain or the mempool, on disk by the time that it is
// told.
type Event struct {
	Kind EventKind
	Tip  rules.State // after it

	Connected    []pow.Hash // EventTip, EventReorg: the lowest first
	Disconnected []pow.Hash // EventReorg: the old tip first
	Returned     []pow.Hash // EventReorg: transactions that are pending again, the oldest first
	Block        pow.Hash   // EventSide
	Tx           block.Tx   // EventTx
}

// Subscribe has f called with every event from now on, one at a time and in
// order, on the goroutine of some call that changes the chain; so f must not
// block. It may call the chain. After cancel has returned, at most a call that
// is under way comes to its end.
func (c *Chain) Subscribe(f func(Event)) (cancel func()) { return c.events.subscribe(f) }

// events is a queue that whoever has added to it empties, one goroutine at a
// time. Its own lock is not held while subscribers run.
type events struct {
	mu          sync.Mutex
	queue       []Event
	delivering  bool
	subscribers map[int]func(Event)
	last        int
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

// deliver must be called without any lock of the chain.
func (e *events) deliver() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.delivering {
		return // that goroutine takes ours along
	}
	e.delivering = true
	for len(e.queue) > 0 {
		ev := e.queue[0]
		e.queue = e.queue[1:]
		for _, id := range slices.Sorted(maps.Keys(e.subscribers)) {
			if f := e.subscribers[id]; f != nil { // not cancelled by one before
				e.mu.Unlock()
				f(ev)
				e.mu.Lock()
			}
		}
	}
	e.delivering = false
}
