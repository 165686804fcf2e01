package gossip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// These tests are about the edges of the address book: its bounds, how long an address is
// left alone, and what has to be saved.

// TestBookSaysWhetherItChanged checks which operations make it necessary to save the book.
func TestBookSaysWhetherItChanged(t *testing.T) {
	tried, news, kept, chosen, unknown := address(1), address(2), address(3), address(4), address(5)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, tc := range []struct {
		name string
		do   func(*book)
		want bool
	}{
		{"learn a known address", func(b *book) { b.learn(news, "x", rng) }, false},
		{"learn an unknown address", func(b *book) { b.learn(unknown, "x", rng) }, true},
		{"choose a chosen address", func(b *book) { b.choose(chosen) }, false},
		{"choose a new address", func(b *book) { b.choose(news) }, true},
		{"choose an unknown address", func(b *book) { b.choose(unknown) }, true},
		{"keep a kept address", func(b *book) { b.keep(kept) }, false},
		{"keep a new address", func(b *book) { b.keep(news) }, true},
		{"forget a new address", func(b *book) { b.forget(news) }, true},
		{"forget a kept address", func(b *book) { b.forget(kept) }, false},
		{"forget an unknown address", func(b *book) { b.forget(unknown) }, false},
		{"a node is found", func(b *book) { b.markSeen(tried, NodeID{2}, "", start, rng) }, true},
		{"a new address is tried", func(b *book) { b.markTried(news, rng) }, true},
		{"a kept address is tried", func(b *book) { b.markTried(kept, rng) }, true},
		{"a tried address is tried", func(b *book) { b.markTried(tried, rng) }, false},
		{"an unknown address is tried", func(b *book) { b.markTried(unknown, rng) }, false},
		{"an address fails", func(b *book) { b.markFailed(tried, start, 0) }, true},
		{"an unknown address fails", func(b *book) { b.markFailed(unknown, start, 0) }, false},
		{"a web server at an unknown address", func(b *book) { b.markNoNode(unknown, start) }, false},
		{"an alias is found", func(b *book) { b.setAlias(news, tried, NodeID{1}) }, false},
		{"an address of this node is found", func(b *book) { b.addOurs(news) }, true},
		{"an anchor is set", func(b *book) { b.setAnchors([]Address{tried}) }, true},
		{"no anchor is set", func(b *book) { b.setAnchors(nil) }, false},
	} {
		b := newTestBook(100, nil)
		b.try(tried, NodeID{1}, start)
		b.learn(news, "x", rng)
		b.keep(kept)
		b.choose(chosen)
		b.changed = false
		tc.do(&b)
		if b.changed != tc.want {
			t.Errorf("%s: the book has changed: %v, want %v", tc.name, b.changed, tc.want)
		}
		if b.at[kept] == nil || !b.isKept(kept) {
			t.Errorf("%s: the kept address is gone", tc.name)
		}
	}
}

// TestBookBackoffDoubles checks after how many failures an address is forgotten, and the
// wait after each failure before.
func TestBookBackoffDoubles(t *testing.T) {
	for _, tc := range []struct {
		name        string
		tried, kept bool
		most        time.Duration // the longest wait
		tries       int           // failures after which the address is forgotten; 0: never
	}{
		{"new", false, false, time.Hour, newTries},
		{"tried", true, false, 100 * time.Hour, knownTries},
		{"kept", false, true, 100 * time.Hour, 0},
	} {
		b := newTestBook(10, nil)
		b.timing.NewBackoff, b.timing.KnownBackoff = time.Hour, 100*time.Hour
		a := address(7)
		b.learn(a, "", nil)
		if tc.tried {
			b.try(a, NodeID{1}, start)
		}
		if tc.kept {
			b.keep(a)
		}
		for n := 1; n <= knownTries+1; n++ {
			now := start.Add(time.Duration(n) * 1000 * time.Hour)
			b.markFailed(a, now, 0)
			if forgotten := b.at[a] == nil; forgotten != (n == tc.tries) {
				t.Fatalf("%s: after %d failures the address is forgotten: %v", tc.name, n, forgotten)
			}
			if n == tc.tries {
				break
			}
			want := tc.most
			if n <= 16 {
				want = min(tc.most, time.Second<<(n-1))
			}
			if wait := b.at[a].Next.Sub(now); wait != want || b.at[a].Failures != n {
				t.Fatalf("%s: a wait of %v after failure %d, of which %d were counted, want %v", tc.name, wait, n, b.at[a].Failures, want)
			}
		}
	}
}

