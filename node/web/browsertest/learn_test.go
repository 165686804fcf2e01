package browsertest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/node"
)

// testLearn1 hashes what is typed, and the first block.
func testLearn1(t *testing.T, b *browser) {
	n := startNode(t, node.Config{})
	p := b.open(tabOptions{})
	p.goTo(n.url + "/learn/1")
	for _, text := range []string{"hello", "hellp", "𝄞 <b>"} {
		p.fill("#text", text)
		p.until("the hash is that of the text", fmt.Sprintf("document.querySelector('#hash').textContent.replace(/\\s/g, '') === '%x'", sha256.Sum256([]byte(text))))
	}
	p.waitText("#flips", "of the 256 bits changed")
	p.until("there is a command", "document.querySelector('#command').textContent.includes('sha256sum')")
	p.click("#use-block")
	p.until("the text is the first block", "JSON.parse(document.querySelector('#text').value).index === 0")
}

// testLearn2 mines a block in the browser. The node adds it, although the blocks before it
// came so fast that the rules ask for a later time than the present one.
func testLearn2(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	const before = 30
	for i := range before {
		n.post(t, "ann", fmt.Sprint("quickly ", i))
		n.mine(t)
	}
	p := b.open(tabOptions{})
	p.goTo(n.url + "/learn/2")
	p.until("the header is shown", "document.querySelector('#header').textContent.replace(/[^0-9a-f]/g, '').length === 160")
	// A nonce that does not solve the header is refused with the word for it.
	p.until("a nonce misses the target", "document.querySelector('#result').textContent.includes('greater') || (document.querySelector('#next').click(), false)")
	p.click("#send")
	p.waitText("#verdict .reason", "high-hash")
	// Another block comes. The header follows it, or the block would only be a side block.
	n.post(t, "ann", "in the meantime")
	p.follows(n.mine(t))
	p.click("#mine")
	p.until("the browser has found a nonce", "document.querySelector('#result').textContent.includes('solves') && document.querySelector('#mine').textContent.includes('Mine')")
	p.click("#send")
	p.waitText("#verdict", fmt.Sprintf("The node accepted it. It is now block %d of the chain", before+2))
	s, err := n.Status(t.Context())
	if err != nil || s.Height != before+2 {
		t.Errorf("the node has the height %d, %v", s.Height, err)
	}
	p.followLate(n, s.Hash.String())
}

// follows waits until the header of lesson 2 builds on the block with that hash.
func (p *tab) follows(hash string) {
	p.t.Helper()
	p.until("the header follows the new tip", buildsOn(p.t, hash))
}

// buildsOn returns the expression that the header of lesson 2 builds on the block with that
// hash.
func buildsOn(t testing.TB, hash string) string {
	t.Helper()
	tip, err := hex.DecodeString(hash)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(tip)
	return fmt.Sprintf("document.querySelector('#header [data-field=previous_hash]').textContent.replace(/[^0-9a-f]/g, '') === '%x'", tip)
}

// followLate mines blocks while lesson 2, whose header builds on tip, asks the node about the
// block before: once while it asks for the tip, and once while it asks for the times. The
// header must not stay behind. Then the question after a block fails, and the page has to
// repeat it, because no other event comes.
func (p *tab) followLate(n *live, tip string) {
	p.t.Helper()
	p.follows(tip)
	eval[bool](p, `(() => {
		const own = window.fetch;
		window.hold = window.fail = '';
		window.fetch = async (path, options) => {
			if (window.fail && path.startsWith(window.fail)) {
				window.fail = '';
				window.failed++;
				throw new TypeError('the network is away');
			}
			const answer = await own(path, options);
			const text = await answer.text();
			if (window.hold && path.startsWith(window.hold)) {
				window.hold = '';
				await new Promise((go) => { window.release = go; });
			}
			return {ok: answer.ok, status: answer.status, text: async () => text};
		};
		return true;
	})()`)
	for _, path := range []string{"/status", "/headers"} {
		eval[bool](p, "window.release = null; window.hold = "+quote(path)+"; true")
		n.post(p.t, "ann", "in the first of two blocks")
		n.mine(p.t)
		p.until("the answer is held back", "window.release !== null")
		n.post(p.t, "ann", "in the second of two blocks")
		second := n.mine(p.t)
		p.until("the page has heard of the second block", fmt.Sprintf("document.querySelector('[data-live=height]').textContent === '%d'", p.height(n)))
		eval[bool](p, "window.release(); true")
		p.follows(second)
	}
	for _, path := range []string{"/status", "/headers"} {
		eval[bool](p, "window.failed = 0; window.fail = "+quote(path)+"; true")
		n.post(p.t, "ann", "in a block about which a question fails")
		p.follows(n.mine(p.t))
		if failed := eval[int](p, "window.failed"); failed != 1 {
			p.t.Errorf("%d questions for %s have failed, want 1", failed, path)
		}
	}
}

