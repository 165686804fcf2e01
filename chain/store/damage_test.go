package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// sample is a store's file with pages of every kind: branches and leaves in all
// buckets except meta, overflow pages, and a list of free pages.
type sample struct {
	file     []byte
	ids      []pow.Hash // of all transactions in blocks
	blocks   []block.Block
	contents string           // what contents returns for the store
	kinds    map[string][]int // page numbers by kind of page
}

func makeSample(t *testing.T) sample {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir)
	blocks := testBranch(pow.Hash{}, 0, "trunk", 120, 2)
	blocks = append(blocks, testBlock(blocks[119].Hash(), 120, "big", testTx(strings.Repeat("big", 5000))))
	side := testBranch(blocks[118].Hash(), 119, "side", 3, 2)
	mustCommit(t, s, chain.Change{Blocks: blocks, Connect: hashes(blocks)})
	var texts []string
	for i := range 120 {
		texts = append(texts, fmt.Sprintf("pending %d", i))
	}
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, texts...)})
	mustCommit(t, s, chain.Change{Blocks: side, RemovePending: []uint64{3, 4, 5}})
	mustCommit(t, s, chain.Change{Disconnect: reversed(hashes(blocks[119:])), Connect: hashes(side)})

	var sam sample
	sam.blocks = slices.Concat(blocks, side)
	for _, b := range sam.blocks {
		for _, tx := range b.Txs {
			sam.ids = append(sam.ids, tx.ID())
		}
	}
	var err error
	if sam.contents, err = contents(s, sam.ids); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	if sam.file, err = os.ReadFile(filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
	sam.kinds = pageKinds(t, filepath.Join(dir, fileName))
	return sam
}

