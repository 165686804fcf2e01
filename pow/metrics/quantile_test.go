package metrics_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/lodepow/lode/pow"
	"github.com/lodepow/lode/pow/metrics"
)

// quantile estimates a quantile from the buckets of a histogram in the same way as
// histogram_quantile of Prometheus: it interpolates within the bucket.
func quantile(h *dto.Histogram, q float64) float64 {
	rank := q * float64(h.GetSampleCount())
	var from, before float64
	for _, b := range h.GetBucket() {
		count := float64(b.GetCumulativeCount())
		if count >= rank {
			return from + (b.GetUpperBound()-from)*(rank-before)/(count-before)
		}
		from, before = b.GetUpperBound(), count
	}
	return from // beyond the last bucket
}

// checkQuantiles fails unless each quantile from the buckets is within a factor of 2 of
// the same quantile of the observed values themselves. Below 5 µs, where the least bucket
// ends, it need only be in that bucket.
func checkQuantiles(t *testing.T, h *dto.Histogram, observed []float64) {
	t.Helper()
	if got := h.GetSampleCount(); got != uint64(len(observed)) {
		t.Fatalf("%d times in the histogram, want %d", got, len(observed))
	}
	slices.Sort(observed)
	const least = 5e-6
	for _, q := range []float64{.01, .05, .25, .5, .75, .95, .99, 1} {
		want := observed[int(math.Ceil(q*float64(len(observed))))-1]
		got := quantile(h, q)
		if want <= least && got > least || want > least && (got > 2*want || got < want/2) {
			t.Errorf("quantile %v is %v s from the buckets, but %v s in truth", q, got, want)
		}
	}
}

// TestQuantilesOfTutorialBlocks mines for real with the tutorial's difficulty of 2, which
// is 8 zero bits, and with 2 bits more. The blocks take microseconds or milliseconds.
func TestQuantilesOfTutorialBlocks(t *testing.T) {
	for _, zeros := range []int{8, 10} {
		e, reg := portable(t, pow.Config{Workers: 1})
		var observed []float64
		e.Observe(pow.Observer{BlockFound: func(took time.Duration) { observed = append(observed, took.Seconds()) }})
		for i := range 60 {
			job := pow.Job{Header: pow.Header{Version: int32(i)}, Target: pow.ZerosTarget(zeros)}
			if _, err := e.Mine(t.Context(), func() (pow.Job, error) { return job, nil }); err != nil {
				t.Fatal(err)
			}
		}
		h := gather(t, reg)["lode_time_to_block_seconds"].GetMetric()[0].GetHistogram()
		checkQuantiles(t, h, observed)
	}
}

// TestQuantilesOfLabBlocks draws the times that blocks take on the network lab, whose
// spacing is 10 seconds, and on one whose blocks take a thousand times less or more.
func TestQuantilesOfLabBlocks(t *testing.T) {
	for _, mean := range []time.Duration{10 * time.Millisecond, 10 * time.Second, 20 * time.Minute} {
		clock := time.Unix(0, 0)
		e, err := pow.New(pow.Config{Kernel: "portable", Workers: 1, Now: func() time.Time { return clock }})
		if err != nil {
			t.Fatal(err)
		}
		reg := prometheus.NewPedanticRegistry()
		if err := metrics.Register(reg, e); err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		var observed []float64
		for range 2000 {
			took := time.Duration(random.ExpFloat64() * float64(mean))
			observed = append(observed, took.Seconds())
			start := clock
			clock = clock.Add(took)
			e.ReportBlock(start)
		}
		h := gather(t, reg)["lode_time_to_block_seconds"].GetMetric()[0].GetHistogram()
		checkQuantiles(t, h, observed)
	}
}
