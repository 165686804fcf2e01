package gossip

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// host holds what the parts of the machine have in common: the time, the effects of
// the step under way, the peers and the requests to them. Every part embeds it.
type host struct {
	config  Config // complete, without Peers and Book
	params  rules.Params
	network pow.Hash // the id of the parameters

	now     time.Time // of the latest step
	effects []Effect  // of the latest step
	lastID  ID
	latest  rules.State // the tip, if it was read in the step under way
	tipRead bool        // whether it was

	// answeredBy is the IP address that has sent the answer which the step under way
	// handles; zero in other steps, and if it is not known.
	answeredBy netip.Addr

	timers   timers
	requests map[ID]*request
	peers    peers
	known    knowledge
	book     book
	bans     bans
	dial     timer // when to look for nodes to dial

	// ahead are the proven peers that claim more work than this node's tip had
	// when they claimed it.
	ahead []*peer

	// lost are functions of the parts, called when a peer is dropped.
	lost []func(p *peer, reason, detail string)
}

// begin prepares for the next step.
func (h *host) begin(now time.Time) {
	h.now, h.tipRead, h.answeredBy = now, false, netip.Addr{}
	clear(h.effects)
	h.effects = h.effects[:0]
}

// tip returns the tip of the chain, which is read once in a step.
func (h *host) tip() *rules.State {
	if !h.tipRead {
		h.latest, h.tipRead = h.config.Chain.Tip(), true
	}
	return &h.latest
}

func (h *host) do(e Effect)      { h.effects = append(h.effects, e) }
func (h *host) newID() ID        { h.lastID++; return h.lastID }
func (h *host) session() Session { return Session(draw(h.config.Random)) }

// note adds a Note about a peer.
func (h *host) note(p *peer, n Note) {
	n.Peer, n.Out = p.address, p.out
	h.do(n)
}

// request is a Send whose outcome is not known yet.
type request struct {
	id   ID
	peer *peer // nil: the request is not to a peer
	done func(Answer, error)
}

// errGone is the outcome of requests to a peer that has been dropped meanwhile.
var errGone = errors.New("the peer was dropped")

// ask sends a request to a peer. done is called once: with the answer, with the
// error of the request, or with errGone.
func (h *host) ask(p *peer, r Request, timeout time.Duration, done func(Answer, error)) *request {
	return h.askWith(p, p.theirs, r, timeout, done)
}

// askWith is ask with another session than the one that the peer has given last.
func (h *host) askWith(p *peer, session Session, r Request, timeout time.Duration, done func(Answer, error)) *request {
	q := &request{id: h.newID(), peer: p, done: done}
	h.requests[q.id] = q
	p.requests = append(p.requests, q)
	h.do(Send{ID: q.id, To: p.address, Session: session, Request: r, Timeout: timeout, Heard: !p.chosen && !h.book.isChosen(p.address)})
	return q
}

// askStranger sends a request to a node that is no peer.
func (h *host) askStranger(to Address, r Request, timeout time.Duration, done func(Answer, error)) {
	q := &request{id: h.newID(), done: done}
	h.requests[q.id] = q
	h.do(Send{ID: q.id, To: to, Request: r, Timeout: timeout, Heard: !h.book.isChosen(to)})
}

// onAnswered passes the outcome of a request to the part that made it.
func (h *host) onAnswered(ev Answered) {
	q := h.requests[ev.ID]
	if q == nil {
		return // the peer has been dropped meanwhile
	}
	delete(h.requests, ev.ID)
	if p := q.peer; p != nil {
		i := slices.Index(p.requests, q)
		p.requests = slices.Delete(p.requests, i, i+1)
		if ev.Err == nil {
			p.seen = h.now
		}
		if ev.From.IsValid() {
			p.several = p.several || p.from.IsValid() && p.from != ev.From
			p.from = ev.From
		}
		h.answeredBy = ev.From
	}
	q.done(ev.Answer, ev.Err)
	h.answeredBy = netip.Addr{}
}

// as converts an answer to the type that belongs to the request. Any other type
// is a fault of the peer.
func as[A Answer](a Answer, err error) (A, error) {
	answer, ok := a.(A)
	if err == nil && !ok {
		err = fault(FaultMalformed, "the answer is a %T, not a %T", a, answer)
	}
	return answer, err
}