// TestBookWaitsAtLeast checks that the wait that a node asks for is kept to where it is
// longer than the one that follows from the number of failures.
func TestBookWaitsAtLeast(t *testing.T) {
	for _, tc := range []struct{ asked, want time.Duration }{
		{0, time.Second}, {time.Second / 2, time.Second}, {time.Minute, time.Minute}, {time.Hour, time.Hour},
	} {
		b := newTestBook(10, nil)
		b.learn(address(1), "", nil)
		b.markFailed(address(1), start, tc.asked)
		if wait := b.at[address(1)].Next.Sub(start); wait != tc.want {
			t.Errorf("a wait of %v where %v was asked for, want %v", wait, tc.asked, tc.want)
		}
	}
}

// TestBookOfOtherServers checks what becomes of an address at which something other than a
// node has answered.
func TestBookOfOtherServers(t *testing.T) {
	a := address(1)
	for _, tc := range []struct {
		name string
		add  func(*book)
		wait time.Duration // until the next attempt; 0: the address is forgotten
	}{
		{"heard", func(b *book) { b.learn(a, "x", nil) }, time.Hour},
		{"seen before", func(b *book) { b.learn(a, "x", nil); b.markSeen(a, NodeID{1}, "x", start, nil) }, time.Second},
		{"kept by the operator", func(b *book) { b.keep(a) }, time.Second},
		{"kept for a client", func(b *book) { b.keepByHand(a) }, 0},
		{"kept for a client, and seen before", func(b *book) { b.keepByHand(a); b.markSeen(a, NodeID{1}, "", start, nil) }, time.Second},
		{"heard, and then kept for a client", func(b *book) { b.learn(a, "x", nil); b.keepByHand(a) }, time.Second},
	} {
		b := newTestBook(10, nil)
		tc.add(&b)
		b.markNoNode(a, start)
		e := b.at[a]
		if (e == nil) != (tc.wait == 0) || e != nil && e.Next.Sub(start) != tc.wait {
			t.Errorf("%s: the entry is %+v, want a wait of %v", tc.name, e, tc.wait)
		}
		if e == nil && len(b.kept.entries) > 0 {
			t.Errorf("%s: the address is forgotten, but it keeps its place", tc.name)
		}
	}
}

// TestBookCapsWaits checks that a wait from the file is shortened only if none that begins
// now would be as long.
func TestBookCapsWaits(t *testing.T) {
	const longest = 2 * time.Hour
	for name, change := range map[string]func(*Config){
		"other networks": func(c *Config) { c.OtherNetwork = longest },
		"bans":           func(c *Config) { c.Limits.BanTime = longest },
		"failures":       func(c *Config) { c.NewBackoff = longest },
		"unbacked":       func(c *Config) { c.UnbackedWait = longest },
	} {
		for wait, stays := range map[time.Duration]bool{time.Second: true, longest: true, longest + 1: false, 1000 * time.Hour: false} {
			c := Config{Address: "http://10.255.0.1:80", Book: []Entry{{Address: address(1), Next: start.Add(wait)}, {Address: address(2)}}}
			change(&c)
			c = c.complete()
			b := newBook(c)
			b.changed = false
			b.capWaits(start, c)
			want := Entry{Address: address(1)}
			if stays {
				want.Next = start.Add(wait)
			}
			if got := b.at[address(1)].Entry; got != want || b.changed == stays {
				t.Errorf("%s: after a wait of %v the entry is %+v (changed: %v), want %+v", name, wait, got, b.changed, want)
			}
		}
	}
}

