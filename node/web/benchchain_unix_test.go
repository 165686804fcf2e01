//go:build unix

package web

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/pow"
)

const (
	benchFull    = 40     // full blocks on top of the chain
	benchPending = 10_000 // posts that wait
	benchSides   = 100    // stale blocks beside the highest ones
	benchBatch   = 1000   // blocks that the chain gets at once
)

// benchChain is a chain whose pages are as expensive as the rules of the network allow.
// Every thousandth block has one post. On top of them are blocks that are full, both by
// their bytes and by the number of their posts. Each contains one post of the same author,
// signed with the same key, so that a page of that author or key needs many full blocks.
// Beside the highest blocks are stale ones, and many posts wait.
type benchChain struct {
	top      int64
	middle   pow.Hash // an empty block
	full     pow.Hash // the tip
	side     pow.Hash // a stale block
	sparse   pow.Hash // the id of a post that is alone in its block
	ofFull   pow.Hash // the id of a post in the tip
	longest  pow.Hash // the id of the longest post, which is full of characters that pages show as codes
	pending  pow.Hash // the id of a post that waits
	key      string
	longName string // the name of an author, as long as an address can have
}

type benchMaker struct {
	b     *testing.B
	chain *chain.Chain
	bits  pow.Bits
	prev  pow.Hash
	top   int64
	batch []block.Block
}

// growBenchChain adds the blocks to a new chain.
func growBenchChain(b *testing.B, on *chain.Chain, blocks int) benchChain {
	b.Helper()
	tip := on.Tip()
	m := &benchMaker{b: b, chain: on, bits: tip.NextBits(on.Params()), prev: tip.Hash, top: tip.Height}
	c := benchChain{longName: strings.Repeat("n", maxNameInURL)}
	for i := range blocks {
		if i%1000 != 7 {
			m.add()
			continue
		}
		tx := m.post(fmt.Sprintf("author-%d", i/1000%100), fmt.Sprintf("Post of block %d, with some words about proof of work.", i), i)
		c.sparse = tx.ID()
		m.add(tx)
	}
	c.middle = m.prev
	// A page shows the first of these characters as its code and escapes the second one, and
	// the last one has four bytes.
	hostile := strings.Repeat("\u202e<𝄞", 7000)
	longest := m.post("author-1", hostile, -1)
	long := m.post(c.longName, "A post with a long name.", -2)
	c.longest = longest.ID()
	m.add(longest, long)

	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	c.key = hex.EncodeToString(key.Public().(ed25519.PublicKey))
	limits := on.Params().Limits()
	each := (limits.BlockBytes-4096)/limits.BlockTxs - 100 // bytes of text in a post so that both limits are met
	for i := range benchFull {
		txs := make([]block.Tx, limits.BlockTxs)
		for j := range txs {
			words := fmt.Sprintf("Post %d of full block %d, with some words about proof of work. ", j, i)
			txs[j] = m.post(fmt.Sprintf("author-%d", j%100), words+strings.Repeat("x", max(0, each-len(words))), i<<20+j)
		}
		signed, err := block.Sign([]byte(fmt.Sprintf(`{"author":"scattered","content":"The signed post of block %d"}`, i)), key, time.Unix(1_700_000_000+int64(i), 0))
		if err != nil {
			b.Fatal(err)
		}
		txs[i] = signed
		c.ofFull = txs[len(txs)-1].ID()
		m.add(txs...)
	}
	m.flush()
	c.full, c.top = m.prev, m.top
	if tip := on.Tip(); tip.Hash != c.full {
		b.Fatalf("the tip is %s, want %s", tip.Hash, c.full)
	}
	for i := range benchSides {
		c.side = m.addSide(c.top-int64(i%20)-1, uint64(i+1))
	}
	for i := range benchPending {
		tx := m.post(fmt.Sprintf("author-%d", i%100), fmt.Sprintf("Post %d that waits", i), -10-i)
		if _, err := on.AddTx(tx); err != nil {
			b.Fatal(err)
		}
		c.pending = tx.ID()
	}
	return c
}

// post makes a post. salt makes its time, and so its id, different from others.
func (m *benchMaker) post(author, content string, salt int) block.Tx {
	m.b.Helper()
	text := `{"author":` + quote(author) + `,"content":` + quote(content) + `}`
	tx, err := block.NewTx([]byte(text), time.UnixMicro(1_600_000_000_000_000+int64(salt)))
	if err != nil {
		m.b.Fatal(err)
	}
	return tx
}

func (m *benchMaker) make(prev pow.Hash, height int64, salt uint64, txs ...block.Tx) block.Block {
	b := block.Block{Coinbase: block.Coinbase{Height: height, Extranonce: salt, Tag: "bench"}, Txs: txs}
	root, _ := block.MerkleRoot(b.IDs())
	b.Header = pow.Header{Version: 0x20000000, Prev: prev, MerkleRoot: root, Bits: m.bits, Time: uint32(1_600_000_000 + height)}
	target, _, _ := b.Header.Bits.Decode()
	for !b.Hash().Meets(target) {
		b.Header.Nonce++
	}
	return b
}

// add adds a block to the batch for the chain.
func (m *benchMaker) add(txs ...block.Tx) {
	m.b.Helper()
	m.top++
	b := m.make(m.prev, m.top, 0, txs...)
	m.prev = b.Hash()
	if m.batch = append(m.batch, b); len(m.batch) == benchBatch {
		m.flush()
	}
}

func (m *benchMaker) flush() {
	m.b.Helper()
	if _, err := m.chain.AcceptAll(m.batch); err != nil {
		m.b.Fatal(err)
	}
	m.batch = m.batch[:0]
}

// addSide adds a stale block above the block of the active branch at a height.
func (m *benchMaker) addSide(height int64, salt uint64) pow.Hash {
	m.b.Helper()
	prev, ok := m.chain.HashAt(height)
	if !ok {
		m.b.Fatalf("no block at height %d", height)
	}
	b := m.make(prev, height+1, salt)
	if _, err := m.chain.Accept(b); err != nil {
		m.b.Fatal(err)
	}
	return b.Hash()
}
