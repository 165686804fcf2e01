package gossip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// These tests are about whom an address counts for: the host that has sent it, that host's
// group, and the operator or client who has chosen it.

// TestAddressesOfOneNetworkCountTogether checks that the addresses of an IPv6 /64, which one
// host can use as it likes, count for one host.
func TestAddressesOfOneNetworkCountTogether(t *testing.T) {
	b := newTestBook(4096, nil)
	for i := range 2 * perSource {
		b.learn(address(i), fmt.Sprintf("2a00:1450::%x", i+1), nil)
	}
	if len(b.at) != perSource {
		t.Errorf("%d addresses came from one /64, want %d", len(b.at), perSource)
	}
	b.learn(address(1000), "2a00:1450:0:1::1", nil)
	if b.at[address(1000)] == nil {
		t.Error("an address from another /64 has no room")
	}
}

// TestFullGroupTakesFromItself checks that an address of a group that has all its places
// displaces one of that group, also if a host of another group has more.
func TestFullGroupTakesFromItself(t *testing.T) {
	b := newTestBook(4096, nil)
	for i := range perSource {
		b.learn(address(1000+i), "10.1.0.1", nil)
	}
	for i := range perSourceGroup {
		b.learn(address(i), fmt.Sprintf("10.0.%d.1", i), nil)
	}
	b.learn("http://node.example:80", "10.0.0.200", nil)
	if b.at["http://node.example:80"] == nil || b.news.hosts.count("10.1.0.1") != perSource || b.news.groups.count("10.0.0.0/16") != perSourceGroup {
		t.Errorf("the other host has %d addresses, the group %d, want %d and %d", b.news.hosts.count("10.1.0.1"), b.news.groups.count("10.0.0.0/16"), perSource, perSourceGroup)
	}
}

// TestDisplacedAddressIsRandom checks that nobody knows beforehand which address is displaced.
func TestDisplacedAddressIsRandom(t *testing.T) {
	displaced := map[Address]bool{}
	for seed := range uint64(20) {
		b := newTestBook(10, nil)
		for i := range 10 {
			b.learn(address(i), "10.0.0.1", nil)
		}
		b.learn("http://node.example:80", "10.1.0.1", rand.New(rand.NewPCG(seed, 1)))
		for i := range 10 {
			if b.at[address(i)] == nil {
				displaced[address(i)] = true
			}
		}
	}
	if len(displaced) < 3 {
		t.Errorf("of ten addresses only %d were ever displaced", len(displaced))
	}
}

// TestGroupsTakeTurns checks that an address of a group with one host is dialled as soon as
// those of a group with many.
func TestGroupsTakeTurns(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		b := newTestBook(4096, nil)
		for i := range 100 {
			b.learn(address(i), fmt.Sprintf("10.9.%d.1", i), rng)
		}
		honest := Address("http://10.3.200.1:80")
		b.learn(honest, "10.3.200.1", rng)
		taken := map[Address]bool{}
		for !taken[honest] {
			a, _ := b.pick(start, rng, func(e *entry) bool { return !taken[e.Address] })
			taken[a] = true
		}
		if len(taken) > 2 {
			t.Errorf("seed %d: the address of the other group is number %d, want at most 2", seed, len(taken))
		}
	}
}

// TestHostsHaveEqualOdds checks that of two hosts that have had as many turns, each is chosen
// about as often, however many addresses have come from it.
func TestHostsHaveEqualOdds(t *testing.T) {
	chosen := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		b := newTestBook(4096, nil)
		for i := range perSource {
			b.learn(address(i), "10.9.0.1", rng)
		}
		b.learn("http://node.example:80", "10.9.0.2", rng)
		if a, _ := b.pick(start, rng, all); a == "http://node.example:80" {
			chosen++
		}
	}
	if chosen < 60 || chosen > 140 {
		t.Errorf("the host with one address is chosen %d times of 200, want about 100", chosen)
	}
}

// TestNewHostTakesItsTurn checks that a host whose first address comes late neither waits for
// all others nor goes before them until it has had as many turns.
func TestNewHostTakesItsTurn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	b := newTestBook(4096, nil)
	b.learn(address(1), "10.9.0.1", rng)
	b.learn(address(2), "10.9.0.2", rng)
	for range 20 {
		b.pick(start, rng, all)
	}
	b.learn(address(3), "10.9.0.3", rng)
	picked := map[Address]int{}
	for range 6 {
		a, _ := b.pick(start, rng, all)
		picked[a]++
	}
	if n := picked[address(3)]; n < 2 || n > 3 {
		t.Errorf("of the next six turns the new host has %d, want 2 or 3", n)
	}
}

// TestChosenAddresses checks which addresses count as chosen, and that these are believed.
func TestChosenAddresses(t *testing.T) {
	const loopback = "http://127.0.0.1:80"
	b := newTestBook(100, nil)
	if b.isChosen(loopback) || b.believes(loopback, netip.Addr{}) {
		t.Error("an address that nobody has chosen is chosen, or believed")
	}
	b.learn(loopback, "x", nil)
	if b.isChosen(loopback) || b.believes(loopback, netip.Addr{}) {
		t.Error("an address that was heard is chosen, or believed")
	}
	b.choose(loopback)
	if !b.isChosen(loopback) || !b.believes(loopback, netip.Addr{}) {
		t.Error("a chosen address is not chosen, or not believed")
	}
}

// TestOwnAddressIsNotKept checks that a client cannot have the node keep its own address.
func TestOwnAddressIsNotKept(t *testing.T) {
	b := newTestBook(100, nil)
	b.keepByHand("http://10.255.0.1:80")
	if len(b.at) != 0 {
		t.Error("the node's own address is in the book")
	}
}

// TestSmallBookHasATriedAddress checks that there is room for one tried address in the
// smallest book.
func TestSmallBookHasATriedAddress(t *testing.T) {
	b := newTestBook(1, nil)
	b.try(address(1), NodeID{1}, start)
	if e := b.at[address(1)]; e == nil || !e.Tried {
		t.Errorf("the entry is %+v, want a tried one", e)
	}
}
