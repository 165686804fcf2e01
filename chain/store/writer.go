package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// appendFill is how full bbolt makes the pages of a bucket that only grows at its
// end, where room for later insertions would be wasted.
const appendFill = 0.95

// writer applies changes within one bbolt transaction.
type writer struct {
	store   *Store
	tx      *bbolt.Tx
	state   state              // after the changes applied so far
	lastSeq uint64             // see Store
	fresh   map[pow.Hash]fresh // blocks that this transaction stores, which the index does not know yet

	headers, bodies, txs, owners, pending *bbolt.Bucket
}

// fresh is a block with the number that it has been given.
type fresh struct {
	*encodedBlock
	number uint64
}

func (w *writer) openBuckets() {
	w.headers = w.tx.Bucket([]byte(bucketHeaders))
	w.bodies = w.tx.Bucket([]byte(bucketBodies))
	w.txs = w.tx.Bucket([]byte(bucketTxs))
	w.owners = w.tx.Bucket([]byte(bucketOwners))
	w.pending = w.tx.Bucket([]byte(bucketPending))
	w.headers.FillPercent, w.bodies.FillPercent, w.pending.FillPercent = appendFill, appendFill, appendFill
}

// apply applies one change. After an error the transaction must be rolled back,
// because a part of the change may have been applied.
func (w *writer) apply(c *change) error {
	for _, id := range c.unmined { // answerMined has not seen the blocks that this transaction connects
		if _, mined, err := w.place(id); mined || err != nil {
			return cmp.Or(err, errMined(id))
		}
	}
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
			return errTaken(p.key)
		}
		if err := w.addPending(p); err != nil {
			return err
		}
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

// addPending stores a pending transaction whose number is not taken.
func (w *writer) addPending(p encodedTx) error {
	if err := w.pending.Put(p.key, p.record); err != nil {
		return err
	}
	w.state.pending++
	w.lastSeq = max(w.lastSeq, p.seq())
	return nil
}

// addBlock stores a block unless it is already stored.
func (w *writer) addBlock(b *encodedBlock) error {
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

// disconnect removes the tip, which must have this hash, from the active branch.
func (w *writer) disconnect(hash pow.Hash) error {
	if hash != w.state.tip {
		return fmt.Errorf("the tip is %s", pow.Hash(w.state.tip))
	}
	b, err := w.find(hash)
	if err != nil {
		return err
	}
	for _, id := range b.txs {
		at, found, err := w.place(id)
		if err != nil {
			return err
		}
		if !found || at != b.number {
			continue
		}
		if err := w.txs.Delete(id[:]); err != nil {
			return err
		}
		w.state.txs--
	}
	w.state.tip = b.prev
	return w.deleteOwned(b.owned)
}

// connectAll makes each of the blocks the new tip in turn. Each must be a child of
// the tip before it.
func (w *writer) connectAll(hashes []pow.Hash) error {
	var places []place
	var owned []ownedPlace
	for _, hash := range hashes {
		b, err := w.find(hash)
		if err != nil {
			return fmt.Errorf("connect block %s: %w", hash, err)
		}
		if tip := pow.Hash(w.state.tip); tip != b.prev && tip != (pow.Hash{}) {
			return fmt.Errorf("connect block %s: its parent is %s, the tip is %s", hash, b.prev, tip)
		}
		w.state.tip = hash
		for _, id := range b.txs {
			places = append(places, place{id, b.number})
		}
		for _, k := range b.owned {
			owned = append(owned, ownedPlace{k, b.number})
		}
	}
	// Ids are spread over the whole index. Inserting them in its order visits each
	// page once.
	slices.SortStableFunc(places, func(a, b place) int { return bytes.Compare(a.id[:], b.id[:]) })
	for i := range places {
		if err := w.putPlace(&places[i]); err != nil {
			return err
		}
	}
	return w.putOwned(owned)
}

// place is an entry of the transaction index: the number of the block that contains
// the transaction with the given id.
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

// linked is what a move of the tip needs of a block.
type linked struct {
	number uint64
	prev   pow.Hash
	txs    []pow.Hash
	owned  []ownedKey
}

// find returns a stored block.
func (w *writer) find(hash pow.Hash) (linked, error) {
	if b, ok := w.fresh[hash]; ok {
		return linked{b.number, pow.DecodeHeader(&b.header).Prev, b.txs, b.owned}, nil
	}
	number, raw, err := w.store.body(w.tx, hash)
	if err != nil {
		return linked{}, err
	}
	b, err := block.Load(raw)
	if err != nil {
		return linked{}, damaged("%v", err)
	}
	return linked{number, b.Header.Prev, b.IDs()[1:], ownedKeys(b.Height(), b.Txs)}, nil
}

// place does what findTx does, except that it does not check the neighbours of a
// missing entry: bbolt's cursor loops forever where this transaction has emptied a
// page.
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

// finish stores the state, which counts what the changes have added and removed, and the
// schema, unless that is 0.
func (w *writer) finish(schema uint32) error {
	meta := w.tx.Bucket([]byte(bucketMeta))
	if schema != 0 {
		if err := putMeta(meta, keySchema, binary.BigEndian.AppendUint32(nil, schema)); err != nil {
			return err
		}
	}
	return meta.Put(keyState(), w.state.record())
}

func (w *writer) commit() (err error) {
	defer guard(&err)()
	return w.tx.Commit()
}
