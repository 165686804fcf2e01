package own

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

func easy(t testing.TB) rules.Params {
	t.Helper()
	p, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func openChain(t testing.TB, p rules.Params) *chain.Chain {
	t.Helper()
	c, err := chain.Open(chain.Config{Params: p, Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newSource(t testing.TB, c Config) *Source {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func post(t testing.TB, c *chain.Chain, content string) block.Tx {
	t.Helper()
	return postBy(t, c, "ann", content)
}

func postBy(t testing.TB, c *chain.Chain, author, content string) block.Tx {
	t.Helper()
	tx, err := block.NewTx(fmt.Appendf(nil, `{"author":%q,"content":%q}`, author, content), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddTx(tx); err != nil {
		t.Fatal(err)
	}
	return tx
}

func offer(t testing.TB, s *Source) mine.Offer {
	t.Helper()
	o, err := s.Offer()
	if err != nil {
		t.Fatal(err)
	}
	if o.Newer == nil || o.Stale == nil {
		t.Fatal("an offer without signals")
	}
	return o
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// solve finds a solution of the work.
func solve(t testing.TB, w *mine.Work, extranonce uint64) mine.Solution {
	t.Helper()
	e := w.Extranonces.At(extranonce)
	r, err := pow.Kernels()[0].Scan(w.Job(e, uint32(time.Now().Unix())))
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Solution(e, r.Header)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// theirs returns a block of another node on the tip.
func theirs(t testing.TB, c *chain.Chain) block.Block {
	t.Helper()
	template, err := c.Template(chain.TemplateOptions{Tag: "other", Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := pow.Kernels()[0].Scan(template.Job(7, uint32(time.Now().Unix())))
	if err != nil {
		t.Fatal(err)
	}
	return template.Block(r.Header, 7)
}

func accept(t testing.TB, c *chain.Chain, b block.Block) {
	t.Helper()
	if outcome, err := c.Accept(b); err != nil || outcome != chain.Best {
		t.Fatal(outcome, err)
	}
}

type mined struct {
	block block.Block
	ok    bool
	err   error
}

// ask calls Mine and returns when the call has joined a run.
func ask(t testing.TB, s *Source) <-chan mined {
	t.Helper()
	out := make(chan mined, 1)
	c := s.join()
	go func() {
		b, ok, err := s.wait(t.Context(), c)
		out <- mined{b, ok, err}
	}()
	return out
}

func TestConfig(t *testing.T) {
	c := openChain(t, easy(t))
	if _, err := New(Config{Chain: c, Mode: "sometimes"}); err == nil {
		t.Error("an unknown mode was accepted")
	}
	if _, err := New(Config{Chain: c, Tag: string(make([]byte, block.MaxTag+1))}); err == nil {
		t.Error("a tag that fits no coinbase was accepted")
	}
	newSource(t, Config{Chain: c, Tag: string(make([]byte, block.MaxTag))})
	if s := newSource(t, Config{Chain: c}); s.Mode() != OnDemand {
		t.Errorf("the mode is %s", s.Mode())
	}
}

// Work of a template has the same jobs as the template, and the block of a solution
// is the template's.
func TestWorkIsTheTemplate(t *testing.T) {
	c := openChain(t, easy(t))
	for i := range 6 {
		if i > 0 {
			post(t, c, fmt.Sprint(i))
		}
		template, err := c.Template(chain.TemplateOptions{Tag: "a tag"})
		if err != nil {
			t.Fatal(err)
		}
		w := Work("1", template)
		if err := w.Validate(); err != nil {
			t.Fatal(err)
		}
		if w.VersionMask != mine.VersionMask {
			t.Errorf("the version mask is %08x, want %08x", w.VersionMask, mine.VersionMask)
		}
		if w.Extranonces.Size() != block.ExtranonceSize || w.Extranonces.Rolled() != block.ExtranonceSize {
			t.Errorf("%d of %d bytes of the extranonce are rolled", w.Extranonces.Rolled(), w.Extranonces.Size())
		}
		rapid.Check(t, func(t *rapid.T) {
			extranonce, at := rapid.Uint64().Draw(t, "extranonce"), rapid.Uint32().Draw(t, "time")
			e := w.Extranonces.At(extranonce)
			if binary.BigEndian.Uint64(e) != extranonce {
				t.Fatalf("extranonce %x is that of number %d", e, extranonce)
			}
			got, want := w.Job(e, at), template.Job(extranonce, at)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("job %+v, the template's is %+v", got, want)
			}
			b := template.Block(got.Header, extranonce)
			if b.Header.MerkleRoot != got.Header.MerkleRoot || len(b.Txs) != i {
				t.Fatalf("%d transactions", len(b.Txs))
			}
		})
	}
}

func TestOnDemand(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c, Tag: "tag"})
	idle := offer(t, s)
	if idle.Work != nil || closed(idle.Newer) {
		t.Fatalf("%+v before anybody has asked", idle)
	}
	if offer(t, s); closed(idle.Newer) {
		t.Error("a second consumer that asks sends the first one to ask again")
	}
	post(t, c, "pending")
	if !closed(idle.Newer) {
		t.Error("the source does not look at what has become pending")
	}
	idle = offer(t, s)
	if idle.Work != nil {
		t.Error("work that nobody has asked for")
	}

	answer := ask(t, s)
	if !closed(idle.Newer) {
		t.Error("a call of Mine is not told to the miner")
	}
	o := offer(t, s)
	if o.Work == nil || o.Work.Height != 1 || closed(o.Newer) || closed(o.Stale) {
		t.Fatalf("%+v", o)
	}
	if again := offer(t, s); again.Work != o.Work {
		t.Error("other work, though nothing has happened")
	}
	sol := solve(t, o.Work, 5)
	outcome, err := s.Submit(t.Context(), sol)
	if err != nil || outcome != mine.Accepted {
		t.Fatal(outcome, err)
	}
	m := <-answer
	if m.err != nil || !m.ok || m.block.Hash() != sol.Hash || len(m.block.Txs) != 1 || m.block.Coinbase.Extranonce != 5 || m.block.Coinbase.Tag != "tag" {
		t.Errorf("%+v", m)
	}
	if !closed(o.Stale) {
		t.Error("the work is not stale after its block")
	}
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work after the block that was asked for")
	}

	answer = ask(t, s)
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work without a transaction")
	}
	if m := <-answer; m.ok || m.err != nil {
		t.Errorf("%+v, want nothing to mine", m)
	}
	if outcome, _ := s.Submit(t.Context(), sol); outcome != mine.Duplicate {
		t.Errorf("the same block again: %v", outcome)
	}
	if got := s.Stats(); got != (Stats{Best: 1, Lost: 1, Expected: 16}) {
		t.Errorf("%+v", got)
	}
}

func TestPendingAndContinuous(t *testing.T) {
	c := openChain(t, easy(t))
	pending := newSource(t, Config{Chain: c, Mode: Pending})
	continuous := newSource(t, Config{Chain: c, Mode: Continuous})
	idle := offer(t, pending)
	always := offer(t, continuous)
	if idle.Work != nil || always.Work == nil {
		t.Fatalf("work of pending: %v, of continuous: %v", idle.Work, always.Work)
	}
	answer := ask(t, continuous) // joins the run that is under way, because nothing is pending
	post(t, c, "one")
	if !closed(idle.Newer) || !closed(always.Newer) || closed(always.Stale) {
		t.Error("a transaction makes work newer, and nothing stale")
	}
	o := offer(t, pending)
	if o.Work == nil {
		t.Fatal("no work, though a transaction is pending")
	}
	newer := offer(t, continuous)
	if newer.Work == nil || newer.Work.ID == always.Work.ID || reflect.DeepEqual(newer.Work.Branch, always.Work.Branch) {
		t.Error("the newer work has no transaction more")
	}
	if closed(always.Stale) {
		t.Error("newer work on the same tip makes the older one stale")
	}
	// The older work is still good for a block, and its block is the run's.
	if outcome, err := continuous.Submit(t.Context(), solve(t, always.Work, 0)); outcome != mine.Accepted {
		t.Fatal(outcome, err)
	}
	if m := <-answer; !m.ok || len(m.block.Txs) != 0 {
		t.Errorf("%+v", m)
	}
	if !closed(o.Stale) || !closed(newer.Stale) {
		t.Error("work on the old tip is not stale")
	}
}

// A block from elsewhere makes work stale, and the next work is on top of it.
func TestNewTip(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c, Mode: Pending})
	post(t, c, "ours")
	o := offer(t, s)
	b := theirs(t, c)
	accept(t, c, b)
	if !closed(o.Stale) {
		t.Error("the work is not stale")
	}
	next := offer(t, s)
	if next.Work == nil || next.Work.Prev != b.Hash() || next.Work.Height != 2 {
		t.Errorf("%+v", next.Work)
	}
	// What was found on the old tip is a block, but it has lost.
	if outcome, err := s.Submit(t.Context(), solve(t, o.Work, 0)); outcome != mine.Lost || err != nil {
		t.Errorf("%v, %v", outcome, err)
	}
	if closed(next.Stale) || closed(next.Newer) {
		t.Error("a block beside the tip ended or aged the work")
	}
	if got := s.Stats(); got != (Stats{Lost: 1, Expected: 16}) {
		t.Errorf("%+v", got)
	}
}

// longerBranch makes a source's chain with one block, and returns two blocks that replace
// it.
func longerBranch(t testing.TB, c *chain.Chain) []block.Block {
	t.Helper()
	other := openChain(t, easy(t))
	var branch []block.Block
	for range 2 {
		branch = append(branch, theirs(t, other))
		accept(t, other, branch[len(branch)-1])
	}
	post(t, c, "ours")
	ours := newSource(t, Config{Chain: c, Mode: Pending})
	if outcome, err := ours.Submit(t.Context(), solve(t, offer(t, ours).Work, 0)); outcome != mine.Accepted {
		t.Fatal(outcome, err)
	}
	return branch
}

// Another branch becomes the longest. The work on the old one is stale, and the
// transactions that it contained are in the next.
func TestReorg(t *testing.T) {
	c := openChain(t, easy(t))
	branch := longerBranch(t, c)
	s := newSource(t, Config{Chain: c, Mode: Continuous, Now: func() time.Time { return time.Now().Add(time.Hour) }})
	o := offer(t, s)
	for _, b := range branch {
		if _, err := c.Accept(b); err != nil {
			t.Fatal(err)
		}
	}
	if !closed(o.Stale) {
		t.Error("the work is not stale")
	}
	next := offer(t, s)
	if next.Work == nil || next.Work.Prev != branch[1].Hash() || len(next.Work.Branch) == 0 {
		t.Errorf("%+v, want work on the longer branch with the returned transaction", next.Work)
	}
}

// A source may offer work on a new tip before the event of that tip reaches it. The
// event then makes the work older, because a reorg may have returned transactions, but
// not stale.
func TestEventOfTheTipAtHand(t *testing.T) {
	c := openChain(t, easy(t))
	branch := longerBranch(t, c)
	var s *Source
	var early mine.Offer
	t.Cleanup(c.Subscribe(func(ev chain.Event) {
		if ev.Kind == chain.EventReorg {
			early = offer(t, s) // this subscriber comes before the source
		}
	}))
	s = newSource(t, Config{Chain: c, Mode: Continuous, Now: func() time.Time { return time.Now().Add(time.Hour) }})
	for _, b := range branch {
		if _, err := c.Accept(b); err != nil {
			t.Fatal(err)
		}
	}
	if early.Work == nil || !closed(early.Newer) || closed(early.Stale) {
		t.Errorf("%+v, want work that is older and not stale", early)
	}
}

// The events of two blocks may reach a source when it already offers work on the second
// one. That of the first ends the offer, and the next one on the same tip is not stale.
func TestEventOfAnEarlierTip(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c, Mode: Continuous, Now: func() time.Time { return time.Now().Add(time.Hour) }})
	earlier := c.Tip()
	accept(t, c, theirs(t, c))
	o := offer(t, s)
	s.onEvent(chain.Event{Kind: chain.EventTip, Tip: earlier})
	if !closed(o.Stale) {
		t.Error("the source has not taken the event")
	}
	next := offer(t, s)
	if next.Work == nil || next.Work.ID != o.Work.ID || closed(next.Newer) || closed(next.Stale) {
		t.Errorf("%+v, want the same work again, with a life of its own", next)
	}
}

// A block arrives from elsewhere while its event is held up. The miner therefore does
// not learn of it, and finds a block that loses the race. The next block contains the
// transactions of the block that lost.
func TestLostRaceLosesNothing(t *testing.T) {
	c := openChain(t, easy(t))
	told, reached := make(chan struct{}), make(chan struct{})
	var first sync.Once
	t.Cleanup(c.Subscribe(func(ev chain.Event) {
		if ev.Kind == chain.EventTip {
			first.Do(func() {
				close(reached)
				<-told
			})
		}
	}))
	s := newSource(t, Config{Chain: c})
	tx := post(t, c, "ours")
	answer := ask(t, s)
	o := offer(t, s)
	b := theirs(t, c)
	var accepting sync.WaitGroup
	accepting.Go(func() { accept(t, c, b) })
	<-reached
	if closed(o.Stale) {
		t.Fatal("the event was not held up")
	}
	if outcome, err := s.Submit(t.Context(), solve(t, o.Work, 0)); outcome != mine.Lost || err != nil {
		t.Fatal(outcome, err)
	}
	next := offer(t, s)
	if next.Work == nil || next.Work.Prev != b.Hash() || !closed(o.Stale) {
		t.Fatal("the work is not on top of the block that won")
	}
	if outcome, err := s.Submit(t.Context(), solve(t, next.Work, 0)); outcome != mine.Accepted {
		t.Fatal(outcome, err)
	}
	if m := <-answer; !m.ok || m.err != nil || len(m.block.Txs) != 1 || m.block.Txs[0] != tx || m.block.Header.Prev != b.Hash() {
		t.Errorf("%+v", m)
	}
	close(told)
	accepting.Wait()
}

// gated is an engine whose first search finds nothing and lasts until it is
// cancelled.
type gated struct {
	*pow.Engine
	once    sync.Once
	reached chan struct{}
}

func (g *gated) Search(ctx context.Context, job pow.Job) (pow.Result, error) {
	first := false
	g.once.Do(func() { first = true })
	if !first {
		return g.Engine.Search(ctx, job)
	}
	close(g.reached)
	<-ctx.Done()
	return pow.Result{}, ctx.Err()
}

// A block from elsewhere ends the search of the loop, and the next one is on top of
// it. No block is made beside the tip.
func TestSearchEndsOnNewTip(t *testing.T) {
	c := openChain(t, easy(t))
	sides := 0
	t.Cleanup(c.Subscribe(func(ev chain.Event) {
		if ev.Kind == chain.EventSide {
			sides++
		}
	}))
	s := newSource(t, Config{Chain: c})
	plain, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	engine := &gated{Engine: plain, reached: make(chan struct{})}
	loop, err := mine.New(mine.Config{Engine: engine, Source: s})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { loop.Run(ctx) })
	defer running.Wait()
	defer cancel()

	tx := post(t, c, "ours")
	answer := ask(t, s)
	<-engine.reached
	if p := loop.Progress(); !p.Mining || p.Height != 1 {
		t.Errorf("%+v", p)
	}
	b := theirs(t, c)
	accept(t, c, b)
	if m := <-answer; !m.ok || m.err != nil || m.block.Header.Prev != b.Hash() || len(m.block.Txs) != 1 || m.block.Txs[0] != tx {
		t.Errorf("%+v", m)
	}
	if sides != 0 {
		t.Errorf("%d blocks were mined beside the tip", sides)
	}
}

