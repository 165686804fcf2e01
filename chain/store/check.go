package store

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// Constants of bbolt's file format, version 2. Numbers are in the byte order of the
// machine.
const (
	pageHeader   = 16 // id uint64, flags and count uint16, overflow uint32
	pageElement  = 16 // branch: pos, key size uint32, page uint64; leaf: flags, pos, key size, value size uint32
	bucketHeader = 16 // root page (0: the bucket's only page follows), sequence uint64

	flagBranch   = 1
	flagLeaf     = 2
	flagFreelist = 16

	elementIsBucket = 1      // a flag of a leaf element: its value is a bucket
	freelistLong    = 0xffff // a count for "the first element is the count"

	maxDepth = 32
)

// lastCommit says which commit of a file counts.
type lastCommit struct {
	txid uint64
	torn error // what is wrong with one of the two meta pages; nil: both are sound
}

// checkPages reads a bbolt file of a size in bytes and returns an error if a page is
// not as bbolt writes it. It calls record for every record that it reads, and
// returns the last commit. It trusts nothing in the file.
//
// It reads all pages that are in use, except that it skips the leaves of the bucket
// bodies if the file is larger than bodiesUpTo bytes.
func checkPages(file io.ReaderAt, size, bodiesUpTo int64, record func(bucket string, key, value []byte)) (lastCommit, error) {
	metas, err := readMetas(file, size)
	if err != nil {
		return lastCommit{}, err
	}
	c := checker{file: file, record: record, bodies: size <= bodiesUpTo, meta: metas.newer}
	c.use = make([]pageUse, c.high)
	c.use[0], c.use[1] = used, used
	if err := c.freelist(); err != nil {
		return lastCommit{}, err
	}
	if err := c.root(); err != nil {
		return lastCommit{}, err
	}
	return lastCommit{c.txid, metas.torn}, c.coverage()
}

type checker struct {
	file   io.ReaderAt
	record func(bucket string, key, value []byte)
	bodies bool // whether to read the leaves of the bucket bodies
	meta
	use []pageUse // of each page below high, as far as it is known
}

// pageUse says what a page is used for.
type pageUse byte

const (
	unknown pageUse = iota // not seen yet, or an overflow page of an unread leaf
	free
	used
	unread // a leaf of the bucket bodies that was skipped; its overflow pages follow it
)

// freelist marks the pages that the list of free pages names.
func (c *checker) freelist() error {
	p, err := c.page(c.freePage)
	if err != nil {
		return err
	}
	list, n := p.data[pageHeader:], uint64(p.count)
	if n == freelistLong {
		n, list = u64(list), list[8:]
	}
	if p.flags != flagFreelist || n > uint64(len(list)/8) {
		return damaged("page %d: not a list of free pages", p.id)
	}
	before := uint64(1)
	for i := range n {
		id := u64(list[8*i:])
		if id <= before || id >= c.high || c.use[id] != unknown {
			return damaged("page %d: lists page %d as free", p.id, id)
		}
		c.use[id] = free
		before = id
	}
	return nil
}

// root checks the root bucket, whose records are the buckets, and each of them.
func (c *checker) root() error {
	return c.tree(c.rootPage, nil, nil, 0, -1, func(flags uint32, name, value []byte) error {
		if flags != elementIsBucket || len(value) < bucketHeader {
			return damaged("record %q is no bucket", name)
		}
		bucket := string(name)
		records := func(flags uint32, key, value []byte) error {
			if flags != 0 {
				return damaged("bucket %s: record %x is marked as a bucket", bucket, key)
			}
			c.record(bucket, key, value)
			return nil
		}
		page := u64(value)
		if page == 0 {
			inline, err := parsePage(0, value[bucketHeader:])
			if err != nil {
				return err
			}
			if inline.overflow != 0 || inline.flags != flagLeaf {
				return damaged("bucket %s: its page is no leaf", name)
			}
			return inline.leaf(nil, nil, records)
		}
		leaves := -1
		if bucket == bucketBodies && !c.bodies {
			var err error
			if leaves, err = c.depth(page); err != nil {
				return err
			}
		}
		return c.tree(page, nil, nil, 0, leaves, records)
	})
}

// depth returns the number of branch pages above the leaves of a bucket. It follows
// the first child of each page, because all leaves have the same depth.
func (c *checker) depth(id uint64) (int, error) {
	for depth := range maxDepth {
		p, err := c.read(id)
		if err != nil {
			return 0, err
		}
		if p.flags != flagBranch || p.count == 0 {
			return depth, nil
		}
		id = u64(p.data[pageHeader+8:])
	}
	return 0, damaged("page %d: too deep", id)
}

// tree checks page id and the pages below it: their keys must ascend and lie from
// low up to, but not including, high. Pages at depth unreadAt are marked but not
// read.
func (c *checker) tree(id uint64, low, high []byte, depth, unreadAt int, record func(flags uint32, key, value []byte) error) error {
	if depth == unreadAt {
		return c.mark(id, 1, unread)
	}
	p, err := c.page(id)
	if err != nil {
		return err
	}
	if p.flags == flagLeaf && p.count == 0 && depth > 0 { // bbolt's cursor would loop forever
		return damaged("page %d: an empty leaf", id)
	}
	if p.flags == flagLeaf {
		return p.leaf(low, high, record)
	}
	if p.flags != flagBranch || p.count == 0 || depth >= maxDepth {
		return damaged("page %d: neither branch nor leaf", id)
	}
	return p.branch(low, high, func(child uint64, low, high []byte) error {
		return c.tree(child, low, high, depth+1, unreadAt, record)
	})
}

