package gbt

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// tiredEngine says that it has searched every job, in no time at all, and counts the
// merkle roots of the jobs. Only the goroutine of the loop may use it.
type tiredEngine struct {
	seen   map[pow.Hash]bool
	enough int // roots after which it calls stop
	stop   func()
}

func (e *tiredEngine) Search(_ context.Context, job pow.Job) (pow.Result, error) {
	if e.seen == nil {
		e.seen = map[pow.Hash]bool{}
	}
	if e.seen[job.Header.MerkleRoot] = true; len(e.seen) == e.enough {
		e.stop()
	}
	return pow.Result{Searched: job.Count}, pow.ErrExhausted
}

func (e *tiredEngine) ReportBlock(time.Time) {}

// narrow offers works with one extranonce.
type narrow struct{ *Source }

func (n narrow) Offer() (mine.Offer, error) {
	o, err := n.Source.Offer()
	if err != nil || o.Work == nil {
		return o, err
	}
	w, err := o.Work.Sub(make([]byte, extranonceSize))
	o.Work = &w
	return o, err
}

// The node's answers to a block, and what becomes of the work.
func TestSubmit(t *testing.T) {
	for _, tc := range []struct {
		what    string
		answer  func([]byte) (any, any)
		outcome mine.Outcome
		says    string
		again   bool // the source asks for another template
	}{
		{"a word", func([]byte) (any, any) { return "high-hash", nil }, mine.Low, "target", false},
		{"stale", func([]byte) (any, any) { return "stale-prevblk", nil }, mine.Stale, "another tip", true},
		{"inconclusive", func([]byte) (any, any) { return "inconclusive", nil }, mine.Lost, "faster", true},
		{"a sentence of btcd", func([]byte) (any, any) { return "rejected: too bad", nil }, mine.Invalid, "too bad", false},
		{"an error", func([]byte) (any, any) { return nil, map[string]any{"code": -22, "message": "Block decode failed"} }, mine.Invalid, "Block decode failed (code -22)", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newFakeNode(t)
			n.answer = tc.answer
			r := startRig(t, n, nil)
			o, w := r.work()
			before := len(n.calls("getblocktemplate"))
			outcome, err := r.Submit(t.Context(), solved(t, w, 0))
			if outcome != tc.outcome || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: %v, %v; want %v and %q", tc.what, outcome, err, tc.outcome, tc.says)
			}
			synctest.Wait()
			if asked := len(n.calls("getblocktemplate")) > before; asked != tc.again {
				t.Errorf("%s: another template is asked for: %v", tc.what, asked)
			}
			if isClosed(o.Stale) {
				t.Errorf("%s: the work is stale, though the tip is the same", tc.what)
			}
			if !strings.Contains(r.log.String(), "the node has not accepted a block") {
				t.Errorf("%s: the log says nothing", tc.what)
			}
		})
	}
}

// The answer to a block is lost on the way. The loop submits it once more, and the node
// says that it has the block: it has been accepted.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		r := startRig(t, n, nil)
		_, w := r.work()
		sol := solved(t, w, 0)
		n.set(func(n *fakeNode) { n.lose = 1 })
		if outcome, err := r.Submit(t.Context(), sol); outcome != mine.Unanswered || err == nil {
			t.Fatal(outcome, err)
		}
		synctest.Wait()
		if outcome, err := r.Submit(t.Context(), sol); outcome != mine.Accepted || err != nil {
			t.Errorf("the second time: %v, %v", outcome, err)
		}
		if asked := len(n.calls("getbestblockhash")); asked != 0 {
			t.Errorf("the node was asked %d times for its tip, though its template is on the block", asked)
		}
		other := solved(t, w, 1)
		if outcome, err := r.Submit(t.Context(), other); outcome != mine.Lost || err == nil {
			t.Errorf("another block on the same parent: %v, %v", outcome, err)
		}
		_, w = r.work()
		if outcome, err := r.Submit(t.Context(), solved(t, w, 1)); outcome != mine.Accepted {
			t.Fatal(outcome, err)
		}
		if outcome, err := r.Submit(t.Context(), solved(t, w, 1)); outcome != mine.Duplicate || err == nil {
			t.Errorf("the same block again: %v, %v", outcome, err)
		}
	})
}

// A block without an answer that the node then refuses is refused, unless the node says
// that it has it already.
func TestLostAnswerOfRefusedBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.answer = func([]byte) (any, any) { return "high-hash", nil }
		n.lose = 1
		r := startRig(t, n, nil)
		_, w := r.work()
		sol := solved(t, w, 0)
		if outcome, _ := r.Submit(t.Context(), sol); outcome != mine.Unanswered {
			t.Fatal(outcome)
		}
		if outcome, err := r.Submit(t.Context(), sol); outcome != mine.Low || err == nil {
			t.Errorf("the second time: %v, %v; want low", outcome, err)
		}
		if got := r.Stats(); got.Solutions[mine.Unanswered] != 1 || got.Solutions[mine.Low] != 1 || got.Solutions[mine.Accepted] != 0 {
			t.Errorf("%v", got.Solutions)
		}
	})
}

// The node is sent the block and nothing else, unless it has given the work an id. Its
// answer may be as long as any.
func TestSubmitParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.answer = func([]byte) (any, any) { return strings.Repeat("x", maxAnswer*3/4), nil }
		r := startRig(t, n, nil)
		_, w := r.work()
		if outcome, err := r.Submit(t.Context(), solved(t, w, 0)); outcome != mine.Invalid || err == nil || len(err.Error()) > 2*maxSaid {
			t.Errorf("a long word: %v, %.300v", outcome, err)
		}
		if params := n.calls("submitblock")[0].params; len(params) != 1 {
			t.Errorf("parameters after the block: %s", params[1:])
		}
	})
}

