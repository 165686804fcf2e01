package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/pow"
)

// spread is a chain whose posts of ann are each in a full block of their own.
type spread struct {
	Chain
	t     *testing.T
	posts []chain.TxPlace // the newest first
	read  int             // bytes of blocks, since the test has set it to 0
	most  int             // posts that were asked for at once
}

const fullBlock = 2 << 20 // bytes

func (c *spread) TxsOf(owner chain.TxOwner, before chain.TxCursor, limit int) (txs []chain.TxPlace, next chain.TxCursor, more bool, err error) {
	if owner.Author != "ann" {
		return c.Chain.TxsOf(owner, before, limit)
	}
	c.most = max(c.most, limit)
	next = before
	for _, place := range c.posts {
		at := chain.TxCursor{Height: place.Height, Index: place.Index}
		if !before.IsZero() && at.Compare(before) >= 0 {
			continue
		}
		if len(txs) == limit {
			return txs, next, true, nil
		}
		c.read += place.BlockBytes
		txs, next = append(txs, place), at
	}
	return txs, next, false, nil
}

// TestReadsAreBounded lists and searches the posts of an author who is in many full blocks:
// no page reads more of them than its limit, and the pages together show every post once.
func TestReadsAreBounded(t *testing.T) {
	const count = 100
	c := &spread{t: t}
	n := newTestNode(t, testSetup{chain: func(inner Chain) Chain { c.Chain = inner; return c }})
	for i := range count {
		height := int64(count - i)
		c.posts = append(c.posts, chain.TxPlace{
			Tx: n.post("ann", fmt.Sprintf("a needle %d", height)), Block: pow.DoubleSHA256([]byte{byte(i)}), Height: height, Index: 1, BlockBytes: fullBlock,
		})
	}
	n.mine(n.chain.Pending(0, count)...)
	for path, want := range map[string]int{"/author/ann": count, "/?author=ann&q=needle": count, "/?author=ann&q=needle+77": 1, "/?author=ann&q=nothing": 0} {
		first, seen := path, map[string]bool{}
		for pages := 0; path != ""; pages++ {
			c.read, c.most = 0, 0
			doc := parse(t, n.page(path))
			if most := readBytes + ownedBatch*fullBlock; c.read > most || c.most > ownedBatch {
				t.Errorf("%s reads %d bytes of blocks, at most %d are allowed; %d posts at once", path, c.read, most, c.most)
			}
			for _, li := range find(doc, "li", "post") {
				if id := attr(li, "data-id"); seen[id] {
					t.Errorf("%s shows post %s twice", path, id)
				} else {
					seen[id] = true
				}
			}
			path = olderOf(doc)
			if cut := strings.Contains(textOf(doc), "limited number of posts"); strings.Contains(first, "nothing") && cut != (path != "") {
				t.Errorf("%s: the page says that it was cut: %v, and leads to %q", first, cut, path)
			}
			if pages > count {
				t.Fatalf("%s: the pages do not end", first)
			}
		}
		if len(seen) != want {
			t.Errorf("%s and the pages after it show %d posts, want %d", first, len(seen), want)
		}
	}
}
