package block

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestRuleError(t *testing.T) {
	err := fmt.Errorf("block 7: %w", Reject(HighHash, "hash has %d zeros, want %d", 3, 8))
	if got, want := err.Error(), "block 7: high-hash: hash has 3 zeros, want 8"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if got, want := (RuleError{Reason: BadPrev}).Error(), "bad-prevblk"; got != want {
		t.Errorf("without detail %q, want %q", got, want)
	}

	var rule RuleError
	if !errors.As(err, &rule) || rule.Reason != HighHash || rule.Detail != "hash has 3 zeros, want 8" {
		t.Errorf("errors.As found %#v", rule)
	}
	var reason Reason
	if !errors.As(err, &reason) || reason != HighHash {
		t.Errorf("errors.As found reason %q", reason)
	}
	for target, want := range map[error]bool{
		HighHash:                              true,
		RuleError{Reason: HighHash}:           true,
		RuleError{HighHash, "other words"}:    true,
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
