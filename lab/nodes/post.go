package nodes

import (
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// posts are the transactions that clients have posted, and been told that they
// are taken.
type posts struct {
	ids   []pow.Hash
	at    []time.Duration
	index map[pow.Hash]int
	count int // tried
	run   int // counts the calls of PostEvery
}

func newPosts() posts { return posts{index: map[pow.Hash]int{}} }

// Posted returns how many transactions were taken.
func (n *Net) Posted() int { return len(n.posts.ids) }

// PostEvery has clients post transactions from now on, so much time apart on
// average, each to a node that is up.
func (n *Net) PostEvery(mean time.Duration) {
	n.posts.run++
	n.postLater(n.posts.run, mean)
}

// StopPosting ends PostEvery.
func (n *Net) StopPosting() { n.posts.run++ }

func (n *Net) postLater(run int, mean time.Duration) {
	wait := time.Duration(n.postRandom.ExpFloat64() * float64(mean))
	n.after(wait, func() {
		if n.posts.run != run {
			return
		}
		if node := n.Nodes[n.postRandom.IntN(len(n.Nodes))]; node.up {
			node.Post()
		}
		n.postLater(run, mean)
	})
}

// Post has a client post a transaction to the node, which must be up.
func (n *Node) Post() {
	posts := &n.net.posts
	posts.count++
	tx, err := block.NewTx(fmt.Appendf(nil, `{"author":"client","content":"post %d"}`, posts.count), n.clock())
	if err != nil {
		panic(err)
	}
	_, err = n.chain.AddTx(tx)
	n.net.log.of(n.net.now, n.index, "post %.8s %v", tx.ID(), err)
	if err == nil {
		posts.index[tx.ID()] = len(posts.ids)
		posts.ids = append(posts.ids, tx.ID())
		posts.at = append(posts.at, n.net.now)
	}
	n.tellChanges()
}
