//go:build unix

package bench

import (
	"crypto/ed25519"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/chain/block"
	"github.com/lodepow/lode/chain/rules"
	"github.com/lodepow/lode/chain/rules/rulestest"
	"github.com/lodepow/lode/chain/store"
	"github.com/lodepow/lode/pow"
)

// rawBlocks makes a branch of blocks with one small transaction each, signed or
// not. It returns them encoded as peers send them.
func rawBlocks(b *testing.B, p rules.Params, count int, signed bool) [][]byte {
	b.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	s := p.GenesisState()
	target, _, _ := p.Difficulty().Bits.Decode()
	raws := make([][]byte, count)
	for i := range raws {
		post := fmt.Appendf(nil, `{"author":"ann","content":"hello, this is number %d"}`, i)
		now := time.UnixMicro(1_700_000_000_123_456 + int64(i)*1_234_567)
		tx, err := block.NewTx(post, now)
		if signed {
			tx, err = block.Sign(post, key, now)
		}
		if err != nil {
			b.Fatal(err)
		}
		made := block.Block{
			Header:   pow.Header{Version: 0x20000000, Prev: s.Hash, Time: s.Time + 1, Bits: p.Difficulty().Bits},
			Coinbase: block.Coinbase{Height: s.Height + 1, Tag: "bench"},
			Txs:      []block.Tx{tx},
		}
		made.Header.MerkleRoot, _ = block.MerkleRoot(made.IDs())
		for !made.Hash().Meets(target) {
			made.Header.Nonce++
		}
		if raws[i], err = made.AppendBinary(nil); err != nil {
			b.Fatal(err)
		}
		s = s.Apply(made.Header)
	}
	return raws
}

func easyParams() rules.Params {
	return rulestest.MustNew(rules.Config{
		Name:       "bench",
		Difficulty: rules.Difficulty{Rule: rules.RuleFixed, Bits: 0x207fffff},
	})
}

// reportBlocks reports the rate and the processor time of b.N blocks.
func reportBlocks(b *testing.B, cpu time.Duration) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "blocks/s")
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "cpu-ns/block")
}

// cpuTime returns the processor time that this process has used on all cores.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkParseBlock(b *testing.B) {
	for _, signed := range []bool{false, true} {
		printSuite(fmt.Sprintf("ParseBlock signed=%v", signed))
		b.Run(fmt.Sprintf("signed=%v", signed), func(b *testing.B) {
			raws := rawBlocks(b, easyParams(), 1000, signed)
			b.ReportAllocs()
			began := cpuTime(b)
			b.ResetTimer()
			for i := range b.N {
				if _, err := block.Parse(raws[i%len(raws)]); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			reportBlocks(b, cpuTime(b)-began)
		})
	}
}

// BenchmarkAcceptAll measures the work of a node that syncs: it parses blocks with
// one small transaction each and accepts them in batches, with a store on disk.
func BenchmarkAcceptAll(b *testing.B) {
	for _, signed := range []bool{false, true} {
		for _, batch := range []int{1, 128, 512} {
			printSuite(fmt.Sprintf("AcceptAll signed=%v batch=%d", signed, batch))
			b.Run(fmt.Sprintf("signed=%v/batch=%d", signed, batch), func(b *testing.B) {
				p := easyParams()
				raws := rawBlocks(b, p, b.N, signed)
				s, err := store.Open(b.TempDir(), store.Options{NetworkID: p.ID(), NetworkName: p.Name()})
				if err != nil {
					b.Fatal(err)
				}
				defer func() {
					if err := s.Close(); err != nil {
						b.Error(err)
					}
				}()
				c, err := chain.Open(chain.Config{Params: p, Store: s})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				began := cpuTime(b)
				b.ResetTimer()
				blocks := make([]block.Block, 0, batch)
				for i, raw := range raws {
					parsed, err := block.Parse(raw)
					if err != nil {
						b.Fatal(err)
					}
					if blocks = append(blocks, parsed); len(blocks) < batch && i+1 < len(raws) {
						continue
					}
					if _, err := c.AcceptAll(blocks); err != nil {
						b.Fatal(err)
					}
					blocks = blocks[:0]
				}
				b.StopTimer()
				reportBlocks(b, cpuTime(b)-began)
			})
		}
	}
}
