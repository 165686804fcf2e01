package blocks

import "time"

func timeOf(at int64) time.Duration { return time.Duration(at) }

// seenSpan is how many of the latest published blocks a node remembers to have seen.
// Older ones count as seen.
const seenSpan = 256

// ties remembers which of the latest blocks each node has seen. It is needed where nodes
// pass on blocks that have only as much work as their tip, because these would go in
// circles otherwise.
type ties struct{ nodes []seen }

type seen struct {
	page [seenSpan / 64]int32 // number of the 64 blocks in the word, sequence/64
	bits [seenSpan / 64]uint64
}

func newTies(nodes int) *ties { return &ties{make([]seen, nodes)} }

// mark notes that the node has seen the block with that sequence number, and reports
// whether it is new to the node.
func (t *ties) mark(node, sequence int32) bool {
	s := &t.nodes[node]
	page := sequence / 64
	i := page % int32(len(s.page))
	if page < s.page[i] {
		return false
	}
	if page > s.page[i] {
		s.page[i], s.bits[i] = page, 0
	}
	bit := uint64(1) << (sequence % 64)
	isNew := s.bits[i]&bit == 0
	s.bits[i] |= bit
	return isNew
}

func (t *ties) has(node, sequence int32) bool {
	s := &t.nodes[node]
	page := sequence / 64
	i := page % int32(len(s.page))
	return page < s.page[i] || page == s.page[i] && s.bits[i]>>(sequence%64)&1 == 1
}

// meetTie gives a node a block with as much work as its tip.
func (e *eventEngine) meetTie(ev event) {
	t := e.tree
	if e.tieByNumber {
		if t.at(ev.block).miner < t.at(e.peers[ev.node].tip).miner {
			e.take(ev.node, ev.block, ev.at)
		}
		return
	}
	if !e.ties.mark(ev.node, t.at(ev.block).sequence) {
		return
	}
	if e.prefers(ev.node, ev.block) {
		e.take(ev.node, ev.block, ev.at)
		return
	}
	e.send(ev.node, ev.block, ev.at)
}

// prefers reports whether a node leaves its tip for a block with the same work.
func (e *eventEngine) prefers(node, b int32) bool {
	if e.strategist(node) != nil {
		return false
	}
	random := newStream(e.seed, forTies, uint64(node), uint64(b))
	if e.x.Tie.Rule == Random {
		return random.open() < 0.5
	}
	ours, theirs := e.strategist(e.tree.at(e.peers[node].tip).miner) != nil, e.strategist(e.tree.at(b).miner) != nil
	switch {
	case theirs && !ours:
		return random.open() < e.x.Tie.Gamma
	case ours && !theirs:
		return random.open() >= e.x.Tie.Gamma
	}
	return false
}

// send is spread for all experiments.
func (e *eventEngine) send(node, b int32, now int64) {
	t, net := e.tree, e.net
	if net.source != nil && t.at(b).miner == node {
		now += int64(net.source[node]) * 1000
	}
	first, count := int(net.first[node]), int(net.first[node+1]-net.first[node])
	size := e.sizeOf(b)
	turn := 0
	if e.busy != nil { // no neighbour is always the first
		random := newStream(e.seed, forOrder, uint64(node), uint64(b))
		turn = int(random.below(uint64(max(count, 1))))
	}
	for k := range count {
		e.sendOver(node, first+(k+turn)%count, b, now, size, 0)
	}
}

// sizeOf returns the bytes of a block.
func (e *eventEngine) sizeOf(b int32) float64 {
	if !e.x.Relay.BlockBytes.varies() {
		return e.medium.meanSize
	}
	random := newStream(e.seed, forSizes, uint64(b), 0)
	return e.x.Relay.BlockBytes.draw(&random)
}

// sendOver sends a block over an arc, unless that would change nothing. A block that is
// sent over the same arc once more has another number of the attempt.
func (e *eventEngine) sendOver(node int32, i int, b int32, now int64, size float64, attempt uint64) {
	t := e.tree
	to, work := e.net.arcs[i].to, t.work(b)
	if e.changes != nil && !e.changes.isUp(to) {
		return
	}
	p := &e.peers[to]
	if tip := t.work(p.tip); p.tip == b || tip > work || tip == work && e.ties == nil && !e.tieByNumber {
		return
	}
	if e.ties != nil && e.ties.has(to, t.at(b).sequence) {
		return
	}
	random := newStream(e.seed, forMessages, uint64(i)|attempt<<32, uint64(b))
	for e.x.Relay.Loss > 0 && random.open() < e.x.Relay.Loss {
		if e.x.Relay.Retry == 0 {
			return
		}
		now += int64(e.x.Relay.Retry)
	}
	at := t.clocks.admits(to, t.at(b).latest, e.arrival(node, i, b, now, size, &random))
	if e.changes != nil && !e.changes.reaches(node, to, at, t.at(b).miner == node) {
		return
	}
	if p.block == b && p.at <= at {
		return
	}
	if t.work(p.block) <= work {
		p.block, p.at = b, at
	}
	t.mut(b).pending++
	e.queue.push(event{at, to, b})
}

// arrival returns when a block that a node sends over an arc is there.
func (e *eventEngine) arrival(node int32, i int, b int32, now int64, size float64, random *stream) int64 {
	net, m := e.net, e.medium
	if !m.apart {
		return now + int64(net.arcs[i].delay)*1000
	}
	latency, perByte := float64(net.latency[i]), net.perByte[i]
	if j := e.x.Latency.Jitter; j > 0 {
		latency += float64(random.exponential() * (float64(j) / 1e3))
	}
	start := now
	bytes := size
	if m.relay.Mode == Compact {
		bytes = float64(size * compactShare)
	}
	delay := int64(m.delay(latency, perByte, size))
	if h := m.relay.HitRate; h > 0 && h < 1 {
		hits := newStream(e.seed, forHits, uint64(net.arcs[i].to), uint64(b))
		if hits.open() >= h {
			delay += int64(clampDelay(m.miss(latency, perByte, size)))
			bytes += float64(size * missingShare)
		}
	}
	if e.busy != nil {
		start = max(start, e.busy[node])
		e.busy[node] = start + int64(clampDelay(float64(perByte*bytes)))*1000
	}
	return start + delay*1000
}
