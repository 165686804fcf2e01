package nodestest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
)

// Attackers at a few IP addresses have taken all places for peers that come to a node,
// and take each again as soon as it is free. An honest node is a peer within seconds.
// It stays one, and so do those that were there before the attack.
func TestCrowd(t *testing.T) {
	const soon = 5 * time.Second
	apart := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(50 + i), 0, 1}) }
	near := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 50, byte(i + 1)}) }
	for _, tc := range []struct {
		name      string
		addresses int
		at        func(i int) netip.Addr
		silent    bool // the attackers do not answer at the addresses that they claim
	}{
		{"four addresses of the same network", 4, near, false},
		{"four addresses of four networks", 4, apart, false},
		{"sixty addresses of another network", 60, func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 50, 0, byte(i + 1)}) }, false},
		{"an IPv6 network", 60, func(i int) netip.Addr {
			return netip.AddrFrom16([16]byte{0x2a, 0, 0x14, 0x50, 0, 0, byte(i), 0, 15: 1})
		}, false},
		{"four silent addresses of the same network", 4, near, true},
		{"four silent addresses of four networks", 4, apart, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stories(t, 2, func(t *testing.T, seed uint64) {
				net := begin(t, seed, nodes.Config{Nodes: 1})
				target := net.Nodes[0]
				net.Grow(20)
				early := []*nodes.Node{net.AddKnowing(target.Address()), net.AddKnowing(target.Address())}
				net.RunFor(10 * time.Minute)
				for i := range 80 {
					s := net.AddScriptAt(netip.AddrPortFrom(tc.at(i%tc.addresses), uint16(8000+i)))
					if tc.silent {
						s.Answer = func(gossip.Request) (gossip.Answer, error) { return nil, nodes.ErrSilent }
					}
					net.After(time.Duration(i)*20*time.Millisecond, func() { s.Greet(target, time.Second) })
				}
				net.RunFor(10 * time.Second)
				if guests := len(target.Peers()); !tc.silent && guests < 32 {
					t.Errorf("the attackers have taken only %d places", guests)
				}

				for range 3 {
					joiner := net.AddKnowing(target.Address())
					begin := net.Now()
					net.RunUntil(2*time.Minute, func() bool {
						return arePeers(joiner, target) && joiner.Chain().Tip() == target.Chain().Tip()
					})
					took := net.Now() - begin
					t.Logf("joined after %s", took)
					if took > soon {
						t.Errorf("joined after %s, want at most %s", took, soon)
					}
					early = append(early, joiner)
				}
				for range 30 {
					net.RunFor(10 * time.Second)
					for _, n := range early {
						if !arePeers(n, target) {
							t.Fatalf("at %s: %s is no longer a peer", net.Now(), n)
						}
					}
				}
				net.MustStaySmall(t, 1<<20)
				net.MustBehave(t)
			})
		})
	}
}
