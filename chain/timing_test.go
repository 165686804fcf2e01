package chain

import "testing"

// hookStore calls after once, when a reorg is on disk and not yet in memory.
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
	c := openTest(t, Config{Params: easy(), Store: s})
	one := testTx(t, "one")
	a := newBranch(c.Params())
	b := a.fork("b")
	c.post(one)
	c.want(Best, a.grow(1, one))
	c.want(Side, b.grow(1))
	s.after = func() { c.post(one) }
	c.want(Best, b.grow(1))
	c.wantPending(one)
	c.want(Best, b.grow(1, one))
	if len(mem.pending) != 0 {
		t.Errorf("the store keeps %v", mem.pending)
	}
}

func TestOrphansAreTakenWithASideBlock(t *testing.T) {
	c := openTest(t, Config{Params: easy()})
	a := newBranch(c.Params())
	b := a.fork("b")
	c.want(Best, a.grow(1))
	b.grow(1)
	c.want(Held, b.grow(1))
	c.want(Side, b.blocks[0])
	c.wantTip(b)
}

func TestHeldBlockOutlivesAStoreFault(t *testing.T) {
	mem := NewMemStore()
	n := 0
	s := &flakyStore{Store: mem, fails: func() bool { n--; return n == 0 }}
	c := openTest(t, Config{Params: easy(), Store: s})
	a := newBranch(c.Params())
	a.grow(1)
	c.want(Held, a.grow(1))
	n = 2 // the parent's commit succeeds, the orphan's does not
	c.want(Best, a.blocks[0])
	if c.Len() != 2 {
		t.Fatalf("length %d", c.Len())
	}
	c.RetryHeld()
	c.wantTip(a)
}
