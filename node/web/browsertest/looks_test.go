package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"

	"github.com/lodepow/lode/node"
)

// testAPI reads the description of the API as a page, without JavaScript.
func testAPI(t *testing.T, b *browser) {
	n := startFilled(t)
	p := b.open(tabOptions{noScript: true})
	p.goTo(n.url + "/api")
	for _, call := range []string{"POST /new_transaction", "GET /chain", "GET /tx/{id}/proof", "POST /mine", "GET /events", "GET /branches"} {
		p.until("the page describes "+call, "[...document.querySelectorAll('h2 code')].some(e => e.textContent === "+quote(call)+")")
	}
	p.until("the commands name this node", "document.querySelector('.api-curl').textContent.includes("+quote(n.address())+")")
	if broken := eval[[]string](p, `[...document.querySelectorAll('main a[href^="#"]')].map(a => a.getAttribute('href').slice(1)).filter(id => !document.getElementById(id))`); len(broken) > 0 {
		t.Errorf("links lead nowhere: %v", broken)
	}
	if twice := eval[[]string](p, `[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i)`); len(twice) > 0 {
		t.Errorf("ids are there twice: %v", twice)
	}
}

// testWidths opens every page on a phone and on a projector. None is wider than the window.
func testWidths(t *testing.T, b *browser) {
	n := startFilled(t)
	for _, width := range []int64{360, 1920} {
		p := b.open(tabOptions{width: width, height: 800})
		for _, path := range n.paths {
			p.goTo(n.url + path)
			p.wait("main h1")
			if wide := eval[float64](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
				which := eval[[]string](p, `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll, pre, svg')).slice(0, 3).map(e => e.outerHTML.slice(0, 120))`)
				t.Errorf("%s is %v pixels wider than a window of %d: %s", path, wide, width, strings.Join(which, "\n"))
			}
		}
		// The list of blocks is complete in the window, and need not be scrolled sideways.
		p.goTo(n.url + "/explorer")
		p.wait("#blocks time")
		if out := eval[[]string](p, `[...document.querySelectorAll('#blocks tbody tr > *, #blocks tbody tr > * > *')].filter(e => { const r = e.getBoundingClientRect(); return e.textContent && (r.width === 0 || r.left < 0 || r.right > innerWidth); }).map(e => e.outerHTML.slice(0, 120))`); len(out) > 0 {
			t.Errorf("in a window of %d pixels, these parts of the list of blocks are out of sight: %s", width, strings.Join(out, "\n"))
		}
	}
}

// axe returns the source of axe-core, which npm fetches, or skips the test.
func axe(t *testing.T) string {
	t.Helper()
	const version = "axe-core@4.14.1"
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skipf("NOT TESTED: %s comes with npm: %v", version, err)
	}
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", version)
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: npm cannot install %s: %v\n%s", version, err, out)
	}
	source, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// testAccessibility has axe-core look for violations on every page, light and dark.
func testAccessibility(t *testing.T, b *browser) {
	source := axe(t)
	n := startFilled(t)
	for _, dark := range []bool{false, true} {
		p := b.open(tabOptions{dark: dark})
		for _, path := range n.paths {
			p.goTo(n.url + path)
			p.wait("main h1")
			eval[any](p, source+"; 0")
			result := eval[string](p, `axe.run().then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + (n.any[0]?.message ?? ''))}))))`)
			var violations []struct {
				ID, Help string
				Nodes    []string
			}
			if err := json.Unmarshal([]byte(result), &violations); err != nil {
				t.Fatal(err)
			}
			for _, v := range violations {
				t.Errorf("%s (dark: %v): %s: %s\n\t%s", path, dark, v.ID, v.Help, strings.Join(v.Nodes, "\n\t"))
			}
		}
	}
}

// TestScreenshots writes pictures of all pages into the folder LODE_SCREENSHOTS, at two
// widths and in both colours. make screenshots uses it.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("LODE_SCREENSHOTS")
	if folder == "" {
		t.Skip("NOT TESTED: set LODE_SCREENSHOTS to the folder that the pictures go to")
	}
	b := startBrowser(t).session(t)
	n := startFilled(t)
	for _, look := range []struct {
		name   string
		width  int64
		height int64
		dark   bool
	}{{"wide-light", 1920, 1080, false}, {"wide-dark", 1920, 1080, true}, {"phone-light", 360, 740, false}, {"phone-dark", 360, 740, true}} {
		p := b.open(tabOptions{width: look.width, height: look.height, dark: look.dark})
		for _, shown := range []struct{ name, path string }{
			{"feed", "/"}, {"mining", "/mining"}, {"explorer", "/explorer"}, {"block", "/explorer/block/" + n.block}, {"post", "/explorer/tx/" + n.signed.ID().String()},
			{"network", "/network"}, {"learn", "/learn"}, {"learn-1", "/learn/1"}, {"learn-2", "/learn/2"}, {"learn-3", "/learn/3"}, {"learn-4", "/learn/4"}, {"learn-5", "/learn/5"},
			{"accounts", "/accounts"}, {"account", "/account/" + n.signed.PublicKey()}, {"api", "/api"},
		} {
			p.goTo(n.url + shown.path)
			p.wait("main h1")
			p.save(filepath.Join(folder, shown.name+"-"+look.name+".png"), true)
		}
	}

	// Those of the README: the feed, a fork, and a chain with a text that was changed.
	p := b.open(tabOptions{width: 1100, height: 720})
	p.goTo(n.url + "/")
	p.wait("#feed li.post")
	p.save(filepath.Join(folder, "readme-feed.png"), false)
	other := startNode(t, node.Config{Params: tutorial(t, 1)})
	for i := range 5 {
		other.post(t, "dora", fmt.Sprint("On another branch ", i))
		other.mine(t)
	}
	p.goTo(n.url + "/network")
	connect(t, n.live, other)
	p.until("the tree shows the fork", "document.querySelectorAll('#tree a[data-active=false]').length === 3 && document.querySelectorAll('#tree a[data-active=true]').length === 6")
	eval[any](p, "document.querySelector('#tree').scrollIntoView()")
	p.save(filepath.Join(folder, "readme-network.png"), false)
	p.goTo(n.url + "/learn/3")
	p.wait("#chain textarea")
	p.breakBlock("#chain textarea", "document.querySelector('#chain textarea').closest('[data-state]').dataset.state === 'bad'")
	p.save(filepath.Join(folder, "readme-learn.png"), false)
}

// save writes a picture of what is in the window, or of the whole page, but for what is far
// down in it.
func (p *tab) save(file string, whole bool) {
	p.t.Helper()
	const most = 3000 // pixels of a page from its top
	p.until("the page is at rest", "document.fonts.status === 'loaded' && document.readyState === 'complete'")
	params := page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng}
	if whole {
		size := eval[[]float64](p, "[innerWidth, document.documentElement.scrollHeight]")
		params.CaptureBeyondViewport = &whole
		params.Clip = &page.Viewport{Width: size[0], Height: min(size[1], most), Scale: 1}
	}
	if err := os.WriteFile(file, call(p, page.CaptureScreenshot, params).Data, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// metric returns the value of a metric of a node; "" if it has none of that name.
func metric(t *testing.T, url, name string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
