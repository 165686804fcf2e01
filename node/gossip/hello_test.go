package gossip

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// The trip of a peer is the shortest time from a hello to its answer, and never zero, which
// would mean that none was answered.
func TestTripIsTheShortest(t *testing.T) {
	h := newTestNode(t, 1, nil)
	r := newRemote(1)
	h.ids++
	h.step(Connect{ID: h.ids, Address: r.address})
	for _, tc := range []struct{ takes, want time.Duration }{
		{300 * time.Millisecond, 300 * time.Millisecond},
		{100 * time.Millisecond, 100 * time.Millisecond},
		{200 * time.Millisecond, 100 * time.Millisecond},
		{0, 1},
	} {
		s, _ := mustTake[Hello](h)
		h.now = h.now.Add(tc.takes)
		h.answer(s, r.welcome(s))
		if peers := h.g.Peers(); len(peers) != 1 || peers[0].Trip != tc.want {
			t.Fatalf("after an answer that took %v the peers are %+v, want a trip of %v", tc.takes, peers, tc.want)
		}
		h.now = h.now.Add(2 * h.g.host.config.HelloEvery)
		h.step(Wake{})
	}
}

// Hellos come every HelloEvery, give or take a quarter, and the whole of that range is used.
func TestHelloEvery(t *testing.T) {
	g := newTestNode(t, 1, nil).g.greeter
	every := g.config.HelloEvery
	least, most := time.Hour, time.Duration(0)
	for range 10_000 {
		d := g.nextHello().Sub(g.now)
		least, most = min(least, d), max(most, d)
	}
	if slack := every / 100; least < every*3/4 || least > every*3/4+slack || most > every*5/4 || most < every*5/4-slack {
		t.Errorf("the next hello follows after %v to %v, want %v give or take a quarter", least, most, every)
	}
}

// An address whose node has refused this one is left alone for the time that the node has
// given, and one of another network or version for long.
func TestRefusedAddressIsLeftAlone(t *testing.T) {
	const given = 7 * time.Minute
	for reason, want := range map[RefusalReason]time.Duration{
		WrongNetwork: time.Hour, WrongVersion: time.Hour, Full: given, Busy: given, Banned: given,
	} {
		t.Run(string(reason), func(t *testing.T) {
			h := newTestNode(t, 1, func(c *Config) { c.Book = []Entry{{Address: address(1)}} })
			s, _ := mustTake[Hello](h)
			r := refuse(reason, "not you")
			r.RetryAfter = given
			h.fail(s, *r)
			begin := h.now
			for ; h.now.Sub(begin) < want; h.now = h.now.Add(time.Second) {
				h.step(Wake{})
				if s, _, ok := take[Hello](h); ok {
					t.Fatalf("%s is called again after %v, want %v", s.To, h.now.Sub(begin), want)
				}
			}
			h.now = h.now.Add(2 * time.Second)
			h.step(Wake{})
			if s, _ := mustTake[Hello](h); s.To != address(1) {
				t.Errorf("%s is called", s.To)
			}
		})
	}
}

// A client who connects with a node of another network is told who says so, because the
// node calls itself "this node".
func TestRefusalSaysWhoSpeaks(t *testing.T) {
	for reason, want := range map[RefusalReason]bool{WrongNetwork: true, WrongVersion: true, Full: false} {
		h := newTestNode(t, 1, nil)
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(1)})
		s, _ := mustTake[Hello](h)
		h.fail(s, *refuse(reason, "this node is special"))
		if err := h.told[h.ids]; err == nil || strings.Contains(err.Error(), "the node there says: this node is special") != want {
			t.Errorf("%s: the outcome is %v, want the speaker named: %v", reason, err, want)
		}
	}
}

// A full node is asked for other addresses, unless this node knows many.
func TestFullNodeIsAskedForOthers(t *testing.T) {
	for _, known := range []int{0, poorBook} {
		h := newTestNode(t, 1, func(c *Config) {
			for i := range known {
				c.Book = append(c.Book, Entry{Address: address(100 + i), Next: start.Add(time.Hour)})
			}
		})
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(1), Keep: true})
		i := slices.IndexFunc(h.sends, func(s Send) bool { return s.To == address(1) })
		h.fail(h.sends[i], *refuse(Full, "no room"))
		if _, _, asked := take[GetAddresses](h); asked != (known == 0) {
			t.Errorf("with %d addresses in the book, a full node is asked for more: %v", known, asked)
		}
	}
}

// An address at which something other than a node answers is not kept, no matter who asked.
func TestNotNodeIsNotKeptByHand(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(1), Keep: true})
	s, _ := mustTake[Hello](h)
	h.fail(s, NotNode{What: "is a web server"})
	var no NotNode
	if err := h.told[h.ids]; !errors.As(err, &no) {
		t.Errorf("the outcome is %v", err)
	}
	if h.g.host.book.isKept(address(1)) {
		t.Error("the address is kept")
	}
}
