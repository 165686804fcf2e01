package p2p

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// appendHeaders appends headers of 80 bytes each, without separators.
func appendHeaders(to []byte, a gossip.Headers) []byte {
	for _, h := range a.Headers {
		raw := h.Bytes()
		to = append(to, raw[:]...)
	}
	return to
}

func parseHeaders(body []byte) (gossip.Answer, error) {
	if len(body) > gossip.MaxHeaders*pow.HeaderSize {
		return gossip.Headers{}, oversize("%d bytes of headers, at most %d headers", len(body), gossip.MaxHeaders)
	}
	if len(body)%pow.HeaderSize != 0 {
		return gossip.Headers{}, malformed(fmt.Errorf("%d bytes of headers, which have %d each", len(body), pow.HeaderSize))
	}
	a := gossip.Headers{Headers: make([]pow.Header, len(body)/pow.HeaderSize)}
	for i := range a.Headers {
		a.Headers[i] = pow.DecodeHeader((*[pow.HeaderSize]byte)(body[i*pow.HeaderSize:]))
	}
	return a, nil
}

// appendBlocks appends each block in its binary form, preceded by its length as an
// unsigned varint.
func appendBlocks(to []byte, a gossip.Blocks) ([]byte, error) {
	for _, b := range a.Blocks {
		raw, err := b.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		to = appendBlock(to, raw)
	}
	return to, nil
}

func appendBlock(to, raw []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(raw))), raw...)
}

func (e endpoints) parseBlocks(body []byte) (gossip.Answer, error) {
	var a gossip.Blocks
	for len(body) > 0 {
		if len(a.Blocks) == gossip.MaxBlocks {
			return a, oversize("more than %d blocks", gossip.MaxBlocks)
		}
		size, n := binary.Uvarint(body)
		switch {
		case n <= 0 || n > 1 && size>>(7*(n-1)) == 0: // truncated, longer than 64 bits, or padded
			return a, malformed(errors.New("the length of a block cannot be read"))
		case size > uint64(e.maxBlock):
			return a, oversize("a block of %d bytes, at most %d", size, e.maxBlock)
		case size > uint64(len(body)-n):
			return a, malformed(errors.New("the last block is cut"))
		}
		b, err := block.Parse(body[n : n+int(size)])
		if err != nil {
			return a, malformed(err)
		}
		a.Blocks = append(a.Blocks, b)
		body = body[n+int(size):]
	}
	return a, nil
}

// appendTxs appends transactions in their canonical form, one on each line.
func appendTxs(to []byte, a gossip.Txs) []byte {
	for _, tx := range a.Txs {
		to = append(append(to, tx.String()...), '\n')
	}
	return to
}

func parseTxs(body []byte) (gossip.Answer, error) {
	var a gossip.Txs
	for len(body) > 0 {
		if len(a.Txs) == gossip.MaxTxs {
			return a, oversize("more than %d transactions", gossip.MaxTxs)
		}
		line, rest, ok := bytes.Cut(body, []byte{'\n'})
		if !ok {
			return a, malformed(errors.New("the last transaction is cut"))
		}
		tx, err := block.ParseTx(line)
		if err != nil {
			return a, malformed(err)
		}
		if tx.String() != string(line) {
			return a, malformed(fmt.Errorf("transaction %s is not in its canonical form", tx.ID()))
		}
		a.Txs = append(a.Txs, tx)
		body = rest
	}
	return a, nil
}
