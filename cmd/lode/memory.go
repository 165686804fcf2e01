package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// gcPercent is by how many per cent the heap of a node may grow before the next
	// garbage collection. Most of the growth is answers to clients and peers. With
	// Go's default of 100 a flood of slow readers could occupy twice the memory, for
	// a gain of a few per cent in speed.
	gcPercent = 50

	// gcLeast is by how many bytes the heap may grow in any case. The heap of a node with
	// a short chain has a few megabytes, and half of that is garbage after a few hundred
	// posts. A fresh node under a load of posts now makes a third as many collections.
	gcLeast = 16 << 20
)

// setMemory makes the heap grow by gcPercent or by gcLeast, whichever is more, between
// two garbage collections, unless the user has set GOGC.
func setMemory() {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := gcPercent
	debug.SetGCPercent(percent)
	afterCollections(func() {
		// To change the percentage stops the program, so small changes are left out.
		if p := percentFor(liveHeap()); p < percent*9/10 || p > percent*11/10 || p == gcPercent && p != percent {
			percent = p
			debug.SetGCPercent(p)
		}
	})
}

// percentFor returns by how many per cent the heap may grow if it has this many bytes
// after a garbage collection.
func percentFor(live uint64) int {
	return int(min(max(gcPercent, 100*gcLeast/max(live, 1)), math.MaxInt32))
}

// liveHeap returns how many bytes of the heap were in use at the latest garbage
// collection.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// afterCollections calls f soon after garbage collections, one call at a time, for as
// long as the program runs. It may miss every second collection.
func afterCollections(f func()) {
	// Nothing keeps the mark, so the next collection finds it. It is of a type with
	// pointers, because the runtime puts several small values without pointers together.
	mark := new(*int)
	runtime.AddCleanup(mark, func(f func()) {
		f()
		afterCollections(f)
	}, f)
}
