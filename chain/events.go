package chain

import (
	"fmt"
	"runtime/debug"
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
//
// If f panics, it is not called again. The other subscribers still get every event,
// and the chain stays usable. The call on whose goroutine f ran then panics with a
// [SubscriberPanic], although its change has been made.
func (c *Chain) Subscribe(f func(Event)) (cancel func()) { return c.events.subscribe(f) }

// SubscriberPanic is the value with which a method that changes the chain panics
// after a subscriber has panicked.
type SubscriberPanic struct {
	Value any    // with which the subscriber panicked
	Stack []byte // of the goroutine at that moment
}

// Error implements error. The text includes the stack of the subscriber's panic. A
// program that ends with this second panic prints only the stack of the second one.
func (p *SubscriberPanic) Error() string {
	return fmt.Sprintf("chain: a subscriber panicked: %v\n%s", p.Value, p.Stack)
}

// Unwrap returns the value of the panic if it is an error, and nil otherwise.
func (p *SubscriberPanic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// events is a queue of events. The goroutines that add events also deliver them to
// the subscribers, one goroutine at a time: a goroutine that finds another one
// delivering leaves its events to that one. No lock is held while a subscriber
// runs, so subscribers may call the chain and add events.
type events struct {
	mu          sync.Mutex
	queue       []Event // those before head have been delivered
	head        int
	delivering  bool
	subscribers map[int]func(Event)
	ids         []int // of the subscribers, in the order in which they subscribed; replaced, never changed
	last        int   // id of the latest subscriber
}

// keptEvents is the length of a queue whose memory is kept for further events.
const keptEvents = 1024

func (e *events) subscribe(f func(Event)) (cancel func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.subscribers == nil {
		e.subscribers = map[int]func(Event){}
	}
	e.last++
	id := e.last
	e.subscribers[id] = f
	e.ids = append(slices.Clip(e.ids), id)
	return func() { e.cancel(id) }
}

func (e *events) cancel(id int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.subscribers, id)
	e.ids = slices.DeleteFunc(slices.Clone(e.ids), func(other int) bool { return other == id })
}

func (e *events) add(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head >= keptEvents && e.head > len(e.queue)/2 { // also a queue that is never empty must not grow for ever
		e.queue, e.head = slices.Delete(e.queue, 0, e.head), 0
	}
	if len(e.subscribers) > 0 {
		e.queue = append(e.queue, ev)
	}
}

// deliver calls the subscribers with the queued events until the queue is empty, or
// returns at once if another goroutine does so already. If a subscriber has
// panicked, deliver panics with the first such panic when it has finished. The
// caller must not hold a lock of the chain.
func (e *events) deliver() {
	if !e.begin() {
		return // the other goroutine delivers our events too
	}
	ended := false
	defer func() {
		if !ended { // a subscriber has called runtime.Goexit
			e.end()
		}
	}()
	var first *SubscriberPanic
	for {
		ev, ids, ok := e.next()
		if !ok {
			break
		}
		for _, id := range ids {
			if p := e.call(id, ev); first == nil {
				first = p
			}
		}
	}
	ended = true
	if first != nil {
		panic(first)
	}
}

// begin reports whether the caller is to deliver the events.
func (e *events) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.delivering {
		return false
	}
	e.delivering = true
	return true
}

func (e *events) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.delivering = false
}

// next removes the first event from the queue, and returns it with the ids of the
// subscribers in the order in which they subscribed. If the queue is empty, it ends
// the delivery and returns false. Both happen under one lock, so that no event is
// added in between that nobody delivers.
func (e *events) next() (ev Event, ids []int, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head == len(e.queue) {
		e.delivering = false
		if e.queue, e.head = e.queue[:0], 0; cap(e.queue) > keptEvents {
			e.queue = nil
		}
		return Event{}, nil, false
	}
	ev = e.queue[e.head]
	e.queue[e.head] = Event{} // so that its memory can be freed
	e.head++
	return ev, e.ids, true
}

// call calls a subscriber, unless an earlier one has cancelled it. If it panics,
// call cancels it and returns the panic.
func (e *events) call(id int, ev Event) (p *SubscriberPanic) {
	e.mu.Lock()
	f := e.subscribers[id]
	e.mu.Unlock()
	if f == nil {
		return nil
	}
	defer func() {
		if value := recover(); value != nil {
			e.cancel(id)
			p = &SubscriberPanic{Value: value, Stack: debug.Stack()}
		}
	}()
	f(ev)
	return nil
}
