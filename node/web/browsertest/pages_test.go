package browsertest

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/node"
)

// TestPages runs all tests in one browser, each in a session of its own.
func TestPages(t *testing.T) {
	b := startBrowser(t)
	for _, tc := range []struct {
		name string
		test func(*testing.T, *browser)
	}{
		{"post", testPost},
		{"sign", testSign},
		{"sign on a LAN", testSignOnLAN},
		{"front-end", testFrontEnd},
		{"wycheproof", testWycheproof},
		{"without scripts", testNoScript},
		{"without scripts, reading", testNoScriptReading},
		{"without scripts, token", testNoScriptToken},
		{"another origin", testOtherOrigin},
		{"keyboard", testKeyboard},
		{"keyboard, every page", testKeyboardEverywhere},
		{"keyboard, find", testKeyboardFind},
		{"keyboard, node", testKeyboardNode},
		{"keyboard, token", testKeyboardToken},
		{"keyboard, learn", testKeyboardLearn},
		{"keyboard, accounts", testKeyboardAccounts},
		{"search", testSearch},
		{"paging", testPaging},
		{"reorg", testReorg},
		{"tree", testTree},
		{"open pages", testOpenPages},
		{"hostile", testHostile},
		{"eight tabs", testEightTabs},
		{"restart", testRestart},
		{"calm", testCalm},
		{"without shared workers", testWithoutSharedWorkers},
		{"another chain", testOtherChain},
		{"long search", testLongSearch},
		{"no free stream", testNoFreeStream},
		{"mining", testMiningPage},
		{"token", testToken},
		{"proof", testProof},
		{"learn 1", testLearn1},
		{"learn 2", testLearn2},
		{"learn 3", testLearn3},
		{"learn 4", testLearn4},
		{"learn 5", testLearn5},
		{"api", testAPI},
		{"widths", testWidths},
		{"accessibility", testAccessibility},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(t, b.session(t)) })
	}
}

// filled is a node with some posts, and what the pages show of it.
type filled struct {
	*live
	signed block.Tx
	block  string // hash of block 1
	paths  []string
}

// startFilled starts a node with a few blocks and posts, one of them signed and one of
// them pending.
func startFilled(t *testing.T) *filled {
	t.Helper()
	n := &filled{live: startNode(t, node.Config{Params: tutorial(t, 1)})}
	var err error
	n.signed, err = block.Sign([]byte(`{"author":"ben","content":"It was me, and everybody can check it."}`), ed25519.NewKeyFromSeed(make([]byte, 32)), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	n.post(t, "ann", "Hello, world! This is the first post on this chain.")
	if _, err := n.PostTx(t.Context(), n.signed); err != nil {
		t.Fatal(err)
	}
	n.block = n.mine(t)
	for _, text := range []string{"A block for each of us.", "Proof of work is a lottery in which every hash is a ticket."} {
		n.post(t, "cleo", text)
		n.mine(t)
	}
	pending := n.post(t, "ann", "This one still waits for a block.")
	n.paths = []string{
		"/", "/?q=lottery", "/mining", "/explorer", "/explorer/block/" + n.block, "/explorer/tx/" + n.signed.ID().String(), "/explorer/tx/" + pending,
		"/explorer/search?q=nobody+is+called+that", "/network", "/learn", "/learn/1", "/learn/2", "/learn/3", "/learn/4", "/learn/5",
		"/accounts", "/account/" + n.signed.PublicKey(), "/author/ann", "/api", "/explorer/block/999999",
	}
	return n
}
