package bench

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/lodepow/lode/bench/raw"
	"github.com/lodepow/lode/bench/stats"
	"github.com/lodepow/lode/pow"
)

// TestSameTries checks that, for the same seed, every kernel on any number of
// workers takes the same number of tries, and that another seed leads to other
// numbers.
func TestSameTries(t *testing.T) {
	tries := func(seed uint64, k pow.Kernel, workers int) []float64 {
		var all []float64
		for _, zeros := range []int{8, 12} {
			c := searchCase(Config{Seed: seed, Rate: 1}, zeros, k, workers)
			c.Ops = 16
			r, err := c.Measure(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			v, ok := r.Value("tries/op")
			if !ok || v < 1 {
				t.Fatalf("%s: no tries/op in %+v", c.Name, r.Values)
			}
			all = append(all, v)
		}
		return all
	}
	var want []float64
	for _, k := range pow.Kernels() {
		if why := missing(k); why != "" {
			t.Logf("NOT TESTED: %s", why)
			continue
		}
		for _, workers := range []int{1, 2, 5} {
			got := tries(7, k, workers)
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("kernel %s on %d workers: tries/op %v, want %v", k.Name(), workers, got, want)
			}
			if other := tries(8, k, workers); slices.Equal(other, want) {
				t.Errorf("kernel %s: seeds 7 and 8 lead to the same tries", k.Name())
			}
		}
	}
}

// passOver returns a search that behaves like a faulty kernel which skips every
// eighth nonce.
func passOver(search SearchFunc) SearchFunc {
	return func(ctx context.Context, job pow.Job) (pow.Result, error) {
		first := job.First
		for {
			r, err := search(ctx, job)
			if err != nil || r.Header.Nonce%8 != 7 {
				r.Tries += uint64(job.First - first)
				return r, err
			}
			job.First = r.Header.Nonce + 1
		}
	}
}

// startSearches returns a run of searches whose tries are added to law.
func startSearches(seed uint64, zeros int, search SearchFunc, law *stats.Law) *Run {
	c := Config{Seed: seed, Record: func(s raw.Search) { law.Add(s.Zeros, s.Tries) }}
	return searches{zeros: zeros, stream: zeros}.start(c, search)
}

// sweepLaw makes searches of 8 zeros up to LODE_SWEEP_ZEROS (by default 20, or 16
// with -short), fewer of them the harder they are, and returns their statistics.
func sweepLaw(t *testing.T, seed uint64, wrap func(SearchFunc) SearchFunc) *stats.Law {
	t.Helper()
	last, err := strconv.Atoi(os.Getenv("LODE_SWEEP_ZEROS"))
	if err != nil {
		last = 20
		if testing.Short() {
			last = 16
		}
	}
	engine, err := pow.New(pow.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var law stats.Law
	for zeros := 8; zeros <= last; zeros += 2 {
		run := startSearches(seed, zeros, wrap(engine.Search), &law)
		for range max(6, min(1500, 1<<22>>zeros)) {
			if err := run.Op(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &law
}

// TestSweep checks that the tries of real searches follow the geometric law. It
// always uses the same seed, so it cannot fail by chance.
func TestSweep(t *testing.T) {
	law := sweepLaw(t, 1, func(s SearchFunc) SearchFunc { return s })
	covered := 0
	points := law.Points()
	for _, p := range points {
		i := stats.MeanTries(p.N, p.Total, 0.95)
		mean := stats.Zeros(p.Zeros).Mean()
		t.Logf("%d zeros: %d searches, tries/op over 2^zeros %.3f, 95 %% between %.3f and %.3f",
			p.Zeros, p.N, float64(p.Total)/float64(p.N)/mean, i.Lo/mean, i.Hi/mean)
		if i.Contains(mean) {
			covered++
		}
	}
	if share := stats.Share(covered, len(points), 0.999); share.Hi < 0.95 {
		t.Errorf("only %d of %d intervals contain 2^zeros", covered, len(points))
	}
	for _, c := range law.Checks() {
		t.Logf("%s: p = %.3g, %s", c.Name, c.P, c.Detail)
		if c.Err != nil || c.Flagged() {
			t.Errorf("%s: p = %v, %v", c.Name, c.P, c.Err)
		}
	}
}

// TestBiasedSweep shows that the checks detect a kernel that skips every eighth
// nonce. Such a kernel takes 8/7 of the expected tries. With n searches this
// deviates by 0.143*sqrt(n) standard errors from the law: 9.4 for the 4,366
// searches of this sweep, whereas 3.9 suffice to be flagged. The check "lanes"
// needs even fewer searches, because one lane in eight never has an answer.
func TestBiasedSweep(t *testing.T) {
	law := sweepLaw(t, 1, passOver)
	for _, c := range law.Checks() {
		t.Logf("%s: p = %.3g, %s", c.Name, c.P, c.Detail)
		if want := c.Name != "slope"; c.Flagged() != want { // the bias does not change the slope
			t.Errorf("%s: p = %v: flagged %v, want %v", c.Name, c.P, c.Flagged(), want)
		}
	}
}

// TestSweepCoverage makes many small sweeps with real hashes, and checks that the
// share of their 95 % intervals that contain 2^zeros agrees with 95 %.
func TestSweepCoverage(t *testing.T) {
	const sweeps = 400
	engine, err := pow.New(pow.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	covered := 0
	for seed := range uint64(sweeps) {
		var law stats.Law
		run := startSearches(seed, 6, engine.Search, &law)
		for range 10 {
			if err := run.Op(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		p := law.Points()[0]
		if stats.MeanTries(p.N, p.Total, 0.95).Contains(64) {
			covered++
		}
	}
	share := stats.Share(covered, sweeps, 0.99)
	t.Logf("%d of %d intervals contain 2^6", covered, sweeps)
	if share.Hi < 0.95 || share.Lo > 0.97 {
		t.Errorf("%d of %d intervals of 95 %% contain the mean", covered, sweeps)
	}
}
