package block

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/lodepow/lode/pow"
)

// blockJSON is the JSON form of a block. The names of its fields are those of the
// original tutorial and, where the tutorial has no such field, those of Bitcoin
// Core. It is used for writing only; see decodeBlock.
type blockJSON struct {
	Index        *int64             `json:"index"`
	Hash         *pow.Hash          `json:"hash"`
	Version      *int32             `json:"version"`
	PreviousHash *pow.Hash          `json:"previous_hash"`
	MerkleRoot   *pow.Hash          `json:"merkle_root"`
	Timestamp    *uint32            `json:"timestamp"`
	Bits         *pow.Bits          `json:"bits"`
	Nonce        *uint32            `json:"nonce"`
	Coinbase     *Coinbase          `json:"coinbase"`
	Transactions *[]json.RawMessage `json:"transactions"`
}

// MarshalJSON implements [json.Marshaler]. The fields are index, hash, version,
// previous_hash, merkle_root, timestamp (in seconds), bits, nonce, coinbase (in hex)
// and transactions.
func (b Block) MarshalJSON() ([]byte, error) {
	head, err := marshalHead(b.Header, b.Coinbase)
	if err != nil {
		return nil, err
	}
	size := len(head) + len(jsonEnd)
	for _, tx := range b.Txs {
		size += tx.Size() + len(",")
	}
	out := append(make([]byte, 0, size), head...)
	for i, tx := range b.Txs {
		if tx.canonical == "" {
			return nil, errZeroTx
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, tx.canonical...)
	}
	return append(out, jsonEnd...), nil
}

// jsonEnd is what follows the transactions in the JSON form.
const jsonEnd = "]}"

// marshalHead returns the JSON form up to the first transaction. The canonical form of a
// transaction is JSON already. An encoder would parse it again, which takes far longer than
// all else.
func marshalHead(h pow.Header, coinbase Coinbase) ([]byte, error) {
	hash := h.Hash()
	head, err := json.Marshal(blockJSON{
		Index: &coinbase.Height, Hash: &hash, Version: &h.Version, PreviousHash: &h.Prev,
		MerkleRoot: &h.MerkleRoot, Timestamp: &h.Time, Bits: &h.Bits, Nonce: &h.Nonce,
		Coinbase: &coinbase, Transactions: &[]json.RawMessage{},
	})
	if err != nil {
		return nil, err
	}
	return head[:len(head)-len(jsonEnd)], nil
}

// UnmarshalJSON implements [json.Unmarshaler]. All fields are required, index must be
// the height in the coinbase, and hash must be that of the header. Unknown fields are
// refused, because they would be lost.
func (b *Block) UnmarshalJSON(data []byte) error {
	parsed, txs, err := decodeBlock(data)
	if err != nil {
		return err
	}
	if parsed.Txs, err = parseTxs(txs); err != nil {
		return err
	}
	*b = parsed
	return nil
}

// ParseJSON reads the JSON form. Before it parses the transactions and verifies their
// signatures, it calls check with the header and the number of transactions. If check
// returns an error, ParseJSON returns it.
func ParseJSON(data []byte, check func(h pow.Header, txs int) error) (Block, error) {
	b, txs, err := decodeBlock(data)
	if err != nil {
		return Block{}, err
	}
	if err := check(b.Header, len(txs)); err != nil {
		return Block{}, err
	}
	b.Txs, err = parseTxs(txs)
	return b, err
}

// decodeBlock reads everything except the transactions, which it returns as text.
func decodeBlock(data []byte) (Block, []string, error) {
	text := string(data)
	members, _, err := scanJSON(text, 2)
	if err != nil {
		return Block{}, nil, fmt.Errorf("block: %w", err)
	}
	var b Block
	var index int64
	var hash pow.Hash
	var txs []string
	h := &b.Header
	read := map[string]func(value string) error{
		"index":         func(v string) error { return integer(v, math.MinInt64, math.MaxInt64, &index) },
		"hash":          func(v string) error { return unmarshalText(v, &hash) },
		"version":       func(v string) error { return integer(v, math.MinInt32, math.MaxInt32, &h.Version) },
		"previous_hash": func(v string) error { return unmarshalText(v, &h.Prev) },
		"merkle_root":   func(v string) error { return unmarshalText(v, &h.MerkleRoot) },
		"timestamp":     func(v string) error { return integer(v, 0, math.MaxUint32, &h.Time) },
		"bits":          func(v string) error { return unmarshalText(v, &h.Bits) },
		"nonce":         func(v string) error { return integer(v, 0, math.MaxUint32, &h.Nonce) },
		"coinbase":      func(v string) error { return unmarshalText(v, &b.Coinbase) },
		"transactions":  func(v string) (err error) { txs, err = elements(v); return err },
	}
	for _, m := range members {
		f, ok := read[m.key]
		if !ok {
			return Block{}, nil, fmt.Errorf("block: unknown field %.40q", m.key)
		}
		if value := text[m.value:m.end]; value != "null" { // null counts as missing
			if err := f(value); err != nil {
				return Block{}, nil, fmt.Errorf("block: %s: %w", m.key, err)
			}
			delete(read, m.key)
		}
	}
	for _, field := range []string{
		"index", "hash", "version", "previous_hash", "merkle_root", "timestamp", "bits", "nonce", "coinbase", "transactions",
	} {
		if read[field] != nil {
			return Block{}, nil, fmt.Errorf("block: %s: missing", field)
		}
	}
	if index != b.Coinbase.Height {
		return Block{}, nil, fmt.Errorf("block: index %d, but the coinbase says height %d", index, b.Coinbase.Height)
	}
	if is := b.Hash(); hash != is {
		return Block{}, nil, fmt.Errorf("block: hash %s, but the header's is %s", hash, is)
	}
	return b, txs, nil
}

func parseTxs(texts []string) ([]Tx, error) {
	txs := make([]Tx, len(texts))
	for i, text := range texts {
		tx, err := ParseTx([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("block: transaction %d: %w", i, err)
		}
		txs[i] = tx
	}
	return txs, nil
}
