package nodetest

import (
	"testing"
	"time"
)

func TestSelfishAdHoc(t *testing.T) {
	for seed := range uint64(4) {
		n := New(seed, pollers(Config{Nodes: 3, Know: 2}))
		n.Nodes[0].MineSelfishly()
		n.Mine(100*time.Second, 0.4, 0.3, 0.3)
		n.RunFor(50000 * time.Second)
		c := n.Nodes[1].Chain()
		counts := map[string]int{}
		for height := int64(1); height < c.Len(); height++ {
			hash, _ := c.HashAt(height)
			b, _ := c.Block(hash)
			counts[b.Coinbase.Tag]++
		}
		t.Log(n.Blocks(), c.Len(), counts, float64(counts["n0"])/float64(c.Len()-1), n.faults)
	}
}
