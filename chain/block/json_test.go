package block

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lodepow/lode/pow"
)

// The hash was computed with Python's hashlib.
func TestBlockJSONGolden(t *testing.T) {
	b := sampleBlock(t, testTx(t, "one"), testTx(t, "<&>"))
	want := `{"index":300,` +
		`"hash":"5f5b5951511740112be51d32b2ce4d3ca0212f711c1e32c7ca6b429ab6124be5",` +
		`"version":536870912,` +
		`"previous_hash":"0200000000000000000000000000000000000000000000000000000000000001",` +
		`"merkle_root":"0400000000000000000000000000000000000000000000000000000000000003",` +
		`"timestamp":16909060,` +
		`"bits":"207fffff",` +
		`"nonce":168496141,` +
		`"coinbase":"` + hex.EncodeToString([]byte(sampleCoinbase)) + `",` +
		`"transactions":[` + sampleTx + `,{"author":"a","content":"<&>","timestamp":1}]}`
	if got, err := b.MarshalJSON(); err != nil || string(got) != want {
		t.Errorf("marshals to\n%s (%v), want\n%s", got, err, want)
	}
	var got Block
	if err := json.Unmarshal([]byte(want), &got); err != nil || !equalBlocks(got, b) {
		t.Errorf("unmarshals to %+v (%v), want %+v", got, err, b)
	}
	b.Txs = nil
	if got, err := b.MarshalJSON(); err != nil || !strings.HasSuffix(string(got), `"transactions":[]}`) {
		t.Errorf("without transactions: %s (%v)", got, err)
	}
}

