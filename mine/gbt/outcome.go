package gbt

import (
	"fmt"
	"strings"

	"github.com/lodepow/lode/mine"
)

// verdict is what a word of a node means for a block of this miner.
type verdict struct {
	word    string
	outcome mine.Outcome
	about   string
}

// verdicts are the words with which nodes refuse a block: those of BIP 22 and BIP 23,
// and those of the rules of Bitcoin Core that a miner's own mistake can break. A word
// that ends in an asterisk stands for all that begin like it.
func verdicts() []verdict {
	return []verdict{
		{"duplicate", mine.Duplicate, "the node has this block already"},
		{"duplicate-inconclusive", mine.Lost, "the node has this block already, and another one on the same parent is its tip"},
		{"duplicate-invalid", mine.Invalid, "the node has refused this block before"},
		{"inconclusive", mine.Lost, "the block is valid as far as the node has checked it, but another one on the same parent was faster"},
		{"inconclusive-not-best-prevblk", mine.Stale, "the block is not on the node's tip"},
		{"stale-prevblk", mine.Stale, "the node has another tip by now"},
		{"stale-work", mine.Stale, "the node no longer takes blocks of this template"},
		{"unknown-work", mine.Stale, "the node does not know the template"},
		{"bad-prevblk", mine.Stale, "the node knows the parent of the block as invalid"},
		{"prev-blk-not-found", mine.Stale, "the node does not know the parent of the block: has it been set to another network, or its data been removed?"},
		{"high-hash", mine.Low, "the hash does not meet the target that the node has in mind"},
		{"bad-diffbits", mine.Invalid, "the target in the header is not the one that the network demands for the header's time"},
		{"time-too-new", mine.Invalid, "the time of the header is too far ahead of the node's clock: compare the clocks of the two machines"},
		{"time-too-old", mine.Invalid, "the time of the header is not after the median of the last eleven blocks"},
		{"time-invalid", mine.Invalid, "the node does not accept the time of the header"},
		{"bad-version*", mine.Invalid, "the node does not accept the version of the header"},
		{"bad-cb-height", mine.Invalid, "the height in the coinbase is wrong"},
		{"bad-cb-amount", mine.Invalid, "the coinbase pays more than it may"},
		{"bad-cb-*", mine.Invalid, "the node does not accept the coinbase"},
		{"bad-txnmrklroot", mine.Invalid, "the merkle root does not belong to the transactions"},
		{"bad-witness-*", mine.Invalid, "the witness commitment is wrong or lacks its reserved value"},
		{"unexpected-witness", mine.Invalid, "the block has a witness without a commitment to it, or before segwit is active"},
		{"bad-signet-blksig", mine.Invalid, "the block does not solve the challenge of the signet: is it the node's challenge?"},
		{"bad-blk-*", mine.Invalid, "the block is too large for the node's rules"},
		{"bad-txn*", mine.Invalid, "the node does not accept a transaction of its own template"},
		{"rejected", mine.Invalid, "the node does not say why"},
	}
}

// judge returns the outcome of a block that a node has refused with a text, and an
// error that says what happened.
//
// bcoin writes "rejected: " before the word. So does btcd, but what follows is a sentence
// of its own.
func judge(text string) (mine.Outcome, error) {
	said := strings.TrimPrefix(text, "rejected: ")
	for _, v := range verdicts() {
		prefix, open := strings.CutSuffix(v.word, "*")
		if said == v.word || open && strings.HasPrefix(said, prefix) {
			return v.outcome, fmt.Errorf("%s (%s)", v.about, short(said))
		}
	}
	if strings.HasPrefix(said, "already have block") {
		return mine.Duplicate, fmt.Errorf("the node has this block already (%s)", short(said))
	}
	return mine.Invalid, fmt.Errorf("the node refuses the block: %s", short(said))
}
