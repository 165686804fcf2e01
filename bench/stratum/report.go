package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/lodepow/lode/bench/stats"
)

// wanted is the part of the hash rate inside one process that is wanted over Stratum.
const wanted = 0.97

// report prints the ratio of the pairs. It returns an error if the ratio is too low.
func report(inside, over []float64) error {
	ratio, err := stats.PairedRatio(inside, over, 0.95)
	if errors.Is(err, stats.ErrTooFew) {
		fmt.Printf("over Stratum / inside: %.4f, median of %d rounds, too few for an interval\n", ratio.Center, len(inside))
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("over Stratum / inside: %.4f (%.0f %% confidence: %.4f to %.4f, %d rounds)\n", ratio.Center, 100*ratio.Confidence, ratio.Lo, ratio.Hi, ratio.N)
	switch {
	case ratio.Lo >= wanted:
		fmt.Printf("at least %.2f: yes\n", wanted)
	case ratio.Hi < wanted:
		return fmt.Errorf("the ratio is below %.2f", wanted)
	default:
		fmt.Printf("at least %.2f: not decided, measure more rounds on a quiet machine\n", wanted)
	}
	return nil
}

// reportFile reports the results of a file.
func reportFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	inside, over, err := readResults(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return report(inside, over)
}

// readResults reads the hash rates from results that this command has printed. The first
// one inside and the first one over Stratum make the first pair, and so on.
func readResults(r io.Reader) (inside, over []float64, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != "H/s" {
			continue
		}
		rate, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return nil, nil, err
		}
		switch fields[0] {
		case "BenchmarkStratum/where=inside":
			inside = append(inside, rate)
		case "BenchmarkStratum/where=stratum":
			over = append(over, rate)
		}
	}
	if len(inside) == 0 || len(inside) != len(over) {
		return nil, nil, fmt.Errorf("%d results inside and %d over Stratum, want as many of both", len(inside), len(over))
	}
	return inside, over, lines.Err()
}
