package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// loadStep is the number of headers that Load copies in one transaction. Long
// transactions keep bbolt from using free pages again.
const loadStep = 4096

// Load implements [chain.Store].
func (s *Store) Load(header func(pow.Header) error) (tip pow.Hash, pending []chain.Pending, err error) {
	at, posts, err := s.loadPending()
	if err != nil {
		return pow.Hash{}, nil, err
	}
	for _, p := range posts {
		tx, err := block.ParseTx(p.record)
		if err != nil {
			return pow.Hash{}, nil, damaged("pending transaction %d: %v", p.seq(), err)
		}
		pending = append(pending, chain.Pending{Seq: p.seq(), Tx: tx})
	}
	if err := s.eachHeader(at.blocks, header); err != nil {
		return pow.Hash{}, nil, err
	}
	return at.tip, pending, nil
}

// loadPending returns the state of the database, and all pending transactions in order of
// their numbers: those of the database and those of the journal. Their records are without
// checksums.
func (s *Store) loadPending() (at state, posts []encodedTx, err error) {
	s.journal.mu.RLock() // so that no post goes from one to the other meanwhile
	defer s.journal.mu.RUnlock()
	err = s.view(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bucketMeta))
		if at, err = parseState(meta.Get(keyState())); err != nil {
			return err
		}
		return tx.Bucket([]byte(bucketPending)).ForEach(func(k, v []byte) error {
			value, err := open("pending transaction", k, v)
			if err != nil {
				return err
			}
			posts = append(posts, encodedTx{bytes.Clone(k), bytes.Clone(value)}) // they outlive the transaction
			return nil
		})
	})
	if err != nil {
		return state{}, nil, err
	}
	for _, p := range s.journal.posts {
		posts = append(posts, encodedTx{p.key, p.record[sumSize:]})
	}
	slices.SortStableFunc(posts, func(a, b encodedTx) int { return bytes.Compare(a.key, b.key) })
	// If the store has given up within a transaction, both may have the same posts.
	return at, slices.CompactFunc(posts, func(a, b encodedTx) bool { return bytes.Equal(a.key, b.key) }), nil
}

// hasPending reports whether the database has a pending transaction at a key.
func (s *Store) hasPending(k []byte) (found bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		found = tx.Bucket([]byte(bucketPending)).Get(k) != nil
		return nil
	})
	return found, err
}