func blockText(t testing.TB, b Block) string {
	t.Helper()
	text, err := b.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBlockJSONRoundTrip(t *testing.T) {
	for _, txs := range [][]Tx{nil, {testTx(t, "<&> 😂")}, {signedTx(t), testTx(t, "two"), testTx(t, strings.Repeat("x", 20_000))}} {
		b := plainBlock(txs...)
		text := blockText(t, b)
		var got Block
		if err := json.Unmarshal([]byte(" "+text+"\n"), &got); err != nil || !equalBlocks(got, b) {
			t.Errorf("%s came back as %+v (%v)", text, got, err)
		}
		got, err := parseUnchecked([]byte("\t" + text + "\r\n"))
		if err != nil || !equalBlocks(got, b) {
			t.Errorf("%s was parsed as %+v (%v)", text, got, err)
		}
	}
}

// blockWith returns the JSON of the block with another value for a field, or
// without it if that is empty.
func blockWith(t testing.TB, b Block, field, value string) string {
	t.Helper()
	text := blockText(t, b)
	members, _, err := scanJSON(text, 2)
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	found := false
	for _, m := range members {
		got := text[m.value:m.end]
		if m.key == field {
			found = true
			if got = value; value == "" {
				continue
			}
		}
		fields = append(fields, strconv.Quote(m.key)+":"+got)
	}
	if !found {
		t.Fatalf("no field %q", field)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func TestBlockJSONRefuses(t *testing.T) {
	b := sampleBlock(t, testTx(t, "one"))
	good := blockText(t, b)
	members, _, err := scanJSON(good, 2)
	if err != nil {
		t.Fatal(err)
	}
	add := func(field string) string { return strings.TrimSuffix(good, "}") + "," + field + "}" }
	swap := func(old, to string) string {
		if strings.Count(good, old) != 1 {
			t.Fatalf("%q is not there once", old)
		}
		return strings.Replace(good, old, to, 1)
	}
	type refusal struct{ name, text, want string }
	var cases []refusal
	for _, field := range []string{
		"index", "hash", "version", "previous_hash", "merkle_root", "timestamp", "bits", "nonce", "coinbase", "transactions",
	} {
		i := slices.IndexFunc(members, func(m member) bool { return m.key == field })
		value := good[members[i].value:members[i].end]
		cases = append(cases,
			refusal{field + " missing", blockWith(t, b, field, ""), field + ": missing"},
			refusal{field + " null", blockWith(t, b, field, "null"), field + ": missing"},
			refusal{field + " twice", add(`"` + field + `":null`), "duplicate key"},
			refusal{field + " in capitals", swap(`"`+field+`":`+value, `"`+strings.ToUpper(field)+`":`+value), "unknown field"},
			refusal{field + " in capitals too", add(`"` + strings.ToUpper(field) + `":1`), "unknown field"},
			refusal{field + " an object", blockWith(t, b, field, `{}`), "block: "},
			refusal{field + " true", blockWith(t, b, field, `true`), "block: "},
		)
	}
	for field, values := range map[string][]string{
		"index":         {`299`, `301`, `-1`, `300.5`, `3e2`, `"300"`, `9007199254740992`},
		"version":       {`2147483648`, `-2147483649`, `536870912.0`, `"20000000"`, `536870913`},
		"timestamp":     {`-1`, `16909060.5`, `1.690906e7`, `4294967296`, `"16909060"`, `16909061`},
		"nonce":         {`-1`, `0.5`, `-0.0`, `1e3`, `4294967296`, `"168496141"`, `168496142`},
		"bits":          {`"207fff"`, `"207fffff0"`, `""`, `"207ffffg"`, `545259519`, `"207ffffe"`},
		"hash":          {`""`, `"00"`, `"` + strings.Repeat("0", 62) + `"`, `"` + strings.Repeat("0", 64) + `"`, `"` + strings.Repeat("0", 66) + `"`, `0`},
		"previous_hash": {`""`, `"` + strings.Repeat("0", 63) + `"`, `"` + strings.Repeat("0", 64) + `"`, `"` + strings.Repeat("g", 64) + `"`},
		"merkle_root":   {`""`, `"` + strings.Repeat("0", 65) + `"`, `"` + strings.Repeat("0", 64) + `"`, `[]`},
		"coinbase":      {`""`, `"00"`, `"0"`, `"` + hex.EncodeToString([]byte(sampleCoinbase)) + `00"`, `{}`},
		"transactions":  {`{}`, `""`, `0`, `[0]`, `[[]]`, `[{}]`},
	} {
		for _, value := range values {
			cases = append(cases, refusal{field + " " + value, blockWith(t, b, field, value), "block: "})
		}
	}
	cases = append(
		cases,
		refusal{"index and coinbase", blockWith(t, b, "index", "301"), "index 301, but the coinbase says height 300"},
		refusal{"hash and header", blockWith(t, b, "nonce", "1"), "but the header's is"},
		refusal{"[null]", blockWith(t, b, "transactions", "[null]"), "transaction 0"},
		refusal{"a bad transaction", blockWith(t, b, "transactions", "["+sampleTx+","+sampleTx+`,{"author":"a"}]`), "transaction 2"},
		refusal{"a bad signature", blockWith(t, b, "transactions", "["+sampleTx+","+forge(signedTx(t))+"]"), "transaction 1"},
		refusal{"a key twice in a transaction", blockWith(t, b, "transactions", `[{"author":"a","author":"a","content":"b","timestamp":1}]`), "duplicate key"},
		refusal{"unknown field", add(`"size":1`), "unknown field"},
		refusal{"a name without its underscore", swap(`"previous_hash"`, `"previoushash"`), "unknown field"},
		refusal{"a name with a long s", swap(`"hash"`, `"haſh"`), "unknown field"},
		refusal{"an empty name", add(`"":1`), "unknown field"},
		refusal{"two values", good + good, "block: "},
		refusal{"a bracket more", good + "}", "block: "},
		refusal{"a bracket less", good[:len(good)-1], "block: "},
		refusal{"nothing", "", "block: "},
		refusal{"white space", " \n", "block: "},
		refusal{"null", "null", "block: "},
		refusal{"an array", "[" + good + "]", "block: "},
		refusal{"an empty object", "{}", "index: missing"},
		refusal{"invalid UTF-8 in a transaction", swap(`"one"`, "\"on\xff\""), "invalid UTF-8"},
		refusal{"invalid UTF-8 in a name", add("\"\xff\":1"), "invalid UTF-8"},
		refusal{"a lone surrogate", swap(`"one"`, `"\ud800"`), "lone surrogate"},
	)
	for _, tc := range cases {
		got := sampleBlock(t)
		if err := got.UnmarshalJSON([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
		if !equalBlocks(got, sampleBlock(t)) {
			t.Errorf("%s: the block has changed", tc.name)
		}
		if _, err := parseUnchecked([]byte(tc.text)); err == nil {
			t.Errorf("%s: parsed for a network", tc.name)
		}
	}
}

// The levels around a transaction do not count for it.
func TestBlockJSONDepth(t *testing.T) {
	b := plainBlock()
	for _, tc := range []struct {
		depth int
		good  bool
	}{{maxDepth, true}, {maxDepth + 1, false}} {
		arrays := tc.depth - 1 // the transaction is the outermost
		tx := `{"author":"a","content":"c","timestamp":1,"x":` + strings.Repeat("[", arrays) + strings.Repeat("]", arrays) + `}`
		text := []byte(blockWith(t, b, "transactions", "["+tx+"]"))
		var got Block
		err := got.UnmarshalJSON(text)
		_, errParse := parseUnchecked(text)
		for _, err := range []error{err, errParse} {
			if (err == nil) != tc.good || err != nil && !strings.Contains(err.Error(), "nested deeper") {
				t.Errorf("depth %d: error %v", tc.depth, err)
			}
		}
		if tc.good && (len(got.Txs) != 1 || got.Txs[0].String() != tx) {
			t.Errorf("depth %d: %v", tc.depth, got.Txs)
		}
	}
}

func TestBlockJSONOfNoBlock(t *testing.T) {
	for name, b := range map[string]Block{
		"zero transaction": sampleBlock(t, testTx(t, "one"), Tx{}),
		"height":           {Coinbase: Coinbase{Height: -1}},
		"tag":              {Coinbase: Coinbase{Tag: strings.Repeat("x", MaxTag+1)}},
	} {
		if text, err := b.MarshalJSON(); err == nil {
			t.Errorf("%s: marshals to %s", name, text)
		}
	}
}

// parseUnchecked parses a block and does not look at its header.
func parseUnchecked(data []byte) (Block, error) {
	return ParseJSON(data, func(pow.Header, int) error { return nil })
}

// ParseJSON hands the check the header and the number of transactions before it
// parses any of them.
func TestParseJSONChecksFirst(t *testing.T) {
	b := plainBlock(testTx(t, "one"), testTx(t, "two"))
	text := []byte(blockWith(t, b, "transactions", "[0,0]")) // two that do not parse
	refused := errors.New("refused")
	_, err := ParseJSON(text, func(h pow.Header, txs int) error {
		if h != b.Header || txs != 2 {
			t.Errorf("check was called with %+v and %d transactions", h, txs)
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("error %v, want that of the check", err)
	}
	if _, err := parseUnchecked(text); err == nil || !strings.Contains(err.Error(), "transaction 0") {
		t.Errorf("error %v, want one about transaction 0", err)
	}
}

func FuzzBlockJSON(f *testing.F) {
	for _, txs := range [][]Tx{nil, {testTx(f, "<&>")}, {signedTx(f), testTx(f, "two")}} {
		f.Add([]byte(blockText(f, plainBlock(txs...))))
	}
	f.Add([]byte(blockWith(f, plainBlock(), "transactions", `[{"timestamp":1e0,"content":"\u0061","author":"b","x":[[]]}]`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Block
		err := b.UnmarshalJSON(data)
		parsed, errParse := parseUnchecked(data)
		if errParse == nil && (err != nil || !equalBlocks(parsed, b)) {
			t.Errorf("%s: parsed %+v, unmarshalled %+v (%v)", data, parsed, b, err)
		}
		if err != nil {
			return
		}
		for _, tx := range b.Txs {
			sound(t, tx)
		}
		text := []byte(blockText(t, b))
		var again Block
		if err := again.UnmarshalJSON(text); err != nil || !equalBlocks(again, b) {
			t.Errorf("%s came back as %+v (%v)", text, again, err)
		}
		if !bytes.Equal(text, []byte(blockText(t, again))) {
			t.Errorf("%s has another form the second time", text)
		}
	})
}
