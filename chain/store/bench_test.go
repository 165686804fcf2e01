package store

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lodepow/lode/chain"
)

// BenchmarkCommit measures how many changes a second are acknowledged. Each client
// adds one pending transaction at a time and waits until it is durable.
func BenchmarkCommit(b *testing.B) {
	for _, clients := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := mustOpen(b, b.TempDir())
			tx := testTx("a small one, of about a hundred bytes in its canonical form, as people post them")
			var seq atomic.Uint64
			b.ResetTimer()
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					for n := seq.Add(1); n <= uint64(b.N); n = seq.Add(1) {
						change := chain.Change{AddPending: []chain.Pending{{Seq: n, Tx: tx}}}
						if n > 10_000 {
							change.RemovePending = []uint64{n - 10_000}
						}
						if err := s.Commit(change); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
		})
	}
}

// BenchmarkSync measures the disk alone: it writes a page and syncs it.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.WriteAt(page, 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}
