package gossip

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// NodeID tells a node from others. A node draws it when it starts, so however
// many spellings of its address there are it is recognised, by itself too.
type NodeID [16]byte

// Session is what a node gives another one to be recognised by. Zero: none.
type Session [16]byte

// NewNodeID draws a node id.
func NewNodeID(rng *rand.Rand) NodeID { return NodeID(draw(rng)) }

// String returns 32 hex digits.
func (n NodeID) String() string { return hex.EncodeToString(n[:]) }

// MarshalText implements [encoding.TextMarshaler] in the form of String.
func (n NodeID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *NodeID) UnmarshalText(text []byte) error { return parseID("node id", n[:], text) }

// String returns 32 hex digits.
func (s Session) String() string { return hex.EncodeToString(s[:]) }

// MarshalText implements [encoding.TextMarshaler] in the form of String.
func (s Session) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Session) UnmarshalText(text []byte) error { return parseID("session", s[:], text) }

func parseID(what string, to, text []byte) error {
	if len(text) != hex.EncodedLen(len(to)) {
		return fmt.Errorf("%s has %d characters, want %d hex digits", what, len(text), hex.EncodedLen(len(to)))
	}
	if _, err := hex.Decode(to, text); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func draw(rng *rand.Rand) (id [16]byte) {
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	return id
}