// eachHeader calls fn for the headers of the first blocks, in order of their
// numbers. No transaction is open while fn runs.
func (s *Store) eachHeader(blocks uint64, fn func(pow.Header) error) error {
	headers := make([]pow.Header, 0, min(blocks, loadStep))
	for next := uint64(0); next < blocks; {
		headers = headers[:0]
		err := s.view(func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte(bucketHeaders)).Cursor()
			for k, v := c.Seek(key(next)); next < blocks && len(headers) < loadStep; k, v = c.Next() {
				h, err := parseHeader(next, k, v)
				if err != nil {
					return err
				}
				headers = append(headers, h)
				next++
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, h := range headers {
			if err := fn(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseHeader reads the record at key k of the bucket headers, which must be that
// of a number.
func parseHeader(number uint64, k, record []byte) (pow.Header, error) {
	if len(k) != 8 || binary.BigEndian.Uint64(k) != number {
		return pow.Header{}, damaged("header %d is missing", number)
	}
	value, err := open("header", k, record)
	if err != nil {
		return pow.Header{}, err
	}
	if len(value) != pow.HeaderSize {
		return pow.Header{}, damaged("header %d has %d bytes, want %d", number, len(value), pow.HeaderSize)
	}
	return pow.DecodeHeader((*[pow.HeaderSize]byte)(value)), nil
}

// Block implements [chain.Store].
func (s *Store) Block(hash pow.Hash) (raw []byte, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		_, found, err := s.body(tx, hash)
		raw = bytes.Clone(found)
		return err
	})
	return raw, err
}

// body returns a block's number and its bytes, which are valid only until the
// transaction ends.
func (s *Store) body(tx *bbolt.Tx, hash pow.Hash) (number uint64, raw []byte, err error) {
	bodies := tx.Bucket([]byte(bucketBodies))
	for _, candidate := range s.blocks.candidates(hash) {
		k := key(uint64(candidate))
		raw, err := open("block", k, bodies.Get(k))
		if err != nil {
			return 0, nil, err
		}
		if len(raw) < pow.HeaderSize {
			return 0, nil, damaged("block %d has %d bytes", candidate, len(raw))
		}
		if pow.DoubleSHA256(raw[:pow.HeaderSize]) == hash {
			return uint64(candidate), raw, nil
		}
	}
	return 0, nil, fmt.Errorf("block %s: %w", hash, chain.ErrNotFound)
}

// FindTx implements [chain.Store].
func (s *Store) FindTx(id pow.Hash) (in pow.Hash, err error) {
	blocks, err := s.FindTxs([]pow.Hash{id})
	if err != nil {
		return pow.Hash{}, err
	}
	if blocks[0] == (pow.Hash{}) {
		return pow.Hash{}, fmt.Errorf("transaction %s: %w", id, chain.ErrNotFound)
	}
	return blocks[0], nil
}

// FindTxs implements [chain.Store].
func (s *Store) FindTxs(ids []pow.Hash) ([]pow.Hash, error) {
	blocks := make([]pow.Hash, len(ids))
	err := s.view(func(tx *bbolt.Tx) error {
		txs := tx.Bucket([]byte(bucketTxs)).Cursor()
		var headers *bbolt.Bucket // opened only if needed: most transactions that are looked up are new
		for _, i := range indexOrder(ids) {
			number, found, err := findTx(txs, &ids[i])
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if headers == nil {
				headers = tx.Bucket([]byte(bucketHeaders))
			}
			k := key(number)
			header, err := parseHeader(number, k, headers.Get(k))
			if err != nil {
				return err
			}
			blocks[i] = header.Hash()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return blocks, nil
}

// indexOrder returns the positions of the ids in the order of the index, so that ids on
// the same page are looked up together.
func indexOrder(ids []pow.Hash) []int {
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	if len(ids) > 1 {
		slices.SortFunc(order, func(i, j int) int { return bytes.Compare(ids[i][:], ids[j][:]) })
	}
	return order
}

// findTx returns the number of the block in which the index has a transaction. If
// there is no entry, its key may be damaged: such an entry would be close to the
// place where the right key belongs, so findTx checks the records on both sides.
func findTx(c *bbolt.Cursor, id *pow.Hash) (number uint64, found bool, err error) {
	k, v := c.Seek(id[:])
	if bytes.Equal(k, id[:]) {
		number, err = parseNumber(k, v)
		return number, err == nil, err
	}
	if k != nil {
		if _, err := parseNumber(k, v); err != nil {
			return 0, false, err
		}
		k, v = c.Prev()
	} else {
		k, v = c.Last()
	}
	if k != nil {
		_, err = parseNumber(k, v)
	}
	return 0, false, err
}

// parseNumber reads a record of the bucket txs: the number of a block.
func parseNumber(k, record []byte) (uint64, error) {
	value, err := open("place of transaction", k, record)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, damaged("place of transaction %x has %d bytes", k, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// view runs fn in a read transaction that is closed when view returns.
func (s *Store) view(fn func(*bbolt.Tx) error) (err error) {
	defer guard(&err)()
	tx, err := s.db.Begin(false)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return chain.ErrClosed
	}
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	return fn(tx)
}

// guard protects a use of bbolt. Because bbolt trusts the file, damage can make it
// panic or read beyond the end of the mapped file, which is a fault. guard makes
// faults of this goroutine panics, and the function that it returns, which must be
// deferred, turns a panic into an error.
func guard(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			*err = damaged("%v", p)
		}
	}
}
