package rules

import (
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// CheckHeader checks what a header shows by itself: proof of work, version, and
// bits that the network could ask for. On a network whose difficulty moves, only
// [State.CheckHeader] knows which bits are right.
func (p Params) CheckHeader(h pow.Header) error {
	return p.checkHeader(h, h.Hash())
}

// checkHeader is the stage [Header].
func (p Params) checkHeader(h pow.Header, hash pow.Hash) error {
	target, err := h.Bits.Target()
	if err != nil {
		return block.Reject(block.BadDiffBits, "%v", err)
	}
	d := p.config.Difficulty
	if d.Rule == RuleFixed && h.Bits != d.Bits {
		return block.Reject(block.BadDiffBits, "bits %s, want %s", h.Bits, d.Bits)
	}
	if d.Rule != RuleFixed {
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

// checkBody is the stage [Body]. It checks that the body is the one that the
// header commits to, after the bounds that make the merkle root cheap to compute.
func (p Params) checkBody(b block.Block) error {
	if err := b.Coinbase.Validate(); err != nil {
		return err
	}
	if err := p.checkCount(len(b.Txs)); err != nil {
		return err
	}
	if size := b.Size(); size > p.config.Limits.BlockBytes {
		return block.Reject(block.BadLength, "%d bytes, at most %d are allowed", size, p.config.Limits.BlockBytes)
	}
	root, mutated := block.MerkleRoot(b.IDs())
	if root != b.Header.MerkleRoot {
		return block.Reject(block.BadMerkleRoot, "merkle root %s, but the merkle root of the transactions is %s", b.Header.MerkleRoot, root)
	}
	if mutated {
		return block.Reject(block.DuplicateTxs, "the last transactions are in the list twice")
	}
	return nil
}

// checkCount checks the number of transactions in a block.
func (p Params) checkCount(txs int) error {
	if most := p.config.Limits.BlockTxs; txs > most {
		return block.Reject(block.BadLength, "%d transactions, at most %d are allowed", txs, most)
	}
	return nil
}

// checkTxs is the stage [Txs]. It checks the transactions that the header
// commits to.
func (p Params) checkTxs(txs []block.Tx) error {
	for _, tx := range txs {
		if err := p.CheckTx(tx); err != nil {
			return err
		}
	}
	if len(txs) < 2 {
		return nil
	}
	ids := make(map[pow.Hash]struct{}, len(txs))
	for _, tx := range txs {
		ids[tx.ID()] = struct{}{}
	}
	if len(ids) < len(txs) {
		return block.Reject(block.TxAlreadyMined, "a transaction is in the block twice")
	}
	return nil
}

// CheckTx checks what a transaction shows by itself: the network's size limit and
// its signature policy.
func (p Params) CheckTx(tx block.Tx) error {
	if size := tx.Size(); size == 0 || size > p.config.Limits.TxBytes {
		return block.Reject(block.TxOversize, "transaction %s has %d bytes, want 1 to %d", tx.ID(), size, p.config.Limits.TxBytes)
	}
	if p.config.Signatures == SignaturesRequired && !tx.Signed() {
		return block.Reject(block.TxUnsigned, "transaction %s is not signed, and the network %s requires signatures", tx.ID(), p.config.Name)
	}
	return nil
}

// checkParent is the stage [Parent]. On the zero State, which stands for an unknown
// parent, it refuses every header, even one whose parent is the zero hash.
func (s State) checkParent(h pow.Header) error {
	if s.Hash == (pow.Hash{}) || h.Prev != s.Hash {
		return block.Reject(block.PrevNotFound, "parent %s is not the top of a known branch", h.Prev)
	}
	return nil
}

// checkPlace is the stage [Place].
func (s State) checkPlace(p Params, b block.Block) error {
	if err := s.checkHeaderPlace(p, b.Header); err != nil {
		return err
	}
	if b.Height() != s.Height+1 {
		return block.Reject(block.CoinbaseHeight, "the coinbase says height %d, want %d", b.Height(), s.Height+1)
	}
	return nil
}

func (s State) checkHeaderPlace(p Params, h pow.Header) error {
	if want := s.NextBits(p); h.Bits != want {
		return block.Reject(block.BadDiffBits, "bits %s, want %s", h.Bits, want)
	}
	if past := s.MedianTimePast(); h.Time <= past {
		return block.Reject(block.TimeTooOld, "time %d, want more than %d, the median of the latest blocks", h.Time, past)
	}
	return nil
}

// CheckHeader checks everything that a header alone shows about the next block of
// the branch: the stages [Header] and [Parent], and [Place] without the height in
// the coinbase. It does not compare the time with the clock.
func (s State) CheckHeader(p Params, h pow.Header) error {
	return s.CheckHashedHeader(p, h, h.Hash())
}

// CheckHashedHeader is [State.CheckHeader] for a caller that knows the header's
// hash already.
func (s State) CheckHashedHeader(p Params, h pow.Header, hash pow.Hash) error {
	if err := p.checkHeader(h, hash); err != nil {
		return err
	}
	if err := s.checkParent(h); err != nil {
		return err
	}
	return s.checkHeaderPlace(p, h)
}

// LatestTime returns the latest time, in Unix seconds, that a header may have while
// the node's clock shows now.
func (p Params) LatestTime(now time.Time) int64 {
	return now.Unix() + int64(p.config.Limits.FutureSeconds)
}

// checkClock is the stage [Clock].
func (p Params) checkClock(h pow.Header, now time.Time) error {
	if latest := p.LatestTime(now); int64(h.Time) > latest {
		return block.Reject(block.TimeTooNew, "time %d, want at most %d, %d seconds from now", h.Time, latest, p.config.Limits.FutureSeconds)
	}
	return nil
}

// checkMined is the stage [Mined].
func checkMined(txs []block.Tx, mined func(txid pow.Hash) (bool, error)) error {
	for _, tx := range txs {
		if err := CheckUnmined(tx.ID(), mined); err != nil {
			return err
		}
	}
	return nil
}

// CheckUnmined refuses a transaction that is in a block of the branch already, as
// mined reports. It passes on the error of mined.
func CheckUnmined(txid pow.Hash, mined func(txid pow.Hash) (bool, error)) error {
	switch found, err := mined(txid); {
	case err != nil:
		return err
	case found:
		return block.Reject(block.TxAlreadyMined, "transaction %s is in a block below already", txid)
	}
	return nil
}
