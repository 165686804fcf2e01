package node

import (
	"sync"
	"time"

	"github.com/lodepow/lode/node/api"
)

// rateSpan is the least time over which the hash rates of workers are measured. A worker
// counts its hashes chunk by chunk, so that a shorter time would show mostly noise.
const rateSpan = 2 * time.Second

// longestSpan is the longest time over which the rates are measured. If nobody has asked
// for so long, the mean since then would say nothing about the present.
const longestSpan = 2 * time.Minute

// workerCounter counts hashes. A [pow.Engine] is one.
type workerCounter interface {
	Hashes() uint64
	WorkerHashes() []uint64
}

// rates measures hash rates between the calls of state. It needs no goroutine, and keeps
// two readings: the rates are those since the earlier one, which is replaced by the later
// one when that is old enough.
type rates struct {
	counter workerCounter
	now     func() time.Time

	mu             sync.Mutex
	earlier, later reading
}

// reading is what the workers had counted at some time.
type reading struct {
	at     time.Time
	hashes []uint64 // by worker
}

func newRates(counter workerCounter, now func() time.Time) *rates {
	if now == nil {
		now = time.Now
	}
	first := reading{now(), counter.WorkerHashes()}
	return &rates{counter: counter, now: now, earlier: first, later: first}
}

// state returns what each worker has counted and how fast it is, and the number of all
// hashes. The rate is 0 if it is not known: when no time has passed since the first call, or
// when the last call was longer than longestSpan ago.
func (r *rates) state() ([]api.WorkerState, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := reading{r.now(), r.counter.WorkerHashes()}
	switch since := now.at.Sub(r.later.at); {
	case since > longestSpan:
		r.earlier, r.later = now, now
	case since >= rateSpan:
		r.earlier, r.later = r.later, now
	}
	workers := make([]api.WorkerState, len(now.hashes))
	seconds := now.at.Sub(r.earlier.at).Seconds()
	for i, hashes := range now.hashes {
		workers[i].Hashes = hashes
		if seconds > 0 {
			workers[i].Rate = float64(hashes-r.earlier.hashes[i]) / seconds
		}
	}
	return workers, r.counter.Hashes()
}
