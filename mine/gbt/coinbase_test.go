package gbt

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// The heights are those of Bitcoin Core's CScript << height: one opcode up to 16, then a
// signed number in the fewest bytes.
func TestHeight(t *testing.T) {
	for height, want := range map[int64]string{
		1: "51", 16: "60", 17: "0111", 127: "017f", 128: "028000", 255: "02ff00", 256: "020001",
		32767: "02ff7f", 32768: "03008000", 840000: "0340d10c", 8388607: "03ffff7f", 8388608: "0400008000", 2147483647: "04ffffff7f",
	} {
		script := appendHeight(nil, height)
		if got := hex.EncodeToString(script); got != want {
			t.Errorf("height %d: %s, want %s", height, got, want)
		}
		if got, ok := heightOf(script); !ok || got != height {
			t.Errorf("height %d is read as %d", height, got)
		}
	}
}

// Every coinbase has a script of at most 100 bytes, with all that is asked of it as far
// as there is room, and can be read again.
func TestCoinbaseScript(t *testing.T) {
	flags := []byte("\x0b/P2SH/btcd/")
	for _, tc := range []struct {
		what string
		cb   coinbase
		want []string // parts of the script
		not  string
	}{
		{"the least", coinbase{height: 1, pay: []byte{op1}}, []string{"\x51\x08EXTRANON"}, ""},
		{"a tag", coinbase{height: 500, pay: []byte{op1}, tag: "/lode/"}, []string{"\x02\xf4\x01\x08EXTRANON\x06/lode/"}, ""},
		{"a salt", coinbase{height: 500, pay: []byte{op1}, salt: 258}, []string{"EXTRANON\x08\x00\x00\x00\x00\x00\x00\x01\x02"}, ""},
		{"flags", coinbase{height: 500, pay: []byte{op1}, aux: map[string][]byte{"flags": flags, "a": {7}, "empty": {}}}, []string{"EXTRANON\x01\x07\x0c" + string(flags)}, ""},
		{"the greatest", coinbase{height: 1<<31 - 1, pay: make([]byte, maxScript), tag: strings.Repeat("t", maxTag), salt: 1<<64 - 1, aux: map[string][]byte{"flags": flags}}, []string{strings.Repeat("t", maxTag)}, "btcd"},
	} {
		tc.cb.commitment = witnessCommitment(nil)
		before, after, err := tc.cb.halves()
		if err != nil {
			t.Fatalf("%s: %v", tc.what, err)
		}
		raw := slices.Concat(before, []byte("EXTRANON"), after)
		for _, raw := range [][]byte{raw, withWitness(raw)} {
			r := &blockReader{data: raw}
			tx := r.tx()
			if r.err != nil || r.at != len(raw) || len(tx.inputs) != 1 || len(tx.outputs) != 2 {
				t.Fatalf("%s: %+v, %v", tc.what, tx, r.err)
			}
			script := string(tx.inputs[0].script)
			if len(script) < 2 || len(script) > 100 {
				t.Errorf("%s: script of %d bytes", tc.what, len(script))
			}
			for _, part := range tc.want {
				if !strings.Contains(script, part) {
					t.Errorf("%s: %q is not in the script %q", tc.what, part, script)
				}
			}
			if tc.not != "" && strings.Contains(script, tc.not) {
				t.Errorf("%s: %q is in the script %q", tc.what, tc.not, script)
			}
			if got, ok := heightOf([]byte(script)); !ok || got != tc.cb.height {
				t.Errorf("%s: height %d", tc.what, got)
			}
			if string(tx.outputs[0].script) != string(tc.cb.pay) {
				t.Errorf("%s: payout %x", tc.what, tx.outputs[0].script)
			}
		}
	}
	if _, _, err := (coinbase{height: 500, tag: strings.Repeat("t", 90)}).halves(); err == nil || !strings.Contains(err.Error(), "shorter tag") {
		t.Errorf("a tag of 90 bytes: %v", err)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int]string{0: "00", 252: "fc", 253: "fdfd00", 65535: "fdffff", 65536: "fe00000100", 4000000: "fe00093d00"} {
		raw := appendSize(nil, n)
		r := &blockReader{data: raw}
		if got := r.size(); hex.EncodeToString(raw) != want || got != n {
			t.Errorf("%d: %x, read as %d", n, raw, got)
		}
	}
}
