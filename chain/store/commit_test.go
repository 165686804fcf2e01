package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// openWith opens a store whose committer calls hooks.
func openWith(t testing.TB, dir string, h hooks) *Store {
	t.Helper()
	o := testOptions()
	o.hooks = h
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, s) })
	return s
}

// gather commits changes so that the first has a transaction for itself and the
// others share the next one. The store must have the hook of holdFirst, which stops
// the committer in the first transaction until the others are in the queue. gather
// returns the errors of the changes in their order.
func gather(t *testing.T, s *Store, held chan struct{}, changes []chain.Change) []error {
	t.Helper()
	answers := make([]error, len(changes))
	var all sync.WaitGroup
	for i, c := range changes {
		all.Go(func() { answers[i] = s.Commit(c) })
		// The committer takes the first change at once. The others stay in the queue.
		for deadline := time.Now().Add(5 * time.Second); len(s.queue) != i; time.Sleep(50 * time.Microsecond) {
			if time.Now().After(deadline) {
				t.Fatalf("after 5 s the queue has %d changes, want %d", len(s.queue), i)
			}
		}
		if i == 0 {
			<-held
		}
	}
	held <- struct{}{}
	all.Wait()
	return answers
}

// holdFirst returns a hook that counts its calls. The first call sends on held when
// it begins, and then waits until it receives from held.
func holdFirst() (hook func() error, held chan struct{}, calls *atomic.Int64) {
	held, calls = make(chan struct{}), new(atomic.Int64)
	return func() error {
		if calls.Add(1) == 1 {
			held <- struct{}{}
			<-held
		}
		return nil
	}, held, calls
}

func TestGroupSharesOneTransaction(t *testing.T) {
	hook, held, syncs := holdFirst()
	s := openWith(t, t.TempDir(), hooks{beforeSync: hook})
	var changes []chain.Change
	for i := range uint64(100) {
		changes = append(changes, chain.Change{AddPending: pendingOf(i, "x")})
	}
	for i, err := range gather(t, s, held, changes) {
		if err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d transactions, want 2", n)
	}
}

// A change can build on another one in the same transaction, and a change that
// fails does not affect the others.
func TestFailuresInAGroup(t *testing.T) {
	hook, held, _ := holdFirst()
	dir := t.TempDir()
	s := openWith(t, dir, hooks{beforeSync: hook})
	blocks := testBranch(pow.Hash{}, 0, "a", 4, 2)
	changes := []chain.Change{
		{AddPending: pendingOf(1, "p1")},
		{Blocks: blocks[:2], Connect: hashes(blocks[:2])},
		{Connect: []pow.Hash{{9}}, AddPending: pendingOf(2, "spoilt")}, // fails
		{AddPending: pendingOf(3, "p3")},
		{AddPending: pendingOf(3, "again")}, // fails
		{Blocks: blocks[2:3]},
		{Connect: hashes(blocks[2:3])},
		{Disconnect: hashes(blocks[:1])}, // fails
		{Blocks: blocks[3:], Connect: hashes(blocks[3:]), RemovePending: []uint64{1}},
	}
	fails := []int{2, 4, 7}
	for i, err := range gather(t, s, held, changes) {
		if (err != nil) != slices.Contains(fails, i) {
			t.Errorf("change %d: %v", i, err)
		}
	}
	mustClose(t, s)

	s = mustOpen(t, dir)
	tip, pending, err := s.Load(func(pow.Header) error { return nil })
	if err != nil || tip != blocks[3].Hash() || fmt.Sprint(pending) != fmt.Sprint(pendingOf(3, "p3")) {
		t.Errorf("tip %s, pending %v, error %v", tip, pending, err)
	}
	for _, b := range blocks {
		for _, tx := range b.Txs {
			if at, err := s.FindTx(tx.ID()); err != nil || at != b.Hash() {
				t.Errorf("%s is in %s (%v)", tx, at, err)
			}
		}
	}
}

