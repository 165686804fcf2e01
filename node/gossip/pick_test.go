package gossip

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestPickPrefers checks the order of what is dialled first: an anchor, then a kept address,
// then the others; but one that has failed has no advantage.
func TestPickPrefers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	anchor, kept, other := address(1), address(2), address(3)
	for _, tc := range []struct {
		name   string
		failed []Address
		want   []Address // that are picked
	}{
		{"all are well", nil, []Address{anchor}},
		{"the anchor has failed", []Address{anchor}, []Address{kept}},
		{"both have failed", []Address{anchor, kept}, []Address{anchor, kept, other}},
	} {
		b := newTestBook(100, nil)
		b.keep(kept)
		b.try(anchor, NodeID{1}, start)
		b.learn(other, "x", rng)
		b.setAnchors([]Address{anchor})
		for _, a := range tc.failed {
			b.markFailed(a, start.Add(-time.Hour), 0)
		}
		var picked []Address
		for range 200 {
			if a, _ := b.pick(start, rng, all); !slices.Contains(picked, a) {
				picked = append(picked, a)
			}
		}
		if slices.Sort(picked); !slices.Equal(picked, tc.want) {
			t.Errorf("%s: picked %v, want %v", tc.name, picked, tc.want)
		}
	}
	// Both are kept, and the first of them is an anchor as well: the second one does not take its turn.
	b := newTestBook(100, nil)
	first, second := address(2), address(1)
	b.keep(first)
	b.keep(second)
	b.at[first].Anchor = true
	if a, _ := b.pick(start, rng, all); a != first {
		t.Errorf("picked %s, want the anchor", a)
	}
}

// TestPickSaysWhenToTryAgain checks that the next look is when the first address is due, but
// no later than after DialEvery, and that addresses that are not free do not count.
func TestPickSaysWhenToTryAgain(t *testing.T) {
	for _, tc := range []struct {
		waits []time.Duration
		want  time.Duration
	}{
		{nil, time.Minute},
		{[]time.Duration{30 * time.Second, 20 * time.Second, 40 * time.Second}, 20 * time.Second},
		{[]time.Duration{time.Hour}, time.Minute},
	} {
		b := newTestBook(100, nil)
		for i, wait := range tc.waits {
			b.learn(address(i), "", nil)
			b.at[address(i)].Next = start.Add(wait)
		}
		b.learn(address(99), "", nil) // is not free
		a, next := b.pick(start, nil, func(e *entry) bool { return e.Address != address(99) })
		if a != "" || next.Sub(start) != tc.want {
			t.Errorf("%v: picked %q, next after %v, want %v", tc.waits, a, next.Sub(start), tc.want)
		}
	}
	b := newTestBook(100, nil)
	b.learn(address(1), "", nil)
	b.at[address(1)].Next = start
	if a, _ := b.pick(start, rand.New(rand.NewPCG(1, 1)), all); a != address(1) {
		t.Error("an address is not due at its time")
	}
}
