package slots

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestSlots(t *testing.T) {
	s := New(3)
	if !s.Take() || !s.TakeN(2) || s.Take() || s.InUse() != 3 || s.Most() != 3 {
		t.Fatalf("%d of %d slots are in use, want all 3", s.InUse(), s.Most())
	}
	s.Free()
	if s.TakeN(2) || s.InUse() != 2 {
		t.Errorf("%d slots are in use after a refusal, want 2", s.InUse())
	}
	s.FreeN(2)
	if s.InUse() != 0 {
		t.Errorf("%d slots are in use, want none", s.InUse())
	}
}

func TestNoMaximum(t *testing.T) {
	var s *Slots
	if !s.Take() || !s.TakeN(1<<40) || s.InUse() != 0 || s.Most() != 0 {
		t.Error("nil slots refuse or count")
	}
	s.Free()
	s.FreeN(5)
}

func TestTakeBoth(t *testing.T) {
	one, two := New(1), New(2)
	if !TakeBoth(one, two) || TakeBoth(one, two) || TakeBoth(two, one) {
		t.Error("want both once")
	}
	if one.InUse() != 1 || two.InUse() != 1 {
		t.Errorf("%d and %d are in use, want 1 of each: a refusal keeps nothing", one.InUse(), two.InUse())
	}
}

// TestConcurrent has many goroutines take more slots than there are.
func TestConcurrent(t *testing.T) {
	const most = 4
	s := New(most)
	var group sync.WaitGroup
	var holders atomic.Int64
	for range 16 {
		group.Go(func() {
			for range 1000 {
				if !s.Take() {
					continue
				}
				if holders.Add(1) > most {
					t.Error("more slots are taken than there are")
				}
				holders.Add(-1)
				s.Free()
			}
		})
	}
	group.Wait()
	if s.InUse() != 0 {
		t.Errorf("%d slots are in use at the end", s.InUse())
	}
}
