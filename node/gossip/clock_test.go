package gossip

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// clockTest is a node whose clock is wrong by skew, and its peers.
type clockTest struct {
	*testNode
	skew    time.Duration
	remotes []*remote
}

func newClockTest(t *testing.T) *clockTest {
	c := &clockTest{}
	c.testNode = newTestNode(t, 1, func(config *Config) {
		config.Clock = func(now time.Time) time.Time { return now.Add(c.skew) }
	})
	return c
}

// joinAt has the node connect with one more remote, whose clock is off from the right
// time.
func (c *clockTest) joinAt(off time.Duration) {
	c.t.Helper()
	r := newRemote(len(c.remotes) + 1)
	r.off = off
	c.remotes = append(c.remotes, r)
	c.join(r)
}

// greetAll lets a minute pass in which all remotes are greeted.
func (c *clockTest) greetAll() {
	for range 12 {
		c.now = c.now.Add(5 * time.Second)
		c.step(Wake{})
		for {
			s, _, ok := take[Hello](c.testNode)
			if !ok {
				break
			}
			for _, r := range c.remotes {
				if r.address == s.To {
					g := r.greeting()
					g.Time = c.now.Add(r.off).UnixMilli()
					c.answer(s, Welcome{Greeting: g})
				}
			}
		}
	}
}

// The clock is compared with the median of the peers, and the comparison is right at
// once when the clock is set.
func TestClockOffset(t *testing.T) {
	c := newClockTest(t)
	if got := c.g.Clock(); got != (ClockInfo{}) || got.Agrees() {
		t.Errorf("without peers: %+v", got)
	}
	c.joinAt(0)
	c.joinAt(5 * time.Hour) // lies, or is wrong itself
	c.joinAt(-time.Second)
	c.greetAll()
	if got := c.g.Clock(); got.Offset.Abs() > time.Second || got.Peers != 3 || !got.Agrees() {
		t.Errorf("%+v, want 0 against 3 peers", got)
	}
	c.skew = 3 * time.Hour
	if got := c.g.Clock(); got.Offset.Round(time.Minute) != c.skew || got.Agrees() {
		t.Errorf("%+v, want three hours ahead", got)
	}
	c.skew = 0
	c.now = c.now.Add(time.Hour) // in which nobody says anything
	if got := c.g.Clock(); got.Offset.Abs() > time.Second || !got.Agrees() {
		t.Errorf("%+v an hour later, want 0", got)
	}
}

// Nodes that came to this one do not move the median while enough peers of this node's
// choice have said their time. A time that no clock shows moves nothing by more than the
// bound, and a node that does not say its time does not count.
func TestClockOffsetIsBounded(t *testing.T) {
	c := newClockTest(t)
	for range 3 {
		c.joinAt(0)
	}
	c.greetAll()
	for i := range 5 {
		p := &peer{address: address(50 + i), phase: connected}
		p.clock = clockState{theirs: c.now.Add(5 * time.Hour), at: c.now}
		c.g.host.peers.add(p)
	}
	if got := c.g.Clock(); got.Offset.Abs() > time.Second || got.Peers != 3 {
		t.Errorf("%+v: guests have moved the median", got)
	}
	far := newClockTest(t)
	far.joinAt(0)
	p := far.g.host.peers.all[0]
	far.g.clock.heard(p, Greeting{Time: 1<<63 - 1}, time.Second)
	if got := far.g.Clock(); got.Offset.Abs() > clockMost {
		t.Errorf("%+v: out of bounds", got)
	}
	for _, none := range []int64{0, -1, -1 << 63} {
		far.g.clock.heard(p, Greeting{Time: none}, time.Second)
		if got := far.g.Clock(); got.Peers != 0 {
			t.Errorf("time %d: %+v, want no peer", none, got)
		}
	}
}

// A wrong clock is reported once when it becomes wrong, once for each great change, and
// once when it is right again. Differences about the threshold do not make it flap.
func TestClockIsReported(t *testing.T) {
	c := newClockTest(t)
	c.skew = 3 * time.Hour
	c.joinAt(0)
	c.joinAt(0)
	c.greetAll()
	if got := c.noted(NoteClock); len(got) != 0 {
		t.Fatalf("reported %v with two peers", got)
	}
	c.joinAt(0)
	for _, skew := range []time.Duration{
		3 * time.Hour, 3*time.Hour + 20*time.Second, time.Minute, 3 * time.Hour, 0, time.Minute, 0, -80 * time.Second, -60 * time.Second, -80 * time.Second, -3 * time.Hour, 0,
	} {
		c.skew = skew
		c.greetAll()
	}
	want := []string{"ahead", "right", "behind", "behind", "right"}
	if got := c.noted(NoteClock); !slices.Equal(got, want) {
		t.Errorf("reported %v, want %v", got, want)
	}
	for _, n := range c.notes {
		if n.Kind != NoteClock {
			continue
		}
		if n.Reason == "right" == strings.Contains(n.Detail, "NTP") || n.Count != 3 {
			t.Errorf("%+v", n)
		}
	}
	if !strings.Contains(c.notes[slices.IndexFunc(c.notes, func(n Note) bool { return n.Kind == NoteClock })].Detail, "3h0m0s ahead of the median of its 3 peers") {
		t.Error("the first report does not say how wrong the clock is")
	}
}

// An address that was saved while the clock was ahead does not have to wait for hours
// longer than any wait lasts.
func TestWaitsSavedAheadOfTheClock(t *testing.T) {
	h := newTestNode(t, 1, func(c *Config) {
		c.Book = []Entry{
			{Address: address(1), Tried: true, Failures: 1, Next: start.Add(3 * time.Hour)},
			{Address: address(2), Tried: true, Failures: 1, Next: start.Add(30 * time.Minute)},
		}
	})
	h.step(Wake{})
	var called []Address
	for {
		s, _, ok := take[Hello](h)
		if !ok {
			break
		}
		called = append(called, s.To)
	}
	if !slices.Equal(called, []Address{address(1)}) {
		t.Errorf("called %v, want the address whose wait was too long, and not the other one", called)
	}
}
