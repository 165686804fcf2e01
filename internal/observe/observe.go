// Package observe implements a list of observers: sets of functions that an object
// calls when something happens to it.
package observe

import (
	"slices"
	"sync/atomic"
)

// List is a list of observers, each a struct of optional functions. The zero
// value is empty. Observers may be added while others read the list.
type List[T any] struct {
	all atomic.Pointer[[]T] // nil while empty; the slice is replaced, never changed
}

// Add adds an observer, which cannot be removed.
func (l *List[T]) Add(o T) {
	for {
		old := l.all.Load()
		next := []T{o}
		if old != nil {
			next = append(slices.Clone(*old), o)
		}
		if l.all.CompareAndSwap(old, &next) {
			return
		}
	}
}

// All returns the observers in the order in which they were added. The caller
// must not change the slice.
func (l *List[T]) All() []T {
	if all := l.all.Load(); all != nil {
		return *all
	}
	return nil
}
