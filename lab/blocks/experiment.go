package blocks

import (
	"errors"
	"fmt"
	"time"

	"github.com/lodepow/lode/chain/rules"
)

// Experiment describes a network and what happens in it. A field that is zero means its
// default, so that the zero Experiment is a valid one.
type Experiment struct {
	Nodes  int // 0: 1000
	Blocks int // number of blocks to find; 0: 1000

	// Params are the rules of the network: difficulty, median time past and how far a
	// header may be ahead of the clock. Zero: a network of fixed difficulty.
	Params rules.Params

	// Interval is the mean time between two blocks of the whole network at the
	// difficulty of block 1. Zero: the spacing of Params, or ten minutes.
	Interval time.Duration

	Topology Topology
	Latency  Latency
	Relay    Relay
	Power    Power
	Tie      Tie
	Clocks   Clocks
	Hopping  Hopping

	// Strategists are miners that do not publish their blocks at once.
	Strategists []Strategist

	// Churn, Splits and Eclipse change the network in the run.
	Churn   Churn
	Splits  []Split // in order of time; they must not overlap
	Eclipse Eclipse

	// Engine chooses how to compute the run. Zero: the fastest engine that is exact.
	Engine Engine
}

// Strategist is a miner with a strategy.
type Strategist struct {
	Node     int
	Strategy Strategy
}

// TieRule says which of two branches with the same work a node prefers.
type TieRule string

// The tie rules.
const (
	// FirstSeen keeps the branch that the node got first, as the product and Bitcoin
	// do.
	FirstSeen TieRule = "first-seen"
	// Random takes either branch with the same probability (Eyal and Sirer's proposal
	// against selfish mining).
	Random TieRule = "random"
	// Share takes the branch of a strategist with the probability Gamma if the other
	// one is not a strategist's. Otherwise it is FirstSeen. It is the parameter γ of
	// the literature, which replaces the race of two blocks through the network.
	Share TieRule = "share"
)

// Tie is a tie rule. The zero Tie is [FirstSeen].
type Tie struct {
	Rule  TieRule
	Gamma float64 // for Share: from 0 to 1
}

// Engine names a way to compute a run.
type Engine string

// The engines. Where both are exact their results are the same to the last bit.
const (
	// Events simulates each arrival of a block at a node that matters, in order of
	// time. It can run every experiment.
	Events Engine = "events"
	// Paths draws all blocks first and computes the shortest ways from their miners. It
	// is exact where the delay of an arc is the same for all blocks, their miners' own included, nothing is lost,
	// the difficulty is fixed, ties go to the first seen and there are no strategists.
	Paths Engine = "paths"
)

// Bounds of an experiment.
const (
	MaxNodes = 1 << 24
	maxSpan  = 1 << 61 // nanoseconds, 73 years: header times have 32 bits
)

