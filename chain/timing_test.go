package chain

import (
	"testing"

	"github.com/lodepow/lode/chain/rules/rulestest"
)

// hookStore calls after once, when a reorg is on disk and memory does not have it yet.
type hookStore struct {
	Store
	after func()
}

func (s *hookStore) Commit(c Change) error {
	err := s.Store.Commit(c)
	if after := s.after; after != nil && len(c.Disconnect) > 0 {
		s.after = nil
		after()
	}
	return err
}

func TestPostBetweenReorgOnDiskAndInMemory(t *testing.T) {
	mem := NewMemStore()
	s := &hookStore{Store: mem}
	c := openTest(t, Config{Params: rulestest.Easy(), Store: s})
	one := rulestest.MakeTx(t, "one")
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	c.post(one)
	c.want(Best, a.Grow(1, one))
	c.want(Side, b.Grow(1))
	s.after = func() { c.post(one) }
	c.want(Best, b.Grow(1))
	c.wantPending(one)
	c.want(Best, b.Grow(1, one))
	if len(mem.pending) != 0 {
		t.Errorf("the store keeps %v", mem.pending)
	}
}

// A transaction is posted while a block that contains it is being written. The post
// is too late to be removed with that write, so the next one removes it.
func TestPostWhileItsBlockIsWritten(t *testing.T) {
	mem := NewMemStore()
	s := &watchedStore{Store: mem, before: func() {}}
	c := openTest(t, Config{Params: rulestest.Easy(), Store: s})
	one := rulestest.MakeTx(t, "one")
	a := rulestest.NewBranch(c.Params())
	s.before = func() {
		s.before = func() {}
		c.post(one)
	}
	c.want(Best, a.Grow(1, one))
	c.wantTip(a)
	c.wantPending()
	if len(mem.pending) != 1 {
		t.Errorf("the store has %d pending transactions, want the one that was too late", len(mem.pending))
	}
	c.want(Best, a.Grow(1))
	if len(mem.pending) != 0 {
		t.Errorf("the store keeps %v", mem.pending)
	}
}

func TestOrphansAreTakenWithASideBlock(t *testing.T) {
	c := openTest(t, Config{Params: rulestest.Easy()})
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	c.want(Best, a.Grow(1))
	b.Grow(1)
	c.want(Held, b.Grow(1))
	c.want(Side, b.Blocks[0])
	c.wantTip(b)
}

func TestHeldBlockOutlivesAStoreFault(t *testing.T) {
	mem := NewMemStore()
	n := 0
	s := &flakyStore{Store: mem, fails: func() bool { n--; return n == 0 }}
	c := openTest(t, Config{Params: rulestest.Easy(), Store: s})
	a := rulestest.NewBranch(c.Params())
	a.Grow(1)
	c.want(Held, a.Grow(1))
	n = 2 // the commit of the parent succeeds, and that of the orphan fails
	c.want(Best, a.Blocks[0])
	if c.Len() != 2 {
		t.Fatalf("length %d", c.Len())
	}
	c.RetryHeld()
	c.wantTip(a)
}
