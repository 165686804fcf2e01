package metrics

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/own"
	"github.com/lodepow/lode/pow"
)

const exposition = `
# HELP lode_miner_blocks_total Blocks that this node has solved, by what became of them.
# TYPE lode_miner_blocks_total counter
lode_miner_blocks_total{outcome="best"} BEST
lode_miner_blocks_total{outcome="failed"} FAILED
lode_miner_blocks_total{outcome="lost"} LOST
# HELP lode_miner_expected_hashes_total Expected hashes of the blocks that this node has solved; divided by the hashes done, it is the luck.
# TYPE lode_miner_expected_hashes_total counter
lode_miner_expected_hashes_total EXPECTED
# HELP lode_miner_info When the node mines; the value is always 1.
# TYPE lode_miner_info gauge
lode_miner_info{mode="continuous"} 1
`

// want returns the exposition with these counts.
func want(best, failed, lost, expected string) *strings.Reader {
	return strings.NewReader(strings.NewReplacer("BEST", best, "FAILED", failed, "LOST", lost, "EXPECTED", expected).Replace(exposition))
}

// solve finds a solution of the work with the given extranonce.
func solve(t *testing.T, w mine.Work, extranonce uint64) mine.Solution {
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

func TestExposition(t *testing.T) {
	p, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := chain.Open(chain.Config{Params: p, Store: chain.NewMemStore()})
	if err != nil {
		t.Fatal(err)
	}
	source, err := own.New(own.Config{Chain: c, Mode: own.Continuous})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	reg := prometheus.NewPedanticRegistry()
	if err := Register(reg, source); err != nil {
		t.Fatal(err)
	}
	if err := Register(reg, source); err == nil {
		t.Error("a source was registered twice")
	}
	if err := testutil.GatherAndCompare(reg, want("0", "0", "0", "0")); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}

	offer, err := source.Offer()
	if err != nil {
		t.Fatal(err)
	}
	bad := solve(t, *offer.Work, 1)
	bad.Header.Version = 1
	for i, s := range []struct {
		solution mine.Solution
		outcome  mine.Outcome
	}{
		{solve(t, *offer.Work, 1), mine.Accepted},
		{solve(t, *offer.Work, 2), mine.Lost},
		{solve(t, *offer.Work, 3), mine.Lost},
		{bad, mine.Invalid},
	} {
		if outcome, err := source.Submit(t.Context(), s.solution); outcome != s.outcome {
			t.Errorf("solution %d: %v, %v; want %v", i, outcome, err, s.outcome)
		}
	}
	// A block at the lowest difficulty takes 16 hashes. The one that was refused is not
	// a block.
	if err := testutil.GatherAndCompare(reg, want("1", "1", "2", "48")); err != nil {
		t.Error(err)
	}
}
