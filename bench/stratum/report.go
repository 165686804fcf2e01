package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lodepow/lode/bench/stats"
)

// wanted is the part of the hash rate inside one process that is wanted over Stratum.
const wanted = 0.97

// result is what a measurement has found.
type result struct {
	rate  float64 // in hashes a second
	cores float64 // processor time of all processes in seconds a second; 0: not measured
}

// report prints the ratio of the pairs. It returns an error if the ratio is too low.
//
// Other work on the machine takes processor time from a measurement, so the hashes for each
// second of processor time, with that of the node, are compared as well. They leave out only
// the time in which a core has nothing to do.
func report(inside, over []result) error {
	rate := func(r result) float64 { return r.rate }
	ratio, err := compare("over Stratum / inside", inside, over, rate)
	if err != nil {
		return err
	}
	noCores := func(r result) bool { return r.cores <= 0 }
	if !slices.ContainsFunc(slices.Concat(inside, over), noCores) {
		if _, err := compare("over Stratum / inside, for the same processor time", inside, over, func(r result) float64 { return r.rate / r.cores }); err != nil {
			return err
		}
	}
	switch {
	case ratio.N == 0: // too few for an interval
	case ratio.Lo >= wanted:
		fmt.Printf("at least %.2f: yes\n", wanted)
	case ratio.Hi < wanted:
		return fmt.Errorf("the ratio is below %.2f", wanted)
	default:
		fmt.Printf("at least %.2f: not decided, measure more rounds on a quiet machine\n", wanted)
	}
	return nil
}

// compare prints the ratio of a value of the pairs. If there are too few pairs for an
// interval, the result is zero.
func compare(what string, inside, over []result, value func(result) float64) (ratio stats.Ratio, err error) {
	var a, b []float64
	for i := range inside {
		a, b = append(a, value(inside[i])), append(b, value(over[i]))
	}
	ratio, err = stats.PairedRatio(a, b, 0.95)
	if errors.Is(err, stats.ErrTooFew) {
		fmt.Printf("%s: %.4f, median of %d rounds, too few for an interval\n", what, ratio.Center, len(a))
		return stats.Ratio{}, nil
	}
	if err != nil {
		return ratio, err
	}
	fmt.Printf("%s: %.4f (%.0f %% confidence: %.4f to %.4f, %d rounds)\n", what, ratio.Center, 100*ratio.Confidence, ratio.Lo, ratio.Hi, ratio.N)
	return ratio, nil
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

// readResults reads the results that this command has printed. The first one inside and the
// first one over Stratum make the first pair, and so on.
func readResults(r io.Reader) (inside, over []result, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != "H/s" {
			continue
		}
		var one result
		if one.rate, err = strconv.ParseFloat(fields[2], 64); err != nil {
			return nil, nil, err
		}
		if len(fields) > 5 && fields[5] == "cores" {
			if one.cores, err = strconv.ParseFloat(fields[4], 64); err != nil {
				return nil, nil, err
			}
		}
		switch fields[0] {
		case "BenchmarkStratum/where=inside":
			inside = append(inside, one)
		case "BenchmarkStratum/where=stratum":
			over = append(over, one)
		}
	}
	if len(inside) == 0 || len(inside) != len(over) {
		return nil, nil, fmt.Errorf("%d results inside and %d over Stratum, want as many of both", len(inside), len(over))
	}
	return inside, over, lines.Err()
}