// A change is neither acknowledged nor visible to readers before it has been
// written and synced.
func TestNoAnswerBeforeTheSync(t *testing.T) {
	hook, held, _ := holdFirst()
	s := openWith(t, t.TempDir(), hooks{beforeSync: hook})
	if s.db.NoSync || s.db.NoGrowSync {
		t.Fatal("bbolt does not sync")
	}
	b := testBlock(pow.Hash{}, 0, "a", testTx("x"))
	answer := make(chan error, 1)
	go func() { answer <- s.Commit(chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}}) }()
	<-held
	select {
	case err := <-answer:
		t.Errorf("answered %v before the sync", err)
	case <-time.After(20 * time.Millisecond):
	}
	if _, err := s.Block(b.Hash()); !isNotFound(err) {
		t.Errorf("read before the sync: %v", err)
	}
	held <- struct{}{}
	if err := <-answer; err != nil {
		t.Error(err)
	}
	if _, err := s.Block(b.Hash()); err != nil {
		t.Error(err)
	}
}

// When a change is acknowledged, the files already contain it.
func TestTheFileHasItBeforeTheAnswer(t *testing.T) {
	dir, copies := t.TempDir(), t.TempDir()
	n := 0
	s := openWith(t, dir, hooks{afterSync: func() error {
		n++
		return os.CopyFS(filepath.Join(copies, fmt.Sprint(n)), os.DirFS(dir))
	}})
	for i := range uint64(10) {
		c := chain.Change{AddPending: pendingOf(i, fmt.Sprint(i))}
		if i%3 == 2 {
			c.RemovePending = []uint64{99} // which makes it a change for the database
		}
		mustCommit(t, s, c)
	}
	for i := range 10 {
		s := mustOpen(t, filepath.Join(copies, fmt.Sprint(i+1)))
		if _, pending, err := s.Load(nil); err != nil || len(pending) != i+1 {
			t.Errorf("after commit %d the file has %d pending transactions (%v), want %d", i+1, len(pending), err, i+1)
		}
	}
}

func TestFailureBeforeTheSync(t *testing.T) {
	failure := errors.New("failpoint")
	fail := false
	s := openWith(t, t.TempDir(), hooks{beforeSync: func() error {
		if fail {
			return failure
		}
		return nil
	}})
	blocks := testBranch(pow.Hash{}, 0, "a", 2, 1)
	mustCommit(t, s, chain.Change{Blocks: blocks[:1], Connect: hashes(blocks[:1])})
	before, _ := contents(s, nil)

	fail = true
	if err := s.Commit(chain.Change{Blocks: blocks[1:], Connect: hashes(blocks[1:])}); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	if after, err := contents(s, nil); err != nil || after != before {
		t.Errorf("the failed change left\n%s(%v), want\n%s", after, err, before)
	}
	if _, err := s.Block(blocks[1].Hash()); !isNotFound(err) {
		t.Errorf("a block of the failed change: error %v, want that it is not found", err)
	}
	fail = false
	mustCommit(t, s, chain.Change{Blocks: blocks[1:], Connect: hashes(blocks[1:])})
}

// After a failure that leaves the content of the disk unknown, the store can be read
// but not changed until it is opened again.
func TestFailureAfterTheSync(t *testing.T) {
	failure := errors.New("failpoint")
	dir := t.TempDir()
	fail := false
	s := openWith(t, dir, hooks{afterSync: func() error {
		if fail {
			return failure
		}
		return nil
	}})
	b := testBlock(pow.Hash{}, 0, "a")
	mustCommit(t, s, chain.Change{Blocks: []block.Block{b}})
	fail = true
	if err := s.Commit(chain.Change{AddPending: pendingOf(1, "x")}); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	fail = false
	if err := s.Commit(chain.Change{AddPending: pendingOf(2, "y")}); !errors.Is(err, failure) || !strings.Contains(err.Error(), "opened again") {
		t.Errorf("the next change: %v", err)
	}
	if _, err := s.Block(b.Hash()); err != nil {
		t.Errorf("a read: %v", err)
	}
	mustClose(t, s)
	s = mustOpen(t, dir)
	if _, pending, err := s.Load(func(pow.Header) error { return nil }); err != nil || len(pending) != 1 || pending[0].Seq != 1 {
		t.Errorf("%v is pending (%v)", pending, err)
	}
	mustCommit(t, s, chain.Change{AddPending: pendingOf(2, "y")})
}

