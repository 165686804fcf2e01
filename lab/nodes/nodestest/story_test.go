package nodestest

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/lodepow/lode/lab/nodes"
)

// Environment variables of the stories; see CONTRIBUTING.md.
const (
	envSeed  = "LODE_SEED"  // the only seed to run
	envSeeds = "LODE_SEEDS" // how many to run
	envLog   = "LODE_SEED_LOG"
)

// stories runs a story on the seeds from 1 up to the given number, each as a subtest.
// If LODE_SEED is set, it runs that seed only.
func stories(t *testing.T, seeds int, story func(t *testing.T, seed uint64)) {
	t.Helper()
	first := uint64(1)
	if text := os.Getenv(envSeed); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", envSeed, err)
		}
		first, seeds = seed, 1
	}
	for seed := first; seed < first+uint64(seeds); seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { story(t, seed) })
	}
}

// many returns the number of seeds for a story that finds more the more seeds it
// runs: LODE_SEEDS if that is set, or else the usual number.
func many(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv(envSeeds)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s: %q, want a number of seeds", envSeeds, text)
	}
	return n
}

// begin makes the network of a story. If the test fails, it logs the command that
// repeats the run. LODE_SEED_LOG names a file for the event log.
func begin(t *testing.T, seed uint64, c nodes.Config) *Net {
	t.Helper()
	if path := os.Getenv(envLog); path != "" && c.Log == nil {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		c.Log = f
	}
	net := New(seed, c)
	t.Cleanup(func() {
		if t.Failed() {
			name, _, _ := strings.Cut(t.Name(), "/")
			t.Logf("seed %d; to see it again: %s=%d %s=events.log go test ./lab/nodes/nodestest -run '^%s$'", seed, envSeed, seed, envLog, name)
		}
	})
	return net
}
