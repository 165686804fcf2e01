package dump

import (
	"errors"
	"fmt"

	"github.com/lodepow/lode/chain/block"
)

// Fault is what is wrong with a block of a dump.
type Fault struct {
	Height int64
	Field  string // of the block's JSON, for example "timestamp" or "transactions[2]"; "" if it is not known
	Err    error  // wraps a [block.RuleError]
}

// Error names the block, the field and the rule.
func (f *Fault) Error() string {
	if f.Field == "" {
		return fmt.Sprintf("block %d: %v", f.Height, f.Err)
	}
	return fmt.Sprintf("block %d: %s: %v", f.Height, f.Field, f.Err)
}

// Unwrap returns the rule that the block breaks.
func (f *Fault) Unwrap() error { return f.Err }

// fieldOf returns the field of a block that breaks a rule of the whole block.
func fieldOf(err error) string {
	for reason, field := range map[block.Reason]string{
		block.BadDiffBits:    "bits",
		block.BadVersion:     "version",
		block.TimeTooOld:     "timestamp",
		block.TimeTooNew:     "timestamp",
		block.PrevNotFound:   "previous_hash",
		block.BadMerkleRoot:  "transactions",
		block.DuplicateTxs:   "transactions",
		block.BadLength:      "transactions",
		block.CoinbaseHeight: "coinbase",
	} {
		if errors.Is(err, reason) {
			return field // an error has one reason, so the order does not matter
		}
	}
	return ""
}
