package pow

import (
	"errors"
	"testing"
)

// A search on threads of low priority covers the same space as any other, and leaves
// no such thread behind.
func TestNice(t *testing.T) {
	k := Kernels()[0]
	e, err := newEngine(k, Config{Workers: 3, Nice: true})
	if err != nil {
		t.Fatal(err)
	}
	count := uint64(k.Chunk() * longSearch * 8)
	for range 3 {
		r, err := e.Search(t.Context(), Job{Target: ZerosTarget(200), Count: count})
		if !errors.Is(err, ErrExhausted) || r.Hashes != count {
			t.Errorf("%d hashes, %v", r.Hashes, err)
		}
	}
	checkPriorities(t)
}
