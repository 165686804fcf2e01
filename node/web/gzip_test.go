package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain"
)

// unzip returns what an answer with gzip contains.
func unzip(t *testing.T, body []byte) []byte {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(gz)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// varies reports whether an answer says that it depends on a header of the request.
func varies(w *httptest.ResponseRecorder, name string) bool {
	return slices.ContainsFunc(w.Header().Values("Vary"), func(line string) bool {
		return slices.Contains(strings.Split(line, ", "), name)
	})
}

// TestPartsWithGzip asks for parts with and without gzip. Both have the same text, and each
// answer says that it depends on what the client takes.
func TestPartsWithGzip(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for range 5 {
		n.mine(n.post("ann", "a post"))
	}
	const parts = "feed older"
	plain := n.get("/", fragmentHeader, parts)
	if plain.Code != http.StatusOK || plain.Header().Get("Content-Encoding") != "" || !strings.Contains(plain.Body.String(), "a post") {
		t.Fatalf("status %d, %v", plain.Code, plain.Header())
	}
	for _, test := range []struct {
		accepts string
		gzipped bool
	}{
		{"gzip", true}, {"br, GZIP;q=0.5", true}, {"", false}, {"identity", false}, {"gzip;q=0, br", false}, {"*", false},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := n.do(method, "/", "", fragmentHeader, parts, "Accept-Encoding", test.accepts)
			if got := w.Header().Get("Content-Encoding") == "gzip"; w.Code != http.StatusOK || got != test.gzipped {
				t.Errorf("%s with %q: status %d, gzip %v, want %v", method, test.accepts, w.Code, got, test.gzipped)
				continue
			}
			if !varies(w, "Accept-Encoding") || !varies(w, fragmentHeader) {
				t.Errorf("%s with %q: the answer varies by %q", method, test.accepts, w.Header().Values("Vary"))
			}
			length, _ := strconv.Atoi(w.Header().Get("Content-Length"))
			if method == http.MethodHead {
				if w.Body.Len() != 0 || length == 0 || (length < plain.Body.Len()) != test.gzipped {
					t.Errorf("HEAD with %q: %d bytes, Content-Length %d", test.accepts, w.Body.Len(), length)
				}
				continue
			}
			if length != w.Body.Len() {
				t.Errorf("GET with %q: %d bytes, Content-Length %d", test.accepts, w.Body.Len(), length)
			}
			text := w.Body.Bytes()
			if test.gzipped {
				text = unzip(t, text)
			}
			if !bytes.Equal(text, plain.Body.Bytes()) {
				t.Errorf("GET with %q: another text than without gzip", test.accepts)
			}
		}
	}
	if len(n.web.parts.made) != 1 {
		t.Errorf("%d parts are kept of one that was asked for many times", len(n.web.parts.made))
	}
	for key, made := range n.web.parts.made {
		before := &made.gzipped[0]
		n.get("/", fragmentHeader, parts, "Accept-Encoding", "gzip")
		if again := n.web.parts.made[key]; before != &again.gzipped[0] {
			t.Error("the part was compressed again")
		}
	}
}

// TestWithoutGzip asks for what is never compressed: whole pages, which contain the key of a
// form, errors, redirects, and parts that gzip would not make shorter.
func TestWithoutGzip(t *testing.T) {
	n := newTestNode(t, testSetup{})
	id := n.mine(n.post("ann", "a post")).Txs[0].ID().String()
	for _, test := range []struct {
		path, fragment string
		status         int
	}{
		{"/", "", http.StatusOK},
		{"/mining", "mining", http.StatusOK},
		{"/", "older", http.StatusOK},
		{"/", "nothing", http.StatusNotFound},
		{"/?before=x", "feed", http.StatusBadRequest},
		{"/?q=" + id, "feed", http.StatusSeeOther},
	} {
		for range 2 {
			w := n.get(test.path, fragmentHeader, test.fragment, "Accept-Encoding", "gzip")
			if w.Code != test.status || w.Header().Get("Content-Encoding") != "" {
				t.Errorf("%s, %s: status %d, want %d, with the encoding %q", test.path, test.fragment, w.Code, test.status, w.Header().Get("Content-Encoding"))
			}
		}
	}
}

// TestPartsAreForAll makes each part that is shared twice. Both are the same to the last byte,
// so that nothing in it is meant for one reader, such as the key of a form: it is compressed
// together with what others write, which would tell them about it by the length.
func TestPartsAreForAll(t *testing.T) {
	n := newTestNode(t, testSetup{token: "secret"})
	id := n.mine(n.post("ann", "a post")).Txs[0].ID().String()
	n.post("ann", "a post that waits")
	paths := map[string]string{
		"/{$}": "/", "/author/{name...}": "/author/ann", "/account/{key}": "/account/" + strings.Repeat("ab", 32), "/explorer": "/explorer",
		"/explorer/block/{id}": "/explorer/block/" + n.chain.Tip().Hash.String(), "/explorer/tx/{id}": "/explorer/tx/" + id,
	}
	made := 0
	for _, rt := range n.web.routes {
		if !rt.chainOnly {
			continue
		}
		path := paths[rt.pattern]
		if path == "" {
			t.Errorf("the test knows no page of %s", rt.pattern)
			continue
		}
		for _, tmpl := range n.web.templates[nameOfPage(t, n, path)].Templates() {
			name, ok := strings.CutPrefix(tmpl.Name(), "frag-")
			if !ok || name == "notice" {
				continue
			}
			first := n.get(path, fragmentHeader, name)
			n.web.parts.note(chain.Event{})
			second := n.get(path, fragmentHeader, name)
			if first.Code != http.StatusOK || !varies(first, "Accept-Encoding") || !bytes.Equal(first.Body.Bytes(), second.Body.Bytes()) {
				t.Errorf("%s, %s: status %d, then another text:\n%s\n%s", path, name, first.Code, first.Body, second.Body)
			}
			made++
		}
	}
	if made < len(paths) {
		t.Errorf("%d parts were made", made)
	}
}

// nameOfPage returns the name of the template of a page.
func nameOfPage(t *testing.T, n *testNode, path string) string {
	t.Helper()
	return attr(find(parse(t, n.page(path)), "body", "")[0], "data-page")
}
