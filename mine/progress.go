package mine

import (
	"sync"
	"time"

	"github.com/lodepow/lode/pow"
)

// Progress is how far the search for one block has come. Newer work on the same
// parent continues the search; a new parent, a solved block, or a time without
// work ends it.
type Progress struct {
	Mining   bool      // false: there is no search, and all else is zero
	Height   int64     // of the block; 0 if the source does not say
	Since    time.Time // when the search began
	Hashes   uint64    // done since then by this search
	Expected float64   // hashes that such a block takes on average
	Rate     float64   // hashes a second since then
}

// tracker keeps the progress of a loop.
type tracker struct {
	now func() time.Time

	mu     sync.Mutex
	active *tracked // nil: no search
}

// tracked is one search for a block.
type tracked struct {
	prev     pow.Hash
	height   int64
	bits     pow.Bits
	since    time.Time
	hashes   pow.Progress
	expected float64
}

// begin notes that the work is searched from now on, and returns its search, which
// may have begun with earlier work.
func (t *tracker) begin(w Work) *tracked {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.active; a != nil && a.prev == w.Prev && a.bits == w.Bits && a.height == w.Height {
		return a
	}
	target, _, _ := w.Bits.Decode()
	t.active = &tracked{prev: w.Prev, height: w.Height, bits: w.Bits, since: t.now(), expected: 1 / target.Probability()}
	return t.active
}

// end notes that the search is over.
func (t *tracker) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active = nil
}

func (t *tracker) progress() Progress {
	t.mu.Lock()
	a := t.active
	t.mu.Unlock()
	if a == nil {
		return Progress{}
	}
	p := Progress{Mining: true, Height: a.height, Since: a.since, Hashes: a.hashes.Hashes(), Expected: a.expected}
	if seconds := t.now().Sub(a.since).Seconds(); seconds > 0 {
		p.Rate = float64(p.Hashes) / seconds
	}
	return p
}
