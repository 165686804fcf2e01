package bench_test

import (
	"context"
	"io"
	"log"
	"os"
	"regexp"
	"time"

	"github.com/lodepow/lode/bench"
	"github.com/lodepow/lode/pow"
)

// countUp is the function to measure. It hashes the header with one nonce after the
// other.
func countUp(job pow.Job) (pow.Result, error) {
	header := job.Header
	for i := range job.Count {
		header.Nonce = job.First + uint32(i)
		if hash := header.Hash(); hash.Meets(job.Target) {
			return pow.Result{Header: header, Hash: hash, Tries: i + 1, Hashes: i + 1}, nil
		}
	}
	return pow.Result{Tries: job.Count, Hashes: job.Count}, pow.ErrExhausted
}

// measureCountUp measures it beside a kernel and the plain loop.
func measureCountUp(ctx context.Context, w io.Writer) error {
	plan := bench.Plan{
		Own:  []bench.Own{{Name: "count-up", Scan: countUp}},
		Only: regexp.MustCompile(`^Scan/kernel=(count-up|minio|loop-stdlib)$`),
		Time: time.Second,
	}
	return plan.Run(ctx, w)
}

func Example_own() {
	if err := measureCountUp(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}
