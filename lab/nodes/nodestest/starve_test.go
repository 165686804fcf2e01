package nodestest

import (
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/lab/nodes"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// forgedBranch makes headers with real proofs of work on top of genesis. There are no
// blocks for them.
func forgedBranch(p rules.Params, count int) []pow.Header {
	s := p.GenesisState()
	headers := make([]pow.Header, count)
	for i := range headers {
		headers[i] = nodes.Grind(pow.Header{Version: 0x20000000, Prev: s.Hash, MerkleRoot: pow.Hash{1}, Time: s.Time + 1, Bits: s.NextBits(p)})
		s = s.Apply(headers[i])
	}
	return headers
}

// starver makes a script claim the branch of some headers. It answers requests for
// headers at once and requests for blocks as the function says.
func starver(net *Net, headers []pow.Header, blocks func(gossip.GetBlocks) (gossip.Answer, error)) *nodes.Script {
	s := net.AddScript()
	tip := net.Params().GenesisState()
	at := map[pow.Hash]int{}
	for i, h := range headers {
		at[h.Prev] = i
		tip = tip.Apply(h)
	}
	s.Claim(tip)
	s.Answer = func(r gossip.Request) (gossip.Answer, error) {
		switch r := r.(type) {
		case gossip.GetHeaders:
			for _, hash := range r.Locator {
				if i, ok := at[hash]; ok {
					return gossip.Headers{Headers: headers[i:min(len(headers), i+gossip.MaxHeaders)]}, nil
				}
				if hash == tip.Hash {
					break
				}
			}
			return gossip.Headers{}, nil
		case gossip.GetBlocks:
			return blocks(r)
		}
		return s.Polite(r)
	}
	return s
}

// A node that is 616 blocks behind starts among 24 peers that came to it. Each offers
// 1,500 headers with real work, which is more than the network has, and their blocks
// never come. The node has one peer of its own choice, and is joined within ten
// seconds.
func TestStarvedSync(t *testing.T) {
	for _, test := range []struct {
		name   string
		blocks func(c *chain.Chain) func(gossip.GetBlocks) (gossip.Answer, error)
	}{
		{"silent", func(*chain.Chain) func(gossip.GetBlocks) (gossip.Answer, error) {
			return func(gossip.GetBlocks) (gossip.Answer, error) { return nil, nodes.ErrSilent }
		}},
		{"empty", func(*chain.Chain) func(gossip.GetBlocks) (gossip.Answer, error) {
			return func(gossip.GetBlocks) (gossip.Answer, error) { return gossip.Blocks{}, nil }
		}},
		{"one at a time", func(c *chain.Chain) func(gossip.GetBlocks) (gossip.Answer, error) {
			return func(r gossip.GetBlocks) (gossip.Answer, error) {
				if a, err := gossip.Serve(c, gossip.GetBlocks{Hashes: r.Hashes[:1]}); err != nil || len(a.(gossip.Blocks).Blocks) > 0 {
					return a, err
				}
				return nil, nodes.ErrSilent
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			stories(t, 2, func(t *testing.T, seed uint64) {
				net := begin(t, seed, nodes.Config{Nodes: 1, Limits: gossip.Limits{InboundEach: 64}})
				net.Grow(616)
				honest := net.Nodes[0]
				headers := forgedBranch(net.Params(), 1500)
				joiner := net.AddKnowing()
				net.RunFor(time.Second)
				for range 24 {
					starver(net, headers, test.blocks(honest.Chain())).Greet(joiner, 15*time.Second)
				}
				net.RunFor(3 * time.Second) // the attackers are there first
				joiner.Connect(honest.Address())
				from := net.Now()
				if !net.RunUntil(10*time.Second, func() bool { return joiner.Chain().Tip().Height >= 616 }) {
					mustFollow(t, net, joiner, honest, 0)
				}
				t.Logf("joined after %s", net.Now()-from)
				net.MustBehave(t)
			})
		})
	}
}
