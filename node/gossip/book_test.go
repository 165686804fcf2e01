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
	return newBook(Config{Address: "http://10.255.0.1:80", Allow: allow, Limits: Limits{Addresses: most}}.complete())
}

// try records that the node has dialled an address by its own choice.
func (b *book) try(a Address, n NodeID, now time.Time) {
	rng := rand.New(rand.NewPCG(3, 3))
	b.markSeen(a, n, "", now, rng)
	b.markTried(a, rng)
}

func TestBookAddressesFromOnePeerAreBounded(t *testing.T) {
	b := newTestBook(4096, nil)
	rng := rand.New(rand.NewPCG(1, 1))
	b.try(address(1), NodeID{1}, start)
	for i := range 1000 {
		b.learn(address(1000+i), "10.0.0.1", rng)
	}
	if got := len(b.at); got != perSource+1 {
		t.Errorf("%d addresses from one host, want %d", got, perSource+1)
	}
	for i := range 20_000 {
		b.learn(address(200_000+i), fmt.Sprintf("10.0.%d.%d", i>>8&255, i&255), rng)
	}
	if got := len(b.at); got != perSourceGroup+1 {
		t.Errorf("%d addresses from the hosts of one group, want %d", got, perSourceGroup+1)
	}
	b.learn("http://honest:80", "10.0.255.255", rng)
	if b.at["http://honest:80"] == nil {
		t.Error("a group of hosts that has all its places keeps out what another of its hosts has sent")
	}
	for i := range 20_000 {
		b.learn(address(400_000+i), fmt.Sprintf("172.%d.%d.1", i>>8&255, i&255), rng)
	}
	if got := len(b.at); got != 4096 {
		t.Errorf("%d addresses, want 4096", got)
	}
	if b.at[address(1)] == nil {
		t.Error("an address that was tried has been replaced by one that was not")
	}
}

// TestBookTriedAddressesAreBounded checks that there is room for few tried addresses
// of one host and of one group, and that a new one takes the place of another only
// where nobody answers any more.
func TestBookTriedAddressesAreBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	b := newTestBook(4096, nil)
	tried := func(a Address) Address {
		b.markSeen(a, NodeID{1}, "", start, rng)
		return b.markTried(a, rng)
	}
	for i := range triedOfHost + 1 {
		rival := tried(Address(fmt.Sprintf("http://10.1.0.1:%d", 1000+i)))
		if (rival != "") != (i == triedOfHost) {
			t.Fatalf("address %d of one host competes with %q", i, rival)
		}
	}
	var rival Address
	for i := range triedOfGroup {
		rival = tried(Address(fmt.Sprintf("http://10.1.1.%d:80", i)))
		if want := i >= triedOfGroup-triedOfHost; (rival != "") != want {
			t.Fatalf("address %d of one group competes with %q", i, rival)
		}
	}
	last := Address(fmt.Sprintf("http://10.1.1.%d:80", triedOfGroup-1))
	if b.at[last].Tried || !b.at[rival].Tried {
		t.Error("an address has taken the place of another that was not called before")
	}
	if len(b.tried.entries) != triedOfGroup {
		t.Errorf("%d tried addresses of one group, want %d", len(b.tried.entries), triedOfGroup)
	}
	b.replace(rival, last)
	if b.at[rival] != nil || !b.at[last].Tried || len(b.tried.entries) != triedOfGroup {
		t.Error("an address has not taken the place of another at which nobody answers")
	}
	if rival := tried("http://10.2.0.1:80"); rival != "" {
		t.Errorf("an address of another group competes with %q", rival)
	}
	for i := range 2000 {
		tried(Address(fmt.Sprintf("http://172.%d.%d.1:80", i>>6, i&63)))
	}
	if got := len(b.tried.entries); got != 4096/triedPart {
		t.Errorf("%d tried addresses, want %d", got, 4096/triedPart)
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
			b.try(a, NodeID{1}, start)
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
	b.learn("http://10.255.0.1:80", "", rng)
	b.learn(address(9), "", rng)
	if len(b.at) != 0 {
		t.Error("the node's own address, or one that is not allowed, is in the book")
	}
	b.try(address(1), NodeID{1}, start)
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
	b.setAnchors([]Address{address(1)})
	if a, _ := b.pick(start, rng, all); a != address(1) {
		t.Errorf("picked %s, want the anchor first", a)
	}
	b.markFailed(address(3), start, 0)
	b.markFailed(address(1), start, 5*time.Second)
	b.markFailed(address(2), start, 3*time.Second)
	if a, next := b.pick(start, rng, all); a != "" || next != start.Add(time.Second) {
		t.Errorf("picked %q, next at %v, want nothing before %v", a, next, start.Add(time.Second))
	}
}

// TestBookTakesTurns checks that the groups that have sent addresses take turns, and
// in a group its hosts do, so that an address is picked soon whose sender has named no
// other, however many others have named.
func TestBookTakesTurns(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		b := newTestBook(4096, nil)
		const hosts = 16
		for i := range hosts * perSource {
			b.learn(Address(fmt.Sprintf("http://10.9.%d.%d:%d", i%hosts, i%250, 1000+i)), fmt.Sprintf("10.%d.0.%d", i%4, i%hosts), rng)
		}
		honest := Address("http://10.3.200.1:80")
		b.learn(honest, "10.3.200.1", rng)
		taken := map[Address]bool{}
		for !taken[honest] {
			a, _ := b.pick(start, rng, func(e *entry) bool { return !taken[e.Address] })
			taken[a] = true
		}
		if len(taken) > 4*(hosts/4+1) {
			t.Errorf("seed %d: the honest address is number %d, want at most %d", seed, len(taken), 4*(hosts/4+1))
		}
	}
}

