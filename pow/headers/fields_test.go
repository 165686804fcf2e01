package headers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/reject"
)

// TestNetworkParameters compares the networks with the sources of Bitcoin Core
// (chainparams.cpp) and, for simnet, of btcd (chaincfg/params.go). The magics are in the
// order of the bytes of a message.
func TestNetworkParameters(t *testing.T) {
	for _, tc := range []struct {
		name, magic, limit                   string
		minDifficulty, firstBits, noRetarget bool
		maxTimewarp                          uint32
	}{
		{"main", "f9beb4d9", "1d00ffff", false, false, false, 0},
		{"testnet3", "0b110907", "1d00ffff", true, false, false, 0},
		{"testnet4", "1c163f28", "1d00ffff", true, true, false, 600},
		{"signet", "0a03cf40", "1e0377ae", false, false, false, 0},
		{"regtest", "fabfb5da", "207fffff", true, false, true, 0},
		{"simnet", "161c1412", "207fffff", true, false, false, 0},
	} {
		n := NetworkNamed(tc.name)
		if n == nil {
			t.Errorf("no network is called %s", tc.name)
			continue
		}
		magic := fmt.Sprintf("%x", []byte{byte(n.Magic), byte(n.Magic >> 8), byte(n.Magic >> 16), byte(n.Magic >> 24)})
		if n.Name != tc.name || magic != tc.magic || n.Rule.Limit.String() != tc.limit || n.Rule.Interval != 2016 || n.Rule.Spacing != 600 ||
			n.MinDifficulty != tc.minDifficulty || n.FirstBits != tc.firstBits || n.NoRetarget != tc.noRetarget || n.MaxTimewarp != tc.maxTimewarp {
			t.Errorf("%s: magic %s, %+v, want %+v", n.Name, magic, n, tc)
		}
		if networkOfMagic(n.Magic).Name != tc.name || networkOfGenesis(n.Genesis.Hash()).Name != tc.name {
			t.Errorf("%s is not found by its magic or its genesis", tc.name)
		}
	}
	if n := NetworkNamed("mainnet"); n != nil {
		t.Errorf("a network that does not exist is %s", n.Name)
	}
}

