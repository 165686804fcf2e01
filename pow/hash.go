package pow

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/minio/sha256-simd"

	"github.com/lodepow/lode/pow/internal/sha256d"
)

// HashSize is the size of a hash in bytes.
const HashSize = 32

// Hash is a SHA-256d digest, with its bytes in the order in which SHA-256 returns
// them. As a number it is little-endian. String and ParseHash use the reverse order,
// as all Bitcoin software does, so that the zeros of a proof of work come first.
type Hash [HashSize]byte

// DoubleSHA256 returns SHA-256d of the data: the SHA-256 of its SHA-256.
func DoubleSHA256(data []byte) Hash {
	first := sha256.Sum256(data)
	return sha256.Sum256(first[:])
}

// HashHeaders sets each of the hashes to that of the header with the same index. There
// must be as many hashes as headers. Where the processor has vector instructions, that is
// several times as fast as [Header.Hash] for one header after another.
func HashHeaders(hashes []Hash, headers []Header) {
	if len(hashes) != len(headers) {
		panic(fmt.Sprintf("pow: %d hashes for %d headers", len(hashes), len(headers)))
	}
	var raw [32][HeaderSize]byte
	for len(headers) > 0 {
		n := min(len(raw), len(headers))
		for i, h := range headers[:n] {
			raw[i] = h.Bytes()
		}
		sha256d.HashHeaders(hashes[:n], raw[:n])
		hashes, headers = hashes[n:], headers[n:]
	}
}

// ParseHash parses the 64 hex digits that String returns.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != hex.EncodedLen(HashSize) {
		return h, fmt.Errorf("hash has %d characters, want 64 hex digits", len(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, notHex("hash", err)
	}
	slices.Reverse(h[:])
	return h, nil
}

// notHex explains an error of package hex about the text of a thing, without the name
// of that package. Clients of a node read it.
func notHex(what string, err error) error {
	var invalid hex.InvalidByteError
	if errors.As(err, &invalid) {
		return fmt.Errorf("%s: invalid byte %q, want hex digits", what, rune(invalid))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// String returns the hash as 64 hex digits, the most significant first.
func (h Hash) String() string {
	slices.Reverse(h[:])
	var text [2 * HashSize]byte
	hex.Encode(text[:], h[:])
	return string(text[:])
}

// MarshalText implements [encoding.TextMarshaler] in the form of String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] in the form of ParseHash.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// Meets reports whether the hash, read as a number, is at most the target.
func (h Hash) Meets(t Target) bool { return h.number().cmp(t.n) <= 0 }

// Zeros returns the number of leading zero bits, 0 to 256.
func (h Hash) Zeros() int {
	n := h.number()
	for i := 3; i >= 0; i-- {
		if n[i] != 0 {
			return (3-i)*64 + bits.LeadingZeros64(n[i])
		}
	}
	return 256
}

func (h Hash) number() uint256 {
	return uint256{
		binary.LittleEndian.Uint64(h[0:]),
		binary.LittleEndian.Uint64(h[8:]),
		binary.LittleEndian.Uint64(h[16:]),
		binary.LittleEndian.Uint64(h[24:]),
	}
}
