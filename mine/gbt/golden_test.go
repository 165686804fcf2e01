package gbt

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// golden reads a template of testdata.
func golden(t testing.TB, name string) *reply {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	r := new(reply)
	if err := json.Unmarshal(raw, r); err != nil {
		t.Fatal(err)
	}
	return r
}

const payScript = "0014751e76e8199196d454941c45d1b3a323f1433bd6"

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// solutionOf returns a solution of the work with any nonce, whether or not the hash
// meets the target: what is tested is how the block is put together.
func solutionOf(w mine.Work, extranonce []byte) mine.Solution {
	h := w.Header(extranonce, w.Version, w.MinTime, 0x12345678)
	return mine.Solution{WorkID: w.ID, Extranonce: extranonce, Header: h, Hash: h.Hash(), Block: true}
}

// A block that is built of the template of a real node is read again from first
// principles: the merkle root, the witness commitment and its reserved value, height,
// payout and the transactions are as the rules of the network demand.
func TestGoldenTemplates(t *testing.T) {
	for _, tc := range []struct {
		file       string
		challenge  string
		commitment bool
		txs        int
		height     int64
		value      int64
	}{
		{"core-regtest.json", "", true, 4, 506, 625011280},
		{"core-signet.json", "51", true, 4, 956, 5000056400},
		{"core-signet-empty.json", "51", true, 0, 157, 5000000000},
		{"core-testnet.json", "", true, 5, 2442185, 2465717},
		{"btcd-simnet.json", "", false, 0, 3, 5000000000},
		{"btcd-simnet-txs.json", "", false, 2, 103, 5000002000},
		{"btcd-simnet-segwit.json", "", true, 2, 605, 5000002000},
	} {
		t.Run(tc.file, func(t *testing.T) {
			r := golden(t, tc.file)
			o := options{payout: unhex(t, payScript), tag: "/lode/", challenge: unhex(t, tc.challenge)}
			if tc.challenge == "" {
				o.challenge = nil
			}
			tmpl, err := r.template(o)
			if err != nil {
				t.Fatal(err)
			}
			w, err := tmpl.named("7", 0)
			if err != nil {
				t.Fatal(err)
			}
			sol := solutionOf(w, []byte{1, 2, 3, 4, 5, 6, 7, 8})
			b := checkBlock(t, tmpl.block(w, sol), tc.height)
			if header := sol.Header.Bytes(); string(b.header) != string(header[:]) {
				t.Errorf("header %x, want %x", b.header, header)
			}
			cb := b.txs[0]
			if out := cb.outputs[0]; out.value != tc.value || hex.EncodeToString(out.script) != payScript {
				t.Errorf("payout of %d to %x", out.value, out.script)
			}
			wantOutputs := 1
			if tc.commitment {
				wantOutputs = 2
				if got := hex.EncodeToString(cb.outputs[1].script[:38]); !strings.HasSuffix(got, r.Commitment) {
					t.Errorf("commitment %s, the node has %s", got, r.Commitment)
				}
			}
			if len(cb.outputs) != wantOutputs || cb.witness != tc.commitment {
				t.Errorf("the coinbase has %d outputs and a witness: %v", len(cb.outputs), cb.witness)
			}
			if script := cb.inputs[0].script; !strings.Contains(string(script), "\x08\x01\x02\x03\x04\x05\x06\x07\x08\x06/lode/") {
				t.Errorf("script of the coinbase: %x", script)
			}
			if len(b.txs) != 1+tc.txs || len(r.Transactions) != tc.txs {
				t.Fatalf("%d transactions in the block and %d in the template, want %d", len(b.txs)-1, len(r.Transactions), tc.txs)
			}
			for i, tx := range b.txs[1:] {
				if display(tx.id) != r.Transactions[i].TxID || display(tx.hash) != r.Transactions[i].Hash {
					t.Errorf("transaction %d is %s, %s in the block; the node has %s, %s", i, display(tx.id), display(tx.hash), r.Transactions[i].TxID, r.Transactions[i].Hash)
				}
			}
			if w.Bits.String() != r.Bits || w.Prev.String() != r.PreviousHash || int64(w.Version) != r.Version || int64(w.MinTime) != r.MinTime || w.Height != tc.height {
				t.Errorf("%+v", w)
			}
			if wantMax := max(r.MaxTime, r.CurTime+7200); r.MaxTime == 0 && int64(w.MaxTime) != wantMax || r.MaxTime != 0 && int64(w.MaxTime) != r.MaxTime {
				t.Errorf("greatest time %d; the node says %d now and %d at most", w.MaxTime, r.CurTime, r.MaxTime)
			}
			if w.VersionMask != mine.VersionMask || w.Extranonces.Size() != 8 || w.Extranonces.Rolled() != 8 || !w.Target.IsZero() {
				t.Errorf("mask %08x, %d bytes of extranonce, target %v", w.VersionMask, w.Extranonces.Size(), w.Target)
			}
		})
	}
}

