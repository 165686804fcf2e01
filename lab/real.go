package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lodepow/lode/lab/blocks"
	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// Virtual times of a run with real nodes.
const (
	realConnect = 10 * time.Minute // at most, until all nodes are connected
	realSettle  = 30 * time.Minute // at most, until all have the blocks with the most work
	realStep    = 10 * time.Second // between two looks whether the run is cancelled
	never       = 1 << 62          // longer than any run
)

// runReal runs an experiment with real nodes. Who is connected with whom, and the latency of
// each connection, are those that the other engines have for the same seed. All else is
// drawn anew.
func runReal(ctx context.Context, x blocks.Experiment, seed uint64, o blocks.Options) (*blocks.Result, error) {
	r := newRealRun(x, seed, o)
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	r.begin()
	if err := r.findBlocks(ctx); err != nil {
		return nil, err
	}
	return r.end(ctx)
}

// findBlocks lets virtual time pass until the last block has been found, and up to realStep more.
func (r *realRun) findBlocks(ctx context.Context) error {
	for !r.over() {
		r.net.RunFor(min(10*r.x.Interval, realStep))
		if err := r.trouble(ctx); err != nil {
			return err
		}
	}
	return nil
}

// end waits until the nodes have the blocks that have been found, and returns the result. As in
// the other engines, the network itself does not change any more once the last block has been
// found: a split that is open stays so, and nodes that are away stay away. Their return would add
// reorgs that belong to no block of the run.
func (r *realRun) end(ctx context.Context) (*blocks.Result, error) {
	// A block that is ahead of a node's clock waits until the clock gets there.
	wait := realSettle + r.clocksDiffer
	switch settled, err := r.runUntil(ctx, wait, r.settled); {
	case err != nil:
		return nil, err
	case !settled:
		return nil, fmt.Errorf("real nodes: after the last block they did not agree within %s on how much work the best branch has: let fewer messages be lost, or take shorter latencies", wait.Round(time.Second))
	}
	return r.tree.finish(), nil
}

// runUntil lets virtual time pass until the condition holds, for at most the given time, and
// reports whether it holds in the end. It looks often whether the run is to end.
func (r *realRun) runUntil(ctx context.Context, most time.Duration, condition func() bool) (bool, error) {
	for end := r.net.Now() + most; ; {
		if err := r.trouble(ctx); err != nil {
			return false, err
		}
		left := end - r.net.Now()
		if r.net.RunUntil(min(left, realStep), condition) {
			return true, nil
		}
		if left <= realStep {
			return false, nil
		}
	}
}

// trouble returns why the run cannot go on: it is cancelled, or a node has a fault.
func (r *realRun) trouble(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if faults := r.net.Faults(); len(faults) > 0 {
		return fmt.Errorf("real nodes: %s", faults[0])
	}
	return nil
}

// realRun is a run with real nodes.
type realRun struct {
	x       blocks.Experiment
	seed    uint64
	options blocks.Options
	net     *nodes.Net
	tree    *realTree
	began   time.Duration // virtual time of the network at which mining began
	found   int
	links   []blocks.Connection

	clocksDiffer time.Duration   // the greatest difference between two clocks
	healing      *blocks.Healing // of the latest split that has ended, if the nodes do not agree yet
	healed       time.Duration   // virtual time of the network at which it ended
	parts        []int           // the part of each node in a split that is open, or nil
}

func newRealRun(x blocks.Experiment, seed uint64, o blocks.Options) *realRun {
	return &realRun{x: x, seed: seed, options: o, tree: newRealTree(blocks.NewRecorder(x, seed, RealNodes, o.Observe), x)}
}

