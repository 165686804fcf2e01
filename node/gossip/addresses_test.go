package gossip

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestAddressesThatAreTold checks which addresses this node tells others, and how many.
func TestAddressesThatAreTold(t *testing.T) {
	h := newTestNode(t, 1, nil)
	book := &h.g.host.book
	proven, dialled, tried, failed, heard := address(1), address(2), address(3), address(4), address(5)
	h.g.host.peers.add(&peer{address: proven, phase: oneWay, ours: Session{1}})
	h.g.host.peers.add(&peer{address: dialled, phase: dialling, ours: Session{2}})
	for _, a := range []Address{proven, dialled, tried, failed} {
		book.try(a, NodeID{1}, start)
	}
	book.markFailed(failed, start, 0)
	book.learn(heard, "", nil)
	if got := h.g.Addresses().Addresses; !slices.Equal(got, []Address{proven, tried}) {
		t.Errorf("the addresses are %v, want the peer's and one that was dialled", got)
	}
	for i := range 2 * MaxAddresses {
		book.try(Address(fmt.Sprintf("http://172.%d.%d.1:80", i>>6, i&63)), NodeID{1}, start)
	}
	first := h.g.Addresses().Addresses
	if len(first) != MaxAddresses || first[0] != proven {
		t.Errorf("%d addresses are told, the first is %s, want %d and the peer's", len(first), first[0], MaxAddresses)
	}
	if again := h.g.Addresses().Addresses; slices.Equal(first, again) {
		t.Error("the addresses are told in the same order again")
	}
}

// TestAddressesAreAskedInTime checks how soon a peer is asked for addresses again: sooner if
// this node has too few peers and knows few addresses.
func TestAddressesAreAskedInTime(t *testing.T) {
	for _, tc := range []struct {
		name     string
		outbound int // the bound; there is one such peer
		known    int
		want     time.Duration
	}{
		{"few peers, few addresses", 2, 0, time.Minute},
		{"few peers, many addresses", 2, poorBook, 10 * time.Minute},
		{"enough peers", 1, 0, 10 * time.Minute},
	} {
		h := newTestNode(t, 1, func(c *Config) { c.Limits.Outbound = tc.outbound })
		h.join(newRemote(1))
		for i := range tc.known {
			h.g.host.book.learn(Address(fmt.Sprintf("http://172.16.%d.1:80", i)), fmt.Sprintf("172.16.%d.1", i), nil)
		}
		p := h.g.host.peers.byAddress[address(1)]
		for _, step := range []struct {
			after time.Duration
			asked bool
		}{{tc.want - 1, false}, {tc.want, true}} {
			h.g.host.effects = h.g.host.effects[:0]
			h.g.host.now = p.addresses.Add(step.after)
			h.g.greeter.askAddresses(p)
			if asked := len(h.g.host.effects) > 0; asked != step.asked {
				t.Errorf("%s: after %v the peer is asked: %v, want %v", tc.name, step.after, asked, step.asked)
			}
		}
	}
}

// TestAddressesThatAreHeard checks that of the list of a peer no more than the bound is
// taken, and that a list that does not come counts as a failure.
func TestAddressesThatAreHeard(t *testing.T) {
	h := newTestNode(t, 1, nil)
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(1)})
	s, _ := mustTake[Hello](h)
	h.answer(s, newRemote(1).welcome(s))
	s, _ = mustTake[GetAddresses](h)
	h.fail(s, errors.New("timeout"))
	if got := h.g.host.peers.byAddress[address(1)].fails; got != 1 {
		t.Errorf("%d failures are counted, want 1", got)
	}
	for _, junk := range []int{MaxAddresses - 1, MaxAddresses} {
		list := Addresses{}
		for range junk {
			list.Addresses = append(list.Addresses, "nonsense")
		}
		a := address(1000 + junk)
		list.Addresses = append(list.Addresses, a)
		h.run(func() []Event { h.g.greeter.onAddresses(address(1), list); return []Event{Wake{}} })
		if got, want := h.g.host.book.at[a] != nil, junk < MaxAddresses; got != want {
			t.Errorf("address number %d of a list is taken: %v, want %v", junk+1, got, want)
		}
	}
}
