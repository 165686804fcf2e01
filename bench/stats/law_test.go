package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// fill simulates searches that skip every skip-th nonce, or none if skip is 0.
func fill(r *rand.Rand, searches, skip int) *Law {
	var law Law
	for i := range searches {
		zeros := 4 + i%5
		tries := draw(r, Zeros(zeros).P)
		for skip > 0 && tries%uint64(skip) == 0 {
			tries += draw(r, Zeros(zeros).P)
		}
		law.Add(zeros, tries)
	}
	return &law
}

// TestChecksOfSoundSearches checks that the p-values of correct searches are below
// 5 % about once in twenty sweeps, or slightly less often where the statistic is
// discrete, and that no check is flagged.
func TestChecksOfSoundSearches(t *testing.T) {
	const sweeps = 600
	r := rand.New(rand.NewPCG(2, 6))
	small := map[string]int{}
	for range sweeps {
		for _, c := range fill(r, 600, 0).Checks() {
			if c.Err != nil {
				t.Fatal(c.Name, c.Err)
			}
			if c.Flagged() {
				t.Errorf("%s flags a sound search: p = %v", c.Name, c.P)
			}
			if c.P < 0.05 {
				small[c.Name]++
			}
		}
	}
	if len(small) != 4 {
		t.Errorf("checks with any p-value below 5 %%: %v, want all four", small)
	}
	for name, n := range small {
		if i := Share(n, sweeps, 0.999); i.Lo > 0.05 || i.Hi < 0.03 {
			t.Errorf("%s: %d of %d p-values are below 5 %%", name, n, sweeps)
		}
	}
}

// TestChecksOfBiasedSearches simulates a search that skips every eighth nonce. It
// takes 8/7 of the expected tries at every difficulty, so level and lanes must
// detect it, whereas slope cannot.
func TestChecksOfBiasedSearches(t *testing.T) {
	const sweeps = 100
	r := rand.New(rand.NewPCG(3, 6))
	flagged := map[string]int{}
	for range sweeps {
		for _, c := range fill(r, 2000, 8).Checks() {
			if c.Flagged() {
				flagged[c.Name]++
			}
		}
	}
	t.Logf("of %d sweeps of 2,000 searches: %v", sweeps, flagged)
	if flagged["level"] < 90 || flagged["lanes"] < 99 || flagged["slope"] > 1 {
		t.Errorf("flagged sweeps by check: %v, want level at least 90, lanes at least 99, slope at most 1", flagged)
	}
}

func TestFewSearchesConcludeNothing(t *testing.T) {
	for _, c := range fill(rand.New(rand.NewPCG(4, 6)), 50, 8).Checks() {
		if c.Name != "slope" && !errors.Is(c.Err, ErrTooFew) {
			t.Errorf("%s draws a conclusion from 50 searches: %+v", c.Name, c)
		}
	}
	for _, c := range new(Law).Checks() {
		if !errors.Is(c.Err, ErrTooFew) || c.Flagged() {
			t.Errorf("%s draws a conclusion from no searches: %+v", c.Name, c)
		}
	}
}

// TestClassesAreWhole checks that every search belongs to exactly one class, and
// that the expected counts add up to the number of searches.
func TestClassesAreWhole(t *testing.T) {
	law := fill(rand.New(rand.NewPCG(5, 6)), 1000, 0)
	for _, zeros := range []int{1, 40} {
		for _, tries := range []uint64{1, 2, 3, 1 << 40, math.MaxUint64} {
			law.Add(zeros, tries)
		}
	}
	for _, classes := range [][]Class{law.Shape(), law.Residues()} {
		seen, expected := 0, 0.0
		for _, c := range classes {
			seen += c.Seen
			expected += c.Expected
		}
		if seen != 1010 || math.Abs(expected-1010) > 1e-6 {
			t.Errorf("%d seen, %v expected, want 1010", seen, expected)
		}
	}
}
