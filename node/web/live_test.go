package web

import (
	"fmt"
	"testing"

	"golang.org/x/net/html"
)

// olderOf returns the address of the link to older posts or blocks, or "".
func olderOf(n *html.Node) string {
	to := ""
	walk(n, func(a *html.Node) {
		if attr(a, "rel") == "next" {
			to = attr(a, "href")
		}
	})
	return to
}

// TestOlderStaysTrue leaves pages open while posts and blocks are added, which move what
// the pages show. A page fetches its live elements again, and its link must then go on
// where the list ends: nothing lies between the two.
func TestOlderStaysTrue(t *testing.T) {
	n := newTestNode(t, testSetup{})
	key := n.sign("ann", "0").PublicKey()
	n.mine(n.chain.Pending(0, 1)...)
	const count = 3*postsOnPage + 5
	pages := []string{"/", "/?author=ann", "/author/ann", "/account/" + key, "/?q=post", "/explorer"}
	for _, path := range pages {
		doc := parse(t, n.page(path))
		older := byID(doc, "older")
		if older == nil || attr(older, "data-refresh") == "" {
			t.Errorf("%s: the link to what is older is in no live element", path)
		} else if to := olderOf(older); to != "" {
			t.Errorf("%s leads to %s, but there is nothing older", path, to)
		}
	}
	// A search reads many posts, and finds only those in blocks.
	if got := attr(byID(parse(t, n.page("/?q=post")), "feed"), "data-refresh"); got != "block" {
		t.Errorf("the list of a search is fetched again after %q", got)
	}
	for i := range count {
		n.clock.Add(1)
		n.mine(n.sign("ann", fmt.Sprintf("post %d", i+1)))
	}
	for _, path := range pages {
		list, item, want := "feed", "data-id", count+1
		switch path {
		case "/author/ann":
			list = "posts"
		case "/account/" + key:
			list = "account"
		case "/?q=post":
			want = count
		case "/explorer":
			list, item, want = "blocks", "data-hash", count+2
		}
		seen := map[string]bool{}
		add := func(doc *html.Node) {
			walk(byID(doc, list), func(e *html.Node) {
				if id := attr(e, item); id != "" {
					if seen[id] {
						t.Errorf("%s shows %s twice", path, id)
					}
					seen[id] = true
				}
			})
		}
		// The open page only gets the fragments again.
		add(parse(t, n.get(path, fragmentHeader, list).Body.String()))
		next := olderOf(parse(t, n.get(path, fragmentHeader, "older").Body.String()))
		for next != "" {
			doc := parse(t, n.page(next))
			if byID(doc, list) == nil {
				list = "feed" // the older posts of an author are on the page of the feed
			}
			add(doc)
			next = olderOf(doc)
		}
		if len(seen) != want {
			t.Errorf("%s and the pages after it show %d of %d", path, len(seen), want)
		}
	}
}

// TestMorePendingStaysTrue adds so many posts to an open page that it has no room for them.
func TestMorePendingStaysTrue(t *testing.T) {
	n := newTestNode(t, testSetup{})
	n.page("/")
	for i := range pendingOnFirst + 3 {
		n.post("ann", fmt.Sprint(i))
	}
	feed := parse(t, n.get("/", fragmentHeader, "feed").Body.String())
	if more := byID(feed, "more-pending"); more == nil || textOf(more) != "3 more posts wait for a block." {
		t.Errorf("the live list does not say that more posts wait: %s", textOf(feed))
	}
}
