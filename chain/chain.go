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
	"github.com/lodepow/lode/internal/observe"
	"github.com/lodepow/lode/pow"
)

// Config says which chain to open and how much to keep in memory. Params and Store
// must be set. Every other field has a default, which applies if the field is zero.
type Config struct {
	Params rules.Params
	Store  Store
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: none

	// The bounds of the mempool. Transactions that a reorg returns may exceed them.
	PoolTxs   int // 0: 65,536
	PoolBytes int // 0: 64 MiB

	// The bounds of the blocks held until their parent or their time comes.
	Orphans     int // 0: 512
	OrphanBytes int // 0: 64 MiB
}

// maxRefused is how many hashes of refused blocks are remembered. Each cost its
// sender a proof of work, and forgetting one costs another look at the block.
const maxRefused = 4096

// Chain is the block chain that a node follows, with its mempool. It shows and
// announces blocks and transactions only after the store has written them.
//
// The methods may be called from several goroutines at the same time. A Chain
// starts no goroutines and has nothing to close. The caller closes the store.
type Chain struct {
	params rules.Params
	store  Store
	now    func() time.Time
	log    *slog.Logger

	// Two locks keep readers and posts from waiting for the disk. write is held by
	// the goroutine that changes the tree, from its first look at the tree until
	// the change is on disk and in memory. mu is held only while memory is read or
	// changed. write is locked before mu. The holder of write may read the tree
	// and the tip without mu, because nobody else can change them.
	write   sync.Mutex
	held    *held   // guarded by write
	refused hashSet // guarded by write: blocks that are invalid for good and not in the tree

	mu   sync.RWMutex
	tree *tree
	tip  rules.State // at tree.tip()
	pool mempool

	// stale has the numbers of pending transactions that are in the store and no
	// longer in the mempool. The next move removes them from the store. Until then
	// they do no harm, because Open drops them as well.
	stale []uint64

	events    events // filled while mu is held, so that events are in order
	observers observe.List[Observer]
}

// Open reads the chain from the store and checks the links and the work of its
// blocks. It writes genesis into an empty store. The error wraps [ErrDamaged] if
// the contents of the store contradict each other or the rules.
func Open(c Config) (*Chain, error) {
	if c.Params == (rules.Params{}) {
		return nil, errors.New("chain: no network parameters: make them with rules.New, rules.Parse or rules.Load")
	}
	if c.Store == nil {
		return nil, errors.New("chain: no store")
	}
	if min(c.PoolTxs, c.PoolBytes, c.Orphans, c.OrphanBytes) < 0 {
		return nil, fmt.Errorf("chain: PoolTxs is %d, PoolBytes %d, Orphans %d and OrphanBytes %d: want numbers greater than 0, or 0 for the default",
			c.PoolTxs, c.PoolBytes, c.Orphans, c.OrphanBytes)
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
		refused: newHashSet(maxRefused),
		tree:    newTree(p),
		tip:     p.GenesisState(),
		pool:    newMempool(c.PoolTxs, c.PoolBytes),
	}
	if err := ch.load(); err != nil {
		return nil, fmt.Errorf("open the chain: %w", err)
	}
	return ch, nil
}

// Params returns the parameters of the network.
func (c *Chain) Params() rules.Params { return c.params }

// Tip returns the state at the top of the active branch.
func (c *Chain) Tip() rules.State {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.tip
}

// Len returns the number of blocks on the active branch, genesis included.
func (c *Chain) Len() int64 { return c.Tip().Height + 1 }

// HashAt returns the hash of the block at a height on the active branch, or
// false if the branch is not that high.
func (c *Chain) HashAt(height int64) (pow.Hash, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if height < 0 || height >= int64(len(c.tree.active)) {
		return pow.Hash{}, false
	}
	return c.tree.at(c.tree.active[height]).hash, true
}

// HeaderInfo is a stored header with its place in the tree.
type HeaderInfo struct {
	Header pow.Header
	Hash   pow.Hash
	Height int64
	Work   pow.Work // of the branch from genesis to this block
	Active bool     // whether the block is on the active branch

	// Invalid is set if the block was stored beside the active branch, and it or a
	// block below it failed when its branch was to become the active one.
	Invalid bool
}

// Header returns the header and the place of any block in the store.
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

// State returns the state at the top of the branch that ends with the given block.
// It returns false if the block is not in the store, is marked as invalid there (see
// [HeaderInfo]), or is held back (see [Chain.HoldBack]).
func (c *Chain) State(hash pow.Hash) (rules.State, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, ok := c.tree.find(hash)
	if !ok || c.tree.at(i).invalid || c.tree.at(i).heldBack {
		return rules.State{}, false
	}
	return c.tree.state(i), true
}

// Headers returns at most limit headers of the active branch, beginning with the
// header at the height from.
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

// HeadersAfter returns at most limit headers of the active branch, beginning above
// the first block of the locator that is on the active branch. If no block of the
// locator is there, it begins above genesis.
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

// Locator returns hashes of the active branch by which another node can find the
// point where its own branch leaves this one: the latest ten blocks, then blocks at
// distances that double, and genesis last.
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

// RawBlock reads any block in the store, whether it is on the active branch or not,
// and returns it unparsed, in the form of [block.Block.AppendBinary]. The error
// wraps [ErrNotFound] or [ErrDamaged]. The caller may change the bytes.
func (c *Chain) RawBlock(hash pow.Hash) ([]byte, error) {
	raw, err := c.store.Block(hash)
	if err != nil {
		return nil, fmt.Errorf("block %s: %w", hash, err)
	}
	return raw, nil
}

// Block reads any block in the store, whether it is on the active branch or not.
// The error wraps [ErrNotFound] or [ErrDamaged].
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
