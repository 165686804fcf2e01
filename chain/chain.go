package chain

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"

	"github.com/lodepow/lode/pow"
)

// Config says which chain, and how much to hold in memory. Fields left zero
// stand for their defaults, all but Params and Store.
type Config struct {
	Params rules.Params
	Store  Store
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: none

	// Bounds of the mempool. What a reorg returns comes on top.
	PoolTxs   int // 0: 65,536
	PoolBytes int // 0: 64 MiB

	// Bounds of the blocks held until their parent or their time comes.
	Orphans     int // 0: 512
	OrphanBytes int // 0: 64 MiB
}

// Chain is the one that a node follows: blocks from anywhere come in through
// [Chain.Accept], transactions through [Chain.AddTx], and both are in the store
// before anything that is told or seen says so.
//
// Its methods may be called at once from many goroutines. It has no goroutine
// of its own; closing the store is left to who opened it.
type Chain struct {
	params rules.Params
	store  Store
	now    func() time.Time
	log    *slog.Logger

	// write is held by the one who changes the tree, from the first look at it
	// until the store has the change; mu only while memory changes. So those who
	// read, and posts, wait for no disk. write is locked before mu. Whoever
	// holds write may read the tree without mu.
	write   sync.Mutex
	held    held    // guarded by write
	invalid hashSet // guarded by write: refused for good, and not in the tree

	mu   sync.RWMutex
	tree *tree
	tip  rules.State // of tree.tip()
	pool mempool

	// stale are pending transactions that the store still has and the mempool
	// has not. The next change removes them; until then they do no harm, since
	// Open drops them too. Guarded by mu.
	stale []uint64

	events  events // its queue is filled under mu, so events come in order
	metrics metrics
}

// Open reads the chain that is in the store, checks its links and its work, and
// puts genesis into an empty one. The error wraps [ErrDamaged] when the store
// holds what it should not.
func Open(c Config) (*Chain, error) {
	if c.Params == (rules.Params{}) {
		return nil, errors.New("chain: no network parameters: make them with rules.New, rules.Parse or rules.Load")
	}
	if c.Store == nil {
		return nil, errors.New("chain: no store")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.PoolTxs = cmp.Or(c.PoolTxs, 1<<16)
	c.PoolBytes = cmp.Or(c.PoolBytes, 64<<20)
	c.Orphans = cmp.Or(c.Orphans, 512)
	c.OrphanBytes = cmp.Or(c.OrphanBytes, 64<<20)

	p := c.Params
	ch := &Chain{
		params:  p,
		store:   c.Store,
		now:     c.Now,
		log:     c.Logger,
		held:    newHeld(c.Orphans, c.OrphanBytes),
		invalid: newHashSet(maxInvalid),
		tree:    newTree(p),
		tip:     rules.Genesis(p),
		pool:    newMempool(c.PoolTxs, c.PoolBytes),
	}
	ch.metrics = newMetrics()
	if err := ch.load(); err != nil {
		return nil, fmt.Errorf("open the chain: %w", err)
	}
	return ch, nil
}

// Params returns the network.
func (c *Chain) Params() rules.Params { return c.params }

// Tip returns the state at the top of the active branch.
func (c *Chain) Tip() rules.State {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.tip
}

// Len returns the number of blocks on the active branch, genesis included.
func (c *Chain) Len() int64 { return c.Tip().Height + 1 }

// HashAt returns the hash of the block of the active branch at that height.
func (c *Chain) HashAt(height int64) (pow.Hash, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if height < 0 || height >= int64(len(c.tree.active)) {
		return pow.Hash{}, false
	}
	return c.tree.at(c.tree.active[height]).hash, true
}

// HeaderInfo is a header and where it stands.
type HeaderInfo struct {
	Header pow.Header
	Hash   pow.Hash
	Height int64
	Work   pow.Work // of the branch up to here
	Active bool     // on the active branch

	// Invalid: stored as a side branch, and refused when that was to become the
	// active one.
	Invalid bool
}

// Header returns what is known of any block in the store.
func (c *Chain) Header(hash pow.Hash) (HeaderInfo, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, ok := c.tree.find(hash)
	if !ok {
		return HeaderInfo{}, false
	}
	n := c.tree.at(i)
	return HeaderInfo{
		Header: c.tree.header(i), Hash: hash, Height: int64(n.height), Work: n.work,
		Active: c.tree.isActive(i), Invalid: n.invalid,
	}, true
}

// State returns the state at the top of the branch that ends with that block. It
// knows all blocks in the store but those of which [HeaderInfo] says that they
// are invalid.
func (c *Chain) State(hash pow.Hash) (rules.State, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, ok := c.tree.find(hash)
	if !ok || c.tree.at(i).invalid {
		return rules.State{}, false
	}
	return c.tree.state(i), true
}

// Headers returns headers of the active branch from that height on, at most
// limit of them.
func (c *Chain) Headers(from int64, limit int) []pow.Header {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.headers(from, limit)
}

func (c *Chain) headers(from int64, limit int) []pow.Header {
	from = max(from, 0)
	count := min(int64(limit), int64(len(c.tree.active))-from)
	if count <= 0 {
		return nil
	}
	headers := make([]pow.Header, count)
	for i := range headers {
		headers[i] = c.tree.header(c.tree.active[from+int64(i)])
	}
	return headers
}

// HeadersAfter returns the headers that follow the first hash of the locator
// that is on the active branch, at most limit of them; those after genesis if
// none is.
func (c *Chain) HeadersAfter(locator []pow.Hash, limit int) []pow.Header {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, hash := range locator {
		if i, ok := c.tree.find(hash); ok && c.tree.isActive(i) {
			return c.headers(int64(c.tree.at(i).height)+1, limit)
		}
	}
	return c.headers(1, limit)
}

// Locator returns hashes of the active branch by which another node finds where
// its own leaves it: the latest ten, then with gaps that double, then genesis.
func (c *Chain) Locator() []pow.Hash {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var hashes []pow.Hash
	step := 1
	for height := len(c.tree.active) - 1; height > 0; height -= step {
		hashes = append(hashes, c.tree.at(c.tree.active[height]).hash)
		if len(hashes) >= 10 {
			step *= 2
		}
	}
	return append(hashes, c.tree.at(0).hash)
}

// RawBlock reads any block in the store, of the active branch or not, and returns
// it in the form of [Block.AppendBinary], not parsed. The error wraps
// [ErrNotFound] or [ErrDamaged]. The bytes are the caller's.
func (c *Chain) RawBlock(hash pow.Hash) ([]byte, error) {
	raw, err := c.store.Block(hash)
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", hash, err)
	}
	return raw, nil
}

// Block reads any block in the store, of the active branch or not. The error
// wraps [ErrNotFound] or [ErrDamaged].
func (c *Chain) Block(hash pow.Hash) (block.Block, error) {
	raw, err := c.RawBlock(hash)
	if err != nil {
		return block.Block{}, err
	}
	b, err := block.Load(raw)
	if err != nil {
		return block.Block{}, fmt.Errorf("%w: block %s: %s", ErrDamaged, hash, err.Error())
	}
	if got := b.Hash(); got != hash {
		return block.Block{}, fmt.Errorf("%w: block %s: its header has the hash %s", ErrDamaged, hash, got)
	}
	return b, nil
}
