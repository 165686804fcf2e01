package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// fill draws searches that pass over every skip-th nonce; 0: over none.
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

// The p-values of sound searches are uniform: as often below 5 % as one in
// twenty says, or less where the law is discrete.
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
		t.Errorf("checks that were ever below 5 %%: %v, want four", small)
	}
	for name, n := range small {
		if i := Share(n, sweeps, 0.999); i.Lo > 0.05 || i.Hi < 0.03 {
			t.Errorf("%s: %d of %d p-values are below 5 %%", name, n, sweeps)
		}
	}
}

// What each check is there to see. A search that passes over every eighth nonce
// takes 8/7 of the tries, at every difficulty: the slope cannot tell.
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
		t.Errorf("%v", flagged)
	}
}

func TestFewSearchesConcludeNothing(t *testing.T) {
	for _, c := range fill(rand.New(rand.NewPCG(4, 6)), 50, 8).Checks() {
		if c.Name != "slope" && !errors.Is(c.Err, ErrTooFew) {
			t.Errorf("%s concludes from 50 searches: %+v", c.Name, c)
		}
	}
	for _, c := range new(Law).Checks() {
		if !errors.Is(c.Err, ErrTooFew) || c.Flagged() {
			t.Errorf("%s concludes from nothing: %+v", c.Name, c)
		}
	}
}

// Every search falls into one class, and as many are expected in all.
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