// TestBookAnchors checks that anchors are saved, that earlier ones remain until there
// are others, and that a book from a file has no more than two.
func TestBookAnchors(t *testing.T) {
	b := newTestBook(100, nil)
	anchors := func() (list []Address) {
		for _, e := range b.all() {
			if e.Anchor {
				list = append(list, e.Address)
			}
		}
		return list
	}
	for i := range 5 {
		b.try(address(i), NodeID{1}, start)
	}
	b.setAnchors([]Address{address(1), address(2)})
	b.changed = false
	b.setAnchors(nil)
	if got := anchors(); len(got) != 2 || b.changed {
		t.Errorf("without peers the anchors are %v, want the earlier ones", got)
	}
	b.setAnchors([]Address{address(3)})
	if got := anchors(); len(got) != 2 || !b.at[address(3)].Anchor || !b.changed {
		t.Errorf("the anchors are %v, want the new one and an earlier one", got)
	}
	c := Config{Address: "http://10.255.0.1:80"}
	for i := range 10 {
		c.Book = append(c.Book, Entry{Address: address(i), Tried: i > 2, Anchor: true})
	}
	b = newBook(c.complete())
	if got := anchors(); len(got) != maxAnchors || len(b.at) != 10 || b.at[address(0)].Anchor {
		t.Errorf("the anchors of the file are %v, want two tried ones", got)
	}
}

// TestBookOfAnEarlierVersion checks that addresses in a file without the newer fields
// are new, count for their own hosts, and are believed only if this node would believe
// another one that has sent them.
func TestBookOfAnEarlierVersion(t *testing.T) {
	c := Config{Address: "http://10.255.0.1:80"}
	for i := range 100 {
		c.Book = append(c.Book, Entry{Address: Address(fmt.Sprintf("http://10.0.0.1:%d", 1000+i)), Seen: start})
	}
	c.Book = append(c.Book, Entry{Address: "http://127.0.0.1:6379", Seen: start}, Entry{Address: "http://192.168.0.1:80"}, Entry{Address: "http://8.8.8.8:80", Seen: start})
	b := newBook(c.complete())
	if len(b.news.entries) != perSource+1 || len(b.tried.entries) != 0 || b.at["http://8.8.8.8:80"] == nil {
		t.Errorf("%d new and %d tried addresses, want %d new ones of one host and a public one", len(b.news.entries), len(b.tried.entries), perSource)
	}
}

// TestBookBounds checks that whatever happens, the book keeps within its limits and
// stays consistent.
func TestBookBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 20).Draw(t, "most")
		c := Config{Address: "http://10.255.0.1:80", Limits: Limits{Addresses: most}}
		for i := range rapid.IntRange(0, 30).Draw(t, "saved") {
			c.Book = append(c.Book, Entry{Address: address(i), Tried: i%2 == 0, Anchor: i%3 == 0})
		}
		b := newBook(c.complete())
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		now := start
		any := func(t *rapid.T) Address { return address(rapid.IntRange(0, 40).Draw(t, "a")) }
		t.Repeat(map[string]func(*rapid.T){
			"heard": func(t *rapid.T) {
				b.learn(any(t), rapid.SampledFrom([]string{"", "p", "10.0.0.1", "10.0.0.2", "10.1.0.1"}).Draw(t, "from"), rng)
			},
			"choose": func(t *rapid.T) { b.choose(any(t)) },
			"keep":   func(t *rapid.T) { b.keep(any(t)) },
			"forget": func(t *rapid.T) { b.forget(any(t)) },
			"came":   func(t *rapid.T) { b.markSeen(any(t), NodeID{1}, "10.0.0.1", now, rng) },
			"dialled": func(t *rapid.T) {
				a := any(t)
				b.markSeen(a, NodeID{1}, "", now, rng)
				if rival := b.markTried(a, rng); rival != "" && rapid.Bool().Draw(t, "silent") {
					b.replace(rival, a)
				}
			},
			"anchors": func(t *rapid.T) { b.setAnchors([]Address{any(t)}) },
			"failed":  func(t *rapid.T) { b.markFailed(any(t), now, 0) },
			"time":    func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "s")) * time.Second) },
			"": func(t *rapid.T) {
				if len(b.all()) > most || len(b.all()) != len(b.at) || len(b.tried.entries) > max(1, most/triedPart) {
					t.Fatalf("%d entries, %d in the map, %d tried, want at most %d", len(b.all()), len(b.at), len(b.tried.entries), most)
				}
				anchors := 0
				for _, table := range []*table{b.kept, b.tried, b.news} {
					hosts, groups := map[string]int{}, map[string]int{}
					for i, e := range table.entries {
						if b.at[e.Address] != e || e.index != i || e.in != table {
							t.Fatalf("the entry of %s is not found, or is not where it says", e.Address)
						}
						if e.kept != (table == b.kept) || !e.kept && e.Tried != (table == b.tried) {
							t.Fatalf("the entry of %s is in the wrong table", e.Address)
						}
						if e.Anchor {
							anchors++
						}
						hosts[e.host.key]++
						groups[e.group.key]++
					}
					for _, c := range []struct {
						counted tallies
						want    map[string]int
					}{{table.hosts, hosts}, {table.groups, groups}} {
						got := map[string]int{}
						for key, n := range c.counted.of {
							got[key] = n.entries
						}
						if !maps.Equal(got, c.want) {
							t.Fatalf("the counts are %v, want %v", got, c.want)
						}
					}
				}
				if anchors > maxAnchors {
					t.Fatalf("%d anchors", anchors)
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
