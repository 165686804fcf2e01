package blocks

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// Options say how to run an experiment. They do not change the result.
type Options struct {
	Threads int // for the engine Paths; 0: one for each core. The engine Events uses one

	// Observe, if set, is called for each block when its fate is settled, in the order
	// of discovery.
	Observe func(Block)

	// Took, if set, is called for each node that makes a block its tip, in order of time,
	// with the node, the number of the block and the time since the start. The engine is
	// then Events, which has the same result.
	Took func(node int, block int32, at time.Duration)

	// Progress, if set, is called now and then with the number of blocks found so far.
	Progress func(blocks int)
}

// Run runs an experiment. The result is a function of the experiment and the seed alone.
// The seed determines the network as well: who is connected with whom, and how fast. The
// error is that of [Experiment.WithDefaults], or says that the network falls into parts,
// that the rules refuse a block, or why the context was cancelled.
func Run(ctx context.Context, x Experiment, seed uint64, o Options) (*Result, error) {
	x, err := x.WithDefaults()
	if err != nil {
		return nil, err
	}
	net, err := newNetwork(seed, &x)
	if err != nil {
		return nil, err
	}
	e := newRun(&x, seed, net, o)
	progress := o.Progress
	if progress == nil {
		progress = func(int) {}
	}
	if err := e.engine.run(ctx, progress); err != nil {
		return nil, err
	}
	return e.result, nil
}

type engine interface {
	run(ctx context.Context, progress func(int)) error
}

// oneRun is a run that has not begun.
type oneRun struct {
	engine engine
	result *Result
}

// sealsCourse reports whether [Result.Hash] covers the course. It does where the experiment has
// what came into the package together with the course; all other results keep the hash that they
// had before.
func (x *Experiment) sealsCourse() bool { return !x.Clocks.isZero() || x.Hopping.Share > 0 }

func newRun(x *Experiment, seed uint64, net *network, o Options) oneRun {
	w := newWheel(x.Power.shares(x.Nodes))
	r := &Result{Engine: x.Engine, Seed: seed, Nodes: x.Nodes, Miners: make([]Miner, len(w.ends))}
	for i := range r.Miners {
		r.Miners[i] = Miner{Node: i, Share: w.share(i)}
	}
	r.Course.Step, r.Course.interval = x.Interval, intended(x)
	t := newTree(x.Params, seed, x.Nodes, recorder{
		result: r, observe: o.Observe, sealCourse: x.sealsCourse(),
	})
	t.clocks = newClocks(x, seed)
	stages := x.Power.stages(x.Nodes)
	t.pace = pace{first: t.nextWork(0), interval: x.Interval, stages: stages}
	finds := finder{seed: seed, wheel: w, stages: stages}
	if x.Engine == Paths {
		// The delays of the engine have 32 bits. hops is a bound, and may be too high.
		if o.Took == nil && float64(net.hops+1)*float64(net.longest) < math.MaxUint32 {
			threads := o.Threads
			if threads <= 0 {
				threads = runtime.GOMAXPROCS(0)
			}
			return oneRun{newPathEngine(x, net, t, finds, threads), r}
		}
		r.Engine = Events
	}
	e := newEventEngine(x, seed, net, t, finds)
	e.took = o.Took
	return oneRun{e, r}
}

// intended returns the block interval that the difficulty rule aims at, or that of the
// experiment if the difficulty is fixed.
func intended(x *Experiment) time.Duration {
	return cmp.Or(time.Duration(x.Params.Difficulty().Spacing)*time.Second, x.Interval)
}

// isFixed reports whether the difficulty never changes.
func isFixed(p rules.Params) bool { return p.Difficulty().Rule == rules.RuleFixed }