// connect makes the nodes and waits until all are connected as the topology says.
func (r *realRun) connect(ctx context.Context) error {
	var err error
	if r.links, err = r.x.Connections(r.seed); err != nil {
		return err
	}
	own, degrees, err := chooseCallers(r.links, r.x.Nodes)
	if err != nil {
		return err
	}
	inbound, outbound := 1, map[gossip.Address]int{}
	for i, degree := range degrees {
		// Either end of a connection may be the first to call, so each has a place for it of
		// both kinds.
		inbound = max(inbound, degree)
		outbound[nodes.AddressOf(i)] = cmp.Or(min(degree, maxCalled), -1) // negative: none
	}
	write := r.x.Relay.Validation
	if write == 0 {
		write = -1
	}
	clocks := r.x.ClockErrors(r.seed)
	r.clocksDiffer = greatestDifference(clocks)
	if err := checkClocksDiffer(r.clocksDiffer); err != nil {
		return err
	}
	r.net = nodes.New(r.seed, nodes.Config{
		Nodes: -1, Params: r.x.Params, Write: write, Limits: gossip.Limits{Inbound: inbound, InboundEach: inbound},
		Machine: func(c gossip.Config) nodes.Machine {
			c.Limits.Outbound = outbound[c.Address]
			// Nodes ask each new peer for addresses once, and not again: they need none but those of
			// their neighbours, which they know. If they went on asking, most of a long run would be
			// vain attempts to reach others.
			c.AddressesEvery, c.AddressesSoon = never, never
			return r.withTimelyTips(gossip.New(c), c.Clock)
		},
		Watch: nodes.Watch{Found: r.onFound, Published: r.onPublished, Moved: r.onMoved},
	})
	for _, others := range own {
		var known []gossip.Address
		for _, other := range others {
			known = append(known, nodes.AddressOf(other))
		}
		r.net.AddKnowing(known...)
	}
	for i, e := range clocks {
		r.net.Nodes[i].SetSkew(e)
	}
	r.setLinks(nodes.Link{})
	wanted := make([]map[gossip.Address]bool, r.x.Nodes)
	for i := range wanted {
		wanted[i] = map[gossip.Address]bool{}
	}
	for _, c := range r.links {
		wanted[c.A][nodes.AddressOf(c.B)], wanted[c.B][nodes.AddressOf(c.A)] = true, true
	}
	switch connected, err := r.runUntil(ctx, realConnect, func() bool {
		for i, node := range r.net.Nodes {
			peers := node.Peers()
			if len(peers) != degrees[i] {
				return false
			}
			for _, p := range peers {
				if !wanted[i][p.Address] {
					return false
				}
			}
		}
		return true
	}); {
	case err != nil:
		return err
	case !connected:
		return fmt.Errorf("real nodes: within %s they did not connect as the topology says: take fewer connections, or a shorter latency", realConnect)
	}
	return nil
}

// setLinks gives each connection its latency, and the other properties of a link. Nodes that
// the topology does not connect cannot reach each other. A node asks each new peer once for
// addresses, so it would otherwise choose other peers than those of the topology, at the
// beginning as well as after a peer has left.
func (r *realRun) setLinks(l nodes.Link) {
	var sum time.Duration
	for _, c := range r.links {
		l.Delay, l.Same = c.Latency, true
		r.net.SetLinkBetween(r.net.Nodes[c.A], r.net.Nodes[c.B], l)
		sum += c.Latency
	}
	mean := sum / time.Duration(max(1, len(r.links)))
	r.net.SetLink(nodes.Link{Delay: max(time.Microsecond, mean), Closed: true})
}

// maxCalled is how many peers of its own choice a node can keep.
const maxCalled = 256

var errManyCalled = errors.New("topology: a real node would have to choose more than 256 peers: take fewer connections")

// chooseCallers decides for each connection which of its ends calls the other: the one with
// fewer connections, because a node keeps only some hundred that it has chosen, but gets as
// many calls as it likes. It returns the nodes that each has to call, and the number of
// connections of each.
func chooseCallers(links []blocks.Connection, count int) (own [][]int, degrees []int, err error) {
	own, degrees = make([][]int, count), make([]int, count)
	for _, c := range links {
		degrees[c.A]++
		degrees[c.B]++
	}
	for _, c := range links {
		from, to := c.A, c.B
		if degrees[to] < degrees[from] || degrees[to] == degrees[from] && (from+to)%2 == 1 {
			from, to = to, from
		}
		own[from] = append(own[from], to)
		if len(own[from]) > maxCalled {
			return nil, nil, errManyCalled
		}
	}
	return own, degrees, nil
}

// begin starts the miners.
func (r *realRun) begin() {
	r.setLinks(nodes.Link{Jitter: r.x.Latency.Jitter, Loss: r.x.Relay.Loss})
	r.began = r.net.Now()
	for _, s := range r.x.Strategists {
		if _, ok := s.Strategy.(blocks.SM1); ok {
			r.net.Nodes[s.Node].MineSelfishly()
		}
	}
	r.mine(1)
	for _, s := range r.x.Power.Steps {
		r.net.After(s.At, func() {
			if !r.over() {
				r.mine(s.Factor)
			}
		})
	}
	r.startChurn()
	r.startSplits()
}

// mine gives the network that many times its first hash rate.
func (r *realRun) mine(factor float64) {
	var shares []float64
	for _, m := range r.tree.record.Miners() {
		shares = append(shares, m.Share)
	}
	r.net.Mine(time.Duration(float64(r.x.Interval)/factor), shares...)
}

// settled reports whether the tips of all nodes that can hear of each other have the same work.
func (r *realRun) settled() bool {
	works := make([]pow.Work, r.x.Nodes)
	for i, node := range r.net.Nodes {
		if node.Up() {
			works[i] = node.Chain().Tip().Work
		}
	}
	for _, c := range r.links {
		up := r.net.Nodes[c.A].Up() && r.net.Nodes[c.B].Up()
		if up && (r.parts == nil || r.parts[c.A] == r.parts[c.B]) && works[c.A] != works[c.B] {
			return false
		}
	}
	return true
}
