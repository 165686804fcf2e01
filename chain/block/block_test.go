package block

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// sampleBlock returns a block whose header has different values in all of its fields,
// so that an encoding shows where each byte goes. It keeps no rules.
func sampleBlock(t testing.TB, txs ...Tx) Block {
	t.Helper()
	return Block{
		Header: pow.Header{
			Version: 0x20000000, Prev: pow.Hash{0: 1, 31: 2}, MerkleRoot: pow.Hash{0: 3, 31: 4},
			Time: 0x01020304, Bits: 0x207fffff, Nonce: 0x0a0b0c0d,
		},
		Coinbase: Coinbase{Height: 300, Extranonce: 1, Tag: "lode"},
		Txs:      txs,
	}
}

// plainBlock returns a block at height 1 whose header commits to the transactions.
// It has no proof of work, because this package does not check any.
func plainBlock(txs ...Tx) Block {
	b := Block{
		Header:   pow.Header{Version: 0x20000000, Prev: pow.Hash{1}, Time: 1231006506, Bits: 0x207fffff},
		Coinbase: Coinbase{Height: 1},
		Txs:      txs,
	}
	b.Header.MerkleRoot, _ = MerkleRoot(b.IDs())
	return b
}

const (
	sampleHeader = "\x00\x00\x00\x20" +
		"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" +
		"\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04" +
		"\x04\x03\x02\x01" + "\xff\xff\x7f\x20" + "\x0d\x0c\x0b\x0a"
	sampleCoinbase = "\x02\x00\x00\x00\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\xff\xff\xff\xff\x11\x02\x2c\x01\x08\x00\x00\x00\x00\x00\x00\x00\x01\x04lode" +
		"\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x6a\x00\x00\x00\x00"
	sampleTx = `{"author":"a","content":"one","timestamp":1}`
)

