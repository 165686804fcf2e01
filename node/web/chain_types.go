package web

import (
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/pow"
)

// TxOwner says whose posts to list: those of an author's name, or those of a public key.
// Exactly one of the fields is set.
type TxOwner struct {
	Author string
	Key    string // 64 hex digits
}

// TxCursor is a place on the active branch. The zero value is the tip.
type TxCursor struct {
	Height int64
	Index  int
}

// TreeBlock is a block of the tree, on whatever branch it is.
type TreeBlock struct {
	Hash, Parent pow.Hash
	Height       int64
	Active       bool // on the active branch
	Invalid      bool
}

// Branch is a branch of the tree.
type Branch struct {
	Tip        rules.State
	Active     bool
	Invalid    bool
	Fork       pow.Hash // the block of the active branch from which it leaves
	ForkHeight int64
	Length     int64 // blocks above the fork
}
