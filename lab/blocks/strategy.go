package blocks

// Strategy decides what a miner does with the blocks that it finds. It is asked after
// each block that the miner finds and after each block of others that extends the public
// chain. It must be a pure function of its arguments, because many replicas share it.
//
// Positions and actions are those of Sapirshtein, Sompolinsky and Zohar, "Optimal Selfish
// Mining Strategies in Bitcoin", 2016.
type Strategy interface {
	// Name identifies the strategy in reports.
	Name() string
	Act(Position) Action
}

// Position is what a strategy knows. Both lengths are counted from the last block that
// the miner's private chain has in common with the public one.
type Position struct {
	Private int // blocks of the private chain, published or not
	Public  int // blocks of the public chain
	Race    Race
	Found   bool // whether the latest block is the miner's; otherwise it is another's
}

// Race says whether the network is or can be split between two branches of the same
// length.
type Race int8

// The kinds of races.
const (
	Irrelevant Race = iota // the latest block is the miner's; it is too late to match the public chain
	Relevant               // the latest block is another's; Match splits the network
	Active                 // the miner has matched the public chain
)

// Action is what a miner does.
type Action int8

// The actions.
const (
	Wait     Action = iota // mine on, and publish nothing
	Adopt                  // give the private chain up and mine on the public one
	Override               // publish one block more than the public chain has
	Match                  // publish as many blocks as the public chain has
	Release                // publish the whole private chain if it is longer than the public one
)

// Honest publishes each block at once. It is what a miner without a strategy does.
type Honest struct{}

// Name returns "honest".
func (Honest) Name() string { return "honest" }

// Act publishes the private chain if it is longer, and adopts the public one if that is.
func (Honest) Act(p Position) Action {
	switch {
	case p.Private > p.Public:
		return Override
	case p.Private < p.Public:
		return Adopt
	}
	return Wait
}

// SM1 is the selfish strategy of Eyal and Sirer, "Majority is not Enough: Bitcoin Mining
// is Vulnerable", 2014, algorithm 1.
type SM1 struct{}

// Name returns "sm1".
func (SM1) Name() string { return "sm1" }

// Act hides blocks, and publishes just as many as make the blocks of others worthless.
func (SM1) Act(p Position) Action { return Stubborn{}.Act(p) }

// Stubborn is a variant of SM1 that gives in later (Nayak, Kumar, Miller and Shi,
// "Stubborn Mining", 2016). The zero Stubborn is SM1.
type Stubborn struct {
	Lead  bool // at a lead that has shrunk to one block, match instead of publishing all
	Fork  bool // do not end a race with a block that the miner finds
	Trail int  // blocks that the private chain may be behind before it is given up
}

// Name returns "stubborn".
func (Stubborn) Name() string { return "stubborn" }

// Act implements [Strategy].
func (s Stubborn) Act(p Position) Action {
	lead := p.Private - p.Public
	switch {
	case lead < 0 && (-lead > s.Trail || p.Private == 0):
		return Adopt
	case lead < 0:
		return Wait
	case p.Found && p.Public > 0 && lead == 1 && !s.Fork:
		return Override // wins the race
	case p.Found && p.Public > 0 && lead == 0:
		return Match // has caught up after trailing; without effect unless the network is in a race
	case p.Found:
		return Wait
	case lead == 1 && !s.Lead:
		return Override
	}
	return Match
}

// Policy is a strategy in the form of a table, such as the optimal policies that a solver
// of Markov decision processes returns.
type Policy struct {
	Label string

	// Actions has an action for each [Position.Private], [Position.Public] and
	// [Position.Race], in this order. Outside the table the miner adopts the public
	// chain if it is at least as long as the private one, and overrides it otherwise.
	Actions [][][3]Action
}

// Name returns the label.
func (p Policy) Name() string { return p.Label }

// Act looks the action up.
func (p Policy) Act(at Position) Action {
	if at.Private < len(p.Actions) && at.Public < len(p.Actions[at.Private]) {
		return p.Actions[at.Private][at.Public][at.Race]
	}
	if at.Public >= at.Private {
		return Adopt
	}
	return Override
}
