package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"

	"github.com/lodepow/lode/pow"
)

// Kind is the kind of an event. A client ignores kinds that it does not know; later
// versions of a node may send others.
type Kind string

// The kinds of events.
const (
	EventTip     Kind = "tip"     // where the chain is; the first event of every connection
	EventBlock   Kind = "block"   // a new tip
	EventReorg   Kind = "reorg"   // a new tip that took blocks off the active branch
	EventSide    Kind = "side"    // a block that joined another branch
	EventPending Kind = "pending" // how many transactions are pending
	EventMining  Kind = "mining"  // how far the search for a block is
	EventReset   Kind = "reset"   // events were missed: read again what matters
)

// Event is something that happened on a node.
type Event struct {
	Kind Kind
	ID   string          // with which the stream can be resumed; "": none was sent yet
	Data json.RawMessage // a JSON value

	// Reconnected is set in the first event after the connection broke and was made
	// again. Events that have no id may be missing before it; those that have one are
	// missing only if a reset follows.
	Reconnected bool
}

// Tip is the data of the kinds tip, block and reorg.
type Tip struct {
	Height       int64    `json:"height"`
	Hash         pow.Hash `json:"hash"`
	Chainwork    pow.Work `json:"chainwork"`
	Connected    int      `json:"connected"`    // number of blocks that joined the active branch
	Disconnected int      `json:"disconnected"` // number of blocks that left it

	// Of the kinds block and reorg only.
	Parent pow.Hash `json:"parent"`
	Time   uint32   `json:"timestamp"` // in the header

	// Of the kind reorg only. The lists have at most 64 elements each.
	Fork          pow.Hash   `json:"fork"` // the highest block that both branches share
	ForkHeight    int64      `json:"fork_height"`
	Left          []pow.Hash `json:"left"`           // blocks that left the active branch, the old tip first
	Returned      []pow.Hash `json:"returned"`       // transactions that are pending again, the oldest first
	ReturnedTotal int        `json:"returned_total"` // number of those
}

// Side is the data of the kind side: a block that is not on the active branch.
type Side struct {
	Height    int64    `json:"height"`
	Hash      pow.Hash `json:"hash"`
	Parent    pow.Hash `json:"parent"`
	Chainwork pow.Work `json:"chainwork"` // up to and including the block
	Time      uint32   `json:"timestamp"` // in the header
}

// Tip returns the data of an event of the kinds tip, block and reorg.
func (e Event) Tip() (Tip, error) {
	return decodeEvent[Tip](e, EventTip, EventBlock, EventReorg)
}

// Side returns the data of an event of the kind side.
func (e Event) Side() (Side, error) { return decodeEvent[Side](e, EventSide) }

// Pending returns the data of an event of the kind pending.
func (e Event) Pending() (Mempool, error) { return decodeEvent[Mempool](e, EventPending) }

// Mining returns the data of an event of the kind mining.
func (e Event) Mining() (Progress, error) { return decodeEvent[Progress](e, EventMining) }

func decodeEvent[T any](e Event, kinds ...Kind) (v T, err error) {
	for _, k := range kinds {
		if e.Kind == k {
			if err := json.Unmarshal(e.Data, &v); err != nil {
				return v, fmt.Errorf("event %s: %w", e.Kind, err)
			}
			return v, nil
		}
	}
	return v, fmt.Errorf("an event of the kind %s has other data", e.Kind)
}

const (
	// silence is how long a stream may say nothing. A node says something every 15 s.
	silence = 45 * time.Second

	// mostPause bounds the pause before a stream is opened again, whatever the server
	// asks for in the field retry.
	mostPause = 10 * time.Second
)

// Events follows what happens on the node, from now on, or after the event with the id
// lastID if that is not "". It reads what was missed when the connection breaks and is
// made again; if the node does not know that any more, an event of the kind reset says so.
//
// The loop ends when the context ends, when the node refuses the stream, or when it could
// not be reached for [Config.Outage]. The last pair is then an error. The first
// connection is tried only as often as any other call.
func (c *Client) Events(ctx context.Context, lastID string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := follower{c: c, ctx: ctx, lastID: lastID, pause: leastWait, yield: yield}
		if err := f.run(); err != nil {
			yield(Event{}, err)
		}
	}
}

// follower is one run of Events.
type follower struct {
	c       *Client
	ctx     context.Context
	lastID  string
	pause   time.Duration // before the next connection; the server can change it
	yield   func(Event, error) bool
	stopped bool // yield has returned false
	begun   bool // a connection was made
	again   bool // the next event is the first after a break
}

// run connects, and connects again, until there is a reason to stop. It returns nil if
// the caller has left the loop.
func (f *follower) run() error {
	var down time.Time // since when there is no connection; zero: there is one
	for n := 0; ; n++ {
		before := f.lastID
		got, err := f.connect()
		switch {
		case f.stopped:
			return nil
		case f.ctx.Err() != nil:
			return causeOf(f.ctx, f.ctx.Err())
		case !retriable(err), !f.begun && n >= f.c.retries:
			return err
		}
		if got || f.lastID != before {
			down, n = time.Time{}, 0
		}
		if down.IsZero() {
			down = f.c.now()
		}
		if f.c.now().Sub(down) >= f.c.outage {
			return fmt.Errorf("there was no event stream for %v: %w", f.c.outage, err)
		}
		f.again = f.begun
		wait := max(f.pause, backOff(n))
		var refused *Error
		if errors.As(err, &refused) {
			wait = max(wait, min(refused.RetryAfter, maxRetryAfter))
		}
		if f.c.wait(f.ctx, wait) != nil {
			return causeOf(f.ctx, f.ctx.Err())
		}
	}
}

// retriable reports whether a stream that ended with an error may be opened again.
func retriable(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Status == http.StatusServiceUnavailable || refused.Status == http.StatusBadGateway || refused.Status == http.StatusGatewayTimeout
	}
	return errors.As(err, new(broken))
}

// connect opens the stream and yields its events until it ends. got is set if there was
// at least one.
func (f *follower) connect() (got bool, err error) {
	header := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}}
	if f.lastID != "" {
		header.Set("Last-Event-ID", f.lastID)
	}
	resp, body, done, err := f.c.open(f.ctx, call{method: http.MethodGet, path: "events", header: header}) //nolint:bodyclose // done closes it
	if err != nil {
		return false, err
	}
	defer done()
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !isEventStream(kind) {
		return false, fmt.Errorf("GET /events: %w: %s with the type %q", errNotNode, Status(resp.StatusCode).Error(), kind)
	}
	f.begun = true
	body.timeout = silence
	in := newSSEReader(body, f.lastID)
	for {
		m, err := in.next(func() { body.left = body.most })
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the node has ended the stream")
			}
			if errors.Is(err, errLongEvent) {
				return got, err
			}
			return got, unread(f.ctx, err)
		}
		f.lastID = m.id
		if in.retry > 0 {
			f.pause = min(in.retry, mostPause)
		}
		got = true
		e := Event{Kind: Kind(m.kind), ID: m.id, Data: json.RawMessage(m.data), Reconnected: f.again}
		f.again = false
		if !f.yield(e, nil) {
			f.stopped = true
			return got, nil
		}
	}
}

// isEventStream reports whether a content type, with or without parameters, is that of
// server-sent events.
func isEventStream(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "text/event-stream"
}
