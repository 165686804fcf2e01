package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// upgradeSteps bound what an upgrade has in memory. For a field left zero, the default
// applies; tests use smaller steps.
type upgradeSteps struct {
	records int // of the index that one pass over the blocks collects; up to twice as many are in memory
	write   int // records in one transaction
	blocks  int // read in one transaction
}

const (
	upgradeRecords = 1 << 20 // 32 bytes each, so a pass takes at most 67 MB
	upgradeWrite   = 1 << 16
	upgradeBlocks  = 1 << 10

	upgradeReport = 5 * time.Second // between two lines in the log
)

// upgrade adds the index of owners to a file of schema 1, which has none, or goes on with
// an upgrade that was interrupted. The process may be killed at any time: each transaction
// leaves a sound file, in which the records up to some key are complete, and the next
// upgrade goes on behind that key.
//
// The first transaction writes the new schema, so that earlier versions refuse the file
// from then on and cannot add blocks that the index would lack.
//
// The records are written in the order of their keys, because bbolt then fills one page
// after another. The order of the blocks would change all pages of a large index over and
// over again. To sort them takes memory, so that a long chain is read several times, and
// each pass collects the lowest keys that are still missing.
func (s *Store) upgrade(stop <-chan struct{}) error {
	u := upgrader{store: s, steps: s.hooks.upgradeSteps, stop: stop, began: time.Now()}
	u.steps.records = cmp.Or(u.steps.records, upgradeRecords)
	u.steps.write = cmp.Or(u.steps.write, upgradeWrite)
	u.steps.blocks = cmp.Or(u.steps.blocks, upgradeBlocks)
	u.reported = u.began
	s.log.Info("upgrading the store: it gets an index of authors and public keys. This happens once and may take minutes for a long chain. It can be interrupted; the next start goes on from there. Earlier versions cannot open the store any more",
		"path", s.path, "blocks", s.state.blocks, "transactions", s.state.txs)
	err := u.run()
	if errors.Is(err, ErrUpgradeStopped) {
		return err
	}
	if err != nil {
		return fmt.Errorf("upgrade the store, which the next start goes on with: %w", err)
	}
	s.log.Info("the store is upgraded", "records", s.state.owners, "took", time.Since(u.began).Round(time.Millisecond))
	return nil
}

// upgrader is an upgrade under way.
type upgrader struct {
	store    *Store
	steps    upgradeSteps
	stop     <-chan struct{} // see [Options]
	began    time.Time
	reported time.Time // when the last line about the progress was logged
}

func (u *upgrader) run() error {
	last, err := u.begin()
	if err != nil {
		return err
	}
	for {
		places, more, err := u.collect(last)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(places, u.steps.write) {
			if err := u.stopped(); err != nil {
				return err
			}
			if err := u.write(batch); err != nil {
				return err
			}
			last = batch[len(batch)-1].key
		}
		if !more {
			return u.end()
		}
	}
}

// stopped returns ErrUpgradeStopped if the upgrade is to end. It is asked between
// transactions, which all leave a sound file.
func (u *upgrader) stopped() error {
	select {
	case <-u.stop:
		return ErrUpgradeStopped
	default:
		return nil
	}
}

// begin writes the new schema and makes the bucket, unless an earlier upgrade has done so.
// It returns the last key that is there already, or the key of zeros, which no record has.
func (u *upgrader) begin() (last ownedKey, err error) {
	err = u.update(func(tx *bbolt.Tx, meta *bbolt.Bucket) error {
		owners, err := tx.CreateBucketIfNotExists([]byte(bucketOwners))
		if err != nil {
			return err
		}
		if k, _ := owners.Cursor().Last(); len(k) == ownedSize {
			last = ownedKey(k)
		}
		return errors.Join(
			putMeta(meta, keySchema, binary.BigEndian.AppendUint32(nil, schema)),
			putMeta(meta, keyUpgrade, nil))
	})
	return last, err
}

// end notes that the index is complete.
func (u *upgrader) end() error {
	return u.update(func(_ *bbolt.Tx, meta *bbolt.Bucket) error { return meta.Delete([]byte(keyUpgrade)) })
}

// write adds records behind all that are there.
func (u *upgrader) write(places []ownedPlace) error {
	return u.update(func(tx *bbolt.Tx, _ *bbolt.Bucket) error {
		owners := tx.Bucket([]byte(bucketOwners))
		owners.FillPercent = appendFill
		for i := range places {
			if err := owners.Put(places[i].key[:], ownedRecord(&places[i].key, places[i].number)); err != nil {
				return err
			}
		}
		u.store.state.owners += uint64(len(places))
		return nil
	})
}

