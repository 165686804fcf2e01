package block

import "fmt"

// Reason is the word for a broken rule. Where Bitcoin Core has the rule it is
// Core's reject word. It is a metric label as well, so there are few of them
// and they never change.
//
// A Reason is an error, to be used as the target of [errors.Is]:
//
//	if errors.Is(err, chain.HighHash) { ... }
type Reason string

// Reasons that Bitcoin Core has too.
const (
	HighHash        Reason = "high-hash"          // the hash does not meet the target
	BadDiffBits     Reason = "bad-diffbits"       // the bits are not those the rules ask for
	TimeTooOld      Reason = "time-too-old"       // not after the median time past
	TimeTooNew      Reason = "time-too-new"       // too far ahead of the clock; a receipt check
	BadVersion      Reason = "bad-version"        // the version lacks BIP 9's top bits
	PrevNotFound    Reason = "prev-blk-not-found" // the parent is unknown
	BadPrev         Reason = "bad-prevblk"        // the parent, or a block under it, is invalid
	BadMerkleRoot   Reason = "bad-txnmrklroot"    // the header commits to other transactions
	DuplicateTxs    Reason = "bad-txns-duplicate" // the tail repeats (CVE-2012-2459); not a fault of that hash
	BadLength       Reason = "bad-blk-length"     // too many bytes or transactions
	CoinbaseMissing Reason = "bad-cb-missing"     // no coinbase where one must stand
	CoinbaseLength  Reason = "bad-cb-length"      // the script is not 2 to 100 bytes long
	CoinbaseHeight  Reason = "bad-cb-height"      // the script does not begin with the block's height
	TxOversize      Reason = "bad-txns-oversize"  // a transaction has too many bytes

	// DuplicateInvalid is said of a block that has been refused before.
	DuplicateInvalid Reason = "duplicate-invalid"
)

// Reasons of Lode's own.
const (
	CoinbaseShape  Reason = "bad-cb-shape"     // a coinbase, but not of the form that Lode's networks use
	TxAlreadyMined Reason = "tx-already-mined" // the transaction stands in a block below
	TxUnsigned     Reason = "tx-unsigned"      // the network wants signatures
)

// Reasons returns all of them, in no particular order.
func Reasons() []Reason {
	return []Reason{
		HighHash, BadDiffBits, TimeTooOld, TimeTooNew, BadVersion, PrevNotFound, BadPrev, BadMerkleRoot, DuplicateTxs,
		BadLength, CoinbaseMissing, CoinbaseLength, CoinbaseHeight, CoinbaseShape, TxOversize, TxUnsigned, TxAlreadyMined,
		DuplicateInvalid,
	}
}

// Error returns the word.
func (r Reason) Error() string { return string(r) }

// RuleError says which rule something broke, and how.
type RuleError struct {
	Reason Reason
	Detail string // what was wrong, for people
}

// Error returns "reason: detail".
func (e RuleError) Error() string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Detail
}

// Unwrap returns the reason, so that [errors.Is] finds it.
func (e RuleError) Unwrap() error { return e.Reason }

// Is reports whether the target is a RuleError of the same reason, whatever its
// detail.
func (e RuleError) Is(target error) bool {
	other, ok := target.(RuleError)
	return ok && other.Reason == e.Reason
}

// Reject returns a [RuleError] of that reason, with a detail for people.
func Reject(r Reason, format string, args ...any) error {
	return RuleError{Reason: r, Detail: fmt.Sprintf(format, args...)}
}
