package block

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"

	"github.com/lodepow/lode/pow"
)

// MaxMerkleDepth is the most levels that a branch can have, enough for 2^32
// leaves.
const MaxMerkleDepth = 32

// MerkleRoot returns the root of Bitcoin's merkle tree over the ids of a block,
// the coinbase's first. A level with an odd number of nodes pairs the last one
// with itself, so that another list, with its tail repeated, has the same root
// (CVE-2012-2459). As in Bitcoin Core, mutated reports such a list: two equal
// nodes were paired somewhere. Whoever refuses it must not remember the block's
// hash as invalid, for the shorter list has that hash too.
//
// No ids have the zero hash as their root.
func MerkleRoot(ids []pow.Hash) (root pow.Hash, mutated bool) {
	root, _, mutated = foldMerkle(ids, -1)
	return root, mutated
}

// MerkleBranch returns the siblings of the leaf on its way to the root, the
// lowest first. It panics unless 0 <= index < len(ids).
func MerkleBranch(ids []pow.Hash, index int) []pow.Hash {
	_ = ids[index]
	_, branch, _ := foldMerkle(ids, index)
	return branch
}

// CoinbaseBranch returns the branch of the coinbase above those transactions.
// It does not depend on the coinbase, so a template or a Stratum job carries it
// and gets the root of every coinbase that it tries from [MerkleProof.Root].
func CoinbaseBranch(txids []pow.Hash) []pow.Hash {
	ids := make([]pow.Hash, 1+len(txids)) // the coinbase's place holds zeros
	copy(ids[1:], txids)
	return MerkleBranch(ids, 0)
}

// foldMerkle hashes the leaves together from left to right, keeping one node a
// level, and collects the branch of the leaf at index, if there is one.
func foldMerkle(ids []pow.Hash, index int) (root pow.Hash, branch []pow.Hash, mutated bool) {
	if len(ids) == 0 {
		return pow.Hash{}, nil, false
	}
	last := len(ids) - 1
	if index >= 0 {
		branch = make([]pow.Hash, 0, bits.Len(uint(last)))
	}

	// join returns the parent of two nodes; right is the position of the right
	// one in its level.
	join := func(a, b pow.Hash, level, right int) pow.Hash {
		if index >= 0 {
			switch index >> level {
			case right:
				branch = append(branch, a)
			case right - 1:
				branch = append(branch, b)
			}
		}
		return hashPair(a, b)
	}

	// left[l] is the node of level l that waits for its right neighbour; there
	// is one wherever the count of leaves so far has bit l.
	var left [bits.UintSize]pow.Hash
	for i, node := range ids {
		level := 0
		for ; i>>level&1 == 1; level++ {
			mutated = mutated || left[level] == node
			node = join(left[level], node, level, i>>level)
		}
		left[level] = node
	}

	// What still waits is the right edge of the tree. Climb it.
	level := bits.TrailingZeros(uint(len(ids)))
	node := left[level]
	for ; last>>level > 0; level++ {
		if at := last >> level; at&1 == 1 {
			mutated = mutated || left[level] == node
			node = join(left[level], node, level, at)
		} else {
			node = join(node, node, level, at+1)
		}
	}
	return node, branch, mutated
}

func hashPair(left, right pow.Hash) pow.Hash {
	var pair [2 * pow.HashSize]byte
	copy(pair[:], left[:])
	copy(pair[pow.HashSize:], right[:])
	return pow.DoubleSHA256(pair[:])
}

// MerkleProof shows that a leaf stands at a place in a tree whose root is known.
type MerkleProof struct {
	Index    uint32     `json:"index"`    // of the leaf, from 0
	Siblings []pow.Hash `json:"siblings"` // on its way to the root, the lowest first
}

// NewMerkleProof returns the proof of one leaf. It panics unless
// 0 <= index < len(ids).
func NewMerkleProof(ids []pow.Hash, index int) MerkleProof {
	return MerkleProof{Index: uint32(index), Siblings: MerkleBranch(ids, index)}
}

// Root returns the root that the tree has if the leaf stands in its place.
func (p MerkleProof) Root(leaf pow.Hash) pow.Hash {
	node := leaf
	for level, sibling := range p.Siblings {
		node = p.parent(level, node, sibling)
	}
	return node
}

func (p MerkleProof) parent(level int, node, sibling pow.Hash) pow.Hash {
	if p.isRight(level) {
		return hashPair(sibling, node)
	}
	return hashPair(node, sibling)
}

// isRight reports whether the way to the root comes from the right at that
// level.
func (p MerkleProof) isRight(level int) bool { return p.Index>>level&1 == 1 }

// Errors of a proof.
var (
	ErrProofShape = errors.New("merkle proof is malformed")
	ErrProofRoot  = errors.New("merkle proof leads to another root")
)

// Verify returns nil if the proof shows that the leaf is under the root at its
// index. The leaf must be an id that the caller has computed from a transaction:
// the tree does not tell leaves from its inner nodes.
func (p MerkleProof) Verify(leaf, root pow.Hash) error {
	if err := p.check(); err != nil {
		return err
	}
	node := leaf
	for level, sibling := range p.Siblings {
		// A node paired with itself is the left one. As the right one it would
		// stand for a leaf that the block does not have.
		if p.isRight(level) && sibling == node {
			return fmt.Errorf("%w: index %d is in a repeated tail", ErrProofShape, p.Index)
		}
		node = p.parent(level, node, sibling)
	}
	if node != root {
		return fmt.Errorf("%w: %s, want %s", ErrProofRoot, node, root)
	}
	return nil
}

func (p MerkleProof) check() error {
	if len(p.Siblings) > MaxMerkleDepth {
		return fmt.Errorf("%w: %d siblings, at most %d", ErrProofShape, len(p.Siblings), MaxMerkleDepth)
	}
	if uint64(p.Index)>>len(p.Siblings) != 0 {
		return fmt.Errorf("%w: index %d needs more than %d siblings", ErrProofShape, p.Index, len(p.Siblings))
	}
	return nil
}

// UnmarshalJSON implements [json.Unmarshaler]. It refuses what Verify would
// refuse of any leaf.
func (p *MerkleProof) UnmarshalJSON(data []byte) error {
	var form struct {
		Index    *uint32  `json:"index"`
		Siblings []string `json:"siblings"` // strings, as a null must not pass for a hash
	}
	if err := json.Unmarshal(data, &form); err != nil {
		return fmt.Errorf("merkle proof: %w", err)
	}
	if form.Index == nil {
		return fmt.Errorf("%w: want an object with index and siblings", ErrProofShape)
	}
	parsed := MerkleProof{Index: *form.Index, Siblings: make([]pow.Hash, len(form.Siblings))}
	if err := parsed.check(); err != nil {
		return err
	}
	for i, s := range form.Siblings {
		var err error
		if parsed.Siblings[i], err = pow.ParseHash(s); err != nil {
			return fmt.Errorf("merkle proof: sibling %d: %w", i, err)
		}
	}
	*p = parsed
	return nil
}
