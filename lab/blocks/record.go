package blocks

import "time"

// Recorder makes the [Result] of a run that another engine computes, such as the network
// of real nodes.
type Recorder struct {
	record recorder
	pace   pace
}

// NewRecorder begins the result of a run. The experiment must have its defaults. The name
// of the engine is for [Result.Engine], and observe is that of [Options] and may be nil.
func NewRecorder(x Experiment, seed uint64, engine Engine, observe func(Block)) *Recorder {
	w := newWheel(x.Power.shares(x.Nodes))
	r := &Result{Engine: engine, Seed: seed, Nodes: x.Nodes, Miners: make([]Miner, len(w.ends))}
	for i := range r.Miners {
		r.Miners[i] = Miner{Node: i, Share: w.share(i)}
	}
	r.Course.Step, r.Course.interval = x.Interval, intended(&x)
	genesis := x.Params.GenesisState()
	target, _, _ := genesis.NextBits(x.Params).Decode()
	all := &Recorder{
		record: recorder{result: r, observe: observe, sealCourse: x.sealsCourse()},
		pace:   pace{first: target.Work().Float(), interval: x.Interval, stages: x.Power.stages(x.Nodes)},
	}
	for _, o := range x.outages(seed, w) {
		all.record.watch(o)
	}
	return all
}

// Outage is a time in which a network is split into parts.
type Outage struct {
	From, Until time.Duration // since the start
	Parts       [][]int       // the nodes of each part
}

// Outages returns the splits and the eclipse of a run with the seed, in order of time, which is
// that of [Result.Healings]. The experiment must have its defaults.
func (x Experiment) Outages(seed uint64) (list []Outage) {
	for _, o := range x.outages(seed, newWheel(x.Power.shares(x.Nodes))) {
		one := Outage{From: timeOf(o.from), Until: timeOf(o.until), Parts: make([][]int, o.parts)}
		for v, p := range o.part {
			one.Parts[p] = append(one.Parts[p], v)
		}
		list = append(list, one)
	}
	return list
}

// ClockErrors returns by how much the clock of each node is ahead in a run with the seed, or nil
// if all are right.
func (x Experiment) ClockErrors(seed uint64) (list []time.Duration) {
	c := newClocks(&x, seed)
	if c == nil {
		return nil
	}
	for _, e := range c.errors {
		list = append(list, time.Duration(e))
	}
	return list
}

// Healing returns what is to be filled in of the outage with that number: Agreement, which is -1
// at first, and Reorg.
func (r *Recorder) Healing(outage int) *Healing { return &r.record.result.Healings[outage] }

// Miners returns the miners with their shares of the hash rate.
func (r *Recorder) Miners() []Miner { return r.record.result.Miners }

// Settle adds a block, in the order of the blocks' numbers; Expected is filled in. For a
// stale block without published children, forkLength is the number of blocks from the main
// chain to it, and otherwise 0. interval is the time since its parent was found.
func (r *Recorder) Settle(b Block, forkLength int, interval time.Duration) {
	b.Expected = r.pace.expected(b.Bits, int64(b.Found), 1)
	r.record.settle(b, forkLength, interval)
}

// Reorg counts a node that has left its branch for another and disconnected that many
// blocks.
func (r *Recorder) Reorg(depth int) { r.record.result.Reorgs.add(depth) }

// Finish returns the result with its hash. The span is the time at which the last block was
// found.
func (r *Recorder) Finish(span time.Duration) *Result {
	r.record.result.Span = span
	r.record.result.seal(r.record.sealCourse)
	return r.record.result
}

// Connection is a connection of a network, a < b.
type Connection struct {
	A, B    int
	Latency time.Duration // one way, the same in both directions, without jitter
}

// Connections returns the connections of the network that [Run] makes for the seed, sorted.
// The experiment must have its defaults. The error says that the network falls into parts.
func (x Experiment) Connections(seed uint64) ([]Connection, error) {
	net, err := newNetwork(seed, &x)
	if err != nil {
		return nil, err
	}
	var list []Connection
	for v := range x.Nodes {
		for _, a := range net.arcs[net.first[v]:net.first[v+1]] {
			if int(a.to) > v {
				latency := net.medium.latency(newEdge(v, int(a.to)))
				list = append(list, Connection{v, int(a.to), max(time.Microsecond, time.Duration(latency)*time.Microsecond)})
			}
		}
	}
	return list, nil
}

// ReachCounts returns the numbers of nodes that [ReachShares] are in a network.
func ReachCounts(nodes int) [len(ReachShares)]int32 { return reachCounts(nodes) }
