package nodes

import "time"

// queue holds the events to come. They come out in order of time; events of the same
// time come out in the order in which they were pushed.
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

// next returns the time of the next event, and false if there is none.
func (q *queue) next() (at time.Duration, ok bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

// pop removes and returns the next event. The queue must not be empty.
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
