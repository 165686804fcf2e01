package main

import (
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
	// posts. With 32 MiB, a fresh node under a load of posts makes half as many collections
	// as with 16.
	gcLeast = 32 << 20

	// gcMost bounds the percentage. Below 4 MiB times the percentage Go collects nothing,
	// so a greater one would let a small heap grow by more than gcLeast. It also bounds how
	// far a flood can make the heap grow before the percentage has been set anew.
	gcMost = 400
)

// setMemory makes the heap grow by gcPercent, or by gcLeast if that is more and not more
// than gcMost, between two garbage collections, unless the user has set GOGC.
func setMemory() {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := gcPercent
	debug.SetGCPercent(percent)
	afterCollections(func() {
		// To change the percentage stops the program, so small changes are left out.
		if p := percentFor(scanned()); p < percent*9/10 || p > percent*11/10 || p == gcPercent && p != percent {
			percent = p
			debug.SetGCPercent(p)
		}
	})
}

// percentFor returns by how many per cent the heap may grow, if the garbage collector has
// found this many bytes in use.
func percentFor(used uint64) int {
	return int(min(max(gcPercent, 100*gcLeast/max(used, 1)), gcMost))
}

// scanned returns how many bytes were in use at the latest garbage collection: those of
// the heap, of the stacks and of global variables. The percentage is one of their sum.
func scanned() uint64 {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	var sum uint64
	for _, s := range samples {
		sum += s.Value.Uint64()
	}
	return sum
}

// afterCollections calls f soon after garbage collections, one call at a time, for as
// long as the program runs. It may come as late as the next collection, and then miss that.
func afterCollections(f func()) {
	// Nothing keeps the mark, so the next collection finds it. It is of a type with
	// pointers, because the runtime puts several small values without pointers together.
	mark := new(*int)
	runtime.AddCleanup(mark, func(f func()) {
		f()
		afterCollections(f)
	}, f)
}
