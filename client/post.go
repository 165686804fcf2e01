package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// Posted says what became of a post.
type Posted struct {
	Message string   `json:"message"` // for people: Success, or Already pending
	ID      pow.Hash `json:"id"`      // of the transaction
	Known   bool     `json:"-"`       // the same signed transaction was pending already
}

// Post posts a transaction with an author and a text. It returns when the transaction is
// on the node's disk. The node sets the time.
func (c *Client) Post(ctx context.Context, author, content string) (Posted, error) {
	body, err := json.Marshal(map[string]string{"author": author, "content": content})
	if err != nil {
		return Posted{}, err
	}
	return c.PostJSON(ctx, body)
}

// PostTx posts a transaction that exists already: a signed one, which [block.Sign] makes.
// The node gives one that is not signed another time, and so another id.
func (c *Client) PostTx(ctx context.Context, tx block.Tx) (Posted, error) {
	return c.PostJSON(ctx, []byte(tx.String()))
}

// PostJSON posts a transaction that is given as a JSON object: with the fields author and
// content, and any others.
//
// The post carries a new Idempotency-Key, the same in each try. The node remembers it
// until it restarts. If it restarts between two tries, a post that is not signed may be
// added twice; a signed one never is.
func (c *Client) PostJSON(ctx context.Context, tx []byte) (Posted, error) {
	var p Posted
	status, err := c.do(ctx, call{
		method: http.MethodPost, path: "new_transaction", body: tx,
		header: http.Header{"Idempotency-Key": {rand.Text()}},
	}, &p)
	p.Known = err == nil && status == http.StatusOK
	return p, err
}

// Mined says what [Client.Mine] has achieved.
type Mined struct {
	Message string   `json:"message"` // for people
	Mined   bool     `json:"mined"`   // a block was mined; else nothing was pending, or see GoesOn
	Height  int64    `json:"height"`  // of the block
	Hash    pow.Hash `json:"hash"`    // of the block
	GoesOn  bool     `json:"-"`       // the node has stopped waiting, and the search goes on
}

// Mine has the node mine the pending transactions into a block, and waits for it. If the
// context ends before, the search goes on nevertheless.
func (c *Client) Mine(ctx context.Context) (Mined, error) {
	var m Mined
	status, err := c.do(ctx, call{method: http.MethodPost, path: "mine", wait: blockWait, once: true}, &m)
	m.GoesOn = err == nil && status == http.StatusAccepted
	return m, err
}

// Mode says when a node mines.
type Mode string

// The modes of mining.
const (
	MineOff        Mode = "off"        // never
	MineOnDemand   Mode = "on-demand"  // when a client asks
	MinePending    Mode = "pending"    // when a transaction is pending
	MineContinuous Mode = "continuous" // always, blocks without transactions too
)

// SetMode has the node mine in another mode, until it is changed again or the node is
// restarted.
func (c *Client) SetMode(ctx context.Context, mode Mode) error {
	body, err := json.Marshal(map[string]Mode{"mode": mode})
	if err != nil {
		return err
	}
	_, err = c.do(ctx, call{method: http.MethodPost, path: "miner", body: body}, nil)
	return err
}

// Added says what became of a block.
type Added struct {
	Message string   `json:"message"` // for people
	Outcome string   `json:"outcome"` // best, side, known or held
	Hash    pow.Hash `json:"hash"`
	Height  int64    `json:"height"`
}

// AddBlock submits a block that somebody has mined.
func (c *Client) AddBlock(ctx context.Context, b block.Block) (Added, error) {
	body, err := b.MarshalJSON()
	if err != nil {
		return Added{}, err
	}
	var a Added
	_, err = c.do(ctx, call{method: http.MethodPost, path: "add_block", body: body}, &a)
	return a, err
}

// Register connects the node with another one, and returns once each of the two has the
// other in its list of peers. address is http://host:port. The node gives up after at most
// 10 seconds, with status 502 and a sentence that says what it has found at the address, or
// with 504 if it is late itself.
func (c *Client) Register(ctx context.Context, address string) error {
	body, err := json.Marshal(map[string]string{"node_address": address})
	if err != nil {
		return err
	}
	_, err = c.do(ctx, call{method: http.MethodPost, path: "register_with", body: body, wait: max(c.timeout, registerWait)}, nil)
	return err
}
