package blocks

import (
	"cmp"
	"math/bits"
	"slices"
)

// event says that a block reaches a node. Its size is 16 bytes.
type event struct {
	at    int64 // nanoseconds since the start
	node  int32
	block int32 // number of the block
}

// compareEvents orders events by time. Events of the same nanosecond are ordered by
// block and then by node, so that the order depends on nothing else.
func compareEvents(a, b event) int {
	if a.at != b.at {
		return cmp.Compare(a.at, b.at)
	}
	if a.block != b.block {
		return cmp.Compare(a.block, b.block)
	}
	return cmp.Compare(a.node, b.node)
}

func (e event) before(other event) bool {
	return e.at < other.at || e.at == other.at &&
		(e.block < other.block || e.block == other.block && e.node < other.node)
}

// queue returns events in the order of compareEvents. It is a calendar: a ring of
// buckets, each for a span of time, of which only the present one is sorted. An event
// beyond the end of the ring waits in far until the ring gets there. Pushing and popping
// therefore cost about the same however many events there are.
//
// No event may be pushed that comes before the event that was popped last.
type queue struct {
	shift   uint      // a bucket spans 2^shift nanoseconds
	buckets [][]event // the length is a power of two, at least 64
	used    []uint64  // a bit for each bucket that is not empty
	now     int64     // number of the present bucket, time >> shift; the ring reaches from now to now+len(buckets)-1
	next    int       // index of the next event in the present bucket
	sorted  bool      // whether the present bucket is sorted from next on
	count   int       // events in buckets
	far     []event   // events beyond the ring, in no order
	farMin  int64     // least bucket number of far, if there is one
}

// newQueue returns a queue for events that are usually pushed at most horizon
// nanoseconds ahead, and of which about size wait at a time.
func newQueue(horizon int64, size int) *queue {
	length := 64
	for length < size && length < 1<<16 {
		length *= 2
	}
	q := &queue{buckets: make([][]event, length), used: make([]uint64, length/64)}
	for horizon>>q.shift >= int64(length-1) {
		q.shift++
	}
	return q
}

func (q *queue) push(e event) {
	b := e.at >> q.shift
	if b-q.now >= int64(len(q.buckets)) {
		q.pushFar(e, b)
		return
	}
	i := int(b) & (len(q.buckets) - 1)
	q.buckets[i] = append(q.buckets[i], e)
	q.used[i/64] |= 1 << (i % 64)
	q.count++
	if b == q.now && q.sorted {
		q.sink(q.buckets[i])
	}
}

// sink moves the last event of the present bucket to its place.
func (q *queue) sink(b []event) {
	i := len(b) - 1
	e := b[i]
	for ; i > q.next && e.before(b[i-1]); i-- {
		b[i] = b[i-1]
	}
	b[i] = e
}

func (q *queue) pushFar(e event, b int64) {
	if len(q.far) == 0 || b < q.farMin {
		q.farMin = b
	}
	q.far = append(q.far, e)
}

// waiting returns the number of events in the queue.
func (q *queue) waiting() int { return q.count + len(q.far) }

// pop removes and returns the next event if its time is at most latest. Otherwise it
// returns false, and events may be pushed at any time after latest.
func (q *queue) pop(latest int64) (event, bool) {
	for {
		i := int(q.now) & (len(q.buckets) - 1)
		b := q.buckets[i]
		if q.next < len(b) {
			if !q.sorted {
				q.sort(b)
			}
			e := b[q.next]
			if e.at > latest {
				return event{}, false
			}
			q.next++
			q.count--
			return e, true
		}
		q.buckets[i] = b[:0]
		q.used[i/64] &^= 1 << (i % 64)
		q.next, q.sorted = 0, false
		if !q.advance(latest >> q.shift) {
			return event{}, false
		}
	}
}

func (q *queue) sort(b []event) {
	q.sorted = true
	if len(b) > 24 {
		slices.SortFunc(b, compareEvents)
		return
	}
	for i := 1; i < len(b); i++ {
		e, j := b[i], i
		for ; j > 0 && e.before(b[j-1]); j-- {
			b[j] = b[j-1]
		}
		b[j] = e
	}
}

// advance makes the next bucket that has an event the present one. It returns false if
// that bucket comes after the bucket last; the present bucket is then last, or a later
// one if it was already.
func (q *queue) advance(last int64) bool {
	to := last + 1
	if q.count > 0 {
		to = min(to, q.now+q.distance())
	}
	if len(q.far) > 0 {
		to = min(to, q.farMin)
	}
	if to > last {
		to = last
		q.now = max(q.now, to)
		q.takeFar()
		return false
	}
	q.now = max(q.now, to)
	q.takeFar()
	return true
}

// distance returns how many buckets after the present one the next bucket is that has an
// event. There must be one.
func (q *queue) distance() int64 {
	mask := len(q.buckets) - 1
	start := (int(q.now) + 1) & mask
	word := start / 64
	w := q.used[word] &^ (1<<(start%64) - 1)
	for w == 0 {
		word = (word + 1) & (len(q.used) - 1)
		w = q.used[word]
	}
	found := word*64 + bits.TrailingZeros64(w)
	return int64((found-start)&mask) + 1
}

// takeFar moves the events of far into the ring that have come within its reach.
func (q *queue) takeFar() {
	end := q.now + int64(len(q.buckets))
	if len(q.far) == 0 || q.farMin >= end {
		return
	}
	rest := q.far[:0]
	least := int64(1<<63 - 1)
	for _, e := range q.far {
		if b := e.at >> q.shift; b >= end {
			rest = append(rest, e)
			least = min(least, b)
		} else {
			i := int(b) & (len(q.buckets) - 1)
			q.buckets[i] = append(q.buckets[i], e)
			q.used[i/64] |= 1 << (i % 64)
			q.count++
		}
	}
	q.far, q.farMin = rest, least
}
