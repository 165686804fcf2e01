package web

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

func (n *testNode) sign(author, content string) block.Tx {
	n.t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	tx, err := block.Sign([]byte(`{"author":`+quote(author)+`,"content":`+quote(content)+`}`), key, time.Unix(n.clock.Load(), 0))
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.chain.AddTx(tx); err != nil {
		n.t.Fatal(err)
	}
	return tx
}

// TestSearch types everything into the search box that it takes.
func TestSearch(t *testing.T) {
	n := newTestNode(t, testSetup{})
	tx := n.sign("Ann of the hill", "signed")
	b := n.mine(tx)
	waiting := n.post("42", "waits")
	n.post("1 000", "waits")
	n.post("0 1", "waits")
	genesis, _ := n.chain.HashAt(0)
	for q, want := range map[string]string{
		"0":                                "/explorer/block/" + genesis.String(),
		"#1":                               "/explorer/block/" + b.Hash().String(),
		" 1 ":                              "/explorer/block/" + b.Hash().String(),
		"0 000":                            "/explorer/block/" + genesis.String(),
		b.Hash().String():                  "/explorer/block/" + b.Hash().String(),
		strings.ToUpper(b.Hash().String()): "/explorer/block/" + b.Hash().String(),
		tx.ID().String():                   "/explorer/tx/" + tx.ID().String(),
		waiting.ID().String():              "/explorer/tx/" + waiting.ID().String(),
		tx.PublicKey():                     "/account/" + tx.PublicKey(),
		"Ann of the hill":                  "/?author=Ann+of+the+hill",
		"42":                               "/author/42", // no block is so high
		"1 000":                            "/?author=1+000",
		"0 1":                              "/?author=0+1", // a mark that is not before three digits
		"":                                 "/explorer",
	} {
		w := n.do(http.MethodGet, "/explorer/search?q="+strings.ReplaceAll(strings.ReplaceAll(q, " ", "+"), "#", "%23"), "")
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("search for %q: %d %q, want %q", q, w.Code, got, want)
		}
	}
	w := n.get("/explorer/search?q=nobody+at+all")
	if w.Code != http.StatusNotFound {
		t.Errorf("search for nobody: %d", w.Code)
	}
	checkPage(t, "search", w)
	if w := n.get("/?q=" + tx.ID().String()); w.Header().Get("Location") != "/explorer/tx/"+tx.ID().String() {
		t.Errorf("the feed's search for an id: %d %q", w.Code, w.Header().Get("Location"))
	}
	doc := parse(t, n.page("/account/"+tx.PublicKey()))
	if got := find(doc, "a", "verified"); len(got) != 1 {
		t.Errorf("%d verified posts of the account", len(got))
	}
}

// TestHeightRedirects gets a block by its height: the address that the reader ends at has
// the hash, so that it shows the same block after a reorg.
func TestHeightRedirects(t *testing.T) {
	n := newTestNode(t, testSetup{})
	first := n.mine()
	for _, path := range []string{"/explorer/block/1", "/explorer/block/tip"} {
		w := n.get(path)
		if w.Code != http.StatusFound || w.Header().Get("Location") != "/explorer/block/"+first.Hash().String() {
			t.Errorf("GET %s: %d %q", path, w.Code, w.Header().Get("Location"))
		}
	}
}

func (n *testNode) stateOf(path, id string) string {
	n.t.Helper()
	return attr(byID(parse(n.t, n.page(path)), id), "data-state")
}

// TestStaleBlock makes a block stale. Its page stays and says so, and the post that was
// only in it waits again.
func TestStaleBlock(t *testing.T) {
	n := newTestNode(t, testSetup{})
	base := n.mine()
	tx := n.post("ann", "in the losing block")
	lost := n.mine(tx)
	path, post := "/explorer/block/"+lost.Hash().String(), "/explorer/tx/"+tx.ID().String()
	if got := n.stateOf(path, "block-status"); got != "active" {
		t.Fatalf("state %q", got)
	}
	if got := n.stateOf(post, "tx-status"); got != stateMined {
		t.Fatalf("state %q", got)
	}
	a := n.accept(n.child(base.Hash(), 2, 7))
	if got := n.stateOf(path, "block-status"); got != "active" {
		t.Errorf("a second block of the same height makes the first one %q", got)
	}
	if got := n.stateOf("/explorer/block/"+a.Hash().String(), "block-status"); got != "stale" {
		t.Errorf("the second block is %q", got)
	}
	b := n.accept(n.child(a.Hash(), 3, 7))
	if got := n.stateOf(path, "block-status"); got != "stale" {
		t.Errorf("the losing block is %q", got)
	}
	text := n.page(path)
	for _, want := range []string{"This block is stale", "above block 1 ", a.Hash().String(), "in the losing block"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page of the stale block lacks %q", want)
		}
	}
	if got := n.stateOf(post, "tx-status"); got != statePending {
		t.Errorf("the post is %q", got)
	}
	for _, h := range []pow.Hash{a.Hash(), b.Hash()} {
		if got := n.stateOf("/explorer/block/"+h.String(), "block-status"); got != "active" {
			t.Errorf("block %s is %q", h, got)
		}
	}
	network := n.page("/network")
	for _, want := range []string{"1 block was taken off", "2 blocks joined", "1 post that was", "in the losing block", "waits again"} {
		if !strings.Contains(textOf(parse(t, network)), want) {
			t.Errorf("the network page lacks %q", want)
		}
	}
	n.mine(tx)
	if got := textOf(parse(t, n.page("/network"))); !strings.Contains(got, "waits no longer") {
		t.Error("the network page does not say that the post is in a block again")
	}
}

