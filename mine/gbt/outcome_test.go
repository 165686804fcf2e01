package gbt

import (
	"strings"
	"testing"

	"github.com/lodepow/lode/mine"
)

func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		text    string
		outcome mine.Outcome
		says    string
	}{
		{"duplicate", mine.Duplicate, "has this block already (duplicate)"},
		{"duplicate-inconclusive", mine.Lost, "another one"},
		{"duplicate-invalid", mine.Invalid, "before"},
		{"inconclusive", mine.Lost, "was faster"},
		{"inconclusive-not-best-prevblk", mine.Stale, "not on the node's tip"},
		{"stale-prevblk", mine.Stale, "another tip"},
		{"stale-work", mine.Stale, "this template"},
		{"bad-prevblk", mine.Stale, "invalid"},
		{"rejected: bad-prevblk", mine.Stale, "invalid (bad-prevblk)"},
		{"prev-blk-not-found", mine.Stale, "does not know the parent"},
		{"high-hash", mine.Low, "target"},
		{"time-too-new", mine.Invalid, "clock"},
		{"bad-version(0x00000001)", mine.Invalid, "version of the header (bad-version(0x00000001))"},
		{"bad-cb-amount", mine.Invalid, "more than it may"},
		{"bad-cb-unheard-of", mine.Invalid, "the coinbase (bad-cb-unheard-of)"},
		{"bad-witness-merkle-match", mine.Invalid, "witness commitment"},
		{"bad-signet-blksig", mine.Invalid, "challenge"},
		{"rejected", mine.Invalid, "does not say why"},
		{"rejected: already have block 00ff", mine.Duplicate, "already"},
		{"rejected: block timestamp of 2026 is too far in the future", mine.Invalid, "refuses the block: block timestamp"},
		{"a word that nobody\nknows", mine.Invalid, "refuses the block: a word that nobody knows"},
		{"", mine.Invalid, "refuses the block"},
	} {
		outcome, err := judge(tc.text)
		if outcome != tc.outcome || err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %v, %v; want %v and %q", tc.text, outcome, err, tc.outcome, tc.says)
		}
	}
}

// The outcome of each word, written once more by hand. A word that ends in an asterisk is
// the beginning of several.
func TestOutcomes(t *testing.T) {
	want := map[mine.Outcome][]string{
		mine.Duplicate: {"duplicate"},
		mine.Lost:      {"duplicate-inconclusive", "inconclusive"},
		mine.Stale: {
			"inconclusive-not-best-prevblk", "stale-prevblk", "stale-work", "unknown-work", "bad-prevblk", "prev-blk-not-found",
		},
		mine.Low: {"high-hash"},
		mine.Invalid: {
			"duplicate-invalid", "bad-diffbits", "time-too-new", "time-too-old", "time-invalid", "bad-version*", "bad-cb-height",
			"bad-cb-amount", "bad-cb-*", "bad-txnmrklroot", "bad-witness-*", "unexpected-witness", "bad-signet-blksig",
			"bad-blk-*", "bad-txn*", "rejected",
		},
	}
	words := 0
	for outcome, list := range want {
		words += len(list)
		for _, word := range list {
			if got, err := judge(strings.Replace(word, "*", "x", 1)); got != outcome || err == nil {
				t.Errorf("%s: %v, %v; want %v", word, got, err, outcome)
			}
		}
	}
	if n := len(verdicts()); n != words {
		t.Errorf("%d words are known, and %d are tested", n, words)
	}
}

// A word is found before a prefix that is shorter, so that the more exact sentence is
// said.
func TestVerdictsAreReached(t *testing.T) {
	for _, v := range verdicts() {
		word := strings.TrimSuffix(v.word, "*")
		outcome, err := judge(word)
		if want := v.about + " (" + word + ")"; outcome != v.outcome || err.Error() != want {
			t.Errorf("%s: %v, %q; want %v, %q", v.word, outcome, err, v.outcome, want)
		}
	}
}

// What a node writes is repeated on one line and shortened, whatever it is.
func TestShort(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb\tc":               "a b c",
		"a\x1b[31mb":              "a?[31mb",
		"\xff":                    "?",
		strings.Repeat("ü", 201):  strings.Repeat("ü", 200) + "…",
		strings.Repeat("x ", 100): strings.TrimSpace(strings.Repeat("x ", 100)),
	} {
		if got := short(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
