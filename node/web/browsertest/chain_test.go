package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/node"
)

// testSearch types into the search box what can be found, and follows deep links.
func testSearch(t *testing.T, b *browser) {
	n := startFilled(t)
	p := b.open(tabOptions{})
	id := n.signed.ID().String()
	for what, want := range map[string]string{
		"1": "/explorer/block/" + n.block, n.block: "/explorer/block/" + n.block, strings.ToUpper(n.block): "/explorer/block/" + n.block,
		id: "/explorer/tx/" + id, "cleo": "/author/cleo", n.signed.PublicKey(): "/account/" + n.signed.PublicKey(),
	} {
		p.goTo(n.url + "/explorer")
		p.fill("#find", what)
		p.click("form.find button")
		p.until("the search for "+what+" has led to "+want, "location.pathname === "+quote(want)+" && document.readyState === 'complete'")
	}
	p.goTo(n.url + "/explorer")
	p.fill("#find", "nobody is called that")
	p.click("form.find button")
	p.waitText("h1", "Nothing found")
	p.goTo(n.url + "/explorer/block/1")
	if got := p.location(); got != n.url+"/explorer/block/"+n.block {
		t.Errorf("the address of block 1 is %s, and does not name the block by its hash", got)
	}
	p.goTo(n.url + "/")
	p.fill("#q", "lottery")
	p.click(`form:has(#q) button`)
	p.until("the posts with the word are there", "document.querySelectorAll('#feed li.post').length === 1")
	p.waitText("#feed", "every hash is a ticket")
}

// testPaging goes through more posts than fit into a page. Each is shown once, newest
// first.
func testPaging(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	var want []string
	for i := range 125 {
		want = append(want, n.post(t, "ann", fmt.Sprint("number ", i)))
		if i%30 == 29 {
			n.mine(t)
		}
	}
	n.mine(t)
	slices.Reverse(want)
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	var got []string
	for pages := 1; ; pages++ {
		got = append(got, eval[[]string](p, "[...document.querySelectorAll('#feed li.post')].map(e => e.dataset.id)")...)
		if len(got) >= len(want) || pages > 10 {
			break
		}
		last := p.location()
		p.click("a[rel=next]")
		p.until("the next page is there", "location.href !== "+quote(last)+" && document.readyState === 'complete'")
	}
	if !slices.Equal(got, want) {
		t.Errorf("the pages show %d posts, want %d in order", len(got), len(want))
	}
	if eval[bool](p, "document.querySelector('a[rel=next]') !== null") {
		t.Error("the last page has a link to a further one")
	}
}

// testReorg lets a node switch to another branch, under open pages: the feed, the network,
// and the block that becomes stale.
func testReorg(t *testing.T, b *browser) {
	winner, loser := startNode(t, node.Config{Params: tutorial(t, 1)}), startNode(t, node.Config{Params: tutorial(t, 1)})
	for i := range 2 {
		winner.post(t, "ann", fmt.Sprint("on the winning branch ", i))
		winner.mine(t)
	}
	loser.post(t, "ben", "on the other branch")
	stale := loser.mine(t)
	feed, network, block := b.open(tabOptions{}), b.open(tabOptions{}), b.open(tabOptions{})
	feed.goTo(loser.url + "/")
	feed.waitText(minedPost, "on the other branch")
	network.goTo(loser.url + "/network")
	network.wait(`#tree [data-hash="` + stale + `"][data-active="true"]`)
	block.goTo(loser.url + "/explorer/block/" + stale)
	block.until("the block is on the active branch", "document.querySelector('#block-status').dataset.state === 'active'")
	for _, p := range []*tab{feed, network, block} {
		p.stay()
	}
	connect(t, loser, winner)
	feed.waitText("#notice", "one block was replaced by 2 blocks of another branch after block 0. One post waits")
	feed.waitText(pendingPost, "on the other branch")
	feed.waitText("#feed", "on the winning branch 1")
	network.wait(`#tree [data-hash="` + stale + `"][data-active="false"]`)
	network.until("the tree has the winning branch", "document.querySelectorAll('#tree a[data-active=true]').length === 3")
	network.waitText("#reorgs", "on the other branch")
	block.until("the block is stale", "document.querySelector('#block-status').dataset.state === 'stale'")
	for _, p := range []*tab{feed, network, block} {
		p.stayed()
	}
	// An arrow leads from each block to its parent, which is in the tree.
	if !eval[bool](network, `(() => {
		const blocks = [...document.querySelectorAll('#tree a[data-hash]')], hashes = new Set(blocks.map(a => a.dataset.hash));
		return blocks.length === 4 && blocks.every(a => a.dataset.height === '0' || hashes.has(a.dataset.parent)) && document.querySelectorAll('#tree svg.tree line').length === 3;
	})()`) {
		t.Error("the tree does not connect each block with its parent")
	}
	// The block keeps its address, and the winning one at its height has another.
	block.goTo(loser.url + "/explorer/block/" + stale)
	block.until("the stale block is still there", "document.querySelector('#block-status').dataset.state === 'stale'")
	block.waitText("#block-posts .post", "in a stale block")
	loser.mine(t)
	feed.waitText(minedPost, "on the other branch")
}

