package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain/rules"
)

// easyAsert returns a network whose difficulty moves, and whose blocks take some hundred
// hashes.
func easyAsert(t testing.TB) rules.Params {
	t.Helper()
	p, err := rules.New(rules.Config{Name: "easy", Difficulty: rules.Difficulty{Rule: rules.RuleAsert, Bits: 0x2000ffff}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestVary gets what differs by headers of the request: a cache is told all of them.
func TestVary(t *testing.T) {
	n := newTestNode(t, testSetup{})
	for path, want := range map[string][]string{"/": {"Accept", fragmentHeader}, "/mining": {fragmentHeader}, "/static/style.css": {"Accept-Encoding"}} {
		got := n.get(path).Header().Values("Vary")
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("GET %s varies by %q, want %q among them", path, got, name)
			}
		}
	}
}

// TestPages gets every page of a chain with posts, a fork and pending posts.
func TestPages(t *testing.T) {
	n := newTestNode(t, testSetup{params: easyAsert(t)})
	for _, path := range []string{"/", "/mining", "/explorer", "/explorer/block/0", "/network", "/author/nobody", "/account/" + strings.Repeat("ab", 32)} {
		w := n.get(path)
		if w.Code == http.StatusFound {
			w = n.get(w.Header().Get("Location"))
		}
		if w.Code != http.StatusOK {
			t.Fatalf("GET %s on an empty chain: %d %s", path, w.Code, w.Body)
		}
		checkPage(t, path, w)
	}
	first := n.post("ann", "the first post")
	b := n.mine(first)
	for i := range 30 {
		n.mine(n.post("bob", fmt.Sprintf("post %d", i)))
	}
	n.post("ann", "one that waits")
	paths := []string{
		"/", "/?before=20.1", "/?author=ann", "/?q=post", "/?q=post&author=bob", "/?pending=0", "/mining", "/explorer", "/explorer?before=10",
		"/explorer/block/" + b.Hash().String(), "/explorer/tx/" + first.ID().String(), "/network", "/author/bob",
	}
	for _, path := range paths {
		n.page(path)
	}
}
