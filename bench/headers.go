package bench

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/lodepow/lode/pow"
)

// Headers draws headers to search, each independent of the others. The n-th of a
// seed, a round and a stream is always the same.
type Headers struct{ random *rand.ChaCha8 }

// NewHeaders begins a stream. No two have anything in common.
func NewHeaders(seed, round uint64, stream int) *Headers {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[0:], seed)
	binary.LittleEndian.PutUint64(key[8:], round)
	binary.LittleEndian.PutUint64(key[16:], uint64(stream))
	return &Headers{rand.NewChaCha8(key)}
}

// Next returns the next header. Its bits are those of difficulty 1 and its nonce
// is 0; all that a search does not set is random.
func (h *Headers) Next() pow.Header {
	header := pow.Header{Version: 0x20000000, Bits: 0x1d00ffff}
	_, _ = h.random.Read(header.Prev[:]) // never fails
	_, _ = h.random.Read(header.MerkleRoot[:])
	header.Time = uint32(h.random.Uint64())
	return header
}
