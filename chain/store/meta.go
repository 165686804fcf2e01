package store

import (
	"fmt"
	"hash/fnv"
	"io"
)

// Constants of bbolt's meta pages, of which a file has two, at its beginning. A
// transaction writes the one whose number is the lowest bit of its own number, so
// that the other one still leads to the transaction before.
const (
	boltMagic   = 0xed0cdaed
	boltVersion = 2

	metaSize      = 64
	metaSumOffset = 56

	minPageSize = 1 << 10
	maxPageSize = 64 << 10
)

// meta is what a meta page says.
type meta struct {
	txid     uint64 // of the transaction that wrote it
	pageSize uint64
	rootPage uint64
	freePage uint64
	high     uint64 // pages from here on have never been used
}

// metas are the meta pages of a file.
type metas struct {
	newer  meta
	torn   error // what is wrong with one of the pages; nil: both are sound
	closed bool  // both pages lead to the same records, as [Store.Close] leaves them
}

// readMetas reads the two meta pages of a file of a size in bytes. If one is not
// sound, the other one counts, as it does for bbolt. This loses nothing that was
// acknowledged:
//
//   - A power failure spoils only the page that is being written. Its transaction was
//     not acknowledged, and has not touched a page of the transaction before.
//   - After [Store.Close], both pages lead to the same records.
//
// Only a page that is spoiled later, in a file that was not closed, takes the last
// transaction with it.
func readMetas(file io.ReaderAt, size int64) (metas, error) {
	first, errFirst := readMeta(file, 0, 0)
	pageSize := first.pageSize
	if errFirst != nil {
		pageSize = findPageSize(file)
	}
	second, errSecond := readMeta(file, 1, pageSize)
	var m metas
	switch {
	case errFirst != nil && errSecond != nil:
		return metas{}, damaged("%v; %v", errFirst, errSecond)
	case errFirst != nil:
		m = metas{newer: second, torn: errFirst}
	case errSecond != nil:
		m = metas{newer: first, torn: errSecond}
	default:
		m = metas{newer: first, closed: first.rootPage == second.rootPage && first.high == second.high}
		if second.txid > first.txid {
			m.newer = second
		}
	}
	if high := m.newer.high; high < 4 || high > uint64(size)/m.newer.pageSize {
		return metas{}, damaged("the file has %d bytes, want at least %d pages of %d: its end is missing", size, high, m.newer.pageSize)
	}
	return m, nil
}

// readMeta reads meta page 0 or 1 of a file with pages of pageSize bytes, which is 0
// if it is not known yet.
func readMeta(file io.ReaderAt, number, pageSize uint64) (meta, error) {
	var raw [pageHeader + metaSize]byte
	if _, err := file.ReadAt(raw[:], int64(number*pageSize)); err != nil {
		return meta{}, fmt.Errorf("meta page %d: %w", number, err)
	}
	data := raw[pageHeader:]
	sum := fnv.New64a()
	_, _ = sum.Write(data[:metaSumOffset])
	m := meta{
		pageSize: uint64(u32(data[8:])),
		rootPage: u64(data[16:]),
		freePage: u64(data[32:]),
		high:     u64(data[40:]),
		txid:     u64(data[48:]),
	}
	if u32(data) != boltMagic || u32(data[4:]) != boltVersion || u64(data[metaSumOffset:]) != sum.Sum64() ||
		m.pageSize < minPageSize || m.pageSize > maxPageSize || pageSize != 0 && m.pageSize != pageSize ||
		m.txid%2 != number {
		return meta{}, fmt.Errorf("meta page %d is not what was written", number)
	}
	return m, nil
}

// findPageSize returns the size of the pages of a file whose first meta page is not
// sound: the place where the second one is, or the greatest size if there is none.
func findPageSize(file io.ReaderAt) uint64 {
	for size := uint64(minPageSize); size < maxPageSize; size *= 2 {
		if _, err := readMeta(file, 1, size); err == nil {
			return size
		}
	}
	return maxPageSize
}
