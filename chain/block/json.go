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

// blockJSON is a block as clients read and write it. The names are those of the
// original tutorial and, for what it did not have, Bitcoin Core's. Pointers tell
// a missing field from a zero.
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

// MarshalJSON implements [json.Marshaler]: index, hash, version, previous_hash,
// merkle_root, timestamp (seconds), bits, nonce, coinbase (hex), transactions.
func (b Block) MarshalJSON() ([]byte, error) {
	hash := b.Hash()
	txs := make([]json.RawMessage, len(b.Txs))
	for i, tx := range b.Txs {
		txs[i] = json.RawMessage(tx.String())
	}
	h := b.Header
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // transactions as they are
	err := enc.Encode(blockJSON{
		Index: &b.Coinbase.Height, Hash: &hash, Version: &h.Version, PreviousHash: &h.Prev,
		MerkleRoot: &h.MerkleRoot, Timestamp: &h.Time, Bits: &h.Bits, Nonce: &h.Nonce,
		Coinbase: &b.Coinbase, Transactions: &txs,
	})
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// UnmarshalJSON implements [json.Unmarshaler]. All fields are required, index
// and hash have to agree with coinbase and header, and unknown fields are
// refused: they would be lost.
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

// ParseJSON reads a block from the form that MarshalJSON writes. Before it parses
// the transactions, and so before it verifies any signature, it calls check with
// the header and the number of transactions, and returns the error of check if
// there is one.
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

// decodeBlock reads all but the transactions.
func decodeBlock(data []byte) (Block, []json.RawMessage, error) {
	// Package json takes the last of two equal keys, and names in any case.
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
