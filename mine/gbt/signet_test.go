package gbt

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

func TestParseChallenge(t *testing.T) {
	for text, want := range map[string]string{
		"":               "",
		"51":             "",
		"60":             "",
		"0101":           "",
		"02ff00":         "",
		"03000080":       "needs a signature", // negative zero is false
		"0100":           "needs a signature",
		"00":             "needs a signature",
		"6a":             "needs a signature",
		"61":             "needs a signature",
		"0251":           "needs a signature",
		"4c0101":         "needs a signature",
		"zz":             "not hex",
		"512103ad5e51ae": "grind-cmd 'lode grind'",
		// The challenge of the public signet, which is 1 of 2 keys.
		"512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae": "needs a signature",
	} {
		script, err := parseChallenge(text)
		if want == "" {
			if err != nil || hex.EncodeToString(script) != text {
				t.Errorf("%s: %x, %v", text, script, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
}

// A push of up to 75 bytes has its length as the opcode. The next opcode has another
// meaning.
func TestLongestTrivialPush(t *testing.T) {
	push := func(size int) []byte { return append([]byte{byte(size)}, bytes.Repeat([]byte{1}, size)...) }
	for size, want := range map[int]bool{1: true, 75: true, 76: false, 77: false} {
		if isTrivial(push(size)) != want {
			t.Errorf("a push of %d bytes: %v, want %v", size, !want, want)
		}
	}
	if isTrivial(nil) {
		t.Error("an empty challenge is trivial")
	}
}

func TestCheckChallenge(t *testing.T) {
	for _, tc := range []struct{ ours, theirs, want string }{
		{"", "", ""},
		{"51", "51", ""},
		{"51", "", "not on a signet"},
		{"", "51", "give its challenge, which is 51"},
		{"51", "52", "another signet: its challenge is 52, and 51 is given"},
	} {
		ours, err := parseChallenge(tc.ours)
		if err != nil {
			t.Fatal(err)
		}
		err = checkChallenge(ours, tc.theirs)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%q and %q: %v, want %q", tc.ours, tc.theirs, err, tc.want)
		}
	}
}

// solutionInBlock finds the signet's solution in a block and checks everything that BIP
// 325 says about a challenge that needs no signature: the solution is in the output with
// the witness commitment, in a push that begins with the header of the section; it is a
// script and a witness, and nothing follows them. It returns both.
func solutionInBlock(t *testing.T, b parsedBlock) (script []byte, witness [][]byte) {
	t.Helper()
	var commitment []byte
	for _, out := range b.txs[0].outputs {
		if len(out.script) >= 38 && bytes.HasPrefix(out.script, []byte{0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed}) {
			commitment = out.script // the last one counts
		}
	}
	if commitment == nil {
		t.Fatal("a block of a signet has no witness commitment")
	}
	r := &blockReader{data: commitment, at: 1}
	var section []byte
	for r.at < len(commitment) {
		op := int(r.take(1)[0])
		if op > 75 {
			t.Fatalf("opcode %02x in the commitment %x", op, commitment)
		}
		push := r.take(op)
		if r.err != nil {
			t.Fatalf("commitment %x: %v", commitment, r.err)
		}
		if section == nil && len(push) > 4 && binary.BigEndian.Uint32(push) == 0xecc7daa2 {
			section = push[4:]
		}
	}
	if section == nil {
		t.Fatalf("commitment %x has no section of a signet", commitment)
	}
	s := &blockReader{data: section}
	script = s.bytes()
	for range s.size() {
		witness = append(witness, s.bytes())
	}
	if s.err != nil || s.at != len(section) {
		t.Fatalf("section %x: %v, %d bytes read", section, s.err, s.at)
	}
	return script, witness
}

// Blocks for the recorded templates of a signet whose challenge is OP_TRUE carry an empty
// solution, which satisfies it. No such node runs here, so that a live one takes them is
// not tested.
func TestSignetSolution(t *testing.T) {
	for file, height := range map[string]int64{"core-signet.json": 956, "core-signet-empty.json": 157} {
		tmpl, err := golden(t, file).template(options{payout: unhex(t, payScript), challenge: []byte{op1}})
		if err != nil {
			t.Fatal(err)
		}
		for salt := range uint64(3) {
			w, err := tmpl.named("1", salt)
			if err != nil {
				t.Fatal(err)
			}
			b := checkBlock(t, tmpl.block(w, solutionOf(w, make([]byte, 8))), height)
			if script, witness := solutionInBlock(t, b); len(script) != 0 || len(witness) != 0 {
				t.Errorf("%s: solution %x, %x, want an empty one", file, script, witness)
			}
		}
	}
	t.Log("NOT TESTED: a live signet, because no node that knows signets can be had from a registry")
}
