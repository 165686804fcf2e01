package own

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/mine"
	"github.com/lodepow/lode/pow"
)

// Blocks of a named miner have its name in their coinbase, and even the longest name does
// not make a full block too large.
func TestName(t *testing.T) {
	const tag = "node"
	// The room of a block is that of two posts with the source's own tag. With the longest
	// tag there is room for one of them only.
	narrow := func(limit int) rules.Params {
		return rulestest.With(easy(t), func(c *rules.Config) { c.Name, c.Limits.BlockBytes, c.Limits.TxBytes = "narrow", limit, limit/2 })
	}
	wide := openChain(t, easy(t))
	first, other := strings.Repeat("a", 1000), strings.Repeat("b", 1000)
	post(t, wide, first)
	post(t, wide, other)
	template, err := wide.Template(chain.TemplateOptions{Tag: tag})
	if err != nil {
		t.Fatal(err)
	}
	size := template.Block(pow.Header{}, 0).Size()

	for _, miner := range []string{"ann", strings.Repeat("é", block.MaxTag)} {
		c := openChain(t, narrow(size))
		post(t, c, first)
		post(t, c, other)
		s := newSource(t, Config{Chain: c, Mode: Continuous, Tag: tag})
		named, err := s.Name(*offer(t, s).Work, miner)
		if err != nil {
			t.Fatal(err)
		}
		if outcome, err := s.Submit(t.Context(), solve(t, &named, 3)); outcome != mine.Accepted {
			t.Fatalf("a block of %.8s…: %v, %v", miner, outcome, err)
		}
		b, err := c.Block(c.Tip().Hash)
		if err != nil {
			t.Fatal(err)
		}
		got := b.Coinbase.Tag
		if want := tag + "/" + miner; !strings.HasPrefix(want, got) || len(got) < min(len(want), block.MaxTag-1) || !utf8.ValidString(got) || len(b.Txs) != 1 {
			t.Errorf("the tag is %q, and the block has %d posts; want the beginning of %q and 1", got, len(b.Txs), want)
		}
	}
	s := newSource(t, Config{Chain: wide, Tag: tag})
	if _, err := s.Name(mine.Work{ID: "77"}, "ann"); err == nil {
		t.Error("unknown work got a name")
	}
}
