package browsertest

import (
	"strings"
	"testing"

	"github.com/lodepow/lode/node"
)

// testNoScript uses the pages without JavaScript: what is done by forms works.
func testNoScript(t *testing.T, b *browser) {
	one, two := startNode(t, node.Config{}), startNode(t, node.Config{})
	p := b.open(tabOptions{noScript: true})
	p.goTo(one.url + "/")
	p.fill("#compose [name=author]", "ann")
	p.fill("#compose [name=content]", "written without scripts")
	p.click(postButton)
	p.waitText(pendingPost, "written without scripts")
	p.wait("#notice")
	p.click(mineButton)
	p.waitText(minedPost, "written without scripts")
	p.click(minedPost + " a.link-id")
	p.waitText("main", "written without scripts")
	p.until("the proof is there", "document.querySelector('#proof') !== null")

	p.goTo(one.url + "/mining")
	p.click("#mode-pending")
	p.click(`form[action="/forms/miner"] button`)
	p.until("the node mines whenever something is pending", "document.querySelector('#mode-pending').checked && document.querySelector('#notice').innerText !== ''")
	one.post(t, "ben", "mined by itself")
	eventually(t, "the post is mined", func() bool {
		s, err := one.Status(t.Context())
		return err == nil && s.Height == 2
	})

	p.goTo(one.url + "/network")
	p.fill("#address", two.url)
	p.click(`form[action="/forms/connect"] button`)
	p.waitText("#peers", strings.TrimPrefix(two.url, "http://"))

	p.goTo(one.url + "/")
	p.fill("#compose [name=author]", "ann")
	p.fill("#compose [name=content]", strings.Repeat("much too long ", 8000))
	p.click(postButton)
	p.until("the page says why the post is refused", "document.querySelector('#error')?.innerText !== '' || document.querySelector('h1').innerText !== 'Posts'")
	for _, path := range []string{"/learn/1", "/accounts"} {
		p.goTo(one.url + path)
		p.waitText("main", "JavaScript")
	}
}

// testNoScriptReading searches, goes from page to page and looks again, without JavaScript.
func testNoScriptReading(t *testing.T, b *browser) {
	n := startLong(t)
	p := b.open(tabOptions{noScript: true})
	find := func(what string) {
		t.Helper()
		p.goTo(n.url + "/")
		p.fill("#find", what)
		p.click("form.find button")
	}
	find("7")
	p.at("of block 7", "document.querySelector('h1').textContent === 'Block 7'")
	find("cleo")
	p.at("of an author", "location.pathname === '/author/cleo' && document.querySelectorAll('#posts li.post').length === 10")
	find("nobody is called that")
	p.at("without a result", "document.querySelector('h1').textContent === 'Nothing found'")

	p.goTo(n.url + "/")
	p.fill("#q", "number 2")
	p.fill("#by", "ben")
	p.click("form:has(#q) button")
	p.at("of found posts", "location.search.includes('author=ben') && document.querySelectorAll('#feed li.post').length === 5")

	p.goTo(n.url + "/")
	p.click("a[rel=next]")
	p.at("of older posts", "location.search.includes('before=') && document.querySelectorAll('#feed li.post').length === 5")
	p.waitText("#feed li.post:last-of-type", "post number 1")
	if eval[bool](p, "document.querySelector('a[rel=next]') !== null") {
		t.Error("the last page of posts has a link to a further one")
	}
	p.click(`nav.site a[href="/explorer"]`)
	p.at("of the blocks", "location.pathname === '/explorer' && document.querySelectorAll('#blocks tbody tr').length === 20")
	p.click("a[rel=next]")
	p.at("of older blocks", "location.search.startsWith('?before=') && document.querySelectorAll('#blocks tbody tr').length === 11")
	p.click("#blocks tbody tr:last-child a")
	p.at("of the first block", "document.querySelector('h1').textContent === 'Block 0'")
	p.click("a[rel=next]")
	p.at("of the block above", "document.querySelector('h1').textContent === 'Block 1'")

	p.goTo(n.url + "/")
	n.post(t, "ann", "somebody else has posted meanwhile")
	p.click(`form[action="/forms/resync"] button`)
	p.waitText(pendingPost, "somebody else has posted meanwhile")
	p.waitText("#notice", "the tip is block 30")
}

// testNoScriptToken does without JavaScript what needs the node's token: its forms have a
// field for it. A wrong token is refused with a sentence.
func testNoScriptToken(t *testing.T, b *browser) {
	n, other := startNode(t, node.Config{Token: "secret"}), startNode(t, node.Config{})
	n.post(t, "ann", "waits for somebody with the token")
	p := b.open(tabOptions{noScript: true})
	for _, token := range []string{"wrong", "secret"} {
		refused := token != "secret"
		for _, form := range []struct {
			page, action, token string
			fill                func()
			done                func() bool
		}{
			{"/", "/forms/mine", "#mine-token", func() {}, func() bool {
				s, err := n.Status(t.Context())
				return err == nil && s.Height == 1
			}},
			{"/mining", "/forms/miner", "#mode-token", func() { p.click("#mode-off") }, func() bool {
				s, err := n.Status(t.Context())
				return err == nil && s.Mining.Mode == "off"
			}},
			{"/network", "/forms/connect", "#connect-token", func() { p.fill("#address", other.url) }, func() bool {
				s, err := n.Status(t.Context())
				return err == nil && s.Peers == 1
			}},
		} {
			p.goTo(n.url + form.page)
			form.fill()
			p.fill(form.token, token)
			p.click(`form[action="` + form.action + `"]:has(` + form.token + `) button`)
			if refused {
				p.waitText("#error", "token")
			} else {
				p.until("the page says what it has done", "document.readyState === 'complete' && (document.querySelector('#notice')?.innerText ?? '') !== ''")
			}
			if form.done() == refused {
				t.Errorf("%s with the token %q: it was done: %v", form.action, token, refused)
			}
			if strings.Contains(p.location(), token) || eval[bool](p, "document.documentElement.outerHTML.includes("+quote(token)+")") {
				t.Errorf("%s: the page shows the token", form.action)
			}
		}
	}
}
