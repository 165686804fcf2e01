package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// get calls a path that answers with one JSON value.
func (c *Client) get(ctx context.Context, path string, query url.Values, v any) error {
	_, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query}, v)
	return err
}

// Tx is a transaction and where it is.
type Tx struct {
	ID            pow.Hash `json:"id"`
	Pending       bool     `json:"pending"`
	Block         pow.Hash `json:"block"`         // that contains it; the zero hash while it is pending
	Height        int64    `json:"height"`        // of that block
	Index         int      `json:"index"`         // among the leaves of the merkle tree; the coinbase has 0
	Confirmations int64    `json:"confirmations"` // number of blocks from that block to the tip, both included
	Transaction   block.Tx `json:"transaction"`
}

// Tx returns the transaction with an id, pending or mined.
func (c *Client) Tx(ctx context.Context, id pow.Hash) (Tx, error) {
	var tx Tx
	err := c.get(ctx, "tx/"+id.String(), nil, &tx)
	return tx, err
}

// Owner selects transactions: those of an author, those signed with a key, or all. At most
// one field is set.
type Owner struct {
	Author string
	Key    string // the public key as 64 hex digits
}

// TxPage is a part of a list of transactions, newest first.
type TxPage struct {
	Transactions []Tx   `json:"transactions"`
	Next         string `json:"next"` // where the next part begins, for Txs; "": this is the last one
}

