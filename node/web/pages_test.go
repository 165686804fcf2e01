package web

import (
	"fmt"
	"net/http"
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
