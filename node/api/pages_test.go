package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestIndex checks what / answers, with pages and without.
func TestIndex(t *testing.T) {
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "page "+r.URL.RawQuery)
	})
	n := newTestNode(t, testSetup{next: pages})
	bare := newTestNode(t, testSetup{})
	for _, both := range []*testNode{n, bare} {
		w := both.describedCall("GET", "/", "", "Accept", "application/json")
		both.want(w, 200, `{"name":"lode","version":"v0","network":"tutorial","description":"/openapi.yaml","endpoints":{`)
		for _, rt := range both.api.routes {
			if rt.pattern != "/" && !strings.Contains(w.Body.String(), `":"`+rt.pattern+`"`) {
				t.Errorf("%s is missing: %s", rt.pattern, w.Body)
			}
		}
		if !strings.Contains(w.Header().Get("Vary"), "Accept") {
			t.Errorf("the index varies by %q", w.Header().Get("Vary"))
		}
	}
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
	for _, accept := range []string{"", "*/*", browser, "text/html", "text/html, application/json;q=0.9"} {
		n.want(n.describedCall("GET", "/?author=a&x", "", "Accept", accept), 200, "page author=a&x")
	}
	for _, accept := range []string{"", "*/*", browser, "text/html"} {
		bare.want(bare.describedCall("GET", "/", "", "Accept", accept), 404, "there is nothing at")
	}
	bare.want(bare.describedCall("POST", "/", ""), 405, "")
}

// TestPagesAreBounded checks what holds for the pages as for the API: headers, methods from
// other origins, the length of a query, and slots.
func TestPagesAreBounded(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	calls := 0
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.URL.Path == "/slow" {
			enter <- struct{}{}
			<-leave
		}
		_, _ = io.WriteString(w, "page "+r.URL.Path)
	})
	serves := func(path string) bool { return path != "/unknown" }
	n := newTestNode(t, testSetup{next: pages, limits: limits{pages: 1}, config: Config{Hosts: []string{}, Serves: serves}})
	w := n.do("GET", "/page", "", "Host", "x")
	n.want(w, 200, "page /page")
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", w.Header())
	}
	calls = 0
	n.want(n.do("POST", "http://127.0.0.1/form", "", "Origin", "https://other.example"), 403, "another origin")
	n.want(n.do("POST", "http://rebound.example/form", ""), 403, "not called")
	n.want(n.do("GET", "/page?"+strings.Repeat("x", maxQuery+1), ""), 414, "query")
	n.want(n.do("GET", "/unknown", ""), 404, "there is nothing at")
	n.want(n.do("GET", "/unknown", "", "Accept", "application/json"), 404, `"reason":"not-found"`)
	if calls != 0 {
		t.Errorf("the pages were called %d times", calls)
	}
	n.want(n.do("GET", "/unknown", "", "Accept", "text/html;q=0.9,*/*;q=0.1"), 200, "page /unknown")
	n.want(n.do("POST", "http://localhost/form", ""), 200, "page /form")

	done := make(chan struct{})
	go func() {
		defer close(done)
		n.do("GET", "/slow", "")
	}()
	<-enter
	for _, target := range []string{"/", "/page"} {
		w = n.do("GET", target, "", "Accept", "text/html")
		n.want(w, 503, "1 pages already")
		if w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: Retry-After is %q", target, w.Header().Get("Retry-After"))
		}
	}
	n.want(n.do("GET", "/status", ""), 200, "portable")
	close(leave)
	<-done
	n.want(n.do("GET", "/page", ""), 200, "page /page")
}
