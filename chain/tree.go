package chain

import (
	"cmp"
	"hash/maphash"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// tree has every block of the store without its body, and knows which of them form
// the active branch. A block takes 128 bytes, and about 16 more in the hash table.
// Neither contains a pointer, so the garbage collector does not scan them.
//
// The nodes are numbered in the order in which they were added, parents before
// children. Genesis is number 0.
type tree struct {
	params rules.Params
	chunks [][]node // of chunkSize nodes each; only the first one begins smaller and grows
	count  int32    // of nodes
	slots  []int32  // a hash table with open addressing: the number of a node plus 1, or 0; the length is a power of two
	seed   maphash.Seed
	active []int32 // the nodes of the active branch, by height

	// leaves are the nodes without children, the tips of all branches, in ascending order
	// of their work. Of two with the same work, the one that was added first comes last.
	leaves []int32

	heldBack []int32 // the nodes that are held back, parents first: see Chain.HoldBack
	latest   uint32  // no node has a later time
}

// node is a block: the fields of its header, and what has been computed from it and
// the blocks below. The header's Prev is the hash of the node parent.
type node struct {
	hash, merkleRoot pow.Hash
	work             pow.Work // of the branch from genesis to this block
	version          int32
	time             uint32
	bits             pow.Bits
	nonce            uint32
	parent           int32  // -1 for genesis
	height           int32  // at most block.MaxHeight
	first            uint32 // rules.State.FirstTime
	invalid          bool   // whether this block or one below it failed when it was to be connected
	heldBack         bool   // whether this block is in tree.heldBack; its children are there as well
}

// The sizes of a chunk. A chunk is full before the next one is made. The first chunk
// begins small because a simulation has thousands of short chains.
const (
	chunkSize  = 1 << 10
	firstChunk = 1 << 4
)

// newTree returns a tree with genesis alone.
func newTree(p rules.Params) *tree {
	t := &tree{params: p, slots: make([]int32, 16), seed: maphash.MakeSeed()}
	header, _ := p.Genesis()
	t.add(-1, header, p.GenesisState())
	t.active = []int32{0}
	return t
}

func (t *tree) at(i int32) *node { return &t.chunks[i/chunkSize][i%chunkSize] }

// slot returns the slot of the hash, or the empty slot into which it would go. The
// slot depends on a random seed, so that an attacker who can choose some bits of the
// hashes cannot fill one part of the table.
func (t *tree) slot(hash pow.Hash) *int32 {
	mask := uint64(len(t.slots) - 1)
	for at := maphash.Bytes(t.seed, hash[:]) & mask; ; at = (at + 1) & mask {
		if n := t.slots[at]; n == 0 || t.at(n-1).hash == hash {
			return &t.slots[at]
		}
	}
}

func (t *tree) find(hash pow.Hash) (int32, bool) {
	n := *t.slot(hash)
	return n - 1, n != 0
}

// add adds a block that is not in the tree yet. s is the state of the branch with the
// block on top. The new node is invalid if its parent is.
func (t *tree) add(parent int32, h pow.Header, s rules.State) int32 {
	t.grow()
	if 4*int(t.count) >= 3*len(t.slots) {
		t.slots = make([]int32, 2*len(t.slots))
		for i := range t.count {
			*t.slot(t.at(i).hash) = i + 1
		}
	}
	i := t.count
	t.count++
	*t.at(i) = node{
		hash: s.Hash, merkleRoot: h.MerkleRoot, work: s.Work,
		version: h.Version, time: h.Time, bits: h.Bits, nonce: h.Nonce,
		parent: parent, height: int32(s.Height), first: s.FirstTime,
		invalid: parent >= 0 && t.at(parent).invalid,
	}
	*t.slot(s.Hash) = i + 1
	t.latest = max(t.latest, h.Time)
	t.addLeaf(parent, i)
	return i
}

// addLeaf notes that node i, which has no children, has been added above parent. Most
// leaves with much work are new ones, so the place in the list is near its end.
func (t *tree) addLeaf(parent, i int32) {
	if parent >= 0 {
		if at, ok := slices.BinarySearchFunc(t.leaves, parent, t.compareLeaves); ok {
			t.leaves = slices.Delete(t.leaves, at, at+1)
		}
	}
	at, _ := slices.BinarySearchFunc(t.leaves, i, t.compareLeaves)
	t.leaves = slices.Insert(t.leaves, at, i)
}

func (t *tree) compareLeaves(a, b int32) int {
	if order := t.at(a).work.Cmp(t.at(b).work); order != 0 {
		return order
	}
	return cmp.Compare(b, a)
}

// isLeaf reports whether the node has no children.
func (t *tree) isLeaf(i int32) bool {
	_, ok := slices.BinarySearchFunc(t.leaves, i, t.compareLeaves)
	return ok
}

// grow makes room for one more node. It may move the nodes, so a pointer that at has
// returned must not be used afterwards.
func (t *tree) grow() {
	switch count := int(t.count); {
	case count == 0:
		t.chunks = [][]node{make([]node, firstChunk)}
	case count < chunkSize && count == len(t.chunks[0]):
		t.chunks[0] = append(make([]node, 0, 2*count), t.chunks[0]...)[:2*count]
	case count%chunkSize == 0:
		t.chunks = append(t.chunks, make([]node, chunkSize))
	}
}

func (t *tree) header(i int32) pow.Header {
	n := t.at(i)
	h := pow.Header{Version: n.version, MerkleRoot: n.merkleRoot, Time: n.time, Bits: n.bits, Nonce: n.nonce}
	if n.parent >= 0 {
		h.Prev = t.at(n.parent).hash
	}
	return h
}

// state returns the state of the branch that ends with the block.
func (t *tree) state(i int32) rules.State {
	n := t.at(i)
	s := rules.State{Height: int64(n.height), Hash: n.hash, Work: n.work, Time: n.time, Bits: n.bits, FirstTime: n.first}
	var few [rules.MedianSpan]rules.Stamp
	latest := few[:0] // moves to the heap on networks that look back further
	for range min(int(n.height)+1, t.params.StateSpan()) {
		latest = append(latest, rules.Stamp{Time: n.time, Bits: n.bits})
		if n.parent >= 0 {
			n = t.at(n.parent)
		}
	}
	return t.params.RestoreState(s, latest)
}

// interval returns the time from the header time of a block's parent to its own,
// as [Observer.BlockConnected] defines it.
func (t *tree) interval(i int32) time.Duration {
	n := t.at(i)
	if n.height <= 1 {
		return 0
	}
	return time.Duration(max(0, int64(n.time)-int64(t.at(n.parent).time))) * time.Second
}

func (t *tree) tip() int32 { return t.active[len(t.active)-1] }

func (t *tree) isActive(i int32) bool {
	height := int(t.at(i).height)
	return height < len(t.active) && t.active[height] == i
}

// route returns the path from the active tip to the block: the nodes to disconnect,
// beginning with the tip, and the nodes to connect, ending with the block.
func (t *tree) route(to int32) (disconnect, connect []int32) {
	for ; !t.isActive(to); to = t.at(to).parent {
		connect = append(connect, to)
	}
	slices.Reverse(connect)
	for height := len(t.active) - 1; height > int(t.at(to).height); height-- {
		disconnect = append(disconnect, t.active[height])
	}
	return disconnect, connect
}

// activate makes the branch that ends with the block the active one.
func (t *tree) activate(to int32) {
	disconnect, connect := t.route(to)
	t.active = append(t.active[:len(t.active)-len(disconnect)], connect...)
}

// invalidate marks the block and all blocks above it as invalid. They must not be on
// the active branch.
func (t *tree) invalidate(bad int32) {
	t.at(bad).invalid = true
	for i := bad + 1; i < t.count; i++ {
		if n := t.at(i); t.at(n.parent).invalid {
			n.invalid = true
		}
	}
}

// best returns the block with the most work that is neither invalid nor held back.
// Among several with the same work it prefers one of the active branch, and then the
// one that was added first.
func (t *tree) best() int32 {
	height := len(t.active) - 1
	for t.at(t.active[height]).heldBack {
		height--
	}
	best := t.active[height]
	for i := range t.count {
		if n := t.at(i); !n.invalid && !n.heldBack && n.work.Cmp(t.at(best).work) > 0 {
			best = i
		}
	}
	return best
}