func TestFieldOf(t *testing.T) {
	for name, want := range map[string]field{
		"version": fieldVersion, "{Version}": fieldVersion, "n_version": fieldVersion, "ver": fieldVersion, "previousblockhash": fieldPrev, "hash_prev": fieldPrev,
		"Merkle Root": fieldMerkle, "time": fieldTime, "n-bits": fieldBits, "nonce2": fieldNonce, "block_hash": fieldHash, "height": fieldHeight, "n": fieldHeight,
	} {
		if got, ok := fieldOf(name); !ok || got != want {
			t.Errorf("%s: field %d, %v; want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "zversion", "aversion", "versions", "difficulty", "7"} {
		if got, ok := fieldOf(name); ok {
			t.Errorf("%s: field %d, want none", name, got)
		}
	}
}

func TestDelimiterOf(t *testing.T) {
	for text, want := range map[string]rune{
		"version,prev,nonce\n1,2,3": ',', "version;prev;nonce": ';', "version\tprev\tnonce": '\t', "version|prev|nonce|x": '|',
		"version,prev": 0, "version{prev{nonce": 0, "a,b,c,d": 0, "a,b\nversion,prev,nonce": 0, "": 0,
	} {
		if got := delimiterOf([]byte(text)); got != want {
			t.Errorf("%q: delimiter %q, want %q", text, got, want)
		}
	}
}

// TestFields changes one value of a header at a time.
func TestFields(t *testing.T) {
	h := Main().Genesis
	h.Prev = pow.Hash{31: 1}
	with := func(changes ...string) *fields {
		var f fields
		all := []string{
			"version", fmt.Sprint(h.Version), "prev", h.Prev.String(), "merkle", h.MerkleRoot.String(),
			"time", fmt.Sprint(h.Time), "bits", h.Bits.String(), "nonce", fmt.Sprint(h.Nonce),
		}
		for i := 0; i < len(changes); i += 2 {
			f.set(changes[i], changes[i+1])
		}
		for i := 0; i < len(all); i += 2 {
			if at, _ := fieldOf(all[i]); !f.has[at] && !slices.Contains(changes, "no "+all[i]) {
				f.set(all[i], all[i+1])
			}
		}
		return &f
	}
	for _, tc := range []struct {
		what    string
		changes []string
		want    func(h *pow.Header)
	}{
		{"nothing", nil, func(*pow.Header) {}},
		{"a second value", []string{"time", fmt.Sprint(h.Time), "time", "7"}, func(*pow.Header) {}},
		{"spaces", []string{"nonce", " 5\t"}, func(h *pow.Header) { h.Nonce = 5 }},
		{"the least version", []string{"version", "-2147483648"}, func(h *pow.Header) { h.Version = -1 << 31 }},
		{"the largest version", []string{"version", "4294967295"}, func(h *pow.Header) { h.Version = -1 }},
		{"a version in hex", []string{"version", "0x20000000"}, func(h *pow.Header) { h.Version = 1 << 29 }},
		{"a nonce in hex", []string{"nonce", "0x1f"}, func(h *pow.Header) { h.Nonce = 0x1f }},
		{"bits in hex", []string{"bits", "0x1d00fffe"}, func(h *pow.Header) { h.Bits = 0x1d00fffe }},
		{"bits in decimal", []string{"bits", "486604799"}, func(h *pow.Header) { h.Bits = 0x1d00ffff }},
		{"hashes with 0x", []string{"prev", "0x" + h.Prev.String(), "merkle", "0x" + h.MerkleRoot.String()}, func(*pow.Header) {}},
		{"a date", []string{"time", "2009-01-03 18:15:05"}, func(*pow.Header) {}},
		{"a genesis without a parent", []string{"no prev", "", "height", "0"}, func(h *pow.Header) { h.Prev = pow.Hash{} }},
		{"a genesis whose parent is null", []string{"prev", "null", "height", "0"}, func(h *pow.Header) { h.Prev = pow.Hash{} }},
		{"its hash", []string{"hash", h.Hash().String()}, func(*pow.Header) {}},
		{"an id that is no hash", []string{"id", "77"}, func(*pow.Header) {}},
	} {
		want := h
		tc.want(&want)
		if got, err := with(tc.changes...).header(); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", tc.what, got, err, want)
		}
	}
	for _, tc := range []struct {
		want    string
		changes []string
	}{
		{"the version is missing", []string{"no version", ""}},
		{"the version is missing", []string{"version", ""}},
		{"the hash of the previous block is missing, without which", []string{"no prev", ""}},
		{"the hash of the previous block is missing, without which", []string{"no prev", "", "height", "1"}},
		{"the hash of the previous block is missing, without which", []string{"prev", "null"}},
		{"the merkle root is missing", []string{"no merkle", "", "height", "0"}},
		{"the nonce is missing", []string{"no nonce", ""}},
		{`version "one": want a whole number`, []string{"version", "one"}},
		{`version "-2147483649": want a whole number`, []string{"version", "-2147483649"}},
		{`version "4294967296": want a whole number`, []string{"version", "4294967296"}},
		{`hash of the previous block "12": `, []string{"prev", "12"}},
		{`merkle root "12": `, []string{"merkle", "12"}},
		{`nonce "2009-01-03 18:15:05": want a whole number`, []string{"nonce", "2009-01-03 18:15:05"}},
		{`bits "0x1d00fffg": want a whole number`, []string{"bits", "0x1d00fffg"}},
		{"but the stated hash is", []string{"hash", h.Prev.String()}},
	} {
		_, err := with(tc.changes...).header()
		wantReason(t, err, Malformed)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: %v, want %q", tc.changes, err, tc.want)
		}
	}
}

