package browsertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/node"
	"github.com/lodepow/lode/pow"
)

// TestScale shows pages of a node that has much, and posts that are as large as posts can be.
func TestScale(t *testing.T) {
	b := startBrowser(t)
	for _, tc := range []struct {
		name string
		test func(*testing.T, *browser)
	}{
		{"ten thousand posts", testMany},
		{"the largest posts", testLargest},
		{"too large a post", testTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(t, b.session(t)) })
	}
}

const (
	manyPosts   = 10_000
	manyFull    = 7900 // of them, posts in the highest block
	manyPending = 100  // of them, posts that wait
)

// many is a node with ten thousand posts. The oldest 2,000 are in blocks of 20, one block has
// 7,900, and the rest wait. Post number 1234 contains the word needle.
type many struct {
	*live
	full string // hash of the block with most of them
}

func startMany(t testing.TB) *many {
	t.Helper()
	params := tutorial(t, 1)
	n := &many{live: startNode(t, node.Config{Params: params})}
	c := n.node.Chain()
	tip := c.Tip()
	prev, height := tip.Hash, tip.Height
	var blocks []block.Block
	var txs []block.Tx
	mined := manyPosts - manyPending
	for i := range manyPosts {
		content := fmt.Sprintf("post %04d of many", i)
		if i == 1234 {
			content += ", with the needle"
		}
		author := "ann"
		if i%2 == 1 {
			author = "ben"
		}
		tx, err := block.NewTx(fmt.Appendf(nil, `{"author":%q,"content":%q}`, author, content), time.UnixMicro(1_700_000_000_000_000+int64(i)))
		if err != nil {
			t.Fatal(err)
		}
		if i >= mined {
			if i == mined {
				if _, err := c.AcceptAll(blocks); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.AddTx(tx); err != nil {
				t.Fatal(err)
			}
			continue
		}
		txs = append(txs, tx)
		if i < mined-manyFull && len(txs) < 20 || i >= mined-manyFull && i < mined-1 {
			continue
		}
		height++
		b := block.Block{Coinbase: block.Coinbase{Height: height, Tag: "many"}, Txs: txs}
		root, _ := block.MerkleRoot(b.IDs())
		b.Header = pow.Header{Version: 0x20000000, Prev: prev, MerkleRoot: root, Bits: tip.NextBits(params), Time: uint32(1_700_000_000 + height)}
		target, _, _ := b.Header.Bits.Decode()
		for !b.Hash().Meets(target) {
			b.Header.Nonce++
		}
		prev, txs = b.Hash(), nil
		blocks = append(blocks, b)
	}
	n.full = prev.String()
	if got := c.Tip().Hash; got != prev {
		t.Fatalf("the tip is %s, want %s", got, prev)
	}
	return n
}

// testMany reads, searches and goes on in ten thousand posts, and sees a new one arrive.
func testMany(t *testing.T, b *browser) {
	n := startMany(t)
	p := b.open(tabOptions{width: 360, height: 740})
	p.goTo(n.url + "/")
	p.waitText("#more-pending", "90 more posts wait for a block")
	p.waitText("#feed", "post 9899 of many") // the newest that is mined
	next := func() {
		t.Helper()
		last := p.location()
		p.click("a[rel=next]")
		p.until("the next page is there", "location.href !== "+quote(last)+" && document.readyState === 'complete'")
	}
	next()
	p.waitText("#feed", "post 9884 of many")

	// The word is far below what one page of a search looks at: it says so and goes on.
	p.goTo(n.url + "/?q=needle")
	pages := 1
	for ; p.text("#feed .post") == "" && pages < 20; pages++ {
		p.until("the page says how far it has looked", `/Looked at 1\s000 posts/.test(document.querySelector('#older').innerText)`)
		next()
	}
	p.waitText("#feed", "post 1234 of many, with the needle")
	if want := 9; pages != want {
		t.Errorf("the search has found the word on page %d, want %d", pages, want)
	}

	p.goTo(n.url + "/explorer/block/" + n.full)
	p.until("the page says how many posts there are", `/7\s900 posts/.test(document.querySelector('#posts-title').innerText)`)
	p.waitText("#block-posts", "post 2000 of many")
	next()
	p.waitText("#block-posts", "post 2050 of many")

	p.goTo(n.url + "/author/ann")
	p.waitText("#posts", "post 9998 of many")
	p.ready()
	p.stay()
	n.post(t, "ann", "one more post")
	p.waitText("#posts", "one more post")
	p.stayed()
}

// testLargest shows posts of the greatest size that the rules allow: a text of characters
// that pages show as codes, a text without a space, one of characters of four bytes, and an
// author's name that fills the post.
func testLargest(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	const most = 65_000 // bytes, which leaves room for the rest of the post
	fill := func(text string) string { return strings.Repeat(text, most/len(text)) }
	posts := [][2]string{
		{"ann", fill("\u202e<script>window.hurt = 1</script>")},
		{"ann", fill("w")},
		{"ann", fill("𝄞")},
		{"ann", fill("\u202e")},
		{"ann", fill("a\n")[:most/2]}, // each line feed takes two bytes in the post
		{fill("n"), "by a long name"},
		{fill("\u202e<script>window.hurt = 2</script>"), "by a long hostile name"},
		{fill("🤷"), "by a name of four bytes a character"},
	}
	var ids []string
	for _, post := range posts {
		ids = append(ids, n.post(t, post[0], post[1]))
	}
	p := b.open(tabOptions{width: 360, height: 740})
	check := func(path string) {
		t.Helper()
		p.goTo(n.url + path)
		p.wait("main")
		if eval[bool](p, "window.hurt !== undefined || document.querySelector('main script') !== null") {
			t.Errorf("%s: the text of a post has become a part of the page", path)
		}
		if eval[bool](p, `/[\u202a-\u202e\u2066-\u2069]/.test(document.querySelector('main').innerText)`) {
			t.Errorf("%s: the page contains characters that turn the text around them", path)
		}
		if wide := eval[float64](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("%s: the page is %v pixels wider than the window", path, wide)
		}
		const mostHTML = 150_000 // characters: what a page may have in all
		if size := eval[int](p, "document.documentElement.outerHTML.length"); size > mostHTML {
			t.Errorf("%s: the page has %d characters, want at most %d", path, size, mostHTML)
		}
	}
	for _, state := range []string{"pending", "mined"} {
		for _, path := range []string{"/", "/author/ann", "/?q=long"} {
			check(path)
		}
		for _, id := range ids {
			check("/explorer/tx/" + id)
			p.wait(`.post.single[data-state="` + state + `"]`)
		}
		if state == "pending" {
			n.mine(t)
		}
	}
	check("/explorer")
	check("/explorer/block/tip")
	check("/learn/3")
	check("/network")
	// The whole of what is cut is one link away.
	p.goTo(n.url + "/explorer/tx/" + ids[1])
	whole := eval[string](p, "fetch(location.pathname.replace('/explorer', '')).then(r => r.text())")
	if !strings.Contains(whole, posts[1][1]) {
		t.Error("GET /tx/ID lacks the text of the post")
	}
}

// testTooLarge types a megabyte into the form. The node refuses it with a sentence, the text
// stays, and the page goes on.
func testTooLarge(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.stay()
	const megabyte = 1 << 20
	p.fill("#author", "ann")
	eval[bool](p, fmt.Sprintf("document.querySelector('#content').value = 'word '.repeat(%d); true", megabyte/5))
	p.click(postButton)
	p.waitText("#error", "at most")
	if size := eval[int](p, "document.querySelector('#content').value.length"); size != megabyte/5*5 {
		t.Errorf("%d characters of the text are left, want all %d", size, megabyte/5*5)
	}
	n.post(t, "ben", "meanwhile")
	p.waitText("#feed", "meanwhile")
	p.fill("#content", "short")
	p.click(postButton)
	p.waitText(pendingPost, "short")
	p.stayed()
}
