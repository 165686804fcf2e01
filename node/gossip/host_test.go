package gossip

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// connectedPeer connects the host with a peer, and returns it with nothing under way.
func (h *testNode) connectedPeer() (*remote, *peer) {
	h.t.Helper()
	r := newRemote(1)
	h.join(r)
	h.sends = nil
	p := h.g.host.peers.byAddress[r.address]
	if p.phase != connected {
		h.t.Fatalf("the peer is %s", p.phase)
	}
	return r, p
}

// TestFailuresOfRequests checks what follows from each kind of failure.
func TestFailuresOfRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		phase phase
		fails int
		wait  time.Duration // until announcements are tried again; 0: not changed
		left  time.Duration // for how long the address is left alone; 0: not
	}{
		"a fault":                 {fault(FaultMalformed, "x"), closed, 0, 0, 0},
		"a fault that is wrapped": {fmt.Errorf("x: %w", fault(FaultMalformed, "x")), closed, 0, 0, 0},
		"an unknown session":      {Refusal{Reason: UnknownSession}, forgotten, 0, 0, 0},
		"busy":                    {Refusal{Reason: Busy}, connected, 0, time.Second, 0},
		"busy for long":           {Refusal{Reason: Busy, RetryAfter: time.Minute}, connected, 0, time.Minute, 0},
		"banned":                  {Refusal{Reason: Banned}, closed, 0, 0, time.Hour},
		"another refusal":         {Refusal{Reason: BadRequest}, connected, 1, 0, 0},
		"no answer":               {errors.New("timeout"), connected, 1, 0, 0},
	} {
		h := newTestNode(t, 1, nil)
		_, p := h.connectedPeer()
		h.g.host.now = h.now
		h.g.host.fail(p, tc.err)
		if p.phase != tc.phase || p.fails != tc.fails {
			t.Errorf("%s: the peer is %s, %d failures are counted; want %s, %d", name, p.phase, p.fails, tc.phase, tc.fails)
		}
		if p.news.retry.isSet() != (tc.wait > 0) || tc.wait > 0 && p.news.retry.at.Sub(h.now) != tc.wait {
			t.Errorf("%s: announcements wait: %v, for %v, want %v", name, p.news.retry.isSet(), p.news.retry.at.Sub(h.now), tc.wait)
		}
		if e := h.g.host.book.at[p.address]; tc.left > 0 && (e == nil || e.Next.Sub(h.now) != tc.left) {
			t.Errorf("%s: the entry is %+v, want a wait of %v", name, e, tc.left)
		}
		h.g.host.fail(p, tc.err)
		h.g.host.fail(p, tc.err)
		if dropped := p.phase == closed; tc.fails > 0 && !dropped {
			t.Errorf("%s: after three failures the peer is %s", name, p.phase)
		}
	}
}

// TestFailureOfALostPeer checks that a peer that is gone is neither banned nor counted.
func TestFailureOfALostPeer(t *testing.T) {
	h := newTestNode(t, 1, nil)
	_, p := h.connectedPeer()
	h.g.host.drop(p, "unreachable", "")
	for _, err := range []error{fault(FaultMalformed, "x"), errors.New("timeout"), Refusal{Reason: Banned}} {
		h.g.host.fail(p, err)
	}
	h.g.host.ban(p, fault(FaultMalformed, "x"))
	if p.fails != 0 || len(h.g.host.bans.until) != 0 {
		t.Errorf("%d failures, %d bans", p.fails, len(h.g.host.bans.until))
	}
}

// TestUnknownSessionIsNotListed checks that a peer that does not know this node any more is
// greeted soon, and no longer counts as one that lists it; and that an offered session is used.
func TestUnknownSessionIsNotListed(t *testing.T) {
	for _, offered := range []bool{false, true} {
		h := newTestNode(t, 1, nil)
		_, p := h.connectedPeer()
		p.listed = h.now
		if offered {
			p.offer = offer{node: p.node, session: Session{77}}
		}
		h.now = h.now.Add(time.Second)
		h.g.host.now = h.now
		h.g.host.fail(p, Refusal{Reason: UnknownSession})
		want := map[bool]phase{false: forgotten, true: connected}[offered]
		if p.phase != want || !p.listed.IsZero() || p.news.retry.isSet() != offered {
			t.Errorf("offered %v: the peer is %s, listed %v, announcements are due: %v", offered, p.phase, p.listed, p.news.retry.isSet())
		}
		if due := p.hello.timer.at.Sub(h.now); due > h.g.host.config.HelloLeast {
			t.Errorf("offered %v: the peer is greeted after %v", offered, due)
		}
	}
}

