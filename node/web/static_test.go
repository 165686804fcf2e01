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

var loads = regexp.MustCompile(`(?:src|href)="/static/([^"?]+)`)

var imports = regexp.MustCompile(`(?m)^(?:import|export)\s[^'"();]*?['"]\./([^'"]+)['"]`)

// addFile adds a file, and the scripts that it imports in any case, to those that a page
// loads.
func (n *testNode) addFile(name string, files map[string]int) {
	n.t.Helper()
	f, ok := n.web.static.files[name]
	if _, known := files[name]; known {
		return
	}
	if !ok {
		n.t.Fatalf("there is no file static/%s", name)
	}
	files[name] = len(f.body)
	if strings.HasSuffix(name, ".js") {
		for _, match := range imports.FindAllStringSubmatch(string(f.body), -1) {
			n.addFile(path.Join(path.Dir(name), match[1]), files)
		}
	}
}

// TestBudget adds up what a browser loads for the first page, as it is without gzip: a full
// page of posts, the files that the page names, and the scripts that these load.
func TestBudget(t *testing.T) {
	const budget = 150_000 // bytes
	n := newTestNode(t, testSetup{})
	for i := range postsOnPage {
		n.mine(n.post(fmt.Sprintf("author %d", i), strings.Repeat("Some words of a post. ", 20)))
	}
	page := n.page("/")
	files := map[string]int{}
	for _, match := range loads.FindAllStringSubmatch(page, -1) {
		n.addFile(match[1], files)
	}
	for _, name := range []string{"feed.js", "compose-sign.js", "events-worker.js"} {
		n.addFile(name, files) // app.js loads them on this page
	}
	total := len(page)
	for _, size := range files {
		total += size
	}
	t.Logf("the page has %d bytes, and with its %d files %d", len(page), len(files), total)
	if total > budget {
		t.Errorf("the first page and its files have %d bytes, more than %d: %v", total, budget, files)
	}
}