// WithDefaults returns the experiment with all defaults filled in. The error says which
// field cannot be used, and what to do.
func (x Experiment) WithDefaults() (Experiment, error) {
	if x.Params == (rules.Params{}) {
		p, err := rules.New(rules.Config{
			Name:       "blocks",
			Difficulty: rules.Difficulty{Rule: rules.RuleFixed, Bits: 0x207fffff},
		})
		if err != nil {
			return x, err
		}
		x.Params = p
	}
	setDefault(&x.Nodes, 1000)
	setDefault(&x.Blocks, 1000)
	setDefault(&x.Interval, time.Duration(x.Params.Difficulty().Spacing)*time.Second)
	setDefault(&x.Interval, 10*time.Minute)
	setDefault(&x.Relay.Mode, Full)
	setDefault(&x.Tie.Rule, FirstSeen)
	if x.Latency.Regions == nil {
		setDefault(&x.Latency.Mean, 100*time.Millisecond)
	}
	x.Topology = x.Topology.withDefaults(x.Nodes)
	x.Hopping = x.Hopping.withDefaults()
	if err := x.validate(); err != nil {
		return x, err
	}
	reason := x.pathsReason()
	switch {
	case x.Engine == "" && reason == "":
		x.Engine = Paths
	case x.Engine == "":
		x.Engine = Events
	case x.Engine == Paths && reason != "":
		return x, fmt.Errorf("engine %q: it is not exact because %s: take %q, or leave the engine out", Paths, reason, Events)
	case x.Engine != Events && x.Engine != Paths:
		return x, fmt.Errorf("engine %q: want %q or %q", x.Engine, Events, Paths)
	}
	return x, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (x *Experiment) validate() error {
	switch {
	case x.Nodes < 1 || x.Nodes > MaxNodes:
		return fmt.Errorf("%d nodes: want 1 to %d", x.Nodes, MaxNodes)
	case x.Blocks < 1 || x.Blocks > MaxBlocks:
		return fmt.Errorf("%d blocks: want 1 to %d", x.Blocks, MaxBlocks)
	case x.Interval < time.Microsecond:
		return fmt.Errorf("interval %s: want at least a microsecond", x.Interval)
	}
	if err := errors.Join(x.Topology.validate(x.Nodes), x.Latency.validate(), x.Relay.validate(), x.Power.validate(x.Nodes), x.Churn.validate(), x.validateBreaks()); err != nil {
		return err
	}
	if err := errors.Join(x.Clocks.validate(x), x.Hopping.validate(x.Params)); err != nil {
		return err
	}
	switch {
	case x.Tie.Rule != FirstSeen && x.Tie.Rule != Random && x.Tie.Rule != Share:
		return fmt.Errorf("tie: rule %q: want %q, %q or %q", x.Tie.Rule, FirstSeen, Random, Share)
	case x.Tie.Rule != Share && x.Tie.Gamma != 0:
		return fmt.Errorf("tie: gamma means nothing to the rule %q: leave it out, or take the rule %q", x.Tie.Rule, Share)
	case !inRange(x.Tie.Gamma, 0, 1):
		return fmt.Errorf("tie: gamma %v: want 0 to 1", x.Tie.Gamma)
	}
	miners := x.Power.count(x.Nodes)
	seen := map[int]bool{}
	for _, s := range x.Strategists {
		switch {
		case s.Node < 0 || s.Node >= miners:
			return fmt.Errorf("strategists: node %d: want one that mines, 0 to %d", s.Node, miners-1)
		case s.Strategy == nil:
			return fmt.Errorf("strategists: node %d has no strategy: give it one, or leave it out", s.Node)
		case seen[s.Node]:
			return fmt.Errorf("strategists: node %d is in the list twice", s.Node)
		}
		if v, ok := s.Strategy.(interface{ validate() error }); ok {
			if err := v.validate(); err != nil {
				return fmt.Errorf("strategists: node %d: %w", s.Node, err)
			}
		}
		seen[s.Node] = true
	}
	return nil
}

// Changes reports whether the network changes during the run.
func (x *Experiment) Changes() bool { return x.Churn.isOn() || len(x.Splits) > 0 || x.Eclipse.isOn() }

// delaysVary reports whether the delay of an arc is not the same for all blocks.
func (x *Experiment) delaysVary() bool {
	r := x.Relay
	return x.Latency.Jitter > 0 || r.QueueUploads && r.BlockBytes.Mean > 0 || r.BlockBytes.varies() ||
		r.Mode == Compact && r.HitRate > 0 && r.HitRate < 1
}

// pathsReason says why the engine Paths would not be exact, or returns "" if it is.
func (x *Experiment) pathsReason() string {
	switch {
	case x.Latency.Jitter > 0:
		return "messages have a jitter"
	case x.Relay.QueueUploads && x.Relay.BlockBytes.Mean > 0:
		return "uploads queue"
	case x.delaysVary():
		return "blocks differ in what they take from node to node"
	case x.Relay.Mode == CutThrough && x.Relay.BlockBytes.Mean > 0:
		return "a block takes longer from its miner than from a node that passes it on"
	case x.Relay.Loss > 0:
		return "messages are lost"
	case x.Tie.Rule != FirstSeen:
		return fmt.Sprintf("ties are decided by the rule %q", x.Tie.Rule)
	case x.Churn.isOn():
		return "nodes leave and come back"
	case len(x.Splits) > 0:
		return "the network falls apart for a while"
	case x.Eclipse.isOn():
		return "a node is eclipsed for a while"
	case len(x.Strategists) > 0:
		return "a miner has a strategy"
	case !x.Clocks.isZero():
		return "times of headers are wrong"
	case x.Hopping.Share > 0:
		return "a part of the hash rate comes and goes"
	case x.Params.Difficulty().Rule != rules.RuleFixed:
		return fmt.Sprintf("the difficulty moves by the rule %q", x.Params.Difficulty().Rule)
	}
	return ""
}
