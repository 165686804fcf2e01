package gbt

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// exhaustedEngine finds nothing in the first nonce spaces, as if none of their hashes met
// the target, and then solves what it gets.
type exhaustedEngine struct {
	t      *testing.T
	spaces int // that hold nothing
	roots  []pow.Hash
	nonces uint64 // searched with the latest root
}

func (e *exhaustedEngine) ReportBlock(time.Time) {}

func (e *exhaustedEngine) Search(_ context.Context, job pow.Job) (pow.Result, error) {
	if n := len(e.roots); n == 0 || e.roots[n-1] != job.Header.MerkleRoot {
		if n > 0 && e.nonces != 1<<32 {
			e.t.Errorf("a coinbase was left after %d nonces, want all of them", e.nonces)
		}
		e.roots, e.nonces = append(e.roots, job.Header.MerkleRoot), 0
	}
	if len(e.roots) > e.spaces {
		return pow.Kernels()[0].Scan(job)
	}
	e.nonces += job.Count
	return pow.Result{}, pow.ErrExhausted
}

// When the whole nonce space of a signet's template holds no block, the block is built
// anew with another coinbase, and its space is searched. The miner of Bitcoin Core gives up
// there. The template is the recorded one of a node whose signet has the
// challenge OP_TRUE; only its target is easier.
func TestSignetExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recorded := golden(t, "core-signet-empty.json")
		node := newFakeNode(t)
		node.chain = "signet"
		node.edit = func(r *reply) {
			id := r.LongPollID
			*r = *recorded
			r.LongPollID, r.Bits, r.Target = id, "207fffff", "7fffff"+"0000000000000000000000000000000000000000000000000000000000"
		}
		var taken [][]byte
		node.answer = func(raw []byte) (any, any) {
			taken = append(taken, raw)
			return nil, nil
		}
		r := startRig(t, node, func(c *Config) { c.SignetChallenge = "51" })
		engine := &exhaustedEngine{t: t, spaces: 1}
		outcomes := make(chan mine.Outcome, 1)
		loop, err := mine.New(mine.Config{Engine: engine, Source: r.Source, Observer: mine.Observer{
			Submitted: func(_ mine.Solution, o mine.Outcome, err error) {
				if err != nil {
					t.Error(err)
				}
				select {
				case outcomes <- o:
				default:
				}
			},
			Exhausted: func(mine.Work) { t.Error("the work is exhausted, though its coinbase can change") },
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { loop.Run(ctx) })
		if o := <-outcomes; o != mine.Accepted {
			t.Errorf("the block is %v", o)
		}
		cancel()
		running.Wait()
		if len(engine.roots) < 2 || len(taken) == 0 {
			t.Fatalf("%d coinbases and %d blocks", len(engine.roots), len(taken))
		}
		if engine.roots[0] == engine.roots[1] {
			t.Error("the coinbase is the same as before")
		}
		b := checkBlock(t, taken[0], 157)
		if string(taken[0][36:68]) != string(engine.roots[1][:]) {
			t.Error("the block has another merkle root than the last search")
		}
		if script, witness := solutionInBlock(t, b); len(script) != 0 || len(witness) != 0 {
			t.Errorf("solution %x, %x, want an empty one", script, witness)
		}
	})
}
