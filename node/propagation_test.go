package node

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/node/p2p"
	"github.com/lodepow/lode/pow"
)

// arrivals records when each block became the tip of each node.
type arrivals struct {
	mu   sync.Mutex
	at   map[pow.Hash][]time.Time
	full chan struct{} // gets an element when the last node has a block
	all  int           // number of nodes
}

func (a *arrivals) see(ev chain.Event) {
	if ev.Kind != chain.EventTip && ev.Kind != chain.EventReorg {
		return
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[ev.Tip.Hash] = append(a.at[ev.Tip.Hash], now)
	if len(a.at[ev.Tip.Hash]) == a.all {
		a.full <- struct{}{}
	}
}

// BenchmarkPropagation measures the time from when a block becomes the tip of the
// node that mined it until it is the tip of all eight nodes. The nodes listen on
// loopback addresses and have their stores on disk. Each block has one transaction,
// which all nodes have in their mempools.
//
// With outbound=8 every node is connected with every other. With outbound=2 each
// node chooses two peers, so that many nodes get a block through another node.
func BenchmarkPropagation(b *testing.B) {
	const nodes = 8
	for _, outbound := range []int{8, 2} {
		b.Run(fmt.Sprintf("nodes=%d/outbound=%d", nodes, outbound), func(b *testing.B) { propagation(b, nodes, outbound) })
	}
}

func propagation(b *testing.B, count, outbound int) {
	seen := arrivals{at: map[pow.Hash][]time.Time{}, full: make(chan struct{}, 1), all: count}
	nodes := make([]*liveNode, count)
	for i := range nodes {
		c := Config{Network: p2p.Limits{Gossip: gossip.Limits{Outbound: outbound}}}
		if i > 0 {
			c.Peers = []gossip.Address{gossip.Address(nodes[i-1].url)}
		}
		nodes[i] = startLive(b, c)
		b.Cleanup(nodes[i].Chain().Subscribe(seen.see))
	}
	peers := 0
	eventually(b, "the nodes have found each other", func() bool {
		peers = 0
		for _, n := range nodes {
			k := len(n.Network().Peers())
			if k < min(outbound, count-1) {
				return false
			}
			peers += k
		}
		return true
	})
	var all, middle []time.Duration
	for i := 0; b.Loop(); i++ {
		from := nodes[i%count]
		from.want(201, "Success", "POST", "/new_transaction", fmt.Sprintf(`{"author":"ann","content":"%d"}`, i))
		for _, n := range nodes {
			eventually(b, "the post is pending everywhere", func() bool {
				pending, _ := n.Chain().PendingCount()
				return pending == 1
			})
		}
		from.want(200, "is mined.", "POST", "/mine", "")
		select {
		case <-seen.full:
		case <-time.After(time.Minute):
			b.Fatal("a block is not everywhere after a minute")
		}
		seen.mu.Lock()
		at := seen.at[from.Chain().Tip().Hash]
		all = append(all, at[count-1].Sub(at[0]))
		middle = append(middle, at[count/2].Sub(at[0]))
		seen.mu.Unlock()
	}
	slices.Sort(all)
	slices.Sort(middle)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(all[len(all)/2]), "ms/block")
	b.ReportMetric(ms(all[len(all)*99/100]), "p99-ms")
	b.ReportMetric(ms(middle[len(middle)/2]), "half-ms")
	b.ReportMetric(float64(peers)/float64(count), "peers/node")
	b.ReportMetric(0, "ns/op") // not shown: it includes the waits between blocks
}
