package gossip

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// These tests are about the times of hellos, and what is recorded with them.

// TestHellosAreSpread checks that the time to the next hello is HelloEvery, give or take a
// quarter, and that it varies over that whole range.
func TestHellosAreSpread(t *testing.T) {
	h := newTestNode(t, 1, nil)
	every := h.g.host.config.HelloEvery
	shortest, longest := time.Hour, time.Duration(0)
	for range 1000 {
		wait := h.g.greeter.nextHello().Sub(h.now)
		shortest, longest = min(shortest, wait), max(longest, wait)
	}
	if shortest < every*3/4 || shortest > every*77/100 || longest >= every*5/4 || longest < every*123/100 {
		t.Errorf("hellos follow each other after %v to %v, want %v give or take a quarter", shortest, longest, every)
	}
}

// TestTripOfAHello checks that the shortest time to an answer counts, and at least a
// nanosecond, since zero means that there was no answer.
func TestTripOfAHello(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	p := h.g.host.peers.byAddress[r.address]
	for _, tc := range []struct{ took, want time.Duration }{
		{30 * time.Millisecond, 30 * time.Millisecond}, {40 * time.Millisecond, 30 * time.Millisecond}, {10 * time.Millisecond, 10 * time.Millisecond}, {0, 1}, {time.Second, 1},
	} {
		s, _ := mustTake[Hello](h)
		h.now = h.now.Add(tc.took)
		h.answer(s, r.welcome(s))
		if p.brought.trip != tc.want {
			t.Errorf("after an answer that took %v, the shortest trip is %v, want %v", tc.took, p.brought.trip, tc.want)
		}
		h.now = h.now.Add(time.Minute)
		h.step(Wake{})
	}
}

// TestRefusedHello checks how long an address is left alone whose node has refused this one.
func TestRefusedHello(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want time.Duration
	}{
		{Refusal{Reason: Busy, RetryAfter: 7 * time.Second}, 7 * time.Second},
		{Refusal{Reason: Full, RetryAfter: 8 * time.Second}, 8 * time.Second},
		{Refusal{Reason: "x"}, time.Second},
		{Refusal{Reason: WrongNetwork, RetryAfter: time.Second}, time.Hour},
		{Refusal{Reason: WrongVersion}, time.Hour},
		{errors.New("connection refused"), time.Second},
		{fmt.Errorf("x: %w", NotNode{"answered 404"}), time.Hour},
	} {
		h := newTestNode(t, 1, func(c *Config) { c.Book = []Entry{{Address: address(1)}} })
		s, _ := mustTake[Hello](h)
		h.fail(s, tc.err)
		if e := h.g.host.book.at[address(1)]; e == nil || e.Next.Sub(h.now) != tc.want || h.g.host.peers.byAddress[address(1)] != nil {
			t.Errorf("%v: the entry is %+v, want a wait of %v", tc.err, e, tc.want)
		}
	}
}

// TestHelloIsSentAgain checks when a proven peer whose hello was not answered is greeted
// again.
func TestHelloIsSentAgain(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.welcome(r)
	h.now = h.now.Add(time.Minute)
	h.step(Wake{})
	s, _ := mustTake[Hello](h)
	h.fail(s, errors.New("timeout"))
	begin, retry := h.now, h.g.host.config.HelloRetry
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{retry - 1, 0}, {retry, 1}} {
		h.now = begin.Add(step.after)
		h.step(Wake{})
		if n := pending[Hello](h); n != step.want {
			t.Errorf("%v after the failure %d hellos are under way, want %d", step.after, n, step.want)
		}
	}
}

// TestSourceOfAPeer checks from where a peer counts as having come: where its latest hello
// with this node's session came from, if it is a guest.
func TestSourceOfAPeer(t *testing.T) {
	for _, chosen := range []bool{false, true} {
		h := newTestNode(t, 1, nil)
		r := newRemote(1)
		h.guestAt(r, "10.0.0.1")
		p := h.g.host.peers.byAddress[r.address]
		p.heard = true
		if chosen {
			h.g.host.peers.choose(p)
		}
		h.now = h.now.Add(time.Second)
		h.incoming(p.ours, Hello{r.greeting(), r.session}) // from 127.0.0.1
		want := "127.0.0.1"
		if chosen {
			want = "10.0.0.1"
		}
		if p.source.String() != want || p.heard != chosen || p.seen != h.now {
			t.Errorf("chosen %v: the peer came from %s, want %s; for a client: %v; seen %v", chosen, p.source, want, p.heard, p.seen)
		}
	}
}

// TestOutcomesOfWaits checks what a client is told when the time is up.
func TestOutcomesOfWaits(t *testing.T) {
	for name, tc := range map[string]struct {
		alter func(p *peer)
		want  string
	}{
		"no answer":                 {func(*peer) {}, "http://10.0.0.1:80 did not answer in time"},
		"is not reached":            {func(p *peer) { p.phase = oneWay }, "http://10.0.0.1:80 answers but could not reach this node at http://self:80: see --advertise"},
		"does not list this node":   {func(p *peer) { p.phase = connected }, "http://10.0.0.1:80 is connected, but has not said that it lists this node"},
		"is a peer that is known":   {func(p *peer) { p.phase, p.node, p.says = connected, newRemote(2).id, address(2) }, "the node at http://10.0.0.1:80 says that it is the one at http://10.0.0.2:80, which is connected, but has not proved it"},
		"says so of another node":   {func(p *peer) { p.phase, p.node, p.says = connected, newRemote(3).id, address(2) }, "http://10.0.0.1:80 is connected, but has not said that it lists this node"},
		"says so of an empty place": {func(p *peer) { p.phase, p.node, p.says = connected, newRemote(2).id, address(3) }, "http://10.0.0.1:80 is connected, but has not said that it lists this node"},
	} {
		h := newTestNode(t, 1, nil)
		h.welcome(newRemote(2))
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(1)})
		tc.alter(h.g.host.peers.byAddress[address(1)])
		h.now = h.now.Add(h.g.host.config.ConnectWait - 1)
		h.g.greeter.now = h.now
		h.g.host.timers.fireDue(h.now)
		if err, told := h.told[h.ids]; told {
			t.Errorf("%s: the client is told %v too soon", name, err)
		}
		h.now = h.now.Add(1)
		h.step(Wake{})
		if err := h.told[h.ids]; err == nil || err.Error() != tc.want {
			t.Errorf("%s: the client is told %q, want %q", name, err, tc.want)
		}
		if n := len(h.g.greeter.waiters); n != 0 {
			t.Errorf("%s: %d clients still wait", name, n)
		}
	}
}
