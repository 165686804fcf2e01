package block

import "github.com/lodepow/lode/pow/reject"

// Reason is the word for a broken rule. It is the type of package reject, so that
// headers and blocks have the same reasons.
type Reason = reject.Reason

// RuleError says which rule was broken, and how.
type RuleError = reject.Error

// Reasons that come from a block's header.
const (
	HighHash     = reject.HighHash
	BadDiffBits  = reject.BadDiffBits
	TimeTooOld   = reject.TimeTooOld
	TimeTooNew   = reject.TimeTooNew // depends on the receiver's clock; the block may be good later
	BadVersion   = reject.BadVersion // the version lacks the top bits of BIP 9
	PrevNotFound = reject.PrevNotFound
	BadPrev      = reject.BadPrev
)

// Reasons that come from the rest of a block, for which Bitcoin Core has the same
// words.
const (
	BadMerkleRoot   Reason = "bad-txnmrklroot"    // the header commits to other transactions
	DuplicateTxs    Reason = "bad-txns-duplicate" // the list's tail is repeated (CVE-2012-2459); another list with this hash may be good
	BadLength       Reason = "bad-blk-length"     // the block has too many bytes or transactions
	CoinbaseMissing Reason = "bad-cb-missing"     // the first transaction is not a coinbase
	CoinbaseLength  Reason = "bad-cb-length"      // the coinbase's script is not 2 to 100 bytes long
	CoinbaseHeight  Reason = "bad-cb-height"      // the coinbase's script does not begin with the block's height
	TxOversize      Reason = "bad-txns-oversize"  // a transaction has too many bytes

	DuplicateInvalid Reason = "duplicate-invalid" // this block has been refused before
)

// Reasons that only Lode has.
const (
	CoinbaseShape  Reason = "bad-cb-shape"     // the coinbase is not of the form that Lode's networks use
	TxAlreadyMined Reason = "tx-already-mined" // the transaction is already in this block or in one of its ancestors
	TxUnsigned     Reason = "tx-unsigned"      // the network requires a signature, and the transaction has none
	TxBadSignature Reason = "tx-bad-signature" // the signature or its public key is wrong
)

// Reasons returns all reasons for which a block or a transaction can be refused,
// in no particular order.
func Reasons() []Reason {
	return []Reason{
		HighHash, BadDiffBits, TimeTooOld, TimeTooNew, BadVersion, PrevNotFound, BadPrev, BadMerkleRoot, DuplicateTxs,
		BadLength, CoinbaseMissing, CoinbaseLength, CoinbaseHeight, CoinbaseShape, TxOversize, TxUnsigned, TxBadSignature,
		TxAlreadyMined, DuplicateInvalid,
	}
}

// Reject returns a [RuleError] with a formatted detail.
func Reject(r Reason, format string, args ...any) error { return reject.New(r, format, args...) }
