package gossip

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// guest connects a remote with the host. It comes from an IP address, and takes some
// time to answer.
func (h *testNode) guest(i int, from string, trip time.Duration) *remote {
	h.t.Helper()
	r := newRemote(i)
	if refusal := h.helloFrom(from, r); refusal != nil {
		h.t.Fatalf("guest %d from %s: %v", i, from, refusal)
	}
	h.now = h.now.Add(trip)
	h.proves(r, from)
	return r
}

// guestAt connects a remote with the host. It comes from an IP address.
func (h *testNode) guestAt(r *remote, from string) {
	h.t.Helper()
	if refusal := h.helloFrom(from, r); refusal != nil {
		h.t.Fatal(refusal)
	}
	h.proves(r, from)
}

// proves has a remote answer at its address.
func (h *testNode) proves(r *remote, from string) {
	h.t.Helper()
	s, hello := mustTake[Hello](h)
	r.given = hello.Session
	h.answerFrom(from, s, r.welcome(s))
	h.sends = slices.DeleteFunc(h.sends, func(s Send) bool { _, hello := s.Request.(Hello); return !hello })
}

func (h *testNode) has(r *remote) bool { return h.g.host.peers.byAddress[r.address] != nil }

// evictions returns how many peers had to make room.
func (h *testNode) evictions() (n int) {
	for _, note := range h.notes {
		if note.Reason == "evicted" {
			n++
		}
	}
	return n
}

// TestGuestsMakeRoom checks whose place a newcomer takes when a node is full.
func TestGuestsMakeRoom(t *testing.T) {
	many := func(sources ...string) (from []string) {
		for i := range 64 {
			from = append(from, sources[i%len(sources)])
		}
		return from
	}
	each := func(format string) (from []string) {
		for i := range 64 {
			from = append(from, fmt.Sprintf(format, i+1))
		}
		return from
	}
	for _, tc := range []struct {
		name     string
		from     []string // of the guests that are there
		newcomer string
		victim   int // the guest that has to make room; -1: none, the newcomer is refused
	}{
		{"from another network", many("10.1.0.1", "10.1.0.2", "10.2.0.1", "10.3.0.1"), "10.4.0.1", 61},
		{"from the network of the most", many("10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"), "10.1.0.5", 63},
		{"from where the most came", many("10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"), "10.1.0.1", -1},
		{"one of many networks", each("10.%d.0.1"), "10.99.0.1", -1},
		{"the second of its network", each("10.%d.0.1"), "10.1.0.2", -1},
		{"one of many in a network", each("10.1.0.%d"), "10.1.0.99", -1},
		{"from another network than many", each("10.1.0.%d"), "10.2.0.1", 63},
		{"from another network of IPv6", each("2001:db8:%d::1"), "2001:db9::1", 63},
		{"from the same network of IPv6", each("2001:db8:%d::1"), "2001:db8:99::1", -1},
		{"from this machine, when all are", many("127.0.0.1"), "127.0.0.1", -1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newTestNode(t, 1, func(c *Config) { c.Limits.InboundEach = 64 })
			var guests []*remote
			for i, from := range tc.from {
				guests = append(guests, h.guest(i+1, from, 10*time.Millisecond))
			}
			newcomer := newRemote(100)
			refusal := h.helloFrom(tc.newcomer, newcomer)
			if (refusal == nil) != (tc.victim >= 0) || refusal != nil && refusal.Reason != Full {
				t.Fatalf("the answer to the newcomer is %v, want a refusal: %v", refusal, tc.victim < 0)
			}
			for i, r := range guests {
				if h.has(r) == (i == tc.victim) {
					t.Errorf("guest %d from %s is there: %v, and guest %d is to make room", i, tc.from[i], h.has(r), tc.victim)
				}
			}
			if refusal == nil && !h.has(newcomer) {
				t.Error("the newcomer has no place")
			}
		})
	}
}

// TestUsefulGuestsAreSpared checks which guests keep their places even though they are
// of the largest group.
func TestUsefulGuestsAreSpared(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.InboundEach = 64 })
	var guests []*remote
	for i := range 64 {
		trip := 20 * time.Millisecond
		if i == 63 {
			trip = time.Millisecond
		}
		guests = append(guests, h.guest(i+1, "10.1.0.1", trip))
	}
	mined := mineOn(h.chain.Tip(), 1)
	h.incoming(guests[62].given, Announce{Blocks: []Announced{{Hash: mined.Hash()}}})
	s, _ := mustTake[GetBlocks](h)
	h.answer(s, Blocks{[]block.Block{mined}})
	tx := newTx(t, "x")
	h.incoming(guests[61].given, Announce{Txs: []pow.Hash{tx.ID()}})
	s, _ = mustTake[GetTxs](h)
	h.answer(s, Txs{[]block.Tx{tx}})

	// Newcomers of other networks take the places one by one, and no more than the
	// guests that are not spared.
	came := 0
	for i := range 64 {
		r := newRemote(200 + i)
		if refusal := h.helloFrom(fmt.Sprintf("10.%d.0.1", 2+i), r); refusal != nil {
			break
		}
		came++
		s, _ := mustTake[Hello](h)
		h.now = h.now.Add(20 * time.Millisecond)
		h.answerFrom("10.2.0.1", s, r.welcome(s))
		h.sends = nil
		for _, spared := range []int{0, 1, 2, 61, 62, 63} {
			if !h.has(guests[spared]) {
				t.Fatalf("guest %d had to make room for newcomer %d", spared, i)
			}
		}
	}
	if came < 16 {
		t.Errorf("%d newcomers have found room, want at least 16", came)
	}
	if n := h.evictions(); n != came {
		t.Errorf("%d peers had to make room for %d newcomers", n, came)
	}
}

