package nodes

import "time"

// queue is what is to happen, in order of time, and at the same time in the
// order in which it was put in.
type queue struct {
	heap []event // a binary heap
	last uint64
}

type event struct {
	at  time.Duration // since the start
	seq uint64
	do  func()
}

func (e event) before(other event) bool {
	return e.at < other.at || e.at == other.at && e.seq < other.seq
}

func (q *queue) push(at time.Duration, do func()) {
	q.last++
	e := event{at, q.last, do}
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 && e.before(q.heap[(i-1)/2]) {
		q.heap[i] = q.heap[(i-1)/2]
		i = (i - 1) / 2
	}
	q.heap[i] = e
}

// next returns when the next event is.
func (q *queue) next() (at time.Duration, ok bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

// pop takes the next event out. There must be one.
func (q *queue) pop() event {
	first := q.heap[0]
	n := len(q.heap) - 1
	e := q.heap[n]
	q.heap[n] = event{}
	q.heap = q.heap[:n]
	i := 0
	for {
		child := 2*i + 1
		if child+1 < n && q.heap[child+1].before(q.heap[child]) {
			child++
		}
		if child >= n || e.before(q.heap[child]) {
			break
		}
		q.heap[i] = q.heap[child]
		i = child
	}
	if n > 0 {
		q.heap[i] = e
	}
	return first
}
