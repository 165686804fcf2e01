package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// history is what the file of a store had after each of some changes, and then when
// the store had been closed.
type history struct {
	files    [][]byte // after change i
	contents []string // after change i
	closed   []byte
}

// makeHistory makes a store in which each change adds a pending transaction, with a
// block in the first.
func makeHistory(t *testing.T) history {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, dir)
	var h history
	blocks := testBranch(pow.Hash{}, 0, "a", 3, 2)
	read := func() []byte {
		file, err := os.ReadFile(filepath.Join(dir, fileName))
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	for i := range uint64(4) {
		c := chain.Change{AddPending: pendingOf(i+1, fmt.Sprint(i)), RemovePending: []uint64{99}} // not for the journal
		if i == 0 {
			c.Blocks, c.Connect = blocks, hashes(blocks)
		}
		mustCommit(t, s, c)
		is, err := contents(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.files, h.contents = append(h.files, read()), append(h.contents, is)
	}
	mustClose(t, s)
	h.closed = read()
	return h
}

// metaPage returns the part of a file that is its meta page 0 or 1.
func metaPage(file []byte, number int) []byte {
	return file[number*os.Getpagesize():][:os.Getpagesize()]
}

// newerMeta returns the number of the meta page that the last transaction wrote.
func newerMeta(file []byte) int {
	txid := func(number int) uint64 { return u64(metaPage(file, number)[pageHeader+48:]) }
	if txid(1) > txid(0) {
		return 1
	}
	return 0
}

// reopen opens a file and returns what it contains and what was logged. It also
// checks that the store takes a change then, and opens without a warning afterwards.
func reopen(t *testing.T, file []byte) (is, logged string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), file, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o := testOptions()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	logged = log.String()
	if is, err = contents(s, nil); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1000, "next")})
	mustClose(t, s)

	log.Reset()
	if s, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	after, err := contents(s, nil)
	beforeBlocks, _, _ := strings.Cut(is, "block")
	if err != nil || !strings.HasPrefix(after, beforeBlocks) || !strings.Contains(after, "pending 1000") {
		t.Errorf("after the next change the store has\n%s(%v), before it had\n%s", after, err, is)
	}
	if strings.Contains(log.String(), "WARN") {
		t.Errorf("the meta page was not written anew: %s", &log)
	}
	return is, logged
}

// A power failure while a meta page is being written leaves some bytes of the old page
// and some of the new one. The store opens, with or without the change whose meta page
// it was, and has all changes before.
func TestTornMeta(t *testing.T) {
	h := makeHistory(t)
	for change := 1; change < len(h.files); change++ {
		before, after := h.files[change-1], h.files[change]
		n := newerMeta(after)
		for cut := 0; cut <= pageHeader+metaSize; cut += 1 + cut%7 {
			file := bytes.Clone(after)
			copy(metaPage(file, n)[cut:], metaPage(before, n)[cut:])
			is, logged := reopen(t, file)
			whole := bytes.Equal(metaPage(file, n), metaPage(after, n))
			untouched := bytes.Equal(metaPage(file, n), metaPage(before, n))
			want := h.contents[change-1]
			if whole {
				want = h.contents[change]
			}
			if is != want {
				t.Errorf("change %d, torn at byte %d: the store has\n%s\nwant\n%s", change, cut, is, want)
			}
			if warned := strings.Contains(logged, "meta page"); warned == (whole || untouched) {
				t.Errorf("change %d, torn at byte %d: logged %q", change, cut, logged)
			}
		}
	}
}

// A file that was closed survives the loss of either meta page, whatever is there
// instead.
func TestLostMeta(t *testing.T) {
	h := makeHistory(t)
	want := h.contents[len(h.contents)-1]
	for name, spoil := range map[string]func(page []byte){
		"zeros":               func(page []byte) { clear(page) },
		"a sector of zeros":   func(page []byte) { clear(page[:512]) },
		"ones":                func(page []byte) { copy(page, bytes.Repeat([]byte{0xff}, len(page))) },
		"a wrong magic":       func(page []byte) { page[pageHeader]++; sumMeta(page) },
		"a wrong version":     func(page []byte) { page[pageHeader+4]++; sumMeta(page) },
		"a wrong checksum":    func(page []byte) { page[pageHeader+metaSumOffset]++ },
		"another transaction": func(page []byte) { page[pageHeader+48]++ },
	} {
		for n := range 2 {
			file := bytes.Clone(h.closed)
			spoil(metaPage(file, n))
			is, logged := reopen(t, file)
			if is != want {
				t.Errorf("%s on page %d: the store has\n%s\nwant\n%s", name, n, is, want)
			}
			if !strings.Contains(logged, fmt.Sprintf("meta page %d is not what was written", n)) {
				t.Errorf("%s on page %d: logged %q", name, n, logged)
			}
		}
		file := bytes.Clone(h.closed)
		spoil(metaPage(file, 0))
		spoil(metaPage(file, 1))
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName), file, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, testOptions()); !errors.Is(err, chain.ErrDamaged) || !strings.Contains(err.Error(), "restore a copy") {
			t.Errorf("%s on both pages: error %v", name, err)
		}
	}
}

