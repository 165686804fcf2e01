package web

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
)

// follow follows the redirect of a form and returns the notice of the page.
func (n *testNode) follow(to string) string {
	n.t.Helper()
	doc := parse(n.t, n.page(to))
	return textOf(byID(doc, "notice"))
}

func byID(doc *html.Node, id string) *html.Node {
	var found *html.Node
	walk(doc, func(n *html.Node) {
		if attr(n, "id") == id {
			found = n
		}
	})
	return found
}

// TestFormsWithoutScripts does with forms alone what the original tutorial's page does:
// post, mine, resync.
func TestFormsWithoutScripts(t *testing.T) {
	n := newTestNode(t, testSetup{})
	w := n.submit("/forms/post", "author", "ann", "content", "hello\r\nworld", "key", "k1")
	if w.Code != http.StatusSeeOther {
		t.Fatalf("post: %d %s", w.Code, w.Body)
	}
	if got := n.follow(w.Header().Get("Location")); !strings.Contains(got, "waits for a block") {
		t.Errorf("notice %q", got)
	}
	pending := n.chain.Pending(0, 10)
	if len(pending) != 1 || pending[0].Author() != "ann" || pending[0].Content() != "hello\nworld" {
		t.Fatalf("pending: %v", pending)
	}
	// The reader presses the button twice, or reloads: the key of the form is the same.
	n.submit("/forms/post", "author", "ann", "content", "hello\r\nworld", "key", "k1")
	if got := len(n.chain.Pending(0, 10)); got != 1 {
		t.Errorf("%d posts after a form was submitted twice", got)
	}
	w = n.submit("/forms/mine", "from", "feed")
	if got := n.follow(w.Header().Get("Location")); got != "Block 1 is mined. See it" {
		t.Errorf("notice %q", got)
	}
	if !strings.HasPrefix(w.Header().Get("Location"), "/?notice=mined&of=") {
		t.Errorf("mine leads to %q", w.Header().Get("Location"))
	}
	doc := parse(t, n.page("/"))
	if got := textOf(find(doc, "span", "confirmations")[0]); got != "1 confirmation" {
		t.Errorf("confirmations %q", got)
	}
	w = n.submit("/forms/mine")
	if got := n.follow(w.Header().Get("Location")); !strings.Contains(got, "nothing to mine") {
		t.Errorf("notice %q", got)
	}
	w = n.submit("/forms/resync")
	if got := n.follow(w.Header().Get("Location")); !strings.Contains(got, "the tip is block 1") {
		t.Errorf("notice %q", got)
	}
	w = n.submit("/forms/miner", "mode", "pending")
	if got := n.follow(w.Header().Get("Location")); got != "The node now mines: while a post waits." || n.miner.mode != "pending" {
		t.Errorf("notice %q, mode %q", got, n.miner.mode)
	}
	for _, form := range []string{"post", "mine", "miner", "connect", "resync"} {
		if w := n.get("/forms/" + form); w.Code != http.StatusSeeOther {
			t.Errorf("GET /forms/%s: %d", form, w.Code)
		}
		if w := n.do(http.MethodPut, "/forms/"+form, ""); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("PUT /forms/%s: %d", form, w.Code)
		}
	}
}

// TestFormKey looks at the key of the form to post. Each page has another one, and a browser
// must not put that of an earlier page into it when it goes back or loads the page again.
func TestFormKey(t *testing.T) {
	n := newTestNode(t, testSetup{})
	keys := map[string]bool{}
	for range 3 {
		for _, field := range find(parse(t, n.page("/")), "input", "") {
			if attr(field, "name") != "key" {
				continue
			}
			keys[attr(field, "value")] = true
			if attr(field, "autocomplete") != "off" {
				t.Error("a browser may keep the key of the form")
			}
		}
	}
	if len(keys) != 3 {
		t.Errorf("%d keys on 3 pages", len(keys))
	}
}