// behind is a chain whose memory is behind its store, as for a moment while a block is
// being connected.
type behind struct {
	Chain
	hidden pow.Hash
}

func (b *behind) Header(hash pow.Hash) (chain.HeaderInfo, bool) {
	if hash == b.hidden {
		return chain.HeaderInfo{}, false
	}
	return b.Chain.Header(hash)
}

// TestChangingTip gets the pages of a block and of its post while the tip changes. They
// must not say that the block is stale.
func TestChangingTip(t *testing.T) {
	view := &behind{}
	n := newTestNode(t, testSetup{chain: func(c Chain) Chain {
		view.Chain = c
		return view
	}})
	tx := n.post("ann", "text")
	b := n.mine(tx)
	view.hidden = b.Hash()
	for path, id := range map[string]string{"/explorer/block/" + b.Hash().String(): "block-status", "/explorer/tx/" + tx.ID().String(): "tx-status"} {
		if got := n.stateOf(path, id); got != stateChanging {
			t.Errorf("GET %s: state %q", path, got)
		}
		if strings.Contains(n.page(path), "stale.") {
			t.Errorf("GET %s says stale", path)
		}
	}
}

// TestHeaderFields joins the fields of a header on a page, which must be the header.
func TestHeaderFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := [pow.HeaderSize]byte(rapid.SliceOfN(rapid.Byte(), pow.HeaderSize, pow.HeaderSize).Draw(t, "header"))
		h := pow.DecodeHeader(&raw)
		if got := joinFields(t, headerFields(h, 1)); got != hex.EncodeToString(raw[:]) {
			t.Fatalf("%s, want %x", got, raw)
		}
		describeWork(h) // must not panic, whatever the bits are
	})
}

// TestCoinbaseFields does the same with a coinbase.
func TestCoinbaseFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := block.Coinbase{
			Height:     rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, block.MaxHeight)).Draw(t, "height"),
			Extranonce: rapid.Uint64().Draw(t, "extranonce"),
			Tag:        string(rapid.SliceOfN(rapid.Byte(), 0, block.MaxTag).Draw(t, "tag")),
		}
		fields := coinbaseFields(c)
		if got := joinFields(t, fields); got != hex.EncodeToString(c.Bytes()) {
			t.Fatalf("%s, want %x", got, c.Bytes())
		}
		for _, f := range fields {
			switch f.Name {
			case "extranonce":
				if f.Hex != fmt.Sprintf("%016x", c.Extranonce) {
					t.Fatalf("extranonce %s", f.Hex)
				}
			case "tag":
				if f.Hex != hex.EncodeToString([]byte(c.Tag)) {
					t.Fatalf("tag %s", f.Hex)
				}
			}
		}
	})
}

func joinFields(t *rapid.T, fields []field) string {
	var joined string
	for _, f := range fields {
		if f.Offset*2 != len(joined) || f.Size*2 != len(f.Hex) {
			t.Fatalf("field %s: offset %d, size %d", f.Name, f.Offset, f.Size)
		}
		joined += f.Hex
	}
	return joined
}

