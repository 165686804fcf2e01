package p2p

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/node/gossip"
	"github.com/lodepow/lode/pow"
)

// testChain is a chain in memory with a clock that always shows testTime.
type testChain struct {
	*chain.Chain
	t testing.TB
}

var testTime = time.Unix(1_700_000_000, 0)

func newTestChain(t testing.TB) *testChain {
	t.Helper()
	params, err := rules.Tutorial(1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := chain.Open(chain.Config{Params: params, Store: chain.NewMemStore(), Now: func() time.Time { return testTime }})
	if err != nil {
		t.Fatal(err)
	}
	return &testChain{c, t}
}

func (c *testChain) tx(content string) block.Tx {
	c.t.Helper()
	tx, err := block.NewTx([]byte(fmt.Sprintf(`{"author":"ann","content":%q}`, content)), testTime)
	if err != nil {
		c.t.Fatal(err)
	}
	return tx
}

func (c *testChain) post(content string) block.Tx {
	c.t.Helper()
	tx := c.tx(content)
	if _, err := c.AddTx(tx); err != nil {
		c.t.Fatal(err)
	}
	return tx
}

// mine mines the pending transactions. Different salts make different blocks.
func (c *testChain) mine(salt uint64) block.Block {
	c.t.Helper()
	tmpl, err := c.Template(chain.TemplateOptions{Tag: "test"})
	if err != nil {
		c.t.Fatal(err)
	}
	result, err := pow.Kernels()[0].Scan(tmpl.Job(salt, uint32(testTime.Unix())+uint32(tmpl.Height)))
	if err != nil {
		c.t.Fatal(err)
	}
	b := tmpl.Block(result.Header, salt)
	if _, err := c.Accept(b); err != nil {
		c.t.Fatal(err)
	}
	return b
}

// grow mines blocks with one transaction each, and leaves further transactions
// pending.
func (c *testChain) grow(blocks, pending int) []block.Block {
	var all []block.Block
	for i := range blocks {
		c.post(fmt.Sprintf("in block %d", i+1))
		all = append(all, c.mine(7))
	}
	for i := range pending {
		c.post(fmt.Sprintf("pending %d", i+1))
	}
	return all
}

// script is a state machine that a test controls. The fields are what its methods
// return.
type script struct {
	steps  atomic.Int64
	onStep func(now time.Time, ev gossip.Event) []gossip.Effect
	next   func() time.Time
	peers  []gossip.PeerInfo
	list   gossip.Addresses
	book   []gossip.Entry
	sync   gossip.SyncInfo

	session gossip.Session // the one session that is a peer's
}

func (s *script) Step(now time.Time, ev gossip.Event) []gossip.Effect {
	s.steps.Add(1)
	if s.onStep == nil {
		return nil
	}
	return s.onStep(now, ev)
}

func (s *script) Next() time.Time {
	if s.next == nil {
		return time.Time{}
	}
	return s.next()
}

func (s *script) Peers() []gossip.PeerInfo          { return s.peers }
func (s *script) Addresses() gossip.Addresses       { return s.list }
func (s *script) Book() ([]gossip.Entry, bool)      { return s.book, true }
func (s *script) Knows(session gossip.Session) bool { return session == s.session }
func (s *script) Known() int                        { return len(s.book) }
func (s *script) Sync() gossip.SyncInfo             { return s.sync }
func (s *script) Clock() gossip.ClockInfo           { return gossip.ClockInfo{} }
func (s *script) set(n *Network)                    { n.machine = s }

// testConfig returns a configuration for a network that connects with nobody.
func testConfig(c *testChain) Config {
	return Config{Chain: c, Address: "http://127.0.0.1:8000", Random: rand.New(rand.NewPCG(1, 2))}
}

func newTestNetwork(t testing.TB, c Config) *Network {
	t.Helper()
	n, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.client.close)
	return n
}

func testGreeting(c *testChain) gossip.Greeting {
	tip := c.Tip()
	return gossip.Greeting{
		Version: gossip.Version, Network: c.Params().Name(), NetworkID: c.Params().ID(),
		Node: gossip.NodeID{1, 2, 3}, Address: "http://127.0.0.1:8001",
		Tip: gossip.Tip{Hash: tip.Hash, Height: tip.Height, Work: tip.Work},
	}
}

func hashOf(digit byte) (h pow.Hash) {
	for i := range h {
		h[i] = digit
	}
	return h
}

func longText(n int) string { return strings.Repeat("x", n) }

func addrOf(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}