// TestAnswersAreRecorded checks what an answer changes: when the peer was seen, and from where
// it answers.
func TestAnswersAreRecorded(t *testing.T) {
	at := netip.MustParseAddr
	h := newTestNode(t, 1, nil)
	_, p := h.connectedPeer()
	p.from, p.several = netip.Addr{}, false
	answer := func(from string, err error) {
		h.now = h.now.Add(time.Second)
		var by netip.Addr
		q := h.g.host.ask(p, GetAddresses{}, time.Second, func(Answer, error) { by = h.g.host.answeredBy })
		ev := Answered{ID: q.id, Err: err}
		if from != "" {
			ev.From = at(from)
		}
		h.step(ev)
		if by != ev.From || h.g.host.answeredBy.IsValid() {
			t.Errorf("the answer from %q counts as from %s, and afterwards as from %s", from, by, h.g.host.answeredBy)
		}
	}
	for _, tc := range []struct {
		from          string
		err           error
		seen, several bool
		want          string
	}{
		{"", nil, true, false, ""},
		{"", errors.New("timeout"), false, false, ""},
		{"10.0.0.1", nil, true, false, "10.0.0.1"},
		{"10.0.0.1", nil, true, false, "10.0.0.1"},
		{"", nil, true, false, "10.0.0.1"},
		{"10.0.0.2", errors.New("x"), false, true, "10.0.0.2"},
		{"10.0.0.2", nil, true, true, "10.0.0.2"},
	} {
		answer(tc.from, tc.err)
		var want netip.Addr
		if tc.want != "" {
			want = at(tc.want)
		}
		if p.seen.Equal(h.now) != tc.seen || p.several != tc.several || p.from != want || len(p.requests) != 0 {
			t.Errorf("after %q, %v: seen %v ago, from %s, several %v, %d requests", tc.from, tc.err, h.now.Sub(p.seen), p.from, p.several, len(p.requests))
		}
	}
	h.step(Answered{ID: 1 << 50}) // of nobody
}

// TestGreetSoon checks when a peer's next hello is brought forward, and that it never comes
// closer to the latest one than HelloLeast.
func TestGreetSoon(t *testing.T) {
	const least = time.Second
	for name, tc := range map[string]struct {
		alter func(h *testNode, p *peer)
		want  time.Duration // after the latest hello
	}{
		"later":       {func(h *testNode, p *peer) { h.g.host.timers.set(&p.hello.timer, p.hello.sent.Add(20*least)) }, least},
		"soon anyway": {func(h *testNode, p *peer) { h.g.host.timers.set(&p.hello.timer, p.hello.sent.Add(least/2)) }, least / 2},
		"not proven": {func(h *testNode, p *peer) {
			p.phase = dialling
			h.g.host.timers.set(&p.hello.timer, p.hello.sent.Add(20*least))
		}, 20 * least},
		"a hello is under way": {func(h *testNode, p *peer) {
			p.hello.request = &request{}
			h.g.host.timers.set(&p.hello.timer, p.hello.sent.Add(20*least))
		}, 20 * least},
	} {
		h := newTestNode(t, 1, nil)
		_, p := h.connectedPeer()
		tc.alter(h, p)
		h.g.host.greetSoon(p)
		if got := p.hello.timer.at.Sub(p.hello.sent); got != tc.want {
			t.Errorf("%s: the next hello follows after %v, want %v", name, got, tc.want)
		}
	}
}

// TestTipOfAPeerIsRaised checks that a peer's tip is replaced only by one with more work, and
// that a peer is ahead only with more work than this node has.
func TestTipOfAPeerIsRaised(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.accept(mineChain(h.chain.Tip(), 2, 1)...)
	_, p := h.connectedPeer()
	states := []rules.State{params().GenesisState()}
	for _, b := range mineChain(states[0], 3, 7) {
		states = append(states, states[len(states)-1].Apply(b.Header))
	}
	h.g.host.begin(h.now)
	p.tip, h.g.host.ahead = Tip{}, nil
	for _, tc := range []struct{ raise, want int }{{1, 1}, {0, 1}, {1, 1}, {2, 2}, {3, 3}, {2, 3}} {
		h.g.host.raiseTip(p, states[tc.raise])
		if p.tip.Hash != states[tc.want].Hash || p.tip.Height != states[tc.want].Height || p.tip.Work != states[tc.want].Work {
			t.Errorf("after the tip at height %d the peer's is %+v, want that at %d", tc.raise, p.tip, tc.want)
		}
		if ahead := len(h.g.host.ahead); ahead != map[bool]int{true: 1}[tc.want > 2] {
			t.Errorf("with a tip at height %d, %d peers are ahead of one at height 2", tc.want, ahead)
		}
	}
}

// TestHeardRequests checks which requests go to addresses that count as heard.
func TestHeardRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		alter func(h *testNode, p *peer)
		want  bool
	}{
		"heard":              {func(*testNode, *peer) {}, true},
		"named by a client":  {func(_ *testNode, p *peer) { p.chosen = true }, false},
		"chosen in the book": {func(h *testNode, p *peer) { h.g.host.book.choose(p.address) }, false},
	} {
		h := newTestNode(t, 1, nil)
		p := h.guests(1)[0]
		tc.alter(h, p)
		h.g.host.begin(h.now)
		h.g.host.ask(p, GetAddresses{}, time.Second, nil)
		h.g.host.askStranger(p.address, GetAddresses{}, time.Second, nil)
		first, second := h.g.host.effects[0].(Send), h.g.host.effects[1].(Send)
		if stranger := !h.g.host.book.isChosen(p.address); first.Heard != tc.want || second.Heard != stranger {
			t.Errorf("%s: a request to the peer counts as heard: %v, one to a stranger there: %v", name, first.Heard, second.Heard)
		}
	}
}
