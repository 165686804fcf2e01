package rules

import (
	"time"

	"github.com/lodepow/lode/chain/block"

	"github.com/lodepow/lode/pow"
)

// Check returns nil if the block can stand on top of the branch: every rule, and
// the clock. Errors are [RuleError], or what mined returned. mined says whether
// a transaction stands in a block of this branch already.
//
// What the block breaks by itself is found first, then what it breaks here, and
// last that it comes too early, so that [TimeTooNew] is said only of a block
// that will be good.
func (s State) Check(p Params, b block.Block, now time.Time, mined func(txid pow.Hash) (bool, error)) error {
	if err := p.CheckBlock(b); err != nil {
		return err
	}
	if err := s.CheckPlace(p, b); err != nil {
		return err
	}
	for _, tx := range b.Txs {
		if err := CheckUnmined(tx.ID(), mined); err != nil {
			return err
		}
	}
	return p.CheckClock(b.Header, now)
}

// CheckHeader returns nil if a block with that header can stand on top of the
// branch, as far as a header tells and whatever the clock says.
func (s State) CheckHeader(p Params, h pow.Header) error {
	return s.CheckHashedHeader(p, h, h.Hash())
}

// CheckHashedHeader is CheckHeader for a caller that has the hash already.
func (s State) CheckHashedHeader(p Params, h pow.Header, hash pow.Hash) error {
	if err := p.CheckHashedHeader(h, hash); err != nil {
		return err
	}
	return s.checkHeaderPlace(p, h)
}

func (s State) checkHeaderPlace(p Params, h pow.Header) error {
	if h.Prev != s.Hash {
		return block.Reject(block.PrevNotFound, "parent %s, want %s", h.Prev, s.Hash)
	}
	if want := s.NextBits(p); h.Bits != want {
		return block.Reject(block.BadDiffBits, "bits %s, want %s", h.Bits, want)
	}
	if past := s.MedianTimePast(); h.Time <= past {
		return block.Reject(block.TimeTooOld, "time %d, want more than %d, the median of the latest blocks", h.Time, past)
	}
	return nil
}

// CheckPlace checks what depends on the branch, but for the transactions mined
// in it.
func (s State) CheckPlace(p Params, b block.Block) error {
	if err := s.checkHeaderPlace(p, b.Header); err != nil {
		return err
	}
	if b.Height() != s.Height+1 {
		return block.Reject(block.CoinbaseHeight, "the coinbase says height %d, want %d", b.Height(), s.Height+1)
	}
	return nil
}

// CheckUnmined returns an error if mined says that the transaction is in a block of
// the branch already, or if mined fails.
func CheckUnmined(txid pow.Hash, mined func(pow.Hash) (bool, error)) error {
	switch found, err := mined(txid); {
	case err != nil:
		return err
	case found:
		return block.Reject(block.TxAlreadyMined, "transaction %s stands in a block below", txid)
	}
	return nil
}

// CheckHeader checks what a header shows by itself: proof of work, version, and
// bits that the network could ask for. On a network whose difficulty moves,
// [State.CheckHeader] knows which those are.
func (p Params) CheckHeader(h pow.Header) error {
	return p.CheckHashedHeader(h, h.Hash())
}

// CheckHashedHeader is CheckHeader for a caller that has the hash already.
func (p Params) CheckHashedHeader(h pow.Header, hash pow.Hash) error {
	target, err := h.Bits.Target()
	if err != nil {
		return block.Reject(block.BadDiffBits, "%v", err)
	}
	d := p.config.Difficulty
	if d.Rule == RuleFixed && h.Bits != d.Bits {
		return block.Reject(block.BadDiffBits, "bits %s, want %s", h.Bits, d.Bits)
	}
	if d.Rule == RuleAsert {
		if limit, _, _ := d.Limit.Decode(); target.Cmp(limit) > 0 {
			return block.Reject(block.BadDiffBits, "bits %s are easier than the limit %s", h.Bits, d.Limit)
		}
	}
	if !hash.Meets(target) {
		return block.Reject(block.HighHash, "hash %s is above the target %s", hash, target)
	}
	const topBits, want = 0xe0000000, 0x20000000 // BIP 9
	if uint32(h.Version)&topBits != want {
		return block.Reject(block.BadVersion, "version %08x, want it to begin with the bits 001", uint32(h.Version))
	}
	return nil
}

// CheckBlock checks all that a block shows by itself, whatever stands below.
func (p Params) CheckBlock(b block.Block) error {
	if err := p.CheckHashedHeader(b.Header, b.Hash()); err != nil {
		return err
	}
	if err := p.CheckBody(b); err != nil {
		return err
	}
	return p.CheckTxs(b)
}

// CheckBody checks that the body is the one that the header commits to. A block
// that fails says nothing about its hash: another body may go with it.
func (p Params) CheckBody(b block.Block) error {
	if err := b.Coinbase.Validate(); err != nil {
		return err
	}
	if count := len(b.Txs); count > p.config.Limits.BlockTxs {
		return block.Reject(block.BadLength, "%d transactions, at most %d", count, p.config.Limits.BlockTxs)
	}
	if size := b.Size(); size > p.config.Limits.BlockBytes {
		return block.Reject(block.BadLength, "%d bytes, at most %d", size, p.config.Limits.BlockBytes)
	}
	root, mutated := block.MerkleRoot(b.IDs())
	if root != b.Header.MerkleRoot {
		return block.Reject(block.BadMerkleRoot, "merkle root %s, but that of the transactions is %s", b.Header.MerkleRoot, root)
	}
	if mutated {
		return block.Reject(block.DuplicateTxs, "the end of the list stands in it twice")
	}
	return nil
}

// CheckTxs checks the transactions that the header commits to. A block that
// fails is invalid for good.
func (p Params) CheckTxs(b block.Block) error {
	for _, tx := range b.Txs {
		if err := p.CheckTx(tx); err != nil {
			return err
		}
	}
	if len(b.Txs) < 2 {
		return nil
	}
	ids := make(map[pow.Hash]struct{}, len(b.Txs))
	for _, tx := range b.Txs {
		ids[tx.ID()] = struct{}{}
	}
	if len(ids) < len(b.Txs) {
		return block.Reject(block.TxAlreadyMined, "a transaction stands in the block twice")
	}
	return nil
}

// CheckTx checks what a transaction shows by itself: the network's limit and its
// policy of signatures.
func (p Params) CheckTx(tx block.Tx) error {
	if size := tx.Size(); size == 0 || size > p.config.Limits.TxBytes {
		return block.Reject(block.TxOversize, "transaction %s has %d bytes, want 1 to %d", tx.ID(), size, p.config.Limits.TxBytes)
	}
	if p.config.Signatures == SignaturesRequired && !tx.Signed() {
		return block.Reject(block.TxUnsigned, "transaction %s is not signed, as the network %s wants it", tx.ID(), p.config.Name)
	}
	return nil
}

// CheckClock is a check on receipt. It passes in time, so a block that fails is
// not invalid.
func (p Params) CheckClock(h pow.Header, now time.Time) error {
	if latest := now.Unix() + int64(p.config.Limits.FutureSeconds); int64(h.Time) > latest {
		return block.Reject(block.TimeTooNew, "time %d, want at most %d, %d seconds from now", h.Time, latest, p.config.Limits.FutureSeconds)
	}
	return nil
}
