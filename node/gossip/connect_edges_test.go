package gossip

import (
	"errors"
	"net/netip"
	"testing"
)

// TestBusyWithConnects checks how many clients may wait for connections.
func TestBusyWithConnects(t *testing.T) {
	h := newTestNode(t, 1, nil)
	for i := range maxWaiters + 1 {
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(1)})
		if err, told := h.told[h.ids]; told != (i == maxWaiters) || told && err == nil {
			t.Fatalf("client %d is told %v (at once: %v)", i, err, told)
		}
	}
	s, _ := mustTake[Hello](h)
	h.fail(s, errors.New("connection refused"))
	if len(h.told) != maxWaiters+1 {
		t.Errorf("%d clients are told the outcome, want %d", len(h.told), maxWaiters+1)
	}
	h.ids++
	h.step(Connect{ID: h.ids, Address: address(2)})
	if err, told := h.told[h.ids]; told {
		t.Errorf("when the others have left, a client is told %v at once", err)
	}
}

// TestClientsChooseABoundedNumber checks how many peers clients may choose, beyond those that
// the node chooses itself.
func TestClientsChooseABoundedNumber(t *testing.T) {
	for _, outbound := range []int{-1, 2} {
		h := newTestNode(t, 1, func(c *Config) { c.Limits.Outbound = outbound })
		most := max(0, outbound) + maxByHand
		for i := range most + 2 {
			h.ids++
			h.step(Connect{ID: h.ids, Address: address(i)})
			if err, told := h.told[h.ids]; told != (i >= most) || told && err == nil {
				t.Fatalf("with a bound of %d, client %d is told %v (at once: %v)", outbound, i, err, told)
			}
		}
		// Neither a peer that is there already nor a guest needs another place.
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(0)})
		if err, told := h.told[h.ids]; told {
			t.Errorf("a client that names a peer is told %v at once", err)
		}
		h.ids++
		h.step(Connect{ID: h.ids, Address: address(900), Heard: true, From: netip.MustParseAddr("10.3.0.9")})
		if err, told := h.told[h.ids]; told {
			t.Errorf("a client that may not choose is told %v at once", err)
		}
	}
}
