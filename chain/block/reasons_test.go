package block

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/lodepow/lode/pow/reject"
)

// A reason that two packages know must be the same word and the same error.
func TestRuleError(t *testing.T) {
	err := fmt.Errorf("block 7: %w", Reject(HighHash, "hash has %d zeros, want %d", 3, 8))
	if got, want := err.Error(), "block 7: high-hash: hash has 3 zeros, want 8"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if !errors.Is(err, reject.HighHash) {
		t.Errorf("%v: want it to be %q, whatever package names the reason", err, reject.HighHash)
	}
	var rule RuleError
	if !errors.As(err, &rule) || rule.Reason != HighHash || rule.Detail != "hash has 3 zeros, want 8" {
		t.Errorf("errors.As found %#v", rule)
	}
	for target, want := range map[error]bool{
		HighHash:                    true,
		RuleError{Reason: HighHash}: true,
		RuleError{Reason: HighHash, Detail: "other words"}: true,
		BadDiffBits:                           false,
		RuleError{Reason: BadDiffBits}:        false,
		io.EOF:                                false,
		RuleError{Detail: "hash has 3 zeros"}: false,
	} {
		if got := errors.Is(err, target); got != want {
			t.Errorf("errors.Is(err, %#v) = %v, want %v", target, got, want)
		}
	}
}

// The words are metric labels and part of HTTP answers, and must not change.
func TestReasonWords(t *testing.T) {
	want := map[Reason]string{
		HighHash:         "high-hash",
		BadDiffBits:      "bad-diffbits",
		TimeTooOld:       "time-too-old",
		TimeTooNew:       "time-too-new",
		BadVersion:       "bad-version",
		PrevNotFound:     "prev-blk-not-found",
		BadPrev:          "bad-prevblk",
		BadMerkleRoot:    "bad-txnmrklroot",
		DuplicateTxs:     "bad-txns-duplicate",
		BadLength:        "bad-blk-length",
		CoinbaseMissing:  "bad-cb-missing",
		CoinbaseLength:   "bad-cb-length",
		CoinbaseHeight:   "bad-cb-height",
		TxOversize:       "bad-txns-oversize",
		DuplicateInvalid: "duplicate-invalid",
		CoinbaseShape:    "bad-cb-shape",
		TxAlreadyMined:   "tx-already-mined",
		TxUnsigned:       "tx-unsigned",
		TxBadSignature:   "tx-bad-signature",
	}
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		if seen[r] {
			t.Errorf("%s is listed twice", r)
		}
		seen[r] = true
		if string(r) != want[r] {
			t.Errorf("reason %q, want %q", r, want[r])
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d reasons are listed, want %d", len(seen), len(want))
	}
}

func ExampleRuleError() {
	_, err := ParseCoinbase(make([]byte, 80))
	fmt.Println(errors.Is(err, CoinbaseMissing))

	var rule RuleError
	if errors.As(err, &rule) {
		fmt.Println(rule.Reason)
	}
	// Output:
	// true
	// bad-cb-missing
}
