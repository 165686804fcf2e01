package gossip

import "time"

// timer calls a function at a time that can be moved or cancelled. It is a field of
// the value that needs it, and only [timers] changes it.
type timer struct {
	at    time.Time
	seq   uint64 // counts the calls of set; of two timers with one time the older call fires first
	place int    // in the heap, counted from 1; 0 if the timer is not set
	fire  func()
}

func (t *timer) isSet() bool { return t.place > 0 }

func (t *timer) before(other *timer) bool {
	if order := t.at.Compare(other.at); order != 0 {
		return order < 0
	}
	return t.seq < other.seq
}

// timers holds the timers that are set, as a binary heap. All times must be made
// from the times of the steps, so that they can be put in order even if the clock of
// the machine is set: a time without a reading of the monotonic clock would move
// against the others.
type timers struct {
	heap []*timer
	last uint64 // the latest seq
}

// set arranges for the timer to fire at a time, and no longer at the time for
// which it was set before.
func (ts *timers) set(t *timer, at time.Time) {
	ts.last++
	t.at, t.seq = at, ts.last
	if !t.isSet() {
		ts.heap = append(ts.heap, t)
		t.place = len(ts.heap)
	}
	ts.restore(t)
}

// stop cancels a timer. It does nothing if the timer is not set.
func (ts *timers) stop(t *timer) {
	if !t.isSet() {
		return
	}
	n := len(ts.heap)
	last := ts.heap[n-1]
	ts.heap[n-1] = nil
	ts.heap = ts.heap[:n-1]
	if last != t {
		ts.put(last, t.place)
		ts.restore(last)
	}
	t.place = 0
}

// fireDue fires the timers whose time has come, the earliest first, including
// those that are set meanwhile.
func (ts *timers) fireDue(now time.Time) {
	for len(ts.heap) > 0 && !ts.heap[0].at.After(now) {
		t := ts.heap[0]
		ts.stop(t)
		t.fire()
	}
}

// next returns the time of the earliest timer, if any is set.
func (ts *timers) next() (at time.Time, ok bool) {
	if len(ts.heap) == 0 {
		return time.Time{}, false
	}
	return ts.heap[0].at, true
}

func (ts *timers) put(t *timer, place int) {
	ts.heap[place-1] = t
	t.place = place
}

// restore moves a timer up or down until the heap is in order again.
func (ts *timers) restore(t *timer) {
	place := t.place
	for place > 1 && t.before(ts.heap[place/2-1]) {
		ts.put(ts.heap[place/2-1], place)
		place /= 2
	}
	for {
		child := 2 * place
		if child < len(ts.heap) && ts.heap[child].before(ts.heap[child-1]) {
			child++
		}
		if child > len(ts.heap) || !ts.heap[child-1].before(t) {
			break
		}
		ts.put(ts.heap[child-1], place)
		place = child
	}
	ts.put(t, place)
}
