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
	net     *network
	reach   [len(ReachShares)]int32 // see reachCounts
	shift   uint
	buckets *[dialBuckets][]int32 // nodes; a ring
	touched uint32                // keeps the compiler from leaving out the loads that only fetch arcs into the cache ahead of time

	live     []int32  // scratch of walk
	classes  []int32  // scratch of quantiles
	isChosen []bool   // the same
	chosen   []uint32 // the same
}

const (
	dialBuckets = 1 << 10
	dialClasses = 1 << 11
	dialAhead   = 10 // by how many nodes arcs are fetched ahead of time
)

func newDial(net *network) *dial {
	d := &dial{net: net, reach: reachCounts(len(net.first) - 1), buckets: new([dialBuckets][]int32), classes: make([]int32, dialClasses), isChosen: make([]bool, dialClasses)}
	for net.longest>>d.shift >= dialBuckets-1 {
		d.shift++
	}
	for 2<<d.shift <= net.shortest {
		d.shift++
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
		s.delays[from], s.last = 0, d.net.longest
	} else {
		d.walk(from, s.delays)
		s.last = slices.Max(s.delays)
	}
	if d.net.source != nil {
		for v := range s.delays {
			s.delays[v] += d.net.source[from]
		}
		s.delays[from], s.last = 0, slices.Max(s.delays)
	}
	d.quantiles(s.delays, s.last, &s.reach)
}

// walk computes the shortest distances from a node. The network is connected.
func (d *dial) walk(from int32, dist []uint32) {
	for v := range dist {
		dist[v] = math.MaxUint32
	}
	dist[from] = 0
	const mask = dialBuckets - 1
	first, arcs, buckets, shift := d.net.first, d.net.arcs, d.buckets, d.shift&31
	buckets[0] = append(buckets[0], from)
	waiting := 1 // entries in buckets
	touched := uint32(0)
	for bucket := uint32(0); waiting > 0; bucket++ {
		for list := &buckets[bucket&mask]; len(*list) > 0; {
			// Leave out the nodes that were reached sooner, in an earlier bucket.
			d.live = slices.Grow(d.live[:0], len(*list))[:len(*list)]
			live := 0
			for _, v := range *list {
				d.live[live] = v
				if dist[v]>>shift == bucket {
					live++
				}
			}
			waiting -= len(*list)
			*list = (*list)[:0]
			nodes := d.live[:live]
			for k, v := range nodes {
				if ahead := k + dialAhead; ahead < len(nodes) {
					w := nodes[ahead]
					touched ^= arcs[first[w]].delay
				}
				base := dist[v]
				for _, a := range arcs[first[v]:first[v+1]] {
					now := base + a.delay
					old := dist[a.to]
					if now >= old {
						continue
					}
					dist[a.to] = now
					// If the node waits in this bucket already, the entry will do.
					if b := now >> shift; b != old>>shift || b == bucket {
						buckets[b&mask] = append(buckets[b&mask], a.to)
						waiting++
					}
				}
			}
		}
	}
	d.touched = touched
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
	// Choose the classes in which the wanted times are, and sort only those.
	shares := 0
	var classes [len(ReachShares)]uint32
	var before [len(ReachShares)]int32 // number of times in earlier classes
	class, passed := uint32(0), int32(0)
	for ; shares < len(d.reach) && int(d.reach[shares]) <= len(times); shares++ {
		for ; passed+d.classes[class] < d.reach[shares]; class++ {
			passed += d.classes[class]
		}
		classes[shares], before[shares] = class, passed
	}
	clear(d.isChosen)
	for _, c := range classes[:shares] {
		d.isChosen[c] = true
	}
	d.chosen = d.chosen[:0]
	for _, t := range times {
		if d.isChosen[t>>shift&(dialClasses-1)] {
			d.chosen = append(d.chosen, t)
		}
	}
	slices.Sort(d.chosen)
	for i, c := range classes[:shares] {
		first, _ := slices.BinarySearch(d.chosen, c<<shift)
		reach[i] = d.chosen[first+int(d.reach[i]-before[i])-1]
	}
	return shares
}