// TestBookOfOwnAddresses checks that an address at which this node itself has answered is no
// longer dialled, and that the number of such addresses is bounded.
func TestBookOfOwnAddresses(t *testing.T) {
	b := newTestBook(1000, nil)
	for i := range 2 * maxOurs {
		b.learn(address(i), fmt.Sprintf("10.%d.0.1", i), nil)
		b.addOurs(address(i))
		if b.at[address(i)] != nil {
			t.Fatalf("address %d of this node is in the book", i)
		}
		b.learn(address(i), fmt.Sprintf("10.%d.0.1", i), nil)
		ours := i < maxOurs-1 // the first one of all is the node's own
		if b.isSelf(address(i)) != ours || (b.at[address(i)] == nil) != ours {
			t.Fatalf("address %d is known as this node's own: %v, want %v", i, b.isSelf(address(i)), ours)
		}
	}
	if !b.isSelf("http://10.255.0.1:80") {
		t.Error("the node's own address is forgotten")
	}
}

// TestBookKeepsABoundedNumber checks that an address beyond the bound is in the book, but is
// not kept.
func TestBookKeepsABoundedNumber(t *testing.T) {
	b := newTestBook(1000, nil)
	for i := range maxKept + 1 {
		b.keep(address(i))
		if b.isKept(address(i)) != (i < maxKept) || b.at[address(i)] == nil {
			t.Fatalf("address %d is kept: %v", i, b.isKept(address(i)))
		}
	}
}

