package chain

import (
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// ErrPoolFull is the error of a transaction for which the mempool has no room.
// None is ever thrown out for another: an acknowledged one stays.
var ErrPoolFull = errors.New("the mempool is full")

// firstSeq is the Seq of the first transaction. New ones count up from it; those
// that a reorg returns came before all that wait, and get numbers below the
// lowest.
const firstSeq = 1 << 62

// mempool is the transactions that wait for a block, in order of arrival. The
// chain's mu guards it.
type mempool struct {
	maxTxs, maxBytes int

	entries    map[pow.Hash]*entry
	head       *entry // of a ring in order of Seq, no transaction itself
	low, high  uint64
	txs, bytes int // in the ring

	// Those on disk. Only they are shown, mined and counted to the outside.
	durableTxs, durableBytes int
}

// entry is a transaction in the mempool. It gets in before it is written, so
// that another post of it finds it and a block that has it takes it out.
type entry struct {
	tx         block.Tx
	seq        uint64
	prev, next *entry

	durable bool // on disk
	gone    bool // not in the mempool any more

	done chan struct{} // closed when the write is over, err is set by then
	err  error
}

func newMempool(maxTxs, maxBytes int) mempool {
	head := &entry{}
	head.prev, head.next = head, head
	return mempool{
		head:   head,
		maxTxs: maxTxs, maxBytes: maxBytes,
		entries: map[pow.Hash]*entry{},
		low:     firstSeq, high: firstSeq,
	}
}

// add makes room for a transaction that is to be written.
func (m *mempool) add(tx block.Tx) (*entry, error) {
	if m.txs >= m.maxTxs || m.bytes+tx.Size() > m.maxBytes {
		return nil, fmt.Errorf("%w: %d transactions of %d bytes wait for a block", ErrPoolFull, m.txs, m.bytes)
	}
	e := &entry{tx: tx, seq: m.high, done: make(chan struct{})}
	m.high++
	m.insert(e, m.head.prev)
	return e, nil
}

// restore puts a transaction back that is on disk with that Seq, after the entry
// that is given.
func (m *mempool) restore(p Pending, after *entry) *entry {
	e := &entry{tx: p.Tx, seq: p.Seq, done: make(chan struct{})}
	close(e.done)
	m.insert(e, after)
	m.settle(e)
	return e
}

func (m *mempool) insert(e, after *entry) {
	e.prev, e.next = after, after.next
	e.prev.next, e.next.prev = e, e
	m.entries[e.tx.ID()] = e
	m.txs++
	m.bytes += e.tx.Size()
}

// settle says that the entry is on disk.
func (m *mempool) settle(e *entry) {
	e.durable = true
	m.durableTxs++
	m.durableBytes += e.tx.Size()
}

func (m *mempool) remove(e *entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
	e.gone = true
	delete(m.entries, e.tx.ID())
	m.txs--
	m.bytes -= e.tx.Size()
	if e.durable {
		m.durableTxs--
		m.durableBytes -= e.tx.Size()
	}
}

// reserve returns the first of n numbers below all others.
func (m *mempool) reserve(n int) uint64 {
	m.low -= uint64(n)
	return m.low
}

func (m *mempool) find(id pow.Hash) (block.Tx, bool) {
	if e := m.entries[id]; e != nil && e.durable {
		return e.tx, true
	}
	return block.Tx{}, false
}

// each calls f with the transactions on disk, in order, until it returns false.
func (m *mempool) each(f func(block.Tx) bool) {
	for e := m.head.next; e != m.head; e = e.next {
		if e.durable && !f(e.tx) {
			return
		}
	}
}

// Pending returns the pending transactions in order of arrival, from the one at
// that position on, at most limit of them.
func (c *Chain) Pending(from, limit int) []block.Tx {
	return pendingPage(c, from, limit, func(tx block.Tx) block.Tx { return tx })
}

// PendingIDs returns the ids of what [Chain.Pending] returns.
func (c *Chain) PendingIDs(from, limit int) []pow.Hash {
	return pendingPage(c, from, limit, block.Tx.ID)
}

func pendingPage[T any](c *Chain, from, limit int, of func(block.Tx) T) []T {
	c.mu.RLock()
	defer c.mu.RUnlock()
	from = max(from, 0)
	count := min(limit, c.pool.durableTxs-from)
	if count <= 0 {
		return nil
	}
	page := make([]T, 0, count)
	c.pool.each(func(tx block.Tx) bool {
		if from--; from < 0 {
			page = append(page, of(tx))
		}
		return len(page) < count
	})
	return page
}

// HasPending reports whether a transaction is in the mempool: pending, or about
// to be, when its write to the disk is over.
func (c *Chain) HasPending(id pow.Hash) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.pool.entries[id] != nil
}

// PendingCount returns how many transactions are pending, and their bytes.
func (c *Chain) PendingCount() (txs, bytes int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.pool.durableTxs, c.pool.durableBytes
}
