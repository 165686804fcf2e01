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
}

func newFeed(history int, started time.Time) *feed {
	return &feed{
		epoch: fmt.Sprintf("%x", started.UnixNano()),
		ring:  make([]string, history),
		wake:  make(chan struct{}),
	}
}

type tipJSON struct {
	Height       int64    `json:"height"`
	Hash         pow.Hash `json:"hash"`
	Chainwork    string   `json:"chainwork"`
	Connected    int      `json:"connected"`    // blocks that joined the active branch
	Disconnected int      `json:"disconnected"` // blocks that left it
}

// publish adds an event of the chain to the ring and wakes the streams.
// Transactions can arrive by the thousand, so they are only counted; each stream
// says at intervals how many are pending.
func (f *feed) publish(e chain.Event) {
	var kind string
	switch e.Kind {
	case chain.EventTip:
		kind = "block"
	case chain.EventReorg:
		kind = "reorg"
	case chain.EventTx:
		f.posts.Add(1)
		return
	default:
		return
	}
	f.posts.Add(1) // a block changes what is pending
	text := eventText(kind, tipJSON{e.Tip.Height, e.Tip.Hash, e.Tip.Work.String(), len(e.Connected), len(e.Disconnected)})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring[f.next%uint64(len(f.ring))] = fmt.Sprintf("id: %s-%d\n%s", f.epoch, f.next, text)
	f.next++
	close(f.wake)
	f.wake = make(chan struct{})
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

// getEvents sends a stream of server-sent events. Events of the kinds block and
// reorg have ids, from which a client can resume. Those of the kinds pending and
// mining have none, because only the latest matters. A client that resumes from
// an event too far back gets an event of the kind reset.
func (a *API) getEvents(w *writer, r *http.Request) error {
	if a.closing.Err() != nil {
		return problem{status: http.StatusServiceUnavailable, retryAfter: "5", sentence: "the node is shutting down"}
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
}

func (s *eventStream) run(r *http.Request, from uint64) error {
	a := s.api
	tick := time.NewTicker(eventTick)
	defer tick.Stop()
	silence := time.NewTimer(heartbeat)
	defer silence.Stop()
	text := s.changes()
	for {
		events, next, wake, ok := a.feed.after(from)
		if !ok {
			return nil // too slow: the client connects again, and gets a reset
		}
		from = next
		text += strings.Join(events, "")
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
		case <-tick.C:
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

// changes returns a pending event if the number of pending transactions may have
// changed, and a mining event if the node mines or has just stopped.
func (s *eventStream) changes() (text string) {
	if posts := s.api.feed.posts.Load(); !s.told || posts != s.posts {
		s.told, s.posts = true, posts
		text = eventText("pending", s.api.poolStatus())
	}
	mining := s.api.miningStatus()
	if mining.Active || s.mining {
		s.mining = mining.Active
		text += eventText("mining", mining)
	}
	return text
}

func (s *eventStream) send(text string) error {
	s.w.writeBy(time.Now().Add(s.api.limits.timeout))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return http.NewResponseController(s.w).Flush()
}