func testTx(t testing.TB, content string) Tx {
	t.Helper()
	tx, err := ParseTx(fmt.Appendf(nil, `{"author":"a","content":%q,"timestamp":1}`, content))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func signedTx(t testing.TB) Tx {
	t.Helper()
	tx, err := Sign([]byte(`{"author":"a","content":"signed"}`), testKey(), testTime)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// forge returns the text of a signed transaction with one digit of its signature
// changed.
func forge(tx Tx) string {
	digit := "0"
	if tx.Signature()[:1] == digit {
		digit = "1"
	}
	return strings.Replace(tx.String(), tx.Signature(), digit+tx.Signature()[1:], 1)
}

func encodeBlock(t testing.TB, b Block) []byte {
	t.Helper()
	raw, err := b.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func equalBlocks(a, b Block) bool {
	return a.Header == b.Header && a.Coinbase == b.Coinbase && slices.Equal(a.Txs, b.Txs)
}

func TestBlockGolden(t *testing.T) {
	long := strings.Repeat("x", 200)
	b := sampleBlock(t, testTx(t, "one"), testTx(t, long))
	want := sampleHeader +
		"\x4e" + sampleCoinbase +
		"\x02" +
		"\x2c" + sampleTx +
		"\xf1\x01" + `{"author":"a","content":"` + long + `","timestamp":1}`
	if got := encodeBlock(t, b); string(got) != want {
		t.Errorf("encoded\n%x, want\n%x", got, want)
	}
	if got, err := b.AppendBinary([]byte("before")); err != nil || string(got) != "before"+want {
		t.Errorf("appended\n%x (%v)", got, err)
	}
	if got, err := Parse([]byte(want)); err != nil || !equalBlocks(got, b) {
		t.Errorf("parsed %+v (%v), want %+v", got, err, b)
	}
	if size := len(sampleHeader) + len(sampleCoinbase) + 44 + 241; b.Size() != size {
		t.Errorf("size %d, want %d", b.Size(), size)
	}
}

func TestBlockRoundTrip(t *testing.T) {
	var many []Tx
	for i := range 300 { // the count 300 takes two bytes
		many = append(many, testTx(t, fmt.Sprint(i)))
	}
	for name, txs := range map[string][]Tx{
		"no transactions": nil,
		"one":             many[:1],
		"signed":          {signedTx(t)},
		"many":            append(many, signedTx(t), testTx(t, "<&> 😂"), testTx(t, strings.Repeat("x", 20_000))),
	} {
		b := plainBlock(txs...)
		raw := encodeBlock(t, b)
		for _, parse := range []func([]byte) (Block, error){Parse, Load} {
			got, err := parse(raw)
			if err != nil || !equalBlocks(got, b) || !bytes.Equal(encodeBlock(t, got), raw) {
				t.Errorf("%s: came back as %+v (%v)", name, got, err)
			}
		}
	}
}

func TestBlockPrefixesAreRefused(t *testing.T) {
	raw := encodeBlock(t, plainBlock(testTx(t, "one"), testTx(t, strings.Repeat("x", 200)), testTx(t, "two")))
	for n := range raw {
		if b, err := Parse(raw[:n]); err == nil || !equalBlocks(b, Block{}) {
			t.Errorf("the first %d bytes: %+v, %v", n, b, err)
		}
		if _, err := Load(raw[:n]); err == nil {
			t.Errorf("loaded the first %d bytes", n)
		}
	}
	for _, more := range []string{"\x00", "x", string(raw)} {
		if _, err := Parse(append(slices.Clone(raw), more...)); err == nil || !strings.Contains(err.Error(), "after its end") {
			t.Errorf("%d bytes more: %v", len(more), err)
		}
	}
}

func TestParseBlockRefuses(t *testing.T) {
	const (
		coinbase = "\x4e" + sampleCoinbase
		one      = "\x2c" + sampleTx
		overflow = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"
		most     = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
		early    = "ends too early"
	)
	signed := signedTx(t)
	forged := forge(signed)
	sized := func(text string) string { return string(binary.AppendUvarint(nil, uint64(len(text)))) + text }
	odd := strings.Replace(coinbase, "lode", "lod", 1)
	if _, err := Parse([]byte(sampleHeader + coinbase + "\x02" + one + sized(signed.String()))); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ body, want string }{
		"padded coinbase length":            {"\xce\x00" + sampleCoinbase + "\x00", early},
		"padded count of 0":                 {coinbase + "\x80\x00", early},
		"padded count of 1":                 {coinbase + "\x81\x00" + one, early},
		"padded length":                     {coinbase + "\x01\xac\x00" + sampleTx, early},
		"padded to ten bytes":               {coinbase + "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00" + one, early},
		"coinbase length over 64 bits":      {overflow + sampleCoinbase + "\x00", early},
		"count over 64 bits":                {coinbase + overflow + one, early},
		"length over 64 bits":               {coinbase + "\x01" + overflow + sampleTx, early},
		"number of eleven bytes":            {coinbase + "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01" + one, early},
		"the longest coinbase":              {most + sampleCoinbase + "\x00", early},
		"the greatest count":                {coinbase + most + one, early},
		"the longest transaction":           {coinbase + "\x01" + most + sampleTx, early},
		"a length of 2^63":                  {coinbase + "\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01" + sampleTx, early},
		"a length of one more":              {coinbase + "\x01\x2d" + sampleTx, early},
		"a length of one less":              {coinbase + "\x01\x2b" + sampleTx, "transaction 0"},
		"a count of one more":               {coinbase + "\x02" + one, early},
		"a count of one less":               {coinbase + "\x01" + one + one, "45 bytes after its end"},
		"an empty transaction":              {coinbase + "\x02" + one + "\x00" + strings.Repeat(" ", 80), "transaction 1"},
		"no transaction":                    {coinbase + "\x01" + sized(`{"author":"a","content":"b","times":0000001}`), "transaction 0"},
		"a space":                           {coinbase + "\x02" + one + sized(sampleTx+" "), "transaction 1: not in its canonical form"},
		"members in another order":          {coinbase + "\x01" + sized(`{"author":"a","timestamp":1,"content":"one"}`), "transaction 0: not in its canonical form"},
		"an escape":                         {coinbase + "\x01" + sized(`{"author":"\u0061","content":"one","timestamp":1}`), "transaction 0: not in its canonical form"},
		"a signature that is not right":     {coinbase + "\x02" + one + sized(forged), "transaction 1"},
		"a coinbase of no bytes":            {"\x00\x00", string(CoinbaseMissing)},
		"a coinbase that spends":            {"\x4e" + strings.Replace(sampleCoinbase, "\x01\x00", "\x01\x01", 1) + "\x00", string(CoinbaseMissing)},
		"a coinbase with another tag":       {"\x4d" + odd[1:] + "\x00", string(CoinbaseShape)},
		"a coinbase with a byte after it":   {"\x4f" + sampleCoinbase + "\x00\x00", string(CoinbaseShape)},
		"a coinbase with a byte less":       {"\x4d" + sampleCoinbase[:77] + "\x00", string(CoinbaseShape)},
		"a coinbase of version 1":           {"\x4e\x01" + sampleCoinbase[1:] + "\x00", string(CoinbaseShape)},
		"nothing but a header":              {"", early},
		"nothing but a header and coinbase": {coinbase, early},
	} {
		if b, err := Parse([]byte(sampleHeader + tc.body)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %+v, error %v, want one with %q", name, b, err, tc.want)
		}
	}
}

// A count or a length that is too great for the data is refused before memory is
// allocated for it, but the greatest count that fits is accepted.
func TestParseBlockMemory(t *testing.T) {
	const (
		start = sampleHeader + "\x4e" + sampleCoinbase
		least = "\x2a" + `{"author":"a","content":"b","timestamp":0}`
	)
	if b, err := Parse([]byte(start + "\x03" + least + least + least)); err != nil || len(b.Txs) != 3 {
		t.Errorf("the shortest transactions: %d, %v", len(b.Txs), err)
	}
	for _, n := range []uint64{1, 1000, 1 << 20, 1 << 32, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		number := string(binary.AppendUvarint(nil, n))
		for name, data := range map[string]string{
			"coinbase": sampleHeader + number + sampleCoinbase[:n%2],
			"count":    start + number,
			"length":   start + "\x01" + number + strings.Repeat(" ", minTxRecord-len(number)),
		} {
			raw := []byte(data)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Parse(raw)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Errorf("%s of %d: accepted", name, n)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 16<<10 {
				t.Errorf("%s of %d: %d bytes allocated for %d", name, n, got, len(raw))
			}
		}
	}

	const size = 1 << 20
	body := strings.Repeat("\x00", size) // of which no part is a transaction
	raw := append(binary.AppendUvarint([]byte(start), uint64(size/minTxRecord)), body...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Parse(raw)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 4*size {
		t.Errorf("%v, %d bytes allocated for %d", err, got, len(raw))
	}
}

// Load does not verify signatures, but it compares the merkle root.
func TestLoadBlock(t *testing.T) {
	signed := signedTx(t)
	b := plainBlock(testTx(t, "one"), signed)
	good := encodeBlock(t, b)

	forged := forge(signed)
	b.Header.MerkleRoot, _ = MerkleRoot([]pow.Hash{b.IDs()[0], b.IDs()[1], pow.DoubleSHA256([]byte(forged))})
	raw := bytes.Replace(encodeBlock(t, b), []byte(signed.String()), []byte(forged), 1)
	if _, err := Parse(raw); err == nil || !strings.Contains(err.Error(), "transaction 1") {
		t.Errorf("parsed a bad signature: %v", err)
	}
	if loaded, err := Load(raw); err != nil || loaded.Txs[1].String() != forged || loaded.Txs[1].ID() != pow.DoubleSHA256([]byte(forged)) {
		t.Errorf("loaded %+v, %v", loaded, err)
	}

	change := func(old, to string) []byte { return bytes.Replace(good, []byte(old), []byte(to), 1) }
	for name, raw := range map[string][]byte{
		"another transaction": change(`"one"`, `"two"`),
		"another signature":   change(signed.String(), forged),
		"another root":        encodeBlock(t, b),
		"another coinbase":    change("\x51\x08\x00", "\x51\x08\x01"),
	} {
		if bytes.Equal(raw, good) {
			t.Fatalf("%s: nothing has changed", name)
		}
		if _, err := Load(raw); err == nil || !strings.Contains(err.Error(), "not those that its header commits to") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(change(`"author"`, `"euthor"`)); err == nil || !strings.Contains(err.Error(), "transaction 0") {
		t.Errorf("no transaction: %v", err)
	}
}

func TestAppendBinaryRefuses(t *testing.T) {
	for _, tc := range []struct {
		coinbase Coinbase
		want     Reason
	}{
		{Coinbase{Height: -1}, CoinbaseHeight},
		{Coinbase{Height: MaxHeight + 1}, CoinbaseHeight},
		{Coinbase{Tag: strings.Repeat("x", MaxTag+1)}, CoinbaseLength},
	} {
		if raw, err := (Block{Coinbase: tc.coinbase}).AppendBinary(nil); !errors.Is(err, tc.want) || raw != nil {
			t.Errorf("%+v: %x, %v, want %s", tc.coinbase, raw, err, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, txs := range [][]Tx{nil, {testTx(f, "one")}, {signedTx(f), testTx(f, strings.Repeat("x", 200))}} {
		f.Add(encodeBlock(f, plainBlock(txs...)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse(data)
		if err == nil {
			if again := encodeBlock(t, b); !bytes.Equal(again, data) {
				t.Errorf("%x came back as %x", data, again)
			}
			for _, tx := range b.Txs {
				sound(t, tx)
			}
		}
		loaded, errLoad := Load(data)
		if errLoad != nil {
			return
		}
		if again := encodeBlock(t, loaded); !bytes.Equal(again, data) {
			t.Errorf("%x was loaded as %x", data, again)
		}
		if err == nil && !equalBlocks(loaded, b) {
			t.Errorf("loaded %+v, parsed %+v", loaded, b)
		}
	})
}
