//go:build unix

package web

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/pow"
)

var (
	benchBlocks = flag.Int("web.blocks", 1_000_000, "length of the chain of BenchmarkPages")
	benchDisk   = flag.Bool("web.disk", false, "BenchmarkPages keeps the chain in a file, in the folder for temporary files")
)

// BenchmarkPages makes each page of a chain of a million blocks. Every thousandth block has a
// post, and the tip is a full block of 8,191 posts. The budget of a page is 50 ms of processor
// time. The benchmark reports the time and does not judge it, because it depends on the
// machine.
//
// The chain is in memory, or with -web.disk in a file as that of a node. The file has just
// been written, so that reads come from the operating system's memory and not from the disk
// itself.
func BenchmarkPages(b *testing.B) {
	params, err := rules.Tutorial(0) // every hash is good enough
	if err != nil {
		b.Fatal(err)
	}
	setup := testSetup{params: params}
	if *benchDisk {
		s, err := store.Open(b.TempDir(), store.Options{NetworkID: params.ID(), NetworkName: params.Name()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		setup.store = s
	}
	n := newTestNode(b, setup)
	var id pow.Hash
	var batch []block.Block
	tip := n.chain.Tip()
	prev, height := tip.Hash, tip.Height
	add := func(txs ...block.Tx) {
		height++
		bl := block.Block{Coinbase: block.Coinbase{Height: height, Tag: "bench"}, Txs: txs}
		root, _ := block.MerkleRoot(bl.IDs())
		bl.Header = pow.Header{Version: 0x20000000, Prev: prev, MerkleRoot: root, Bits: tip.NextBits(params), Time: uint32(1_600_000_000 + height)}
		target, _, _ := bl.Header.Bits.Decode()
		for !bl.Hash().Meets(target) {
			bl.Header.Nonce++
		}
		prev = bl.Hash()
		batch = append(batch, bl)
		if len(batch) == 1000 {
			flush(b, n.chain, &batch)
		}
	}
	for i := range *benchBlocks {
		if i%1000 == 7 {
			tx := benchTx(b, i, 0)
			id = tx.ID()
			add(tx)
			continue
		}
		add()
	}
	middle := prev
	full := make([]block.Tx, params.Limits().BlockTxs)
	for i := range full {
		full[i] = benchTx(b, -1, i)
	}
	add(full...)
	flush(b, n.chain, &batch)
	for i := range 100 {
		if _, err := n.chain.AddTx(benchTx(b, -2, i)); err != nil {
			b.Fatal(err)
		}
	}
	for name, path := range map[string]string{
		"feed": "/", "older": fmt.Sprintf("/?before=%d.1", height-10), "author": "/author/author-7", "search": "/?q=needle", "pending": "/?pending=50",
		"mining": "/mining", "explorer": "/explorer", "deep": "/explorer?before=500000", "full-block": "/explorer/block/" + prev.String(),
		"empty-block": "/explorer/block/" + middle.String(), "post": "/explorer/tx/" + id.String(),
		"post-of-full": "/explorer/tx/" + full[len(full)-1].ID().String(), "find": "/explorer/search?q=nobody", "network": "/network",
	} {
		b.Run("page="+name, func(b *testing.B) {
			b.ReportAllocs()
			size, begun := 0, cpuTime(b)
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
				n.api.ServeHTTP(w, r)
				if w.Code != http.StatusOK && name != "find" {
					b.Fatalf("GET %s: %d", path, w.Code)
				}
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "B/page")
			b.ReportMetric(float64(cpuTime(b)-begun)/1e6/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpuTime returns the processor time that this process has used, on all cores, the garbage
// collector included.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

func flush(b *testing.B, c *chain.Chain, batch *[]block.Block) {
	b.Helper()
	if _, err := c.AcceptAll(*batch); err != nil {
		b.Fatal(err)
	}
	*batch = (*batch)[:0]
}

func benchTx(b *testing.B, block0, index int) block.Tx {
	b.Helper()
	text := fmt.Sprintf(`{"author":"author-%d","content":"Post %d of block %d, with some words about proof of work."}`, block0%100, index, block0)
	tx, err := block.NewTx([]byte(text), time.Unix(1_600_000_000, int64(index)*1000))
	if err != nil {
		b.Fatal(err)
	}
	return tx
}
