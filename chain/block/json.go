package block

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lodepow/lode/pow"
)

// blockJSON is the JSON form of a block. The names of its fields are those of the
// original tutorial and, where the tutorial has no such field, those of Bitcoin
// Core. The fields are pointers because a missing field must not pass for a zero.
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
	hash := b.Hash()
	txs := make([]json.RawMessage, len(b.Txs))
	for i, tx := range b.Txs {
		txs[i] = json.RawMessage(tx.String())
	}
	h := b.Header
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // which would change the canonical form of transactions
	err := enc.Encode(blockJSON{
		Index: &b.Coinbase.Height, Hash: &hash, Version: &h.Version, PreviousHash: &h.Prev,
		MerkleRoot: &h.MerkleRoot, Timestamp: &h.Time, Bits: &h.Bits, Nonce: &h.Nonce,
		Coinbase: &b.Coinbase, Transactions: &txs,
	})
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
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
func decodeBlock(data []byte) (Block, []json.RawMessage, error) {
	// encoding/json would accept repeated keys and names that differ in case.
	members, _, err := scanJSON(string(data), 2)
	if err != nil {
		return Block{}, nil, fmt.Errorf("block: %w", err)
	}
	for _, m := range members {
		if strings.Trim(m.key, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return Block{}, nil, fmt.Errorf("block: unknown field %.40q", m.key)
		}
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var j blockJSON
	if err := dec.Decode(&j); err != nil {
		return Block{}, nil, fmt.Errorf("block: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Block{}, nil, errors.New("block: want one JSON object and nothing after it")
	}
	for _, field := range []struct {
		name    string
		missing bool
	}{
		{"index", j.Index == nil},
		{"hash", j.Hash == nil},
		{"version", j.Version == nil},
		{"previous_hash", j.PreviousHash == nil},
		{"merkle_root", j.MerkleRoot == nil},
		{"timestamp", j.Timestamp == nil},
		{"bits", j.Bits == nil},
		{"nonce", j.Nonce == nil},
		{"coinbase", j.Coinbase == nil},
		{"transactions", j.Transactions == nil},
	} {
		if field.missing {
			return Block{}, nil, fmt.Errorf("block: %s: missing", field.name)
		}
	}
	parsed := Block{
		Header: pow.Header{
			Version: *j.Version, Prev: *j.PreviousHash, MerkleRoot: *j.MerkleRoot,
			Time: *j.Timestamp, Bits: *j.Bits, Nonce: *j.Nonce,
		},
		Coinbase: *j.Coinbase,
	}
	if *j.Index != parsed.Coinbase.Height {
		return Block{}, nil, fmt.Errorf("block: index %d, but the coinbase says height %d", *j.Index, parsed.Coinbase.Height)
	}
	if hash := parsed.Hash(); *j.Hash != hash {
		return Block{}, nil, fmt.Errorf("block: hash %s, but the header's is %s", *j.Hash, hash)
	}
	return parsed, *j.Transactions, nil
}

func parseTxs(texts []json.RawMessage) ([]Tx, error) {
	txs := make([]Tx, len(texts))
	for i, text := range texts {
		tx, err := ParseTx(text)
		if err != nil {
			return nil, fmt.Errorf("block: transaction %d: %w", i, err)
		}
		txs[i] = tx
	}
	return txs, nil
}
