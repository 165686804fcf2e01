package rules

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/pow"
)

// latestOf returns blocks of the same bits with the given times between them, the oldest
// first.
func latestOf(bits pow.Bits, seconds ...int64) []Stamp {
	now := int64(1_700_000_000)
	list := []Stamp{{uint32(now), bits}}
	for _, s := range seconds {
		now += s
		list = append(list, Stamp{uint32(now), bits})
	}
	return list
}

// The results have been computed by hand. With four blocks of ten seconds, the weighted
// sum is (1 + 2 + 3 + 4) * 10 = 100 if all come on time, and n times that is 400. The
// target of the bits 1f190000 is 0x19 * 2^240, so that a 400th of it, 2^236, has no
// remainder, and four of these times the weighted sum are the next target.
func TestLwmaByHand(t *testing.T) {
	rule := Lwma{Window: 4, Spacing: 10, Limit: 0x207fffff}
	const bits = 0x1f190000
	for _, tt := range []struct {
		name    string
		seconds []int64
		want    pow.Bits
	}{
		{"on time", []int64{10, 10, 10, 10}, 0x1f190000},
		{"twice as fast", []int64{5, 5, 5, 5}, 0x1f0c8000},
		{"twice as slow", []int64{20, 20, 20, 20}, 0x1f320000},
		// The weight of the oldest is 1: 20 + 20 + 30 + 40 = 110.
		{"the oldest was slow", []int64{20, 10, 10, 10}, 0x1f1b8000},
		// The weight of the latest is 4: 10 + 20 + 30 + 80 = 140.
		{"the latest was slow", []int64{10, 10, 10, 20}, 0x1f230000},
		// An hour counts as 60 seconds: 10 + 20 + 30 + 240 = 300.
		{"a pause", []int64{10, 10, 10, 3600}, 0x1f4b0000},
		{"just six spacings", []int64{10, 10, 10, 60}, 0x1f4b0000},
		{"a second less", []int64{10, 10, 10, 59}, 0x1f4a0000},
		// The second block is 5 s before its parent: it counts as 1 s, and the third one
		// is measured from there: 10 + 2 + 3 * (20 - 5 - 1) + 40 = 94.
		{"a time that goes back", []int64{10, -5, 20, 10}, 0x1f178000},
		// No time passes: each block counts as one second: 1 + 2 + 3 + 4 = 10.
		{"no time", []int64{0, 0, 0, 0}, 0x1f028000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rule.Next(latestOf(bits, tt.seconds...)); got != tt.want {
				t.Errorf("bits %s, want %s", got, tt.want)
			}
		})
	}

	// The targets are averaged: half of them twice as hard make three quarters.
	mixed := latestOf(bits, 10, 10, 10, 10)
	mixed[1].Bits, mixed[3].Bits = 0x1f0c8000, 0x1f0c8000
	mixed[0].Bits = 0x01010000 // has no influence
	if got := rule.Next(mixed); got != 0x1f12c000 {
		t.Errorf("mixed targets: bits %s, want 1f12c000", got)
	}
	// The limit, and a target that is too small for its parts.
	rule.Limit = bits
	if got := rule.Next(latestOf(bits, 10, 10, 10, 11)); got != bits {
		t.Errorf("beyond the limit: bits %s, want %s", got, pow.Bits(bits))
	}
	if got := rule.Next(latestOf(0x01010000, 10, 10, 10, 10)); got != 0x01010000 {
		t.Errorf("the hardest target: bits %s", got)
	}
	if got := (Lwma{Window: 4, Spacing: 10, Limit: 0x2100ffff}).Next(latestOf(0x2100ffff, 60, 60, 60, 60)); got != 0x2100ffff {
		t.Errorf("over 256 bits: bits %s, want the limit", got)
	}
}

// Two tests of another implementation of LWMA-1, that of Sugarchain: a window of 200
// blocks of 15 seconds, blocks that come too slowly, from the future and without any time
// between them. Its file src/test/pow_tests.cpp has the intervals and the expected bits
// (facts transcribed from ishikawa_test and cryptozeny_test). The last figure there is left
// out, for 7412 further blocks without time: it belongs to an earlier variant of the rule,
// under which the target falls more slowly.
func TestLwmaAgainstSugarchain(t *testing.T) {
	const spacing, limit = 15, 0x1f07ffff
	type step struct {
		blocks  int
		seconds int64
		want    pow.Bits // of the block after these; 0: not stated
	}
	attack := []step{}
	for range 10 {
		attack = append(attack, step{21, 0, 0}) // an eighth of a second there is rounded to none
	}
	attack[9].want = 0x1e2eaf51
	for _, tt := range []struct {
		name  string
		begin pow.Bits // of the blocks of the first window
		steps []step
	}{
		{"ishikawa", 0x1e7fffff, append(append([]step{
			{201, 600, 0x1f02ffff}, {1, 6000, 0x1f031333}, {1, 2*600 - 6000, 0x1f031f09}, {1, 600, 0x1f032ade},
		}, attack...), step{1, 4 * 3600, 0x1e577959}, step{1, 2 * 3600, 0x1e7f90f4})},
		{"cryptozeny", limit, []step{
			{200, 15, 0}, {1, 16, limit}, {1, 16, limit}, {1, 13, 0x1f07fff9}, {1, 15 * 99, limit}, {5, 0, limit},
			{1, 15, 0x1f07fe58}, {1, 15 * 999, limit}, {100, 0, 0x1f021c42},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rule := Lwma{Window: 200, Spacing: spacing, Limit: limit}
			now, next := int64(1541009400), tt.begin
			chain := []Stamp{{uint32(now), next}}
			for i, s := range tt.steps {
				for range s.blocks {
					now += s.seconds
					chain = append(chain, Stamp{uint32(now), next})
					if len(chain) >= 202 { // their first window is the blocks from 1 on
						next = rule.Next(chain[len(chain)-201:])
					}
				}
				if s.want != 0 && next != s.want {
					t.Fatalf("step %d: bits %s, want %s", i, next, s.want)
				}
			}
		})
	}
}

