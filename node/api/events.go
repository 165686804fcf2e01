package api

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// feed keeps the latest events in a ring, from which all streams read, each at its
// own pace. A stream that falls behind by more than the ring holds has lost
// events and is ended. So slow clients take no memory and delay nobody.
type feed struct {
	epoch string // prefix of the event ids, which tells this run of the node from others

	mu    sync.Mutex
	ring  []string      // events as they are sent; event n is at n % len(ring)
	next  uint64        // number of the next event
	wake  chan struct{} // closed, and replaced, when an event is added
	posts atomic.Uint64 // how often the pending transactions have changed

	pending atomic.Pointer[pendingEvent] // the latest one that a stream has made; nil before

	header func(pow.Hash) (chain.HeaderInfo, bool) // of any block in the chain
}

// pendingEvent is an event of the kind pending as it is sent.
type pendingEvent struct {
	posts uint64 // feed.posts before the pending transactions were counted
	text  string
}

// maxEventHashes is how many hashes of blocks, and of transactions, an event of the kind
// reorg names. The numbers of all of them are in it, too.
const maxEventHashes = 64

func newFeed(history int, started time.Time, header func(pow.Hash) (chain.HeaderInfo, bool)) *feed {
	return &feed{
		header: header,
		epoch:  fmt.Sprintf("%x", started.UnixNano()),
		ring:   make([]string, history),
		wake:   make(chan struct{}),
	}
}

type tipJSON struct {
	Height       int64    `json:"height"`
	Hash         pow.Hash `json:"hash"`
	Chainwork    string   `json:"chainwork"`
	*movedJSON            // of the kinds block and reorg only
	*reorgJSON            // of the kind reorg only
	Connected    int      `json:"connected"`    // blocks that joined the active branch
	Disconnected int      `json:"disconnected"` // blocks that left it
}

// movedJSON describes the new tip.
type movedJSON struct {
	Parent pow.Hash `json:"parent"`
	Time   uint32   `json:"timestamp"`
}

// reorgJSON describes what a reorg has done.
type reorgJSON struct {
	Fork       pow.Hash `json:"fork"` // the highest block that both branches share
	ForkHeight int64    `json:"fork_height"`

	// Left are the blocks that left the active branch, the old tip first, and Returned the
	// transactions that are pending again, the oldest first: at most maxEventHashes each.
	Left          []pow.Hash `json:"left"`
	Returned      []pow.Hash `json:"returned"`
	ReturnedTotal int        `json:"returned_total"`
}

// sideJSON describes a block that was stored beside the active branch.
type sideJSON struct {
	Height    int64    `json:"height"`
	Hash      pow.Hash `json:"hash"`
	Parent    pow.Hash `json:"parent"`
	Chainwork string   `json:"chainwork"`
	Time      uint32   `json:"timestamp"`
}

// publish adds an event of the chain to the ring and wakes the streams.
// Transactions can arrive by the thousand, so they are only counted; each stream
// says at intervals how many are pending.
func (f *feed) publish(e chain.Event) {
	if e.Kind != chain.EventSide {
		f.posts.Add(1) // a block changes what is pending, too
	}
	text := f.describe(e)
	if text == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring[f.next%uint64(len(f.ring))] = fmt.Sprintf("id: %s-%d\n%s", f.epoch, f.next, text)
	f.next++
	close(f.wake)
	f.wake = make(chan struct{})
}

// describe returns an event of the chain as it is sent, or "" if it is not sent.
func (f *feed) describe(e chain.Event) string {
	if e.Kind == chain.EventTx {
		return ""
	}
	tip := tipJSON{Height: e.Tip.Height, Hash: e.Tip.Hash, Chainwork: e.Tip.Work.String(), Connected: len(e.Connected), Disconnected: len(e.Disconnected)}
	if e.Kind == chain.EventTip || e.Kind == chain.EventReorg {
		info, _ := f.header(e.Tip.Hash)
		tip.movedJSON = &movedJSON{Parent: info.Header.Prev, Time: info.Header.Time}
	}
	switch e.Kind {
	case chain.EventTip:
		return eventText("block", tip)
	case chain.EventReorg:
		tip.reorgJSON = f.describeReorg(e)
		return eventText("reorg", tip)
	case chain.EventSide:
		info, ok := f.header(e.Block)
		if !ok {
			return ""
		}
		return eventText("side", sideJSON{info.Height, info.Hash, info.Header.Prev, info.Work.String(), info.Header.Time})
	}
	return ""
}

func (f *feed) describeReorg(e chain.Event) *reorgJSON {
	r := &reorgJSON{
		Left:          append([]pow.Hash{}, e.Disconnected[:min(len(e.Disconnected), maxEventHashes)]...), // not nil
		Returned:      append([]pow.Hash{}, e.Returned[:min(len(e.Returned), maxEventHashes)]...),
		ReturnedTotal: len(e.Returned),
	}
	// Both branches have the fork as the parent of their first block. The new branch is
	// empty if its blocks were held back and the old one has been left for the fork.
	r.Fork, r.ForkHeight = e.Tip.Hash, e.Tip.Height-int64(len(e.Connected))
	if len(e.Connected) > 0 {
		info, _ := f.header(e.Connected[0])
		r.Fork = info.Header.Prev
	}
	return r
}

