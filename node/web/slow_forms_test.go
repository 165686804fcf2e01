package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// sendForm makes a request of a form straight to the pages.
func (n *testNode) sendForm(ctx context.Context, path string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	n.web.ServeHTTP(w, r)
	return w
}

// TestSlowForms sends more forms than there are slots, none of which arrives. Others can use
// forms meanwhile, and the bytes that have arrived are bounded.
func TestSlowForms(t *testing.T) {
	n := newTestNode(t, testSetup{})
	const count = 4 * maxForms
	var senders sync.WaitGroup
	var ends []*io.PipeWriter
	for range count {
		body, end := io.Pipe()
		ends = append(ends, end)
		senders.Go(func() { n.sendForm(t.Context(), "/forms/post", body) })
		if _, err := end.Write([]byte("author=ann&con")); err != nil { // returns when it has been read
			t.Fatal(err)
		}
	}
	if w := n.submit("/forms/post", "author", "bob", "content", "hello"); w.Code != http.StatusSeeOther {
		t.Errorf("while others send slowly, a form is answered %d", w.Code)
	}
	for _, end := range ends {
		_ = end.CloseWithError(io.ErrUnexpectedEOF)
	}
	senders.Wait()
	if got := n.web.formBytes.InUse(); got != 0 {
		t.Errorf("%d bytes are still taken", got)
	}
	if txs, _ := n.chain.PendingCount(); txs != 1 {
		t.Errorf("%d posts were taken, want 1", txs)
	}
	n.web.formBytes.TakeN(maxFormBytes - 100)
	if w := n.sendForm(t.Context(), "/forms/post", bytes.NewReader(bytes.Repeat([]byte("a"), 200))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a form for which there is no memory: %d", w.Code)
	}
	if w := n.sendForm(t.Context(), "/forms/post", strings.NewReader("author=ann&content=short")); w.Code != http.StatusSeeOther {
		t.Errorf("a short form, for which there is memory: %d", w.Code)
	}
	if got := n.web.formBytes.InUse(); got != maxFormBytes-100 {
		t.Errorf("%d bytes are taken, want %d", got, maxFormBytes-100)
	}
}

// TestWaitingForms lets a class of students ask for a block at once while the search lasts.
// They keep nobody from posting.
func TestWaitingForms(t *testing.T) {
	n := newTestNode(t, testSetup{})
	arrived, found := make(chan struct{}), make(chan struct{})
	n.web.api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/mine" {
			arrived <- struct{}{}
			<-found
		}
		n.api.ServeHTTP(w, r)
	})
	var students sync.WaitGroup
	for range 2 * maxForms {
		students.Go(func() { n.sendForm(t.Context(), "/forms/mine", strings.NewReader("")) })
	}
	for range 2 * maxForms {
		<-arrived
	}
	if w := n.submit("/forms/post", "author", "bob", "content", "hello"); w.Code != http.StatusSeeOther {
		t.Errorf("while others wait for a block, a form is answered %d", w.Code)
	}
	n.web.waits.TakeN(maxWaits - 2*maxForms)
	if w := n.submit("/forms/mine"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one waiting form too many: %d", w.Code)
	}
	n.web.waits.FreeN(maxWaits - 2*maxForms)
	close(found)
	students.Wait()
}