// TestBookRestores checks what of a saved entry is taken over.
func TestBookRestores(t *testing.T) {
	later := start.Add(time.Hour)
	full := Entry{Address: address(1), Seen: start, Failures: 3, Next: later, Tried: true, Source: "10.0.0.9"}
	with := func(change func(*Entry)) Entry { e := full; change(&e); return e }
	for _, tc := range []struct {
		name  string
		saved Entry
		want  Entry // without an address: none
	}{
		{"tried", full, full},
		{"new", with(func(e *Entry) { e.Tried = false }), with(func(e *Entry) { e.Tried = false })},
		{"anchor", with(func(e *Entry) { e.Anchor = true }), with(func(e *Entry) { e.Anchor, e.Failures, e.Next = true, 0, time.Time{} })},
		{"new anchor", with(func(e *Entry) { e.Anchor, e.Tried = true, false }), with(func(e *Entry) { e.Tried = false })},
		{"no address", with(func(e *Entry) { e.Address = "junk:" }), Entry{}},
		{"an empty address", with(func(e *Entry) { e.Address = "" }), Entry{}},
		{"in another form", with(func(e *Entry) { e.Address = "HTTP://node.example:80" }), Entry{}},
		{"not believed", with(func(e *Entry) { e.Address = "http://127.0.0.1:80" }), Entry{}},
		{"not believed, but chosen", with(func(e *Entry) { e.Address, e.Chosen = "http://127.0.0.1:80", true }), with(func(e *Entry) { e.Address, e.Chosen = "http://127.0.0.1:80", true })},
	} {
		b := newBook(Config{Address: "http://10.255.0.1:80", Book: []Entry{tc.saved}}.complete())
		var got Entry
		if all := b.all(); len(all) > 0 {
			got = all[0].Entry
		}
		if got != tc.want {
			t.Errorf("%s: restored %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// TestBookRestoresNoMoreThanFit checks that a tried entry for which there is no room among
// the tried ones becomes a new one, which is no anchor.
func TestBookRestoresNoMoreThanFit(t *testing.T) {
	c := Config{Address: "http://10.255.0.1:80"}
	for i := range triedOfHost {
		c.Book = append(c.Book, Entry{Address: Address(fmt.Sprintf("http://10.0.0.1:%d", 1000+i)), Tried: true})
	}
	last := Entry{Address: "http://10.0.0.1:80", Tried: true, Anchor: true}
	c.Book = append(c.Book, last)
	b := newBook(c.complete())
	if e := b.at[last.Address]; e == nil || e.Tried || e.Anchor {
		t.Errorf("the last one is %+v, want a new one", e)
	}
	if len(b.tried.entries) != triedOfHost {
		t.Errorf("%d tried addresses of one host, want %d", len(b.tried.entries), triedOfHost)
	}
}

// TestBookRestoresTheBestFirst checks that tried addresses of a file have room though new
// ones stand before them.
func TestBookRestoresTheBestFirst(t *testing.T) {
	c := Config{Address: "http://10.255.0.1:80"}
	for i := range perSource { // as many new ones as may be of one host
		c.Book = append(c.Book, Entry{Address: Address(fmt.Sprintf("http://10.0.0.1:%d", 1000+i))})
	}
	c.Book = append(c.Book, Entry{Address: "http://10.0.0.1:80", Tried: true})
	b := newBook(c.complete())
	if e := b.at["http://10.0.0.1:80"]; e == nil || !e.Tried || len(b.at) != perSource+1 {
		t.Errorf("of %d addresses the tried one is %+v", len(b.at), e)
	}
}

// TestChosenAddressesHaveRoom checks that the bounds for one host and for one group do not
// keep out an address that was chosen, and that the bound of the whole book does.
func TestChosenAddressesHaveRoom(t *testing.T) {
	for _, most := range []int{2 * perSource, perSource} {
		b := newTestBook(most, nil)
		for i := range perSource {
			b.learn(Address(fmt.Sprintf("http://10.0.0.1:%d", 1000+i)), "", nil)
		}
		a := Address("http://10.0.0.1:80")
		b.learn(a, "", nil)
		if b.at[a] != nil {
			t.Fatalf("an address beyond the bound of its host is in the book of %d", most)
		}
		b.choose(a)
		if got, want := b.isChosen(a), most > perSource; got != want {
			t.Errorf("a book of %d has the chosen address: %v, want %v", most, got, want)
		}
	}
	b := newTestBook(4096, nil)
	for i := range perSourceGroup {
		b.learn(address(i), fmt.Sprintf("10.0.%d.1", i), nil)
	}
	b.choose("http://10.0.0.1:81")
	if len(b.at) != perSourceGroup+1 {
		t.Errorf("%d addresses, want those of a full group and the chosen one", len(b.at))
	}
}

// TestFullBookTakesFromTheLargest checks whose address makes room in a full book: one of the
// host from which the most came, unless that is the newcomer's, or has no more.
func TestFullBookTakesFromTheLargest(t *testing.T) {
	const one, two, three = "10.0.0.1", "10.1.0.1", "10.2.0.1"
	for _, tc := range []struct {
		name     string
		ones     int    // how many addresses came from the host one
		twos     int    // and then from the host two
		new      string // the host that the newcomer comes from
		onesLeft int
		twosLeft int
		room     bool // the newcomer finds room
	}{
		{"another host", 4, 6, three, 4, 5, true},
		{"another host, the other way round", 6, 4, three, 5, 4, true},
		{"the smaller host", 4, 6, one, 5, 5, true},
		{"the largest host", 4, 6, two, 4, 6, false},
		{"an equal host", 5, 5, two, 5, 5, false},
		{"a host with one less", 4, 5, one, 5, 4, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := range uint64(5) {
				b := newTestBook(tc.ones+tc.twos, nil)
				for i := range tc.ones + tc.twos {
					from := one
					if i >= tc.ones {
						from = two
					}
					b.learn(address(i), from, nil)
				}
				b.learn("http://10.9.0.1:80", tc.new, rand.New(rand.NewPCG(seed, 1)))
				if room := b.at["http://10.9.0.1:80"] != nil; room != tc.room || len(b.at) != tc.ones+tc.twos {
					t.Fatalf("the newcomer is in the book of %d: %v", len(b.at), room)
				}
				if ones, twos := b.news.hosts.count(one), b.news.hosts.count(two); ones != tc.onesLeft || twos != tc.twosLeft {
					t.Errorf("%d and %d addresses of the hosts are left, want %d and %d", ones, twos, tc.onesLeft, tc.twosLeft)
				}
			}
		})
	}
}

// TestDisbeliefSaysWhy checks that the reason names what is wrong with the address, and
// what the operator can do if the node does not know its own address.
func TestDisbeliefSaysWhy(t *testing.T) {
	b := newTestBook(10, nil)
	b.own = []netip.Addr{netip.MustParseAddr("8.8.8.8")}
	if got := b.disbelief("http://127.0.0.1:80"); !strings.Contains(got, "loopback") || strings.Contains(got, "--advertise") {
		t.Errorf("the reason is %q", got)
	}
	b.own = nil
	if got := b.disbelief("http://127.0.0.1:80"); !strings.Contains(got, "loopback") || !strings.Contains(got, "--advertise") {
		t.Errorf("the reason without an own address is %q", got)
	}
}