// The transactions of a run may all be mined by others.
func TestNothingLeft(t *testing.T) {
	p := easy(t)
	c, other := openChain(t, p), openChain(t, p)
	s := newSource(t, Config{Chain: c})
	tx := post(t, c, "of all")
	if _, err := other.AddTx(tx); err != nil {
		t.Fatal(err)
	}
	foreign := newSource(t, Config{Chain: other, Mode: Continuous})
	if outcome, err := foreign.Submit(t.Context(), solve(t, offer(t, foreign).Work, 0)); outcome != mine.Accepted {
		t.Fatal(outcome, err)
	}
	hash, _ := other.HashAt(1)
	b, err := other.Block(hash)
	if err != nil {
		t.Fatal(err)
	}
	answer := ask(t, s)
	o := offer(t, s)
	accept(t, c, b)
	if !closed(o.Stale) {
		t.Error("the work is not stale")
	}
	if o := offer(t, s); o.Work != nil {
		t.Error("there is work without a transaction")
	}
	if m := <-answer; m.ok || m.err != nil {
		t.Errorf("%+v, want nothing to mine", m)
	}
}

func TestSubmitRefuses(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c, Mode: Continuous})
	first := offer(t, s)
	good := solve(t, first.Work, 1)
	for name, tc := range map[string]struct {
		edit func(*mine.Solution)
		want mine.Outcome
	}{
		"unknown work":      {func(s *mine.Solution) { s.WorkID = "77" }, mine.Stale},
		"odd extranonce":    {func(s *mine.Solution) { s.Extranonce = s.Extranonce[1:] }, mine.Invalid},
		"a share":           {func(s *mine.Solution) { s.Block = false }, mine.Low},
		"another's header":  {func(s *mine.Solution) { s.Header.MerkleRoot[0]++ }, mine.Invalid},
		"another's version": {func(s *mine.Solution) { s.Header.Version = 1 }, mine.Invalid},
	} {
		sol := good
		tc.edit(&sol)
		if outcome, err := s.Submit(t.Context(), sol); outcome != tc.want || err == nil {
			t.Errorf("%s: %v, %v; want %v and why", name, outcome, err, tc.want)
		}
	}
	if c.Len() != 1 {
		t.Fatalf("%d blocks", c.Len())
	}
	if n := s.Stats().Expected; n != 0 {
		t.Errorf("the work of %v hashes is counted for blocks that break the rules", n)
	}
}