// height returns the height of a node's chain.
func (p *tab) height(n *live) int64 {
	p.t.Helper()
	s, err := n.Status(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return s.Height
}

// testLearn3 changes a text: all later blocks turn red, and the node refuses the block.
func testLearn3(t *testing.T, b *browser) {
	n := startFilled(t)
	p := b.open(tabOptions{})
	p.goTo(n.url + "/learn/3")
	p.wait("#chain textarea")
	p.until("all blocks are good", "document.querySelectorAll('#chain [data-state=bad]').length === 0 && document.querySelectorAll('#chain [data-state=good]').length >= 3")
	p.breakBlock("#chain textarea", "document.querySelector('#chain textarea').closest('[data-state]').dataset.state === 'bad'")
	p.until("every later block is broken", "(() => { const all = [...document.querySelectorAll('#chain [data-state]')], i = all.findIndex(e => e.dataset.state === 'bad'); return i >= 0 && all.slice(i).every(e => e.dataset.state === 'bad') && all.length - i >= 2; })()")
	p.click("#send")
	p.waitText("#verdict", "The node refused it")
	p.until("the reason is a word", "/^[a-z-]+$/.test(document.querySelector('#verdict .reason')?.textContent)")
	p.click("#reset")
	p.until("all blocks are good again", "document.querySelectorAll('#chain [data-state=bad]').length === 0")
	n.unchanged(t, 3)
	// A reader who types in another card keeps the focus when a block is good again.
	p.breakBlock("#chain textarea", "document.querySelector('#chain textarea').closest('[data-state]').dataset.state === 'bad'")
	const bad = "document.querySelectorAll('#chain [data-state=bad]').length"
	const last = "[...document.querySelectorAll('#chain textarea')].at(-1)"
	for left := eval[int](p, bad); left > 0; left = eval[int](p, bad) {
		eval[bool](p, "document.querySelector('#chain [data-state=bad] button').click(); "+last+".focus(); true")
		p.until("one block more is good", fmt.Sprintf("%s < %d", bad, left))
		if !eval[bool](p, "document.activeElement === "+last) {
			t.Errorf("with %d broken blocks, the focus leaves the text of the last block", left)
		}
	}
}

// testLearn4 changes one of three copies: the others do not follow it before it has more
// work.
func testLearn4(t *testing.T, b *browser) {
	n := startFilled(t)
	p := b.open(tabOptions{})
	p.goTo(n.url + "/learn/4")
	p.waitText("#result", "All three copies are the same")
	p.breakBlock("#text", brokenFromText)
	p.click("#send")
	p.waitText("#verdict", "The node refused it")
	for range 12 { // more than the blocks that Ben has to mine
		if eval[bool](p, "document.querySelector('#result').textContent.includes('has more work')") {
			break
		}
		before := p.text("#result") + eval[string](p, "document.querySelector('#ben').textContent")
		p.click("#ben")
		p.until("Ben has mined a block", "!document.querySelector('#ben').disabled && document.querySelector('#result').innerText + document.querySelector('#ben').textContent !== "+quote(before)+
			" || document.querySelector('#result').textContent.includes('has more work')")
	}
	p.waitText("#result", "has more work")
	n.unchanged(t, 3)
}

// testLearn5 signs a text. Changed, it is refused by the page and by the node; as it was, it
// is accepted.
func testLearn5(t *testing.T, b *browser) {
	n := startNode(t, node.Config{})
	p := b.open(tabOptions{})
	p.goTo(n.url + "/learn/5")
	p.until("there is a key", "/^[0-9a-f]{64}$/.test(document.querySelector('#key').textContent)")
	p.click("#sign")
	p.until("the signature fits", "document.querySelector('#result').dataset.state === 'good'")
	p.click("#flip")
	p.until("the signature does not fit", "document.querySelector('#result').dataset.state === 'bad'")
	p.click("#send")
	p.waitText("#verdict .reason", "tx-bad-signature")
	p.click("#undo")
	p.until("the signature fits again", "document.querySelector('#result').dataset.state === 'good'")
	p.click("#send")
	p.waitText("#verdict", "The node accepted it")
	s, err := n.Status(t.Context())
	if err != nil || s.Mempool.Transactions != 1 {
		t.Errorf("%d transactions are pending, %v; want the signed one", s.Mempool.Transactions, err)
	}
}

// brokenFromText is the expression that in lesson 4 the block whose text can be changed is
// broken. If it still meets the target, only later blocks are broken, and the node accepts it.
const brokenFromText = "document.querySelector('#result').textContent.includes('is broken from ' + document.querySelector('#text-label').textContent.match(/block [0-9]+/)[0] + ' on')"

// breakBlock changes the text of a block in a field until the block is broken. On a network
// as easy as that of these tests, one text in sixteen has a hash that meets the target.
func (p *tab) breakBlock(field, broken string) {
	p.t.Helper()
	for i := range 100 {
		p.fill(field, fmt.Sprintf("Nobody will notice that I have changed this%s", strings.Repeat("!", i)))
		if eval[bool](p, broken) {
			return
		}
	}
	p.t.Fatalf("100 other texts have not broken the block: %s is not true", broken)
}

// unchanged fails the test if the chain of the node is not as long as it was.
func (n *filled) unchanged(t *testing.T, height int64) {
	t.Helper()
	if s, err := n.Status(t.Context()); err != nil || s.Height != height {
		t.Errorf("the node has the height %d, %v; want %d, as before the lesson", s.Height, err, height)
	}
}
