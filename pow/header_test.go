package pow

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
)

func TestGenesisHeaders(t *testing.T) {
	type vector struct {
		Net, Header, Hash string
		PowOK             bool `json:"pow_ok"`
	}
	for _, v := range readJSON[[]vector](t, "testdata/genesis_headers.json") {
		t.Run(v.Net, func(t *testing.T) {
			h := mustHeader(t, v.Header)
			if got := h.String(); got != v.Header {
				t.Errorf("serialized again: %s, want %s", got, v.Header)
			}
			if got := h.Hash().String(); got != v.Hash {
				t.Errorf("hash %s, want %s", got, v.Hash)
			}
			target, err := h.Bits.Target()
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Hash().Meets(target); got != v.PowOK {
				t.Errorf("proof of work: %v, want %v", got, v.PowOK)
			}
		})
	}
}

func TestBitcoinGenesis(t *testing.T) {
	const want = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
	if got := BitcoinGenesis().Hash().String(); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	good := BitcoinGenesis().String()
	for name, tc := range map[string]struct{ in, want string }{
		"empty":   {"", "0 characters, want 160 hex digits"},
		"short":   {good[2:], "158 characters, want 160 hex digits"},
		"long":    {good + "00", "162 characters, want 160 hex digits"},
		"not hex": {"xx" + good[2:], "invalid byte"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseHeader(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(BitcoinGenesis().String())
	f.Add(strings.Repeat("f", 160))
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHeader(s)
		if err != nil {
			return
		}
		if got := h.String(); got != strings.ToLower(s) {
			t.Errorf("%q came back as %q", s, got)
		}
		raw := h.Bytes()
		first := sha256.Sum256(raw[:])
		if want := Hash(sha256.Sum256(first[:])); h.Hash() != want {
			t.Errorf("hash %s, want %s", h.Hash(), want)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add(BitcoinGenesis().Hash().String())
	f.Add("00")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHash(s)
		if err != nil {
			return
		}
		if h.String() != strings.ToLower(s) {
			t.Errorf("%q came back as %q", s, h)
		}
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		var again Hash
		if err := json.Unmarshal(text, &again); err != nil || again != h {
			t.Errorf("JSON %s came back as %s (%v)", text, again, err)
		}
	})
}

func TestHashZeros(t *testing.T) {
	for _, tc := range []struct {
		hash string
		want int
	}{
		{strings.Repeat("0", 64), 256},
		{strings.Repeat("0", 63) + "1", 255},
		{strings.Repeat("0", 16) + "1" + strings.Repeat("0", 47), 67},
		{"8" + strings.Repeat("0", 63), 0},
		{"000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f", 43},
	} {
		h, err := ParseHash(tc.hash)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Zeros(); got != tc.want {
			t.Errorf("%s has %d leading zero bits, want %d", h, got, tc.want)
		}
		if tc.want < 256 && !h.Meets(ZerosTarget(tc.want)) {
			t.Errorf("%s does not meet the target of %d zeros", h, tc.want)
		}
		if tc.want < 255 && h.Meets(ZerosTarget(tc.want+1)) {
			t.Errorf("%s meets the target of %d zeros", h, tc.want+1)
		}
	}
}
