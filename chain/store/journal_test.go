package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// crashed returns a folder with what a process has left behind that has committed the
// changes, and then died.
func crashed(t *testing.T, changes ...chain.Change) (dir string) {
	t.Helper()
	from := t.TempDir()
	s := mustOpen(t, from)
	for _, c := range changes {
		mustCommit(t, s, c)
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func adds(first uint64, contents ...string) chain.Change {
	return chain.Change{AddPending: pendingOf(first, contents...)}
}

// forDatabase is a change without effect that does not go into the journal.
func forDatabase() chain.Change { return chain.Change{RemovePending: []uint64{1 << 60}} }

// pendingIn opens the store in a folder, and returns the numbers of its pending
// transactions.
func pendingIn(t *testing.T, dir string) string {
	t.Helper()
	s, err := Open(dir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	return pendingOfStore(t, s)
}

func pendingOfStore(t *testing.T, s *Store) string {
	t.Helper()
	_, pending, err := s.Load(func(pow.Header) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var seqs []uint64
	for _, p := range pending {
		seqs = append(seqs, p.Seq)
	}
	return fmt.Sprint(seqs)
}

func hasJournal(t *testing.T, dir string) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(dir, journalName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// Posts are in the journal until the next other change, and the journal is gone when the
// store is closed.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustCommit(t, s, forDatabase())
	if hasJournal(t, dir) {
		t.Error("there is a journal before the first post")
	}
	before := s.txid
	mustCommit(t, s, adds(5, "a", "b"))
	mustCommit(t, s, adds(3, "c"))
	if s.txid != before+1 || len(s.journal.posts) != 3 || s.journal.number != 2 {
		t.Errorf("%d transactions, want the one that starts the journal; %d posts in %d records", s.txid-before, len(s.journal.posts), s.journal.number)
	}
	if got := pendingOfStore(t, s); got != "[3 5 6]" {
		t.Errorf("pending %s", got)
	}
	mustCommit(t, s, chain.Change{RemovePending: []uint64{5}})
	if len(s.journal.posts)+len(s.journal.keys) != 0 || s.journal.at != 0 || s.state.pending != 2 {
		t.Errorf("the journal still has %d posts, the database %d", len(s.journal.posts), s.state.pending)
	}
	mustCommit(t, s, adds(4, "d"))
	for _, seq := range []uint64{3, 4, 6} { // in the database, in the journal
		if err := s.Commit(adds(seq, "again")); err == nil || !strings.Contains(err.Error(), "taken") {
			t.Errorf("number %d used again: %v", seq, err)
		}
	}
	if err := s.Commit(chain.Change{AddPending: slices.Concat(pendingOf(8, "x"), pendingOf(8, "y"))}); err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("a number used twice: %v", err)
	}
	mustClose(t, s)
	if hasJournal(t, dir) {
		t.Error("there is a journal in a store that is closed")
	}
	if _, number := bucketOf(t, dir, bucketPending); number != schema {
		t.Errorf("a closed store has schema %d", number)
	}
	if got := pendingIn(t, dir); got != "[3 4 6]" {
		t.Errorf("pending %s", got)
	}
}

// A full journal goes into the database, as does a group that has no room in it.
func TestJournalIsBounded(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	before := s.txid
	for i := range uint64(journalBytes/journalAlign + 1) {
		mustCommit(t, s, adds(i, "x"))
	}
	if s.txid != before+2 || len(s.journal.posts) != 0 {
		t.Errorf("%d transactions, %d posts in the journal", s.txid-before, len(s.journal.posts))
	}
	mustCommit(t, s, adds(1000, "x"))
	var many []string
	for range journalBytes / 60_000 {
		many = append(many, strings.Repeat("x", 60_000))
	}
	mustCommit(t, s, adds(2000, many...))
	if s.txid != before+2 || s.journal.at < journalBytes-100_000 {
		t.Errorf("a long record is not in the journal: at %d", s.journal.at)
	}
	mustCommit(t, s, adds(3000, many[:2]...))
	if s.txid != before+3 || len(s.journal.posts) != 0 {
		t.Errorf("%d transactions, %d posts in the journal", s.txid-before, len(s.journal.posts))
	}
	if info, err := os.Stat(filepath.Join(dir, journalName)); err != nil || info.Size() != journalBytes {
		t.Errorf("the journal has %d bytes (%v), want %d", info.Size(), err, journalBytes)
	}
}

// A store that opens after a crash has what was in the journal, and goes on with it.
func TestJournalAfterACrash(t *testing.T) {
	for range 3 {
		dir := crashed(t, adds(1, "a"), forDatabase(), adds(2, "b"), adds(3, "c", "d"))
		if !hasJournal(t, dir) {
			t.Fatal("the crash left no journal")
		}
		s := mustOpen(t, dir)
		if got := pendingOfStore(t, s); got != "[1 2 3 4]" {
			t.Errorf("pending %s", got)
		}
		if s.journal.number != 2 || s.journal.at != 2*journalAlign || len(s.journal.keys) != 3 {
			t.Errorf("the journal goes on with record %d at %d, and has %d posts", s.journal.number, s.journal.at, len(s.journal.keys))
		}
		for _, seq := range []uint64{1, 3} {
			if err := s.Commit(adds(seq, "again")); err == nil || !strings.Contains(err.Error(), "taken") {
				t.Errorf("number %d used again: %v", seq, err)
			}
		}
		mustCommit(t, s, adds(9, "e"))
		again := t.TempDir()
		if err := os.CopyFS(again, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		mustClose(t, s)
		for _, dir := range []string{dir, again} {
			if got := pendingIn(t, dir); got != "[1 2 3 4 9]" {
				t.Errorf("pending %s", got)
			}
		}
	}
}

// After a power failure in the middle of a write to the journal, the posts before it are
// there. Those of the write are all there or none of them, and the next record replaces it.
func TestTornJournal(t *testing.T) {
	dir := crashed(t, adds(1, "a"), adds(2, "b"), adds(3, "c", strings.Repeat("d", 9000), "e"))
	file := mustRead(t, dir, journalName)
	database := mustRead(t, dir, fileName)
	record := file[2*journalAlign:][:3*journalAlign]
	r, ok := parseRecord(record)
	if !ok || r.size < 2*journalAlign {
		t.Fatalf("record %+v, sound %v", r, ok)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		torn := bytes.Clone(file)
		switch at := 2*journalAlign + random.IntN(r.size-1); i % 3 {
		case 0: // the end is missing
			clear(torn[at:])
		case 1: // the beginning is missing
			clear(torn[2*journalAlign : at+1])
		case 2: // some sectors are missing
			sector := 2*journalAlign + random.IntN(r.size/512)*512
			clear(torn[sector:min(sector+512, 2*journalAlign+r.size)])
		}
		want := "[1 2]"
		if bytes.Equal(torn, file) {
			want = "[1 2 3 4 5]"
		}
		to := t.TempDir()
		mustWrite(t, to, fileName, database)
		mustWrite(t, to, journalName, torn)
		s := mustOpen(t, to)
		if got := pendingOfStore(t, s); got != want {
			t.Fatalf("image %d: pending %s, want %s", i, got, want)
		}
		mustCommit(t, s, adds(7, "next"))
		mustClose(t, s)
		if got := pendingIn(t, to); got != strings.TrimSuffix(want, "]")+" 7]" {
			t.Fatalf("image %d: afterwards pending %s", i, got)
		}
	}
}

func mustRead(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustWrite(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A journal of zeros takes the place of one that is lost: the database opens without the
// posts that were in it, and takes new ones.
func TestJournalOfZeros(t *testing.T) {
	dir := crashed(t, adds(1, "a"), forDatabase(), adds(2, "b"))
	mustWrite(t, dir, journalName, make([]byte, journalBytes))
	s := mustOpen(t, dir)
	mustCommit(t, s, adds(3, "c"))
	mustClose(t, s)
	if got := pendingIn(t, dir); got != "[1 3]" {
		t.Errorf("pending %s", got)
	}
}

// A journal that does not count and cannot be removed stays, and the store opens.
func TestJournalThatStays(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, dir))
	mustWrite(t, dir, journalName, nil)
	remove = func(string) error { return errors.ErrUnsupported }
	defer func() { remove = os.Remove }()
	s := mustOpen(t, dir)
	mustCommit(t, s, adds(1, "a"))
	mustClose(t, s)
	if got := pendingIn(t, dir); got != "[1]" {
		t.Errorf("pending %s", got)
	}
}

// Damage that loses posts is reported: a record that is spoiled and is not the last one,
// a journal that is missing, and one that is not that of the database.
func TestDamagedJournal(t *testing.T) {
	dir := crashed(t, adds(1, "a"), adds(2, "b"), adds(3, "c"))
	file, database := mustRead(t, dir, journalName), mustRead(t, dir, fileName)
	other := crashed(t, adds(1, "a"), forDatabase(), adds(2, "b"))
	// A database of another node, on the same transaction and in the same state, but for what is pending.
	same := crashed(t, adds(2, "b"), forDatabase(), adds(3, "c"))
	two := crashed(t, adds(1, "a"), forDatabase(), adds(2, "b"))
	unlike := crashed(t, chain.Change{Blocks: []block.Block{testBlock(pow.Hash{}, 0, "x")}}, adds(1, "a"))
	closed := t.TempDir()
	mustClose(t, mustOpen(t, closed))

	spoil := func(at int) []byte {
		spoiled := bytes.Clone(file)
		spoiled[at] ^= 1
		return spoiled
	}
	for name, tc := range map[string]struct {
		database, journal []byte
		want              string
	}{
		"the first record":                  {database, spoil(recordHeader + 20), "record 1"},
		"the magic of the first record":     {database, spoil(0), "record 1"},
		"the size of the second record":     {database, spoil(journalAlign + 11), "record 2"},
		"no journal":                        {database, nil, "is missing"},
		"a journal of a later transaction":  {database, mustRead(t, other, journalName), "record 0 on transaction"},
		"a journal of another database":     {database, mustRead(t, unlike, journalName), "record 0 on transaction"},
		"a journal of another node":         {mustRead(t, same, fileName), mustRead(t, two, journalName), "perhaps of another node"},
		"a journal that nobody has begun":   {mustRead(t, closed, fileName), file, "does not know of it"},
		"a record moved to another place":   {database, slices.Concat(file[journalAlign:], file[:journalAlign]), "record 1"},
		"a record twice":                    {database, slices.Concat(file[:journalAlign], file[:journalAlign], file[2*journalAlign:]), "record 0"},
		"a journal without its beginning":   {database, slices.Concat(file[journalAlign:], make([]byte, journalAlign)), "record 1"},
		"a journal without its end":         {database, file[:journalBytes-1], "it has 1048575 bytes"},
		"a journal that is cut to a record": {database, file[:journalAlign], "it has 4096 bytes"},
		"an empty journal":                  {database, []byte{}, "it has 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			to := t.TempDir()
			mustWrite(t, to, fileName, tc.database)
			if tc.journal != nil {
				mustWrite(t, to, journalName, tc.journal)
			}
			s, err := Open(to, testOptions())
			if err == nil {
				t.Errorf("it opens, with pending %s", pendingOfStore(t, s))
				mustClose(t, s)
			} else if !errors.Is(err, chain.ErrDamaged) || !containsAll(err.Error(), journalName, tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// Each byte of a record counts: a post is never another one than was written.
func TestEachByteOfTheJournal(t *testing.T) {
	dir := crashed(t, adds(1, "a"), adds(2, "b"))
	file := mustRead(t, dir, journalName)
	first, _ := parseRecord(file)
	b := first.base
	for at := range first.size {
		spoiled := bytes.Clone(file)
		spoiled[at] ^= 0x41
		if posts, _, _, err := parseJournal(spoiled, b); !errors.Is(err, chain.ErrDamaged) {
			t.Errorf("byte %d: %d posts, error %v", at, len(posts), err)
		}
		// Without the second record, it may be a write that was torn.
		if posts, number, next, err := parseJournal(spoiled[:journalAlign], b); len(posts)+int(number)+int(next) != 0 || err != nil {
			t.Errorf("byte %d of the last record: %d posts, error %v", at, len(posts), err)
		}
	}
	for size := range first.size {
		if posts, _, _, err := parseJournal(file[:size], b); len(posts) != 0 || err != nil {
			t.Errorf("a file of %d bytes: %d posts, error %v", size, len(posts), err)
		}
	}
}

// A process may die while it starts the journal, or while it puts it away.
func TestJournalThatDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustCommit(t, s, adds(1, "a"))
	journal := mustRead(t, dir, journalName)
	mustClose(t, s)
	for name, left := range map[string][]byte{
		"empty":       {},
		"zeros":       make([]byte, journalBytes),
		"an old one":  journal,
		"half of one": journal[:100],
	} {
		mustWrite(t, dir, journalName, left)
		s := mustOpen(t, dir)
		if hasJournal(t, dir) {
			t.Errorf("%s: the file is still there", name)
		}
		if got := pendingOfStore(t, s); got != "[1]" {
			t.Errorf("%s: pending %s", name, got)
		}
		mustClose(t, s)
	}
	if err := os.Mkdir(filepath.Join(dir, journalName), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testOptions()); !errors.Is(err, chain.ErrDamaged) {
		t.Errorf("a folder in place of the journal: error %v", err)
	}
}

// A store whose journal cannot be made works without one.
func TestNoJournal(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	s.journal.path = filepath.Join(dir, "missing", journalName)
	before := s.txid
	for i := range uint64(3) {
		mustCommit(t, s, adds(i, "x"))
	}
	if s.txid != before+3 || s.journal.file != nil {
		t.Errorf("%d transactions, want 3", s.txid-before)
	}
	mustClose(t, s)
	if got := pendingIn(t, dir); got != "[0 1 2]" {
		t.Errorf("pending %s", got)
	}
}
