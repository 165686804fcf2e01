package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lodepow/lode/chain/block"
)

// ErrReorg is the error of [Client.Blocks] if the active branch has changed since it
// began, so that the next block is not a child of the last one.
var ErrReorg = errors.New("the node has switched to another branch: begin again at a lower height")

// meter reads an answer of any length, of which each item is bounded. It cancels the
// request if the next bytes do not come in time, but not while nobody reads.
type meter struct {
	r       io.Reader
	most    int64         // bytes that an item may have
	left    int64         // bytes that the present item may still have
	timeout time.Duration // for the next bytes
	cancel  context.CancelCauseFunc
}

// Read implements [io.Reader].
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errTooLong
	}
	p = p[:min(int64(len(p)), m.left)]
	timer := time.AfterFunc(m.timeout, func() { m.cancel(fmt.Errorf("nothing has come from the node for %v", m.timeout)) })
	n, err := m.r.Read(p)
	timer.Stop()
	m.left -= int64(n)
	return n, err
}

// open sends a request for an answer that is read piece by piece. The caller must call
// the function that open returns.
func (c *Client) open(ctx context.Context, k call) (resp *http.Response, body *meter, done func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(c.timeout, func() { cancel(fmt.Errorf("the node did not answer within %v", c.timeout)) })
	resp, err = c.send(ctx, k)
	timer.Stop()
	if err != nil {
		cancel(nil)
		return nil, nil, nil, err
	}
	done = func() {
		cancel(nil) // ends the answer, however much of it is left
		_ = resp.Body.Close()
	}
	return resp, &meter{r: causes{ctx, resp.Body}, most: c.most, left: c.most, timeout: c.timeout, cancel: cancel}, done, nil
}

// causes reads an answer, and says in its errors why the request was cancelled.
type causes struct {
	ctx context.Context
	r   io.Reader
}

// Read implements [io.Reader].
func (c causes) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = causeOf(c.ctx, err)
	}
	return n, err
}

// list decodes the items of a JSON array one at a time, and calls use with each. It ends
// early, without an error, when use returns false.
func (m *meter) list(dec *json.Decoder, use func(json.RawMessage) (more bool, err error)) error {
	if err := want(dec, json.Delim('[')); err != nil {
		return err
	}
	for dec.More() {
		m.left = m.most
		var item json.RawMessage
		if err := dec.Decode(&item); err != nil {
			return err
		}
		if more, err := use(item); err != nil || !more {
			return err
		}
	}
	return want(dec, json.Delim(']'))
}

func want(dec *json.Decoder, token json.Token) error {
	got, err := dec.Token()
	if err == nil && got != token {
		err = fmt.Errorf("%w: it has %v in place of %v", errNotNode, got, token)
	}
	return err
}

// Blocks returns the blocks of the active branch from a height on, up to the tip. Only
// one of them is in memory at a time. If the connection breaks, Blocks goes on where it
// was. If it cannot, or if the node changes to another branch meanwhile ([ErrReorg]), the
// last pair is the zero block with an error.
func (c *Client) Blocks(ctx context.Context, from int64) iter.Seq2[block.Block, error] {
	return func(yield func(block.Block, error) bool) {
		s := blockScan{c: c, ctx: ctx, next: from, yield: yield}
		for {
			before := s.next
			err := c.repeat(ctx, false, s.request)
			if s.stopped || err == nil {
				return
			}
			if s.next == before || ctx.Err() != nil || !errors.As(err, new(broken)) {
				yield(block.Block{}, err)
				return
			}
		}
	}
}

// blockScan is one run of Blocks.
type blockScan struct {
	c       *Client
	ctx     context.Context
	next    int64       // height of the next block
	last    block.Block // the block before, if any is true
	any     bool
	yield   func(block.Block, error) bool
	stopped bool // yield has returned false
}

// request asks for the blocks from next on, and reads as many as come.
func (s *blockScan) request() error {
	k := call{method: http.MethodGet, path: "chain", query: url.Values{"from": {strconv.FormatInt(s.next, 10)}}}
	_, body, done, err := s.c.open(s.ctx, k) //nolint:bodyclose // done closes it
	if err != nil {
		return err
	}
	defer done()
	dec := json.NewDecoder(body)
	// {"length":N,"chain":[…],"peers":[…]}
	for _, token := range []json.Token{json.Delim('{'), "length"} {
		if err := want(dec, token); err != nil {
			return unread(s.ctx, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return unread(s.ctx, err)
	}
	if err := want(dec, "chain"); err != nil {
		return unread(s.ctx, err)
	}
	err = body.list(dec, s.use)
	if err != nil && !errors.As(err, new(fatal)) {
		return unread(s.ctx, err)
	}
	return err
}

// fatal wraps an error of a stream after which there is no point in trying again.
type fatal struct{ err error }

// Error returns the text of the wrapped error.
func (f fatal) Error() string { return f.err.Error() }

// Unwrap returns the wrapped error.
func (f fatal) Unwrap() error { return f.err }

// use yields the next block.
func (s *blockScan) use(item json.RawMessage) (more bool, err error) {
	var b block.Block
	if err := b.UnmarshalJSON(item); err != nil {
		return false, fatal{fmt.Errorf("block %d: %w", s.next, err)}
	}
	if b.Height() != s.next {
		return false, fatal{fmt.Errorf("block %d: the node sent the one at height %d", s.next, b.Height())}
	}
	if s.any && b.Header.Prev != s.last.Hash() {
		return false, fatal{ErrReorg}
	}
	s.last, s.any = b, true
	s.next++
	if !s.yield(b, nil) {
		s.stopped = true
		return false, nil
	}
	return true, nil
}

// Pending returns the pending transactions in order of arrival. A block that is mined
// meanwhile moves the ones after it forward, so that some may be left out. If the list
// cannot be read to its end, the last pair is the zero transaction with an error.
func (c *Client) Pending(ctx context.Context) iter.Seq2[block.Tx, error] {
	return func(yield func(block.Tx, error) bool) {
		next, stopped := 0, false
		for {
			total, before := 0, next
			err := c.repeat(ctx, false, func() error {
				resp, body, done, err := c.open(ctx, call{method: http.MethodGet, path: "pending_tx", query: url.Values{"from": {strconv.Itoa(next)}}}) //nolint:bodyclose // done closes it
				if err != nil {
					return err
				}
				defer done()
				total, _ = strconv.Atoi(resp.Header.Get("X-Total-Count"))
				err = body.list(json.NewDecoder(body), func(item json.RawMessage) (bool, error) {
					tx, err := block.ParseTx(item)
					if err != nil {
						return false, fatal{fmt.Errorf("pending transaction %d: %w", next, err)}
					}
					next++
					stopped = !yield(tx, nil)
					return !stopped, nil
				})
				if err != nil && !errors.As(err, new(fatal)) {
					return unread(ctx, err)
				}
				return err
			})
			switch {
			case stopped:
				return
			case err != nil:
				yield(block.Tx{}, err)
				return
			case next == before || next >= total:
				return
			}
		}
	}
}
