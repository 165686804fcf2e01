package chain_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/lodepow/lode/chain/block"
)

// orders returns the number of orders in which a story is told. It is set by the
// environment variable LODE_SCENARIOS.
func orders(t *testing.T) (seeds uint64, isSet bool) {
	t.Helper()
	value, isSet := os.LookupEnv("LODE_SCENARIOS")
	if !isSet {
		return 8, false
	}
	seeds, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		t.Fatalf("LODE_SCENARIOS: %v", err)
	}
	return seeds, true
}

// In whatever order the blocks arrive, the chain ends with the tip of the story, or
// with another tip of the same work.
func TestScenariosInAnyOrder(t *testing.T) {
	retell(t, func(pl *player, s story, r *rand.Rand) {
		var order []*made
		for _, row := range s.rows {
			if row.isBlock() && row.become != "-" {
				for _, one := range row.each() {
					order = append(order, pl.maker.blocks[one.block])
				}
			}
		}
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, b := range order {
			pl.send(b)
		}
	})
}

// The same is true if the blocks come as in a sync: in batches in which each block is
// the parent of the next, and some of them alone.
func TestScenariosInBatches(t *testing.T) {
	retell(t, func(pl *player, s story, r *rand.Rand) {
		runs := pl.runs(s, r)
		r.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		for moved := true; moved; {
			moved = false
			for i, run := range runs {
				if len(run) == 0 {
					continue
				}
				if len(run) == 1 && r.IntN(2) == 0 {
					if _, err := pl.chain.Accept(run[0]); err != nil && word(err, "") == "" {
						pl.t.Fatal(err)
					}
					runs[i], moved = nil, true
					continue
				}
				taken, err := pl.chain.AcceptAll(run)
				switch {
				case err != nil && word(err, "") == "":
					pl.t.Fatal(err)
				case err == nil:
					runs[i], moved = nil, true
				case errors.Is(err, block.PrevNotFound): // a node would ask for the block again later
					runs[i], moved = run[taken:], moved || taken > 0
				default: // the next blocks may be on top of a block with the same header and a good body
					runs[i], moved = run[taken+1:], true
				}
			}
		}
	})
}

// runs cuts the tree of a story into runs of blocks in which each is the parent of the
// next.
func (pl *player) runs(s story, r *rand.Rand) [][]block.Block {
	pl.t.Helper()
	goOn := []float64{0.5, 0.98}[r.IntN(2)]
	var runs [][]block.Block
	for _, row := range s.rows {
		if !row.isBlock() || row.on == "" {
			continue
		}
		for _, one := range row.each() {
			b, err := block.Parse(pl.maker.blocks[one.block].raw)
			if err != nil {
				continue // bytes that are not a block cannot be in a batch
			}
			i := slices.IndexFunc(runs, func(run []block.Block) bool { return run[len(run)-1].Hash() == b.Header.Prev })
			if i >= 0 && r.Float64() < goOn {
				runs[i] = append(runs[i], b)
			} else {
				runs = append(runs, []block.Block{b})
			}
		}
	}
	return runs
}

// retell plays every story in its own order. Then it has send give the blocks to a new
// chain, in several orders that depend on a seed, and compares where the chains end.
func retell(t *testing.T, send func(*player, story, *rand.Rand)) {
	t.Helper()
	for _, s := range readStories(t) {
		for name := range stores() {
			t.Run(s.name+"/"+name, func(t *testing.T) {
				seeds, isSet := orders(t)
				switch {
				case s.isLong() && name == "bbolt" && !isSet:
					t.Skip("NOT TESTED without LODE_SCENARIOS: a thousand blocks, one after the other on disk")
				case s.isLong() || name == "bbolt" && !isSet:
					seeds = 1
				}
				direct := newPlayer(t, s, "memory")
				direct.tell(s)
				for seed := range seeds {
					pl := newPlayer(t, s, name)
					pl.maker, pl.now = direct.maker, direct.now
					for _, row := range s.rows {
						if row.block != verbPost {
							continue
						}
						if _, err := pl.post(row.with); err != nil {
							t.Fatal(err)
						}
					}
					posted := pl.chain.Pending(0, 1000)
					send(pl, s, rand.New(rand.NewPCG(seed, 0)))
					compare(t, seed, pl, direct, posted)
				}
			})
		}
	}
}

func compare(t *testing.T, seed uint64, pl, direct *player, posted []block.Tx) {
	t.Helper()
	tip, want := pl.chain.Tip(), direct.chain.Tip()
	if tip.Work != want.Work {
		t.Fatalf("seed %d: tip %s with work %s, want that of %s, %s", seed, pl.name(tip.Hash), tip.Work, pl.name(want.Hash), want.Work)
	}
	if tip.Hash != want.Hash {
		t.Logf("seed %d: tip %s, in the story %s, with the same work", seed, pl.name(tip.Hash), pl.name(want.Hash))
		if info, ok := direct.chain.Header(tip.Hash); !ok || info.Invalid {
			t.Errorf("seed %d: tip %s, which the story refuses", seed, pl.name(tip.Hash))
		}
	}
	pl.checkWhole()
	for _, tx := range posted {
		if _, err := pl.chain.FindTx(tx.ID()); err != nil {
			t.Errorf("seed %d: transaction %s is lost: %v", seed, tx, err)
		}
	}
}
