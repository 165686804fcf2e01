package dump

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/pow"
)

// signed returns a signed transaction.
func signed(t testing.TB, content string) block.Tx {
	t.Helper()
	key := ed25519.NewKeyFromSeed([]byte("01234567890123456789012345678901"))
	tx, err := block.Sign(fmt.Appendf(nil, `{"author":"ann","content":%q}`, content), key, time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// testChain returns a chain of the network with blocks up to a height. Blocks whose
// height is a multiple of 3 have four transactions, of which the first and the third
// are signed; the others have one.
func testChain(t testing.TB, p rules.Params, height int) *rulestest.Branch {
	t.Helper()
	b := rulestest.NewBranch(p)
	for h := 1; h <= height; h++ {
		txs := []block.Tx{rulestest.MakeTx(t, fmt.Sprint("post ", h))}
		if h%3 == 0 {
			txs = []block.Tx{signed(t, fmt.Sprint("first ", h)), txs[0], signed(t, fmt.Sprint("third ", h)), rulestest.MakeTx(t, fmt.Sprint("fourth ", h))}
		}
		b.Grow(uint32(10+h%5), txs...)
	}
	return b
}

// texts returns the JSON form of every block, genesis included.
func texts(t testing.TB, b *rulestest.Branch) []string {
	t.Helper()
	header, coinbase := b.Params.Genesis()
	var out []string
	for _, bl := range append([]block.Block{{Header: header, Coinbase: coinbase}}, b.Blocks...) {
		text, err := bl.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// page returns an answer of GET /chain.
func page(length int, blocks []string) string {
	return fmt.Sprintf(`{"length":%d,"chain":[%s],"peers":["http://10.0.0.1:8000"]}`+"\n", length, strings.Join(blocks, ","))
}

func reader(streams ...string) *Reader {
	return NewReader(func() (io.Reader, error) {
		if len(streams) == 0 {
			return nil, io.EOF
		}
		first := streams[0]
		streams = streams[1:]
		return strings.NewReader(first), nil
	})
}

// check reads and checks streams.
func check(c *Checker, streams ...string) (Summary, error) {
	r := reader(streams...)
	for {
		text, err := r.Next()
		if errors.Is(err, io.EOF) {
			return c.Summary(), nil
		}
		if err == nil {
			err = c.Add(text)
		}
		if err != nil {
			return c.Summary(), err
		}
	}
}

func tutorial(t testing.TB, zeros int) rules.Params {
	t.Helper()
	p, err := rules.Tutorial(zeros)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEveryForm checks that a chain is read from every form in which GET /chain and
// GET /blocks/{id} give it, and that the result is the same.
func TestEveryForm(t *testing.T) {
	const height = 40
	b := testChain(t, tutorial(t, 1), height)
	all := texts(t, b)
	n := len(all)
	indented := strings.NewReplacer(`,"`, ",\n  \"", `":`, `": `).Replace(page(n, all))
	for name, tc := range map[string]struct {
		streams  []string
		repeated int64
	}{
		"whole":                      {[]string{page(n, all)}, 0},
		"a byte order mark":          {[]string{"\ufeff" + page(n, all)}, 0},
		"indented":                   {[]string{indented}, 0},
		"pages":                      {[]string{page(n, all[:10]), page(n, all[10:30]), page(n, all[30:])}, 0},
		"pages in one file":          {[]string{page(n, all[:10]) + page(n, all[10:])}, 0},
		"pages in an array":          {[]string{"[" + page(n, all[:10]) + "," + page(n, all[10:]) + "]"}, 0},
		"pages that overlap":         {[]string{page(n-5, all[:20]), page(n, all[15:])}, 5},
		"pages, and an empty one":    {[]string{page(n, all), page(n, nil)}, 0},
		"the same pages again":       {[]string{page(n, all[:20]), page(n, all[:20]), page(n, all[20:])}, 20},
		"blocks":                     {[]string{strings.Join(all, "\n")}, 0},
		"an array of blocks":         {[]string{"[" + strings.Join(all, ",\n") + "]"}, 0},
		"keys sorted, as by jq -S":   {[]string{`{"chain":[` + strings.Join(all, ",") + `],"length":41,"peers":[]}`}, 0},
		"blocks, one in each stream": {all, 0},
	} {
		if !Recognise([]byte(tc.streams[0])) {
			t.Errorf("%s: not recognised", name)
		}
		s, err := check(NewChecker(rules.Params{}, ""), tc.streams...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s.Tip != b.Hash || s.Work != b.Work || s.Blocks != height+1 || s.Repeated != tc.repeated || !s.FromGenesis || !s.BitsChecked || s.Network != "tutorial" {
			t.Errorf("%s: %+v", name, s)
		}
		if s.Txs != 27+4*13 || s.Signed != 26 {
			t.Errorf("%s: %d transactions, %d signed", name, s.Txs, s.Signed)
		}
	}
}

// TestNotADump checks that other JSON is left to other readers.
func TestNotADump(t *testing.T) {
	for _, text := range []string{
		"", " ", "{}", "[]", "0100000000", `{"hash":"00","previousblockhash":"00","merkleroot":"00"}`,
		`{"tx":[{"vin":[{"coinbase":"03"}]}],"merkleroot":"00"}`, `{"length":3,"headers":[{"merkle_root":"00"}]}`, `"chain":[`,
	} {
		if Recognise([]byte(text)) {
			t.Errorf("%q was recognised", text)
		}
	}
}

// TestOtherNetworks checks how the rules of a network become known.
func TestOtherNetworks(t *testing.T) {
	swift := testChain(t, rulestest.Swift(), 30)
	all := texts(t, swift)
	_, err := check(NewChecker(rules.Params{}, ""), page(31, all))
	if need := (NeedNetworkError{}); !errors.As(err, &need) || need.Name != "swift" {
		t.Errorf("without the rules: %v", err)
	}
	if s, err := check(NewChecker(rulestest.Swift(), ""), page(31, all)); err != nil || s.Tip != swift.Hash || !s.BitsChecked {
		t.Errorf("with the rules: %+v, %v", s, err)
	}
	if s, err := check(NewChecker(rulestest.Swift(), ""), page(31, all[10:])); err != nil || s.Tip != swift.Hash || s.BitsChecked || s.FromGenesis || s.First != 10 || s.Parent != swift.Blocks[8].Hash() {
		t.Errorf("from the middle: %+v, %v", s, err)
	}
	if _, err := check(NewChecker(rules.Params{}, ""), page(31, all[10:])); !errors.As(err, new(NeedNetworkError)) {
		t.Errorf("from the middle, without the network: %v", err)
	}
	if _, err := check(NewChecker(rules.Lab(), ""), page(31, all)); !errors.Is(err, WrongGenesis) || !strings.Contains(err.Error(), "genesis of the network swift, not of lab") {
		t.Errorf("another network: %v", err)
	}
	lab := testChain(t, rules.Lab(), 0)
	if s, err := check(NewChecker(rules.Params{}, ""), page(1, texts(t, lab))); err != nil || s.Network != "lab" {
		t.Errorf("lab: %+v, %v", s, err)
	}
	hard := texts(t, testChain(t, tutorial(t, 2), 3))
	if s, err := check(NewChecker(rules.Params{}, "tutorial"), page(4, hard[2:])); err != nil || s.Height != 3 || !s.BitsChecked {
		t.Errorf("tutorial from the middle: %+v, %v", s, err)
	}
}

// TestTampered changes one thing after another in a chain. Each time the checker and
// the import must name the block, the field or the transaction, and the reason.
func TestTampered(t *testing.T) {
	b := testChain(t, tutorial(t, 2), 14)
	all := texts(t, b)
	const h = 9 // has four transactions
	target := b.Blocks[h-1]
	otherRoot := strings.Repeat("ab", 32)
	replace := func(old, with string) func(string) string {
		return func(text string) string {
			changed := strings.Replace(text, old, with, 1)
			if changed == text {
				t.Fatalf("nothing to replace: %q in %s", old, text)
			}
			return changed
		}
	}
	number := func(name string, was, is any) func(string) string {
		return replace(fmt.Sprintf(`"%s":%v`, name, was), fmt.Sprintf(`"%s":%v`, name, is))
	}
	txs := func(edit func([]string) []string) func(string) string {
		return func(text string) string {
			var list []string
			for _, tx := range target.Txs {
				list = append(list, tx.String())
			}
			was := strings.Join(list, ",")
			return replace(was, strings.Join(edit(list), ","))(text)
		}
	}
	extra := rulestest.MakeTx(t, "slipped in").String()
	for name, tc := range map[string]struct {
		edit   func(string) string
		field  string
		reason block.Reason
		says   string
	}{
		"index":              {number("index", h, h+1), "index", Malformed, "coinbase says height 9"},
		"hash":               {replace(target.Hash().String(), strings.Repeat("f", 64)), "hash", Malformed, target.Hash().String()},
		"version":            {number("version", 0x20000000, 0x20000001), "version", Malformed, "has 536870912"},
		"previous_hash":      {replace(target.Header.Prev.String(), b.Blocks[3].Hash().String()), "previous_hash", Malformed, target.Header.Prev.String()},
		"merkle_root":        {replace(target.Header.MerkleRoot.String(), otherRoot), "merkle_root", Malformed, target.Header.MerkleRoot.String()},
		"timestamp":          {number("timestamp", target.Header.Time, target.Header.Time-3600), "timestamp", Malformed, fmt.Sprint("has ", target.Header.Time)},
		"bits":               {replace(`"bits":"2000ffff"`, `"bits":"207fffff"`), "bits", Malformed, "has 2000ffff"},
		"nonce":              {number("nonce", target.Header.Nonce, target.Header.Nonce+1), "nonce", Malformed, fmt.Sprint("has ", target.Header.Nonce)},
		"coinbase's height":  {replace("ffffffff0b59", "ffffffff0b5a"), "coinbase", Malformed, "height 10"},
		"coinbase's number":  {replace("590800", "590801"), "transactions", block.BadMerkleRoot, "the coinbase was"},
		"coinbase":           {replace(`"coinbase":"0200`, `"coinbase":"0300`), "coinbase", block.CoinbaseShape, ""},
		"a signed post":      {replace("first 9", "FIRST 9"), "transactions[0]", block.TxBadSignature, "signature"},
		"a signed author":    {txs(func(l []string) []string { l[2] = strings.Replace(l[2], "ann", "bob", 1); return l }), "transactions[2]", block.TxBadSignature, ""},
		"an unsigned post":   {replace("post 9", "POST 9"), "transactions", block.BadMerkleRoot, "transactions[1], transactions[3] were changed"},
		"a post left out":    {txs(func(l []string) []string { return append(l[:1:1], l[2:]...) }), "transactions[2]", block.BadMerkleRoot, "only transaction without a signature"},
		"a post added":       {txs(func(l []string) []string { return append([]string{l[0], extra}, l[1:]...) }), "transactions[1]", block.BadMerkleRoot, "was added"},
		"two exchanged":      {txs(func(l []string) []string { l[0], l[3] = l[3], l[0]; return l }), "transactions[0]", block.BadMerkleRoot, "and transactions[3] were exchanged"},
		"one moved":          {txs(func(l []string) []string { return []string{l[1], l[2], l[3], l[0]} }), "transactions[3]", block.BadMerkleRoot, "moved here from place 0"},
		"the last one twice": {txs(func(l []string) []string { return append(l, l[3]) }), "transactions", block.DuplicateTxs, "twice"},
		"no posts":           {txs(func([]string) []string { return nil }), "coinbase", block.BadMerkleRoot, "left out"},
		"a field more":       {replace(`{"index"`, `{"miner":"x","index"`), "miner", Malformed, "no such field"},
		"a field less":       {number("nonce", target.Header.Nonce, "null"), "nonce", Malformed, "missing"},
		"no number":          {number("timestamp", target.Header.Time, `"now"`), "timestamp", Malformed, ""},
		"no transaction":     {txs(func(l []string) []string { l[1] = "7"; return l }), "transactions[1]", Malformed, ""},
		"an author less":     {replace(`{"author":"a","content":"post 9"`, `{"author":"","content":"post 9"`), "transactions[1]", Malformed, "author"},
		"a block replaced":   {func(string) string { other := b.Fork("x"); other.Blocks = other.Blocks[:h-1]; return all[3] }, "", block.PrevNotFound, ""},
		"a nonce far away":   {number("nonce", target.Header.Nonce, uint32(1<<31)), "nonce", Malformed, ""},
		"two fields": {func(s string) string {
			return number("version", 0x20000000, 0x20000001)(number("timestamp", target.Header.Time, 7)(s))
		}, "", Malformed, "several fields"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tampered := append([]string(nil), all...)
			tampered[h] = tc.edit(all[h])
			stream := page(len(all), tampered)
			_, err := check(NewChecker(rules.Params{}, ""), stream)
			wantFault(t, "check", err, h, tc.field, tc.reason, tc.says)
			if tc.field == "" {
				return // the chain knows that block already; the search for a field that is not found takes long
			}
			c := openChain(t, b.Params)
			taken, err := Import(t.Context(), c, reader(stream), func(Taken) {})
			wantFault(t, "import", err, h, tc.field, tc.reason, tc.says)
			if taken != (Taken{New: h - 1, Known: 1, Height: h - 1}) || c.Tip().Height != h-1 {
				t.Errorf("import: %+v, tip %d", taken, c.Tip().Height)
			}
		})
	}
}

// wantFault checks what a fault names. A height that the block itself states wrongly
// may be the stated one.
func wantFault(t *testing.T, what string, err error, height int64, field string, reason block.Reason, says string) {
	t.Helper()
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Fatalf("%s: %v, want a fault", what, err)
	}
	if fault.Field != field || !errors.Is(err, reason) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v; want field %q, reason %s and %q", what, err, field, reason, says)
	}
	if fault.Height != height && says != "" {
		t.Errorf("%s: %v; want height %d", what, err, height)
	}
}

func openChain(t testing.TB, p rules.Params) *chain.Chain {
	t.Helper()
	c, err := chain.Open(chain.Config{Params: p, Store: chain.NewMemStore(), Now: rulestest.Now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReplacedAndMissing checks the links between blocks that are right by themselves.
func TestReplacedAndMissing(t *testing.T) {
	p := tutorial(t, 1)
	b := testChain(t, p, 12)
	all := texts(t, b)
	other := testChain(t, p, 5)
	other.Tag = "other"
	other.Grow(10, rulestest.MakeTx(t, "forged"))
	forged := texts(t, other)[6]
	edit := func(edit func([]string) []string) string {
		return page(13, edit(append([]string(nil), all...)))
	}
	easier := b.Fork("easier")
	for name, tc := range map[string]struct {
		streams []string
		height  int64
		field   string
		reason  block.Reason
		says    string
	}{
		"replaced":          {[]string{edit(func(l []string) []string { l[6] = forged; return l })}, 7, "previous_hash", block.PrevNotFound, "block 6 of the dump is"},
		"left out":          {[]string{edit(func(l []string) []string { return append(l[:6:6], l[7:]...) })}, 7, "", block.PrevNotFound, "block 6 is missing"},
		"a page left out":   {[]string{page(13, all[:4]), page(13, all[8:])}, 8, "", block.PrevNotFound, "blocks 4 to 7 are missing"},
		"pages in disorder": {[]string{page(13, all[8:]), page(13, all[1:8])}, 1, "", block.PrevNotFound, "the pages in the order of their heights"},
		"another branch":    {[]string{page(13, all[:9]), page(7, []string{forged})}, 6, "", block.PrevNotFound, "reorganised between the pages"},
		"mined twice":       {[]string{page(14, append(all[:13:13], texts(t, growCopy(easier, rulestest.MakeTx(t, "post 4")))[13]))}, 13, "transactions[0]", block.TxAlreadyMined, "is in block 4 already"},
		"too old":           {[]string{page(14, append(all[:13:13], texts(t, growOld(b))[13]))}, 13, "timestamp", block.TimeTooOld, ""},
	} {
		_, err := check(NewChecker(rules.Params{}, "tutorial"), tc.streams...)
		wantFault(t, name, err, tc.height, tc.field, tc.reason, tc.says)
	}
}

func growCopy(b *rulestest.Branch, txs ...block.Tx) *rulestest.Branch {
	f := b.Fork("again")
	f.Grow(10, txs...)
	return f
}

func growOld(b *rulestest.Branch) *rulestest.Branch {
	f := b.Fork("old")
	old := uint32(1000)
	f.Grow(-old)
	return f
}

// TestMalformed checks streams that are no dump further on, or end too early.
func TestMalformed(t *testing.T) {
	all := texts(t, testChain(t, tutorial(t, 1), 3))
	whole := page(4, all)
	before, _, _ := strings.Cut(whole, `,"peers"`)
	for name, tc := range map[string]struct {
		stream string
		reason block.Reason
		says   string
	}{
		"cut off":               {whole[:len(whole)-200], Truncated, "ends inside"},
		"cut off between":       {before, Truncated, "ends inside"},
		"an error":              {page(4, all[:2]) + `{"error":"no block at height 9","reason":"not-found"}`, Malformed, "no block at height 9"},
		"a number":              {page(4, all[:2]) + "17", Malformed, "neither a block nor"},
		"a number in the chain": {page(4, append(all[:2:2], "17")), Malformed, "neither a block nor"},
		"no list":               {`{"chain":17}`, Malformed, "must be an array"},
		"no JSON":               {page(4, all[:2]) + "<html>", Malformed, "no JSON"},
		"another object":        {page(4, all[:2]) + `{"height":3}`, Malformed, "neither the fields of a block"},
		"nested deeply":         {strings.Repeat("[", 20) + all[0] + strings.Repeat("]", 20), Malformed, "nested more than"},
	} {
		_, err := check(NewChecker(rules.Params{}, ""), tc.stream)
		if !errors.Is(err, tc.reason) || !strings.Contains(fmt.Sprint(err), tc.says) {
			t.Errorf("%s: %v, want %s and %q", name, err, tc.reason, tc.says)
		}
	}
	broken := errors.New("disk on fire")
	r := NewReader(func() (io.Reader, error) { return nil, broken })
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the stream", err)
	}
	// Every way to cut a chain off is an error or a whole value.
	for i := 0; i < len(whole)-1; i += 7 {
		if _, err := check(NewChecker(rules.Params{}, ""), whole[:i]); err == nil && strings.TrimSpace(whole[:i]) != "" {
			t.Fatalf("%d bytes: no error", i)
		}
	}
}

// TestImport takes a long chain, in pages, into a chain that has a part of it, and
// then again.
func TestImport(t *testing.T) {
	const height = 1200
	p := tutorial(t, 0)
	b := testChain(t, p, height)
	all := texts(t, b)
	c := openChain(t, p)
	if _, err := c.AcceptAll(b.Blocks[:100]); err != nil {
		t.Fatal(err)
	}
	var pages []string
	for from := 0; from < len(all); from += 130 {
		pages = append(pages, page(len(all), all[from:min(from+150, len(all))])) // they overlap
	}
	calls := 0
	taken, err := Import(t.Context(), c, reader(pages...), func(Taken) { calls++ })
	if err != nil || c.Tip() != b.State || taken.New != height-100 || taken.Height != height || calls < 4 {
		t.Fatalf("%+v, %v, tip %d, %d calls", taken, err, c.Tip().Height, calls)
	}
	taken, err = Import(t.Context(), c, reader(page(len(all), all)), func(Taken) {})
	if want := (Taken{Known: height + 1, Height: height}); err != nil || taken != want || c.Tip() != b.State {
		t.Errorf("again: %+v, %v", taken, err)
	}

	// A chain with less work stays beside the active one.
	side := testChain(t, p, 5)
	side.Tag = "side"
	side.Grow(10)
	if taken, err = Import(t.Context(), c, reader(page(7, texts(t, side))), func(Taken) {}); err != nil || taken.New != 1 || c.Tip() != b.State {
		t.Errorf("a side branch: %+v, %v", taken, err)
	}

	// The end of the context keeps what is stored.
	c = openChain(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	taken, err = Import(ctx, c, reader(page(len(all), all)), func(Taken) { cancel() })
	if !errors.Is(err, context.Canceled) || taken.New == 0 || c.Tip().Height != taken.Height || taken.Height == height {
		t.Errorf("interrupted: %+v, %v", taken, err)
	}
}

// TestImportRefusals checks blocks that are whole, but that this chain must refuse.
func TestImportRefusals(t *testing.T) {
	one := testChain(t, tutorial(t, 1), 5)
	future := testChain(t, tutorial(t, 1), 3)
	future.Grow(uint32(rulestest.Time.Unix()) - rules.GenesisTime + 10_000)
	for name, tc := range map[string]struct {
		params rules.Params
		stream string
		taken  Taken
		reason block.Reason
		says   string
	}{
		"another network":    {rules.Lab(), page(6, texts(t, one)), Taken{Height: -1}, WrongGenesis, "genesis of the network tutorial, not of lab"},
		"another difficulty": {tutorial(t, 3), page(6, texts(t, one)), Taken{Known: 1}, block.BadDiffBits, "tutorial network with difficulty 1"},
		"no parent":          {tutorial(t, 1), page(6, texts(t, one)[3:]), Taken{Height: -1}, block.PrevNotFound, "import them first"},
		"ahead of the clock": {tutorial(t, 1), page(5, texts(t, future)), Taken{New: 3, Known: 1, Height: 3}, block.TimeTooNew, "timestamp"},
		"no signatures": {
			rulestest.With(tutorial(t, 1), func(c *rules.Config) { c.Signatures = rules.SignaturesRequired }),
			page(6, texts(t, one)), Taken{Known: 1}, block.TxUnsigned, "is not signed",
		},
	} {
		c := openChain(t, tc.params)
		taken, err := Import(t.Context(), c, reader(tc.stream), func(Taken) {})
		if !errors.Is(err, tc.reason) || !strings.Contains(fmt.Sprint(err), tc.says) || taken != tc.taken {
			t.Errorf("%s: %+v, %v; want %+v, %s and %q", name, taken, err, tc.taken, tc.reason, tc.says)
		}
	}
}

// FuzzReader checks that damaged text ends in an error or in data, and that whatever
// the checker passes as whole has valid links.
func FuzzReader(f *testing.F) {
	p, err := rules.Tutorial(1)
	if err != nil {
		f.Fatal(err)
	}
	all := texts(f, testChain(f, p, 3))
	f.Add([]byte(page(4, all)))
	f.Add([]byte(strings.Join(all, " ")))
	f.Add([]byte(`{"chain":[{"index":` + strconv.FormatInt(1<<40, 10) + `,"hash":"","version":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := check(NewChecker(rules.Params{}, ""), string(data))
		if err == nil && s.Blocks > 0 && s.Tip == (pow.Hash{}) {
			t.Errorf("%+v", s)
		}
	})
}
