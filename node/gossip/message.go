package gossip

import (
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Version is the version of the protocol. Nodes of different versions refuse each
// other.
const Version = 1

// Limits of messages. A node that sends more is banned.
const (
	MaxLocator   = 64      // hashes in a GetHeaders
	MaxHeaders   = 2000    // headers in an answer
	MaxBlocks    = 128     // hashes in a GetBlocks
	MaxTxs       = 512     // ids in a GetTxs
	MaxPoolPage  = 2000    // ids in a page of the mempool
	MaxAddresses = 256     // addresses in an answer
	MaxAnnounced = 1024    // hashes and ids in an Announce, together
	BlocksBytes  = 2 << 20 // size of an answer to GetBlocks at which no further block is added
	TxsBytes     = 1 << 20 // size of an answer to GetTxs at which no further transaction is added
)

// Request is a request of one node to another: a Hello, Announce, GetHeaders,
// GetBlocks, GetTxs, GetPool or GetAddresses.
type Request interface{ request() }

// Answer is the answer to a Request: a Welcome, Done, Headers, Blocks, Txs, Pool or
// Addresses.
type Answer interface{ answer() }

// Tip is the last block of a node's best chain.
type Tip struct {
	Hash   pow.Hash `json:"hash"`
	Height int64    `json:"height"`
	Work   pow.Work `json:"chainwork"`
}

// Greeting describes a node. Nodes exchange greetings when they connect.
type Greeting struct {
	Version   int      `json:"version"`
	Network   string   `json:"network"`
	NetworkID pow.Hash `json:"network_id"`
	Node      NodeID   `json:"node_id"`
	Address   Address  `json:"address"` // on which the node listens, by its own account
	Tip       Tip      `json:"tip"`
	Time      int64    `json:"time_ms,omitempty"` // of its clock, in Unix milliseconds; 0: the node does not say
}

// Hello greets a node, which answers with a Welcome.
type Hello struct {
	Greeting
	Session Session `json:"session"` // by which the sender will recognise the receiver
}

// Welcome answers a Hello.
type Welcome struct {
	Greeting

	// Listed says whether the Hello came with a session that the answering node knows, so
	// that its sender is one of the peers of that node now, under this or another of its
	// addresses. Nodes of earlier versions do not say it: nil.
	Listed *bool `json:"listed,omitempty"`
}

// Announce lists blocks and transactions that its sender has. The receiver refuses
// it without a session, and otherwise answers with Done.
type Announce struct {
	Blocks []Announced `json:"blocks,omitempty"`
	Txs    []pow.Hash  `json:"txs,omitempty"`
}

// Announced is a block and the time since it was found. That is the age that the
// sender was told plus the time since then, so the propagation of a block is
// measured without comparing clocks. It leaves out the time on the wire.
type Announced struct {
	Hash pow.Hash      `json:"hash"`
	Age  time.Duration `json:"age_ns"`
}

// Done answers an Announce.
type Done struct{}

// GetHeaders asks for the headers of the active branch that follow the first hash
// of the locator on that branch, or those that follow genesis if no hash is.
type GetHeaders struct {
	Locator []pow.Hash `json:"locator"`
}

// Headers answers GetHeaders. If there are fewer than MaxHeaders, the last one is the
// tip.
type Headers struct{ Headers []pow.Header }

// GetBlocks asks for blocks by hash.
type GetBlocks struct {
	Hashes []pow.Hash `json:"hashes"`
}

// Blocks answers GetBlocks. It contains the blocks in the order of the request, up
// to the first that the node does not have, or that would make the answer longer
// than BlocksBytes.
type Blocks struct{ Blocks []block.Block }

// GetTxs asks for pending transactions by id.
type GetTxs struct {
	IDs []pow.Hash `json:"ids"`
}

// Txs answers GetTxs. It contains the transactions that are pending, in the order of
// the request, as far as they fit into TxsBytes.
type Txs struct{ Txs []block.Tx }

// GetPool asks for the ids of at most Limit pending transactions, in order of
// arrival from position From on.
type GetPool struct{ From, Limit int }

// Pool answers GetPool with a page of the mempool.
type Pool struct {
	IDs   []pow.Hash `json:"ids"`
	Total int        `json:"total"` // pending transactions in all
}

// GetAddresses asks for the addresses of other nodes.
type GetAddresses struct{}

// Addresses answers GetAddresses with at most MaxAddresses of them.
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
