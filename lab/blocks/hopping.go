package blocks

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// Hopping is a part of the hash rate that mines here only while that pays, and elsewhere
// otherwise (Meshkov, Chepurnoy and Jansen, "Revisiting Difficulty Control for Blockchain
// Systems", 2017). The zero Hopping is none.
//
// The profit of a hash is the price of a block divided by the hashes that the next block
// takes, in units of what it is at the price 1 and the difficulty of block 1. A hopper
// mines while the profit at the tip of its node is at least its threshold, and comes and
// goes without delay. [Experiment.Interval] is the interval with all hoppers at work.
type Hopping struct {
	// Share is the part of each miner's hash rate that hops, from 0 to 0.99.
	Share float64

	// Threshold is the distribution of the thresholds over the hash rate that hops: what
	// a hash earns elsewhere. A mean of 0 is 1.
	Threshold Dist

	// Prices are changes of the price, in order of At. Before the first one it is 1.
	Prices []PriceStep

	// Volatility makes the price a random walk besides: the deviation of its logarithm
	// after a day. It moves every ten minutes, from 0 to 1.
	Volatility float64
}

// PriceStep is a price from a time on, until the next step.
type PriceStep struct {
	At    time.Duration // since the start, positive
	Price float64       // from 1e-6 to 1e6
}

// sampleSize is the number of thresholds from which the distribution is known to about 2 %
// of what hops.
const sampleSize = 1 << 10

// priceTick is the time between two steps of the random walk.
const priceTick = 10 * time.Minute

func (h Hopping) withDefaults() Hopping {
	if h.Share > 0 {
		setDefault(&h.Threshold.Mean, 1)
	}
	return h
}

func (h Hopping) validate(p rules.Params) error {
	if err := h.Threshold.validate("hopping: threshold"); err != nil {
		return err
	}
	prices := len(h.Prices) > 0 || h.Volatility != 0
	switch {
	case !inRange(h.Share, 0, 0.99):
		return fmt.Errorf("hopping: share %v: want 0 to 0.99", h.Share)
	case h.Share == 0 && (prices || h.Threshold.Mean != 0):
		return fmt.Errorf("hopping: nothing hops at a share of 0: set the share, or leave hopping out")
	case h.Share > 0 && isFixed(p) && !prices:
		return fmt.Errorf("hopping: the profit never changes at a fixed difficulty and price: take another difficulty rule, or set prices")
	case !inRange(h.Volatility, 0, 1):
		return fmt.Errorf("hopping: volatility %v: want 0 to 1", h.Volatility)
	}
	var last time.Duration
	for i, s := range h.Prices {
		if s.At <= last || !inRange(s.Price, minFactor, 1/minFactor) {
			return fmt.Errorf("hopping: price %d, of %v at %s: want a price from %v to %v, and a later time than %s", i, s.Price, s.At, minFactor, 1/minFactor, last)
		}
		last = s.At
	}
	return nil
}

// market follows the price in a run. Times must not go back.
type market struct {
	x     *Experiment
	seed  uint64
	first float64 // hashes of block 1

	sample []float64 // thresholds drawn from their distribution, sorted; see present

	tick int64   // number of the latest step of the random walk
	walk float64 // logarithm of the price by the random walk
}

func newMarket(x *Experiment, seed uint64, first float64) *market {
	if x.Hopping.Share == 0 {
		return nil
	}
	m := &market{x: x, seed: seed, first: first, sample: make([]float64, sampleSize)}
	for i := range m.sample {
		s := newStream(seed, forHoppers, uint64(i), 1)
		m.sample[i] = x.Hopping.Threshold.draw(&s)
	}
	slices.Sort(m.sample)
	return m
}

// profit returns the profit of a hash for a block that takes that many hashes.
func (m *market) profit(at int64, hashes float64) float64 {
	price := 1.0
	for _, s := range m.x.Hopping.Prices {
		if int64(s.At) <= at {
			price = s.Price
		}
	}
	if v := m.x.Hopping.Volatility; v > 0 {
		step := float64(v * math.Sqrt(float64(priceTick)/float64(24*time.Hour)))
		for ; m.tick < at/int64(priceTick); m.tick++ {
			s := newStream(m.seed, forPrices, uint64(m.tick), 0)
			m.walk += float64(step * s.normal())
		}
		price = float64(price * exp(min(max(m.walk, -50), 50)))
	}
	return float64(price * (m.first / hashes))
}

// isAway reports whether the draw of a find went to hash rate that hops and does not mine
// at this profit.
func (m *market) isAway(draw uint64, profit float64) bool {
	s := newStream(m.seed, forHoppers, draw, 0)
	h := &m.x.Hopping
	return s.open() < h.Share && h.Threshold.draw(&s) > profit
}

// present returns the part of the hash rate that mines at this profit. It is for what is
// measured and has no influence on the run.
func (m *market) present(profit float64) float64 {
	here := sort.Search(len(m.sample), func(i int) bool { return m.sample[i] > profit })
	return 1 - float64(m.x.Hopping.Share*(1-float64(here)/float64(len(m.sample))))
}
