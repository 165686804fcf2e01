package headers

import (
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
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