// update makes one transaction of the upgrade. The state that it writes is the store's.
func (u *upgrader) update(change func(tx *bbolt.Tx, meta *bbolt.Bucket) error) (err error) {
	s := u.store
	err = func() (err error) {
		defer guard(&err)()
		return s.db.Update(func(tx *bbolt.Tx) error {
			meta := tx.Bucket([]byte(bucketMeta))
			if err := change(tx, meta); err != nil {
				return err
			}
			s.txid = uint64(tx.ID())
			return meta.Put(keyState(), s.state.record())
		})
	}()
	if err == nil && s.hooks.upgraded != nil {
		err = s.hooks.upgraded()
	}
	return err
}

// collect reads all blocks and returns the lowest keys above last that their transactions
// have in the index, sorted: as many as one pass may collect. more says that there are
// others above those.
func (u *upgrader) collect(last ownedKey) (places []ownedPlace, more bool, err error) {
	most := u.steps.records
	if all := 2*u.store.state.txs + u.store.state.blocks; all < uint64(2*most) { // there cannot be more
		places = make([]ownedPlace, 0, all)
	} else {
		places = make([]ownedPlace, 0, 2*most) // all at once: to grow it would take more memory for a moment
	}
	var highest *ownedKey // nil as long as nothing has been left out; no key above it is collected
	byKey := func(a, b ownedPlace) int { return bytes.Compare(a.key[:], b.key[:]) }
	shorten := func() {
		slices.SortFunc(places, byKey)
		if len(places) > most {
			k := places[most-1].key
			places, highest = places[:most], &k
		}
	}
	err = u.eachActive(func(number uint64, keys []ownedKey) {
		for _, k := range keys {
			if bytes.Compare(k[:], last[:]) <= 0 || highest != nil && bytes.Compare(k[:], highest[:]) > 0 {
				continue
			}
			if places = append(places, ownedPlace{k, number}); len(places) >= 2*most {
				shorten()
			}
		}
	})
	shorten()
	return places, highest != nil, err
}

// eachActive calls f with every block of the active branch that has transactions, in the
// order in which the blocks were stored.
func (u *upgrader) eachActive(f func(number uint64, keys []ownedKey)) error {
	s := u.store
	for next := uint64(0); next < s.state.blocks; {
		end := min(next+uint64(u.steps.blocks), s.state.blocks)
		err := s.view(func(tx *bbolt.Tx) error {
			txs := tx.Bucket([]byte(bucketTxs))
			c := tx.Bucket([]byte(bucketBodies)).Cursor()
			for k, v := c.Seek(key(next)); next < end; k, v = c.Next() {
				if len(k) != 8 || binary.BigEndian.Uint64(k) != next {
					return damaged("block %d is missing", next)
				}
				keys, err := activeKeys(txs, next, k, v)
				if err != nil {
					return err
				}
				f(next, keys)
				next++
			}
			return nil
		})
		if err := cmp.Or(err, u.stopped()); err != nil {
			return err
		}
		if now := time.Now(); now.Sub(u.reported) >= upgradeReport {
			u.reported = now
			s.log.Info("upgrading the store", "read", next, "of_blocks", s.state.blocks, "records", s.state.owners)
		}
	}
	return nil
}

// activeKeys returns the keys of the transactions of a block, or nil if the block is not on
// the active branch. It is there if the index of transactions has its first transaction in
// this very block.
func activeKeys(txs *bbolt.Bucket, number uint64, k, record []byte) ([]ownedKey, error) {
	raw, err := open("block", k, record)
	if err != nil {
		return nil, err
	}
	records, err := block.OpenRecords(raw)
	if err != nil {
		return nil, damaged("block %d: %v", number, err)
	}
	if records.Len() == 0 {
		return nil, nil
	}
	all := make([]block.Tx, records.Len())
	for i := range all {
		if all[i], err = records.Tx(i); err != nil {
			return nil, damaged("transaction %d of block %d: %v", i, number, err)
		}
		if i > 0 {
			continue
		}
		id := all[0].ID()
		active, err := isAt(txs, id, number)
		if err != nil || !active {
			return nil, err
		}
	}
	return ownedKeys(records.Coinbase.Height, all), nil
}

// isAt reports whether the index of transactions has a transaction in the block number.
func isAt(txs *bbolt.Bucket, id pow.Hash, number uint64) (bool, error) {
	record := txs.Get(id[:])
	if record == nil {
		return false, nil
	}
	at, err := parseNumber(id[:], record)
	return at == number, err
}
