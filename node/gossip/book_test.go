package gossip

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Unix(1_700_000_000, 0)

func address(i int) Address {
	return Address(fmt.Sprintf("http://10.%d.%d.%d:80", i>>16&255, i>>8&255, i&255))
}

func all(*entry) bool { return true }

func newTestBook(most int, allow func(Address) bool) book {
	return newBook(Config{Address: "http://self:80", Allow: allow, Limits: Limits{Addresses: most}}.complete())
}

func TestBookAddressesFromOnePeerAreBounded(t *testing.T) {
	b := newTestBook(4096, nil)
	rng := rand.New(rand.NewPCG(1, 1))
	b.markConnected(address(1), NodeID{1}, start)
	for i := range 100_000 {
		b.learn(address(1000+i), "liar", rng)
	}
	if got := len(b.entries); got != perSource+1 {
		t.Errorf("%d addresses, want %d", got, perSource+1)
	}
	for i := range 100_000 {
		b.learn(address(200_000+i), fmt.Sprint("liar", i), rng)
	}
	if got := len(b.entries); got > 4096 {
		t.Errorf("%d addresses, want at most 4096", got)
	}
	if b.at[address(1)] == nil {
		t.Error("an address that was connected has been replaced by one that was not")
	}
}

func TestBookBackoff(t *testing.T) {
	for _, test := range []struct {
		name             string
		tried, kept      bool
		after3, afterAll time.Duration
		forgotten        bool
	}{
		{"never connected", false, false, 4 * time.Second, 0, true},
		{"connected before", true, false, 4 * time.Second, 15 * time.Second, false},
		{"kept", false, true, 4 * time.Second, 15 * time.Second, false},
	} {
		b := newTestBook(10, nil)
		a := address(7)
		b.learn(a, "", nil)
		if test.tried {
			b.markConnected(a, NodeID{1}, start)
		}
		if test.kept {
			b.keep(a)
		}
		for i := range 20 {
			b.markFailed(a, start, 0)
			if i == 2 {
				if wait := b.at[a].Next.Sub(start); wait != test.after3 {
					t.Errorf("%s: a backoff of %v after three failures, want %v", test.name, wait, test.after3)
				}
			}
		}
		e := b.at[a]
		if (e == nil) != test.forgotten {
			t.Errorf("%s: the address is forgotten: %v, want %v", test.name, e == nil, test.forgotten)
		}
		if e != nil && e.Next.Sub(start) != test.afterAll {
			t.Errorf("%s: a backoff of %v in the end, want %v", test.name, e.Next.Sub(start), test.afterAll)
		}
	}
}

func TestBookPick(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	b := newTestBook(100, func(a Address) bool { return a != address(9) })
	if a, _ := b.pick(start, rng, all); a != "" {
		t.Errorf("an empty book picks %s", a)
	}
	b.learn("http://self:80", "", rng)
	b.learn(address(9), "", rng)
	if len(b.entries) != 0 {
		t.Error("the node's own address, or one that is not allowed, is in the book")
	}
	b.markConnected(address(1), NodeID{1}, start)
	b.learn(address(2), "x", rng)
	picked := map[Address]int{}
	for range 1000 {
		a, _ := b.pick(start, rng, all)
		picked[a]++
	}
	if picked[address(1)] < 400 || picked[address(2)] < 400 {
		t.Errorf("picked %v, want both about equally often", picked)
	}
	b.keep(address(3))
	if a, _ := b.pick(start, rng, all); a != address(3) {
		t.Errorf("picked %s, want the kept address first", a)
	}
	b.markFailed(address(3), start, 0)
	b.markFailed(address(1), start, 5*time.Second)
	b.markFailed(address(2), start, 3*time.Second)
	if a, next := b.pick(start, rng, all); a != "" || next != start.Add(time.Second) {
		t.Errorf("picked %q, next at %v, want nothing before %v", a, next, start.Add(time.Second))
	}
}

// TestBookBounds checks that whatever happens, the book keeps within its limits and
// stays consistent.
func TestBookBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 20).Draw(t, "most")
		b := newTestBook(most, nil)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		now := start
		t.Repeat(map[string]func(*rapid.T){
			"heard": func(t *rapid.T) {
				b.learn(address(rapid.IntRange(0, 40).Draw(t, "a")), rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "from"), rng)
			},
			"keep":      func(t *rapid.T) { b.keep(address(rapid.IntRange(0, 40).Draw(t, "a"))) },
			"forget":    func(t *rapid.T) { b.forget(address(rapid.IntRange(0, 40).Draw(t, "a"))) },
			"connected": func(t *rapid.T) { b.markConnected(address(rapid.IntRange(0, 40).Draw(t, "a")), NodeID{1}, now) },
			"failed":    func(t *rapid.T) { b.markFailed(address(rapid.IntRange(0, 40).Draw(t, "a")), now, 0) },
			"time":      func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "s")) * time.Second) },
			"": func(t *rapid.T) {
				if len(b.entries) > most || len(b.entries) != len(b.at) {
					t.Fatalf("%d entries, %d in the map, want at most %d", len(b.entries), len(b.at), most)
				}
				told := map[string]int{}
				for i, e := range b.entries {
					if b.at[e.Address] != e || e.index != i {
						t.Fatalf("the entry of %s is not found, or has the wrong index", e.Address)
					}
					if e.source != "" {
						told[e.source]++
					}
				}
				if !maps.Equal(told, b.told) {
					t.Fatalf("the counts by source are %v, want %v", b.told, told)
				}
				if a, next := b.pick(now, rng, all); a == "" && !next.After(now) {
					t.Fatalf("nothing is picked, and the next attempt is not in the future")
				}
			},
		})
	})
}

func TestIDSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s idSet
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var added [][32]byte
		for range rapid.IntRange(0, 4*idSetSize).Draw(t, "n") {
			var id [32]byte
			for i := range 8 {
				id[i] = byte(rng.Uint32())
			}
			s.add(id)
			added = append(added, id)
			if len(s.young)+len(s.old) > 2*idSetSize {
				t.Fatalf("%d ids, want at most %d", len(s.young)+len(s.old), 2*idSetSize)
			}
		}
		for _, id := range added[max(0, len(added)-idSetSize):] {
			if !s.has(id) {
				t.Fatal("one of the latest ids is forgotten")
			}
		}
	})
}
