package pow

import (
	"math/rand/v2"
	"testing"
)

func TestHashHeaders(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for n := range 100 {
		headers := make([]Header, n)
		for i := range headers {
			var raw [HeaderSize]byte
			for at := range raw {
				raw[at] = byte(r.Uint32())
			}
			headers[i] = DecodeHeader(&raw)
		}
		hashes := make([]Hash, n)
		HashHeaders(hashes, headers)
		for i, h := range headers {
			if hashes[i] != h.Hash() {
				t.Fatalf("header %d of %d: %s, want %s", i, n, hashes[i], h.Hash())
			}
		}
	}
}

func TestHashHeadersWantsAHashForEach(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two headers were hashed into one hash")
		}
	}()
	HashHeaders(make([]Hash, 1), make([]Header, 2))
}