// A server hands out work for longer than a loop mines it. So a source remembers the
// works on the present tip even if another consumer takes newer ones all the time, and
// the latest of those on earlier tips. Both are bounded.
func TestRememberedWorks(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c, Mode: Pending})
	post(t, c, "first")
	session := solve(t, offer(t, s).Work, 1)
	for i := range keptWorks - 1 {
		post(t, c, fmt.Sprint(i))
		offer(t, s) // a loop asks again with every transaction
	}
	if got := len(s.works); got != keptWorks {
		t.Errorf("%d works are kept, want %d", got, keptWorks)
	}
	if _, ok := s.find(session.WorkID); !ok {
		t.Fatal("the work of the session is forgotten")
	}
	if got := s.works[keptWorks-1]; got.number != s.last || got.id != fmt.Sprint(s.last) {
		t.Errorf("the latest work is %d with the id %q, want %d and its number", got.number, got.id, s.last)
	}
	post(t, c, "one more")
	offer(t, s)
	if outcome, err := s.Submit(t.Context(), session); outcome != mine.Stale || err == nil {
		t.Errorf("work that is too old: %v, %v", outcome, err)
	}

	late := solve(t, offer(t, s).Work, 2)
	accept(t, c, theirs(t, c))
	offer(t, s)
	if got := len(s.works); got != keptStale+1 {
		t.Errorf("%d works are kept on a new tip, want %d of the earlier one and one", got, keptStale)
	}
	if outcome, err := s.Submit(t.Context(), late); outcome != mine.Lost || err != nil {
		t.Errorf("a block of the latest work on the earlier tip: %v, %v", outcome, err)
	}
}

