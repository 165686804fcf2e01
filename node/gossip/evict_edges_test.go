package gossip

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// These tests are about the edges of the choice of the guest that makes room.

// TestSparedGuests checks exactly which of 64 guests are spared: those with the shortest
// trips, with the latest blocks and with the latest transactions, and of the others those
// that have been here longest. What is not known of a guest spares it from nothing.
func TestSparedGuests(t *testing.T) {
	span := func(from, to int) (list []int) {
		for i := from; i <= to; i++ {
			list = append(list, i)
		}
		return list
	}
	var guests []*peer
	for i := range 64 {
		p := &peer{address: address(i), phase: connected, met: start.Add(time.Duration(i) * time.Second)}
		switch {
		case i < 5:
			p.phase = checking
		case 30 <= i && i < 34:
			p.brought.tx = start.Add(time.Duration(i) * time.Second)
		case 40 <= i && i < 50:
			p.brought.trip = time.Duration(i) * time.Millisecond
		case 50 <= i && i < 60:
			p.brought.block = start.Add(time.Duration(i) * time.Second)
		case 60 <= i:
			p.brought.tx = start.Add(time.Duration(i) * time.Second)
		}
		guests = append(guests, p)
	}
	// 40 to 47 are nearest, 52 to 59 and 60 to 63 have brought the latest blocks and
	// transactions, and of the 44 that are left, 5 to 26 are the older half.
	for _, tc := range []struct {
		name  string
		alter func(*peer) // nil: only the first 60 guests are there
		want  []int       // the guests that may have to make room
	}{
		{"only 60 of them", nil, slices.Concat(span(0, 4), span(26, 30), span(34, 39), span(47, 52))},
		{"as it is", func(*peer) {}, slices.Concat(span(0, 4), span(27, 39), span(48, 51))},
		{"no trips are known", func(p *peer) { p.brought.trip = 0 }, slices.Concat(span(0, 4), span(31, 51))},
		{"no blocks came", func(p *peer) { p.brought.block = time.Time{} }, slices.Concat(span(0, 4), span(31, 39), span(48, 59))},
		{"no transactions came", func(p *peer) { p.brought.tx = time.Time{} }, slices.Concat(span(0, 4), span(29, 39), span(48, 51), span(60, 63))},
		{"none has answered", func(p *peer) { p.phase = checking }, slices.Concat(span(0, 39), span(48, 51))},
	} {
		var altered []*peer
		for i, p := range guests {
			q := *p
			if tc.alter == nil && i >= 60 {
				break
			} else if tc.alter != nil {
				tc.alter(&q)
			}
			altered = append(altered, &q)
		}
		var got []int
		for _, p := range notSpared(altered) {
			got = append(got, slices.Index(altered, p))
		}
		if slices.Sort(got); !slices.Equal(got, tc.want) {
			t.Errorf("%s: the guests that are not spared are %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestNoGuests checks that a node that wants no guests takes none, and that one that wants
// one takes one.
func TestNoGuests(t *testing.T) {
	for inbound, room := range map[int]int{-1: 0, 1: 1, 2: 2} {
		h := newTestNode(t, 1, func(c *Config) { c.Limits.Inbound = inbound })
		for i := range 3 {
			r := newRemote(i + 1)
			refusal := h.helloFrom(fmt.Sprintf("10.%d.0.1", i), r)
			if (refusal == nil) != (i < room) || refusal != nil && refusal.Reason != Full {
				t.Errorf("with a bound of %d, the answer to guest %d is %v", inbound, i, refusal)
			}
			if refusal == nil {
				h.proves(r, fmt.Sprintf("10.%d.0.1", i))
			}
		}
	}
}

// TestOneGuestMakesRoomForOne checks that if a node is full, and has too many guests that
// have not answered yet as well, one guest makes room: the one that has kept it waiting.
func TestOneGuestMakesRoomForOne(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.Inbound = maxGreeted })
	for i := range maxGreeted {
		if refusal := h.helloFrom(fmt.Sprintf("10.0.0.%d", i%4+1), newRemote(i+1)); refusal != nil {
			t.Fatal(refusal)
		}
		h.now = h.now.Add(time.Millisecond)
	}
	if refusal := h.helloFrom("10.1.0.1", newRemote(60)); refusal != nil {
		t.Fatal(refusal)
	}
	for i := range maxGreeted {
		if h.has(newRemote(i+1)) != (i > 0) {
			t.Errorf("guest %d is there: %v", i, i == 0)
		}
	}
	if n := h.evictions(); n != 1 {
		t.Errorf("%d guests have made room for one", n)
	}
}

// TestCallsThatWereGivenUp checks that guests that have not answered make room only for as
// many others as calls to them may be under way, and for others again when these have ended.
func TestCallsThatWereGivenUp(t *testing.T) {
	h := newTestNode(t, 1, nil)
	n, networks := 0, 0
	come := func(from string) *Refusal { n++; return h.helloFrom(from, newRemote(n)) }
	newcomer := func() *Refusal { networks++; return come(fmt.Sprintf("20.%d.0.1", networks)) }
	for givenUp := 0; givenUp < maxGivenUp; {
		for i := range maxGreeted {
			if refusal := come(fmt.Sprintf("10.%d.0.%d", givenUp, i%maxGreetedEach+1)); refusal != nil {
				t.Fatal(refusal)
			}
		}
		for range min(maxGreeted-1, maxGivenUp-givenUp) {
			if refusal := newcomer(); refusal != nil {
				t.Fatalf("after %d calls were given up: %v", givenUp, refusal)
			}
			givenUp++
		}
		for i := 1; givenUp < maxGivenUp && i <= n; i++ { // those who have kept their places answer
			j := slices.IndexFunc(h.sends, func(s Send) bool { _, hello := s.Request.(Hello); return hello && s.To == address(i) })
			if j >= 0 {
				s := h.sends[j]
				h.answer(s, newRemote(i).welcome(s))
			}
		}
		h.sends = nil
	}
	for _, step := range []struct {
		wait time.Duration
		room bool
	}{{0, false}, {h.g.host.config.HelloTimeout - 1, false}, {1, true}} {
		h.now = h.now.Add(step.wait)
		if refusal := newcomer(); (refusal == nil) != step.room || refusal != nil && refusal.Reason != Busy {
			t.Errorf("%v after the last call was given up, the answer to one more is %v", h.now.Sub(start), refusal)
		}
	}
}

// TestEvictedGuestIsLeftAlone checks that the address of a guest that had to make room is
// not dialled at once.
func TestEvictedGuestIsLeftAlone(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) { c.Limits.Inbound, c.Limits.InboundEach = 4, 4 })
	var guests []*remote
	for i := range 4 {
		guests = append(guests, h.guest(i+1, "10.1.0.1", time.Millisecond))
	}
	if refusal := h.helloFrom("10.2.0.1", newRemote(60)); refusal != nil {
		t.Fatal(refusal)
	}
	for i, r := range guests {
		e := h.g.host.book.at[r.address]
		want := time.Duration(0)
		if i == 3 {
			want = h.g.host.config.FullRetry
		}
		if e == nil || h.has(r) != (want == 0) || want > 0 && e.Next.Sub(h.now) != want {
			t.Errorf("guest %d: %+v, want a wait of %v", i, e, want)
		}
	}
}
