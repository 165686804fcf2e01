package nodestest

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
)

// A peer is banned for a breach of the protocol and returns at once: from the next address
// of its /64 network, or at another port of its machine under a name. It is refused, or is
// no peer once its machine answers, until the ban is over. Others get in.
func TestBannedPeerReturns(t *testing.T) {
	type visitor struct {
		at    string         // the IP address and port from which it comes
		named gossip.Address // where it says that it listens; "": there
	}
	const evil, another = "http://evil.example:8000", "http://evil.example:8001"
	for _, tc := range []struct {
		name   string
		guilty visitor
		again  visitor
		behind string // if set, the other IP address from which it sends its hello when it returns
		other  visitor
	}{
		{
			"the next address of an IPv6 network",
			visitor{"[2a00:1450::1]:8000", ""}, visitor{"[2a00:1450::ffff:0:0:2]:9001", ""}, "", visitor{"[2a00:1450:0:1::2]:9001", ""},
		},
		{
			"another port under a name",
			visitor{"10.50.0.1:8000", evil}, visitor{"10.50.0.1:8001", another}, "", visitor{"10.50.0.2:8001", "http://other.example:8001"},
		},
		{
			"another port under a name, called from elsewhere",
			visitor{"10.50.0.1:8000", evil}, visitor{"10.50.0.1:8001", another}, "10.50.0.3:8000", visitor{"10.50.0.2:8001", "http://other.example:8001"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stories(t, 2, func(t *testing.T, seed uint64) {
				net := begin(t, seed, nodes.Config{Nodes: 2})
				node := net.Nodes[0]
				net.RunFor(10 * time.Second)
				add := func(v visitor) *nodes.Script {
					s := net.AddScriptAt(netip.MustParseAddrPort(v.at))
					if v.named != "" {
						s.ListenAt(v.named)
						s.Greeting.Address = v.named
					}
					return s
				}
				guilty := add(tc.guilty)
				guilty.Answer = func(r gossip.Request) (gossip.Answer, error) {
					if _, ok := r.(gossip.GetAddresses); ok {
						return nil, gossip.Fault{Reason: gossip.FaultMalformed, Detail: "no addresses"}
					}
					return guilty.Polite(r)
				}
				guilty.Greet(node, 2*time.Hour)
				net.RunFor(time.Second)
				if node.Banned(guilty.Greeting.Address) == "" {
					t.Fatal("the guilty peer is not banned")
				}

				again, other := add(tc.again), add(tc.other)
				come := func(s, from *nodes.Script) (refused bool) {
					from.Send(node, gossip.Hello{Greeting: s.Greeting, Session: gossip.Session(s.Node)}, func(_ gossip.Answer, err error) {
						var r gossip.Refusal
						refused = errors.As(err, &r) && r.Reason == gossip.Banned
					})
					net.RunFor(10 * time.Second)
					return refused
				}
				from := again
				if tc.behind != "" {
					from = net.AddScriptAt(netip.MustParseAddrPort(tc.behind))
				}
				for range 3 {
					if refused := come(again, from); refused != (tc.behind == "") {
						t.Errorf("at %s: the banned peer returns and is refused: %v", net.Now(), refused)
					}
					if hasPeer(node, again.Greeting.Address) {
						t.Errorf("at %s: the banned peer is a peer again", net.Now())
					}
				}
				if come(other, other) || !hasPeer(node, other.Greeting.Address) {
					t.Error("another machine does not get in")
				}
				if !arePeers(node, net.Nodes[1]) {
					t.Error("the honest nodes are no peers")
				}
				net.RunFor(time.Hour) // BanTime
				if come(again, from) || !hasPeer(node, again.Greeting.Address) {
					t.Error("the peer is still banned after an hour")
				}
				net.MustBehave(t)
			})
		})
	}
}
