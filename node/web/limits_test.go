package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

// TestPagesAtOnce takes all slots of pages, and of forms.
func TestPagesAtOnce(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for range maxPages {
		n.web.pages.Take()
	}
	w := n.get("/")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one page too many: %d", w.Code)
	}
	checkPage(t, "busy", w)
	n.web.pages.Free()
	n.page("/")
	for range maxForms {
		n.web.forms.Take()
	}
	if w := n.submit("/forms/resync"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one form too many: %d", w.Code)
	}
	n.web.forms.Free()
	if w := n.submit("/forms/resync"); w.Code != http.StatusSeeOther {
		t.Errorf("after one form has ended: %d", w.Code)
	}
}

// TestReadsAtOnce takes all places for reading blocks. A page then waits until its reader
// gives up.
func TestReadsAtOnce(t *testing.T) {
	n := newTestNode(t, testSetup{})
	b := n.mine()
	for range maxReads {
		n.web.reads <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	w := httptest.NewRecorder()
	n.web.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/explorer/block/"+b.Hash().String(), nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
	<-n.web.reads
	n.page("/explorer/block/" + b.Hash().String())
}

// TestTextSearch searches posts that one page cannot look through. Each page says how far
// it has come and where to go on, and together they find every post once.
func TestTextSearch(t *testing.T) {
	n := newTestNode(t, testSetup{})
	const count = 2*scanPosts + 300
	want := 0
	var txs []block.Tx
	for i := range count {
		content := "nothing"
		if i%700 == 13 {
			content = "a NEEDLE in a haystack"
			want++
		}
		txs = append(txs, n.post("ann", content+fmt.Sprint(i)))
		if len(txs) == 150 || i == count-1 {
			n.mine(txs...)
			txs = nil
		}
	}
	found, pages := map[string]bool{}, 0
	for path := "/?q=needle"; path != ""; pages++ {
		doc := parse(t, n.page(path))
		for _, li := range find(doc, "li", "post") {
			if found[attr(li, "data-id")] {
				t.Errorf("post %s was found twice", attr(li, "data-id"))
			}
			found[attr(li, "data-id")] = true
		}
		text := textOf(doc)
		path = ""
		for _, a := range find(doc, "a", "button") {
			if attr(a, "rel") == "next" {
				path = attr(a, "href")
			}
		}
		if !strings.Contains(text, "Looked at") || (path != "") != strings.Contains(text, "limited number of posts") {
			t.Errorf("the page does not say how far it has come: next %q", path)
		}
		if pages > 10 {
			t.Fatal("the search does not end")
		}
	}
	if len(found) != want || pages != 3 {
		t.Errorf("%d posts in %d pages, want %d in 3", len(found), pages, want)
	}
}

// TestPaging follows the links to older posts. They list every post once, the newest first.
func TestPaging(t *testing.T) {
	n := newTestNode(t, testSetup{})
	const count = 2*postsOnPage + 7
	for i := range count {
		tx := n.post("ann", fmt.Sprint(i))
		if i < count-4 {
			n.mine(tx) // the last ones wait
		}
	}
	for _, start := range []string{"/", "/?author=ann"} {
		seen := count
		for path := start; path != ""; {
			doc := parse(t, n.page(path))
			for _, div := range find(doc, "div", "content") {
				seen--
				if got := textOf(div); got != fmt.Sprint(seen) {
					t.Fatalf("GET %s: post %q, want %d", path, got, seen)
				}
			}
			path = ""
			for _, a := range find(doc, "a", "button") {
				path = attr(a, "href")
			}
		}
		if seen != 0 {
			t.Errorf("%s: %d posts are missing", start, seen)
		}
	}
}

// TestManyPending lists more pending posts than a page has room for.
func TestManyPending(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for i := range 60 {
		n.post("ann", fmt.Sprint(i))
	}
	doc := parse(t, n.page("/"))
	if got := len(find(doc, "li", "post")); got != pendingOnFirst {
		t.Errorf("%d posts on the first page", got)
	}
	if !strings.Contains(textOf(doc), "50 more posts wait") {
		t.Error("the first page does not say that more posts wait")
	}
	seen := 0
	for path := "/?pending=0"; path != ""; {
		doc := parse(t, n.page(path))
		for _, div := range find(doc, "div", "content") {
			if got := textOf(div); got != fmt.Sprint(seen) {
				t.Fatalf("GET %s: post %q, want %d", path, got, seen)
			}
			seen++
		}
		path = ""
		for _, a := range find(doc, "a", "button") {
			path = attr(a, "href")
		}
	}
	if seen != 60 {
		t.Errorf("%d pending posts", seen)
	}
}

// TestSummaries fills the memory of summaries twice: it keeps the newest ones and no more
// than its bound.
func TestSummaries(t *testing.T) {
	const most = 8
	s := newSummaries(most)
	key := func(i int) pow.Hash { return pow.DoubleSHA256([]byte{byte(i)}) }
	for i := range 20 {
		s.put(key(i), summary{txs: i})
		s.put(key(i), summary{txs: i})
		for j := range 20 {
			got, ok := s.get(key(j))
			if ok != (j <= i && j > i-most) || ok && got.txs != j {
				t.Fatalf("after %d: summary %d is %v, %v", i, j, got, ok)
			}
		}
	}
	if len(s.blocks) != most {
		t.Errorf("%d summaries", len(s.blocks))
	}
}

// TestReorgsKept notes more reorgs, of more blocks, than are remembered.
func TestReorgsKept(t *testing.T) {
	now := time.Unix(0, 0)
	rs := newReorgs(func() time.Time { return now })
	hashes := make([]pow.Hash, 1000)
	for i := range 3 * reorgsKept {
		now = time.Unix(int64(i), 0)
		rs.note(chain.Event{Kind: chain.EventReorg, Connected: hashes, Disconnected: hashes, Returned: hashes})
		rs.note(chain.Event{Kind: chain.EventTip, Connected: hashes})
	}
	list := rs.list()
	if len(list) != reorgsKept {
		t.Fatalf("%d reorgs", len(list))
	}
	for i, r := range list {
		if want := int64(3*reorgsKept - 1 - i); r.at.Unix() != want {
			t.Errorf("reorg %d is of %d, want %d", i, r.at.Unix(), want)
		}
		if len(r.connected) != maxReorgBlocks || len(r.disconnected) != maxReorgBlocks || len(r.returned) != returnedKept || r.joined != 1000 || r.returns != 1000 {
			t.Errorf("reorg %d keeps %d, %d and %d", i, len(r.connected), len(r.disconnected), len(r.returned))
		}
	}
}

// TestServes compares what Serves says of paths with what the pages answer.
func TestServes(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for path, want := range map[string]bool{
		"/": true, "/mining": true, "/explorer": true, "/explorer/block/x": true, "/network": true, "/author/a": true, "/author": true, "/static/x": true,
		"/forms/mine": true, "/nothing": false, "/min": false, "/miningx": false, "/forms/x": false, "/favicon.ico": false,
	} {
		if got := n.web.Serves(path); got != want {
			t.Errorf("Serves(%q) is %v", path, got)
		}
	}
}

// TestUnknownParameters gets pages with parameters that other sites add to links.
func TestUnknownParameters(t *testing.T) {
	n := newTestNode(t, testSetup{})
	n.page("/?utm_source=mail&fbclid=1")
	n.page("/mining?q=1")
}
