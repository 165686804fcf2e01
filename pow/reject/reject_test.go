package reject_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lodepow/lode/pow/reject"
)

func TestError(t *testing.T) {
	plain := reject.Error{Reason: reject.HighHash}
	detailed := reject.New(reject.HighHash, "%d zero bits, want %d", 7, 8)
	for err, want := range map[error]string{
		plain:                             "high-hash",
		detailed:                          "high-hash: 7 zero bits, want 8",
		fmt.Errorf("block: %w", detailed): "block: high-hash: 7 zero bits, want 8",
	} {
		if err.Error() != want {
			t.Errorf("it reads %q, want %q", err, want)
		}
		if !errors.Is(err, reject.HighHash) || errors.Is(err, reject.TimeTooOld) {
			t.Errorf("%q: the wrong reason, want high-hash", err)
		}
		if !errors.Is(err, plain) || errors.Is(err, reject.Error{Reason: reject.TimeTooOld}) {
			t.Errorf("%q: want it to be the same as any error for high-hash, and no other", err)
		}
		var e reject.Error
		if !errors.As(err, &e) || e.Reason != reject.HighHash {
			t.Errorf("%q: as an Error it is %+v", err, e)
		}
	}
}

// The words are part of formats and metrics, and must not change.
func TestWords(t *testing.T) {
	for reason, want := range map[reject.Reason]string{
		reject.HighHash:     "high-hash",
		reject.BadDiffBits:  "bad-diffbits",
		reject.TimeTooOld:   "time-too-old",
		reject.TimeTooNew:   "time-too-new",
		reject.BadVersion:   "bad-version",
		reject.PrevNotFound: "prev-blk-not-found",
		reject.BadPrev:      "bad-prevblk",
	} {
		if reason.Error() != want {
			t.Errorf("%q, want %q", reason, want)
		}
	}
}