// The node takes a block after another one, and does not say whether it is its tip.
func TestSideBranchIsUnclear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.answer = func([]byte) (any, any) { return nil, nil }
		n.noBest = true
		r := startRig(t, n, nil)
		_, w := r.work()
		n.tip()
		synctest.Wait()
		outcome, err := r.Submit(t.Context(), solved(t, w, 0))
		if outcome != mine.Lost || err == nil || !strings.Contains(err.Error(), "does not say whether it is its tip") {
			t.Errorf("%v, %v; want lost", outcome, err)
		}
	})
}

// A block that the node takes while it gives no work is accepted.
func TestAcceptedWithoutWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		r := startRig(t, n, nil)
		_, w := r.work()
		r.lose(errors.New("no template for a moment"))
		r.none()
		if outcome, err := r.Submit(t.Context(), solved(t, w, 0)); outcome != mine.Accepted || err != nil {
			t.Errorf("%v, %v", outcome, err)
		}
	})
}

// A source remembers a bounded number of blocks without an answer.
func TestUnansweredIsBounded(t *testing.T) {
	s := &Source{}
	var hashes []pow.Hash
	for i := range 3 * keptUnanswered {
		hashes = append(hashes, pow.DoubleSHA256([]byte{byte(i)}))
		s.noteUnanswered(hashes[i])
	}
	if len(s.unanswered) != keptUnanswered || !slices.Equal(s.unanswered, hashes[2*keptUnanswered:]) {
		t.Errorf("%d hashes are kept", len(s.unanswered))
	}
}

// btcd accepts a block on a side branch without a word. The source knows of another tip,
// and asks which of them it is.
func TestAcceptedOnSideBranch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.answer = func([]byte) (any, any) { return nil, nil }
		r := startRig(t, n, nil)
		_, w := r.work()
		n.tip()
		synctest.Wait()
		outcome, err := r.Submit(t.Context(), solved(t, w, 0))
		if outcome != mine.Lost || err == nil || !strings.Contains(err.Error(), "was faster") {
			t.Errorf("%v, %v", outcome, err)
		}
		sol := solved(t, w, 1)
		n.set(func(n *fakeNode) { n.prev = sol.Hash }) // it has become the tip after all
		if outcome, err := r.Submit(t.Context(), sol); outcome != mine.Accepted {
			t.Errorf("%v, %v", outcome, err)
		}
	})
}

// A node that goes on sending templates on the parent of a block that it has accepted is
// believed after a while, but not at once.
func TestUnwillingNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.answer = func([]byte) (any, any) { return nil, nil }
		r := startRig(t, n, nil)
		_, w := r.work()
		before := len(n.calls("getblocktemplate"))
		if outcome, err := r.Submit(t.Context(), solved(t, w, 0)); outcome != mine.Accepted {
			t.Fatal(outcome, err)
		}
		synctest.Wait()
		if asked := len(n.calls("getblocktemplate")); asked != before {
			t.Errorf("the node is asked %d times more, though a long poll is under way", asked-before)
		}
		n.addTx()
		time.Sleep(settleTime - time.Second)
		r.none()
		time.Sleep(3 * time.Second)
		if _, again := r.work(); again.Prev != w.Prev {
			t.Errorf("%+v", again)
		}
		if calls := len(n.calls("getblocktemplate")); calls > 10 {
			t.Errorf("%d requests", calls)
		}
	})
}

// What is no solution of the work is not sent to the node.
func TestSubmitNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		r := startRig(t, n, nil)
		_, w := r.work()
		good := solved(t, w, 0)
		for what, edit := range map[string]func(*mine.Solution){
			"another work":       func(s *mine.Solution) { s.WorkID = "99" },
			"a short extranonce": func(s *mine.Solution) { s.Extranonce = s.Extranonce[1:] },
			"another parent":     func(s *mine.Solution) { s.Header.Prev[0] ^= 1 },
			"other bits":         func(s *mine.Solution) { s.Header.Bits++ },
			"a share":            func(s *mine.Solution) { s.Block = false },
		} {
			sol := good
			edit(&sol)
			if outcome, err := r.Submit(t.Context(), sol); outcome == mine.Accepted || err == nil {
				t.Errorf("%s: %v, %v", what, outcome, err)
			}
		}
		if len(n.blocks) != 0 {
			t.Errorf("%d blocks were sent", len(n.blocks))
		}
	})
}

// A server that pools work takes shares, and wants the id of the work (BIP 22, BIP 23).
func TestPooledWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.answer = func([]byte) (any, any) { return nil, nil }
		n.edit = func(r *reply) {
			r.Bits, r.WorkID = "1d00ffff", "its own"
			r.Target = "7f" + strings.Repeat("f", 62)
		}
		r := startRig(t, n, nil)
		o, w := r.work()
		sol := solved(t, w, 0)
		if sol.Block {
			t.Fatal("the share is a block")
		}
		if outcome, err := r.Submit(t.Context(), sol); outcome != mine.Accepted || err != nil {
			t.Fatal(outcome, err)
		}
		if isClosed(o.Stale) {
			t.Error("a share has ended the work")
		}
		params := n.calls("submitblock")[0].params
		var extra map[string]string
		if len(params) != 2 || json.Unmarshal(params[1], &extra) != nil || extra["workid"] != "its own" {
			t.Errorf("parameters after the block: %s", params[1:])
		}
	})
}
