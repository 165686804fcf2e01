package block

import (
	"encoding/binary"
	"fmt"

	"github.com/lodepow/lode/pow"
)

// Block is a header with the coinbase and the transactions that it commits to.
type Block struct {
	Header   pow.Header
	Coinbase Coinbase
	Txs      []Tx
}

// Hash returns the hash of the header.
func (b Block) Hash() pow.Hash { return b.Header.Hash() }

// Height returns the height that the coinbase claims.
func (b Block) Height() int64 { return b.Coinbase.Height }

// IDs returns the leaves of the merkle tree: the id of the coinbase, then those of
// the transactions.
func (b Block) IDs() []pow.Hash {
	ids := make([]pow.Hash, 0, 1+len(b.Txs))
	ids = append(ids, b.Coinbase.ID())
	for _, tx := range b.Txs {
		ids = append(ids, tx.ID())
	}
	return ids
}

// Size returns the number of bytes that count against the network's limit: those of
// the header, the coinbase and the canonical forms of the transactions.
func (b Block) Size() int {
	size := pow.HeaderSize + b.Coinbase.size()
	for _, tx := range b.Txs {
		size += tx.Size()
	}
	return size
}

// AppendBinary appends the binary form, in which blocks are stored and sent to peers.
// It consists of the header (80 bytes), the length of the coinbase, the coinbase,
// the number of transactions, and for each transaction its length and its canonical
// form. Lengths and the number are unsigned varints. AppendBinary fails if the
// coinbase is not valid.
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

// Parse reads the binary form. It accepts only the bytes that AppendBinary writes, so
// that a block has one binary form. Transactions are checked as [ParseTx] does.
// Parse does not check whether the block keeps the rules of a network.
func Parse(data []byte) (Block, error) { return parseBlock(data, ParseTx) }

// Load reads the binary form of a block that this node has parsed and stored before.
// It does not verify signatures again; instead it returns an error unless the merkle
// root shows that the transactions are still the same.
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

// parseBlock reads the binary form, and parses each transaction with parseTx.
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

// minTxRecord is the size of the shortest transaction in the binary form, including
// its length. parseBlock uses it to refuse a count for which the data is too short
// before it allocates memory for the count.
const minTxRecord = 1 + len(`{"author":"a","content":"b","timestamp":0}`)

var errBlockCut = fmt.Errorf("block: ends too early")

// blockReader reads the parts of the binary form. After an error its methods return
// zeros, so that the caller can check err once for several calls.
type blockReader struct {
	data []byte // not read yet
	err  error
}

// take reads n bytes.
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

// number reads an unsigned varint in its shortest form.
func (r *blockReader) number() uint64 {
	if r.err != nil {
		return 0
	}
	n, size := binary.Uvarint(r.data)
	if size <= 0 || size > 1 && n>>(7*(size-1)) == 0 { // cut short, over 64 bits, or not in its shortest form
		r.err = errBlockCut
		return 0
	}
	r.data = r.data[size:]
	return n
}

// lengthAndBytes reads a length and as many bytes.
func (r *blockReader) lengthAndBytes() []byte {
	n := r.number()
	if r.err == nil && n > uint64(len(r.data)) {
		r.err = errBlockCut
		return nil
	}
	return r.take(int(n))
}
