package stratum

import (
	"math"
	"time"
)

// Rate is a hash rate as shares tell it. The number of shares is random, so the rate is
// known only within an interval.
type Rate struct {
	Hashes    float64 // a second
	Low, High float64 // with 95 % confidence the true rate is between these
	Shares    int     // that the estimate rests on
}

// EstimateRate returns the rate at which shares worth the given number of hashes were
// found in a time. A share is worth the hashes that it takes on average, 1 /
// [pow.Target.Probability].
//
// The interval is that of a Poisson count of equal shares (Garwood), by the
// approximation of Wilson and Hilferty, which is within 1 % of the number of shares from
// the second share on.
func EstimateRate(shares int, hashes float64, d time.Duration) Rate {
	if d <= 0 {
		return Rate{High: math.Inf(1)}
	}
	r := Rate{Shares: shares, Hashes: hashes / d.Seconds()}
	if shares == 0 {
		r.Hashes = 0
		r.High = math.Inf(1) // what a share would have been worth is not known
		return r
	}
	const z = 1.959964 // of a normal distribution, for 95 %
	n := float64(shares)
	low := n * cube(1-1/(9*n)-z/(3*math.Sqrt(n)))
	high := (n + 1) * cube(1-1/(9*(n+1))+z/(3*math.Sqrt(n+1)))
	r.Low, r.High = max(0, r.Hashes*low/n), r.Hashes*high/n
	return r
}

func cube(x float64) float64 { return x * x * x }
