package browsertest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lodepow/lode/node"
)

const (
	pendingPost = `#feed li.post[data-state="pending"]`
	minedPost   = `#feed li.post[data-state="mined"]`
	postButton  = "#compose button:not([type=button])"
	mineButton  = `form[action="/forms/mine"] button`
)

// stay marks a page, to tell later whether it has been loaded again.
func (p *tab) stay() { eval[bool](p, "window.notLoadedAgain = true") }

// stayed fails the test if the page has been loaded again since stay.
func (p *tab) stayed() {
	p.t.Helper()
	if !eval[bool](p, "window.notLoadedAgain === true") {
		p.t.Errorf("the page %s was loaded again", p.location())
	}
}

// testPost posts on the page of one node, and mines there. The open page of another node
// shows the post as pending, and then as confirmed, without being loaded again.
func testPost(t *testing.T, b *browser) {
	one, two := startNode(t, node.Config{}), startNode(t, node.Config{})
	connect(t, one, two)
	here, there := b.open(tabOptions{}), b.open(tabOptions{})
	here.goTo(one.url + "/")
	there.goTo(two.url + "/")
	there.stay()
	here.fill("#compose [name=author]", "ann")
	here.fill("#compose [name=content]", "hello from the first page")
	here.click(postButton)
	here.waitText(pendingPost, "hello from the first page")
	there.waitText(pendingPost, "hello from the first page")
	here.click(mineButton)
	here.waitText(minedPost, "hello from the first page")
	there.waitText(minedPost, "hello from the first page")
	there.waitText(minedPost+" .confirmations", "1 confirmation")
	one.post(t, "ben", "a second post")
	there.waitText(pendingPost, "a second post")
	one.mine(t)
	there.waitText(minedPost+":last-of-type .confirmations", "2 confirmations")
	there.stayed()
}

// testOtherOrigin submits the forms of a node from the page of another server. The node
// refuses each of them, and nothing happens.
func testOtherOrigin(t *testing.T, b *browser) {
	n := startNode(t, node.Config{})
	n.post(t, "ann", "waits")
	var page strings.Builder
	for _, form := range []string{"post", "mine", "miner", "connect", "resync"} {
		fmt.Fprintf(&page, `<form id="%s" action="%s/forms/%[1]s" method="post"><input name="author" value="x"><input name="content" value="x"><input name="mode" value="continuous"><input name="address" value="http://127.0.0.1:1"><button>go</button></form>`,
			form, n.url)
	}
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<!doctype html><title>other</title>"+page.String())
	})
	p := b.open(tabOptions{})
	for _, form := range []string{"post", "mine", "miner", "connect", "resync"} {
		// The other page has the node's host name, too: only its port is different.
		p.goTo(other)
		p.click("#" + form + " button")
		p.until("the node has answered", "location.href.startsWith("+quote(n.url)+") && document.readyState === 'complete'")
		p.until("the answer is a refusal", "performance.getEntriesByType('navigation')[0].responseStatus === 403")
	}
	s, err := n.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Height != 0 || s.Mempool.Transactions != 1 || s.Mining.Mode != "on-demand" {
		t.Errorf("another origin has changed the node: %+v", s)
	}
}

// testHostile shows posts that try to be more than text.
func testHostile(t *testing.T, b *browser) {
	n := startNode(t, node.Config{})
	texts := []string{
		`<script>window.hurt = 1</script><img src=x onerror="window.hurt = 2"><svg onload="window.hurt = 3">`,
		`"'><b id="hurt">bold</b> &lt;i&gt; {{.}} javascript:alert(1)`,
		"left \u202egnihtemos\u202c right \u2066isolated\u2069 \u0000 end",
		"𝄞 🤷🏽‍♀️ " + strings.Repeat("\u0301", 200) + " zalgo",
		strings.Repeat("wide", 4000),
	}
	authors := []string{`<b id="hurt">ann</b>`, "\u202enomis", "𝄞", "javascript:alert(1)", strings.Repeat("author ", 5000)}
	for i, text := range texts {
		text = strings.ReplaceAll(text, "\x00", "")
		n.post(t, authors[i], text)
	}
	p := b.open(tabOptions{width: 360, height: 740})
	check := func(path, shown string) {
		t.Helper()
		p.goTo(n.url + path)
		p.wait(shown)
		if eval[bool](p, "window.hurt !== undefined || document.querySelector('#hurt, main img, main script') !== null") {
			t.Errorf("%s: the text of a post has become a part of the page", path)
		}
		// Nothing in the page may turn the text around it.
		if eval[bool](p, `/[\u202a-\u202e\u2066-\u2069]/.test(document.querySelector('main').innerText)`) {
			t.Errorf("%s: the page contains characters that turn the text around them", path)
		}
		if wide := eval[float64](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("%s: the page is %v pixels wider than the window", path, wide)
		}
	}
	check("/", "main")
	n.mine(t)
	check("/", "main")
	check("/explorer/block/1", "main")
	ids := eval[[]string](p, "[...document.querySelectorAll('li.post')].map(e => e.dataset.id)")
	if len(ids) != len(texts) {
		t.Errorf("the page of the block has %d posts, want %d", len(ids), len(texts))
	}
	for _, id := range ids {
		check("/explorer/tx/"+id, "main")
	}
	for _, path := range []string{"/?q=%3Cscript%3Ealert(1)%3C/script%3E", "/explorer/search?q=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "/author/%3Cb%20id%3D%22hurt%22%3Eann%3C%2Fb%3E"} {
		check(path, "main")
	}
	// The lessons show the first post of each block, and its author.
	n.post(t, "\u202enomis "+strings.Repeat("author ", 5000), "\u202egnihtemos\u202c "+strings.Repeat("wide", 4000))
	n.mine(t)
	check("/learn/3", "#chain textarea")
	check("/learn/4", "#columns .excerpt")
}
