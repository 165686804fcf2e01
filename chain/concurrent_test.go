package chain

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// Transactions are posted while two miners race and a third keeps replacing the tip.
// No transaction is lost or mined twice, and the transactions of each poster are
// mined in order.
func TestEverythingAtOnce(t *testing.T) {
	const posters, each = 8, 40
	store := NewMemStore()
	c := openTest(t, Config{Params: rulestest.Easy(), Store: store})
	var events atomic.Int64
	t.Cleanup(c.Subscribe(func(Event) { events.Add(1) }))

	var posting, others sync.WaitGroup
	done := make(chan struct{})
	for p := range posters {
		posting.Go(func() {
			for i := range each {
				tx := rulestest.MakeTx(t, fmt.Sprint(p, " ", i))
				var twice sync.WaitGroup // every transaction is posted twice at the same time
				for range 2 {
					twice.Go(func() {
						if _, err := c.AddTx(tx); err != nil && !errors.Is(err, block.TxAlreadyMined) {
							t.Error(err)
						}
					})
				}
				twice.Wait()
			}
		})
	}
	mine := func(extranonce uint64) {
		template, err := c.Template(TemplateOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		b := rulestest.Solve(template.Block(template.Job(extranonce, 0).Header, extranonce))
		if outcome, err := c.Accept(b); err != nil || outcome != Best && outcome != Side {
			t.Errorf("mined: %s, %v", outcome, err)
		}
	}
	for m := range uint64(2) {
		others.Go(func() {
			for i := uint64(0); ; i++ {
				select {
				case <-done:
					return
				default:
					mine(m<<32 | i)
				}
			}
		})
	}
	others.Go(func() {
		for i := uint64(0); ; i++ {
			select {
			case <-done:
				return
			default:
				replaceTip(t, c.Chain, 1<<40|i<<8)
				c.Pending(0, 5)
				c.Locator()
			}
		}
	})
	posting.Wait()
	close(done)
	others.Wait()
	for i := uint64(0); ; i++ {
		if txs, _ := c.PendingCount(); txs == 0 {
			break
		}
		mine(1<<50 | i)
	}

	next := make([]int, posters)
	total := 0
	for height := range c.Len() {
		hash, _ := c.HashAt(height)
		b, err := c.Block(hash)
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range b.Txs {
			var poster, i int
			if _, err := fmt.Sscan(tx.Content(), &poster, &i); err != nil || next[poster] != i {
				t.Fatalf("block %d has %q, want number %d", height, tx.Content(), next[poster])
			}
			next[poster]++
			total++
		}
	}
	if total != posters*each {
		t.Errorf("%d transactions mined, want %d", total, posters*each)
	}
	if c.pool.txs != 0 || c.pool.bytes != 0 || len(c.pool.entries) != 0 || c.pool.durableBytes != 0 {
		t.Errorf("the mempool keeps %d transactions, %d bytes", c.pool.txs, c.pool.bytes)
	}
	mine(1 << 60) // a move also removes the stale transactions from the store
	if _, pending, err := store.Load(func(pow.Header) error { return nil }); err != nil || len(pending) != 0 {
		t.Errorf("the store keeps %v, %v", pending, err)
	}
	t.Logf("%d blocks on the active branch, %d in the store, %d events", c.Len(), c.tree.count, events.Load())
}

// replaceTip mines two empty blocks beside the tip and gives them to the chain, one by
// one or as a batch.
func replaceTip(t *testing.T, c *Chain, extranonce uint64) {
	tip := c.Tip()
	info, ok := c.Header(tip.Hash)
	if !ok || tip.Height < 2 {
		return
	}
	parent := info.Header.Prev
	var blocks []block.Block
	for i := range uint64(2) {
		b := block.Block{
			Header:   pow.Header{Version: 0x20000000, Prev: parent, Time: tip.Time + 1, Bits: tip.Bits},
			Coinbase: block.Coinbase{Height: tip.Height + int64(i), Extranonce: extranonce + i},
		}
		b.Header.MerkleRoot, _ = block.MerkleRoot(b.IDs())
		b = rulestest.Solve(b)
		blocks = append(blocks, b)
		parent = b.Hash()
	}
	if parent[0]%2 == 0 {
		if taken, err := c.AcceptAll(blocks); taken != 2 || err != nil {
			t.Errorf("%d taken, %v", taken, err)
		}
		return
	}
	for _, b := range blocks {
		if _, err := c.Accept(b); err != nil {
			t.Error(err)
		}
	}
}

// slowStore makes each commit of a posted transaction wait: it sends to entered, and
// goes on, or fails, with the next error from proceed.
type slowStore struct {
	Store
	entered chan struct{}
	proceed chan error
}

func (s *slowStore) Commit(c Change) error {
	if len(c.AddPending) == 0 || len(c.Connect) > 0 {
		return s.Store.Commit(c)
	}
	s.entered <- struct{}{}
	if err := <-s.proceed; err != nil {
		return err
	}
	return s.Store.Commit(c)
}

func openSlow(t *testing.T) (chainTest, *slowStore) {
	s := &slowStore{Store: NewMemStore(), entered: make(chan struct{}), proceed: make(chan error)}
	return openTest(t, Config{Params: rulestest.Easy(), Store: s}), s
}

type posted struct {
	outcome TxOutcome
	err     error
}

func (c chainTest) postLater(tx block.Tx) chan posted {
	result := make(chan posted, 1)
	go func() {
		outcome, err := c.AddTx(tx)
		result <- posted{outcome, err}
	}()
	return result
}

// A transaction is not shown and not put into templates until it is on disk. A second
// post of the same transaction returns only then.
func TestPostsWaitForTheDisk(t *testing.T) {
	for _, want := range []error{nil, ErrNoSpace} {
		synctest.Test(t, func(t *testing.T) {
			c, s := openSlow(t)
			one := rulestest.MakeTx(t, "one")
			first := c.postLater(one)
			<-s.entered
			second := c.postLater(one)
			synctest.Wait()
			c.wantPending()
			if template, _ := c.Template(TemplateOptions{}); len(template.Txs) != 0 {
				t.Error("mined before it is on disk")
			}
			if len(second) > 0 {
				t.Errorf("the second post returned %+v before the first was over", <-second)
			}
			s.proceed <- want
			got, again := <-first, <-second
			if want == nil {
				if got != (posted{TxAdded, nil}) || again != (posted{TxKnown, nil}) {
					t.Errorf("posts returned %+v and %+v", got, again)
				}
				c.wantPending(one)
				return
			}
			for _, got := range []posted{got, again} {
				if !errors.Is(got.err, want) || got.outcome != 0 {
					t.Errorf("post returned %+v, want %v", got, want)
				}
			}
			c.wantPending()
			if c.pool.txs != 0 || c.pool.bytes != 0 {
				t.Errorf("the mempool counts %d transactions", c.pool.txs)
			}
		})
	}
}

// A block with the transaction is connected while the post is being written.
func TestMinedWhilePosted(t *testing.T) {
	for _, fails := range []error{nil, ErrNoSpace} {
		c, s := openSlow(t)
		one := rulestest.MakeTx(t, "one")
		a := rulestest.NewBranch(c.Params())
		b := a.Fork("b")
		result := c.postLater(one)
		<-s.entered
		c.want(Best, a.Grow(1, one))
		s.proceed <- fails
		if got := <-result; got != (posted{TxAdded, nil}) {
			t.Errorf("the post returned %+v", got)
		}
		c.wantPending()
		again := c.postLater(one)
		<-s.entered
		s.proceed <- nil
		if got := <-again; !errors.Is(got.err, block.TxAlreadyMined) {
			t.Errorf("posted again: %v", got.err)
		}
		openTest(t, Config{Params: rulestest.Easy(), Store: s}).wantPending() // nothing of it was stored

		// When a reorg returns the transaction, it is pending once.
		c.want(Side, b.Grow(1))
		c.want(Best, b.Grow(1))
		c.wantPending(one)
		if len(c.stale) != 0 {
			t.Errorf("stale %v", c.stale)
		}
	}
}

// A block with the transaction is connected and disconnected again, all while the post
// is being written.
func TestReturnedWhilePosted(t *testing.T) {
	c, s := openSlow(t)
	one := rulestest.MakeTx(t, "one")
	a := rulestest.NewBranch(c.Params())
	b := a.Fork("b")
	result := c.postLater(one)
	<-s.entered
	c.want(Best, a.Grow(1, one))
	c.want(Side, b.Grow(1))
	c.want(Best, b.Grow(1))
	c.wantPending(one)
	s.proceed <- nil
	if got := <-result; got != (posted{TxAdded, nil}) {
		t.Errorf("the post returned %+v", got)
	}
	c.wantPending(one)
	c.want(Best, b.Grow(1, one))
	c.wantPending()
	if _, pending, err := s.Load(func(pow.Header) error { return nil }); err != nil || len(pending) != 0 {
		t.Errorf("the store keeps %v, %v", pending, err)
	}
}
