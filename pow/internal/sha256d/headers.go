package sha256d

import "github.com/minio/sha256-simd"

// fewHeaders is the number of headers that are hashed one after another as fast as a
// whole group is hashed side by side.
const fewHeaders = 4

// HashHeaders computes SHA-256d of each header. hashes must be as long as headers.
//
// A header is three blocks: two of the header, and its digest. Each round waits for the
// one before, so a processor that hashes one header after another is idle most of the
// time. The headers are therefore hashed side by side, one in each lane of a vector, if
// the processor has vectors that are worth it.
func HashHeaders[H ~[32]byte](hashes []H, headers [][80]byte) {
	hashHeaders(headerLanes(), hashes, headers)
}

// hashHeaders hashes groups of as many headers as there are lanes, and one after another if lanes is 0.
func hashHeaders[H ~[32]byte](lanes int, hashes []H, headers [][80]byte) {
	for lanes > 0 && len(headers) >= fewHeaders {
		n := min(lanes, len(headers))
		hashGroup(lanes, hashes[:n], headers[:n])
		hashes, headers = hashes[n:], headers[n:]
	}
	for i := range headers {
		first := sha256.Sum256(headers[i][:])
		hashes[i] = sha256.Sum256(first[:])
	}
}