// TestObjectsThatAreNoHeaders checks that an object counts as a header only if it has both
// a nonce and bits.
func TestObjectsThatAreNoHeaders(t *testing.T) {
	h := realHeaders(t, 1)[0]
	stream := `[{"nonce": 5, "time": 7, "version": 1}, {"bits": "1d00ffff", "time": 7, "height": 1}, {"nonce": {}, "bits": null}, {"nonce": "", "bits": []}, ` + coreJSON(h) + `]`
	if got, _, err := readAll(strings.NewReader(stream)); err != nil || !slices.Equal(got, []pow.Header{h}) {
		t.Errorf("%v, %v; want one header", got, err)
	}
	genesis := Main().Genesis
	for _, change := range []string{`"": 5, "version"`, `"": {"": {}}, "version"`, `"": [1, 2], "x": "", "version"`} {
		stream := strings.Replace(coreJSON(genesis), `"version"`, change, 1)
		stream = strings.Replace(stream, `"`+genesis.Prev.String()+`"`, "null", 1)
		stream = strings.Replace(stream, `"height": 12`, `"height": 0`, 1)
		if got, _, err := readAll(strings.NewReader(stream)); err != nil || !slices.Equal(got, []pow.Header{genesis}) {
			t.Errorf("%s: %v, %v; want the genesis", change, got, err)
		}
	}
	if _, _, err := readAll(strings.NewReader(`{"blocks": 3}`)); err == nil || strings.Contains(err.Error(), "hashes") {
		t.Errorf("%v, want nothing about hashes", err)
	}
	array := strings.NewReplacer("{", "[", "}", "]", `":`, `",`).Replace(coreJSON(h))
	got, _, err := readAll(strings.NewReader(`{"nonce": ` + array + "}"))
	if wantReason(t, err, UnknownForm); len(got) != 0 {
		t.Errorf("an array was read as %v", got)
	}
}

// TestRows checks the lines of a table, and what is said of rows that do not fit it.
func TestRows(t *testing.T) {
	const names = "note,version,prev,merkle,time,bits,nonce\n"
	all := realHeaders(t, 2)
	row := func(note string, h pow.Header) string {
		return fmt.Sprintf("%s,%d,%s,%s,%d,%s,%d", note, h.Version, h.Prev, h.MerkleRoot, h.Time, h.Bits, h.Nonce)
	}
	cut := func(row string) string { return row[:strings.LastIndexByte(row, ',')] }
	for _, tc := range []struct {
		what, rows, err, where string
		headers                int
	}{
		{"two rows", row("a", all[0]) + "\n" + row("b", all[1]) + "\n\n", "", "line 3", 2},
		{"a note with lines", row("a", all[0]) + "\n" + row("\"b\nc\"", all[1]), "", "line 3", 2},
		{"a note with a quote", row("a", all[0]) + "\n" + row("3\" b", all[1]), "", "line 3", 2},
		{"a column too many", row("a", all[0]) + ",x\n" + row("b", all[1]) + ",x\n", "", "line 3", 2},
		{"a column too few at first", cut(row("a", all[0])) + "\n", "malformed: the row has 6 columns, the first line 7: malformed: the nonce is missing", "line 2", 0},
		{"a column too few later", row("a", all[0]) + "\n" + cut(row("a", all[1])) + "\n", "malformed: the nonce is missing", "line 3", 1},
		{"a bad nonce at first", row("a", all[0]) + "x\n", "malformed: nonce ", "line 2", 0},
	} {
		got, reader, err := readAll(strings.NewReader(names + tc.rows))
		if (err == nil) != (tc.err == "") || err != nil && !strings.HasPrefix(err.Error(), tc.err) || !slices.Equal(got, all[:tc.headers]) || reader.Where() != tc.where {
			t.Errorf("%s: %d headers, %v on %s; want %d, %q on %s", tc.what, len(got), err, reader.Where(), tc.headers, tc.err, tc.where)
		}
	}
}

// TestBitsWithoutATarget checks that a header whose bits are no target is refused for that.
func TestBitsWithoutATarget(t *testing.T) {
	for _, bits := range []pow.Bits{0, 0x1d80ffff, 0xff123456} {
		h := Main().Genesis
		h.Bits = bits
		_, want := bits.Target()
		_, err := verifyStream(strings.NewReader(rawOf(h)), Config{})
		wantReason(t, err, reject.HighHash)
		var e reject.Error
		if !errors.As(err, &e) || want == nil || !strings.Contains(err.Error(), want.Error()) {
			t.Errorf("bits %s: %v, want %v", bits, err, want)
		}
	}
}
