package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodepow/lode/node"
)

// testKeyboard posts and mines with the keyboard alone. What has the focus can be seen.
func testKeyboard(t *testing.T, b *browser) {
	n := startNode(t, node.Config{})
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.tabTo("#author")
	p.insert("ann")
	p.tabTo("#content")
	p.insert("typed with the keyboard")
	p.press(postButton)
	p.waitText(pendingPost, "typed with the keyboard")
	p.tabTo(mineButton)
	p.key("Space")
	p.waitText(minedPost, "typed with the keyboard")
	p.press(minedPost + " a.link-id")
	p.until("the page of the post is open", "location.pathname.startsWith('/explorer/tx/')")
	p.waitText("main", "typed with the keyboard")
}

// startLong starts a node with 30 blocks of one post each, more than fit into a page of the
// feed or of the list of blocks.
func startLong(t *testing.T) *live {
	t.Helper()
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	for i := range 30 {
		n.post(t, []string{"ann", "ben", "cleo"}[i%3], fmt.Sprintf("post number %d", i+1))
		n.mine(t)
	}
	return n
}

// at waits until a page is loaded whose address fulfils an expression.
func (p *tab) at(what, expression string) {
	p.t.Helper()
	p.until("the page "+what+" is there", "("+expression+") && document.readyState === 'complete'")
	if !p.noScript {
		p.ready()
	}
}

// testKeyboardFind searches, pages and opens things with the keyboard alone.
func testKeyboardFind(t *testing.T, b *browser) {
	n := startLong(t)
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.tabTo("#find")
	p.insert("7")
	p.key("Enter")
	p.at("of block 7", "location.pathname.startsWith('/explorer/block/') && document.querySelector('h1').textContent === 'Block 7'")
	p.tabTo("#find")
	p.insert("nobody is called that")
	p.key("Enter")
	p.at("without a result", "document.querySelector('h1').textContent === 'Nothing found'")

	p.press(`nav.site a[href="/explorer"]`)
	p.at("of the blocks", "location.pathname === '/explorer'")
	p.press("a[rel=next]")
	p.at("of older blocks", "location.search.startsWith('?before=')")
	p.press(`#blocks tr:last-child a[href^="/explorer/block/"]`)
	p.at("of a block", "location.pathname.startsWith('/explorer/block/')")
	p.press("main details > summary")
	p.until("the coinbase is open", "document.querySelector('main details').open")
	p.press("a[rel=next]")
	p.at("of the block above", "document.querySelector('h1').textContent === 'Block 1'")
	p.press("#block-posts a.link-id")
	p.at("of a post", "location.pathname.startsWith('/explorer/tx/')")
	p.until("the proof is checked", "document.querySelector('#proof-verdict').dataset.ok === 'true'")
	p.tabTo("section:has(#proof) input[type=checkbox]")
	p.key("Space")
	p.until("another text is refused", "document.querySelector('#proof-verdict').dataset.ok === 'false'")

	p.press("a.brand")
	p.at("of the posts", "location.pathname === '/'")
	p.press("a[rel=next]")
	p.at("of older posts", "location.search.includes('before=')")
	p.waitText("#feed li.post:last-of-type", "post number 1")
	p.tabTo("#q")
	p.insert("number 2")
	p.tabTo("#by")
	p.insert("ben")
	p.key("Enter")
	p.at("of found posts", "location.search.includes('author=ben')")
	// Posts 2, 20, 23, 26 and 29 are by ben and contain the words.
	p.until("the posts are there", "document.querySelectorAll('#feed li.post').length === 5")
	p.press("#feed .author a")
	p.at("of the author", "location.pathname === '/author/ben'")
}

