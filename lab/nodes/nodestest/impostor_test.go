package nodestest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
)

// arePeers reports whether each of two nodes has the other one as a peer, by the
// address at which that node listens.
func arePeers(a, b *nodes.Node) bool { return hasPeer(a, b.Address()) && hasPeer(b, a.Address()) }

func hasPeer(n *nodes.Node, a gossip.Address) bool {
	return slices.ContainsFunc(n.Peers(), func(p gossip.PeerInfo) bool { return p.Address == a })
}

// impersonate makes a script answer in the name of a node: it copies everything that
// the node says of itself, except the address that it claims when it greets others. It
// is quiet otherwise.
func impersonate(s *nodes.Script, node *nodes.Node) {
	s.Greeting.Node = node.ID()
	s.Answer = func(r gossip.Request) (gossip.Answer, error) {
		if _, ok := r.(gossip.Hello); ok {
			greeting := s.Greeting
			greeting.Address = node.Address()
			return gossip.Welcome{Greeting: greeting}, nil
		}
		return s.Polite(r)
	}
}

// A node joins by the address of another one, while quiet impostors have the id of one
// of the two. The two nodes become peers within seconds, and remain so.
func TestImpostors(t *testing.T) {
	const soon = 5 * time.Second
	for _, tc := range []struct {
		name string
		// play lets the impostors do their work, and then the joiner join.
		play func(net *Net, target *nodes.Node) (joiner *nodes.Node)
	}{
		{"at the joiner", func(net *Net, target *nodes.Node) *nodes.Node {
			joiner := net.AddKnowing()
			net.RunFor(time.Second)
			s := net.AddScript()
			impersonate(s, target)
			s.Greet(joiner, 20*time.Second)
			net.RunFor(time.Second)
			joiner.Connect(target.Address())
			return joiner
		}},
		{"many at the joiner", func(net *Net, target *nodes.Node) *nodes.Node {
			joiner := net.AddKnowing()
			net.RunFor(time.Second)
			for i := range 30 {
				s := net.AddScript()
				s.Greeting.Node = target.ID()
				if i%2 > 0 {
					impersonate(s, target)
				}
				net.After(time.Duration(i)*100*time.Millisecond, func() { s.Greet(joiner, 20*time.Second) })
			}
			net.RunFor(4 * time.Second)
			joiner.Connect(target.Address())
			return joiner
		}},
		{"at the target", func(net *Net, target *nodes.Node) *nodes.Node {
			joiner := net.AddKnowing()
			net.RunFor(time.Second)
			s := net.AddScript()
			impersonate(s, joiner)
			s.Greet(target, 20*time.Second)
			net.RunFor(time.Second)
			joiner.Connect(target.Address())
			return joiner
		}},
		{"dialled first", func(net *Net, target *nodes.Node) *nodes.Node {
			s := net.AddScript()
			s.Greeting.Node = target.ID()
			s.Answer = func(r gossip.Request) (gossip.Answer, error) {
				if _, ok := r.(gossip.GetAddresses); ok {
					return gossip.Addresses{Addresses: []gossip.Address{target.Address()}}, nil
				}
				return s.Polite(r)
			}
			return net.AddKnowing(s.Address())
		}},
		{"dialled first, and both are kept", func(net *Net, target *nodes.Node) *nodes.Node {
			s := net.AddScript()
			impersonate(s, target)
			joiner := net.AddKnowing(s.Address())
			net.RunFor(3 * time.Second)
			joiner.Connect(target.Address())
			return joiner
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stories(t, 3, func(t *testing.T, seed uint64) {
				net := begin(t, seed, nodes.Config{Nodes: 1})
				target := net.Nodes[0]
				net.Grow(20)
				net.RunFor(2 * time.Second)
				joiner := tc.play(net, target)
				begin := net.Now()
				net.RunUntil(time.Minute, func() bool {
					return arePeers(joiner, target) && joiner.Chain().Tip() == target.Chain().Tip()
				})
				took := net.Now() - begin
				t.Logf("joined after %s", took)
				if took > soon {
					t.Errorf("joined after %s, want at most %s", took, soon)
				}
				for range 120 {
					net.RunFor(5 * time.Second)
					if !arePeers(joiner, target) {
						t.Fatalf("at %s: the two nodes are no longer peers\n%s", net.Now(), net)
					}
				}
				net.MustBehave(t)
			})
		})
	}
}

// Attackers greet two nodes all the time, each in the name of the other one, so that
// neither should learn the session with which it can announce. One of the nodes is
// restarted now and then. Blocks reach the other node by announcements all the same.
func TestFalseSessions(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 1})
		target := net.Nodes[0]
		joiner := net.AddKnowing(target.Address())
		net.RunFor(2 * time.Second)
		var atTarget, atJoiner []*nodes.Script
		for range 3 {
			atTarget, atJoiner = append(atTarget, net.AddScript()), append(atJoiner, net.AddScript())
		}
		as := func(node *nodes.Node, scripts []*nodes.Script) {
			for _, s := range scripts {
				s.Greeting.Node, s.Greeting.Address = node.ID(), node.Address()
			}
		}
		as(joiner, atTarget)
		as(target, atJoiner)
		for i := range atTarget {
			atTarget[i].Greet(target, 30*time.Millisecond)
			atJoiner[i].Greet(joiner, 30*time.Millisecond)
		}
		for i := range 20 {
			if i%4 == 0 {
				joiner.Stop()
				joiner.Start()
				as(joiner, atTarget)
			}
			net.RunFor(5 * time.Second)
			from, to := target, joiner
			if i%2 > 0 {
				from, to = to, from
			}
			b := net.MakeBlock(from, fmt.Sprint(i))
			from.Put(b)
			net.RunFor(2 * time.Second)
			if to.Chain().Tip().Hash != b.Hash() {
				t.Errorf("at %s: block %d of %s has not reached %s after 2s", net.Now(), i, from, to)
				net.RunFor(time.Minute)
			}
		}
		net.MustBehave(t)
	})
}

// A node has two addresses, and others hear of both. Each of them ends up with one
// connection with it, even if they dial the second address first.
func TestTwoAddresses(t *testing.T) {
	stories(t, 3, func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 1})
		two := net.Nodes[0]
		const second = "http://second.example:8000"
		net.Alias(two, second)
		first := net.AddKnowing(second)
		other := net.AddKnowing(two.Address())
		net.RunFor(10 * time.Second)
		first.Connect(two.Address())
		first.Connect(other.Address())
		other.Connect(second)
		last := net.AddKnowing(first.Address(), other.Address(), second)
		called := net.AddKnowing()
		two.Connect(called.Address())
		net.RunFor(10 * time.Second)
		called.Connect(second)
		net.RunFor(2 * time.Minute)
		for _, n := range []*nodes.Node{first, other, last, called} {
			count := 0
			for _, p := range n.Peers() {
				if p.Node == two.ID() {
					count++
				}
			}
			if count != 1 {
				t.Errorf("%s has %d connections with the node of two addresses, want 1: %+v", n, count, n.Peers())
			}
			if !hasPeer(two, n.Address()) {
				t.Errorf("%s is no peer of the node of two addresses", n)
			}
		}
		net.MustBehave(t)
	})
}
