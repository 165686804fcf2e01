package pow

import (
	"errors"
	"testing"
)

// A search in the background covers the same space as any other, and leaves no
// thread with a low priority behind.
func TestBackground(t *testing.T) {
	k := Kernels()[0]
	e, err := newEngine(k, Config{Workers: 3, Background: true})
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
