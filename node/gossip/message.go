package gossip

import (
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// Version is that of the protocol. Nodes of different versions do not talk to
// each other.
const Version = 1

// The most that a message may hold. Who sends more is banned.
const (
	MaxLocator   = 64      // hashes in a GetHeaders
	MaxHeaders   = 2000    // headers in an answer
	MaxBlocks    = 128     // hashes in a GetBlocks
	MaxTxs       = 512     // ids in a GetTxs
	MaxPoolPage  = 2000    // ids in a page of the mempool
	MaxAddresses = 256     // addresses in an answer
	MaxAnnounced = 1024    // hashes and ids in an Announce, together
	BlocksBytes  = 2 << 20 // an answer to GetBlocks has no further block after so many bytes
	TxsBytes     = 1 << 20 // the same for GetTxs
)

// Request is what one node asks of another: Hello, Announce, GetHeaders,
// GetBlocks, GetTxs, GetPool or GetAddresses.
type Request interface{ request() }

// Answer is what a request is answered with, unless by an error: Welcome, Done,
// Headers, Blocks, Txs, Pool or Addresses.
type Answer interface{ answer() }

// Tip is the top of the chain with the most work that a node has.
type Tip struct {
	Hash   pow.Hash `json:"hash"`
	Height int64    `json:"height"`
	Work   pow.Work `json:"chainwork"`
}

// Greeting is what nodes say of themselves.
type Greeting struct {
	Version   int      `json:"version"`
	Network   string   `json:"network"`
	NetworkID pow.Hash `json:"network_id"`
	Node      NodeID   `json:"node_id"`
	Address   Address  `json:"address"` // where it says that it listens
	Tip       Tip      `json:"tip"`
}

// Hello is answered with a Welcome.
type Hello struct {
	Greeting
	Session Session `json:"session"` // for the receiver to use
}

// Welcome answers a Hello.
type Welcome struct{ Greeting }

// Announce says what its sender has. It is answered with Done, and refused
// without a session.
type Announce struct {
	Blocks []Announced `json:"blocks,omitempty"`
	Txs    []pow.Hash  `json:"txs,omitempty"`
}

// Announced is a block, and how long ago it was found: what the sender was told
// when it heard of the block, and the time since. So the time that a block
// travels is measured without comparing clocks, but for the time on the wire.
type Announced struct {
	Hash pow.Hash      `json:"hash"`
	Age  time.Duration `json:"age_ns"`
}

// Done answers an Announce.
type Done struct{}

// GetHeaders asks for the headers of the active branch that follow the first
// hash of the locator that is on it, or those after genesis.
type GetHeaders struct {
	Locator []pow.Hash `json:"locator"`
}

// Headers answers GetHeaders. Fewer than MaxHeaders are the last ones.
type Headers struct{ Headers []pow.Header }

// GetBlocks asks for blocks.
type GetBlocks struct {
	Hashes []pow.Hash `json:"hashes"`
}

// Blocks answers GetBlocks: the blocks in the order in which they were asked
// for, up to the first that is not there or would make it too long.
type Blocks struct{ Blocks []block.Block }

// GetTxs asks for pending transactions.
type GetTxs struct {
	IDs []pow.Hash `json:"ids"`
}

// Txs answers GetTxs: those that are there, in the order in which they were
// asked for, until it would be too long.
type Txs struct{ Txs []block.Tx }

// GetPool asks what is pending, from that position on.
type GetPool struct{ From, Limit int }

// Pool answers GetPool.
type Pool struct {
	IDs   []pow.Hash `json:"ids"`
	Total int        `json:"total"` // pending transactions in all
}

// GetAddresses asks for addresses of other nodes.
type GetAddresses struct{}

// Addresses answers GetAddresses.
type Addresses struct {
	Addresses []Address `json:"addresses"`
}

func (Hello) request()        {}
func (Announce) request()     {}
func (GetHeaders) request()   {}
func (GetBlocks) request()    {}
func (GetTxs) request()       {}
func (GetPool) request()      {}
func (GetAddresses) request() {}

func (Welcome) answer()   {}
func (Done) answer()      {}
func (Headers) answer()   {}
func (Blocks) answer()    {}
func (Txs) answer()       {}
func (Pool) answer()      {}
func (Addresses) answer() {}
