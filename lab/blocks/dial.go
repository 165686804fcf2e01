package blocks

import (
	"math"
	"slices"
)

// spread is how long a block takes from its miner to each node.
type spread struct {
	delays []uint32                 // by node, in microseconds
	last   uint32                   // the greatest of them
	reach  [len(ReachShares)]uint32 // until that share of the nodes has it
}

// dial computes shortest ways with the buckets of Dial, "Algorithm 360: Shortest-path
// forest with topological ordering", 1969. It may be used by one goroutine at a time.
//
// A bucket spans 2^shift microseconds, which may be more than the shortest arc. The
// distance of a node can then still fall while its bucket is emptied; the node is put
// into the bucket once more.
type dial struct {
	net   *network
	reach [len(ReachShares)]int32 // see reachCounts
	shift uint
	heads []int32 // by bucket: index of its first entry, or -1; a ring whose length is a power of two
	pool  []dialEntry

	classes []int32  // scratch of quantiles
	chosen  []uint32 // the same
}

type dialEntry struct{ node, next int32 }

const (
	dialBuckets = 1 << 10
	dialClasses = 1 << 11
)

func newDial(net *network) *dial {
	d := &dial{net: net, reach: reachCounts(len(net.first) - 1), heads: make([]int32, dialBuckets), classes: make([]int32, dialClasses)}
	for net.longest>>d.shift >= dialBuckets-1 {
		d.shift++
	}
	for i := range d.heads {
		d.heads[i] = -1
	}
	return d
}

// run computes the delays from a node into s, whose slice it uses if it is long enough.
func (d *dial) run(from int32, s *spread) {
	nodes := len(d.net.first) - 1
	s.delays = slices.Grow(s.delays[:0], nodes)[:nodes]
	if d.net.uniform {
		for v := range s.delays {
			s.delays[v] = d.net.longest
		}
		s.delays[from] = 0
	} else {
		d.walk(from, s.delays)
	}
	if d.net.source != nil {
		for v := range s.delays {
			s.delays[v] += d.net.source[from]
		}
		s.delays[from] = 0
	}
	s.last = slices.Max(s.delays)
	d.quantiles(s.delays, s.last, &s.reach)
}

// walk computes the shortest distances from a node. The network is connected.
func (d *dial) walk(from int32, dist []uint32) {
	for v := range dist {
		dist[v] = math.MaxUint32
	}
	dist[from] = 0
	const mask = dialBuckets - 1
	first, arcs, heads, shift := d.net.first, d.net.arcs, d.heads, d.shift&31
	pool := d.pool[:0]
	pool = append(pool, dialEntry{from, -1})
	heads[0] = 0
	waiting := 1 // entries in buckets
	for bucket := uint32(0); waiting > 0; bucket++ {
		head := &heads[bucket&mask]
		for *head >= 0 {
			e := pool[*head]
			*head = e.next
			waiting--
			base := dist[e.node]
			if base>>shift != bucket {
				continue // it was reached sooner, in an earlier bucket
			}
			for _, a := range arcs[first[e.node]:first[e.node+1]] {
				now := base + a.delay
				old := dist[a.to]
				if now >= old {
					continue
				}
				dist[a.to] = now
				// If the node waits in this bucket already, the entry will do.
				if b := now >> shift; b != old>>shift || b == bucket {
					pool = append(pool, dialEntry{a.to, heads[b&mask]})
					heads[b&mask] = int32(len(pool) - 1)
					waiting++
				}
			}
		}
	}
	d.pool = pool
}

// quantiles sets reach[i], for each number of nodes in d.reach, to the least time by which
// so many of the times have passed. It returns how many of the numbers are reached at all.
// The times must not exceed last.
func (d *dial) quantiles(times []uint32, last uint32, reach *[len(ReachShares)]uint32) int {
	shift := 0
	for last>>shift >= dialClasses {
		shift++
	}
	clear(d.classes)
	for _, t := range times {
		d.classes[t>>shift&(dialClasses-1)]++
	}
	for i, want := range d.reach {
		if int(want) > len(times) {
			return i
		}
		class, before := 0, int32(0)
		for ; before+d.classes[class] < want; class++ {
			before += d.classes[class]
		}
		d.chosen = d.chosen[:0]
		for _, t := range times {
			if t>>shift == uint32(class) {
				d.chosen = append(d.chosen, t)
			}
		}
		slices.Sort(d.chosen)
		reach[i] = d.chosen[want-before-1]
	}
	return len(d.reach)
}
