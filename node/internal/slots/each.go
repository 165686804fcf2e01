package slots

import "sync"

// Each bounds how much goes on at once for each key, such as an address. It never waits.
// Its methods may be called by several goroutines at once. It keeps nothing of a key for
// which nothing goes on.
type Each[K comparable] struct {
	most  int
	mu    sync.Mutex
	inUse map[K]int
}

// NewEach returns slots of which at most most can be in use at once for each key.
func NewEach[K comparable](most int) *Each[K] { return &Each[K]{most: most, inUse: map[K]int{}} }

// Take takes a slot of a key. It returns false, and takes nothing, if all are in use.
func (e *Each[K]) Take(key K) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inUse[key] >= e.most {
		return false
	}
	e.inUse[key]++
	return true
}

// Free gives back a slot of a key.
func (e *Each[K]) Free(key K) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inUse[key]--; e.inUse[key] <= 0 {
		delete(e.inUse, key)
	}
}

// Most returns how many slots can be in use at once for a key.
func (e *Each[K]) Most() int { return e.most }