// ckpool was given the same template, and its merkle branch is the same.
func TestBranchOfCkpool(t *testing.T) {
	raw, err := os.ReadFile("testdata/core-regtest-ckpool.json")
	if err != nil {
		t.Fatal(err)
	}
	var notify struct{ Params []json.RawMessage }
	if err := json.Unmarshal(raw, &notify); err != nil {
		t.Fatal(err)
	}
	var theirs []string
	if err := json.Unmarshal(notify.Params[4], &theirs); err != nil {
		t.Fatal(err)
	}
	tmpl, err := golden(t, "core-regtest.json").template(options{payout: unhex(t, payScript)})
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, hash := range tmpl.work.Branch {
		ours = append(ours, hex.EncodeToString(hash[:]))
	}
	if !slices.Equal(ours, theirs) || len(ours) != 3 {
		t.Errorf("branch %v, ckpool has %v", ours, theirs)
	}
}

// A template is refused, with a word of why, if it is damaged or demands what the miner
// does not know. What only the user can repair is told apart.
func TestTemplateRefused(t *testing.T) {
	value := int64(21_000_000*100_000_000 + 1)
	less := int64(-1)
	no := false
	for _, tc := range []struct {
		want     string
		unusable bool
		edit     func(*reply)
	}{
		{"", false, func(*reply) {}},
		{"", false, func(r *reply) { r.SubmitOld = &no }},
		{"does not know", true, func(r *reply) { r.Rules = append(r.Rules, "!unheard-of") }},
		{"", false, func(r *reply) { r.Rules = append(r.Rules, "unheard-of") }},
		{"give its challenge", true, func(r *reply) { r.Rules = append(r.Rules, "!signet") }},
		{"give its challenge, which is 51", true, func(r *reply) { r.Challenge = "51" }},
		{"finished coinbase", true, func(r *reply) { r.Value = nil }},
		{"coinbase value", false, func(r *reply) { r.Value = &value }},
		{"coinbase value", false, func(r *reply) { r.Value = &less }},
		{"height 0", false, func(r *reply) { r.Height = 0 }},
		{"height 2147483648", false, func(r *reply) { r.Height = 1 << 31 }},
		{"only the nonces", true, func(r *reply) { r.NonceRange = "0000000000ffffff" }},
		{"transaction 2 is not hex", false, func(r *reply) { r.Transactions[1].Data = "zz" }},
		{"none empty", false, func(r *reply) { r.Transactions[1].Data = "" }},
		{"at most 4000000", false, func(r *reply) { r.Transactions[1].Data = strings.Repeat("00", 4_000_001) }},
		{"hash of transaction 1", false, func(r *reply) { r.Transactions[0].Hash = "12" }},
		{"txid of transaction 1", false, func(r *reply) { r.Transactions[0].TxID = "12" }},
		{"is not that of the 3 transactions", false, func(r *reply) { r.Transactions = r.Transactions[:3] }},
		{"witness commitment is not hex", false, func(r *reply) { r.Commitment = "xy" }},
		{"previous hash", false, func(r *reply) { r.PreviousHash = "" }},
		{"bits", false, func(r *reply) { r.Bits = "2" }},
		{"version", false, func(r *reply) { r.Version = 1 << 40 }},
		{"coinbaseaux", false, func(r *reply) { r.CoinbaseAux = map[string]string{"flags": "0"} }},
		{"no times for a header", false, func(r *reply) { r.MaxTime = r.MinTime - 1 }},
		{"no times for a header", false, func(r *reply) { r.CurTime = 1 << 33 }},
		{"target", false, func(r *reply) { r.Target = "7" }},
	} {
		r := golden(t, "core-regtest.json")
		tc.edit(r)
		_, err := r.template(options{payout: unhex(t, payScript)})
		if tc.want == "" {
			if err != nil {
				t.Errorf("%v", err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want an error with %q", err, tc.want)
			continue
		}
		if isUnusable(err) != tc.unusable {
			t.Errorf("%q: only the user can repair it: %v, want %v", err, isUnusable(err), tc.unusable)
		}
	}
}

// The time is fixed if the node does not let it be changed, and on networks where the
// difficulty depends on it.
func TestTimes(t *testing.T) {
	for _, tc := range []struct {
		what            string
		edit            func(*reply, *options)
		least, greatest int64
	}{
		{"Bitcoin Core", func(*reply, *options) {}, 1747920366, 1747977029 + 7200},
		{"a greatest time", func(r *reply, _ *options) { r.MaxTime = 1747977040 }, 1747920366, 1747977040},
		{"no least time", func(r *reply, _ *options) { r.MinTime = 0 }, 1747977029, 1747977029 + 7200},
		{"not mutable", func(r *reply, _ *options) { r.Mutable = []string{"transactions"} }, 1747977029, 1747977029},
		{"testnet", func(_ *reply, o *options) { o.fixedTime = true }, 1747977029, 1747977029},
	} {
		r, o := golden(t, "core-regtest.json"), options{payout: unhex(t, payScript)}
		tc.edit(r, &o)
		tmpl, err := r.template(o)
		if err != nil {
			t.Errorf("%s: %v", tc.what, err)
		} else if int64(tmpl.work.MinTime) != tc.least || int64(tmpl.work.MaxTime) != tc.greatest {
			t.Errorf("%s: times %d to %d, want %d to %d", tc.what, tmpl.work.MinTime, tmpl.work.MaxTime, tc.least, tc.greatest)
		}
	}
	for chain, want := range map[string]bool{"main": false, "mainnet": false, "test": true, "testnet3": true, "testnet4": true, "signet": false, "regtest": false, "simnet": true, "": false} {
		if hasLeastDifficulty(chain) != want {
			t.Errorf("the difficulty on %q depends on the time: %v", chain, !want)
		}
	}
}

// Bits in which the network votes are not rolled.
func TestVersionMask(t *testing.T) {
	r := golden(t, "core-regtest.json")
	r.VBAvailable = map[string]int{"a": 2, "b": 13, "c": 28, "d": 99, "e": -1}
	r.VBRequired = 1 << 20
	tmpl, err := r.template(options{payout: unhex(t, payScript)})
	if err != nil {
		t.Fatal(err)
	}
	if want := uint32(mine.VersionMask &^ (1<<13 | 1<<28 | 1<<20)); tmpl.work.VersionMask != want {
		t.Errorf("mask %08x, want %08x", tmpl.work.VersionMask, want)
	}
}

// Only a server that pools work names a target that is easier than that of a block.
func TestShareTarget(t *testing.T) {
	r := golden(t, "core-signet-empty.json")
	for target, easier := range map[string]bool{
		"00000377ae000000000000000000000000000000000000000000000000000000": false,
		"00000277ae000000000000000000000000000000000000000000000000000000": false,
		"00000377ae000000000000000000000000000000000000000000000000000001": true,
		"": false,
	} {
		r.Target = target
		tmpl, err := r.template(options{payout: unhex(t, payScript), challenge: []byte{op1}})
		if err != nil {
			t.Fatal(err)
		}
		want := pow.Target{}
		if easier {
			want, _ = pow.ParseTarget(target)
		}
		if tmpl.work.Target != want {
			t.Errorf("target %q: %v, want %v", target, tmpl.work.Target, want)
		}
	}
}

// If a transaction has a witness, and the node leaves the commitment to the miner, the
// miner makes the one that the node would have sent.
func TestOwnCommitment(t *testing.T) {
	r := golden(t, "core-testnet.json")
	theirs := r.Commitment
	r.Commitment = ""
	tmpl, err := r.template(options{payout: unhex(t, payScript)})
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(tmpl.cb.commitment); got != theirs {
		t.Errorf("commitment %s, want %s", got, theirs)
	}
}

// Before segwit is active, bcoin names no rule and offers a commitment all the same. It
// would refuse the witness that belongs to it.
func TestBeforeSegwit(t *testing.T) {
	r := golden(t, "core-signet-empty.json")
	r.Challenge = ""
	for _, tc := range []struct {
		rules      []string
		commitment bool
	}{{nil, true}, {[]string{}, false}, {[]string{"csv"}, false}, {[]string{"segwit"}, true}, {[]string{"csv", "!segwit"}, true}} {
		r.Rules = tc.rules
		tmpl, err := r.template(options{payout: unhex(t, payScript)})
		if err != nil {
			t.Fatal(err)
		}
		w, err := tmpl.named("1", 0)
		if err != nil {
			t.Fatal(err)
		}
		b := checkBlock(t, tmpl.block(w, solutionOf(w, make([]byte, 8))), 157)
		if b.txs[0].witness != tc.commitment || len(b.txs[0].outputs) != 1+btoi(tc.commitment) {
			t.Errorf("rules %v: the coinbase has a witness: %v, and %d outputs", tc.rules, b.txs[0].witness, len(b.txs[0].outputs))
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// FuzzTemplate checks that no answer of a node makes the source panic or offer work
// that cannot be mined, and that a block of the work can always be read.
func FuzzTemplate(f *testing.F) {
	for _, name := range []string{"core-regtest.json", "core-signet.json", "btcd-simnet.json"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	pay := unhex(f, payScript)
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := new(reply)
		if json.Unmarshal(raw, r) != nil {
			return
		}
		for _, challenge := range [][]byte{nil, {op1}} {
			tmpl, err := r.template(options{payout: pay, tag: "/lode/", challenge: challenge})
			if err != nil {
				continue
			}
			w, err := tmpl.named("1", 3)
			if err != nil {
				t.Fatal(err)
			}
			b := tmpl.block(w, solutionOf(w, make([]byte, 8)))
			p := &blockReader{data: b, at: 80}
			if n := p.size(); n != 1+len(r.Transactions) {
				t.Fatalf("%d transactions in the block, want %d", n, 1+len(r.Transactions))
			}
			if cb := p.tx(); p.err != nil || len(cb.inputs[0].script) > 100 {
				t.Fatalf("coinbase: %+v, %v", cb, p.err)
			}
		}
	})
}
