package blocks

// changes is what happens to the network itself in a run: nodes that leave and come back,
// splits, and an eclipse. Only the engine Events knows it.
//
// A message is sent only if it arrives: what would be lost on its way, because its receiver
// leaves or the connection is cut before it is there, is not made an event. All these times
// are known when the message is sent. So the loop needs no other check, and an arrival that
// is certain may still make a later one of the same block unnecessary.
type changes struct {
	roster  *roster  // nil: all nodes are up all the time
	whole   *network // the network outside outages
	outages []outage // those that have not ended, in order of time
	broken  bool     // whether the first of them is in force
	index   int      // number of the first one: its place in Result.Healings
	over    bool     // whether the last block has been found

	open   *Healing // the latest outage that has ended, if the nodes do not agree yet
	closes int64    // when it ended

	greetings uint64  // how many tips have been told
	back      []int64 // by node: when it came back, if it has been told of blocks and has taken none since; 0: not so
}

func (e *eventEngine) addChanges(x *Experiment) {
	c := &changes{whole: e.net, outages: x.outages(e.seed, e.finds.wheel)}
	if x.Churn.isOn() {
		stays := map[int]bool{}
		for _, s := range x.Strategists {
			stays[s.Node] = true
		}
		if x.Eclipse.isOn() {
			stays[x.Eclipse.Victim], stays[x.Eclipse.Attacker] = true, true
		}
		c.roster = newRoster(e.seed, x.Churn, x.Nodes, func(v int) bool { return stays[v] })
		c.back = make([]int64, x.Nodes)
		e.tree.slept = map[int32]*sleep{}
		for v := range int32(x.Nodes) {
			if !c.isUp(v) {
				e.tree.sleep(0)
			}
		}
	}
	for _, o := range c.outages {
		e.tree.record.watch(o)
	}
	e.changes = c
}

// isUp reports whether a node is up.
func (c *changes) isUp(node int32) bool { return c.roster == nil || c.roster.shifts[node].up }

// upCount returns how many nodes are up.
func (c *changes) upCount(nodes int) int {
	if c.roster == nil {
		return nodes
	}
	return c.roster.up
}

// reaches reports whether a block that a node sends now arrives at a neighbour, where it
// would be at the given time.
func (c *changes) reaches(from, to int32, at int64, own bool) bool {
	if c.roster != nil {
		if s := &c.roster.shifts[to]; !s.up || at >= s.until {
			return false
		}
	}
	if len(c.outages) == 0 {
		return true
	}
	o := &c.outages[0]
	if o.part[from] == o.part[to] || !c.broken && at < o.from {
		return true
	}
	return from == o.attacker && own
}

// next returns when the network changes next.
func (c *changes) next() int64 {
	at := int64(forever)
	if c.roster != nil {
		at = c.roster.next()
	}
	if len(c.outages) > 0 && !c.over {
		if c.broken {
			return min(at, c.outages[0].until)
		}
		return min(at, c.outages[0].from)
	}
	return at
}

// change makes the next change, which is due now.
func (e *eventEngine) change(now int64) error {
	c := e.changes
	if c.roster != nil && c.roster.next() == now {
		if node := c.roster.pass(); c.isUp(node) {
			e.comeBack(node, now)
		} else {
			e.leave(node, now)
		}
		return nil
	}
	if c.broken {
		e.heal(now)
		return nil
	}
	net, err := c.outages[0].network(e.seed, e.x, c.whole)
	if err != nil {
		return err
	}
	c.broken, c.open, e.net = true, nil, net
	e.greetAll(now)
	return nil
}

// heal ends an outage.
func (e *eventEngine) heal(now int64) {
	c := e.changes
	c.open, c.closes = &e.tree.record.result.Healings[c.index], now
	c.outages, c.broken, e.net = c.outages[1:], false, c.whole
	c.index++
	e.greetAll(now)
	for v, p := range e.peers {
		if c.isUp(int32(v)) && e.strategist(int32(v)) == nil {
			e.agree(p.tip, now)
			return
		}
	}
}

// agree ends a healing if all honest nodes that are up have the given tip. A node that
// does not have it is most often seen from the number of those that do.
func (e *eventEngine) agree(tip int32, now int64) {
	c := e.changes
	if c.open == nil || int(e.tree.mut(tip).holders)+len(e.strategists) < c.upCount(len(e.peers)) {
		return
	}
	for v, p := range e.peers {
		if p.tip != tip && c.isUp(int32(v)) && e.strategist(int32(v)) == nil {
			return
		}
	}
	c.open.Agreement = timeOf(now - c.closes)
	c.open = nil
}

// leave lets a node leave. All blocks that were on their way to it have arrived or were
// never sent, so that its next block is its tip.
func (e *eventEngine) leave(node int32, now int64) {
	e.tree.sleep(e.peers[node].tip)
	e.changes.back[node] = 0
	if e.changes.open == nil {
		return
	}
	for v, p := range e.peers { // the last one that disagreed may have left
		if e.changes.isUp(int32(v)) && e.strategist(int32(v)) == nil {
			e.agree(p.tip, now)
			return
		}
	}
}

// comeBack lets a node come back. It exchanges tips with its neighbours that are up. If all
// others have agreed on more than its tip in the meantime, it mines on the last block that
// they agree on until the tips are there.
func (e *eventEngine) comeBack(node int32, now int64) {
	tip, lost := e.tree.wake(e.peers[node].tip)
	e.peers[node] = peer{at: now, block: tip, tip: tip}
	if e.changes.over {
		return
	}
	result := e.tree.record.result
	result.Returns++
	if lost > 0 {
		result.Reorgs.add(lost)
		e.noteReorg(lost)
	}
	e.greet(node, now)
	if e.peers[node].block != tip {
		e.changes.back[node] = now
	}
}

// caughtUp notes that a node has got a block.
func (e *eventEngine) caughtUp(node int32, now int64) {
	if back := e.changes.back; back != nil && back[node] > 0 {
		e.tree.record.result.CatchUp.add(timeOf(now - back[node]))
		back[node] = 0
	}
}

// noteReorg notes how many blocks a node has disconnected.
func (e *eventEngine) noteReorg(depth int) {
	if c := e.changes; c != nil && c.open != nil {
		c.open.Reorg = max(c.open.Reorg, depth)
	}
}

// greetAll lets the ends of all connections tell each other their tips.
func (e *eventEngine) greetAll(now int64) {
	for v := range int32(len(e.peers)) {
		if e.changes.isUp(v) {
			for i := e.net.first[v]; i < e.net.first[v+1]; i++ {
				e.tell(v, int(i), now)
			}
		}
	}
}

// greet lets a node and its neighbours tell each other their tips.
func (e *eventEngine) greet(node int32, now int64) {
	n := e.net
	for i := n.first[node]; i < n.first[node+1]; i++ {
		to := n.arcs[i].to
		if e.changes.isUp(to) {
			e.tell(node, int(i), now)
			e.tell(to, n.arcTo(to, node), now)
		}
	}
}

// tell sends the tip of a node over an arc, after the time of a message in which the two
// ends have greeted each other.
func (e *eventEngine) tell(node int32, i int, now int64) {
	e.changes.greetings++
	b := e.peers[node].tip
	e.sendOver(node, i, b, now+int64(e.net.latency[i])*1000, e.sizeOf(b), e.changes.greetings)
}
