package chain

import (
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// ErrPoolFull means that the mempool has no room for a transaction. The mempool
// never drops one transaction for another, because it has acknowledged every
// transaction that it holds.
var ErrPoolFull = errors.New("the mempool is full")

// firstSeq is the Seq of the first transaction of a chain. New transactions are
// numbered upwards from it. Transactions that a reorg returns are numbered downwards
// from the lowest number so far, so that they come before all others.
const firstSeq = 1 << 62

// mempool holds the transactions that wait for a block, in order of arrival.
// Chain.mu guards it.
type mempool struct {
	maxTxs, maxBytes int

	entries    map[pow.Hash]*entry
	head       *entry // of a ring of entries in order of Seq; itself without a transaction
	low, high  uint64 // the numbers given so far are from low to high-1
	txs, bytes int    // of all entries in the ring

	// Of the entries on disk. Entries that are not on disk yet are not shown, not
	// mined, and not included in the numbers that the chain reports.
	durableTxs, durableBytes int
}

// entry is a transaction in the mempool. It is put there before it is written, so
// that a second post of the same transaction finds it, and so that a block that
// contains the transaction takes it out. See Chain.addTx.
type entry struct {
	tx         block.Tx
	seq        uint64
	prev, next *entry

	durable bool // whether the transaction is on disk
	gone    bool // whether the entry has been taken out of the mempool
	over    bool // whether the write is over

	err  error         // the outcome of the write; never changes once over is true
	done chan struct{} // closed when over becomes true; nil if nobody has waited for that
}

// wait returns a channel that is closed when the write is over, or nil if it is over
// already.
func (e *entry) wait() <-chan struct{} {
	if e.over {
		return nil
	}
	if e.done == nil {
		e.done = make(chan struct{})
	}
	return e.done
}

// finish notes the outcome of the write.
func (e *entry) finish(err error) {
	e.over, e.err = true, err
	if e.done != nil {
		close(e.done)
	}
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

// add adds an entry for a transaction that is about to be written. The error wraps
// [ErrPoolFull].
func (m *mempool) add(tx block.Tx) (*entry, error) {
	if m.txs >= m.maxTxs || m.bytes+tx.Size() > m.maxBytes {
		return nil, fmt.Errorf("%w: %d transactions of %d bytes wait for a block", ErrPoolFull, m.txs, m.bytes)
	}
	e := &entry{tx: tx, seq: m.high}
	m.high++
	m.insert(e, m.head.prev)
	return e, nil
}

// restore adds an entry for a transaction that is on disk already, and puts it
// behind the entry after.
func (m *mempool) restore(p Pending, after *entry) *entry {
	e := &entry{tx: p.Tx, seq: p.Seq, over: true}
	m.insert(e, after)
	m.markDurable(e)
	return e
}

func (m *mempool) insert(e, after *entry) {
	e.prev, e.next = after, after.next
	e.prev.next, e.next.prev = e, e
	m.entries[e.tx.ID()] = e
	m.txs++
	m.bytes += e.tx.Size()
}

// markDurable marks the entry as being on disk.
func (m *mempool) markDurable(e *entry) {
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

// reserve reserves n numbers below all that have been given, and returns the lowest
// of them.
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

// each calls f with the transactions on disk, in order, until f returns false.
func (m *mempool) each(f func(block.Tx) bool) {
	for e := m.head.next; e != m.head; e = e.next {
		if e.durable && !f(e.tx) {
			return
		}
	}
}

// Pending returns at most limit pending transactions in order of arrival, beginning
// with the one at the position from.
func (c *Chain) Pending(from, limit int) []block.Tx {
	return pendingPage(c, from, limit, func(tx block.Tx) block.Tx { return tx })
}

// PendingIDs returns the ids of the transactions that [Chain.Pending] returns.
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

// HasPending reports whether a transaction is in the mempool. It may be pending, or
// still be on its way to the disk.
func (c *Chain) HasPending(id pow.Hash) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.pool.entries[id] != nil
}

// PendingCount returns the number of pending transactions and the sum of their
// sizes in bytes.
func (c *Chain) PendingCount() (txs, bytes int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.pool.durableTxs, c.pool.durableBytes
}
