package nodestest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
)

// Clients ask nodes at random moments to connect with others, also several at once and in
// both directions, while the nodes find each other by themselves as well. Whenever a client
// is told that two nodes are connected, each of the two lists the other.
func TestConnectedMeansListed(t *testing.T) {
	stories(t, many(t, 10), func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 6})
		random := rand.New(rand.NewPCG(seed, 12))
		succeeded := 0
		for range 60 {
			from, to := net.Nodes[random.IntN(6)], net.Nodes[random.IntN(6)]
			if from == to {
				continue
			}
			net.After(time.Duration(random.Int64N(int64(30*time.Second))), func() {
				from.ConnectThen(to.Address(), func(err error) {
					if err != nil {
						t.Errorf("at %s: %s did not connect with %s: %v", net.Now(), from, to, err)
						return
					}
					succeeded++
					if !arePeers(from, to) {
						t.Errorf("at %s: %s is told that it is connected with %s: lists it %v, is listed %v",
							net.Now(), from, to, hasPeer(from, to.Address()), hasPeer(to, from.Address()))
					}
				})
			})
		}
		net.RunFor(time.Minute)
		if succeeded == 0 {
			t.Error("no client was told of a connection")
		}
		net.MustBehave(t)
	})
}
