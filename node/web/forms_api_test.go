package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
)

// answerWith has the API answer all requests of forms in one way, and returns a function that
// returns the headers of the latest one.
func (n *testNode) answerWith(answer http.HandlerFunc) (latest func() http.Header) {
	var headers http.Header
	n.web.api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost { // what a page asks for
			n.api.ServeHTTP(w, r)
			return
		}
		headers = r.Header.Clone()
		answer(w, r)
	})
	return func() http.Header { return headers }
}

// TestWhatFormsSend looks at the requests of forms to the API. The token and the key are
// those of the form, and a field that is empty sends nothing.
func TestWhatFormsSend(t *testing.T) {
	n := newTestNode(t, testSetup{})
	latest := n.answerWith(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"mined":false}`) })
	for _, test := range []struct {
		path, body         string
		authorization, key string
	}{
		{"/forms/post", "author=ann&content=x&key=k1&token=+t+", "Bearer t", "k1"},
		{"/forms/post", "author=ann&content=x", "Bearer browser", ""},
		{"/forms/mine", "key=k1&token=t", "Bearer t", ""},
		{"/forms/mine?token=t", "from=feed", "Bearer browser", ""},
		{"/forms/mine", "token=+", "Bearer browser", ""},
		{"/forms/post?key=k2", "author=ann&content=x", "Bearer browser", ""},
		{"/forms/post", "author=ann&content=x&key=", "Bearer browser", ""},
	} {
		w := n.do(http.MethodPost, test.path, test.body, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin", "Authorization", "Bearer browser")
		if w.Code != http.StatusSeeOther {
			t.Errorf("%s with %s: status %d", test.path, test.body, w.Code)
		}
		sent := latest()
		if got := sent.Get("Authorization"); got != test.authorization {
			t.Errorf("%s with %s sends the authorization %q, want %q", test.path, test.body, got, test.authorization)
		}
		_, has := sent["Idempotency-Key"]
		if got := sent.Get("Idempotency-Key"); got != test.key || has != (test.key != "") {
			t.Errorf("%s with %s sends the key %q (%v), want %q", test.path, test.body, got, has, test.key)
		}
	}
}

// TestFormsTheAPIGivesUp submits forms whose request the API gives up, or answers with a
// refusal, with nonsense or with 202.
func TestFormsTheAPIGivesUp(t *testing.T) {
	giveUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	forbid := say(403, `{"error":"this node has another name"}`)
	nonsense, accept := say(200, "nonsense"), say(202, `{"mined":false}`)
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		form   string
		values []string
		status int
		leads  string // to this address
	}{
		{"give up", giveUp, "post", []string{"author", "ann", "content", "x"}, 500, ""},
		{"give up", giveUp, "mine", nil, 500, ""},
		{"give up", giveUp, "miner", []string{"mode", "off"}, 500, ""},
		{"give up", giveUp, "connect", []string{"address", "http://127.0.0.1:9"}, 500, ""},
		{"forbid", forbid, "post", []string{"author", "ann", "content", "x"}, 403, ""},
		{"forbid", forbid, "mine", nil, 403, ""},
		{"nonsense", nonsense, "mine", nil, 500, ""},
		{"half of a block", say(200, `{"mined":true,"hash":5}`), "mine", nil, 500, ""},
		{"nonsense while the search goes on", say(202, "nonsense"), "mine", nil, 500, ""},
		{"accept", accept, "mine", nil, 303, "/mining?notice=mining"},
		{"accept", accept, "mine", []string{"from", "feed"}, 303, "/?notice=mining"},
	} {
		n := newTestNode(t, testSetup{peers: &fakePeers{}})
		n.answerWith(test.answer)
		w := n.submit("/forms/"+test.form, test.values...)
		if w.Code != test.status || w.Header().Get("Location") != test.leads {
			t.Errorf("%s, %s: status %d to %q, want %d to %q", test.name, test.form, w.Code, w.Header().Get("Location"), test.status, test.leads)
			continue
		}
		if test.status < 400 {
			continue
		}
		// The reader can do nothing about it, so the page is not that of the form.
		if name := attr(find(checkPage(t, test.name, w), "body", "")[0], "data-page"); name != "problem" {
			t.Errorf("%s, %s: the page is %q", test.name, test.form, name)
		}
	}
}

// TestRefusedForms submits forms that the API refuses. The page is that of the form, without
// what the form's fields would mean in an address.
func TestRefusedForms(t *testing.T) {
	n := newTestNode(t, testSetup{token: "secret", peers: &fakePeers{}})
	for _, test := range []struct{ form, author, page, title, sentence string }{
		{"post", "ann", "feed", "Posts", "content: must be a non-empty string"},
		{"mine", "", "mining", "Mining", "this needs the node's token: type it into the form"},
		{"miner", "", "mining", "Mining", "this needs the node's token: type it into the form"},
		{"connect", "", "network", "Network", "this needs the node's token: type it into the form"},
	} {
		w := n.submit("/forms/"+test.form, "author", test.author, "before", "x", "address", "http://127.0.0.1:9")
		doc := checkPage(t, test.form, w)
		if got := attr(find(doc, "body", "")[0], "data-page"); got != test.page {
			t.Errorf("%s: the page is %q, want %q", test.form, got, test.page)
		}
		if got := textOf(find(doc, "h1", "")[0]); got != test.title {
			t.Errorf("%s: the title is %q, want %q", test.form, got, test.title)
		}
		if got := textOf(byID(doc, "error")); !strings.Contains(got, test.sentence) {
			t.Errorf("%s: the error is %q, want %q", test.form, got, test.sentence)
		}
	}
	if w := n.submit("/forms/mine", "from", "feed"); attr(find(checkPage(t, "mine", w), "body", "")[0], "data-page") != "feed" {
		t.Error("the form to mine on the feed leads to another page")
	}
}

// TestFormsThatCannotBeShownAgain refuses a form on a node that is shutting down, so that its
// page cannot be made either.
func TestFormsThatCannotBeShownAgain(t *testing.T) {
	n := newTestNode(t, testSetup{chain: func(c Chain) Chain { return closingChain{c} }})
	if w := n.submit("/forms/post", "author", "ann"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", w.Code)
	}
}

// closingChain has no posts any more.
type closingChain struct{ Chain }

func (closingChain) TxsOf(chain.TxOwner, chain.TxCursor, int) ([]chain.TxPlace, chain.TxCursor, bool, error) {
	return nil, chain.TxCursor{}, false, chain.ErrClosed
}

// TestFormMethods asks for the addresses of forms with other methods.
func TestFormMethods(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for form, page := range map[string]string{"post": "/", "mine": "/mining", "miner": "/mining", "connect": "/network", "resync": "/"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if w := n.do(method, "/forms/"+form, ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != page {
				t.Errorf("%s /forms/%s: status %d to %q, want %q", method, form, w.Code, w.Header().Get("Location"), page)
			}
		}
		w := httptest.NewRecorder()
		n.web.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/forms/"+form, nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("PUT /forms/%s: status %d, Allow %q", form, w.Code, w.Header().Get("Allow"))
		}
	}
	if w := n.submit("/forms/mine"); w.Header().Get("Location") != "/mining?notice=nothing" {
		t.Errorf("the form of the mining page leads to %q", w.Header().Get("Location"))
	}
}

// TestFormsThatComeStraight sends forms to the pages without the API in front of them, from
// another origin and with a content type that cannot be read.
func TestFormsThatComeStraight(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for _, test := range []struct {
		site, contentType string
		status            int
	}{
		{"same-origin", "application/x-www-form-urlencoded", http.StatusSeeOther},
		{"same-origin", "application/x-www-form-urlencoded; charset=utf-8", http.StatusSeeOther},
		{"cross-site", "application/x-www-form-urlencoded", http.StatusForbidden},
		{"same-origin", "application/x-www-form-urlencoded; charset", http.StatusUnsupportedMediaType},
		{"same-origin", "text/plain", http.StatusUnsupportedMediaType},
		{"same-origin", "", http.StatusUnsupportedMediaType},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/forms/resync", strings.NewReader("a=b"))
		r.Header.Set("Sec-Fetch-Site", test.site)
		r.Header.Set("Content-Type", test.contentType)
		w := httptest.NewRecorder()
		n.web.ServeHTTP(w, r)
		if w.Code != test.status {
			t.Errorf("%s, %q: status %d, want %d", test.site, test.contentType, w.Code, test.status)
		}
	}
}

// deadlines is a recorder that notes when a request has to have arrived.
type deadlines struct {
	*httptest.ResponseRecorder
	read []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = append(d.read, at)
	return nil
}

// brokenBody is a body that ends with an error.
type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }

// TestFormsThatDoNotArrive sends forms that break off. A form has writeWait to arrive, and
// what follows has no such limit.
func TestFormsThatDoNotArrive(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for _, test := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("read: %w", os.ErrDeadlineExceeded), http.StatusRequestTimeout},
		{errors.New("the cable was pulled"), http.StatusBadRequest},
	} {
		if w := n.sendForm(t.Context(), "/forms/post", brokenBody{test.err}); w.Code != test.status {
			t.Errorf("%v: status %d, want %d", test.err, w.Code, test.status)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/forms/resync", strings.NewReader("a=b"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	before := time.Now()
	n.web.ServeHTTP(w, r)
	if len(w.read) != 2 || w.read[0].Before(before.Add(writeWait)) || w.read[0].After(time.Now().Add(writeWait)) || !w.read[1].IsZero() {
		t.Errorf("from %v the deadlines are %v, want one after %v and then none", before, w.read, writeWait)
	}
}

// TestLongestForm sends a form that is as long as it may be, and one that is a byte longer.
func TestLongestForm(t *testing.T) {
	n := newTestNode(t, testSetup{})
	const start = "author=ann&content="
	for _, more := range []int{0, 1} {
		w := n.sendForm(t.Context(), "/forms/post", strings.NewReader(start+strings.Repeat("a", maxForm-len(start)+more)))
		if refused := strings.Contains(w.Body.String(), "the form has more than"); refused != (more > 0) || refused != (w.Code == http.StatusRequestEntityTooLarge && more > 0) {
			t.Errorf("%d bytes: status %d, the form is refused: %v", maxForm+more, w.Code, refused)
		}
	}
}

// TestFormsOneAfterAnother submits more forms than there are slots, one after another, and has
// one panic.
func TestFormsOneAfterAnother(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for range maxForms + 1 {
		if w := n.submit("/forms/resync"); w.Code != http.StatusSeeOther {
			t.Fatalf("status %d", w.Code)
		}
	}
	n.answerWith(func(http.ResponseWriter, *http.Request) { panic("a mistake of the test") })
	w := n.sendForm(t.Context(), "/forms/miner", strings.NewReader("mode=off"))
	if name := attr(find(checkPage(t, "panic", w), "body", "")[0], "data-page"); w.Code != http.StatusInternalServerError || name != "problem" {
		t.Errorf("a form whose handler panics: status %d, page %q", w.Code, name)
	}
	if n.web.forms.InUse() != 0 || n.web.formBytes.InUse() != 0 {
		t.Errorf("%d forms and %d bytes are still taken", n.web.forms.InUse(), n.web.formBytes.InUse())
	}
}
