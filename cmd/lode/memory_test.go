package main

import (
	"runtime"
	"testing"
)

func TestPercentFor(t *testing.T) {
	for used, want := range map[uint64]int{
		0:                 gcMost,
		8 << 20:           gcMost,
		8<<20 + 1<<17:     393,
		32 << 20:          100,
		2*gcLeast - 2<<20: 51,
		2 * gcLeast:       gcPercent,
		1 << 40:           gcPercent,
	} {
		if got := percentFor(used); got != want {
			t.Errorf("%d bytes: %d %%, want %d", used, got, want)
		}
	}
}

func TestAfterCollections(t *testing.T) {
	calls := make(chan uint64, 100)
	afterCollections(func() {
		select {
		case calls <- scanned():
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
					t.Error("nothing in use after a collection")
				}
			default:
				runtime.Gosched()
			}
		}
	}
}