// testKeyboardNode lets the node mine in another mode and connects it with another node,
// with the keyboard alone.
func testKeyboardNode(t *testing.T, b *browser) {
	one, two := startNode(t, node.Config{}), startNode(t, node.Config{})
	p := b.open(tabOptions{})
	p.goTo(one.url + "/mining")
	p.tabTo("input[name=mode]:checked")
	for range 3 {
		p.key("ArrowDown")
		if eval[bool](p, "document.querySelector('#mode-pending').checked") {
			break
		}
	}
	p.press(`form[action="/forms/miner"] button`)
	p.until("the node mines whenever a post waits", "document.querySelector('[data-field=mode]').textContent === 'pending'")
	p.focused("the mode is set")
	one.post(t, "ann", "mined at once")
	p.until("the block is there", "document.querySelector('[data-live=height]').textContent === '1'")

	p.press(`nav.site a[href="/network"]`)
	p.at("of the network", "location.pathname === '/network'")
	p.tabTo("#address")
	p.insert(two.url)
	p.key("Enter")
	p.waitText("#peers", two.address())
	p.focused("the nodes are connected")
	p.press(`#tree a[data-height="1"]`)
	p.at("of block 1", "document.querySelector('h1').textContent === 'Block 1'")
}

// testKeyboardToken answers the dialog that asks for the token with the keyboard alone. The
// focus stays in the dialog while it is open, and goes back to the button afterwards.
func testKeyboardToken(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Token: "secret"})
	n.post(t, "ann", "the first")
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.press(mineButton)
	p.wait("dialog.token")
	p.until("the field of the dialog has the focus", "document.activeElement.matches('dialog.token input')")
	for range 8 {
		p.key("Tab")
		if where := eval[string](p, "document.activeElement === document.body || document.activeElement.closest('dialog.token') ? '' : document.activeElement.outerHTML.slice(0, 120)"); where != "" {
			t.Errorf("the dialog is open, and the keyboard leads behind it, to %s", where)
		}
	}
	p.key("Escape")
	p.until("the dialog is closed", "document.querySelector('dialog.token') === null")
	p.waitText("#error", "Nothing was changed")
	p.until("the button has the focus again", "document.activeElement.matches("+quote(mineButton)+")")
	p.key("Enter")
	p.wait("dialog.token")
	p.insert("secret")
	p.key("Enter")
	p.waitText(minedPost, "the first")
	p.until("the button has the focus again", "document.activeElement.matches("+quote(mineButton)+")")
}

// testKeyboardLearn goes through all lessons with the keyboard alone.
func testKeyboardLearn(t *testing.T, b *browser) {
	n := startFilled(t)
	p := b.open(tabOptions{})
	p.goTo(n.url + "/learn")
	p.press("a[rel=next]")

	p.at("of step 1", "location.pathname === '/learn/1'")
	p.tabTo("#text")
	p.typeOver("hello")
	p.until("the hash is that of the text", "document.querySelector('#hash').textContent.startsWith('2cf24dba')")
	p.press("#use-block")
	p.until("the text is the first block", "JSON.parse(document.querySelector('#text').value).index === 0")
	// The button says for two seconds only what it has done.
	eval[bool](p, "new MutationObserver(() => { window.copied ||= /^(Copied|Selected)/.test(document.querySelector('#copy').textContent) }).observe(document.querySelector('#copy'), {childList: true, characterData: true, subtree: true}); true")
	p.press("#copy")
	p.until("the command is copied, or at least selected", "window.copied === true")
	p.focused("the command is copied")
	p.press("a[rel=next]")

	p.at("of step 2", "location.pathname === '/learn/2'")
	p.press("#mine")
	p.until("the browser has found a nonce", "document.querySelector('#result').textContent.includes('solves') && document.querySelector('#mine').textContent.includes('Mine')")
	p.focused("a block is mined")
	p.press("#send")
	p.waitText("#verdict", "The node accepted it")
	p.focused("the block is sent")
	p.press("a[rel=next]")

	p.at("of step 3", "location.pathname === '/learn/3'")
	p.wait("#chain textarea")
	p.breakByKey("#chain textarea", "document.querySelector('#chain textarea').closest('[data-state]').dataset.state === 'bad'")
	p.tabTo("#chain [data-state=bad] button")
	const bad = "document.querySelectorAll('#chain [data-state=bad]').length"
	for left := eval[int](p, bad); left > 0; left = eval[int](p, bad) {
		p.key("Enter") // the focus goes on to the button of the next block by itself
		p.until("one block more is good", fmt.Sprintf("%s < %d", bad, left))
		p.focused("a block is mined again")
	}
	p.press("#reset")
	p.waitText("#summary", "All blocks are valid. Change a text.")
	p.focused("everything is put back")
	p.press("a[rel=next]")

	p.at("of step 4", "location.pathname === '/learn/4'")
	p.waitText("#result", "All three copies are the same")
	p.breakByKey("#text", brokenFromText)
	p.press("#send")
	p.waitText("#verdict", "The node refused it")
	p.tabTo("#ben")
	for range 12 { // more than the blocks that Ben has to mine
		if eval[bool](p, "document.querySelector('#result').textContent.includes('has more work')") {
			break
		}
		before := p.text("#columns section:nth-child(2)")
		p.key("Enter")
		p.until("Ben has mined a block", "document.querySelector('#columns section:nth-child(2)').innerText !== "+quote(before)+" && !document.querySelector('#reset').disabled && document.querySelector('#ben').textContent.startsWith('Ben')")
		p.focused("Ben has mined a block")
	}
	p.waitText("#result", "has more work")
	p.press("#reset")
	p.waitText("#result", "All three copies are the same")
	p.focused("everything is put back")
	p.press("a[rel=next]")

	p.at("of step 5", "location.pathname === '/learn/5'")
	p.until("there is a key", "/^[0-9a-f]{64}$/.test(document.querySelector('#key').textContent)")
	p.press("#sign")
	p.until("the signature fits", "document.querySelector('#result').dataset.state === 'good'")
	p.press("#flip")
	p.until("the signature does not fit", "document.querySelector('#result').dataset.state === 'bad'")
	p.press("#send")
	p.waitText("#verdict .reason", "tx-bad-signature")
	p.press("#undo")
	p.until("the signature fits again", "document.querySelector('#result').dataset.state === 'good'")
	p.focused("the changes are undone")
	p.press("#send")
	p.waitText("#verdict", "The node accepted it")
}