// On any branch, the bits are those of the published algorithm, written with big integers
// as it stands there.
func TestLwmaAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Difficulty{
			Rule: RuleLwma, Bits: anyBits().Draw(t, "bits"), Limit: anyBits().Draw(t, "limit"),
			Spacing: rapid.SampledFrom([]uint32{2, 10, 120, maxSpacing}).Draw(t, "spacing"),
			Window:  rapid.Uint32Range(minWindow, 20).Draw(t, "window"),
		}
		if bigTarget(d.Bits).Cmp(bigTarget(d.Limit)) > 0 {
			d.Bits, d.Limit = d.Limit, d.Bits
		}
		p := mustNew(t, Config{Name: "model", Difficulty: d})
		s := p.GenesisState()
		chain := []Stamp{{GenesisTime, genesisBits}}
		now := int64(2_000_000_000)
		for range rapid.IntRange(1, 60).Draw(t, "blocks") {
			want := d.Bits
			if n := len(chain) - 1 - int(d.Window); n >= 1 {
				want = modelLwma(d, chain[n:])
			}
			if got := s.NextBits(p); got != want {
				t.Fatalf("height %d: bits %s, want %s", len(chain), got, want)
			}
			now += rapid.Int64Range(-int64(d.Spacing), 7*int64(d.Spacing)).Draw(t, "seconds")
			chain = append(chain, Stamp{uint32(now), want})
			s = s.Apply(pow.Header{Time: uint32(now), Bits: want})
		}
	})
}

// modelLwma is the published algorithm on the latest Window+1 blocks.
func modelLwma(d Difficulty, latest []Stamp) pow.Bits {
	n, spacing := int64(d.Window), int64(d.Spacing)
	k := n * (n + 1) * spacing / 2
	average := new(big.Int)
	weighted := int64(0)
	previous := int64(latest[0].Time)
	for j := int64(1); j <= n; j++ {
		now := previous + 1
		if time := int64(latest[j].Time); time > previous {
			now = time
		}
		solve := now - previous
		if solve > 6*spacing {
			solve = 6 * spacing
		}
		previous = now
		weighted += solve * j
		part := bigTarget(latest[j].Bits)
		part.Quo(part, big.NewInt(n)).Quo(part, big.NewInt(k))
		average.Add(average, part)
	}
	return compactBig(average.Mul(average, big.NewInt(weighted)), d.Limit)
}

// Genesis does not take part: the first bits that differ are those of the block after
// Window+1 others.
func TestLwmaBegins(t *testing.T) {
	p := mustNew(t, Config{Name: "new", Difficulty: Difficulty{Rule: RuleLwma, Bits: 0x1f190000, Window: 4}})
	s := p.GenesisState()
	for height := int64(1); height <= 5; height++ {
		if got := s.NextBits(p); got != 0x1f190000 {
			t.Fatalf("block %d has bits %s", height, got)
		}
		s = s.Apply(pow.Header{Time: 2_000_000_000 + 5*uint32(height), Bits: s.NextBits(p)})
	}
	if got := s.NextBits(p); got != 0x1f0c8000 {
		t.Errorf("block 6 has bits %s, want 1f0c8000, twice as hard", got)
	}
}

// Only this rule needs more blocks of a branch than the median of the times does.
func TestStateSpan(t *testing.T) {
	lwma := func(window uint32) Params {
		return mustNew(t, Config{Name: "new", Difficulty: Difficulty{Rule: RuleLwma, Bits: 0x1f190000, Window: window}})
	}
	for want, p := range map[int]Params{MedianSpan: lwma(4), MedianSpan + 1: lwma(MedianSpan), 61: lwma(60)} {
		if got := p.StateSpan(); got != want {
			t.Errorf("window %d: %d blocks, want %d", p.Difficulty().Window, got, want)
		}
	}
	if got := bitcoin(t).StateSpan(); got != MedianSpan {
		t.Errorf("the rule of Bitcoin: %d blocks, want %d", got, MedianSpan)
	}
}

// At the greatest window and spacing nothing overflows.
func TestLwmaGreatest(t *testing.T) {
	rule := Lwma{Window: maxLwmaWindow, Spacing: maxSpacing, Limit: 0x1d00ffff}
	latest := []Stamp{{0, 0x1c190000}}
	for i := range uint32(maxLwmaWindow) {
		latest = append(latest, Stamp{min(uint64Time(i), math.MaxUint32-maxLwmaWindow+i), 0x1c190000})
	}
	d := Difficulty{Rule: RuleLwma, Limit: rule.Limit, Spacing: rule.Spacing, Window: rule.Window}
	if got, want := rule.Next(latest), modelLwma(d, latest); got != want {
		t.Errorf("bits %s, want %s", got, want)
	}
}

func uint64Time(i uint32) uint32 { return uint32(min(uint64(i+1)*6*maxSpacing, math.MaxUint32)) }

func ExampleLwma() {
	rule := Lwma{Window: 4, Spacing: 10, Limit: 0x2000ffff}
	latest := []Stamp{{1000, 0x1e0fffff}, {1010, 0x1e0fffff}, {1020, 0x1e0fffff}, {1030, 0x1e0fffff}, {1070, 0x1e0fffff}}
	fmt.Println(rule.Next(latest)) // the latest block took four times as long
	// Output:
	// 1e233331
}
