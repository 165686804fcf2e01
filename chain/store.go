package chain

import (
	"errors"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// Store keeps what must survive: blocks (stale ones too), the active tip, which
// transaction stands in which block of the active branch, and the pending
// transactions in order of arrival. A store does not know the rules; [Chain]
// decides, and tells the store.
//
// Its methods may be called at once from many goroutines.
type Store interface {
	// Load hands over every block's header in an order in which parents come
	// first, and returns the active tip and the pending transactions in
	// ascending order of their Seq. An empty store returns the zero hash. What
	// Load reads it checks; damage is an error that wraps [ErrDamaged].
	Load(header func(pow.Header) error) (tip pow.Hash, pending []Pending, err error)

	// Commit makes all of a change durable, or nothing of it, and returns when
	// it is on disk. Concurrent calls may share one write. The error wraps
	// [ErrNoSpace] when the disk is full; the store then goes on reading, and
	// takes changes again once there is space.
	Commit(Change) error

	// Block returns a block in the form of [Block.AppendBinary], or an error
	// that wraps [ErrNotFound]. The bytes are the caller's.
	Block(hash pow.Hash) ([]byte, error)

	// FindTx returns the hash of the block of the active branch that holds the
	// transaction, or an error that wraps [ErrNotFound].
	FindTx(id pow.Hash) (blk pow.Hash, err error)

	// FindTxs does the same for many at once. It returns a hash for each id, the
	// zero hash where FindTx would say that there is none.
	FindTxs(ids []pow.Hash) (blocks []pow.Hash, err error)

	Close() error
}

// Change is what a store makes durable at once. Its parts apply in the order of
// the fields.
type Change struct {
	Blocks []block.Block // new ones, parents before children

	// Disconnect and Connect move the active branch: their transactions leave
	// and enter the index. Blocks come in the order of the moves, so Disconnect
	// begins with the old tip and Connect ends with the new one. Their bodies
	// are in the store or in Blocks. The last hash of Connect becomes the
	// active tip.
	Disconnect, Connect []pow.Hash

	AddPending    []Pending
	RemovePending []uint64 // by Seq; one that is not there is no error
}

// Pending is a transaction that waits for a block.
type Pending struct {
	Seq uint64 // orders pending transactions by arrival; never given twice
	Tx  block.Tx
}

// Errors of a store, to be tested with [errors.Is].
var (
	ErrNotFound = errors.New("not found")
	ErrNoSpace  = errors.New("no space left on the disk")
	ErrDamaged  = errors.New("the store is damaged")
	ErrLocked   = errors.New("another process has the store open")
	ErrClosed   = errors.New("the store is closed")
)
