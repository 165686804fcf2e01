package store

import (
	"encoding/binary"
	"fmt"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// change is a [chain.Change] encoded for the file. The records of its blocks have
// no checksums yet, because a checksum covers the key, and the committer chooses
// the key.
type change struct {
	blocks              []encodedBlock
	disconnect, connect []pow.Hash
	add                 []encodedTx
	remove              []uint64
	unmined             []pow.Hash // refuse the change if one of these transactions is in a block
	size                int        // of the records in bytes, approximately
}

type encodedBlock struct {
	hash   pow.Hash
	header [pow.HeaderSize]byte
	record []byte // the body, with room for its checksum in front
	txs    []pow.Hash
	owned  []ownedKey // see ownedKeys
}

// encodedTx is a pending transaction.
type encodedTx struct {
	key, record []byte
}

func (e encodedTx) seq() uint64 { return binary.BigEndian.Uint64(e.key) }

// encode encodes a change. The error says which part of it cannot be stored.
func encode(c chain.Change) (change, error) {
	to := change{disconnect: c.Disconnect, connect: c.Connect, remove: c.RemovePending}
	for _, b := range c.Blocks {
		e := encodedBlock{hash: b.Hash(), header: b.Header.Bytes(), txs: make([]pow.Hash, len(b.Txs)), owned: ownedKeys(b.Height(), b.Txs)}
		for i, tx := range b.Txs {
			e.txs[i] = tx.ID()
		}
		var err error
		if e.record, err = b.AppendBinary(make([]byte, sumSize, 512)); err != nil {
			return change{}, fmt.Errorf("block %s: %w", e.hash, err)
		}
		if len(e.record) > maxRecord {
			return change{}, fmt.Errorf("block %s: %d bytes, at most %d can be stored", e.hash, len(e.record), maxRecord)
		}
		to.blocks = append(to.blocks, e)
		to.size += len(e.record)
	}
	if c.Unmined {
		to.unmined = make([]pow.Hash, len(c.AddPending))
		for i, p := range c.AddPending {
			to.unmined[i] = p.Tx.ID()
		}
	}
	for _, p := range c.AddPending {
		text := p.Tx.String()
		if text == "" {
			return change{}, fmt.Errorf("pending transaction %d: it is the zero Tx", p.Seq)
		}
		raw := make([]byte, keySize+sumSize, keySize+sumSize+len(text)) // the key and the record
		binary.BigEndian.PutUint64(raw, p.Seq)
		raw = append(raw, text...)
		k := raw[:keySize:keySize]
		to.add = append(to.add, encodedTx{k, seal(k, raw[keySize:])})
		to.size += len(text)
	}
	return to, nil
}
