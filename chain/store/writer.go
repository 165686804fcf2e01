package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lodepow/lode/chain/block"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/pow"
)

// appendFill leaves little room in pages that only grow at one end.
const appendFill = 0.95

// writer applies changes within one transaction.
type writer struct {
	store *Store
	tx    *bbolt.Tx
	state state
	fresh map[pow.Hash]fresh // blocks of this transaction

	headers, bodies, txs, pending *bbolt.Bucket
}

type fresh struct {
	*storedBlock
	number uint64
}

func (w *writer) openBuckets() {
	w.headers = w.tx.Bucket([]byte(bucketHeaders))
	w.bodies = w.tx.Bucket([]byte(bucketBodies))
	w.txs = w.tx.Bucket([]byte(bucketTxs))
	w.pending = w.tx.Bucket([]byte(bucketPending))
	w.headers.FillPercent, w.bodies.FillPercent, w.pending.FillPercent = appendFill, appendFill, appendFill
}

// apply makes one change. After an error the transaction is of no use.
func (w *writer) apply(c *change) error {
	for i := range c.blocks {
		if err := w.addBlock(&c.blocks[i]); err != nil {
			return err
		}
	}
	for _, hash := range c.disconnect {
		if err := w.disconnect(hash); err != nil {
			return fmt.Errorf("disconnect block %s: %w", hash, err)
		}
	}
	if err := w.connectAll(c.connect); err != nil {
		return err
	}
	for _, p := range c.add {
		if w.pending.Get(p.key) != nil {
			return fmt.Errorf("pending transaction %x: its sequence number is taken", p.key)
		}
		if err := w.pending.Put(p.key, p.record); err != nil {
			return err
		}
		w.state.pending++
	}
	for _, seq := range c.remove {
		k := key(seq)
		if w.pending.Get(k) == nil {
			continue
		}
		if err := w.pending.Delete(k); err != nil {
			return err
		}
		w.state.pending--
	}
	return nil
}

// addBlock stores a block, unless it is there already.
func (w *writer) addBlock(b *storedBlock) error {
	if _, ok := w.fresh[b.hash]; ok {
		return nil
	}
	for _, number := range w.store.blocks.candidates(b.hash) {
		h, err := w.header(uint64(number))
		if err != nil {
			return err
		}
		if h.Hash() == b.hash {
			return nil
		}
	}
	number := w.state.blocks
	k := key(number)
	if err := w.headers.Put(k, seal(k, append(make([]byte, sumSize), b.header[:]...))); err != nil {
		return err
	}
	if err := w.bodies.Put(k, seal(k, b.record)); err != nil {
		return err
	}
	w.fresh[b.hash] = fresh{b, number}
	w.state.blocks++
	return nil
}

// disconnect takes the tip off the active branch.
func (w *writer) disconnect(hash pow.Hash) error {
	if hash != w.state.tip {
		return fmt.Errorf("the tip is %s", pow.Hash(w.state.tip))
	}
	number, prev, txs, err := w.find(hash)
	if err != nil {
		return err
	}
	for _, id := range txs {
		at, found, err := w.place(id)
		if err != nil {
			return err
		}
		if !found || at != number {
			continue
		}
		if err := w.txs.Delete(id[:]); err != nil {
			return err
		}
		w.state.txs--
	}
	w.state.tip = prev
	return nil
}

// connectAll puts blocks on the tip, one on top of the other.
func (w *writer) connectAll(hashes []pow.Hash) error {
	var places []place
	for _, hash := range hashes {
		number, prev, txs, err := w.find(hash)
		if err != nil {
			return fmt.Errorf("connect block %s: %w", hash, err)
		}
		if tip := pow.Hash(w.state.tip); tip != prev && tip != (pow.Hash{}) {
			return fmt.Errorf("connect block %s: its parent is %s, the tip is %s", hash, prev, tip)
		}
		w.state.tip = hash
		for _, id := range txs {
			places = append(places, place{id, number})
		}
	}
	// Ids are spread over all of the index. In its order, those that share a page
	// come together.
	slices.SortStableFunc(places, func(a, b place) int { return bytes.Compare(a.id[:], b.id[:]) })
	for i := range places {
		if err := w.putPlace(&places[i]); err != nil {
			return err
		}
	}
	return nil
}

// place is an entry of the index: the transaction stands in the block of that
// number.
type place struct {
	id     pow.Hash
	number uint64
}

func (w *writer) putPlace(p *place) error {
	_, found, err := w.place(p.id)
	if err != nil {
		return err
	}
	if !found {
		w.state.txs++
	}
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], p.number)
	record := append(make([]byte, sumSize, sumSize+len(number)), number[:]...)
	return w.txs.Put(p.id[:], seal(p.id[:], record))
}

// find returns what the moves of the tip ask of a block.
func (w *writer) find(hash pow.Hash) (number uint64, prev pow.Hash, txs []pow.Hash, err error) {
	if b, ok := w.fresh[hash]; ok {
		return b.number, pow.DecodeHeader(&b.header).Prev, b.txs, nil
	}
	number, raw, err := w.store.body(w.tx, hash)
	if err != nil {
		return 0, pow.Hash{}, nil, err
	}
	b, err := block.Load(raw)
	if err != nil {
		return 0, pow.Hash{}, nil, damaged("%v", err)
	}
	return number, b.Header.Prev, b.IDs()[1:], nil
}

// place is findTx without the look at the neighbours: bbolt's cursor walks in
// circles where this transaction has emptied a page.
func (w *writer) place(id pow.Hash) (number uint64, found bool, err error) {
	record := w.txs.Get(id[:])
	if record == nil {
		return 0, false, nil
	}
	number, err = parseNumber(id[:], record)
	return number, true, err
}

func (w *writer) header(number uint64) (pow.Header, error) {
	k := key(number)
	return parseHeader(number, k, w.headers.Get(k))
}

func (w *writer) finish() error {
	return w.tx.Bucket([]byte(bucketMeta)).Put(keyState(), w.state.record())
}

func (w *writer) commit() (err error) {
	defer guard(&err)()
	return w.tx.Commit()
}