// testTree looks at where the tree is drawn. A short one begins at the left edge; one that
// is wider than the window begins with its latest block in sight.
func testTree(t *testing.T, b *browser) {
	n := startFilled(t)
	p := b.open(tabOptions{})
	p.goTo(n.url + "/network")
	if off := eval[float64](p, "document.querySelector('svg.tree').getBoundingClientRect().left - document.querySelector('.from-end').getBoundingClientRect().left"); off != 0 {
		t.Errorf("the tree begins %v pixels right of its place", off)
	}
	for i := range 20 {
		n.post(t, "ann", fmt.Sprint("and on ", i))
		n.mine(t)
	}
	phone := b.open(tabOptions{width: 360, height: 740})
	phone.goTo(n.url + "/network")
	if !eval[bool](phone, `(() => {
		const place = document.querySelector('.from-end').getBoundingClientRect();
		const [first, last] = ['0', '23'].map((height) => document.querySelector('#tree a[data-height="' + height + '"]').getBoundingClientRect());
		return first.left < place.left && last.left >= place.left && last.right <= place.right;
	})()`) {
		t.Error("a tree that is wider than the window does not begin with its latest block")
	}
}

// testOpenPages keeps the pages of a post and of two blocks open, while the post is mined,
// loses its block in a reorg, is mined again and is at last forgotten. All that a page says
// stays true without a reload.
func testOpenPages(t *testing.T, b *browser) {
	winner, loser := startNode(t, node.Config{Params: tutorial(t, 1)}), startNode(t, node.Config{Params: tutorial(t, 1)})
	for i := range 2 {
		winner.post(t, "ann", fmt.Sprint("on the winning branch ", i))
		winner.mine(t)
	}
	id := loser.post(t, "ben", "on the other branch")
	post, block := b.open(tabOptions{}), b.open(tabOptions{})
	post.goTo(loser.url + "/explorer/tx/" + id)
	post.ready()
	post.stay()
	post.waitText("#tx-status", "waits for a block")
	const checked = "document.querySelector('#proof-verdict')?.dataset.ok === 'true'"
	stale := loser.mine(t)
	post.until("the proof is there and checked", checked+" && document.querySelector('#proof-verdict').textContent.includes("+quote(stale)+")")
	block.goTo(loser.url + "/explorer/block/" + stale)
	block.ready()
	block.stay()
	block.waitText("#block-posts .post", "1 confirmation")

	connect(t, loser, winner)
	post.waitText("#tx-status", "waits for a block")
	post.until("there is no proof", "document.querySelector('#proof') === null && document.querySelector('.post.single').dataset.state === 'pending'")
	block.waitText("#block-status", "stale")
	block.waitText("#block-posts .post", "in a stale block")

	block.goTo(loser.url + "/explorer/block/tip")
	block.ready()
	block.stay()
	again := loser.mine(t)
	block.wait(`#block-status a[rel=next][href$="` + again + `"]`)
	post.until("the proof of the new block is checked", checked+" && document.querySelector('#proof-verdict').textContent.includes("+quote(again)+")")
	// What the reader has opened and what the browser has found out outlive the next block.
	eval[bool](post, "document.querySelector('#tx-proof details').open = false; window.verdict = document.querySelector('#proof-verdict'); true")
	loser.post(t, "ann", "in the block above")
	loser.mine(t)
	post.waitText("#tx-status", "2 confirmations")
	post.until("the checked proof stays", "window.verdict.isConnected && !document.querySelector('#tx-proof details').open && "+checked)

	address := loser.address()
	loser.stop()
	startNode(t, node.Config{Params: tutorial(t, 1), Listen: address})
	post.waitText("#tx-status", "no longer has this post")
	post.until("there is no proof of a post that is gone", "document.querySelector('#proof') === null")
	post.stayed()
	block.stayed()
}

// testEightTabs opens eight pages of one browser. All of them are live at the same time,
// and a click in any is answered.
func testEightTabs(t *testing.T, b *browser) {
	n := startNode(t, node.Config{})
	var tabs []*tab
	for range 8 {
		p := b.open(tabOptions{})
		p.goTo(n.url + "/")
		p.stay()
		tabs = append(tabs, p)
	}
	for i, p := range tabs {
		text := fmt.Sprint("from tab ", i)
		p.fill("#compose [name=author]", "ann")
		p.fill("#compose [name=content]", text)
		p.click(postButton)
		for _, other := range tabs {
			other.waitText("#feed", text)
		}
	}
	tabs[7].click(mineButton)
	for _, p := range tabs {
		p.until("all posts are mined", "document.querySelectorAll("+quote(minedPost)+").length === 8")
		p.stayed()
	}
	// All tabs share one stream, because a browser opens only six connections to a node.
	eventually(t, "the eight tabs share one event stream", func() bool { return metric(t, n.url, "lode_http_event_streams") == "1" })
}

// testRestart restarts a node under an open page, which goes on without being loaded again.
func testRestart(t *testing.T, b *browser) {
	data := t.TempDir()
	n := startNode(t, node.Config{Data: data})
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	n.post(t, "ann", "before")
	p.waitText(pendingPost, "before")
	p.stay()
	address := n.address()
	n.stop()
	again := startNode(t, node.Config{Data: data, Listen: address})
	again.post(t, "ann", "after the restart")
	p.waitText("#feed", "after the restart")
	again.mine(t)
	p.until("both posts are mined", "document.querySelectorAll("+quote(minedPost)+").length === 2")
	p.stayed()
}

// testProof checks a merkle proof in the browser, and one of a text with another letter.
func testProof(t *testing.T, b *browser) {
	n := startFilled(t)
	p := b.open(tabOptions{})
	p.goTo(n.url + "/explorer/tx/" + n.signed.ID().String())
	p.until("the proof is checked", "document.querySelector('#proof-verdict').dataset.ok === 'true'")
	p.waitText("#proof-verdict", n.block)
	p.click("section:has(#proof) input[type=checkbox]")
	p.until("another text is refused", "document.querySelector('#proof-verdict').dataset.ok === 'false'")
	p.click("section:has(#proof) input[type=checkbox]")
	p.until("the text itself is accepted again", "document.querySelector('#proof-verdict').dataset.ok === 'true'")
}
