package nodestest

import (
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a test that can fail without failing the test around it. Its Fatalf
// ends the goroutine, as that of a real test does.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(string, ...any) {
	r.failed = true
	runtime.Goexit()
}

// banner is a machine that does nothing until it is asked to connect with an
// address. Then it says that it has banned that address.
type banner struct{}

func newBanner(gossip.Config) nodes.Machine { return banner{} }

func (banner) Step(_ time.Time, ev gossip.Event) []gossip.Effect {
	if c, ok := ev.(gossip.Connect); ok {
		return []gossip.Effect{gossip.Note{Kind: gossip.NoteBanned, Peer: c.Address, Reason: "none"}}
	}
	return nil
}

func (banner) Next() time.Time              { return time.Time{} }
func (banner) Peers() []gossip.PeerInfo     { return nil }
func (banner) Addresses() gossip.Addresses  { return gossip.Addresses{} }
func (banner) Book() ([]gossip.Entry, bool) { return nil, false }
func (banner) Sync() gossip.SyncInfo        { return gossip.SyncInfo{} }
func (banner) Clock() gossip.ClockInfo      { return gossip.ClockInfo{} }

// Each assertion fails when what it asserts does not hold.
func TestAssertionsFail(t *testing.T) {
	fails := func(name string, check func(testing.TB)) {
		t.Helper()
		inner := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			check(inner)
		}()
		<-done
		if !inner.failed {
			t.Errorf("%s: passed", name)
		}
	}
	n := New(1, nodes.Config{Nodes: 2, Machine: newBanner})
	n.Split(n.Nodes[:1], n.Nodes[1:])
	for range 4 {
		n.Nodes[0].Put(n.MakeBlock(n.Nodes[0], "a"))
	}
	fails("four blocks apart", func(t testing.TB) { n.MustConverge(t, 3) })
	n.MustConverge(t, 4)
	n.Nodes[0].Post()
	n.MustKeepPosts(t)
	fails("pending on one side", func(t testing.TB) { n.MustAgree(t) })
	fails("not drained", func(t testing.TB) { n.MustDrain(t, time.Second) })
	n.invented = []nodes.Post{{ID: pow.Hash{}}}
	fails("a lost transaction", func(t testing.TB) { n.MustKeepPosts(t) })
	n.invented = nil
	n.MustBehave(t)
	n.Nodes[1].Connect(n.Nodes[0].Address())
	fails("a ban", func(t testing.TB) { n.MustBehave(t) })
	n.largest = 1000
	fails("size", func(t testing.TB) { n.MustStaySmall(t, 999) })
	n.MustStaySmall(t, 1000)
}
