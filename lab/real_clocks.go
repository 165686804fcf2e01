package lab

import (
	"fmt"
	"slices"
	"time"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
)

// greatestDifference returns by how much two of the clocks differ at the most. No clocks are
// clocks that are all right.
func greatestDifference(errors []time.Duration) time.Duration {
	if len(errors) == 0 {
		return 0
	}
	return slices.Max(errors) - slices.Min(errors)
}

// checkClocksDiffer refuses too great a difference between two clocks. It tells the difference in
// full seconds, rounded up, so that it is always greater than the bound beside it.
func checkClocksDiffer(by time.Duration) error {
	if by <= maxRealClocksDiffer {
		return nil
	}
	by = (by - 1).Truncate(time.Second) + time.Second
	return fmt.Errorf("clocks: two clocks differ by %s: want at most %s with real nodes, which run on after the last block until the slowest clock has come to it: take a smaller error or spread, or another engine than \"nodes\"", by, maxRealClocksDiffer)
}

// timely is a real node that hears only of those blocks of its peers whose time has come by its
// own clock.
//
// A node whose peers claim more work than it has asks one after the other for headers and blocks.
// It refuses the first block that is ahead of its clock by more than the rules allow, and tries
// again every ten seconds with each peer, because it cannot know which clock is wrong. With clocks
// that differ by hours, nearly all that is simulated would be such attempts, each for all blocks
// of the branch whose time has not come. They change no tip. So the greetings of peers are changed
// on their way: in the place of a tip that the node would refuse they have the last block below it
// that the node would take. The node gets a block with the first greeting of a peer after its time
// has come.
type timely struct {
	nodes.Machine
	clock  func(step time.Time) time.Time // what the node's clock shows at the time of a step
	params rules.Params
	tree   *realTree
}

// withTimelyTips wraps the machine of a node in [timely] if clocks differ by so much that nodes
// refuse blocks of each other.
func (r *realRun) withTimelyTips(m nodes.Machine, clock func(time.Time) time.Time) nodes.Machine {
	if r.clocksDiffer <= time.Duration(r.x.Params.Limits().FutureSeconds)*time.Second {
		return m
	}
	return timely{m, clock, r.x.Params, r.tree}
}

// Step implements [nodes.Machine].
func (m timely) Step(now time.Time, ev gossip.Event) []gossip.Effect {
	latest := m.params.LatestTime(m.clock(now))
	switch e := ev.(type) {
	case gossip.Incoming:
		if hello, ok := e.Request.(gossip.Hello); ok {
			hello.Tip = m.tree.timelyTip(hello.Tip, latest)
			e.Request = hello
			ev = e
		}
	case gossip.Answered:
		if welcome, ok := e.Answer.(gossip.Welcome); ok {
			welcome.Tip = m.tree.timelyTip(welcome.Tip, latest)
			e.Answer = welcome
			ev = e
		}
	}
	return m.Machine.Step(now, ev)
}

// timelyTip returns the tip, or the last block below it up to which no header time is later than
// latest, in Unix seconds.
func (t *realTree) timelyTip(tip gossip.Tip, latest int64) gossip.Tip {
	i, _ := t.timely(t.numbers[tip.Hash], latest) // the number of genesis is not in the map, and 0
	return t.all[i].tip
}

// timely returns the number of the block of timelyTip, and in how many steps it was found. Every
// greeting asks for it, and a hundred thousand blocks may be ahead of the clock. So a step goes as
// far down as the block's skip, unless that is too far.
func (t *realTree) timely(i int32, latest int64) (number int32, steps int) {
	for ; int64(t.all[i].latest) > latest; steps++ {
		if skip := t.all[i].skip; int64(t.all[skip].latest) > latest {
			i = skip
		} else {
			i = t.all[i].block.Parent
		}
	}
	return i, steps
}
