package client

import (
	"context"

	"github.com/lodepow/lode/pow"
)

// NodeStatus is the state of a node.
type NodeStatus struct {
	Version string `json:"version"`
	Kernel  string `json:"kernel"`  // with which it hashes
	Workers int    `json:"workers"` // that hash at the same time
	Network struct {
		Name string   `json:"name"`
		ID   pow.Hash `json:"id"`
	} `json:"network"`

	Height     int64    `json:"height"` // of the tip
	Hash       pow.Hash `json:"hash"`   // of the tip
	Chainwork  pow.Work `json:"chainwork"`
	Bits       pow.Bits `json:"bits"`       // of the next block
	Difficulty float64  `json:"difficulty"` // of the next block; that of bits 1d00ffff is 1

	Mempool Mempool  `json:"mempool"`
	Mining  Progress `json:"mining"`
	Peers   int      `json:"peers"` // that it is connected with
	Sync    Sync     `json:"sync"`  // how far it is in catching up with its peers
	Uptime  float64  `json:"uptime_seconds"`
	Clock   *Clock   `json:"clock"` // nil: no peer has said its time
}

// Mempool counts the pending transactions.
type Mempool struct {
	Transactions int `json:"transactions"`
	Bytes        int `json:"bytes"` // of their canonical forms
}

// Progress says how far the search for a block is.
type Progress struct {
	Active   bool    `json:"active"`
	Height   int64   `json:"height"`  // of the block
	Seconds  float64 `json:"seconds"` // since the search began
	Hashes   uint64  `json:"hashes"`  // so far
	Expected float64 `json:"expected_hashes"`
	Rate     float64 `json:"hashes_per_second"`

	Mode    Mode     `json:"mode"`         // when the node mines
	Total   uint64   `json:"hashes_total"` // since the node was started
	Odds    float64  `json:"odds"`         // probability that the search would have ended by now
	Workers []Worker `json:"workers"`
	Blocks  struct {
		Best   uint64 `json:"best"`   // on the active branch when they were found
		Lost   uint64 `json:"lost"`   // another block was there first
		Failed uint64 `json:"failed"` // the chain has refused them
	} `json:"blocks"` // that the node has solved since it was started
}

// Worker is one of the workers of a node's miner.
type Worker struct {
	Hashes uint64  `json:"hashes_total"`      // since the node was started
	Rate   float64 `json:"hashes_per_second"` // during the last seconds
}

// Sync says how far a node is in catching up with its peers.
type Sync struct {
	Active    bool    `json:"active"`
	Height    int64   `json:"height"` // of the last block taken
	Target    int64   `json:"target"` // height that the peers claim to have
	PerSecond float64 `json:"blocks_per_second"`
	Left      float64 `json:"seconds_left"`
}

// Clock compares a node's clock with the median of its peers' clocks.
type Clock struct {
	Offset float64 `json:"offset_seconds"` // positive if the node's clock is ahead
	Peers  int     `json:"peers"`          // whose clocks count
}

// Status returns the state of the node.
func (c *Client) Status(ctx context.Context) (NodeStatus, error) {
	var s NodeStatus
	err := c.get(ctx, "status", nil, &s)
	return s, err
}
