package blocks

import "time"

// Healing is what a split or an eclipse has done.
type Healing struct {
	At time.Duration // when it ended, or would have ended if the run was shorter

	// Agreement is the time from At until all honest nodes that were up had the same tip,
	// or -1 if that did not happen in the run, or not before the next split.
	Agreement time.Duration

	// Reorg is the greatest number of blocks that a node disconnected from At until the
	// agreement.
	Reorg int

	// Parts has the parts of a split. Of an eclipse, the victim is the part number 1.
	Parts []Part
}

// Part is a part of a network that has fallen apart.
type Part struct {
	Nodes int
	Share float64 // of the hash rate, at the start
	Found int64   // blocks that it found while the network was apart
	Lost  int64   // those of them that are not in the main chain
}

// Lost returns the number of blocks that all parts have lost.
func (h *Healing) Lost() (sum int64) {
	for _, p := range h.Parts {
		sum += p.Lost
	}
	return sum
}

// watch makes the recorder count the blocks that are found during an outage.
func (r *recorder) watch(o outage) {
	h := Healing{At: timeOf(o.until), Agreement: -1, Parts: make([]Part, o.parts)}
	for v, p := range o.part {
		h.Parts[p].Nodes++
		if v < len(r.result.Miners) {
			h.Parts[p].Share += r.result.Miners[v].Share
		}
	}
	r.result.Healings = append(r.result.Healings, h)
	r.outages = append(r.outages, o)
}

// settleOutage counts a block of a time in which the network was apart.
func (r *recorder) settleOutage(b Block) {
	for i := range r.outages {
		if o := &r.outages[i]; int64(b.Found) >= o.from && int64(b.Found) < o.until {
			p := &r.result.Healings[i].Parts[o.part[b.Miner]]
			p.Found++
			if b.Fate != InMain {
				p.Lost++
			}
		}
	}
}

// changeNumbers returns the numbers of the hash that only changing networks have.
func (r *Result) changeNumbers() (list []int64) {
	for _, h := range r.Healings {
		list = append(list, int64(h.At), int64(h.Agreement), int64(h.Reorg))
		for _, p := range h.Parts {
			list = append(list, int64(p.Nodes), p.Found, p.Lost)
		}
	}
	return list
}

// sleep is what became of a block that is the tip of nodes that are away.
type sleep struct {
	nodes   int32
	settled bool
	lost    int // if it is settled: how many blocks up to it are stale
}

// sleep notes that a node leaves whose tip is the block. The tree does not keep the block
// for it.
func (t *tree) sleep(tip int32) {
	t.mut(tip).holders--
	s := t.slept[tip]
	if s == nil {
		s = &sleep{settled: tip == t.root} // the root was settled before
		t.slept[tip] = s
	}
	s.nodes++
}

// wake returns the tip of a node that comes back and left with the given one: the same, or
// the root if all others have settled on another branch or on more blocks. lost is the
// number of blocks that the node loses by that.
func (t *tree) wake(tip int32) (now int32, lost int) {
	s := t.slept[tip]
	if s.nodes--; s.nodes == 0 {
		delete(t.slept, tip)
	}
	now, lost = t.root, s.lost
	if !s.settled {
		now, lost = t.branchOf(tip)
	}
	t.mut(now).holders++
	return now, lost
}

// branchOf returns the block if it descends from the root, and otherwise the root and how
// many blocks up to the block are stale.
func (t *tree) branchOf(b int32) (now int32, stale int) {
	for at := b; ; at = t.at(at).parent {
		if at == t.root {
			return b, 0
		}
		stale++
		if t.at(at).parent < t.root {
			return t.root, stale + t.at(at).depth // what is stale below it was settled before
		}
	}
}

// settleSleep notes the fate of a block that is the tip of nodes that are away.
func (t *tree) settleSleep(i int32) {
	if s := t.slept[i]; s != nil {
		s.settled = true
		if c := t.at(i); !c.main {
			s.lost = c.depth
		}
	}
}
