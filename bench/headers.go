package bench

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/lodepow/lode/pow"
)

// Headers draws independent random headers to search. The n-th header is
// determined by the seed, the round and the stream.
type Headers struct{ random *rand.ChaCha8 }

// NewHeaders begins a stream of headers. Streams that differ in seed, round or
// stream number are independent of each other.
func NewHeaders(seed, round uint64, stream int) *Headers {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[0:], seed)
	binary.LittleEndian.PutUint64(key[8:], round)
	binary.LittleEndian.PutUint64(key[16:], uint64(stream))
	return &Headers{rand.NewChaCha8(key)}
}

// Next returns the next header. Its bits are those of difficulty 1, its nonce is
// 0, and its previous hash, merkle root and time are random.
func (h *Headers) Next() pow.Header {
	header := pow.Header{Version: 0x20000000, Bits: 0x1d00ffff}
	_, _ = h.random.Read(header.Prev[:]) // never fails
	_, _ = h.random.Read(header.MerkleRoot[:])
	header.Time = uint32(h.random.Uint64())
	return header
}
