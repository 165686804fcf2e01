package blocks

import (
	"container/heap"
	"fmt"
	"time"
)

// Churn lets nodes leave the network and come back. Both times are exponentially
// distributed, so that a node is up with the probability Up/(Up+Down) at any moment, the
// first one included. A node that is away does not mine and gets nothing. When it comes
// back, it and its neighbours tell each other their tips. The zero Churn lets all nodes
// stay.
type Churn struct {
	Up   time.Duration // mean time that a node stays, at least a second
	Down time.Duration // mean time that it is away, at least a second

	// Share is the share of the nodes that come and go; 0: all of them. Strategists and
	// both ends of an eclipse always stay.
	Share float64
}

func (c Churn) isOn() bool { return c != Churn{} }

func (c Churn) validate() error {
	switch {
	case !c.isOn():
		return nil
	case c.Up < time.Second || c.Down < time.Second || c.Up > maxSpan || c.Down > maxSpan:
		return fmt.Errorf("churn: nodes are up for %s and away for %s: want at least a second and at most 73 years for both", c.Up, c.Down)
	case !inRange(c.Share, 0, 1):
		return fmt.Errorf("churn: share %v: want 0 to 1, where 0 means all nodes", c.Share)
	}
	return nil
}

// shift is a time in which a node is up, or in which it is away.
type shift struct {
	number uint64
	until  int64 // nanoseconds since the start
	up     bool
}

// roster knows which nodes are up, and who leaves or comes back next. The shifts of a node
// depend only on the seed and the node.
type roster struct {
	seed   uint64
	churn  Churn
	shifts []shift // by node
	up     int     // number of nodes that are up
	turns  turns   // the ends of the present shifts, as a heap
}

// newRoster draws the first shift of each node. Nodes for which stays returns true are
// always up.
func newRoster(seed uint64, c Churn, nodes int, stays func(node int) bool) *roster {
	r := &roster{seed: seed, churn: c, shifts: make([]shift, nodes), up: nodes}
	for v := range r.shifts {
		random := newStream(seed, forChurn, uint64(v), 0)
		moves := c.Share == 0 || random.open() < c.Share
		if stays(v) || !moves {
			r.shifts[v] = shift{up: true, until: forever}
			continue
		}
		s := shift{number: 1, up: random.open() < float64(c.Up)/float64(c.Up+c.Down)}
		s.until = r.length(int32(v), s)
		r.shifts[v] = s
		if !s.up {
			r.up--
		}
		r.turns = append(r.turns, turn{s.until, int32(v)})
	}
	heap.Init(&r.turns)
	return r
}

// length draws how long a shift lasts, at least a nanosecond.
func (r *roster) length(node int32, s shift) int64 {
	mean := r.churn.Down
	if s.up {
		mean = r.churn.Up
	}
	random := newStream(r.seed, forChurn, uint64(node), s.number)
	return int64(min(max(random.exponential()*float64(mean), 1), maxSpan))
}

// next returns when the next node leaves or comes back.
func (r *roster) next() int64 {
	if len(r.turns) == 0 {
		return forever
	}
	return r.turns[0].at
}

// pass ends the shift that ends next, and returns its node.
func (r *roster) pass() int32 {
	node := r.turns[0].node
	s := &r.shifts[node]
	s.number++
	s.up = !s.up
	if s.up {
		r.up++
	} else {
		r.up--
	}
	s.until = min(s.until+r.length(node, *s), forever-1)
	r.turns[0].at = s.until
	heap.Fix(&r.turns, 0)
	return node
}

// turn is the end of a shift.
type turn struct {
	at   int64
	node int32
}

// turns is a heap of turns, by time and then by node.
type turns []turn

func (t turns) Len() int      { return len(t) }
func (t turns) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t turns) Less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].node < t[j].node
}

// Push is never called: each node has one turn, which moves.
func (t *turns) Push(any) { panic("blocks: a turn more than nodes") }

// Pop is never called.
func (t *turns) Pop() any { panic("blocks: a turn less than nodes") }
