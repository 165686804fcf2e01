package pow

import (
	"testing"
)

// The hashes of the workers add up to those of the engine.
func TestWorkerHashes(t *testing.T) {
	e, err := New(Config{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	if counts := e.WorkerHashes(); len(counts) != 3 || counts[0]+counts[1]+counts[2] != 0 {
		t.Errorf("before a search: %v", counts)
	}
	for range 5 {
		h := Header{Version: 0x20000000, Bits: 0x1f00ffff}
		if _, err := e.Search(t.Context(), Job{Header: h}); err != nil {
			t.Fatal(err)
		}
	}
	var sum uint64
	for _, n := range e.WorkerHashes() {
		sum += n
	}
	if sum != e.Hashes() || sum == 0 {
		t.Errorf("the workers have done %d hashes, the engine %d", sum, e.Hashes())
	}
}
