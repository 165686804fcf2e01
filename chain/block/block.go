package block

import (
	"encoding/binary"
	"fmt"

	"github.com/lodepow/lode/pow"
)

// Block is a header and what it commits to.
type Block struct {
	Header   pow.Header
	Coinbase Coinbase
	Txs      []Tx
}

// Hash returns the hash of the header.
func (b Block) Hash() pow.Hash { return b.Header.Hash() }

// Height returns the height that the coinbase states.
func (b Block) Height() int64 { return b.Coinbase.Height }

// IDs returns the leaves of the merkle tree: the coinbase's id and the
// transactions'.
func (b Block) IDs() []pow.Hash {
	ids := make([]pow.Hash, 0, 1+len(b.Txs))
	ids = append(ids, b.Coinbase.ID())
	for _, tx := range b.Txs {
		ids = append(ids, tx.ID())
	}
	return ids
}

// Size returns the bytes that count against [Limits.BlockBytes]: header,
// coinbase and the canonical forms of the transactions.
func (b Block) Size() int {
	size := pow.HeaderSize + b.Coinbase.size()
	for _, tx := range b.Txs {
		size += tx.Size()
	}
	return size
}

// AppendBinary appends the form in which stores and peers keep a block: the
// header's 80 bytes, then the coinbase and each transaction with their lengths
// before them, the count of transactions before the first. Numbers are unsigned
// varints.
func (b Block) AppendBinary(to []byte) ([]byte, error) {
	if err := b.Coinbase.Validate(); err != nil {
		return nil, err
	}
	header := b.Header.Bytes()
	to = append(to, header[:]...)
	var buf [MaxCoinbaseSize]byte
	coinbase, _ := b.Coinbase.serialize(buf[:0])
	to = binary.AppendUvarint(to, uint64(len(coinbase)))
	to = append(to, coinbase...)
	to = binary.AppendUvarint(to, uint64(len(b.Txs)))
	for _, tx := range b.Txs {
		to = binary.AppendUvarint(to, uint64(tx.Size()))
		to = append(to, tx.String()...)
	}
	return to, nil
}

// Parse reads the form that AppendBinary writes, and nothing else.
// Transactions are checked as [ParseTx] does. What the block's rules say of it
// is not asked here; see [State.Check].
func Parse(data []byte) (Block, error) { return parseBlock(data, ParseTx) }

// Load reads a block back from a store that had it from this node: the
// merkle root vouches for the transactions, so their signatures are not verified
// again. Damage is an error.
func Load(data []byte) (Block, error) {
	b, err := parseBlock(data, loadTx)
	if err != nil {
		return Block{}, err
	}
	if root, _ := MerkleRoot(b.IDs()); root != b.Header.MerkleRoot {
		return Block{}, fmt.Errorf("block %s: its transactions are not those that its header commits to", b.Hash())
	}
	return b, nil
}

func parseBlock(data []byte, parseTx func([]byte) (Tx, error)) (Block, error) {
	r := blockReader{data: data}
	var b Block
	b.Header = pow.DecodeHeader((*[pow.HeaderSize]byte)(r.take(pow.HeaderSize)))
	coinbase := r.lengthAndBytes()
	count := r.number()
	if r.err != nil {
		return Block{}, r.err
	}
	var err error
	if b.Coinbase, err = ParseCoinbase(coinbase); err != nil {
		return Block{}, err
	}
	if count > uint64(len(r.data)/minTxRecord) {
		return Block{}, errBlockCut
	}
	b.Txs = make([]Tx, 0, count)
	for i := range count {
		text := r.lengthAndBytes()
		if r.err != nil {
			return Block{}, r.err
		}
		tx, err := parseTx(text)
		if err != nil {
			return Block{}, fmt.Errorf("transaction %d: %w", i, err)
		}
		if tx.String() != string(text) {
			return Block{}, fmt.Errorf("transaction %d: not in its canonical form", i)
		}
		b.Txs = append(b.Txs, tx)
	}
	if len(r.data) > 0 {
		return Block{}, fmt.Errorf("block: %d bytes after its end", len(r.data))
	}
	return b, nil
}

// minTxRecord is the length of the shortest transaction with its length before
// it. A count that the bytes cannot hold must not ask for memory.
const minTxRecord = 1 + len(`{"author":"a","content":"b","timestamp":0}`)

var errBlockCut = fmt.Errorf("block: ends too early")

// blockReader takes a block apart. After an error it hands out zeros.
type blockReader struct {
	data []byte
	err  error
}

func (r *blockReader) take(n int) []byte {
	if r.err == nil && n > len(r.data) {
		r.err = errBlockCut
	}
	if r.err != nil {
		return make([]byte, min(n, pow.HeaderSize))
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken
}

func (r *blockReader) number() uint64 {
	if r.err != nil {
		return 0
	}
	n, size := binary.Uvarint(r.data)
	if size <= 0 || size > 1 && n>>(7*(size-1)) == 0 { // cut, over 64 bits, or padded
		r.err = errBlockCut
		return 0
	}
	r.data = r.data[size:]
	return n
}

func (r *blockReader) lengthAndBytes() []byte {
	n := r.number()
	if r.err == nil && n > uint64(len(r.data)) {
		r.err = errBlockCut
		return nil
	}
	return r.take(int(n))
}