// breakByKey is breakBlock with the keyboard alone.
func (p *tab) breakByKey(field, broken string) {
	p.t.Helper()
	p.tabTo(field)
	for i := range 100 {
		p.typeOver("Typed over it" + strings.Repeat("!", i))
		if eval[bool](p, broken) {
			return
		}
	}
	p.t.Fatalf("100 other texts have not broken the block: %s is not true", broken)
}

// testKeyboardAccounts makes, renames and deletes a key with the keyboard alone.
func testKeyboardAccounts(t *testing.T, b *browser) {
	n := startNode(t, node.Config{})
	p := b.open(tabOptions{})
	p.goTo(n.url + "/accounts")
	for _, field := range []struct{ selector, text string }{{"#make-name", "Ann"}, {"#make-passphrase", "correct horse"}, {"#make-again", "correct house"}} {
		p.tabTo(field.selector)
		p.insert(field.text)
	}
	p.key("Enter")
	p.waitText("#accounts-error", "differ")
	p.until("the second field has the focus", "document.activeElement.id === 'make-again'")
	p.typeOver("correct horse")
	p.key("Enter")
	p.until("the backup is shown", "document.querySelector('#backup-file').value.includes('BEGIN ENCRYPTED PRIVATE KEY')")
	p.until("the title of the backup has the focus", "document.activeElement.id === 'backup-title'")
	p.press("#backup-keep")
	p.waitText("#account-list", "Ann")
	p.focused("the key is kept")

	p.press("#account-list [data-action=rename]")
	p.until("the field for the name has the focus", "document.activeElement.matches('#account-list .rename input')")
	p.typeOver("Bea")
	p.key("Enter")
	p.waitText("#account-list", "Bea")
	p.focused("the key has another name")
	p.press("#account-list [data-action=delete]")
	p.press("#account-list [data-action=keep]")
	p.focused("the key is not deleted")
	p.press("#account-list [data-action=delete]")
	p.press("#account-list [data-action=really]")
	p.until("there is no key", "document.querySelector('#account-list').children.length === 0")
	p.focused("the key is deleted")
}