func eventText(kind string, value any) string {
	var buf bytes.Buffer
	buf.WriteString("event: " + kind + "\ndata: ")
	if err := encode(&buf, value); err != nil {
		panic("api: event: " + err.Error()) // numbers and hashes always marshal
	}
	buf.WriteByte('\n')
	return buf.String()
}

// after returns the events from a number on, the number of the next one, and a
// channel that is closed when there is one. ok is false if the ring has lost some
// of the events.
func (f *feed) after(from uint64) (events []string, next uint64, wake <-chan struct{}, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if from > f.next || f.next-from > uint64(len(f.ring)) {
		return nil, f.next, f.wake, false
	}
	for n := from; n < f.next; n++ {
		events = append(events, f.ring[n%uint64(len(f.ring))])
	}
	return events, f.next, f.wake, true
}

// pendingText returns a pending event for streams that have seen the pending transactions
// change that often. It is the same for all of them, so the first one makes it. What changes
// later is counted later, and makes another event.
func (f *feed) pendingText(posts uint64, status func() poolJSON) string {
	if p := f.pending.Load(); p != nil && p.posts == posts {
		return p.text
	}
	text := eventText("pending", status())
	f.pending.Store(&pendingEvent{posts, text})
	return text
}

// resume returns the number of the event with which a stream begins. That is the
// one after last, the id of the latest event that the client has received; or, if
// last is empty, the next event. missed is true if the events since last are lost
// or last is not an id of this run.
func (f *feed) resume(last string) (from uint64, missed bool) {
	f.mu.Lock()
	next := f.next
	f.mu.Unlock()
	if last == "" {
		return next, false
	}
	epoch, digits, _ := strings.Cut(last, "-")
	n, err := parseDigits(digits)
	if epoch != f.epoch || err != nil || uint64(n) >= next || next-uint64(n)-1 > uint64(len(f.ring)) {
		return next, true
	}
	return uint64(n) + 1, false
}

// getEvents sends a stream of server-sent events. Events of the kinds block, reorg and
// side have ids, from which a client can resume. Those of the kinds pending and
// mining have none, because only the latest matters. A client that resumes from
// an event too far back gets an event of the kind reset.
func (a *API) getEvents(w *writer, r *http.Request) error {
	if a.closing.Err() != nil {
		return errShutdown
	}
	if source := gossip.SourceOf(clientIP(r.RemoteAddr)); source.IsValid() && !source.IsLoopback() {
		if !a.streams.Take(source) {
			return problem{
				status: http.StatusServiceUnavailable, retryAfter: "1",
				sentence: fmt.Sprintf("the node serves %d event streams of %s already: end one of them first", a.streams.Most(), source),
			}
		}
		defer a.streams.Free(source)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	w.readBy(time.Time{}) // as in mine
	s := &eventStream{api: a, w: w}
	from, missed := a.feed.resume(r.Header.Get("Last-Event-ID"))
	tip := a.chain.Tip()
	first := "retry: 3000\n" + eventText("tip", tipJSON{Height: tip.Height, Hash: tip.Hash, Chainwork: tip.Work.String()})
	if missed {
		first += eventText("reset", struct{}{})
	}
	if err := s.send(first); err != nil {
		return errGone
	}
	return s.run(r, from)
}

// eventStream is one client's stream.
type eventStream struct {
	api *API
	w   *writer

	posts  uint64 // feed.posts when the latest pending event was sent
	told   bool   // a pending event has been sent
	mining bool   // the latest mining event said that the node mines
	mode   string // of mining, in the latest mining event; "" before
}

func (s *eventStream) run(r *http.Request, from uint64) error {
	a := s.api
	a.pulse.join()
	defer a.pulse.leave()
	silence := time.NewTimer(heartbeat)
	defer silence.Stop()
	news := a.pulse.news()
	text := s.changes()
	for {
		events, next, wake, ok := a.feed.after(from)
		if !ok {
			return nil // too slow: the client connects again, and gets a reset
		}
		from = next
		if len(events) > 0 {
			// A block changes what is pending. What is said together causes one answer of a page.
			text += strings.Join(events, "") + s.pending()
		}
		if text != "" {
			if err := s.send(text); err != nil {
				return errGone
			}
			text = ""
			silence.Reset(heartbeat)
			continue // there may be more events by now
		}
		select {
		case <-wake:
		case <-news:
			news = a.pulse.news()
			text = s.changes()
		case <-silence.C:
			text = ":\n\n"
		case <-r.Context().Done():
			return errGone
		case <-a.closing.Done():
			return nil
		}
	}
}

// pending returns a pending event if the number of pending transactions may have changed.
func (s *eventStream) pending() string {
	posts := s.api.feed.posts.Load()
	if s.told && posts == s.posts {
		return ""
	}
	s.told, s.posts = true, posts
	return s.api.feed.pendingText(posts, s.api.poolStatus)
}

// changes returns a pending event like pending, and a mining event if the node mines, has
// just stopped or is in another mode.
func (s *eventStream) changes() string {
	text := s.pending()
	mining := s.api.miningStatus()
	mode := s.mode
	if mining.minerJSON != nil {
		mode = mining.Mode
	}
	if mining.Active || s.mining || mode != s.mode {
		s.mining, s.mode = mining.Active, mode
		text += eventText("mining", mining)
	}
	s.api.pulse.seen(s.mining, s.mode)
	return text
}

func (s *eventStream) send(text string) error {
	s.w.writeBy(time.Now().Add(s.api.limits.timeout))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return http.NewResponseController(s.w).Flush()
}
