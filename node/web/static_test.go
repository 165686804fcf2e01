package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/block"
)

// TestStatic gets the files of the pages, as browsers and their caches do.
func TestStatic(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for name, f := range n.web.static.files {
		at := "/static/" + name
		w := n.get(at)
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), f.body) || w.Header().Get("Content-Type") != f.kind {
			t.Errorf("GET %s: %d, %d bytes, %s", at, w.Code, w.Body.Len(), w.Header().Get("Content-Type"))
		}
		if w.Header().Get("Content-Security-Policy") != Policy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: headers %v", at, w.Header())
		}
		if got := w.Header().Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s: Cache-Control %q: a script that another one imports must be asked for again", at, got)
		}
		versioned := n.get(at + "?v=" + f.hash)
		if got := versioned.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("GET %s with its hash: Cache-Control %q", at, got)
		}
		if got := n.get(at + "?v=0123456789abcdef").Header().Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s with another hash: Cache-Control %q", at, got)
		}
		for _, encoding := range []string{"", "gzip", "br, gzip;q=0.5", "gzip;q=0"} {
			first := n.get(at, "Accept-Encoding", encoding)
			again := n.get(at, "Accept-Encoding", encoding, "If-None-Match", first.Header().Get("ETag"))
			if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("GET %s again: %d with %d bytes", at, again.Code, again.Body.Len())
			}
			packed := first.Header().Get("Content-Encoding") == "gzip"
			if packed && (encoding == "" || encoding == "gzip;q=0") {
				t.Errorf("GET %s is packed for a client that does not want it", at)
			}
			if packed {
				z, err := gzip.NewReader(first.Body)
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(z); err != nil || !bytes.Equal(body, f.body) {
					t.Errorf("GET %s: unpacked %d bytes, %v", at, len(body), err)
				}
			}
		}
	}
	for _, at := range []string{"/static/", "/static", "/static/nothing.js", "/static/..%2fweb.go", "/static/%2e%2e/web.go"} {
		if w := n.get(at); w.Code != http.StatusNotFound && w.Code != http.StatusTemporaryRedirect {
			t.Errorf("GET %s: %d", at, w.Code)
		}
	}
	if w := n.do(http.MethodPost, "/static/style.css", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// The files that a page names, and those that a script loads: with every page, or by an
// import while it runs.
var (
	loads    = regexp.MustCompile(`(?:src|href)="/static/([^"?]+)`)
	imports  = regexp.MustCompile(`(?m)^(?:import|export)\s[^'"();]*?['"](\.[^'"]+)['"]|new URL\(['"](\.[^'"]+)['"], import\.meta\.url\)`)
	dynamic  = regexp.MustCompile("import\\(['\"`](\\.[^'\"`]+)['\"`]\\)")
	entry    = regexp.MustCompile(`(?m)^  (?:async )?(\w+)(?:\(|:)`)
	ownFile  = regexp.MustCompile(`'\./([^']+\.js)'`)
	dataPage = regexp.MustCompile(`<body data-page="([^"]*)"`)
	dataStep = regexp.MustCompile(`data-step="([1-9])"`)
)

// rarely reports whether a script that loads this file does so only where it has to: where
// the node wants a token, or the browser lacks what other browsers have.
func rarely(name string) bool {
	return name == "token-dialog.js" || name == "events-alone.js" || strings.HasPrefix(name, "vendor/noble/")
}

// ownScripts returns the scripts that app.js loads on the pages of each kind.
func (n *testNode) ownScripts() map[string][]string {
	n.t.Helper()
	text := string(n.web.static.files["app.js"].body)
	_, table, ok := strings.Cut(text, "\nconst own = {")
	table, _, ok2 := strings.Cut(table, "\n};")
	if !ok || !ok2 {
		n.t.Fatal("app.js has no table of what the pages load")
	}
	scripts := map[string][]string{}
	at := entry.FindAllStringSubmatchIndex(table, -1)
	for i, m := range at {
		end := len(table)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		for _, file := range ownFile.FindAllStringSubmatch(table[m[0]:end], -1) {
			scripts[table[m[2]:m[3]]] = append(scripts[table[m[2]:m[3]]], file[1])
		}
	}
	for _, page := range []string{"feed", "mining", "network", "tx", "learn", "accounts", "account", "author"} {
		if len(scripts[page]) == 0 {
			n.t.Errorf("app.js loads nothing for the page %s, or this test cannot read it", page)
		}
	}
	return scripts
}

// addFile adds a file, and what it loads, to what a page loads. step is that of a lesson.
func (n *testNode) addFile(name, step string, files map[string]int) {
	n.t.Helper()
	name = path.Clean(name)
	if _, known := files[name]; known {
		return
	}
	f, ok := n.web.static.files[name]
	if !ok {
		n.t.Errorf("there is no file static/%s", name)
		return
	}
	files[name] = len(f.body)
	if path.Ext(name) != ".js" {
		return
	}
	for _, match := range imports.FindAllStringSubmatch(string(f.body), -1) {
		n.addFile(path.Join(path.Dir(name), match[1]+match[2]), step, files)
	}
	if name == "app.js" { // what it loads depends on the page
		return
	}
	for _, match := range dynamic.FindAllStringSubmatch(string(f.body), -1) {
		to := path.Join(path.Dir(name), strings.ReplaceAll(match[1], "${step}", step))
		if !rarely(to) && (step != "" || !strings.Contains(match[1], "${step}")) {
			n.addFile(to, step, files)
		}
	}
}

// TestBudget adds up what a browser loads for each page when it gets it for the first time,
// before compression: the page itself, the files that it names, and all that these load.
func TestBudget(t *testing.T) {
	const (
		most      = 150_000 // bytes in all; /api, which is the whole reference, may have more
		mostFiles = 120_000 // of scripts and styles
	)
	n := newTestNode(t, testSetup{peers: &fakePeers{}})
	var tx block.Tx
	var b block.Block
	for i := range postsOnPage {
		tx = n.sign(fmt.Sprintf("author%d", i), strings.Repeat("Some words of a post. ", 20))
		b = n.mine(tx)
	}
	own := n.ownScripts()
	paths := []string{
		"/", "/mining", "/explorer", "/explorer/block/" + b.Hash().String(), "/explorer/tx/" + tx.ID().String(), "/network", "/api",
		"/learn", "/learn/1", "/learn/2", "/learn/3", "/learn/4", "/learn/5", "/accounts", "/account/" + tx.PublicKey(), "/author/author7",
	}
	for _, at := range paths {
		page := n.page(at)
		kind := dataPage.FindStringSubmatch(page)
		if kind == nil {
			t.Fatalf("%s does not say what kind of page it is", at)
		}
		step := ""
		if m := dataStep.FindStringSubmatch(page); m != nil {
			step = m[1]
		}
		files := map[string]int{}
		for _, match := range loads.FindAllStringSubmatch(page, -1) {
			n.addFile(match[1], step, files)
		}
		for _, name := range own[kind[1]] {
			n.addFile(name, step, files)
		}
		total := 0
		for _, size := range files {
			total += size
		}
		t.Logf("%s: the page has %d bytes, and its %d files have %d", at, len(page), len(files), total)
		if total > mostFiles || len(page)+total > most && at != "/api" {
			t.Errorf("%s: %d bytes of files, at most %d are allowed, and %d in all, at most %d: %v", at, total, mostFiles, len(page)+total, most, files)
		}
		if _, ok := files["vendor/uplot/uPlot.iife.min.js"]; ok != (at == "/mining") {
			t.Errorf("%s loads uPlot: %v", at, ok)
		}
	}
}