// TestComingAgainEvictsNobody checks that those who come again and again from the same
// addresses displace nobody beyond an equal share of the places.
func TestComingAgainEvictsNobody(t *testing.T) {
	h := newTestNode(t, 1, nil)
	var honest []*remote
	for i := range 8 {
		honest = append(honest, h.guest(i+1, fmt.Sprintf("10.0.0.%d", i+1), 20*time.Millisecond))
	}
	for i := range 2000 {
		r := newRemote(100 + i)
		if h.helloFrom(fmt.Sprintf("10.%d.0.%d", 1+i%2, i%4), r) == nil {
			s, _ := mustTake[Hello](h)
			h.now = h.now.Add(time.Millisecond)
			h.answer(s, r.welcome(s))
		}
		h.sends = nil
	}
	for i, r := range honest {
		if !h.has(r) {
			t.Errorf("honest guest %d is gone", i)
		}
	}
	if n := h.evictions(); n > 0 {
		t.Errorf("%d peers had to make room for those who came again", n)
	}
}

// TestSlowGuestsMakeRoom checks that guests who do not answer cannot hold the places of
// those that are being checked, and that the calls to them stay bounded.
func TestSlowGuestsMakeRoom(t *testing.T) {
	h := newTestNode(t, 1, nil)
	for i := range maxGreeted {
		if refusal := h.helloFrom(fmt.Sprintf("10.0.0.%d", i%4+1), newRemote(i+1)); refusal != nil {
			t.Fatal(refusal)
		}
		h.now = h.now.Add(time.Millisecond)
	}
	if refusal := h.helloFrom("10.0.0.1", newRemote(50)); refusal == nil || refusal.Reason != Busy {
		t.Errorf("one more from the same address: %v, want %s", refusal, Busy)
	}
	if refusal := h.helloFrom("10.0.0.9", newRemote(60)); refusal != nil {
		t.Fatalf("an honest node is refused: %v", refusal)
	}
	if h.has(newRemote(1)) || !h.has(newRemote(2)) {
		t.Error("it is not the slowest of the guests that had to make room")
	}

	// Even if all come from different networks, the number of calls under way is bounded.
	for i := range 500 {
		_ = h.helloFrom(netip.AddrFrom4([4]byte{20, byte(i), byte(i >> 8), 1}).String(), newRemote(100+i))
		greeted := 0
		for _, p := range h.g.host.peers.all {
			if p.phase == checking {
				greeted++
			}
		}
		if greeted > maxGreeted || len(h.g.greeter.givenUp) > maxGivenUp {
			t.Fatalf("%d guests are being checked, and %d calls were given up", greeted, len(h.g.greeter.givenUp))
		}
	}
}

// TestChosenPeersKeepTheirPlaces checks that the peers of a node's own choice are no
// guests: they neither make room for others nor take the places of guests, wherever they
// came from.
func TestChosenPeersKeepTheirPlaces(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.Inbound, c.Limits.InboundEach = 2, 64 })
	var chosen []*remote
	for i := range 4 {
		r := h.guest(i+1, "10.1.0.1", time.Millisecond)
		h.g.host.peers.choose(h.g.host.peers.byAddress[r.address])
		chosen = append(chosen, r)
	}
	h.guest(10, "10.2.0.1", time.Millisecond)
	h.guest(11, "10.3.0.1", time.Millisecond)
	if n := h.evictions(); n != 0 {
		t.Errorf("%d peers had to make room although there were two places", n)
	}
	if refusal := h.helloFrom("10.4.0.1", newRemote(12)); refusal == nil || refusal.Reason != Full {
		t.Errorf("the answer to a third guest is %v, want that the node is full", refusal)
	}
	for i, r := range chosen {
		if !h.has(r) {
			t.Errorf("chosen peer %d had to make room", i)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	for source, want := range map[string]string{
		"10.1.2.3": "10.1.0.0/16", "127.1.2.3": "127.0.0.0/8", "2001:db8:1::2": "2001:db8::/32", "::1": "::/8",
	} {
		if got := networkOf(netip.MustParseAddr(source)); got.String() != want {
			t.Errorf("%s is of the network %s, want %s", source, got, want)
		}
	}
	if got := networkOf(netip.Addr{}); got.IsValid() {
		t.Errorf("a source that is not known is of the network %s", got)
	}
}
