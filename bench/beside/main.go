//go:build linux

// Command beside measures what a kernel loses while the other core is busy:
//
//	go run ./bench/beside                                  # beside the same kernel, and beside the Go compiler
//	go run ./bench/beside -kernels avx512 -versions 1 -neighbours 'make -C /usr/src/linux'
//
// The kernel runs on one core and the neighbour on another, to which their threads are
// bound. The neighbour is stopped and goes on again in turns, so that each measurement
// beside it has one of the kernel alone directly before or after it. What else happens
// to the machine concerns both of them alike.
//
// For each kernel and number of versions, the command prints a line in the format of
// go test -bench: the cycles for each hash alone and beside the neighbour (medians over all
// measurements), the median ratio of the pairs with the limits of its 95 % interval, and
// how busy the neighbour kept its core in its turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/internal/cycles"
	"github.com/lodepow/lode/pow"
)

const (
	chunks = 24                   // chunks of hashes in a measurement
	settle = 2 * time.Millisecond // after the neighbour has been stopped or goes on
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("beside: ")
	kernels := flag.String("kernels", "", "kernels to measure, such as avx512,sha-ni; by default those in assembly that can run here")
	versions := flag.String("versions", "1,16", "numbers of versions of the jobs")
	neighbours := flag.String("neighbours", "kernel,compiler", "kernel, compiler, or a command; several are separated by commas")
	pairs := flag.Int("pairs", 40, "measurements of each kernel beside each neighbour, and as many alone")
	core := flag.Int("core", 0, "core of the kernel")
	other := flag.Int("other", 1, "core of the neighbour")
	flag.Parse()
	if err := run(*kernels, *versions, strings.Split(*neighbours, ","), *pairs, *core, *other); err != nil {
		log.Fatal(err)
	}
}

func run(kernels, versions string, neighbours []string, pairs, core, other int) error {
	chosen, err := choose(kernels)
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1) // a collection would stop the neighbour as well
	runtime.LockOSThread()
	if err := bind(core); err != nil {
		return fmt.Errorf("core %d: %w", core, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, text := range strings.Split(versions, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pow.MaxVersions {
			return fmt.Errorf("%q versions: want 1 to %d", text, pow.MaxVersions)
		}
		for _, name := range neighbours {
			for _, k := range chosen {
				if err := besideOne(ctx, k, n, name, pairs, other); err != nil {
					return fmt.Errorf("kernel %s beside %s: %w", k.Name(), name, err)
				}
			}
		}
	}
	return nil
}

// choose returns the kernels with the given names.
func choose(names string) (chosen []pow.Kernel, err error) {
	for _, k := range pow.Kernels() {
		wanted := slices.Contains(strings.Split(names, ","), k.Name())
		if names == "" {
			wanted = k.Lanes() > 1
		}
		if wanted && len(k.Missing()) == 0 {
			chosen = append(chosen, k)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("no such kernel can run here")
	}
	return chosen, nil
}

// besideOne measures one kernel beside one neighbour, and prints the line.
func besideOne(ctx context.Context, k pow.Kernel, versions int, name string, pairs, other int) error {
	n, err := startNeighbour(ctx, name, k, other)
	if err != nil {
		return err
	}
	defer func() { _ = n.stop() }() // its error is returned below
	job := jobOf(versions)
	var alone, beside []float64
	var busy, took time.Duration
	for i := range pairs {
		for turn := range 2 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if turn == i%2 {
				n.pause()
				time.Sleep(settle)
				alone = append(alone, measure(k, &job))
				continue
			}
			before, start := busyTime(other), time.Now()
			n.resume()
			time.Sleep(settle)
			beside = append(beside, measure(k, &job))
			busy += busyTime(other) - before
			took += time.Since(start)
		}
	}
	if err := n.stop(); err != nil {
		return err
	}
	ratio, err := stats.PairedRatio(alone, beside, 0.95)
	if err != nil && !errors.Is(err, stats.ErrTooFew) {
		return err
	}
	fmt.Fprintf(os.Stdout, "BenchmarkBeside/kernel=%s/versions=%d/neighbour=%s %d %.2f alone-cycles/hash %.2f beside-cycles/hash %.4f beside/alone %.4f beside/alone-lo %.4f beside/alone-hi %.2f busy\n",
		k.Name(), versions, strings.ReplaceAll(name, " ", "_"), pairs, median(alone), median(beside), ratio.Center, ratio.Lo, ratio.Hi, busy.Seconds()/took.Seconds())
	return nil
}

// jobOf returns a job without an answer.
func jobOf(versions int) pow.Job {
	job := pow.Job{Header: pow.BitcoinGenesis(), Target: pow.ZerosTarget(200)}
	for v := range versions {
		job.Versions = append(job.Versions, int32(0x20000000|v<<13))
	}
	return job
}

// measure returns the cycles that a hash takes: the median of slices of hashing.
func measure(k pow.Kernel, job *pow.Job) float64 {
	versions := len(job.Versions)
	job.Count = uint64(max(1, k.Chunk()/versions/k.Lanes()) * k.Lanes())
	perHash := make([]float64, 0, chunks)
	for range chunks {
		var r pow.Result
		took, cycle := cycles.Time(func() { r, _ = k.Scan(*job) }) // its error is that there is no answer
		perHash = append(perHash, took.Seconds()/cycle/float64(r.Hashes))
		job.First = (job.First + uint32(job.Count)) % (1 << 31)
	}
	return median(perHash)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