// What Commit returns while the store closes is true: acknowledged changes are in
// the file, and changes refused with ErrClosed are not.
func TestCloseDuringCommits(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		s := mustOpen(t, dir)
		var acked sync.Map
		var seq atomic.Uint64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for {
					n := seq.Add(1)
					err := s.Commit(chain.Change{AddPending: pendingOf(n, fmt.Sprint(n))})
					if errors.Is(err, chain.ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					acked.Store(n, true)
					_, err = s.FindTx(pow.Hash{1})
					if !errors.Is(err, chain.ErrNotFound) && !errors.Is(err, chain.ErrClosed) {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(2 * time.Millisecond)
		mustClose(t, s)
		all.Wait()

		_, pending, err := mustOpen(t, dir).Load(nil)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		acked.Range(func(n, _ any) bool {
			count++
			if !slices.ContainsFunc(pending, func(p chain.Pending) bool { return p.Seq == n }) {
				t.Errorf("change %d was acknowledged and is not in the file", n)
			}
			return true
		})
		if count != len(pending) {
			t.Errorf("%d changes were acknowledged, %d are in the file", count, len(pending))
		}
	}
}

// Readers see complete blocks while a writer makes the file grow.
func TestConcurrentReads(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	blocks := testBranch(pow.Hash{}, 0, "a", 100, 3)
	var at atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := at.Load(); n < 100; n = at.Load() {
				for i := range n {
					raw, err := s.Block(blocks[i].Hash())
					if err != nil || string(raw) != binaryOf(t, blocks[i]) {
						t.Errorf("block %d: %v", i, err)
						return
					}
					if hash, err := s.FindTx(blocks[i].Txs[1].ID()); err != nil || hash != blocks[i].Hash() {
						t.Errorf("transaction of block %d: %v", i, err)
						return
					}
				}
			}
		})
	}
	for i, b := range blocks {
		mustCommit(t, s, chain.Change{Blocks: []block.Block{b}, Connect: []pow.Hash{b.Hash()}})
		at.Store(int64(i + 1))
	}
	all.Wait()
}

// A group has at most 1,024 changes, and ends with the change with which it reaches
// 16 MiB, so that one transaction never holds more of the memory or of the time.
func TestBoundsOfAGroup(t *testing.T) {
	for name, tc := range map[string]struct {
		size, changes int
		want          []int // changes in each transaction
	}{
		"by number": {1, 1024 + 6, []int{1, 1024, 6}},
		"by bytes":  {8<<20 + 1, 5, []int{1, 2, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			hook, held, _ := holdFirst()
			s := openWith(t, t.TempDir(), hooks{beforeSync: hook})
			var groups []int
			s.Observe(Observer{Committed: func(changes int, _ time.Duration) { groups = append(groups, changes) }})
			requests := make([]*request, 1+tc.changes)
			for i := range requests {
				requests[i] = &request{change: change{size: tc.size}, answer: make(chan error, 1)}
			}
			s.queue <- requests[0]
			<-held
			var all sync.WaitGroup
			for _, r := range requests[1:] {
				all.Go(func() { s.queue <- r })
			}
			for len(s.queue) < min(tc.changes, 1024) { // the others wait to get in
				time.Sleep(time.Millisecond)
			}
			time.Sleep(5 * time.Millisecond)
			held <- struct{}{}
			all.Wait()
			for _, r := range requests {
				if err := <-r.answer; err != nil {
					t.Error(err)
				}
			}
			if !slices.Equal(groups, tc.want) {
				t.Errorf("groups of %v changes, want %v", groups, tc.want)
			}
		})
	}
}

// A store goes on after a full disk only if the last transaction is still the one
// before. If not, the change that was refused may count, so the store gives up.
func TestGoesOnOnlyWhereItWas(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
	failure := fmt.Errorf("%w: as the test wants it", chain.ErrNoSpace)
	if err := s.goOn(failure); !errors.Is(err, failure) || s.Err() != nil {
		t.Errorf("error %v, store %v", err, s.Err())
	}
	s.txid--
	if err := s.goOn(failure); !errors.Is(err, chain.ErrBroken) || s.Err() == nil {
		t.Errorf("another transaction is the last one: error %v, store %v", err, s.Err())
	}
}

// A change that is refused alone makes no transaction.
func TestRefusedChangeMakesNoTransaction(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
	s.Observe(Observer{Committed: func(changes int, _ time.Duration) { t.Errorf("a transaction of %d changes", changes) }})
	if err := s.Commit(chain.Change{AddPending: pendingOf(1, "again")}); err == nil {
		t.Error("a number that is taken was accepted")
	}
}

