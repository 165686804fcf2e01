package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestStatic gets the files of the pages, as browsers and their caches do.
func TestStatic(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for name, f := range n.web.static.files {
		path := "/static/" + name
		w := n.get(path)
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), f.body) || w.Header().Get("Content-Type") != f.kind {
			t.Errorf("GET %s: %d, %d bytes, %s", path, w.Code, w.Body.Len(), w.Header().Get("Content-Type"))
		}
		if w.Header().Get("Content-Security-Policy") != Policy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: headers %v", path, w.Header())
		}
		if got := w.Header().Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s: Cache-Control %q: a script that another one imports must be asked for again", path, got)
		}
		versioned := n.get(path + "?v=" + f.hash)
		if got := versioned.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("GET %s with its hash: Cache-Control %q", path, got)
		}
		if got := n.get(path + "?v=0123456789abcdef").Header().Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s with another hash: Cache-Control %q", path, got)
		}
		for _, encoding := range []string{"", "gzip", "br, gzip;q=0.5", "gzip;q=0"} {
			first := n.get(path, "Accept-Encoding", encoding)
			again := n.get(path, "Accept-Encoding", encoding, "If-None-Match", first.Header().Get("ETag"))
			if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("GET %s again: %d with %d bytes", path, again.Code, again.Body.Len())
			}
			packed := first.Header().Get("Content-Encoding") == "gzip"
			if packed && (encoding == "" || encoding == "gzip;q=0") {
				t.Errorf("GET %s is packed for a client that does not want it", path)
			}
			if packed {
				z, err := gzip.NewReader(first.Body)
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(z); err != nil || !bytes.Equal(body, f.body) {
					t.Errorf("GET %s: unpacked %d bytes, %v", path, len(body), err)
				}
			}
		}
	}
	for _, path := range []string{"/static/", "/static", "/static/nothing.js", "/static/..%2fweb.go", "/static/%2e%2e/web.go"} {
		if w := n.get(path); w.Code != http.StatusNotFound && w.Code != http.StatusTemporaryRedirect {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	if w := n.do(http.MethodPost, "/static/style.css", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

var loads = regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`)

// TestBudget adds up what a browser loads for the first page, as it comes without gzip: a
// full page of posts, and all files that the page names.
func TestBudget(t *testing.T) {
	const budget = 150 << 10
	n := newTestNode(t, testSetup{})
	for i := range postsOnPage {
		n.mine(n.post(fmt.Sprintf("author %d", i), strings.Repeat("Some words of a post. ", 20)))
	}
	page := n.page("/")
	total := len(page)
	for _, match := range loads.FindAllStringSubmatch(page, -1) {
		w := n.get(match[1])
		if w.Code != http.StatusOK {
			t.Fatalf("GET %s: %d", match[1], w.Code)
		}
		total += w.Body.Len()
	}
	t.Logf("the page has %d bytes, and with its files %d", len(page), total)
	if total > budget {
		t.Errorf("the first page and its files have %d bytes, more than %d", total, budget)
	}
	if css := len(n.web.static.files["style.css"].body); css > 24<<10 {
		t.Errorf("the style has %d bytes", css)
	}
}
