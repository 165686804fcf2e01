package pow

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// HeaderSize is the size of a serialized header in bytes.
const HeaderSize = 80

// Header is Bitcoin's block header. Its serialization is 80 bytes, all fields
// little-endian:
//
//	offset  0   4         36           68    72    76
//	        Version  Prev  MerkleRoot  Time  Bits  Nonce
type Header struct {
	Version    int32
	Prev       Hash // hash of the parent header
	MerkleRoot Hash
	Time       uint32 // seconds since 1970-01-01 UTC
	Bits       Bits   // target in compact form
	Nonce      uint32
}

// ParseHeader parses the 160 hex digits that String returns.
func ParseHeader(s string) (Header, error) {
	var raw [HeaderSize]byte
	if len(s) != hex.EncodedLen(HeaderSize) {
		return Header{}, fmt.Errorf("header has %d characters, want 160 hex digits (80 bytes)", len(s))
	}
	if _, err := hex.Decode(raw[:], []byte(s)); err != nil {
		return Header{}, notHex("header", err)
	}
	return DecodeHeader(&raw), nil
}

// DecodeHeader decodes a serialized header. Any 80 bytes are a valid header.
func DecodeHeader(raw *[HeaderSize]byte) Header {
	le := binary.LittleEndian
	return Header{
		Version:    int32(le.Uint32(raw[0:])),
		Prev:       Hash(raw[4:36]),
		MerkleRoot: Hash(raw[36:68]),
		Time:       le.Uint32(raw[68:]),
		Bits:       Bits(le.Uint32(raw[72:])),
		Nonce:      le.Uint32(raw[76:]),
	}
}

// Bytes returns the serialized header.
func (h Header) Bytes() [HeaderSize]byte {
	var raw [HeaderSize]byte
	le := binary.LittleEndian
	le.PutUint32(raw[0:], uint32(h.Version))
	copy(raw[4:], h.Prev[:])
	copy(raw[36:], h.MerkleRoot[:])
	le.PutUint32(raw[68:], h.Time)
	le.PutUint32(raw[72:], uint32(h.Bits))
	le.PutUint32(raw[76:], h.Nonce)
	return raw
}

// String returns the serialized header as 160 hex digits.
func (h Header) String() string {
	raw := h.Bytes()
	return hex.EncodeToString(raw[:])
}

// Hash returns the SHA-256d of the serialized header.
func (h Header) Hash() Hash {
	raw := h.Bytes()
	return DoubleSHA256(raw[:])
}
