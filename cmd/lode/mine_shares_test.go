package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/lodepow/lode/mine"
)

// minerSeconds returns for how long the miners of TestMinersShares are watched.
func minerSeconds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("LODE_MINERS")
	if text == "" {
		t.Skip("NOT TESTED: set LODE_MINERS=300 to compare shares with hashes for 300 seconds")
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 10 {
		t.Fatalf("LODE_MINERS=%q: want a number of seconds, at least 10", text)
	}
	return n
}

// found is what a miner has done so far.
type found struct {
	hashes float64 // that it has searched
	worth  float64 // hashes that its accepted shares stand for
	shares float64 // accepted
	stale  float64 // shares that came too late
}

func (m *minerProcess) found(t *testing.T) found {
	t.Helper()
	text := m.metrics(t)
	shares := func(o mine.Outcome) float64 {
		return value(t, text, fmt.Sprintf("lode_pool_shares_total{outcome=%q}", o))
	}
	for _, outcome := range []mine.Outcome{mine.Low, mine.Duplicate, mine.Invalid, mine.Unanswered} {
		if n := shares(outcome); n != 0 {
			t.Errorf("%v shares are %v\n%s", n, outcome, m.log)
		}
	}
	return found{
		hashes: value(t, text, "lode_hashes_total"), worth: value(t, text, "lode_pool_shares_hashes_total"),
		shares: shares(mine.Accepted), stale: shares(mine.Stale),
	}
}

// tally compares the shares of miners with their hashes. A share is worth the hashes that
// it takes on average, so the sum of what all shares are worth has the expectation of the
// number of hashes. Its variance is that of a sum of shares that come at random: the sum of
// the squares of what each of them is worth.
type tally struct{ hashes, worth, variance, shares, stale float64 }

// add adds what a miner has done between two readings. The difficulty changes rarely, so
// the shares between two readings are taken to be worth the same, and a stale share, whose
// worth nobody tells, as much as the accepted ones beside it.
func (a *tally) add(before, after found, each float64) float64 {
	shares, worth := after.shares-before.shares, after.worth-before.worth
	if shares > 0 {
		each = worth / shares
	}
	stale := after.stale - before.stale
	a.hashes += after.hashes - before.hashes
	a.worth += worth + stale*each
	a.variance += (shares + stale) * each * each
	a.shares += shares
	a.stale += stale
	return each
}

// off returns by how many standard deviations the shares are worth more than the hashes.
func (a *tally) off() float64 { return (a.worth - a.hashes) / math.Sqrt(a.variance) }

// TestMinersShares compares what the shares of four miners are worth with the hashes that
// the miners count themselves. Other work on the machine makes the miners slow, and news of
// a block late; neither matters to the comparison, because it counts hashes and not time,
// and the shares that were late as well.
func TestMinersShares(t *testing.T) {
	seconds := minerSeconds(t)
	_, pool := startStratumNode(t, "--difficulty", "8") // shares are much easier than blocks
	var miners []*minerProcess
	for i := range 4 {
		miners = append(miners, startMinerProcess(t, pool, "-u", fmt.Sprintf("w%d", i), "--workers", "1", "--metrics", "127.0.0.1:0"))
	}
	for _, m := range miners {
		eventually(t, "every miner has accepted shares", func() bool { return m.found(t).shares > 0 })
	}
	var all tally
	last, each := make([]found, len(miners)), make([]float64, len(miners))
	for i, m := range miners {
		last[i] = m.found(t)
		each[i] = last[i].worth / last[i].shares
	}
	for range seconds {
		time.Sleep(time.Second)
		for i, m := range miners {
			now := m.found(t)
			each[i] = all.add(last[i], now, each[i])
			last[i] = now
		}
	}
	for _, m := range miners {
		m.interrupt(t)
	}
	t.Logf("%.4g hashes in %d s; %.0f accepted and %.0f stale shares are worth %.4g, which is %+.2f %%: %+.2f standard deviations of %.2f %%",
		all.hashes, seconds, all.shares, all.stale, all.worth, 100*(all.worth/all.hashes-1), all.off(), 100*math.Sqrt(all.variance)/all.hashes)
	if math.Abs(all.off()) > 4 { // one run of 16,000 is further off by chance
		t.Error("the shares do not agree with the hash rate")
	}
}

// The tally weighs shares of different difficulty by what they are worth, and counts stale
// shares.
func TestTally(t *testing.T) {
	var a tally
	each := a.add(found{}, found{hashes: 1000, worth: 1000, shares: 10}, 1)
	if each != 100 {
		t.Errorf("a share is worth %v, want 100", each)
	}
	each = a.add(found{hashes: 1000, worth: 1000, shares: 10}, found{hashes: 5000, worth: 4000, shares: 11, stale: 1}, each)
	if want := (tally{hashes: 5000, worth: 7000, variance: 10*100*100 + 2*3000*3000, shares: 11, stale: 1}); a != want || each != 3000 {
		t.Errorf("%+v and %v, want %+v and 3000", a, each, want)
	}
	if off, want := a.off(), 2000/math.Sqrt(18_100_000); math.Abs(off-want) > 1e-9 {
		t.Errorf("off by %v, want %v", off, want)
	}
	// Without an accepted share, a stale one is worth as much as those before it.
	if each = a.add(found{}, found{hashes: 10, stale: 2}, each); each != 3000 || a.worth != 13000 {
		t.Errorf("%v and %+v", each, a)
	}
}