// If there is no space for a group, each of its changes is tried alone, and some may fit.
func TestSomeOfAGroupFindSpace(t *testing.T) {
	hook, held, calls := holdFirst()
	dir := t.TempDir()
	s := openWith(t, dir, hooks{beforeSync: func() error {
		_ = hook()
		if n := calls.Load(); n == 2 || n == 4 { // of the whole group, and of the second change in it
			return fmt.Errorf("%w: as the test wants it", chain.ErrNoSpace)
		}
		return nil
	}})
	var changes []chain.Change
	for i := range uint64(4) {
		changes = append(changes, chain.Change{AddPending: pendingOf(i, "x")})
	}
	for i, err := range gather(t, s, held, changes) {
		if want := i == 2; errors.Is(err, chain.ErrNoSpace) != want || !want && err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if got := s.Stats(); got.Changes != 3 || got.NoSpace != 1 || got.GivenUp || calls.Load() != 5 {
		t.Errorf("%d attempts, stats %+v", calls.Load(), got)
	}
	mustClose(t, s)
	if s.stuck {
		t.Error("the store says that bbolt has panicked")
	}
	if got, err := contents(mustOpen(t, dir), nil); err != nil || !containsAll(got, "pending 0", "pending 1", "pending 3") || strings.Contains(got, "pending 2") {
		t.Errorf("the store has\n%s(%v)", got, err)
	}
}

// If bbolt panics when it rolls back, the store gives up, keeps its first reason, and
// closes without waiting for a lock that nobody releases.
func TestRollbackPanics(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustCommit(t, s, chain.Change{AddPending: pendingOf(1, "x")})
	if s.rollBack(nil); s.Err() != nil { // a transaction that did not begin
		t.Errorf("error %v, although there was nothing to roll back", s.Err())
	}
	s.rollBack(&writer{}) // without a transaction
	first := s.Err()
	if err := s.goOn(fmt.Errorf("%w: as the test wants it", chain.ErrNoSpace)); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("after that, a change for which there is no space gets %v", err)
	}
	if !errors.Is(first, chain.ErrBroken) || !s.stuck || !s.Stats().GivenUp {
		t.Errorf("error %v, stuck %v", first, s.stuck)
	}
	if again := s.giveUp(errors.New("another reason")); again.Error() != first.Error() {
		t.Errorf("the reason was %v and is %v", first, again)
	}
	if err := s.Commit(chain.Change{AddPending: pendingOf(2, "y")}); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("error %v", err)
	}
	mustClose(t, s)
	mustClose(t, mustOpen(t, dir))
}

// A block that a transaction stores twice is there once.
func TestSameBlockTwiceInAChange(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	b := testBlock(pow.Hash{}, 0, "a", testTx("x"))
	mustCommit(t, s, chain.Change{Blocks: []block.Block{b, b}, Connect: []pow.Hash{b.Hash()}})
	mustCommit(t, s, chain.Change{Blocks: []block.Block{b}})
	headers := 0
	if _, _, err := s.Load(func(pow.Header) error { headers++; return nil }); err != nil || headers != 1 {
		t.Errorf("%d headers (%v), want 1", headers, err)
	}
}

// Buckets that grow at their end have full pages, so that the file is not twice as long
// as it must be.
func TestPagesAreFull(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	prev := pow.Hash{}
	for i := range uint64(10) {
		blocks := testBranch(prev, int64(100*i), "a", 100, 1)
		prev = blocks[99].Hash()
		c := chain.Change{Blocks: blocks, Connect: hashes(blocks)}
		for j := range uint64(100) {
			c.AddPending = append(c.AddPending, pendingOf(1+100*i+j, fmt.Sprint(i, j))...)
		}
		mustCommit(t, s, c)
	}
	mustClose(t, s)
	path := filepath.Join(dir, fileName)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kinds := pageKinds(t, path)
	for _, kind := range []string{"headers leaf", "bodies leaf", "pending leaf"} {
		used := 0
		for i := range kinds[kind] {
			page := spoiler{file, kinds}.page(kind, i)
			last := element(page, count(page)-1)
			used += pageHeader + pageElement*(count(page)-1) + int(u32(last[4:])+u32(last[8:])+u32(last[12:]))
		}
		if full := float64(used) / float64(len(kinds[kind])*os.Getpagesize()); full < 0.8 {
			t.Errorf("%d pages of kind %s are full to %.0f %%, want 80", len(kinds[kind]), kind, 100*full)
		}
	}
}
