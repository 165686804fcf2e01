package browsertest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
)

// watch has the page note when an expression of JavaScript is true for the first time, as
// soon as the page changes. The time is that of the machine's clock, so it can be compared
// with one of the test.
func (p *tab) watch(expression string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(() => {
		window.watcher?.disconnect();
		window.seenAt = 0;
		const look = () => {
			if (!window.seenAt && (%s)) window.seenAt = performance.timeOrigin + performance.now();
		};
		window.watcher = new MutationObserver(look);
		window.watcher.observe(document.documentElement, {subtree: true, childList: true, attributes: true, characterData: true});
		look();
		return true;
	})()`, expression))
}

// seen waits until the expression of watch has become true, and returns when that was.
func (p *tab) seen() time.Time {
	p.t.Helper()
	p.until("the page has changed as it should", "window.seenAt > 0")
	return time.UnixMicro(int64(1000 * eval[float64](p, "window.seenAt")))
}

func stateOf(id string) string {
	return fmt.Sprintf("document.querySelector('#feed [data-id=%q]')?.dataset.state", id)
}

// measureBlock mines blocks at one node, and measures how long after the answer to that the
// open page of another node shows the post as mined.
func measureBlock(t *testing.T, lode string) {
	b := startBrowser(t)
	one := startProcess(t, lode, t.TempDir(), "127.0.0.1:0")
	two := startProcess(t, lode, t.TempDir(), "127.0.0.1:0")
	join(t, one, two)
	p := b.open(tabOptions{})
	p.goTo(two.url + "/")
	p.stay()
	var took samples
	for range 10 {
		quietly(t, func() {
			for range 4 {
				id := one.post(t, "ann", "a post for the next block")
				p.until("the post waits", stateOf(id)+" === 'pending'")
				time.Sleep(rand.N(500 * time.Millisecond)) // at any moment between two looks of the page
				p.watch(stateOf(id) + " === 'mined'")
				_, answered := one.mine(t)
				took.add(p.seen().Sub(answered))
			}
		})
	}
	p.stayed()
	took.report(t, "from the answer of /mine to the open page of a second node", 300*time.Millisecond)
}

// measureTabs opens eight tabs of one browser. In each of them it posts, mines, and follows a
// link, and measures when the tab shows the result; and when each tab shows the others'.
func measureTabs(t *testing.T, lode string) {
	b := startBrowser(t)
	n := startProcess(t, lode, t.TempDir(), "127.0.0.1:0")
	var tabs []*tab
	for range 8 {
		p := b.open(tabOptions{})
		p.goTo(n.url + "/")
		tabs = append(tabs, p)
	}
	var posted, mined, followed, live samples
	for round := range 3 {
		for i, p := range tabs {
			p.fill("#compose [name=author]", "ann")
			quietly(t, func() {
				text := fmt.Sprintf("round %d of tab %d", round, i)
				has := fmt.Sprintf("document.querySelector('#feed').textContent.includes(%q)", text)
				p.fill("#compose [name=content]", text)
				for _, other := range tabs {
					other.watch(has)
				}
				posted.add(p.clickUntilSeen(postButton))
				at := p.seen()
				for _, other := range tabs {
					if other != p {
						live.add(other.seen().Sub(at))
					}
				}
				p.watch(fmt.Sprintf("[...document.querySelectorAll(%q)].some(e => e.textContent.includes(%q))", minedPost, text))
				mined.add(p.clickUntilSeen(mineButton))
				followed.add(p.follow(`nav.site a[href="/explorer"]`, "/explorer"))
				followed.add(p.follow(`nav.site a[href="/"]`, "/"))
			})
		}
	}
	const asked = 500 * time.Millisecond
	posted.report(t, "from a click on Post to the post in the same tab, one of eight", asked)
	live.report(t, "from the post in one tab to the post in each of the seven others", asked)
	mined.report(t, "from a click on Mine to the mined post in the same tab, one of eight", asked)
	followed.report(t, "from a click on a link to a page that is ready, in one of eight tabs", asked)
}

// clickUntilSeen clicks, and returns how long it takes until the expression of watch is true.
func (p *tab) clickUntilSeen(selector string) time.Duration {
	p.t.Helper()
	at := eval[float64](p, fmt.Sprintf("(() => { const at = performance.timeOrigin + performance.now(); document.querySelector(%q).click(); return at; })()", selector))
	return p.seen().Sub(time.UnixMicro(int64(1000 * at)))
}

// follow clicks on a link, and returns how long it takes until the page behind it has been
// loaded with its scripts.
func (p *tab) follow(selector, path string) time.Duration {
	p.t.Helper()
	at := eval[float64](p, fmt.Sprintf("(() => { const at = performance.timeOrigin + performance.now(); document.querySelector(%q).click(); return at; })()", selector))
	p.until("the page "+path+" is ready", fmt.Sprintf("location.pathname === %q && performance.timeOrigin > %f && document.body.dataset.jsReady === 'page' && performance.getEntriesByType('navigation')[0].loadEventEnd > 0", path, at))
	end := eval[float64](p, "performance.timeOrigin + performance.getEntriesByType('navigation')[0].loadEventEnd")
	return time.UnixMicro(int64(1000 * end)).Sub(time.UnixMicro(int64(1000 * at)))
}

// visitor is how fast a browser is.
type visitor struct {
	name        string
	slowdown    float64 // of its processor
	slowNetwork bool    // a slow mobile network
}

// A phone, as Lighthouse imitates one, has a quarter of this machine's speed and, in the last
// row of figures, a slow mobile network.
const (
	phoneLatency = 150                   // milliseconds
	phoneBytes   = 1.6 * 1024 * 1024 / 8 // a second
)

// measurePaint loads pages into browsers which have nothing cached, and measures when they
// paint something, and how much they have loaded. The first load of a browser is another
// matter, because the browser is still starting, so it does not count.
func measurePaint(t *testing.T, lode string) {
	b := startBrowser(t)
	n := startProcess(t, lode, t.TempDir(), "127.0.0.1:0")
	var id string
	for i := range 40 {
		id = n.post(t, fmt.Sprint("author", i), fmt.Sprintf("Post %d. A post has some words, so that the list is as long as it is on other days, and about as heavy.", i))
		if i%4 == 3 {
			n.mine(t)
		}
	}
	loadCold(t, b, n.url+"/", visitor{slowdown: 1})
	for _, v := range []visitor{
		{"this processor", 1, false},
		{"a processor of a quarter of the speed", 4, false},
		{"a processor of a quarter of the speed, 1.6 Mbit/s and 150 ms", 4, true},
	} {
		for _, path := range []string{"/", "/mining", "/explorer", "/explorer/block/tip", "/explorer/tx/" + id, "/network", "/learn/3", "/accounts", "/api"} {
			var painted samples
			var size float64
			const loads = 3
			quietly(t, func() {
				for range loads {
					var paint time.Duration
					paint, size = loadCold(t, b, n.url+path, v)
					painted.add(paint)
				}
			})
			painted.report(t, fmt.Sprintf("first contentful paint of %.20s, nothing cached, %s", path, v.name), time.Second)
			t.Logf("%s: %.0f bytes unpacked, with all that the page itself has loaded", path, size)
		}
	}
}

// loadCold loads a page with nothing cached, as a visitor would, and returns when something was
// painted, and how many bytes the page itself has loaded.
func loadCold(t *testing.T, b *browser, url string, v visitor) (paint time.Duration, size float64) {
	t.Helper()
	p := b.session(t).open(tabOptions{width: 360, height: 740})
	call(p, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: v.slowdown})
	if v.slowNetwork {
		call(p, network.Enable, network.EnableParams{})
		call(p, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{
			{Latency: phoneLatency, DownloadThroughput: phoneBytes, UploadThroughput: phoneBytes / 2},
		}})
	}
	p.goTo(url)
	p.until("the page is painted", "performance.getEntriesByName('first-contentful-paint').length > 0")
	call(p, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 1})
	at := eval[float64](p, "performance.getEntriesByName('first-contentful-paint')[0].startTime")
	size = eval[float64](p, "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((sum, e) => sum + e.decodedBodySize, 0)")
	return time.Duration(1000*at) * time.Microsecond, size
}

// measureRestart restarts a node under an open page, and measures how long after the node
// listens again the page shows what has happened meanwhile.
func measureRestart(t *testing.T, lode string) {
	b := startBrowser(t)
	n := startProcess(t, lode, t.TempDir(), "127.0.0.1:0")
	p := b.open(tabOptions{})
	p.goTo(n.url + "/")
	p.stay()
	var took samples
	for i := range 8 {
		p.until("the page hears the node", "document.body.dataset.connection === 'open'")
		n.stop()
		n = startProcess(t, lode, n.data, n.url[len("http://"):])
		listens := time.Now()
		text := fmt.Sprint("after restart ", i)
		p.watch(fmt.Sprintf("document.querySelector('#feed').textContent.includes(%q)", text))
		n.post(t, "ann", text)
		took.add(p.seen().Sub(listens))
	}
	p.stayed()
	took.report(t, "from the start of a node to news on a page that was open before", 4*time.Second)
}

// measureMany opens pages of a node with ten thousand posts, and measures when each is ready.
func measureMany(t *testing.T, _ string) {
	n := startMany(t)
	p := startBrowser(t).open(tabOptions{})
	for _, path := range []string{"/", "/?before=60.50", "/?pending=25", "/?q=post+9999", "/?q=needle", "/?author=ann&q=needle", "/author/ann", "/explorer", "/explorer/block/" + n.full, "/network"} {
		var ready samples
		quietly(t, func() {
			for range 5 {
				p.goTo(n.url + path)
				ready.add(time.Duration(eval[float64](p, "performance.getEntriesByType('navigation')[0].loadEventEnd")*1000) * time.Microsecond)
			}
		})
		ready.report(t, fmt.Sprintf("%.30s of a node with %d posts is loaded", path, manyPosts), time.Second)
	}
	p.goTo(n.url + "/")
	var live samples
	for i := range 5 {
		quietly(t, func() {
			text := fmt.Sprint("news ", i)
			p.watch(fmt.Sprintf("document.querySelector('#feed').textContent.includes(%q)", text))
			n.post(t, "ben", text)
			posted := time.Now()
			live.add(p.seen().Sub(posted))
		})
	}
	// A page looks twice a second for posts that wait.
	live.report(t, fmt.Sprintf("a new post is on the open page of a node with %d posts", manyPosts), time.Second)
}
