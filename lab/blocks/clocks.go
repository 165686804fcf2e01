package blocks

import (
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// Clocks says what is wrong with the times of headers. The zero Clocks is a network whose
// clocks are all right and whose miners are honest about the time.
type Clocks struct {
	// Error is the distribution of the seconds by which the clock of a node is wrong.
	// Half of the clocks are ahead, half behind, and the error of a node stays. A node
	// dates its blocks by its own clock, and holds back a block of others that is too far
	// ahead of its clock until the clock gets there. At most MaxClockError.
	Error Dist

	// Liars are miners whose headers do not have the time of their clocks.
	Liars []Liar
}

// MaxClockError is the greatest error of a clock. Greater draws are cut off.
const MaxClockError = 30 * 24 * time.Hour

// Liar is a miner that lies about the time of its blocks, as far as the rules allow: a
// time is always later than the median time past, and by the miner's own clock never
// further ahead than the rules allow.
type Liar struct {
	Node int

	// Offset is added to the time of the miner's clock.
	Offset time.Duration

	// Warp makes the miner take part in a timewarp attack on the rule bitcoin2016, and
	// Offset must be zero. The last block of a window gets the right time, all others the
	// earliest time that the rules allow. A window is measured from its first header to
	// its last one, so it seems to last from the beginning of the attack until now.
	Warp bool

	// From is the height from which on the miner lies; before, it is honest.
	From int64
}

func (c Clocks) isZero() bool { return c.Error.Mean == 0 && len(c.Liars) == 0 }

func (c Clocks) validate(x *Experiment) error {
	if err := c.Error.validate("clocks: error"); err != nil {
		return err
	}
	if c.Error.Mean > MaxClockError.Seconds() {
		return fmt.Errorf("clocks: error: mean %v: want at most %.0f seconds", c.Error.Mean, MaxClockError.Seconds())
	}
	miners := len(x.Power.shares(x.Nodes))
	seen := map[int]bool{}
	for _, l := range c.Liars {
		switch {
		case l.Node < 0 || l.Node >= miners:
			return fmt.Errorf("clocks: liars: node %d: want one that mines, 0 to %d", l.Node, miners-1)
		case seen[l.Node]:
			return fmt.Errorf("clocks: liars: node %d is in the list twice", l.Node)
		case l.From < 0:
			return fmt.Errorf("clocks: liars: node %d: from the height %d: want a height that is not negative", l.Node, l.From)
		case l.Warp && l.Offset != 0:
			return fmt.Errorf("clocks: liars: node %d: an offset means nothing in a timewarp attack: leave one of them out", l.Node)
		case l.Warp && x.Params.Difficulty().Rule != rules.RuleBitcoin2016:
			return fmt.Errorf("clocks: liars: node %d: a timewarp attack needs the difficulty rule %q", l.Node, rules.RuleBitcoin2016)
		case l.Offset < -MaxClockError || l.Offset > MaxClockError:
			return fmt.Errorf("clocks: liars: node %d: offset %s: want %s to %s", l.Node, l.Offset, -MaxClockError, MaxClockError)
		}
		seen[l.Node] = true
	}
	return nil
}

// clocks are the clocks of a run. A nil *clocks is right.
type clocks struct {
	params rules.Params
	errors []int64 // by node: nanoseconds that the clock is ahead; nil: all are right
	liars  map[int32]Liar
}

// newClocks draws the clocks of the nodes, or returns nil if they are all right.
func newClocks(x *Experiment, seed uint64) *clocks {
	if x.Clocks.isZero() {
		return nil
	}
	c := &clocks{params: x.Params, liars: map[int32]Liar{}}
	for _, l := range x.Clocks.Liars {
		c.liars[int32(l.Node)] = l
	}
	if d := x.Clocks.Error; d.Mean > 0 {
		c.errors = make([]int64, x.Nodes)
		for v := range c.errors {
			s := newStream(seed, forClocks, uint64(v), 0)
			c.errors[v] = int64(float64(min(d.draw(&s), MaxClockError.Seconds()) * 1e9))
			if s.open() < 0.5 {
				c.errors[v] = -c.errors[v]
			}
		}
	}
	return c
}

// now returns what the clock of a node shows, at a time in nanoseconds since the start.
func (c *clocks) now(node int32, at int64) time.Time {
	if c != nil && c.errors != nil {
		at += c.errors[node]
	}
	return time.Unix(epochStart, at)
}

// headerTime returns the time in the header of a block that a miner finds on a branch: that
// of its clock or its lie, but later than the median time past and not further ahead of
// the clock than the rules allow.
func (c *clocks) headerTime(branch *rules.State, miner int32, now time.Time) uint32 {
	earliest := branch.MedianTimePast() + 1
	if c == nil {
		return max(uint32(now.Unix()), earliest)
	}
	l := c.liars[miner]
	if branch.Height+1 < l.From {
		l = Liar{}
	}
	if window := int64(c.params.Difficulty().Window); l.Warp && (branch.Height+2)%window != 0 {
		return earliest
	}
	wish := now.Add(l.Offset).Unix()
	return max(uint32(max(min(wish, c.params.LatestTime(now)), 0)), earliest)
}

// mustWait reports whether a miner cannot date a block on a branch yet, because the median
// time past has reached the latest time that its own clock allows.
func (c *clocks) mustWait(branch *rules.State, miner int32, at int64) bool {
	return c != nil && int64(branch.MedianTimePast())+1 > c.params.LatestTime(c.now(miner, at))
}

// admits returns when a node takes a block that has arrived at the given time. latest is
// the latest header time of the block and those below it. A block that is further ahead
// than the rules allow waits for the node's clock.
func (c *clocks) admits(node int32, latest uint32, at int64) int64 {
	if c == nil {
		return at
	}
	ahead := int64(latest) - c.params.LatestTime(time.Unix(epochStart, 0)) // seconds after the start, by the node's clock
	due := ahead * 1e9
	if c.errors != nil {
		due -= c.errors[node]
	}
	return max(at, due)
}
