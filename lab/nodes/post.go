package nodes

import (
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// posts records the transactions that clients have posted and that a node has
// acknowledged.
type posts struct {
	ids   []pow.Hash
	at    []time.Duration // when each was acknowledged
	count int             // attempts, refused ones included
	run   int             // counts the calls of PostEvery
}

// Post is a transaction that a client has posted and a node has acknowledged.
type Post struct {
	ID pow.Hash
	At time.Duration // since the start of the simulation
}

// Posts returns the transactions that were acknowledged, in order of time.
func (n *Net) Posts() []Post {
	posts := make([]Post, len(n.posts.ids))
	for i, id := range n.posts.ids {
		posts[i] = Post{ID: id, At: n.posts.at[i]}
	}
	return posts
}

// Posted returns the number of transactions that were acknowledged.
func (n *Net) Posted() int { return len(n.posts.ids) }

// PostEvery makes clients post transactions from now on, each to a random node if
// that is up. The time between two posts is exponentially distributed with the
// given mean. StopPosting, or another call, ends it.
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

// Post makes a client post a transaction to the node, which must be up.
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
		posts.ids = append(posts.ids, tx.ID())
		posts.at = append(posts.at, n.net.now)
	}
	n.tellChanges()
}
