// Package slots bounds how much goes on at once: requests being served, or bytes
// of answers in memory.
package slots

import "sync/atomic"

// Slots counts what is in use and refuses more than a maximum. It never waits.
// Its methods may be called by several goroutines at once. A nil *Slots has no
// maximum and counts nothing.
type Slots struct {
	most  int64
	inUse atomic.Int64
}

// New returns slots of which at most most can be in use at once.
func New(most int) *Slots { return &Slots{most: int64(most)} }

// Take takes one slot. It returns false, and takes nothing, if all are in use.
func (s *Slots) Take() bool { return s.TakeN(1) }

// Free gives back one slot.
func (s *Slots) Free() { s.FreeN(1) }

// TakeN takes n slots. It returns false, and takes nothing, if fewer than n are
// left.
func (s *Slots) TakeN(n int64) bool {
	if s == nil {
		return true
	}
	if s.inUse.Add(n) > s.most {
		s.inUse.Add(-n)
		return false
	}
	return true
}

// FreeN gives back n slots.
func (s *Slots) FreeN(n int64) {
	if s != nil {
		s.inUse.Add(-n)
	}
}

// InUse returns how many slots are in use.
func (s *Slots) InUse() int64 {
	if s == nil {
		return 0
	}
	return s.inUse.Load()
}

// Most returns how many slots can be in use at once.
func (s *Slots) Most() int64 {
	if s == nil {
		return 0
	}
	return s.most
}

// TakeBoth takes one slot of each. It returns false, and takes nothing, if either
// has none left.
func TakeBoth(a, b *Slots) bool {
	if !a.Take() {
		return false
	}
	if !b.Take() {
		a.Free()
		return false
	}
	return true
}