// coverage returns an error if a page is neither used nor free. Overflow pages of
// bodies that were not read are not marked; coverage accepts unmarked pages only
// behind such a body.
func (c *checker) coverage() error {
	body := false
	for id, use := range c.use {
		if use == unknown && !body {
			return damaged("page %d is neither used nor free", id)
		}
		body = use == unread || use == unknown
	}
	return nil
}

// page reads a page, with its overflow pages, and marks them as used.
func (c *checker) page(id uint64) (page, error) {
	p, err := c.read(id)
	if err != nil {
		return page{}, err
	}
	return p, c.mark(id, uint64(p.overflow)+1, used)
}

// mark notes the use of pages that must not have been used before.
func (c *checker) mark(id, pages uint64, as pageUse) error {
	if id >= c.high || pages > c.high-id {
		return damaged("page %d is beyond the last one", id)
	}
	for i := id; i < id+pages; i++ {
		if c.use[i] != unknown {
			return damaged("page %d is used twice, or used and free", i)
		}
		c.use[i] = as
	}
	return nil
}

// read reads a page with its overflow pages.
func (c *checker) read(id uint64) (page, error) {
	if id >= c.high {
		return page{}, damaged("page %d is beyond the last one", id)
	}
	data := make([]byte, c.pageSize)
	if _, err := c.file.ReadAt(data, int64(id*c.pageSize)); err != nil {
		return page{}, damaged("page %d: %v", id, err)
	}
	p, err := parsePage(id, data)
	if err != nil || p.overflow == 0 {
		return p, err
	}
	if uint64(p.overflow) >= c.high-id {
		return page{}, damaged("page %d: goes on beyond the last one", id)
	}
	rest := make([]byte, uint64(p.overflow)*c.pageSize)
	if _, err := c.file.ReadAt(rest, int64((id+1)*c.pageSize)); err != nil {
		return page{}, damaged("page %d: %v", id, err)
	}
	p.data = append(p.data, rest...)
	return p, nil
}

type page struct {
	id       uint64
	flags    uint16
	count    uint16
	overflow uint32
	data     []byte // the page with its header and its overflow pages
}

func parsePage(id uint64, data []byte) (page, error) {
	if len(data) < pageHeader {
		return page{}, damaged("page %d: %d bytes", id, len(data))
	}
	p := page{id: u64(data), flags: u16(data[8:]), count: u16(data[10:]), overflow: u32(data[12:]), data: data}
	if p.id != id {
		return page{}, damaged("page %d: says that it is page %d", id, p.id)
	}
	return p, nil
}

// elements checks the table of elements at the start of a page and the data behind
// it. The data must lie in the table's order without gaps, and keys must ascend.
// It calls element for each entry e of the table with the rest of the page; element
// returns the entry's offset, the size of its data, and its key, or a nil key if
// the entry is not sound.
func (p page) elements(element func(e, rest []byte) (pos, size uint64, key []byte)) error {
	end := pageHeader + pageElement*uint64(p.count)
	if end > uint64(len(p.data)) {
		return damaged("page %d: %d elements", p.id, p.count)
	}
	var before []byte
	for i := range uint64(p.count) {
		at := pageHeader + pageElement*i
		pos, size, key := element(p.data[at:at+pageElement], p.data[end:])
		if at+pos != end || key == nil || size > uint64(len(p.data))-end {
			return damaged("page %d: element %d is out of its place", p.id, i)
		}
		if i > 0 && bytes.Compare(before, key) >= 0 {
			return damaged("page %d: key %d is out of order", p.id, i)
		}
		before = key
		end += size
	}
	return nil
}

// leaf checks a leaf page whose keys must lie from low up to high, and calls record
// for each of its records until one fails.
func (p page) leaf(low, high []byte, record func(flags uint32, key, value []byte) error) error {
	var failed error
	err := p.elements(func(e, rest []byte) (uint64, uint64, []byte) {
		k, v := uint64(u32(e[8:])), uint64(u32(e[12:]))
		if k == 0 || k+v > uint64(len(rest)) {
			return 0, 0, nil
		}
		key := rest[:k]
		if failed == nil && !between(low, key, high) {
			failed = damaged("page %d: key %x is out of its range", p.id, key)
		}
		if failed == nil {
			failed = record(u32(e), key, rest[k:k+v])
		}
		return uint64(u32(e[4:])), k + v, key
	})
	if err == nil {
		err = failed
	}
	return err
}

// branch checks a branch page whose keys must lie from low up to high, and calls
// child for each of its pages with the range of keys below it.
func (p page) branch(low, high []byte, child func(id uint64, low, high []byte) error) error {
	var ids []uint64
	var keys [][]byte
	if err := p.elements(func(e, rest []byte) (uint64, uint64, []byte) {
		k := uint64(u32(e[4:]))
		if k == 0 || k > uint64(len(rest)) {
			return 0, 0, nil
		}
		ids, keys = append(ids, u64(e[8:])), append(keys, slices.Clone(rest[:k]))
		return uint64(u32(e)), k, rest[:k]
	}); err != nil {
		return err
	}
	for i, id := range ids {
		if !between(low, keys[i], high) {
			return damaged("page %d: key %x is out of its range", p.id, keys[i])
		}
		next := high
		if i+1 < len(keys) {
			next = keys[i+1]
		}
		if err := child(id, keys[i], next); err != nil {
			return err
		}
	}
	return nil
}

// between reports whether low <= key < high. A nil low or high is no bound.
func between(low, key, high []byte) bool {
	return (low == nil || bytes.Compare(low, key) <= 0) && (high == nil || bytes.Compare(key, high) < 0)
}

func u16(b []byte) uint16 { return binary.NativeEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }
