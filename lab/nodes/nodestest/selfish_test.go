package nodestest

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/lodepow/lode/lab/nodes"
)

// A miner with 40 % of the hash rate withholds its blocks. The network stays
// together, and the miner's share of the blocks is what the formula of Eyal and
// Sirer says, which is more than 40 %.
func TestSelfishMiner(t *testing.T) {
	if testing.Short() {
		t.Skip("takes too long under the race detector, which finds nothing on one goroutine")
	}
	const alpha, blocks = 0.4, 1500
	want := selfishRevenue(t, alpha)
	var revenue []float64
	stories(t, min(many(t, 1), 10), func(t *testing.T, seed uint64) {
		net := begin(t, seed, nodes.Config{Nodes: 5, Know: 5})
		net.RunFor(30 * time.Second)
		net.Nodes[0].MineSelfishly()
		rest := (1 - alpha) / 4
		net.Mine(time.Minute, alpha, rest, rest, rest, rest)
		for range 10 {
			net.RunFor(blocks / 10 * time.Minute)
			net.MustConverge(t, 6) // what it publishes at once may be long
		}
		c := net.Nodes[1].Chain()
		own := 0
		for height := int64(1); height < c.Len(); height++ {
			hash, _ := c.HashAt(height)
			b, err := c.Block(hash)
			if err != nil {
				t.Fatal(err)
			}
			if b.Coinbase.Tag == net.Nodes[0].String() {
				own++
			}
		}
		got := float64(own) / float64(c.Len()-1)
		t.Logf("of %d blocks found %d count, %.3f of them the selfish miner's", net.Blocks(), c.Len()-1, got)
		revenue = append(revenue, got)
	})
	if len(revenue) == 0 {
		return
	}
	var sum float64
	for _, r := range revenue {
		sum += r
	}
	mean := sum / float64(len(revenue))
	// The standard deviation of one run of this length is about 0.03.
	if most := 0.01 + 4*0.03/math.Sqrt(float64(len(revenue))); math.Abs(mean-want) > most {
		t.Errorf("the selfish miner has %.4f of the blocks, want %.4f, give or take %.3f", mean, want, most)
	}
}

// selfishRevenue returns the share of the blocks that the table gives to a selfish
// miner with the share alpha of the hash rate, for gamma = 0: in a tie nobody else
// mines on its branch, because nodes stay with the block that they saw first and do
// not relay a branch that is not their best.
func selfishRevenue(t *testing.T, alpha float64) float64 {
	t.Helper()
	f, err := os.Open("testdata/selfish_mining_revenue.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		gamma, errGamma := strconv.ParseFloat(row[0], 64)
		a, errAlpha := strconv.ParseFloat(row[1], 64)
		formula, errFormula := strconv.ParseFloat(row[2], 64)
		if errGamma == nil && errAlpha == nil && errFormula == nil && gamma == 0 && a == alpha {
			return formula
		}
	}
	t.Fatalf("no row for %v", alpha)
	return 0
}