// pageKinds returns the page numbers of each kind of page in each bucket.
func pageKinds(t *testing.T, path string) map[string][]int {
	t.Helper()
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	kinds := map[string][]int{"meta": {0, 1}}
	err = db.View(func(tx *bbolt.Tx) error {
		owner := make(map[int]string)
		var walk func(id int, bucket string)
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		walk = func(id int, bucket string) {
			owner[id] = bucket
			p := data[id*os.Getpagesize():]
			if u16(p[8:]) == flagBranch {
				for i := range int(u16(p[10:])) {
					walk(int(u64(p[pageHeader+pageElement*i+8:])), bucket)
				}
			}
		}
		c := tx.Cursor()
		for name, _ := c.First(); name != nil; name, _ = c.Next() {
			if root := tx.Bucket(name).Root(); root != 0 {
				walk(int(root), string(name))
			}
		}
		for id := 2; ; id++ {
			info, err := tx.Page(id)
			if info == nil || err != nil {
				return err
			}
			kind := info.Type
			if kind == "free" {
				kinds["free"] = append(kinds["free"], id)
				continue
			}
			kind = strings.TrimSpace(owner[id] + " " + kind)
			kinds[kind] = append(kinds[kind], id)
			for range info.OverflowCount {
				id++
				kinds[kind+" overflow"] = append(kinds[kind+" overflow"], id)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// try opens a store with a damaged file, reads everything in it, and commits a
// change. found says whether the damage was reported as chain.ErrDamaged. The error
// says that damage went unnoticed: a read or the change failed in another way, or
// returned other data than the sample's.
func (sam sample) try(dir string, file []byte) (found bool, err error) {
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, file, 0o644); err != nil {
		return false, err
	}
	s, err := Open(dir, testOptions())
	if err != nil {
		if !errors.Is(err, chain.ErrDamaged) {
			return false, fmt.Errorf("open: %w", err)
		}
		return true, nil
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	switch got, err := contents(s, sam.ids); {
	case errors.Is(err, chain.ErrDamaged):
		found = true
	case err != nil:
		return false, fmt.Errorf("read: %w", err)
	case got != sam.contents:
		return false, fmt.Errorf("the store contains\n%s\nwant\n%s", got, sam.contents)
	}
	// A change must neither panic nor spread the damage.
	b := testBlock(sam.blocks[len(sam.blocks)-1].Hash(), 122, "next", testTx("next"))
	err = s.Commit(chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}, AddPending: pendingOf(1000, "last"), RemovePending: []uint64{50}})
	switch {
	case errors.Is(err, chain.ErrDamaged):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("write: %w", err)
	}
	for _, b := range slices.Concat(sam.blocks, []block.Block{b}) {
		if raw, err := s.Block(b.Hash()); errors.Is(err, chain.ErrDamaged) {
			found = true
		} else if want, _ := b.AppendBinary(nil); err != nil || !bytes.Equal(raw, want) {
			return false, fmt.Errorf("after the write block %s has changed, error %w", b.Hash(), err)
		}
	}
	return found, nil
}

// Open finds a flipped bit in the body of a block.
func TestFlippedBodyIsFoundOnOpen(t *testing.T) {
	dir := t.TempDir()
	s := openWith(t, dir, hooks{})
	prev := pow.Hash{}
	for i := range 50 {
		b := testBlock(prev, int64(i), "a", testTx(strings.Repeat("x", 1000*(i%7))+"needle"))
		if err := s.Commit(chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}}); err != nil {
			t.Fatal(err)
		}
		prev = b.Hash()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "chain.db")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(file, []byte("needle")) // in a body, or in a page that is free again
	found := 0
	for ; at >= 0; at = bytes.LastIndex(file[:at], []byte("needle")) {
		damaged := bytes.Clone(file)
		damaged[at] ^= 1
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, testOptions())
		if err == nil { // the page was free
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !errors.Is(err, chain.ErrDamaged) {
			t.Fatalf("error %v", err)
		}
		found++
	}
	if found != 50 {
		t.Errorf("%d of 50 flipped bodies were found", found)
	}
}

// A flipped bit is either found, or it does not change what the store returns.
func TestBitFlips(t *testing.T) {
	sam := makeSample(t)
	for _, kind := range []string{
		"meta", "freelist", "free", "leaf", "headers branch", "headers leaf", "bodies branch", "bodies leaf", "bodies leaf overflow",
		"txs branch", "txs leaf", "pending branch", "pending leaf",
	} {
		t.Run(kind, func(t *testing.T) {
			pages := sam.kinds[kind]
			if len(pages) == 0 {
				t.Fatalf("the sample has no such page, only %v", sam.kinds)
			}
			random := rand.New(rand.NewPCG(3, uint64(len(kind))))
			flips := 60
			if testing.Short() {
				flips = 20
			}
			dir := t.TempDir()
			found := 0
			for i := range flips {
				page := pages[random.IntN(len(pages))] * os.Getpagesize()
				at := page + random.IntN(os.Getpagesize())
				if i%2 == 0 {
					at = page + random.IntN(pageHeader+metaSize) // in the page's header, where bbolt trusts it most
				}
				file := bytes.Clone(sam.file)
				file[at] ^= 1 << random.IntN(8)
				yes, err := sam.try(dir, file)
				if err != nil {
					t.Errorf("byte %d of page %d: %v", at-page, page/os.Getpagesize(), err)
				}
				if yes {
					found++
				}
			}
			t.Logf("%d of %d flips were found, the others changed nothing", found, flips)
			// Damage of one meta page is mended: see TestLostMeta.
			if found == 0 && kind != "free" && kind != "meta" {
				t.Error("no flip was found")
			}
			if found > 0 && kind == "meta" {
				t.Error("a file was refused, although one of its meta pages was sound")
			}
		})
	}
}

// With a wrong list of free pages, bbolt would write over pages that are in use.
func TestWrongFreelist(t *testing.T) {
	sam := makeSample(t)
	list := sam.kinds["freelist"][0] * os.Getpagesize()
	count := int(u16(sam.file[list+10:]))
	for name, spoil := range map[string]func(page []byte){
		"a live page is free":        func(page []byte) { spoilID(page, 0, sam.kinds["leaf"][0]) },
		"a meta page is free":        func(page []byte) { spoilID(page, 0, 1) },
		"a page beyond the last one": func(page []byte) { spoilID(page, count-1, 1<<30) },
		"twice the same":             func(page []byte) { spoilID(page, 1, int(u64(page[pageHeader:]))) },
		"more than there are":        func(page []byte) { binary.NativeEndian.PutUint16(page[10:], 0xfffe) },
		"another kind of page":       func(page []byte) { page[8] = flagLeaf },
	} {
		t.Run(name, func(t *testing.T) {
			file := bytes.Clone(sam.file)
			spoil(file[list:])
			if _, err := checkPages(bytes.NewReader(file), int64(len(file)), 0, func(string, []byte, []byte) {}); !errors.Is(err, chain.ErrDamaged) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// spoilID replaces an entry of a list of free pages.
func spoilID(freelist []byte, index, id int) {
	binary.NativeEndian.PutUint64(freelist[pageHeader+8*index:], uint64(id))
}

// The damage that failing disks cause: sectors of zeros or noise, and pages that were
// written to the place of others.
func TestLostSectors(t *testing.T) {
	sam := makeSample(t)
	random := rand.New(rand.NewPCG(5, 6))
	size := os.Getpagesize()
	used := 0
	for _, pages := range sam.kinds {
		for _, id := range pages {
			used = max(used, id+1)
		}
	}
	dir := t.TempDir()
	for i := range 150 {
		file := bytes.Clone(sam.file)
		page := random.IntN(used) * size
		from := page + 512*random.IntN(size/512)
		switch i % 3 {
		case 0:
			clear(file[from : from+512])
		case 1:
			for j := range 512 {
				file[from+j] = byte(random.Uint32())
			}
		case 2:
			copy(file[page:page+size], file[random.IntN(used)*size:][:size])
		}
		if _, err := sam.try(dir, file); err != nil {
			t.Errorf("kind of damage %d, page %d, byte %d: %v", i%3, page/size, from-page, err)
		}
	}
}

func TestCutFile(t *testing.T) {
	sam := makeSample(t)
	used := 0
	for _, pages := range sam.kinds {
		for _, id := range pages {
			used = max(used, (id+1)*os.Getpagesize())
		}
	}
	dir := t.TempDir()
	for length := 0; length < len(sam.file); length += 3001 {
		found, err := sam.try(dir, sam.file[:length])
		if err != nil {
			t.Errorf("cut to %d bytes: %v", length, err)
		}
		if length < used && !found {
			t.Errorf("cut to %d of %d bytes: the damage was not found", length, used)
		}
	}
	for _, length := range []int{1, 511, 4095, 4096, 4097, 8191, 8192, 16384, used - 1} {
		if found, err := sam.try(dir, sam.file[:length]); !found || err != nil {
			t.Errorf("cut to %d bytes: found %v, error %v", length, found, err)
		}
	}
	if found, err := sam.try(dir, sam.file[:used]); found || err != nil {
		t.Errorf("cut behind its last page, which does no damage: found %v, error %v", found, err)
	}
	if found, err := sam.try(dir, append(bytes.Clone(sam.file), make([]byte, 12345)...)); found || err != nil {
		t.Errorf("with more bytes at its end, which do no damage: found %v, error %v", found, err)
	}
}

// If the file shrinks while the store is open, reads and changes return an error
// instead of a fault.
func TestCutWhileOpen(t *testing.T) {
	sam := makeSample(t)
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, sam.file, 0o644); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	if err := os.Truncate(path, 2*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Block(sam.blocks[7].Hash()); !errors.Is(err, chain.ErrDamaged) {
		t.Errorf("a block: %v", err)
	}
	if _, _, err := s.Load(func(pow.Header) error { return nil }); !errors.Is(err, chain.ErrDamaged) {
		t.Errorf("load: %v", err)
	}
	for range 2 {
		if err := s.Commit(chain.Change{AddPending: pendingOf(1000, "x")}); !errors.Is(err, chain.ErrDamaged) {
			t.Errorf("commit: %v", err)
		}
	}
}

// Missing records and records of another store are found even if all pages are
// sound.
func TestLostRecords(t *testing.T) {
	for name, lose := range map[string]func(*bbolt.Tx) error{
		"a header":              func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketHeaders)).Delete(key(1)) },
		"the last header":       func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketHeaders)).Delete(key(2)) },
		"a body":                func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketBodies)).Delete(key(1)) },
		"a pending transaction": func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketPending)).Delete(key(1)) },
		"an indexed transaction": func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte(bucketTxs)).Cursor()
			c.First()
			return c.Delete()
		},
		"a transaction of an owner": func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte(bucketOwners)).Cursor()
			c.Last()
			return c.Delete()
		},
		"the state":   func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete(keyState()) },
		"the network": func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete([]byte(keyNetwork)) },
		"the schema":  func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMeta)).Delete([]byte(keySchema)) },
		"a bucket":    func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketBodies)) },
		"headers exchanged": func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucketHeaders))
			return b.Put(key(1), bytes.Clone(b.Get(key(2))))
		},
		"a pending record that is no transaction": func(tx *bbolt.Tx) error {
			k := key(1)
			return tx.Bucket([]byte(bucketPending)).Put(k, seal(k, []byte("\x00\x00\x00\x00{}")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			blocks := testBranch(pow.Hash{}, 0, "a", 3, 1)
			mustCommit(t, s, chain.Change{Blocks: blocks, Connect: hashes(blocks), AddPending: pendingOf(1, "p")})
			mustClose(t, s)
			db, err := bbolt.Open(filepath.Join(dir, fileName), 0o644, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Update(lose), db.Close()); err != nil {
				t.Fatal(err)
			}
			s, err = Open(dir, testOptions())
			if err == nil {
				_, err = contents(s, nil)
				mustClose(t, s)
			}
			if !errors.Is(err, chain.ErrDamaged) {
				t.Errorf("error %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "restore a copy") {
				t.Errorf("the error does not say what to do: %v", err)
			}
		})
	}
}