// TestProof follows the steps of the proofs on pages, which must lead to the root in the
// header.
func TestProof(t *testing.T) {
	for _, count := range []int{1, 2, 3, 7, 8} {
		n := newTestNode(t, testSetup{})
		var txs []block.Tx
		for i := range count {
			txs = append(txs, n.post("ann", fmt.Sprint(i)))
		}
		b := n.mine(txs...)
		for i, tx := range txs {
			doc := parse(t, n.page("/explorer/tx/"+tx.ID().String()))
			list := byID(doc, "proof")
			node := mustHash(t, attr(list, "data-leaf"))
			if node != tx.ID() || attr(list, "data-index") != fmt.Sprint(i+1) || attr(list, "data-root") != b.Header.MerkleRoot.String() {
				t.Fatalf("proof of %s: leaf %s, index %s", tx.ID(), attr(list, "data-leaf"), attr(list, "data-index"))
			}
			for _, li := range find(list, "li", "") {
				sibling := mustHash(t, attr(li, "data-sibling"))
				pair := append(append([]byte(nil), node[:]...), sibling[:]...)
				if attr(li, "data-side") == "left" {
					pair = append(append([]byte(nil), sibling[:]...), node[:]...)
				}
				node = pow.DoubleSHA256(pair)
				if !strings.Contains(textOf(li), node.String()) {
					t.Errorf("the step does not say that it gives %s: %s", node, textOf(li))
				}
			}
			if node != b.Header.MerkleRoot {
				t.Errorf("the proof of post %d of %d leads to %s", i, count, node)
			}
		}
	}
}

func mustHash(t *testing.T, s string) pow.Hash {
	t.Helper()
	h, err := pow.ParseHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestTree draws random trees: each block that is drawn has its own place, and arrows lead
// from children to parents.
func TestTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var blocks []chain.TreeBlock
		heights := rapid.IntRange(1, 12).Draw(t, "heights")
		var below []pow.Hash
		for h := range heights {
			count := rapid.IntRange(1, 5).Draw(t, "blocks")
			var here []pow.Hash
			for i := range count {
				b := chain.TreeBlock{Hash: pow.DoubleSHA256([]byte{byte(h), byte(i)}), Height: int64(h), Active: i == 0}
				if len(below) > 0 {
					b.Parent = below[0]
					if i > 0 {
						b.Parent = rapid.SampledFrom(below).Draw(t, "parent")
					}
				}
				here = append(here, b.Hash)
				blocks = append(blocks, b)
			}
			below = here
		}
		d := newTreeDrawing(0, blocks)
		if len(d.Blocks)+d.Hidden != len(blocks) {
			t.Fatalf("%d blocks are drawn and %d hidden, of %d", len(d.Blocks), d.Hidden, len(blocks))
		}
		at := map[[2]int]bool{}
		right, left := map[[2]int]string{}, map[[2]int]string{}
		parents := map[string]string{}
		for _, b := range d.Blocks {
			place := [2]int{b.X, b.Y}
			if at[place] {
				t.Fatalf("two blocks are at %v", place)
			}
			at[place] = true
			if b.X+b.Width > d.Width || b.Y+b.Height > d.Height || b.X < 0 || b.Y < 0 {
				t.Fatalf("block %s is outside", b.Label)
			}
			left[[2]int{b.X, b.Y + b.Height/2}] = b.Hash
			right[[2]int{b.X + b.Width, b.Y + b.Height/2}] = b.Hash
			parents[b.Hash] = b.Parent
		}
		for _, a := range d.Arrows {
			child, parent := left[[2]int{a.X1, a.Y1}], right[[2]int{a.X2, a.Y2}]
			if child == "" || parents[child] != parent {
				t.Fatalf("an arrow leads from %q to %q", child, parent)
			}
		}
	})
}

// TestFragments gets each fragment of each page: it is the element with that id, as it is
// in the whole page. Several of them come one after another.
func TestFragments(t *testing.T) {
	n := newTestNode(t, testSetup{peers: &fakePeers{}})
	tx := n.sign("ann", "text")
	b := n.mine(tx)
	for path, ids := range map[string][]string{
		"/":                                    {"feed", "older", "notice"},
		"/author/ann":                          {"posts"},
		"/account/" + tx.PublicKey():           {"account"},
		"/mining":                              {"mining", "plot-times", "plot-difficulty"},
		"/explorer":                            {"blocks"},
		"/explorer/block/" + b.Hash().String(): {"block-status"},
		"/explorer/tx/" + tx.ID().String():     {"tx-status"},
		"/network":                             {"peers", "tree", "reorgs"},
	} {
		whole := n.page(path)
		var all strings.Builder
		for _, id := range ids {
			w := n.get(path, fragmentHeader, id)
			start, _, _ := strings.Cut(w.Body.String(), ">")
			if w.Code != http.StatusOK || !strings.Contains(start, ` id="`+id+`"`) {
				t.Errorf("GET %s: the fragment %s: %d, and begins with %s", path, id, w.Code, start)
			}
			if !strings.Contains(whole, w.Body.String()) {
				t.Errorf("GET %s: the fragment %s is not a part of the page", path, id)
			}
			all.WriteString(w.Body.String())
		}
		if w := n.get(path, fragmentHeader, strings.Join(ids, " ")); w.Code != http.StatusOK || w.Body.String() != all.String() {
			t.Errorf("GET %s: the fragments %s in one answer: %d, and they differ from those in several", path, ids, w.Code)
		}
		if w := n.get(path, fragmentHeader, ids[0]+" nothing"); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: a fragment and one that does not exist: %d", path, w.Code)
		}
		if w := n.get(path, fragmentHeader, ids[0]+strings.Repeat(" "+ids[0], maxFragments)); w.Code != http.StatusBadRequest {
			t.Errorf("GET %s: too many fragments: %d", path, w.Code)
		}
		if w := n.get(path, fragmentHeader, ids[0]+" "+ids[0]); w.Code != http.StatusBadRequest {
			t.Errorf("GET %s: a fragment twice: %d", path, w.Code)
		}
		for _, id := range []string{"nothing", "<script>", "content", "layout.html", "FEED", " feed", "feed ", strings.Repeat("a", 100)} {
			if w := n.get(path, fragmentHeader, id); w.Code != http.StatusNotFound {
				t.Errorf("GET %s: the fragment %s: %d", path, id, w.Code)
			}
		}
	}
}

