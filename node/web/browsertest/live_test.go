package browsertest

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"

	"github.com/lodepow/lode/node"
)

// ready waits until all scripts of the page run.
func (p *tab) ready() {
	p.t.Helper()
	p.until("the scripts of the page run", "document.body.dataset.jsReady === 'page'")
}

// testCalm has a reader look at old posts with a half-typed text, while new posts come and
// are mined. The text, the focus and the place on the page stay as they are.
func testCalm(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	for range 30 {
		n.post(t, "ann", strings.Repeat("an old post ", 40))
	}
	n.mine(t)
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.ready()
	p.fill("#content", "half typed")
	// seen is the first post in the window, with its place in pixels, and what has the focus.
	const seen = `(() => {
		const e = [...document.querySelectorAll('#feed .post')].find(e => e.getBoundingClientRect().bottom > 0);
		return [e.dataset.id, Math.round(e.getBoundingClientRect().top), document.activeElement.id, document.querySelector('#content').value, document.querySelector('#content').selectionStart].join(' ');
	})()`
	eval[bool](p, "scrollTo({top: document.querySelectorAll('#feed .post')[12].offsetTop + 20, behavior: 'instant'}); document.querySelector('#content').focus({preventScroll: true}); document.querySelector('#content').setSelectionRange(2, 2); true")
	before := eval[string](p, seen)
	if !strings.HasSuffix(before, " content half typed 2") {
		t.Fatalf("the reader sees %s", before)
	}
	for _, text := range []string{"one", "two", "three"} {
		n.post(t, "ben", text)
		p.waitText(pendingPost, text)
	}
	n.mine(t)
	p.until("the new posts are mined", "document.querySelector("+quote(pendingPost)+") === null && document.querySelector('#feed .post').dataset.height === '2'")
	if after := eval[string](p, seen); after != before {
		t.Errorf("the reader saw %s before the posts came, and sees %s now", before, after)
	}
	p.waitText("#announcements", "in a block")
}

// testWithoutSharedWorkers opens pages in a browser that has no shared workers. One tab
// shares its stream with the others; when it leaves, another one takes its place. Without
// channels between tabs, each tab has a stream.
func testWithoutSharedWorkers(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	open := func(script string) *tab {
		t.Helper()
		p := b.open(tabOptions{})
		call(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		p.goTo(n.url + "/")
		p.ready()
		return p
	}
	const noWorker = "delete window.SharedWorker;"
	first := open(noWorker)
	second := open(noWorker)
	third := open(noWorker)
	n.post(t, "ann", "to all three")
	for _, p := range []*tab{first, second, third} {
		p.waitText("#feed", "to all three")
	}
	eventually(t, "three tabs share one event stream", func() bool { return metric(t, n.url, "lode_http_event_streams") == "1" })
	first.goTo(n.url + "/status")
	n.post(t, "ann", "after the first tab has left")
	second.waitText("#feed", "after the first tab has left")
	third.waitText("#feed", "after the first tab has left")
	alone := open(noWorker + "delete window.BroadcastChannel;")
	n.post(t, "ann", "to the one that is alone")
	alone.waitText("#feed", "to the one that is alone")
}

// testOtherChain replaces the node behind an open page, first by one with a shorter chain
// and then by one of another network. The page says so and goes on.
func testOtherChain(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	for range 3 {
		n.post(t, "ann", "on the first chain")
		n.mine(t)
	}
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.ready()
	p.stay()
	p.waitText("#feed", "on the first chain")
	p.until("the page hears the node", "document.body.dataset.connection === 'open'")
	address := n.address()
	n.stop()
	p.waitText("#connection", "does not answer")
	shorter := startNode(t, node.Config{Params: tutorial(t, 1), Listen: address})
	p.waitText("#connection", "shorter chain")
	p.until("the posts of the old chain are gone", "document.querySelectorAll('#feed .post').length === 0")
	shorter.post(t, "ann", "on the second chain")
	p.waitText("#feed", "on the second chain")
	shorter.stop()
	p.waitText("#connection", "does not answer")
	other := startNode(t, node.Config{Params: tutorial(t, 2), Listen: address})
	p.waitText("#connection", "another network")
	other.post(t, "ann", "on the third chain")
	p.waitText("#feed", "on the third chain")
	p.stayed()
}

// testLongSearch has seven tabs ask for a block that nobody finds. The searches must not
// keep the six connections that a browser opens to a node: a post still goes through.
func testLongSearch(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 12)})
	n.post(t, "ann", "waits for long")
	var tabs []*tab
	for range 7 {
		p := b.open(tabOptions{})
		p.goTo(n.url + "/")
		p.ready()
		tabs = append(tabs, p)
	}
	for _, p := range tabs {
		p.click(mineButton)
	}
	for _, p := range tabs {
		p.waitText("#notice", "The node mines")
	}
	last := tabs[6]
	last.fill("#compose [name=author]", "ann")
	last.fill("#compose [name=content]", "in between")
	last.click(postButton)
	for _, p := range tabs {
		p.waitText(pendingPost, "in between")
	}
}

// testNoFreeStream opens a page of a node whose event streams are all taken. The page says
// so, looks for news now and then, and hears the node as soon as there is a stream again.
func testNoFreeStream(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 1)})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode == http.StatusServiceUnavailable {
			break
		}
	}
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.ready()
	p.stay()
	p.waitText("#connection", "sends this page no events")
	n.post(t, "ann", "without a stream")
	p.waitText(pendingPost, "without a stream")
	leave()
	p.until("the page hears the node", "document.body.dataset.connection === 'open' && document.querySelector('#connection').hidden")
	n.post(t, "ann", "with a stream")
	p.waitText("#feed", "with a stream")
	p.stayed()
}

// testMiningPage starts and stops the miner on its page, which shows the search and two
// plots.
func testMiningPage(t *testing.T, b *browser) {
	n := startNode(t, node.Config{Params: tutorial(t, 4)})
	p := b.open(tabOptions{})
	p.goTo(n.url + "/mining")
	p.ready()
	p.stay()
	p.click("#mode-continuous")
	p.click(`form[action="/forms/miner"] button`)
	p.until("a search is shown while it runs", "document.querySelector('[data-field=state]').textContent === 'Searching' && /H\\/s$/.test(document.querySelector('[data-field=rate]').textContent)")
	p.until("the miner has found blocks", "Number(document.querySelector('[data-live=height]').textContent.replace(/\\s/g, '')) >= 3")
	p.until("both plots are drawn", "document.querySelector('#plot-difficulty canvas') !== null && (document.querySelector('#plot-times canvas') !== null || document.querySelector('#plot-times .empty') !== null)")
	p.click("#mode-off")
	p.click(`form[action="/forms/miner"] button`)
	p.until("the page says that the node does not mine", "document.querySelector('[data-field=state]').textContent === 'Not searching' && document.querySelector('[data-field=mode]').textContent === 'off'")
	n.post(t, "ann", "nobody mines this")
	p.click(`form[action="/forms/mine"] button`)
	p.wait("#error")
	p.stayed()
}
