package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/lodepow/lode/chain"
)

// spoiler is a file in which a test spoils some bytes. Elements of a page are numbered
// from 0.
type spoiler struct {
	file  []byte
	kinds map[string][]int // page numbers by kind of page
}

func (s spoiler) page(kind string, i int) []byte {
	return s.file[s.kinds[kind][i]*os.Getpagesize():]
}

func element(page []byte, i int) []byte { return page[pageHeader+pageElement*i:] }

func count(page []byte) int { return int(u16(page[10:])) }

// leafKey returns the key of an element of a leaf.
func leafKey(page []byte, i int) []byte {
	e := element(page, i)
	return e[u32(e[4:]):][:u32(e[8:])]
}

func put16(b []byte, v uint16) { binary.NativeEndian.PutUint16(b, v) }
func put32(b []byte, v uint32) { binary.NativeEndian.PutUint32(b, v) }
func put64(b []byte, v int)    { binary.NativeEndian.PutUint64(b, uint64(v)) }

// check checks the pages of a file with and without the leaves of bodies.
func check(file []byte, bodies bool) error {
	upTo := int64(0)
	if bodies {
		upTo = int64(len(file)) // the greatest file that is still read as a whole
	}
	_, err := checkPages(bytes.NewReader(file), int64(len(file)), upTo, func(string, []byte, []byte) {})
	return err
}