// FuzzPaths gets pages at any address: the answer is a valid page or a redirect, and never
// a failure of the node.
func FuzzPaths(f *testing.F) {
	n := newTestNode(f, testSetup{})
	n.mine(n.post("ann", "text"))
	for _, seed := range []string{"/", "/?before=1.1", "/?q=a&author=b", "/explorer/block/1", "/explorer/search?q=1", "/author/%2e%2e", "/account/ab", "/static/style.css?v=1", "/explorer?before=3", "/?pending=1", "//x", "/author/a%00b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "/mine") {
			return
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		if err != nil || r.URL.Host != "" {
			return
		}
		w := httptest.NewRecorder()
		n.web.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("GET %q: %d %s", target, w.Code, w.Body)
		}
		if w.Header().Get("Content-Security-Policy") != Policy {
			t.Fatalf("GET %q: no policy", target)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && w.Code != http.StatusTemporaryRedirect && w.Code != http.StatusMovedPermanently {
			checkPage(t, target, w)
		}
	})
}

// TestPlaceTooHigh asks for what lies below places that no chain can have. The index of the
// store has 32 bits for a height, and must not take them for the lowest 32 bits of another one.
func TestPlaceTooHigh(t *testing.T) {
	n := newTestNode(t, testSetup{})
	n.mine(n.post("ann", "text"))
	for _, before := range []string{"2147483648.1", "4294967297.1", "9223372036854775807.1", "1.2147483648"} {
		for _, path := range []string{"/?before=", "/author/ann?before=", "/?q=text&before=", "/account/" + strings.Repeat("ab", 32) + "?before="} {
			if w := n.get(path + before); w.Code != http.StatusBadRequest {
				t.Errorf("GET %s%s: status %d", path, before, w.Code)
			}
		}
	}
	if got := len(find(parse(t, n.page("/?before=2147483647.1")), "li", "post")); got != 1 {
		t.Errorf("below the highest place there are %d posts, want 1", got)
	}
}

// FuzzCursor parses places: what is accepted is written in the same way again, or is
// another way to write the same place.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", "1.1", "0.0", "007.1", "9223372036854775807.2147483647", "1", "1.", ".1", "-1.1", "1.1.1", "１.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCursor(s)
		if err != nil {
			return
		}
		again, err := parseCursor(cursorText(c))
		if err != nil || again != c {
			t.Fatalf("%q is %v, written %q, and then %v, %v", s, c, cursorText(c), again, err)
		}
	})
}

// TestCanonicalIsCut looks at the page of a post whose canonical form is too long to be shown
// whole: the page says how much it leaves out.
func TestCanonicalIsCut(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for size, cut := range map[int]bool{100: false, 5000: true} {
		tx := n.post("ann", strings.Repeat("x", size))
		n.mine(tx)
		page := n.page("/explorer/tx/" + tx.ID().String())
		_, bytes, ok := strings.Cut(page, "Show the bytes whose hash is the id")
		bytes, _, ok2 := strings.Cut(bytes, "</details>")
		if !ok || !ok2 {
			t.Fatal("the page does not show the canonical form")
		}
		if got := strings.Contains(bytes, " bytes more are not shown"); got != cut {
			t.Errorf("a post of %d letters: %q", size, bytes[max(0, len(bytes)-200):])
		}
	}
}
