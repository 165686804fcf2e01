package main

import (
	"runtime"
	"testing"
)

func TestPercentFor(t *testing.T) {
	for live, want := range map[uint64]int{
		0:                 100 * gcLeast,
		1 << 20:           1600,
		16 << 20:          100,
		2*gcLeast - 1<<20: 51,
		2 * gcLeast:       gcPercent,
		1 << 40:           gcPercent,
	} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes: %d %%, want %d", live, got, want)
		}
	}
}

func TestAfterCollections(t *testing.T) {
	calls := make(chan uint64, 100)
	afterCollections(func() {
		select {
		case calls <- liveHeap():
		default:
		}
	})
	for range 3 {
		for called := false; !called; {
			runtime.GC()
			select {
			case live := <-calls:
				called = true
				if live == 0 {
					t.Error("no live heap after a collection")
				}
			default:
				runtime.Gosched()
			}
		}
	}
}
