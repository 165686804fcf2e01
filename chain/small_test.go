package chain

import (
	"runtime"
	"testing"

	"github.com/lodepow/lode/chain/rules/rulestest"
)

// A chain is small, because a simulation has thousands of them in one process.
func TestMemoryOfAChain(t *testing.T) {
	const chains, blocks = 200, 50
	a := rulestest.NewBranch(rulestest.Easy())
	for range blocks {
		a.Grow(1)
	}
	all := make([]*Chain, chains)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range all {
		all[i] = openTest(t, Config{Params: rulestest.Easy()}).Chain
		if taken, err := all[i].AcceptAll(a.Blocks); taken != blocks || err != nil {
			t.Fatal(taken, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / chains
	t.Logf("%d bytes for a chain of %d blocks with its store", each, blocks)
	if each > 40<<10 {
		t.Errorf("%d bytes for a chain of %d blocks with its store, want less than 40 KiB", each, blocks)
	}
	runtime.KeepAlive(all)
}