// The checker accepts the files that bbolt writes, in many shapes.
func TestCheckerAcceptsWhatBoltWrites(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	s := mustOpen(t, dir)
	next := uint64(1)
	for round := range 40 {
		var c chain.Change
		for range random.IntN(60) {
			c.AddPending = append(c.AddPending, pendingOf(next, strings.Repeat("x", 1+random.IntN(1+random.IntN(9000))))...)
			next++
		}
		for range random.IntN(80) {
			c.RemovePending = append(c.RemovePending, random.Uint64N(next))
		}
		mustCommit(t, s, c)
		if round%4 != 0 {
			continue
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checkPages(bytes.NewReader(file), int64(len(file)), 0, func(string, []byte, []byte) {}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	mustClose(t, s)
	mustOpen(t, dir)
}

func FuzzCheckPages(f *testing.F) {
	dir := f.TempDir()
	s := mustOpen(f, dir)
	mustCommit(f, s, chain.Change{Blocks: testBranch(pow.Hash{}, 0, "a", 30, 1)})
	mustClose(f, s)
	file, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), uint64(1))
	f.Add(uint32(3*4096+8), uint64(0xffff))
	f.Fuzz(func(_ *testing.T, at uint32, with uint64) {
		damaged := bytes.Clone(file)
		from := int(at) % (len(damaged) - 8)
		binary.LittleEndian.PutUint64(damaged[from:], with)
		for _, bodiesUpTo := range []int64{0, checkBodiesUpTo} {
			_, _ = checkPages(bytes.NewReader(damaged), int64(len(damaged)), bodiesUpTo, func(string, []byte, []byte) {})
		}
	})
}