// Every rule of the pages refuses a file that breaks it, and says which.
func TestRulesOfThePages(t *testing.T) {
	sam := makeSample(t)
	var high int // number of pages
	for n := range 2 {
		high = max(high, int(u64(metaPage(sam.file, n)[pageHeader+40:])))
	}
	for _, bodies := range []bool{true, false} {
		if err := check(sam.file, bodies); err != nil {
			t.Fatalf("the whole file, with bodies %v: %v", bodies, err)
		}
	}
	for name, tc := range map[string]struct {
		spoil  func(s spoiler)
		want   string
		bodies bool // whether leaves of bodies are read
	}{
		"free list too long": {func(s spoiler) {
			put16(s.page("freelist", 0)[10:], uint16((os.Getpagesize()-pageHeader)/8+1))
		}, "not a list of free pages", true},
		"free list of another kind": {func(s spoiler) { s.page("freelist", 0)[8] = flagLeaf }, "not a list of free pages", true},
		"free pages out of order": {func(s spoiler) {
			page := s.page("freelist", 0)
			first, second := int(u64(page[pageHeader:])), int(u64(page[pageHeader+8:]))
			spoilID(page, 0, second)
			spoilID(page, 1, first)
		}, "as free", true},
		"a free page beyond the last": {func(s spoiler) {
			page := s.page("freelist", 0)
			spoilID(page, count(page)-1, high)
		}, "as free", true},
		"a page is not in the list":                         {dropFree(sam), "neither used nor free", true},
		"a page is not in the list, and bodies are skipped": {dropFree(sam), "neither used nor free", false},
		"a record beside the buckets":                       {func(s spoiler) { put32(element(s.page("leaf", 0), 0), 0) }, "is no bucket", true},
		"a bucket without its header": {func(s spoiler) {
			root := s.page("leaf", 0)
			put32(element(root, count(root)-1)[12:], 8)
		}, "is no bucket", true},
		"a bucket among the records": {func(s spoiler) { put32(element(s.page("headers leaf", 0), 0), 1) }, "marked as a bucket", true},
		"a small bucket with an overflow": {func(s spoiler) {
			put32(inlinePage(s.page("leaf", 0))[12:], 1)
		}, "is no leaf", true},
		"a small bucket that is a branch": {func(s spoiler) {
			put16(inlinePage(s.page("leaf", 0))[8:], flagBranch)
			put16(inlinePage(s.page("leaf", 0))[10:], 0)
		}, "is no leaf", true},
		"a branch that is its own child": {func(s spoiler) {
			put64(element(s.page("bodies branch", 0), 0)[8:], s.kinds["bodies branch"][0])
		}, "too deep", false},
		"an empty leaf":   {func(s spoiler) { put16(s.page("headers leaf", 0)[10:], 0) }, "an empty leaf", true},
		"an empty branch": {func(s spoiler) { put16(s.page("headers branch", 0)[10:], 0) }, "neither branch nor leaf", true},
		"neither": {func(s spoiler) {
			put16(s.page("headers branch", 0)[8:], flagFreelist)
		}, "neither branch nor leaf", true},
		"a page used twice": {func(s spoiler) {
			branch := s.page("headers branch", 0)
			put64(element(branch, 1)[8:], int(u64(element(branch, 0)[8:])))
		}, "is used twice", true},
		"a used page that is free": {func(s spoiler) {
			put64(element(s.page("headers branch", 0), 0)[8:], s.kinds["free"][0])
		}, "", true},
		"a child behind the last page": {func(s spoiler) {
			put64(element(s.page("headers branch", 0), 0)[8:], high)
		}, "beyond the last one", true},
		"an unread child far behind the last page": {func(s spoiler) {
			put64(element(s.page("bodies branch", 0), 1)[8:], high+5)
		}, "beyond the last one", false},
		"an overflow of one page too many": {func(s spoiler) {
			put32(s.page("headers leaf", 0)[12:], uint32(high-s.kinds["headers leaf"][0]))
		}, "goes on beyond the last one", true},
		"an enormous overflow": {func(s spoiler) {
			put32(s.page("headers leaf", 0)[12:], 1<<31)
		}, "goes on beyond the last one", true},
		"a page in the place of another": {func(s spoiler) { put64(s.page("headers leaf", 0), 3) }, "says that it is page 3", true},
		"a body in the place of another": {func(s spoiler) { put64(s.page("bodies leaf", 0), 3) }, "says that it is page 3", true},
		"too many elements":              {func(s spoiler) { put16(s.page("headers leaf", 0)[10:], 0xffff) }, "elements", true},
		"a gap between elements": {func(s spoiler) {
			e := element(s.page("headers leaf", 0), 0)
			put32(e[4:], u32(e[4:])+1)
		}, "out of its place", true},
		"an empty key in a leaf": {func(s spoiler) {
			page := s.page("headers leaf", 0)
			e := element(page, count(page)-1)
			put32(e[12:], u32(e[8:])+u32(e[12:]))
			put32(e[8:], 0)
		}, "out of its place", true},
		"a value that is too long": {func(s spoiler) {
			page := s.page("headers leaf", 0)
			put32(element(page, count(page)-1)[12:], 1<<20)
		}, "out of its place", true},
		"an empty key in a branch": {func(s spoiler) {
			page := s.page("headers branch", 0)
			put32(element(page, count(page)-1)[4:], 0)
		}, "out of its place", true},
		"a key in a branch that is too long": {func(s spoiler) {
			page := s.page("headers branch", 0)
			put32(element(page, count(page)-1)[4:], 1<<20)
		}, "out of its place", true},
		"a key twice": {func(s spoiler) {
			page := s.page("headers leaf", 0)
			copy(leafKey(page, 1), leafKey(page, 0))
		}, "key 1 is out of order", true},
		"a key below its leaf": {func(s spoiler) { clear(leafKey(s.page("headers leaf", 1), 0)) }, "is out of its range", true},
		"a key that belongs into the next leaf": {func(s spoiler) {
			page := s.page("headers leaf", 0)
			copy(leafKey(page, count(page)-1), leafKey(s.page("headers leaf", 1), 0))
		}, "is out of its range", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := spoiler{bytes.Clone(sam.file), sam.kinds}
			tc.spoil(s)
			if err := check(s.file, tc.bodies); !errors.Is(err, chain.ErrDamaged) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// dropFree removes, from the list of free pages, one that does not follow a body, so
// that it cannot be taken for the overflow of one.
func dropFree(sam sample) func(s spoiler) {
	return func(s spoiler) {
		bodies := map[int]bool{}
		for _, kind := range []string{"bodies leaf", "bodies leaf overflow"} {
			for _, id := range sam.kinds[kind] {
				bodies[id] = true
			}
		}
		page := s.page("freelist", 0)
		n := count(page)
		for i := range n {
			if !bodies[int(u64(page[pageHeader+8*i:]))-1] {
				copy(page[pageHeader+8*i:], page[pageHeader+8*(i+1):pageHeader+8*n])
				put16(page[10:], uint16(n-1))
				return
			}
		}
		panic("every free page follows a body")
	}
}

// inlinePage returns the page of the bucket meta, which lies within the root page.
func inlinePage(root []byte) []byte {
	for i := range count(root) {
		if string(leafKey(root, i)) == bucketMeta {
			e := element(root, i)
			return e[u32(e[4:])+u32(e[8:])+bucketHeader:]
		}
	}
	panic("no bucket meta")
}

// Files that bbolt may write and a store hardly ever has: one without buckets, and one
// whose list of free pages has its length in front.
func TestRarePages(t *testing.T) {
	path := filepath.Join(t.TempDir(), fileName)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	empty, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(empty, true); err != nil {
		t.Errorf("without buckets: %v", err)
	}

	sam := makeSample(t)
	list := spoiler{sam.file, sam.kinds}.page("freelist", 0)
	n := count(list)
	copy(list[pageHeader+8:pageHeader+8+8*n], bytes.Clone(list[pageHeader:pageHeader+8*n]))
	put64(list[pageHeader:], n)
	put16(list[10:], freelistLong)
	if err := check(sam.file, true); err != nil {
		t.Errorf("a long list of free pages: %v", err)
	}
}

// A bucket within the root page that is too short for a page of its own.
func TestCutInlineBucket(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, dir))
	path := filepath.Join(dir, fileName)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	root := spoiler{file, pageKinds(t, path)}.page("leaf", 0)
	put32(element(root, count(root)-1)[12:], bucketHeader+8)
	if err := check(file, true); !errors.Is(err, chain.ErrDamaged) || !strings.Contains(err.Error(), "8 bytes") {
		t.Errorf("error %v", err)
	}
}

// In a tree of three levels, the keys of the branches in the middle must lie in their
// range, too.
func TestRangeOfABranch(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	var texts []string
	for range 400 {
		texts = append(texts, strings.Repeat("x", 3000)) // so long that each has a leaf for itself
	}
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, texts...)})
	mustClose(t, s)
	path := filepath.Join(dir, fileName)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(file, true); err != nil {
		t.Fatal(err)
	}
	branches := pageKinds(t, path)["pending branch"]
	if len(branches) < 3 {
		t.Fatalf("%d branches, want three levels", len(branches))
	}
	refused := 0
	for _, id := range branches {
		page := bytes.Clone(file)[id*os.Getpagesize():]
		spoilt := bytes.Clone(file)
		e := element(spoilt[id*os.Getpagesize():], count(page)-1)
		key := e[u32(e):][:u32(e[4:])]
		copy(key, bytes.Repeat([]byte{0xff}, len(key))) // beyond the next branch, if there is one
		err := check(spoilt, true)
		if !errors.Is(err, chain.ErrDamaged) {
			t.Errorf("branch %d: error %v", id, err)
		} else if strings.Contains(err.Error(), fmt.Sprintf("page %d: key ffffffffffffffff is out of its range", id)) {
			refused++
		}
	}
	if refused == 0 {
		t.Error("no branch was refused for its own key")
	}
}
