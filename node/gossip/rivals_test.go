package gossip

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRivalIsOfTheCrowd checks with which tried address a new one competes: with one of its
// own host if that has all its places, with one of its own group if that has, and else with
// one of the host that has the most.
func TestRivalIsOfTheCrowd(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	host := func(name string, count int) (list []Address) {
		for i := range count {
			list = append(list, Address(fmt.Sprintf("http://%s:%d", name, 1000+i)))
		}
		return list
	}
	var group []Address // with one address for each of its hosts
	for i := range triedOfGroup {
		group = append(group, Address(fmt.Sprintf("http://10.1.1.%d:80", i)))
	}
	for _, tc := range []struct {
		name  string
		most  int // entries of the book; tried ones at most a quarter
		tried []Address
		a     Address
		want  []Address // of which one is the rival
	}{
		{"its host is full", 4096, slices.Concat(host("10.2.0.1", triedOfHost), host("10.1.0.1", triedOfHost)), "http://10.1.0.1:80", host("10.1.0.1", triedOfHost)},
		{"its group is full", 4096, slices.Concat(host("10.2.0.1", triedOfHost), group), "http://10.1.2.1:80", group},
		{"all places are taken", 4 * 5, slices.Concat(host("10.1.0.1", 2), host("10.2.0.1", 3)), "http://10.3.0.1:80", host("10.2.0.1", 3)},
		{"all places are taken, by one each", 4 * 2, []Address{"http://10.1.0.1:80", "http://10.2.0.1:80"}, "http://10.3.0.1:80", []Address{"http://10.1.0.1:80", "http://10.2.0.1:80"}},
	} {
		b := newTestBook(tc.most, nil)
		for _, a := range tc.tried {
			b.try(a, NodeID{1}, start)
			if !b.at[a].Tried {
				t.Fatalf("%s: there is no room for %s", tc.name, a)
			}
		}
		b.markSeen(tc.a, NodeID{1}, "", start, rng)
		for range 20 {
			if got := b.markTried(tc.a, rng); !slices.Contains(tc.want, got) {
				t.Errorf("%s: %s competes with %q", tc.name, tc.a, got)
			}
		}
	}
}

// TestReplaceRivals checks that an address takes the place of its rival only as long as the
// rival is a tried address, and it itself a new one for which there is room.
func TestReplaceRivals(t *testing.T) {
	old, a := Address("http://10.1.0.1:80"), Address("http://10.2.0.1:80")
	for _, tc := range []struct {
		name              string
		alter             func(*book) // after the call of the rival has begun
		oldStays, isTried bool
	}{
		{"as it was", func(*book) {}, false, true},
		{"the rival was forgotten", func(b *book) { b.forget(old) }, false, true},
		{"the rival was forgotten and heard of again", func(b *book) { b.forget(old); b.learn(old, "x", nil) }, true, true},
		{"the rival is kept", func(b *book) { b.keep(old) }, true, true},
		{"the address was forgotten", func(b *book) { b.forget(a) }, false, false},
		{"the address is kept", func(b *book) { b.keep(a) }, false, false},
		{"another has taken the place", func(b *book) { b.forget(old); b.try("http://10.3.0.1:80", NodeID{1}, start) }, false, false},
	} {
		b := newTestBook(4, nil) // with room for one tried address
		b.try(old, NodeID{1}, start)
		b.learn(a, "x", nil)
		tc.alter(&b)
		b.replace(old, a)
		if stays := b.at[old] != nil; stays != tc.oldStays {
			t.Errorf("%s: the rival stays: %v, want %v", tc.name, stays, tc.oldStays)
		}
		if e := b.at[a]; (e != nil && e.Tried && e.in == b.tried) != tc.isTried || e != nil && e.kept && e.in != b.kept {
			t.Errorf("%s: the entry is %+v, want a tried one: %v", tc.name, e, tc.isTried)
		}
	}
}

// TestKeptAddressIsTried checks that a kept address is marked as tried, and stays kept.
func TestKeptAddressIsTried(t *testing.T) {
	b := newTestBook(100, nil)
	b.keep(address(1))
	b.try(address(1), NodeID{1}, start)
	if e := b.at[address(1)]; !e.Tried || !e.kept || e.in != b.kept {
		t.Errorf("the entry is %+v, want a kept one that was tried", e.Entry)
	}
}

// TestAnchorsRemain checks which earlier anchors remain when there are fewer good peers.
func TestAnchorsRemain(t *testing.T) {
	one, two, three := address(1), address(2), address(3)
	for _, tc := range []struct{ before, best, want []Address }{
		{[]Address{one, two}, []Address{one}, []Address{one, two}},
		{[]Address{one, two}, []Address{two}, []Address{one, two}},
		{[]Address{one, two}, []Address{three}, []Address{one, three}},
		{[]Address{one, two}, nil, []Address{one, two}},
		{[]Address{one}, []Address{two, three}, []Address{two, three}},
		{nil, []Address{two}, []Address{two}},
	} {
		b := newTestBook(100, nil)
		for _, a := range []Address{one, two, three} {
			b.try(a, NodeID{1}, start)
		}
		b.setAnchors(tc.before)
		b.setAnchors(tc.best)
		var got []Address
		for _, e := range b.all() {
			if e.Anchor {
				got = append(got, e.Address)
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("after %v and then %v the anchors are %v, want %v", tc.before, tc.best, got, tc.want)
		}
	}
}
