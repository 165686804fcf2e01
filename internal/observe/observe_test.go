package observe

import (
	"slices"
	"sync"
	"testing"
)

func TestList(t *testing.T) {
	var l List[int]
	if l.All() != nil {
		t.Error("a new list is not empty")
	}
	l.Add(1)
	before := l.All()
	l.Add(2)
	if got := l.All(); !slices.Equal(got, []int{1, 2}) || !slices.Equal(before, []int{1}) {
		t.Errorf("the list is %v, and was %v", got, before)
	}
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() { l.Add(100 + i) })
	}
	group.Wait()
	if got := len(l.All()); got != 102 {
		t.Errorf("%d observers, want 102: additions at the same time must not be lost", got)
	}
}