// TestFormErrors submits forms that cannot be done. The page says why and keeps what the
// reader has typed.
func TestFormErrors(t *testing.T) {
	n := newTestNode(t, testSetup{params: rulesParams(t, rules.Config{Name: "signed", Signatures: rules.SignaturesRequired})})
	const typed = `<b>my text & "more"</b>`
	for _, test := range []struct {
		path     string
		values   []string
		status   int
		sentence string
		keeps    string // id of the field that keeps the text
	}{
		{"/forms/post", []string{"author", "ann", "content", typed, "key", "a"}, 400, "signature", "content"},
		{"/forms/post", []string{"author", "", "content", typed, "key", "b"}, 400, "author: must be a non-empty string", "content"},
		{"/forms/post", []string{"author", typed, "content", strings.Repeat("a", 70<<10), "key", "c"}, 400, "at most", "author"},
		{"/forms/post", []string{"author", typed, "content", "x", "key", "no key\n"}, 400, "Idempotency-Key", "author"},
		{"/forms/miner", []string{"mode", "sometimes"}, 400, "no such mode", ""},
		{"/forms/connect", []string{"address", typed}, 400, "address", "address"},
		{"/forms/connect", []string{"address", "http://127.0.0.1:1"}, 503, "connects with no others", "address"},
	} {
		w := n.submit(test.path, test.values...)
		if w.Code != test.status {
			t.Errorf("%s %.60v: status %d, want %d", test.path, test.values, w.Code, test.status)
		}
		doc := checkPage(t, test.path, w)
		if got := textOf(byID(doc, "error")); !strings.Contains(got, test.sentence) {
			t.Errorf("%s: error %q, want %q in it", test.path, got, test.sentence)
		}
		if test.keeps == "" {
			continue
		}
		field := byID(doc, test.keeps)
		kept := attr(field, "value")
		if field.Data == "textarea" {
			kept = field.FirstChild.Data
		}
		if kept != typed && kept != "http://127.0.0.1:1" {
			t.Errorf("%s: the field %s has %q", test.path, test.keeps, kept)
		}
	}
	if w := n.submit("/forms/post", "content", strings.Repeat("a", maxForm+1)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a form that is too long: %d", w.Code)
	}
	if w := n.do(http.MethodPost, "/forms/post", "{}", "Content-Type", "application/json"); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", w.Code)
	}
	if w := n.do(http.MethodPost, "/forms/post", "a=%zz", "Content-Type", "application/x-www-form-urlencoded"); w.Code != http.StatusBadRequest {
		t.Errorf("a form that is not escaped: %d", w.Code)
	}
	if txs, _ := n.chain.PendingCount(); txs != 0 {
		t.Errorf("%d posts were taken", txs)
	}
}

// TestFormsOfOtherOrigins submits every form from where it must not come.
func TestFormsOfOtherOrigins(t *testing.T) {
	n := newTestNode(t, testSetup{hosts: []string{"node.example"}})
	for _, form := range []string{"post", "mine", "miner", "connect", "resync"} {
		body := "author=a&content=b&mode=off&address=http%3A%2F%2F127.0.0.1%3A9"
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "http://evil.example"},
			{"Origin", "null"},
			{"Sec-Fetch-Site", "same-origin", "Host", "rebound.example"},
		} {
			w := n.do(http.MethodPost, "/forms/"+form, body, append([]string{"Content-Type", "application/x-www-form-urlencoded", "Host", "localhost:8000"}, headers...)...)
			if w.Code != http.StatusForbidden {
				t.Errorf("/forms/%s with %v: status %d", form, headers, w.Code)
			}
		}
		w := n.do(http.MethodPost, "/forms/"+form, body, "Content-Type", "application/x-www-form-urlencoded", "Host", "localhost:8000", "Origin", "http://localhost:8000")
		if w.Code == http.StatusForbidden {
			t.Errorf("/forms/%s from the node's own page: status %d %s", form, w.Code, w.Body)
		}
	}
	if got := n.miner.mode; got != "off" {
		t.Errorf("mode %q: only the form of the node's own page was to be obeyed", got)
	}
	if txs, _ := n.chain.PendingCount(); txs > 1 {
		t.Errorf("%d posts were taken", txs)
	}
}