// A new transaction for which a block has no room leaves the work as it was.
func TestFullTemplateIsTheSameWork(t *testing.T) {
	p := rulestest.With(easy(t), func(c *rules.Config) {
		c.Name = "narrow"
		c.Limits.BlockTxs = 1
	})
	c := openChain(t, p)
	s := newSource(t, Config{Chain: c, Mode: Pending})
	post(t, c, "first")
	o := offer(t, s)
	post(t, c, "no room")
	if !closed(o.Newer) {
		t.Error("the source has not looked whether there is newer work")
	}
	if again := offer(t, s); again.Work.ID != o.Work.ID || closed(again.Newer) {
		t.Errorf("work %q, want %q again", again.Work.ID, o.Work.ID)
	}
	if len(s.works) != 1 {
		t.Errorf("%d works are kept, want 1", len(s.works))
	}
}

// If the clock is set back during a search, the work is not offered again. Its blocks
// would be ahead of the clock, so the chain would only hold them.
func TestClockSetBack(t *testing.T) {
	now := time.Now()
	for _, mode := range []Mode{OnDemand, Pending, Continuous} {
		at := now
		c := openChain(t, easy(t))
		var out bytes.Buffer
		s := newSource(t, Config{Chain: c, Mode: mode, Now: func() time.Time { return at }, Logger: slog.New(slog.NewTextHandler(&out, nil))})
		post(t, c, "waits")
		if mode == OnDemand {
			ask(t, s)
		}
		o := offer(t, s)
		if o.Work == nil {
			t.Fatalf("%s: no work", mode)
		}
		at = time.Unix(int64(o.Work.MinTime), 0).Add(-time.Duration(easy(t).Limits().FutureSeconds)*time.Second - time.Minute)
		again, err := s.Offer()
		if mode == OnDemand {
			if !errors.Is(err, ErrAhead) {
				t.Errorf("%s: %+v, %v; want %v", mode, again.Work, err, ErrAhead)
			}
			if got := out.String(); !strings.Contains(got, `level=WARN msg="no block mined"`) {
				t.Errorf("%s: logged %s, want a warning: the caller can try again later", mode, got)
			}
			continue
		}
		if err != nil || again.Work != nil || again.Wait != clockCheck {
			t.Errorf("%s: %+v, %v; want to wait", mode, again, err)
		}
		at = now
		if offer(t, s).Work == nil {
			t.Errorf("%s: no work when the clock is right again", mode)
		}
	}
}