// sumMeta writes the right checksum into a meta page.
func sumMeta(page []byte) {
	sum := fnv.New64a()
	_, _ = sum.Write(page[pageHeader:][:metaSumOffset])
	binary.NativeEndian.PutUint64(page[pageHeader+metaSumOffset:], sum.Sum64())
}

// A sound meta page in the place of the other one, or with impossible values, does not
// count.
func TestImpossibleMeta(t *testing.T) {
	h := makeHistory(t)
	for _, file := range h.files[2:] { // not closed, so the pages lead to different records
		testImpossibleMeta(t, file)
	}
}

func testImpossibleMeta(t *testing.T, file []byte) {
	t.Helper()
	n := newerMeta(file)
	put := func(page []byte, at int, value uint64, size int) {
		var raw [8]byte
		binary.NativeEndian.PutUint64(raw[:], value)
		copy(page[pageHeader+at:][:size], raw[:]) // on a little-endian machine
		sumMeta(page)
	}
	for name, spoil := range map[string]func(newer, older []byte){
		"the older page in its place": func(newer, older []byte) { copy(newer, older) },
		"pages too small":             func(newer, _ []byte) { put(newer, 8, minPageSize/2, 4) },
		"pages too large":             func(newer, _ []byte) { put(newer, 8, maxPageSize*2, 4) },
		"pages of another size":       func(newer, _ []byte) { put(newer, 8, uint64(2*os.Getpagesize()), 4) },
	} {
		spoilt := bytes.Clone(file)
		spoil(metaPage(spoilt, n), metaPage(spoilt, 1-n))
		m, err := readMetas(bytes.NewReader(spoilt), int64(len(spoilt)))
		if name == "pages of another size" && n == 0 {
			// The first page says where the second is, and there is none.
			if err == nil && m.torn == nil {
				t.Errorf("%s: both pages are sound", name)
			}
			continue
		}
		if err != nil || m.torn == nil || m.newer.txid != u64(metaPage(file, 1-n)[pageHeader+48:]) {
			t.Errorf("%s: %+v, error %v", name, m, err)
		}
	}
	for name, high := range map[string]uint64{"no pages": 0, "three pages": 3, "more than there are": uint64(len(file)/os.Getpagesize()) + 1} {
		spoilt := bytes.Clone(file)
		put(metaPage(spoilt, n), 40, high, 8)
		if _, err := readMetas(bytes.NewReader(spoilt), int64(len(spoilt))); !errors.Is(err, chain.ErrDamaged) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	whole := bytes.Clone(file)
	put(metaPage(whole, n), 40, uint64(len(file)/os.Getpagesize()), 8)
	if _, err := readMetas(bytes.NewReader(whole), int64(len(whole))); err != nil {
		t.Errorf("as many pages as there are: %v", err)
	}
}

// The size of the pages is found from the second meta page alone, for each size that a
// file may have.
func TestPageSizeFromTheSecondMeta(t *testing.T) {
	page := bytes.Clone(metaPage(makeHistory(t).closed, 1))
	for size := minPageSize; size <= maxPageSize; size *= 2 {
		file := make([]byte, 64*maxPageSize)
		meta := file[size:]
		copy(meta, page[:pageHeader+metaSize])
		binary.NativeEndian.PutUint32(meta[pageHeader+8:], uint32(size))
		sumMeta(meta[:pageHeader+metaSize])
		m, err := readMetas(bytes.NewReader(file), int64(len(file)))
		if err != nil || m.newer.pageSize != uint64(size) || m.torn == nil {
			t.Errorf("pages of %d bytes: %+v, error %v", size, m, err)
		}
	}
}

// Only a file that was closed says so; Open reads any other from the disk anew.
func TestClosedIsSeen(t *testing.T) {
	h := makeHistory(t)
	for i, file := range h.files {
		if m, err := readMetas(bytes.NewReader(file), int64(len(file))); err != nil || m.closed {
			t.Errorf("after change %d: closed %v, error %v", i, m.closed, err)
		}
	}
	if m, err := readMetas(bytes.NewReader(h.closed), int64(len(h.closed))); err != nil || !m.closed {
		t.Errorf("after the end: closed %v, error %v", m.closed, err)
	}
}
