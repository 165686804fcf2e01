package gossip

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// NodeID identifies a node. A node draws its id when it starts. Other nodes, and the
// node itself, recognise it by the id, however many addresses it has.
type NodeID [16]byte

// Session is a secret that a node gives to another one to recognise it by. The zero
// value means that there is none.
type Session [16]byte

// NewNodeID returns a random node id.
func NewNodeID(rng *rand.Rand) NodeID { return NodeID(draw(rng)) }

// String returns 32 hex digits.
func (n NodeID) String() string { return hex.EncodeToString(n[:]) }

// MarshalText implements [encoding.TextMarshaler] with the result of String.
func (n NodeID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *NodeID) UnmarshalText(text []byte) error { return parseID("node id", n[:], text) }

// String returns 32 hex digits.
func (s Session) String() string { return hex.EncodeToString(s[:]) }

// MarshalText implements [encoding.TextMarshaler] with the result of String.
func (s Session) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Session) UnmarshalText(text []byte) error { return parseID("session", s[:], text) }

// parseID reads hex digits into an id. The error begins with what the id is.
func parseID(what string, to, text []byte) error {
	if len(text) != hex.EncodedLen(len(to)) {
		return fmt.Errorf("%s has %d characters, want %d hex digits", what, len(text), hex.EncodedLen(len(to)))
	}
	if _, err := hex.Decode(to, text); err != nil {
		return fmt.Errorf("%s: want hex digits only", what)
	}
	return nil
}

// draw returns random bytes.
func draw(rng *rand.Rand) (id [16]byte) {
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	return id
}
