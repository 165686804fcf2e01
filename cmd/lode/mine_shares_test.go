package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/mine/stratum/vardiff"
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
	hashes     float64 // that it has searched
	shares     float64 // that it has submitted: accepted, or too late
	difficulty float64 // of its present job
}

func (m *minerProcess) found(t *testing.T) found {
	t.Helper()
	text := m.metrics(t)
	shares := func(o mine.Outcome) float64 {
		return value(t, text, fmt.Sprintf("lode_pool_shares_total{outcome=%q}", o))
	}
	for _, outcome := range []mine.Outcome{mine.Low, mine.Duplicate, mine.Invalid} {
		if n := shares(outcome); n != 0 {
			t.Fatalf("%v shares are %v\n%s", n, outcome, m.log)
		}
	}
	return found{
		hashes: value(t, text, "lode_hashes_total"), difficulty: value(t, text, "lode_pool_difficulty"),
		shares: shares(mine.Accepted) + shares(mine.Stale),
	}
}

// tally compares the shares of miners with those that their hashes should have given.
type tally struct{ hashes, shares, expected, skipped float64 }

// tooMany is a number of shares between two readings that is far beyond what the server aims
// at.
const tooMany = 10

// add adds what a miner has done between two readings, for which the difficulty of the first
// one counts. Shares come at random, so their number has the expectation and the variance of
// the hashes divided by what a share takes.
//
// A miner that the machine holds up for some seconds gets a low difficulty, and then drops
// shares, because more of them wait than it keeps. Such a time is skipped. Whether it is
// does not depend on the shares that were found in it, so that the choice favours nothing.
func (a *tally) add(before, after found) {
	hashes := after.hashes - before.hashes
	expected := hashes / (before.difficulty * vardiff.Hashes)
	if !(before.difficulty > 0) || expected > tooMany {
		a.skipped += hashes
		return
	}
	a.hashes += hashes
	a.expected += expected
	a.shares += after.shares - before.shares
}

// off returns by how many standard deviations there are too many shares.
func (a *tally) off() float64 { return (a.shares - a.expected) / math.Sqrt(a.expected) }

// TestMinersShares compares the shares of four miners with the hashes that the miners count
// themselves. Other work on the machine makes the miners slow, and news of a block late;
// neither matters to the comparison, because it counts hashes and not time, and the shares
// that were late as well.
func TestMinersShares(t *testing.T) {
	seconds := minerSeconds(t)
	_, pool := startStratumNode(t, "--difficulty", "8") // shares are much easier than blocks
	var miners []*minerProcess
	for i := range 4 {
		miners = append(miners, startMinerProcess(t, pool, "-u", fmt.Sprintf("w%d", i), "--workers", "1", "--metrics", "127.0.0.1:0"))
	}
	last := make([]found, len(miners))
	for i, m := range miners {
		eventually(t, "every miner has a job", func() bool {
			last[i] = m.found(t)
			return last[i].difficulty > 0
		})
	}
	var all tally
	for range seconds {
		time.Sleep(time.Second)
		for i, m := range miners {
			now := m.found(t)
			all.add(last[i], now)
			last[i] = now
		}
	}
	for _, m := range miners {
		m.interrupt(t)
	}
	t.Logf("%.4g hashes in %d s, and %.3g that were skipped: %.0f shares, expected %.1f: %+.2f %%, %+.2f standard deviations",
		all.hashes, seconds, all.skipped, all.shares, all.expected, 100*(all.shares/all.expected-1), all.off())
	if all.expected < 100 {
		t.Skipf("NOT TESTED: the machine is too busy, so that only %.1f shares were expected, want 100", all.expected)
	}
	if math.Abs(all.off()) > 4 { // one run of 16,000 is further off by chance
		t.Error("the shares do not agree with the hash rate")
	}
}

// Hashes count for as many shares as the difficulty at their beginning lets one expect, and
// not at all where this is a flood.
func TestTally(t *testing.T) {
	var a tally
	a.add(found{difficulty: 0.5}, found{hashes: 2 * vardiff.Hashes, shares: 3, difficulty: 4})
	a.add(found{hashes: 2 * vardiff.Hashes, shares: 3, difficulty: 4}, found{hashes: 22 * vardiff.Hashes, shares: 9})
	if want := (tally{hashes: 22 * vardiff.Hashes, shares: 9, expected: 9}); a != want || a.off() != 0 {
		t.Errorf("%+v, off by %v; want %+v", a, a.off(), want)
	}
	before := a
	a.add(found{}, found{hashes: 10, shares: 2, difficulty: 1})
	a.add(found{difficulty: 1e-9}, found{hashes: 1 << 10, shares: 70, difficulty: 1})
	if before.skipped = 10 + 1<<10; a != before {
		t.Errorf("%+v, want %+v", a, before)
	}
	a.shares = 15
	if a.off() != 2 {
		t.Errorf("15 shares in place of 9 are off by %v, want 2", a.off())
	}
}
