package chain

import (
	"errors"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Store keeps everything that must survive a restart: all blocks, also those beside
// the active branch; the active tip; indexes of the transactions on the active
// branch by id, author and public key; and the pending transactions in order of arrival. A store does not know
// the rules. The [Chain] decides and tells the store.
//
// The methods may be called from several goroutines at the same time.
type Store interface {
	// Load calls header with the header of every block, parents before children,
	// and stops at its first error. It returns the active tip and the pending
	// transactions in ascending order of their Seq. An empty store returns the zero
	// hash. Load checks whatever it reads; the error wraps [ErrDamaged] if the
	// store is damaged.
	Load(header func(pow.Header) error) (tip pow.Hash, pending []Pending, err error)

	// Commit makes either the whole change durable or no part of it, and returns
	// when the change is on disk. Concurrent calls may share one write. The error
	// wraps [ErrNoSpace] if the disk is full; the store can still be read then, and
	// takes changes again once there is space. The error wraps [ErrBroken] if the
	// store has given up: the change at which it gave up may be on disk or not, and
	// no later change is.
	Commit(Change) error

	// Block returns a block in the form of [block.Block.AppendBinary], or an error
	// that wraps [ErrNotFound]. The caller may change the bytes.
	Block(hash pow.Hash) ([]byte, error)

	// FindTx returns the hash of the block on the active branch that contains the
	// transaction, or an error that wraps [ErrNotFound].
	FindTx(id pow.Hash) (in pow.Hash, err error)

	// FindTxs does the same for several transactions. It returns one hash for each
	// id, which is the zero hash where FindTx would return ErrNotFound.
	FindTxs(ids []pow.Hash) (blocks []pow.Hash, err error)

	// TxsOf returns the places of the transactions of an owner on the active branch, the
	// newest first: at most limit of them, all below the place before, or from the tip on
	// if before is the zero value. It takes time in proportion to its answer. A store may
	// index hashes of the names instead of the names. If two names have the same hash, it
	// returns the places of both, so the caller compares the names.
	TxsOf(owner TxOwner, before TxCursor, limit int) ([]TxAt, error)

	Close() error
}

// Change is a set of changes that a store makes durable as one. They apply in the
// order of the fields.
type Change struct {
	Blocks []block.Block // new blocks, parents before children

	// Disconnect and Connect move the active tip. The transactions of the blocks
	// to disconnect leave the indexes, and those of the blocks to connect enter them.
	// Disconnect begins with the old tip, and Connect ends with the new one. All of
	// these blocks are in the store or in Blocks.
	Disconnect, Connect []pow.Hash

	AddPending []Pending

	// Unmined says that the change is refused, with an error that wraps [ErrMined], if
	// before it a transaction of AddPending is in a block of the active branch.
	Unmined bool

	RemovePending []uint64 // numbers, see Pending.Seq; a number that is not in use is ignored
}

// Pending is a transaction that waits for a block, as a store keeps it.
type Pending struct {
	Seq uint64 // the transactions are in ascending order of their numbers, and no number is used twice
	Tx  block.Tx
}

// Errors of a store, to be tested with [errors.Is].
var (
	ErrNotFound = errors.New("not found")
	ErrMined    = errors.New("it is in a block already")
	ErrNoSpace  = errors.New("no space left on the disk")
	ErrBroken   = errors.New("the store takes no changes until it is opened again")
	ErrDamaged  = errors.New("the store is damaged")
	ErrLocked   = errors.New("another process has the store open")
	ErrClosed   = errors.New("the store is closed")
)
