package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
)

const (
	keySize = 8 // of a number as a key
	sumSize = 4
)

// maxRecord is an upper bound of the bytes in a record. It is small enough to copy,
// so that a damaged length cannot exhaust the memory.
const maxRecord = rules.MaxBlockBytes + 16*rules.MaxBlockTxs

// key returns a number as the key of a record. Keys sort in the order of their
// numbers.
func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// seal writes the checksum into the first sumSize bytes of a record, which the
// caller has left free, and returns the record.
func seal(key, record []byte) []byte {
	binary.BigEndian.PutUint32(record, sum(key, record[sumSize:]))
	return record
}

// open checks a record and returns its value, which is a part of the record and
// not a copy. what names the record in errors.
func open(what string, key, record []byte) ([]byte, error) {
	if record == nil {
		return nil, damaged("%s %x is missing", what, key)
	}
	if len(record) < sumSize || len(record) > maxRecord {
		return nil, damaged("%s %x has %d bytes", what, key, len(record))
	}
	if binary.BigEndian.Uint32(record) != sum(key, record[sumSize:]) {
		return nil, damaged("%s %x has another checksum than when it was written", what, key)
	}
	return record[sumSize:], nil
}

func sum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, value)
}

// damaged returns an error that wraps [chain.ErrDamaged] and says what to do.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s; restore a copy, or move the file away, and the journal if there is one, to begin anew",
		chain.ErrDamaged, fmt.Sprintf(format, args...))
}

// state summarizes the whole store. Every commit updates it, and Open compares it
// with the records that it finds, in order to notice missing ones.
type state struct {
	tip     [32]byte
	blocks  uint64
	txs     uint64 // in the index of transactions
	pending uint64
	owners  uint64 // records in the index of owners; 0 in a file of schema 1, which has none
}

const (
	stateSizeOne = 32 + 3*8 // in schema 1
	stateSize    = stateSizeOne + 8
)

func (s state) record() []byte {
	b := make([]byte, sumSize, sumSize+stateSize)
	b = append(b, s.tip[:]...)
	b = binary.BigEndian.AppendUint64(b, s.blocks)
	b = binary.BigEndian.AppendUint64(b, s.txs)
	b = binary.BigEndian.AppendUint64(b, s.pending)
	return seal(keyState(), binary.BigEndian.AppendUint64(b, s.owners))
}

func parseState(record []byte) (state, error) {
	value, err := open("record", keyState(), record)
	if err != nil {
		return state{}, err
	}
	if len(value) != stateSize && len(value) != stateSizeOne {
		return state{}, damaged("state of %d bytes, want %d", len(value), stateSize)
	}
	s := state{
		tip:     [32]byte(value),
		blocks:  binary.BigEndian.Uint64(value[32:]),
		txs:     binary.BigEndian.Uint64(value[40:]),
		pending: binary.BigEndian.Uint64(value[48:]),
	}
	if len(value) == stateSize {
		s.owners = binary.BigEndian.Uint64(value[stateSizeOne:])
	}
	return s, nil
}

func keyState() []byte { return []byte("state") }