// greetSoon brings a peer's next hello forward, but not closer to the last one
// than HelloLeast, so that two nodes cannot greet each other in a loop.
func (h *host) greetSoon(p *peer) {
	if !p.phase.proven() || p.hello.request != nil {
		return
	}
	if soon := p.hello.sent.Add(h.config.HelloLeast); p.hello.timer.at.After(soon) {
		h.timers.set(&p.hello.timer, soon)
	}
}

// dialSoon looks for nodes to dial at the end of the step.
func (h *host) dialSoon() { h.timers.set(&h.dial, h.now) }

// setTip records the tip that a peer claims.
func (h *host) setTip(p *peer, t Tip) {
	p.tip = t
	if p.phase.proven() && h.isAhead(p) && !slices.Contains(h.ahead, p) {
		h.ahead = append(h.ahead, p)
	}
}

// findAhead records again which peers claim more work than this node's tip has.
func (h *host) findAhead() {
	for _, p := range h.peers.all {
		h.setTip(p, p.tip)
	}
}

// wall returns what this machine's clock shows. It may be set at any time, so
// everything but the comparison of clocks uses now.
func (h *host) wall() time.Time {
	if h.config.Clock == nil {
		return h.now.Round(0)
	}
	return h.config.Clock(h.now)
}

// raiseTip records that a peer has the block of a state, if that is more work than
// the peer has claimed.
func (h *host) raiseTip(p *peer, s rules.State) {
	if s.Work.Cmp(p.tip.Work) > 0 {
		h.setTip(p, Tip{Hash: s.Hash, Height: s.Height, Work: s.Work})
	}
}

// isAhead reports whether a peer claims more work than this node's tip has.
func (h *host) isAhead(p *peer) bool { return p.tip.Work.Cmp(h.tip().Work) > 0 }

// fail deals with a peer after a request has failed. A fault leads to a ban, and a few
// refusals have special consequences. Any other failure is counted: after maxFails in
// a row the peer is dropped.
func (h *host) fail(p *peer, err error) {
	if p.phase == closed {
		return
	}
	var f Fault
	var r Refusal
	switch {
	case errors.As(err, &f):
		h.ban(p, f)
	case errors.As(err, &r) && r.Reason == UnknownSession:
		if p.phase == connected {
			p.phase = forgotten
		}
		p.listed = time.Time{}
		if p.phase.proven() && p.takeOffer() && !p.news.retry.isSet() {
			h.timers.set(&p.news.retry, h.now) // news that waited for a session can be announced now
		}
		h.greetSoon(p)
	case errors.As(err, &r) && r.Reason == Busy:
		h.timers.set(&p.news.retry, h.now.Add(max(r.RetryAfter, h.config.AnnounceRetry)))
	case errors.As(err, &r) && r.Reason == Banned:
		h.book.markFailed(p.address, h.now, h.config.Limits.BanTime)
		h.drop(p, string(Banned), r.Message)
	default:
		p.fails++
		if p.fails >= maxFails {
			h.book.markFailed(p.address, h.now, 0)
			h.drop(p, "unreachable", err.Error())
		}
	}
}

// maxFails bounds the requests in a row that a peer may fail to answer.
const maxFails = 3

// ban drops a peer that has broken the protocol, and refuses to deal with it for
// some time.
func (h *host) ban(p *peer, f Fault) {
	if p.phase == closed {
		return
	}
	h.banPeer(p)
	h.book.forget(p.address)
	h.note(p, Note{Kind: NoteBanned, Reason: string(f.Reason), Detail: f.Detail})
	h.drop(p, "banned", f.Error())
}

// drop forgets a peer. Its requests fail at once, so that others are asked
// instead.
func (h *host) drop(p *peer, reason, detail string) {
	if p.phase == closed {
		return
	}
	kind := NoteFailed
	if p.phase.proven() {
		kind = NoteDropped
	}
	p.phase = closed
	h.note(p, Note{Kind: kind, Reason: reason, Detail: detail})
	h.peers.remove(p)
	h.known.forget(p)
	h.ahead = slices.DeleteFunc(h.ahead, func(other *peer) bool { return other == p })
	h.timers.stop(&p.hello.timer)
	h.timers.stop(&p.news.retry)
	h.dialSoon()
	requests := p.requests
	p.requests = nil
	for _, q := range requests {
		delete(h.requests, q.id)
		q.done(nil, errGone)
	}
	for _, lost := range h.lost {
		lost(p, reason, detail)
	}
}
