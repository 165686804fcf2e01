package block

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"

	"github.com/lodepow/lode/pow"
)

// MaxMerkleDepth is the greatest length of a branch. It is enough for 2^32 leaves.
const MaxMerkleDepth = 32

// MerkleRoot returns the root of Bitcoin's merkle tree over the ids of a block, of
// which the coinbase's is the first. The root of an empty list is the zero hash.
//
// In a level with an odd number of nodes the last node is paired with itself.
// Therefore a list whose tail is repeated has the same root as the list without the
// repetition (CVE-2012-2459). As in Bitcoin Core, mutated is true if two equal nodes
// were paired, as in such a list. A caller that refuses it must not remember the
// block's hash as invalid, because the block with the shorter list, which may be
// good, has the same hash.
func MerkleRoot(ids []pow.Hash) (root pow.Hash, mutated bool) {
	root, _, mutated = foldMerkle(ids, -1)
	return root, mutated
}

// MerkleBranch returns the merkle branch of a leaf: the siblings of the nodes on the
// path from the leaf to the root, beginning with the leaf's. It panics unless
// 0 <= index < len(ids).
func MerkleBranch(ids []pow.Hash, index int) []pow.Hash {
	_ = ids[index]
	_, branch, _ := foldMerkle(ids, index)
	return branch
}

// CoinbaseBranch returns the merkle branch of the coinbase in a block with the given
// transactions. It does not depend on the coinbase. A miner can therefore compute it
// once, and then the root for each coinbase that it tries with [MerkleProof.Root].
func CoinbaseBranch(txids []pow.Hash) []pow.Hash {
	ids := make([]pow.Hash, 1+len(txids)) // the coinbase's place holds zeros
	copy(ids[1:], txids)
	return MerkleBranch(ids, 0)
}

// foldMerkle computes the root from left to right and keeps only one node of each
// level. It also returns the branch of the leaf at index, unless index is negative.
func foldMerkle(ids []pow.Hash, index int) (root pow.Hash, branch []pow.Hash, mutated bool) {
	if len(ids) == 0 {
		return pow.Hash{}, nil, false
	}
	last := len(ids) - 1
	if index >= 0 {
		branch = make([]pow.Hash, 0, bits.Len(uint(last)))
	}

	// join returns the parent of nodes a and b, and adds one of them to the branch if
	// the other is on the path of the leaf. right is b's position in its level.
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

	// left[l] is the node of level l that has no right sibling yet. There is one if
	// bit l of the number of leaves so far is set.
	var left [bits.UintSize]pow.Hash
	for i, node := range ids {
		level := 0
		for ; i>>level&1 == 1; level++ {
			mutated = mutated || left[level] == node
			node = join(left[level], node, level, i>>level)
		}
		left[level] = node
	}

	// The nodes that are left over are on the right edge of the tree. Climb it.
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

// MerkleProof proves that a leaf is at an index of a tree whose root is known.
type MerkleProof struct {
	Index    uint32     `json:"index"`    // of the leaf, from 0
	Siblings []pow.Hash `json:"siblings"` // the merkle branch, beginning with the leaf's sibling
}

// NewMerkleProof returns the proof of one leaf. It panics unless
// 0 <= index < len(ids).
func NewMerkleProof(ids []pow.Hash, index int) MerkleProof {
	return MerkleProof{Index: uint32(index), Siblings: MerkleBranch(ids, index)}
}

// Root returns the root of the tree that has the leaf at the index of the proof.
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

// isRight reports whether the node of the path at a level is the right one of its
// pair.
func (p MerkleProof) isRight(level int) bool { return p.Index>>level&1 == 1 }

// Errors of a proof.
var (
	ErrProofShape = errors.New("merkle proof is malformed")
	ErrProofRoot  = errors.New("merkle proof leads to another root")
)

// Verify returns nil if the proof shows that the tree with the given root has the leaf
// at the index of the proof. The caller must have computed the leaf from a
// transaction, because a tree does not distinguish leaves from inner nodes.
func (p MerkleProof) Verify(leaf, root pow.Hash) error {
	if err := p.check(); err != nil {
		return err
	}
	node := leaf
	for level, sibling := range p.Siblings {
		// A node that is paired with itself counts as the left one. As the right one
		// it would prove a leaf at an index that the block does not have.
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

// check returns an error if no leaf and root can fit the proof.
func (p MerkleProof) check() error {
	if len(p.Siblings) > MaxMerkleDepth {
		return fmt.Errorf("%w: %d siblings, at most %d", ErrProofShape, len(p.Siblings), MaxMerkleDepth)
	}
	if uint64(p.Index)>>len(p.Siblings) != 0 {
		return fmt.Errorf("%w: index %d needs more than %d siblings", ErrProofShape, p.Index, len(p.Siblings))
	}
	return nil
}

// UnmarshalJSON implements [json.Unmarshaler]. It refuses proofs that Verify would
// refuse for every leaf and root.
func (p *MerkleProof) UnmarshalJSON(data []byte) error {
	var form struct {
		Index    *uint32  `json:"index"`
		Siblings []string `json:"siblings"` // as strings, because a Hash would accept null
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
