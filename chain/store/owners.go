package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// The index of owners. A key has a short hash of an author or of a public key, then the
// height of a block of the active branch, then the index of a transaction in that block,
// so that the records of an owner lie side by side in the order of the chain.
//
// A block with transactions also has one record under everybody, the short hash of zeros,
// in which the index is that of its last transaction. The blocks without transactions, of
// which a chain may have any number in a row, are not in the index.
const (
	shortSize = 16 // bytes of the hash; to find two names with the same one takes 2^64 tries
	ownedSize = shortSize + 4 + 4
)

// ownedKey is a key of the index of owners.
type ownedKey [ownedSize]byte

// Prefixes of what is hashed, so that an author who is named like a key is not that key.
const (
	hashedAuthor = 'a'
	hashedKey    = 'k'
)

// shortHash returns the first part of the keys of an owner.
func shortHash(o chain.TxOwner) (short [shortSize]byte) {
	var text []byte
	switch {
	case o.Author != "":
		text = append([]byte{hashedAuthor}, o.Author...)
	case o.Key != "":
		raw, err := hex.DecodeString(o.Key)
		if err != nil { // no transaction has such a key, so any hash will do
			raw = []byte(o.Key)
		}
		text = append([]byte{hashedKey}, raw...)
	default:
		return short
	}
	sum := sha256.Sum256(text)
	return [shortSize]byte(sum[:])
}

func makeOwnedKey(short [shortSize]byte, height, index uint32) (k ownedKey) {
	copy(k[:], short[:])
	binary.BigEndian.PutUint32(k[shortSize:], height)
	binary.BigEndian.PutUint32(k[shortSize+4:], index)
	return k
}

// place returns the place that the key names.
func (k ownedKey) place() chain.TxCursor {
	return chain.TxCursor{
		Height: int64(binary.BigEndian.Uint32(k[shortSize:])),
		Index:  int(binary.BigEndian.Uint32(k[shortSize+4:])),
	}
}

// ownedKeys returns the keys under which the transactions of a block are found.
func ownedKeys(height int64, txs []block.Tx) []ownedKey {
	if len(txs) == 0 {
		return nil
	}
	keys := make([]ownedKey, 0, 2*len(txs)+1)
	keys = append(keys, makeOwnedKey([shortSize]byte{}, uint32(height), uint32(len(txs))))
	for i, tx := range txs {
		for _, owner := range chain.OwnersOf(tx) {
			keys = append(keys, makeOwnedKey(shortHash(owner), uint32(height), uint32(i+1)))
		}
	}
	return keys
}

// ownedRecord returns the record of a key: the number of the block.
func ownedRecord(k *ownedKey, number uint64) []byte {
	record := make([]byte, sumSize, sumSize+4)
	return seal(k[:], binary.BigEndian.AppendUint32(record, uint32(number)))
}

// parseOwned reads a record of the index of owners and returns the number of the block.
func parseOwned(k, record []byte) (uint64, error) {
	value, err := open("place of an owner's transaction", k, record)
	if err != nil {
		return 0, err
	}
	if len(k) != ownedSize || len(value) != 4 {
		return 0, damaged("place of an owner's transaction %x has %d bytes", k, len(value))
	}
	return uint64(binary.BigEndian.Uint32(value)), nil
}

// TxsOf implements [chain.Store].
func (s *Store) TxsOf(owner chain.TxOwner, before chain.TxCursor, limit int) (places []chain.TxAt, err error) {
	short := shortHash(owner)
	everybody := owner == chain.TxOwner{}
	err = s.view(func(tx *bbolt.Tx) error {
		headers := tx.Bucket([]byte(bucketHeaders))
		c := tx.Bucket([]byte(bucketOwners)).Cursor()
		for k, v := seekBelow(c, short, before, everybody); len(places) < limit && bytes.HasPrefix(k, short[:]); k, v = c.Prev() {
			number, err := parseOwned(k, v)
			if err != nil {
				return err
			}
			at := ownedKey(k).place()
			if !everybody && !before.IsZero() && at.Compare(before) >= 0 {
				continue
			}
			numberKey := key(number)
			header, err := parseHeader(number, numberKey, headers.Get(numberKey))
			if err != nil {
				return err
			}
			places = appendPlaces(places, at, before, header.Hash(), everybody, limit)
		}
		return nil
	})
	return places, err
}

// seekBelow moves the cursor to the last record of an owner that may be below a place. For
// everybody, this is the record of the block itself, as it covers all its transactions.
func seekBelow(c *bbolt.Cursor, short [shortSize]byte, before chain.TxCursor, everybody bool) (k, v []byte) {
	from := makeOwnedKey(short, uint32(before.Height), uint32(before.Index))
	if before.IsZero() {
		from = makeOwnedKey(short, math.MaxUint32, math.MaxUint32)
	} else if everybody {
		from = makeOwnedKey(short, uint32(before.Height), math.MaxUint32)
	}
	if k, v = c.Seek(from[:]); k == nil {
		return c.Last()
	}
	if bytes.Compare(k, from[:]) >= 0 {
		return c.Prev()
	}
	return k, v
}

// appendPlaces appends the place of a record, or for everybody those of all transactions
// of the block below before, as far as the limit allows.
func appendPlaces(to []chain.TxAt, at, before chain.TxCursor, in pow.Hash, everybody bool, limit int) []chain.TxAt {
	if !everybody {
		return append(to, chain.TxAt{TxCursor: at, Block: in})
	}
	for ; at.Index > 0 && len(to) < limit; at.Index-- {
		if before.IsZero() || at.Compare(before) < 0 {
			to = append(to, chain.TxAt{TxCursor: at, Block: in})
		}
	}
	return to
}

// putOwned adds keys to the index, each with the number of its block.
func (w *writer) putOwned(all []ownedPlace) error {
	slices.SortFunc(all, func(a, b ownedPlace) int { return bytes.Compare(a.key[:], b.key[:]) })
	for i := range all {
		p := &all[i]
		if w.owners.Get(p.key[:]) == nil {
			w.state.owners++
		}
		if err := w.owners.Put(p.key[:], ownedRecord(&p.key, p.number)); err != nil {
			return err
		}
	}
	return nil
}

// deleteOwned removes keys from the index.
func (w *writer) deleteOwned(keys []ownedKey) error {
	for i := range keys {
		if w.owners.Get(keys[i][:]) == nil {
			continue
		}
		if err := w.owners.Delete(keys[i][:]); err != nil {
			return err
		}
		w.state.owners--
	}
	return nil
}

// ownedPlace is an entry of the index of owners.
type ownedPlace struct {
	key    ownedKey
	number uint64 // of the block
}
