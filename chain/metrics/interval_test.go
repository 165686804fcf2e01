package metrics_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/metrics"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
)

// timed is a chain with a clock and a registry.
type timed struct {
	*chain.Chain
	t   *testing.T
	reg *prometheus.Registry
	now time.Time
}

// openTimed returns a chain whose clock begins at the time of genesis.
func openTimed(t *testing.T) *timed {
	c := &timed{t: t, reg: prometheus.NewPedanticRegistry(), now: time.Unix(rules.GenesisTime, 0)}
	var err error
	if c.Chain, err = chain.Open(chain.Config{
		Params: rulestest.Easy(), Store: chain.NewMemStore(), Now: func() time.Time { return c.now },
	}); err != nil {
		t.Fatal(err)
	}
	if err := metrics.Register(c.reg, c.Chain); err != nil {
		t.Fatal(err)
	}
	return c
}

// accept lets the time pass and then accepts the blocks, one by one.
func (c *timed) accept(passed time.Duration, blocks ...block.Block) {
	c.t.Helper()
	c.now = c.now.Add(passed)
	for _, b := range blocks {
		if _, err := c.Accept(b); err != nil {
			c.t.Fatal(err)
		}
	}
}

// sync lets the time pass and then accepts the blocks as a batch.
func (c *timed) sync(passed time.Duration, blocks ...block.Block) {
	c.t.Helper()
	c.now = c.now.Add(passed)
	if _, err := c.AcceptAll(blocks); err != nil {
		c.t.Fatal(err)
	}
}

// want fails unless that many intervals have been measured, with that sum.
func (c *timed) want(what string, count int, sum time.Duration) {
	c.t.Helper()
	got := values(c.t, c.reg)
	gotCount, gotSum := got["lode_chain_tip_interval_seconds count"], got["lode_chain_tip_interval_seconds sum"]
	if gotCount != float64(count) || gotSum < sum.Seconds()-1e-9 || gotSum > sum.Seconds()+1e-9 {
		c.t.Errorf("%s: %v intervals of %v s in all, want %d of %v", what, gotCount, gotSum, count, sum)
	}
}

// The intervals are those of the clock, to the millisecond and below, and not those of
// the header times, which are whole seconds.
func TestTipIntervals(t *testing.T) {
	c := openTimed(t)
	a := rulestest.NewBranch(c.Params())
	c.accept(time.Hour, a.Grow(3600))
	c.want("the first block", 0, 0)
	c.accept(250*time.Microsecond, a.Grow(1))
	c.accept(1500*time.Millisecond, a.Grow(1))
	c.want("three blocks", 2, 1500250*time.Microsecond)

	// A block beside the tip moves nothing. When it gets a child, the branch becomes one
	// block higher.
	b := a.Fork("b")
	c.accept(time.Second, a.Grow(1))
	c.accept(time.Second, b.Grow(1))
	c.want("a side block", 3, 2500250*time.Microsecond)
	c.accept(2*time.Second, b.Grow(1))
	c.want("a reorg", 4, 5500250*time.Microsecond)

	c.now = c.now.Add(-time.Minute)
	c.accept(0, b.Grow(1))
	c.want("a clock that has been set back", 5, 5500250*time.Microsecond)
}

// What a node takes while it catches up leaves no trace, and no interval begins there.
func TestTipIntervalsWithoutSync(t *testing.T) {
	for name, catchUp := range map[string]func(c *timed, a *rulestest.Branch){
		"batches": func(c *timed, a *rulestest.Branch) {
			for range 3 {
				c.sync(time.Millisecond, a.Grow(1), a.Grow(1), a.Grow(1))
			}
		},
		"old blocks, one by one": func(c *timed, a *rulestest.Branch) {
			c.now = c.now.Add(125 * time.Second)
			for range 3 {
				c.sync(time.Millisecond, a.Grow(1))
			}
		},
		"blocks whose parent comes last": func(c *timed, a *rulestest.Branch) {
			first, second, third := a.Grow(1), a.Grow(1), a.Grow(1)
			c.accept(time.Millisecond, third, second)
			c.now = c.now.Add(time.Second)
			c.accept(0, first)
		},
	} {
		c := openTimed(t)
		a := rulestest.NewBranch(c.Params())
		c.accept(time.Hour, a.Grow(3600))
		c.accept(5*time.Second, a.Grow(5))
		c.want(name+": before", 1, 5*time.Second)
		count, sum := 1, 5*time.Second
		catchUp(c, a)
		if name == "blocks whose parent comes last" {
			count, sum = count+1, sum+1001*time.Millisecond // until the parent came
		}
		c.want(name+": during", count, sum)
		c.accept(7*time.Second, a.Grow(200))
		c.want(name+": the first block after", count, sum)
		c.accept(9*time.Second, a.Grow(9))
		c.want(name+": the second block after", count+1, sum+9*time.Second)
	}
}

// A block whose header is as old as a new one may be counts, and an older one does not.
func TestTipIntervalsOfOldHeaders(t *testing.T) {
	for age, want := range map[time.Duration]int{120 * time.Second: 1, 121 * time.Second: 0} {
		c := openTimed(t)
		a := rulestest.NewBranch(c.Params())
		c.accept(time.Hour, a.Grow(3600))
		c.accept(age+time.Second, a.Grow(1))
		c.want(age.String(), want, time.Duration(want)*(age+time.Second))
	}
}
