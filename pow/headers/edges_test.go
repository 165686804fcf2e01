package headers

import (
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

// TestNetworkNames checks the list of networks as messages show it.
func TestNetworkNames(t *testing.T) {
	if got, want := NetworkNames(), "main, testnet3, testnet4, signet, regtest or simnet"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestDates checks the first and the last time that a header can have, and the seconds
// beside them, which it cannot.
func TestDates(t *testing.T) {
	for text, want := range map[string]uint32{
		"1970-01-01T00:00:00Z": 0, "2106-02-07 06:28:15": 1<<32 - 1, "2009-01-03 18:15:05 UTC": 1231006505, "2009-01-03T19:15:05+01:00": 1231006505,
	} {
		if got, err := parseDate(text); err != nil || got != want {
			t.Errorf("%s: %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"1969-12-31 23:59:59", "2106-02-07 06:28:16", "yesterday"} {
		if got, err := parseDate(text); err == nil {
			t.Errorf("%s: %d, want an error", text, got)
		}
	}
}

// TestMedianFromTheMiddle checks that in the middle of a chain the median time is known
// from the eleventh header on, and not before.
func TestMedianFromTheMiddle(t *testing.T) {
	for _, before := range []int{1, medianSpan - 1, medianSpan, medianSpan + 1} {
		v := NewVerifier(Config{})
		h := unknown(t)
		for i := range before {
			h.Time = uint32(1000 + i)
			h = solve(t, h)
			if err := v.Add(h); err != nil {
				t.Fatal(err)
			}
			h.Prev = h.Hash()
		}
		h.Time = 1000
		if err := v.Add(solve(t, h)); before < medianSpan && err != nil {
			t.Errorf("behind %d headers: %v", before, err)
		} else if before >= medianSpan {
			wantReason(t, err, reject.TimeTooOld)
		}
	}
}

// TestBitsFromTheMiddle checks that bits do not change within a period, also if the stream
// begins in it with the easiest target. Only where blocks of minimum difficulty are
// allowed, that target may hide another one.
func TestBitsFromTheMiddle(t *testing.T) {
	for _, minDifficulty := range []bool{false, true} {
		n, _ := easyGenesis(t)
		n.MinDifficulty = minDifficulty
		height := uint32(2)
		v := NewVerifier(Config{Network: n, Height: &height, Retarget: true})
		h := unknown(t)
		h.Time = 1000
		h = solve(t, h)
		if err := v.Add(h); err != nil {
			t.Fatal(err)
		}
		h.Prev, h.Time, h.Bits = h.Hash(), 1001, 0x203fffff
		if err := v.Add(solve(t, h)); minDifficulty && err != nil {
			t.Error(err)
		} else if !minDifficulty {
			wantReason(t, err, reject.BadDiffBits)
		}
	}
}

// TestBlockFileThatEnds cuts a block file at every place of its last record. The headers
// before it are read, and the error says where the stream ends.
func TestBlockFileThatEnds(t *testing.T) {
	all := realHeaders(t, 3)
	whole := strings.TrimRight(blockFileOf(all, Testnet3(), nil), "\x00")
	last := strings.TrimRight(blockFileOf(all[:2], Testnet3(), nil), "\x00")
	for end := len(last) + 8; end < len(whole); end++ {
		got, _, err := readAll(strings.NewReader(whole[:end]))
		wantReason(t, err, Truncated)
		want := "inside the block of header " + all[2].Hash().String()
		if end < len(last)+8+pow.HeaderSize {
			want = "inside a header"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("cut at %d of %d bytes: %v, want %q", end, len(whole), err, want)
		}
		if len(got) != 2 {
			t.Errorf("cut at %d of %d bytes: %d headers, want 2", end, len(whole), len(got))
		}
	}
}