// A block that has been mined just before the end is told, though both have happened
// when the caller looks.
func TestMinedBeforeTheEnd(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c})
	post(t, c, "last")
	r := s.join()
	if outcome, err := s.Submit(t.Context(), solve(t, offer(t, s).Work, 0)); outcome != mine.Accepted {
		t.Fatal(outcome, err)
	}
	s.Close()
	for range 100 { // a select chooses at random
		if b, mined, err := s.wait(t.Context(), r); !mined || err != nil || b.Height() != 1 {
			t.Fatalf("block %d, %v, %v; want the block", b.Height(), mined, err)
		}
	}
}

// full is a store that takes no block while the disk is full.
type full struct {
	chain.Store
	isFull bool
}

func (f *full) Commit(change chain.Change) error {
	if f.isFull && len(change.Blocks) > 0 {
		return chain.ErrNoSpace
	}
	return f.Store.Commit(change)
}

// If the store cannot keep a block, the outcome is Unanswered: callers of Mine get the
// error, and the same block may be submitted again.
func TestStoreFails(t *testing.T) {
	store := &full{Store: chain.NewMemStore()}
	c, err := chain.Open(chain.Config{Params: easy(t), Store: store})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s := newSource(t, Config{Chain: c, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	post(t, c, "precious")
	answer := ask(t, s)
	sol := solve(t, offer(t, s).Work, 0)
	store.isFull = true
	if outcome, err := s.Submit(t.Context(), sol); outcome != mine.Unanswered || !errors.Is(err, chain.ErrNoSpace) {
		t.Errorf("%v, %v", outcome, err)
	}
	if m := <-answer; !errors.Is(m.err, chain.ErrNoSpace) || m.ok {
		t.Errorf("%+v, want %v", m, chain.ErrNoSpace)
	}
	if got := out.String(); !strings.Contains(got, `level=ERROR msg="no block mined" err="accept our own block: `) {
		t.Errorf("logged: %s", got)
	}
	store.isFull = false
	if outcome, err := s.Submit(t.Context(), sol); outcome != mine.Accepted {
		t.Errorf("%v, %v", outcome, err)
	}
	if got := s.Stats(); got != (Stats{Best: 1, Failed: 1, Expected: 16}) {
		t.Errorf("%+v, want the work of one block", got)
	}
	if got := out.String(); !strings.Contains(got, `level=INFO msg="block mined" height=1 hash=`+sol.Hash.String()+" txs=1 took=") {
		t.Errorf("logged: %s", got)
	}
}

func TestWaitForClock(t *testing.T) {
	p := rulestest.With(easy(t), func(c *rules.Config) {
		c.Name = "near"
		c.Limits.FutureSeconds = 2
	})
	now := time.Now()
	clock := func() time.Time { return now }
	// The chain's clock is ahead, so that it takes what the miners wait for.
	c, err := chain.Open(chain.Config{Params: p, Store: chain.NewMemStore(), Now: func() time.Time { return now.Add(time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	onDemand := newSource(t, Config{Chain: c, Mode: OnDemand, Now: clock})
	pending := newSource(t, Config{Chain: c, Mode: Pending, Now: clock})
	continuous := newSource(t, Config{Chain: c, Mode: Continuous, Now: clock})
	// The median of eleven times grows by a second with every block.
	for range 14 {
		template, err := c.Template(chain.TemplateOptions{Empty: true})
		if err != nil {
			t.Fatal(err)
		}
		r, err := pow.Kernels()[0].Scan(template.Job(0, uint32(now.Unix()-1)))
		if err != nil {
			t.Fatal(err)
		}
		accept(t, c, template.Block(r.Header, 0))
	}
	post(t, c, "waits")
	least := time.Unix(int64(c.Tip().MedianTimePast())+1, 0)

	now = least.Add(-2*time.Second - 1)
	answer := ask(t, onDemand)
	if _, err := onDemand.Offer(); !errors.Is(err, ErrAhead) {
		t.Errorf("on demand: %v, want %v", err, ErrAhead)
	}
	if m := <-answer; !errors.Is(m.err, ErrAhead) || m.ok {
		t.Errorf("%+v, want %v", m, ErrAhead)
	}
	for _, s := range []*Source{pending, continuous} {
		if o := offer(t, s); o.Work != nil || o.Wait <= 0 || o.Wait > clockCheck || closed(o.Newer) {
			t.Errorf("%s: %+v, want to wait", s.Mode(), o)
		}
	}
	if n, _ := c.PendingCount(); n == 0 {
		t.Error("the transaction is lost")
	}

	now = least.Add(-2 * time.Second)
	ask(t, onDemand)
	if offer(t, onDemand).Work == nil || offer(t, pending).Work == nil {
		t.Error("no work, though the network allows it")
	}
	if o := offer(t, continuous); o.Work != nil || o.Wait != clockCheck {
		t.Errorf("continuous: %+v, want to wait", o)
	}
	now = least
	if offer(t, continuous).Work == nil {
		t.Error("no work, though the clock is there")
	}
	now = least.Add(time.Second)
	o := offer(t, continuous)
	accept(t, c, theirs(t, c))
	if !closed(o.Stale) {
		t.Error("the work is not stale")
	}
}

func TestClose(t *testing.T) {
	c := openChain(t, easy(t))
	s := newSource(t, Config{Chain: c, Mode: Continuous})
	o := offer(t, s)
	answer := make(chan error)
	go func() {
		_, _, err := s.Mine(t.Context())
		answer <- err
	}()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := s.Mine(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that left was told %v", err)
	}
	s.Close()
	s.Close()
	if err := <-answer; !errors.Is(err, ErrStopped) || !errors.Is(err, chain.ErrClosed) {
		t.Errorf("the waiter was told %v", err)
	}
	if !closed(o.Stale) {
		t.Error("the work is not stale after the end")
	}
	ended := offer(t, s)
	post(t, c, "too late")
	if ended.Work != nil || closed(ended.Newer) || closed(ended.Stale) {
		t.Errorf("after the end: %+v; want nothing, and no hope of it", ended)
	}
	if _, _, err := s.Mine(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("a late caller was told %v", err)
	}
	if len(s.calls) != 0 {
		t.Errorf("%d calls are kept after the end, though none of them waits", len(s.calls))
	}
	// A block that was solved at that moment is not lost.
	if outcome, err := s.Submit(t.Context(), solve(t, o.Work, 0)); outcome != mine.Accepted {
		t.Error(outcome, err)
	}
}