// TestToken uses a node that requires a token: the forms that need it ask for it, and a
// page never shows it.
func TestToken(t *testing.T) {
	const token = "s3cret-of-the-node"
	n := newTestNode(t, testSetup{token: token, peers: &fakePeers{}})
	n.post("ann", "text")
	for path, id := range map[string]string{"/": "mine-token", "/mining": "mode-token", "/network": "connect-token"} {
		doc := parse(t, n.page(path))
		if field := byID(doc, id); field == nil || attr(field, "type") != "password" {
			t.Errorf("%s has no field for the token", path)
		}
	}
	for _, test := range []struct {
		path   string
		values []string
	}{
		{"/forms/mine", nil},
		{"/forms/miner", []string{"mode", "pending"}},
		{"/forms/connect", []string{"address", "http://127.0.0.1:9"}},
	} {
		for _, wrong := range []string{"", "wrong"} {
			w := n.submit(test.path, append(test.values, "token", wrong)...)
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s with the token %q: %d", test.path, wrong, w.Code)
			}
			doc := checkPage(t, test.path, w)
			if got := textOf(byID(doc, "error")); !strings.Contains(got, "token") {
				t.Errorf("%s: error %q", test.path, got)
			}
		}
		w := n.submit(test.path, append(test.values, "token", token)...)
		if w.Code != http.StatusSeeOther {
			t.Errorf("%s with the token: %d %s", test.path, w.Code, w.Body)
		}
		if strings.Contains(w.Header().Get("Location"), token) || strings.Contains(w.Body.String(), token) {
			t.Errorf("%s gives the token away", test.path)
		}
	}
	if w := n.submit("/forms/post", "author", "ann", "content", "x"); w.Code != http.StatusSeeOther {
		t.Errorf("a post needs no token: %d", w.Code)
	}
}

// fakePeers connects with everybody, and lists the peers that a test gives it.
type fakePeers struct{ list []gossip.PeerInfo }

func (p *fakePeers) Peers() []gossip.PeerInfo                            { return p.list }
func (p *fakePeers) Sync() gossip.SyncInfo                               { return gossip.SyncInfo{} }
func (p *fakePeers) Clock() gossip.ClockInfo                             { return gossip.ClockInfo{} }
func (p *fakePeers) Connect(context.Context, gossip.Address, bool) error { return nil }
func (p *fakePeers) ConnectFor(context.Context, netip.Addr, gossip.Address, bool) error {
	return nil
}

// TestNoticesAreChecked makes addresses of pages that want to say something that has not
// happened.
func TestNoticesAreChecked(t *testing.T) {
	n := newTestNode(t, testSetup{})
	id := strings.Repeat("ab", 32)
	for _, query := range []string{
		"notice=posted&of=" + id, "notice=mined&of=" + id, "notice=posted", "notice=mined&of=<b>", "notice=mode&of=<script>", "notice=you+have+won", "of=" + id,
	} {
		if got := n.follow("/mining?" + query); got != "" {
			t.Errorf("?%s says %q", query, got)
		}
	}
	n.post("ann", "waits")
	for path, want := range map[string]string{
		"/network?notice=connected":           "", // with nobody
		"/?notice=nothing":                    "", // a post waits
		"/mining?notice=mode&of=off":          "", // the mode is another
		"/mining?notice=mode&of=on-demand":    "The node now mines: when somebody asks for a block.",
		"/mining?notice=mining":               "The node is not searching at the moment. See the latest blocks",
		"/?notice=resynced":                   "This page shows the chain as this node has it now: the tip is block 0. See the node's peers",
		"/mining?notice=connected&of=a+miner": "",
	} {
		if got := n.follow(path); got != want {
			t.Errorf("%s says %q, want %q", path, got, want)
		}
	}
	n.miner.state.Mining = true
	if got := n.follow("/mining?notice=mining"); got != "The search for the block goes on. Watch it" {
		t.Errorf("during a search the page says %q", got)
	}
	n.mine(n.chain.Pending(0, 1)...)
	if got := n.follow("/?notice=nothing"); !strings.Contains(got, "nothing to mine") {
		t.Errorf("without a post that waits, the page says %q", got)
	}
}

// TestNoticeOfPeers says that the node is connected if it has peers.
func TestNoticeOfPeers(t *testing.T) {
	peers := &fakePeers{}
	n := newTestNode(t, testSetup{peers: peers})
	for _, want := range []string{"", "This node is connected with one other node.", "This node is connected with 2 other nodes."} {
		if got := n.follow("/network?notice=connected"); got != want {
			t.Errorf("with %d peers the page says %q", len(peers.list), got)
		}
		peers.list = append(peers.list, gossip.PeerInfo{})
	}
}

// TestMineFormDoesNotWait mines a block that takes long.
func TestMineFormDoesNotWait(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED: waits for five seconds")
	}
	n := newTestNode(t, testSetup{})
	n.miner.hold = make(chan struct{})
	defer close(n.miner.hold)
	n.post("ann", "text")
	w := n.submit("/forms/mine")
	if w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Location"), "notice=mining") {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
}