// Txs lists the transactions of an owner, the newest first. Pending ones come first, in the
// list without before. before is TxPage.Next of the part before, or "". limit is the
// maximum number of mined transactions, up to 100; 0: the node's default.
func (c *Client) Txs(ctx context.Context, owner Owner, before string, limit int) (TxPage, error) {
	query := url.Values{}
	for name, value := range map[string]string{"author": owner.Author, "key": owner.Key, "before": before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var page TxPage
	err := c.get(ctx, "txs", query, &page)
	return page, err
}

// Branch is a branch of the tree of blocks.
type Branch struct {
	Hash       pow.Hash `json:"hash"`   // of the block at its end
	Height     int64    `json:"height"` // of that block
	Chainwork  pow.Work `json:"chainwork"`
	Active     bool     `json:"active"`
	Fork       pow.Hash `json:"fork"` // the highest block that is on the active branch, too
	ForkHeight int64    `json:"fork_height"`
	Length     int64    `json:"length"`    // number of blocks above the fork
	Invalid    bool     `json:"invalid"`   // a block of it breaks a rule
	HeldBack   bool     `json:"held_back"` // it is ahead of the node's clock
}

// Branches lists branches, the active one first, then those with the most work. limit is
// their maximum number, up to 100; 0: the node's default.
func (c *Client) Branches(ctx context.Context, limit int) ([]Branch, error) {
	query := url.Values{}
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var answer struct {
		Branches []Branch `json:"branches"`
	}
	err := c.get(ctx, "branches", query, &answer)
	return answer.Branches, err
}

// Proof proves that a transaction is in a block.
type Proof struct {
	Transaction block.Tx
	Merkle      block.MerkleProof
	Header      pow.Header // of the block
	Height      int64      // of the block; the proof does not cover it
}

// Proof returns a proof that a transaction is in a block, and verifies it: the
// transaction has the id, the merkle branch leads from it to the header's root, and the
// header meets its own bits. A node can still prove a transaction by a block that is not
// on the chain with the most work, or whose bits are easier than the network's; only the
// headers of the chain tell.
func (c *Client) Proof(ctx context.Context, id pow.Hash) (Proof, error) {
	var answer struct {
		Transaction block.Tx          `json:"transaction"`
		Proof       block.MerkleProof `json:"proof"`
		Block       struct {
			Height int64 `json:"height"`
		} `json:"block"`
		Header string `json:"header"`
	}
	if err := c.get(ctx, "tx/"+id.String()+"/proof", nil, &answer); err != nil {
		return Proof{}, err
	}
	header, err := pow.ParseHeader(answer.Header)
	if err != nil {
		return Proof{}, fmt.Errorf("the proof of %s: its header: %w", id, err)
	}
	p := Proof{answer.Transaction, answer.Proof, header, answer.Block.Height}
	if p.Transaction.ID() != id {
		return Proof{}, fmt.Errorf("the proof of %s is that of another transaction, %s", id, p.Transaction.ID())
	}
	if err := p.Merkle.Verify(id, header.MerkleRoot); err != nil {
		return Proof{}, fmt.Errorf("the proof of %s: %w", id, err)
	}
	target, err := header.Bits.Target()
	if err != nil {
		return Proof{}, fmt.Errorf("the proof of %s: its header: %w", id, err)
	}
	if !header.Hash().Meets(target) {
		return Proof{}, fmt.Errorf("the proof of %s: the hash of its header does not meet the bits %s", id, header.Bits)
	}
	return p, nil
}

// Block returns the block with a hash, on whatever branch it is. The block is parsed,
// but the rules of the network are not checked.
func (c *Client) Block(ctx context.Context, hash pow.Hash) (block.Block, error) {
	b, err := c.block(ctx, hash.String())
	if err == nil && b.Hash() != hash {
		err = fmt.Errorf("the block %s: the node sent another one, %s", hash, b.Hash())
	}
	return b, err
}

// BlockAt returns the block at a height of the active branch.
func (c *Client) BlockAt(ctx context.Context, height int64) (block.Block, error) {
	return c.block(ctx, strconv.FormatInt(height, 10))
}

// TipBlock returns the block at the end of the active branch.
func (c *Client) TipBlock(ctx context.Context) (block.Block, error) { return c.block(ctx, "tip") }

func (c *Client) block(ctx context.Context, id string) (b block.Block, err error) {
	err = c.get(ctx, "blocks/"+id, nil, &b)
	return b, err
}

// maxHashes is the number of hashes that HeadersAfter can send.
const maxHashes = 64

// Headers returns the headers of the active branch from a height on, at most limit and
// at most 2000 of them, and the number of blocks of the branch. limit 0 means 2000.
func (c *Client) Headers(ctx context.Context, from int64, limit int) (headers []pow.Header, length int64, err error) {
	query := url.Values{"from": {strconv.FormatInt(from, 10)}}
	return c.headers(ctx, query, limit)
}

// HeadersAfter returns the headers after the first of the hashes that is on the active
// branch, or after the genesis block if there is none. The newest hash comes first; there
// may be 64.
func (c *Client) HeadersAfter(ctx context.Context, hashes []pow.Hash, limit int) (headers []pow.Header, length int64, err error) {
	if len(hashes) == 0 || len(hashes) > maxHashes {
		return nil, 0, fmt.Errorf("client: %d hashes, want 1 to %d", len(hashes), maxHashes)
	}
	words := make([]string, len(hashes))
	for i, h := range hashes {
		words[i] = h.String()
	}
	return c.headers(ctx, url.Values{"after": {strings.Join(words, ",")}}, limit)
}

func (c *Client) headers(ctx context.Context, query url.Values, limit int) ([]pow.Header, int64, error) {
	if limit != 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var answer struct {
		Length  int64 `json:"length"`
		Headers []struct {
			Hash       pow.Hash `json:"hash"`
			Version    int32    `json:"version"`
			Prev       pow.Hash `json:"previous_hash"`
			MerkleRoot pow.Hash `json:"merkle_root"`
			Time       uint32   `json:"timestamp"`
			Bits       pow.Bits `json:"bits"`
			Nonce      uint32   `json:"nonce"`
		} `json:"headers"`
	}
	if err := c.get(ctx, "headers", query, &answer); err != nil {
		return nil, 0, err
	}
	headers := make([]pow.Header, len(answer.Headers))
	for i, h := range answer.Headers {
		headers[i] = pow.Header{Version: h.Version, Prev: h.Prev, MerkleRoot: h.MerkleRoot, Time: h.Time, Bits: h.Bits, Nonce: h.Nonce}
		if got := headers[i].Hash(); got != h.Hash {
			return nil, 0, fmt.Errorf("headers: number %d of the answer has the hash %s, but the answer calls it %s", i, got, h.Hash)
		}
		if i > 0 && h.Prev != headers[i-1].Hash() {
			return nil, 0, fmt.Errorf("headers: number %d of the answer is not the child of the one before", i)
		}
	}
	return headers, answer.Length, nil
}

// Peer is a node that the node is connected with.
type Peer struct {
	Address   string   `json:"address"`   // at which the peer listens
	Direction string   `json:"direction"` // out: the node chose the peer; in: the peer chose the node
	Node      string   `json:"node_id"`   // random, new each time the peer starts
	Height    int64    `json:"height"`    // of the tip that the peer announced last
	Hash      pow.Hash `json:"hash"`      // of that tip
	Chainwork pow.Work `json:"chainwork"` // of that tip
	Since     float64  `json:"since"`     // when it was connected, in seconds since 1970-01-01 UTC
	Seen      float64  `json:"seen"`      // when it was last heard from, likewise

	// Delay is the shortest time, in seconds, in which the peer has answered a call of
	// the node; zero if it has answered none.
	Delay float64 `json:"delay_seconds"`
}

// Peers lists the nodes that the node is connected with.
func (c *Client) Peers(ctx context.Context) ([]Peer, error) {
	var peers []Peer
	err := c.get(ctx, "peers", nil, &peers)
	return peers, err
}

// Health returns nil if the node runs and can take changes.
func (c *Client) Health(ctx context.Context) error { return c.get(ctx, "healthz", nil, nil) }
