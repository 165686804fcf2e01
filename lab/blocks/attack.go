package blocks

// strategist is a miner with a strategy. Its node takes part in the network like any
// other, and relays the blocks of others. Only the blocks that it finds are kept back.
type strategist struct {
	node     int32
	strategy Strategy
	private  int32 // the block that it mines on
	public   int32 // what it takes for the tip of the public chain: a block of others, or one with which it has overridden it
	race     Race
	spends   *DoubleSpends // counts in the result; nil if the strategy is not a DoubleSpender
}

func (e *eventEngine) addStrategists(list []Strategist) {
	e.strategyOf = make([]int32, len(e.peers))
	for i := range e.strategyOf {
		e.strategyOf[i] = -1
	}
	for _, s := range list {
		e.strategyOf[s.Node] = int32(len(e.strategists))
		e.strategists = append(e.strategists, strategist{node: int32(s.Node), strategy: s.Strategy})
		e.tree.mut(0).holders += 2
	}
	e.countDoubleSpends()
}

// countDoubleSpends makes the result count the attempts of each double-spender, in the
// order of the experiment.
func (e *eventEngine) countDoubleSpends() {
	r := e.tree.record.result
	for _, s := range e.strategists {
		if _, ok := s.strategy.(DoubleSpender); ok {
			r.DoubleSpends = append(r.DoubleSpends, DoubleSpends{Node: int(s.node)})
		}
	}
	next := 0
	for i := range e.strategists {
		if _, ok := e.strategists[i].strategy.(DoubleSpender); ok {
			e.strategists[i].spends = &r.DoubleSpends[next]
			next++
		}
	}
}

// strategist returns the strategy of a node, or nil if it has none.
func (e *eventEngine) strategist(node int32) *strategist {
	if e.strategyOf == nil || node < 0 || e.strategyOf[node] < 0 {
		return nil
	}
	return &e.strategists[e.strategyOf[node]]
}

// hold replaces a block that a strategist holds, so that the tree keeps the new one.
func (e *eventEngine) hold(field *int32, b int32) {
	e.tree.mut(*field).holders--
	e.tree.mut(b).holders++
	*field = b
}

// foundPrivately lets a strategist act on a block that it has found.
func (e *eventEngine) foundPrivately(s *strategist, b int32, now int64) {
	e.hold(&s.private, b)
	if s.race == Relevant {
		s.race = Irrelevant
	}
	e.act(s, true, now)
}

// sawBlock lets a strategist act on a block that has become the tip of its node. Blocks
// that it has published itself are no news.
func (e *eventEngine) sawBlock(s *strategist, b int32, now int64) {
	if e.tree.at(b).miner == s.node {
		return
	}
	e.hold(&s.public, b)
	s.race = Relevant
	e.act(s, false, now)
}

// act asks the strategy and does what it says.
func (e *eventEngine) act(s *strategist, found bool, now int64) {
	t := e.tree
	fork := t.height(t.common(s.private, s.public))
	p := Position{
		Private: int(t.height(s.private) - fork),
		Public:  int(t.height(s.public) - fork),
		Race:    s.race,
		Found:   found,
	}
	action := s.strategy.Act(p)
	if s.spends != nil {
		s.spends.count(p, action)
	}
	switch action {
	case Adopt:
		e.hold(&s.private, s.public)
		s.race = Irrelevant
	case Override, Release:
		if p.Private > p.Public {
			height := fork + int64(p.Public) + 1
			if action == Release {
				height = fork + int64(p.Private)
			}
			b := e.reveal(s, height, now)
			e.hold(&s.public, b)
			s.race = Irrelevant
		}
	case Match:
		if p.Private >= p.Public && p.Public > 0 {
			s.race = Active
			e.reveal(s, fork+int64(p.Public), now)
		}
	}
}

// reveal publishes the private chain up to a height and returns the last block.
func (e *eventEngine) reveal(s *strategist, height int64, now int64) int32 {
	t := e.tree
	b := s.private
	for t.height(b) > height {
		b = t.at(b).parent
	}
	if t.at(b).published {
		return b
	}
	t.publish(b)
	if t.work(b) > t.work(e.peers[s.node].tip) {
		e.take(s.node, b, now)
		return b
	}
	// The node keeps its tip, which it has passed on already, and passes this block on as
	// well.
	if e.ties != nil {
		e.ties.mark(s.node, t.at(b).sequence)
	}
	if e.plain {
		e.spread(s.node, b, now)
	} else {
		e.send(s.node, b, now)
	}
	return b
}
