package block

import (
	"fmt"

	"github.com/lodepow/lode/pow"
)

// Records gives access to single transactions of a stored block. A page that shows a few
// transactions, or only their number, need not parse all of them, of which a block may
// have thousands.
type Records struct {
	Header   pow.Header
	Coinbase Coinbase

	txs  [][]byte // the canonical forms, which are parts of the binary form
	size int      // see Block.Size
}

// OpenRecords reads the frame of the binary form of a block, which this node has parsed
// and stored before. It checks the lengths, but neither the transactions nor the merkle
// root: the caller must make sure that the bytes have not changed, as a store does with
// its checksums. The result refers to data, which must not change while it is in use.
func OpenRecords(data []byte) (Records, error) {
	r := blockReader{data: data}
	header := pow.DecodeHeader((*[pow.HeaderSize]byte)(r.take(pow.HeaderSize)))
	raw := r.lengthAndBytes()
	count := r.number()
	if r.err != nil {
		return Records{}, r.err
	}
	coinbase, err := ParseCoinbase(raw)
	if err != nil {
		return Records{}, err
	}
	if count > uint64(len(r.data)/minTxRecord) {
		return Records{}, errBlockCut
	}
	records := Records{
		Header: header, Coinbase: coinbase,
		txs: make([][]byte, count), size: pow.HeaderSize + len(raw),
	}
	for i := range records.txs {
		records.txs[i] = r.lengthAndBytes()
		records.size += len(records.txs[i])
	}
	if r.err != nil {
		return Records{}, r.err
	}
	if len(r.data) > 0 {
		return Records{}, fmt.Errorf("block: %d bytes after its end", len(r.data))
	}
	return records, nil
}

// Len returns the number of transactions, without the coinbase.
func (r Records) Len() int { return len(r.txs) }

// Size returns what [Block.Size] returns for the block, in bytes.
func (r Records) Size() int { return r.size }

// Tx reads the transaction with an index, counted from 0, without the coinbase. Its
// signature, if it has one, was verified before the block was stored and is not verified
// again. Tx panics if there is no such transaction.
func (r Records) Tx(index int) (Tx, error) { return loadTx(r.txs[index]) }

// AppendJSON appends what [Block.MarshalJSON] returns for the block. It does not parse the
// transactions, whose canonical forms are JSON already.
func (r Records) AppendJSON(to []byte) ([]byte, error) {
	head, err := marshalHead(r.Header, r.Coinbase)
	if err != nil {
		return to, err
	}
	to = append(to, head...)
	for i, tx := range r.txs {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(to, tx...)
	}
	return append(to, jsonEnd...), nil
}

// JSONSize returns how many bytes AppendJSON appends at most.
func (r Records) JSONSize() int {
	const head = 1 << 10 // bytes; the fields before the transactions take fewer
	return head + r.size + len(r.txs)
}
