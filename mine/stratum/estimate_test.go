package stratum

import (
	"math"
	"testing"
	"time"
)

// The limits are those of the tables for the Poisson distribution (Garwood 1936).
func TestEstimateRate(t *testing.T) {
	for _, test := range []struct {
		shares    int
		low, high float64 // shares
	}{
		{2, 0.2422, 7.225}, {5, 1.623, 11.668}, {10, 4.795, 18.390}, {18, 10.668, 28.448}, {90, 72.37, 110.63}, {1000, 938.97, 1063.96},
	} {
		const worth = 1 << 32
		r := EstimateRate(test.shares, float64(test.shares)*worth, time.Minute)
		for _, limit := range []struct{ got, want float64 }{{r.Low, test.low}, {r.High, test.high}, {r.Hashes, float64(test.shares)}} {
			got := limit.got * 60 / worth
			if tolerance := 0.01 * float64(test.shares); math.Abs(got-limit.want) > tolerance {
				t.Errorf("%d shares: %v, want %v", test.shares, got, limit.want)
			}
		}
	}
	if r := EstimateRate(0, 0, time.Minute); r.Hashes != 0 || r.Low != 0 || !math.IsInf(r.High, 1) {
		t.Errorf("no share: %+v", r)
	}
	if r := EstimateRate(3, 3, 0); r.Hashes != 0 || !math.IsInf(r.High, 1) {
		t.Errorf("no time: %+v", r)
	}
}
